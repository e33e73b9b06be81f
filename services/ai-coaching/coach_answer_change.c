/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that propose: swap, load, day. */
#include <math.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_answer.h"

static bool
offer(struct coach_say *s, const struct coach_change *change)
{
	struct err err;

	err_init(&err);
	if (coach_proposal_make(s->facts, change, s->arena, &s->out->draft, &err) != STATUS_OK) {
		coach_say_line(s, COACH_LINE_REFUSED);
		coach_say(s, "%s", err_client_text(&err));
		return false;
	}
	s->out->has_draft = true;
	coach_say_line(s, COACH_LINE_PROPOSAL);
	coach_say(s, "%s\n", s->out->draft.proposal->reason);
	for (size_t i = 0; i < s->out->draft.proposal->n_diff; i++) {
		const Fit__AiCoaching__V1__DiffLine *line = s->out->draft.proposal->diff[i];

		coach_say(s, "- before: %s\n- after: %s\n", line->before, line->after);
	}
	for (size_t i = 0; i < s->out->draft.proposal->n_adjustments; i++)
		coach_say(s, "%s\n", s->out->draft.proposal->adjustments[i]);
	coach_say(s, "Nothing has changed yet: accept it, and it becomes the next version of your "
		     "plan.");
	return true;
}

/* The entry that a change is about; NULL: said why not. */
static const coach_entry *
which_entry(struct coach_say *s, const coach_exercise *e, unsigned day)
{
	const coach_entry *entry;

	if (s->facts->plan == NULL) {
		coach_say_no_plan(s);
		return NULL;
	}
	entry = coach_facts_entry(s->facts->plan, e->id, day);
	if (entry == NULL) {
		coach_say(s, "%s is not in ", e->name);
		coach_say_name(s, s->facts->plan->name);
		if (day > 0)
			coach_say(s, " on day %u", day);
		coach_say(s, ", so there is nothing to change.");
	}
	return entry;
}

void
coach_answer_swap(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "Swap bench press for dips"),
			     *to = s->r->exercises[1];
	struct coach_change change = { .type = COACH_CHANGE_SWAP, .exercise = to };

	if (e == NULL)
		return;
	/* "do dips instead of bench": the one that is in the plan goes. */
	if (to != NULL && s->facts->plan != NULL &&
	    coach_facts_entry(s->facts->plan, e->id, 0) == NULL &&
	    coach_facts_entry(s->facts->plan, to->id, 0) != NULL) {
		change.exercise = e;
		e = to;
		s->out->about = e;
	}
	if (to == NULL) {
		coach_answer_substitute(s);
		return;
	}
	change.entry = which_entry(s, e, s->r->from_day);
	if (change.entry != NULL)
		(void)offer(s, &change);
}

void
coach_answer_change_load(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "Set bench press to 80 kg");
	struct coach_change change = { .type = COACH_CHANGE_LOAD };
	struct coach_target t;
	struct coach_history h;
	struct coach_advice a;
	int64_t base;

	if (e == NULL)
		return;
	change.entry = which_entry(s, e, s->r->weekday ? 0 : s->r->day);
	if (change.entry == NULL)
		return;
	t = coach_facts_target(change.entry, e);
	coach_facts_history(s->facts, e->id, false, &h);
	a = coach_progress_next(&t, h.performances, h.n);
	base = t.grams > 0 ? t.grams : a.grams;
	if (s->r->has_weight && s->r->weight_kg <= 0 && s->r->delta_kg == 0)
		change.grams = 0;
	else if (s->r->weight_kg > 0)
		change.grams = llround(s->r->weight_kg * 1000);
	else if (s->r->delta_kg != 0 && base > 0)
		change.grams = base + llround(s->r->delta_kg * 1000);
	else
		change.grams = a.grams;
	if (change.grams <= 0) {
		coach_say(s, "Tell me the load, for example: \"Set %s to 40 kg\".", e->name);
		return;
	}
	(void)offer(s, &change);
}

static const char *
weekday_name(unsigned day)
{
	static const char *const names[] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
					     "Friday", "Saturday", "Sunday" };

	return names[(day - 1) % ARRAY_LEN(names)];
}

/* The day that has most sets for a muscle; 0: none has any. */
static unsigned
day_of_muscle(const struct coach_facts *facts, const char *muscle)
{
	unsigned sets[16] = { 0 }, best = 0;

	for (size_t i = 0; i < facts->plan->n_exercises; i++) {
		const coach_entry *entry = facts->plan->exercises[i];
		const coach_exercise *e = coach_library_find(facts->library, entry->exercise_id);
		unsigned day = coach_entry_day(entry);

		if (e == NULL || day >= ARRAY_LEN(sets) || !coach_exercise_trains(e, muscle))
			continue;
		sets[day] += (unsigned)entry->n_sets;
		if (best == 0 || sets[day] > sets[best])
			best = day;
	}
	return best;
}

static void
move_whole_day(struct coach_say *s)
{
	struct coach_change change = { .type = COACH_CHANGE_DAY, .day = s->r->day };

	if (s->facts->plan == NULL) {
		coach_say_no_plan(s);
		return;
	}
	change.from_day = s->r->from_day;
	if (change.from_day == 0 && s->r->whole_day)
		change.from_day = day_of_muscle(s->facts, s->r->muscle);
	if (change.from_day == 0)
		coach_say(s, "Tell me which day, for example: \"Move day 1 to day 4\".");
	else
		(void)offer(s, &change);
}

void
coach_answer_move_day(struct coach_say *s)
{
	struct coach_change change = { .type = COACH_CHANGE_DAY, .day = s->r->day };
	bool whole = s->r->exercises[0] == NULL && (s->r->from_day != 0 || s->r->whole_day);
	const coach_exercise *e = NULL;

	if (!whole)
		e = coach_say_which(s, "Move bench press to day 3");
	if (!whole && e == NULL)
		return;
	if (s->r->day == 0) {
		coach_say(s, "Tell me the day: \"Move %s to Thursday\" or \"to day 4\".",
			  e != NULL ? e->name : "leg day");
		return;
	}
	if (s->r->weekday)
		coach_say(s, "A plan counts its days; with Monday as day 1, %s is day %u.\n",
			  weekday_name(s->r->day), s->r->day);
	if (whole) {
		move_whole_day(s);
		return;
	}
	change.entry = which_entry(s, e, s->r->from_day);
	if (change.entry != NULL)
		(void)offer(s, &change);
}
