/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about what to do: next session, loads, effort, rest, warm-up. */
#include <math.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_answer.h"

#define QUOTED_MAX 60
#define LAST_EXERCISES 12
#define LAST_SETS 12

void
coach_say_name(struct coach_say *s, const char *name)
{
	struct strbuf quoted = STRBUF_ARENA(s->arena);

	coach_text_quote(slice_str(name), QUOTED_MAX, &quoted);
	coach_say(s, "“%s”", strbuf_cstr(&quoted));
}

void
coach_say_no_plan(struct coach_say *s)
{
	coach_say(s, "You have no active plan that I can read. Create one, or open a plan and ask "
		     "again; about exercises and your "
		     "logged sets I can answer all the same.");
}

static const char *
reason_of(enum coach_step step)
{
	static const char *const reasons[] = {
		[COACH_STEP_START] =
			"not logged yet: start as planned, with 2 to 3 repetitions in reserve",
		[COACH_STEP_ADD_LOAD] =
			"every set reached the top of the range, so the load goes up and the "
			"repetitions start low again",
		[COACH_STEP_ADD_REPS] =
			"same load, one repetition more, until every set is at the top of the "
			"range",
		[COACH_STEP_HOLD_EFFORT] =
			"the top was reached, but at RPE 9 or more: own it once more before "
			"adding load",
		[COACH_STEP_HOLD_MISSED] = "a set stayed below the range: the same again",
		[COACH_STEP_BACK_5] =
			"missed by two or more twice in a row: 5 % off, then build up again",
		[COACH_STEP_BACK_10] =
			"missed by two or more three times in a row: 10 % off, then build up again",
	};

	return reasons[step];
}

void
coach_say_advice(struct coach_say *s, const coach_entry *entry, const coach_exercise *exercise,
		 bool with_reason)
{
	struct coach_target t = coach_facts_target(entry, exercise);
	struct coach_history h;
	struct coach_advice a;

	coach_facts_history(s->facts, exercise->id, false, &h);
	a = coach_progress_next(&t, h.performances, h.n);
	if (t.reps_min == 0) {
		coach_say(s, "%s: %s", exercise->name,
			  coach_proposal_sets_text(entry, s->facts->pounds, s->arena));
		return;
	}
	if (s->facts->minor || s->facts->pregnant) {
		coach_say(s, "%s: %u sets, ", exercise->name, t.sets);
		(void)coach_say_no_load(s);
		return;
	}
	coach_say(s, "%s: %u × ", exercise->name, t.sets);
	if (a.reps_max > a.reps_min)
		coach_say(s, "%u–%u", a.reps_min, a.reps_max);
	else
		coach_say(s, "%u", a.reps_min);
	if (a.grams > 0)
		coach_say(s, " at %s", coach_say_weight(s, a.grams));
	if (with_reason)
		coach_say(s, " (%s)", reason_of(a.step));
}

/* The entry of a running session that is not done yet. */
static bool
say_running(struct coach_say *s)
{
	const coach_session *session = s->facts->session;

	if (session == NULL || strcmp(session->status, "in_progress") != 0)
		return false;
	for (size_t i = 0; i < session->n_exercises; i++) {
		const Fit__Workout__V1__SessionExercise *e = session->exercises[i];
		const coach_exercise *exercise =
			coach_library_find(s->facts->library, e->exercise_id);
		const coach_entry *entry = coach_facts_entry(s->facts->plan, e->exercise_id, 0);
		struct coach_target t;
		unsigned done = 0;

		if (exercise == NULL || entry == NULL || e->skipped)
			continue;
		t = coach_facts_target(entry, exercise);
		for (size_t k = 0; k < e->n_sets; k++)
			done += strcmp(e->sets[k]->type, "warmup") != 0;
		if (done >= t.sets)
			continue;
		coach_say(s, "Set %u of %u. ", done + 1, t.sets);
		coach_say_advice(s, entry, exercise, true);
		s->out->about = exercise;
		return true;
	}
	coach_say(s, "All planned sets of this session are done: complete it, and rest.");
	return true;
}

void
coach_answer_next(struct coach_say *s)
{
	const coach_plan *plan = s->facts->plan;
	/* A weekday asks when, not which: days come one after the other. */
	unsigned day = s->r->day > 0 && !s->r->weekday ? s->r->day : coach_facts_next_day(s->facts);
	unsigned n = 0;

	coach_say_line(s, COACH_LINE_NEXT);
	if (say_running(s))
		return;
	if (plan == NULL || day == 0) {
		coach_say_no_plan(s);
		return;
	}
	coach_say(s, "Day %u of ", day);
	coach_say_name(s, plan->name);
	coach_say(s, "%s.\n",
		  s->r->weekday ? ", on whichever day you train next: its days are not weekdays"
				: "");
	for (size_t i = 0; i < plan->n_exercises; i++) {
		const coach_exercise *e =
			coach_library_find(s->facts->library, plan->exercises[i]->exercise_id);

		if (coach_entry_day(plan->exercises[i]) != day || e == NULL)
			continue;
		coach_say(s, "- ");
		coach_say_advice(s, plan->exercises[i], e, true);
		if (coach_facts_forbids(s->facts, e) != NULL)
			coach_say(s,
				  " — careful: your profile names your %s; ask me for a substitute",
				  coach_facts_forbids(s->facts, e)->body_area);
		coach_say(s, "\n");
		n++;
	}
	if (n == 0)
		coach_say(s, "That day has no exercises.\n");
	coach_say(s, "%s", coach_voice_line(s->personality, COACH_LINE_CLOSE));
}

/* "3 sets, …" as in the session: at most so many exercises, and sets of each. */
void
coach_answer_last(struct coach_say *s)
{
	const coach_session *last = NULL;

	for (size_t i = 0; last == NULL && i < s->facts->nsessions; i++) {
		if (strcmp(s->facts->sessions[i]->status, "completed") == 0)
			last = s->facts->sessions[i];
	}
	coach_say_line(s, COACH_LINE_PROGRESS);
	if (last == NULL) {
		coach_say(s, "You have not completed a session yet.");
		return;
	}
	coach_say(s, "Your last session:\n");
	for (size_t i = 0; i < last->n_exercises && i < LAST_EXERCISES; i++) {
		const Fit__Workout__V1__SessionExercise *entry = last->exercises[i];
		const coach_exercise *e = coach_library_find(s->facts->library, entry->exercise_id);

		coach_say(s, "- %s:", e != NULL ? e->name : "an exercise of your own");
		for (size_t k = 0; k < entry->n_sets && k < LAST_SETS; k++) {
			int64_t grams = llround(entry->sets[k]->weight * 1000);

			coach_say(s, "%s %u", k > 0 ? "," : "", entry->sets[k]->reps);
			if (grams > 0)
				coach_say(s, " × %s", coach_say_weight(s, grams));
		}
		coach_say(s, "%s\n",
			  entry->skipped       ? " left out"
			  : entry->n_sets == 0 ? " no sets"
					       : "");
	}
}

void
coach_answer_why(struct coach_say *s)
{
	const coach_exercise *e =
		s->r->exercises[0] != NULL ? s->r->exercises[0] : s->facts->last_exercise;
	const coach_entry *entry = e != NULL ? coach_facts_entry(s->facts->plan, e->id, 0) : NULL;
	struct coach_history h;

	coach_say_line(s, COACH_LINE_ADVICE);
	if (entry == NULL) {
		coach_say(s, "The next day is the one after the last that you completed. Loads "
			     "follow double progression: repetitions "
			     "grow inside of their range, and when every set is at the top without "
			     "RPE 9, the load goes up one step and "
			     "the repetitions start low again. Missing the range by two or more "
			     "twice takes 5 %% off.");
		return;
	}
	s->out->about = e;
	coach_facts_history(s->facts, e->id, false, &h);
	coach_say_advice(s, entry, e, true);
	coach_say(s, ".");
	if (h.n > 0) {
		coach_say(s, " Last time:");
		for (size_t i = 0; i < h.performances[0].n; i++) {
			const struct coach_set *set = &h.performances[0].sets[i];

			coach_say(s, "%s %u × %s", i > 0 ? "," : "", set->reps,
				  coach_say_weight(s, set->grams));
			if (set->rpe_halves > 0)
				coach_say(s, " at RPE %g", set->rpe_halves / 2.0);
		}
		coach_say(s, ".");
	}
}

void
coach_answer_load(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "How much should I bench press today?");
	const coach_entry *entry;
	int64_t best;

	if (e == NULL)
		return;
	entry = coach_facts_entry(s->facts->plan, e->id, 0);
	coach_say_line(s, COACH_LINE_ADVICE);
	if (entry != NULL) {
		coach_say_advice(s, entry, e, true);
		coach_say(s, ".");
		return;
	}
	if (s->facts->minor || s->facts->pregnant) {
		coach_say(s, "%s: ", e->name);
		(void)coach_say_no_load(s);
		coach_say(s, ".");
		return;
	}
	best = coach_facts_best_e1rm(s->facts, e->id);
	if (best > 0)
		coach_say(s,
			  "%s is not in your plan. From your best e1RM of %s, 8 repetitions "
			  "with 2 in reserve are about %s.",
			  e->name, coach_say_weight(s, best),
			  coach_say_weight(s, coach_round(coach_load_for(best, 8, 2), 2500)));
	else
		coach_say(s,
			  "You have not logged %s yet. Start light, and add weight set by set "
			  "until 8 to 12 repetitions leave 2 to 3 "
			  "in reserve.",
			  e->name);
}

void
coach_answer_rpe(struct coach_say *s)
{
	const coach_exercise *e =
		s->r->exercises[0] != NULL ? s->r->exercises[0] : s->facts->last_exercise;
	int64_t grams = llround(s->r->weight_kg * 1000), change;
	struct coach_history h = { .n = 0 };

	coach_say_line(s, COACH_LINE_ADVICE);
	coach_say(s,
		  "RPE is how hard a set was: 10 minus the repetitions you had left. RPE 8 means "
		  "2 in reserve. Aim for 7 to 9 in most "
		  "sets; beginners stay away from failure.");
	if (s->r->rpe == 0 || s->facts->minor || s->facts->pregnant)
		return;
	if (e != NULL && grams == 0) {
		coach_facts_history(s->facts, e->id, true, &h);
		if (h.n > 0)
			grams = h.performances[0].sets[h.performances[0].n - 1].grams;
	}
	if (grams == 0) {
		coach_say(s, " At RPE %g: %s.", s->r->rpe,
			  s->r->rpe > 8   ? "take 2.5 to 5 kg off the next set"
			  : s->r->rpe < 8 ? "add 2.5 kg to the next set"
					  : "stay there");
		return;
	}
	change = coach_rpe_change(16, (unsigned)lround(s->r->rpe * 2), grams, 2500);
	coach_say(s, " For RPE 8 after a set at RPE %g with %s: next set %s (%s%g kg).", s->r->rpe,
		  coach_say_weight(s, grams), coach_say_weight(s, grams + change),
		  change > 0 ? "+" : "", (double)change / 1000);
}

void
coach_answer_rest(struct coach_say *s)
{
	const coach_exercise *e = s->r->exercises[0];
	const coach_entry *entry = e != NULL ? coach_facts_entry(s->facts->plan, e->id, 0) : NULL;

	coach_say_line(s, COACH_LINE_ADVICE);
	if (entry != NULL && entry->rest_time > 0)
		coach_say(s, "Your plan says %u seconds between sets of %s. ", entry->rest_time,
			  e->name);
	coach_say(s, "Heavy lifts of 1 to 6 repetitions: 3 to 5 minutes. Sets of 6 to 15 of large "
		     "lifts: 2 to 3 minutes. Small muscles: 1 to 2 "
		     "minutes. If the next set drops by more than two repetitions, rest longer.");
}

void
coach_answer_warmup(struct coach_say *s)
{
	const coach_exercise *e =
		s->r->exercises[0] != NULL ? s->r->exercises[0] : s->facts->last_exercise;
	const coach_entry *entry = e != NULL ? coach_facts_entry(s->facts->plan, e->id, 0) : NULL;
	int64_t grams = llround(s->r->weight_kg * 1000);

	coach_say_line(s, COACH_LINE_ADVICE);
	if (grams == 0 && entry != NULL) {
		struct coach_target t = coach_facts_target(entry, e);
		struct coach_history h;

		coach_facts_history(s->facts, e->id, false, &h);
		grams = coach_progress_next(&t, h.performances, h.n).grams;
	}
	coach_say(s, "Five minutes easy movement, then the exercise itself.");
	if (grams > 0 && !s->facts->minor && !s->facts->pregnant)
		coach_say(s, " For %s: 10 × empty or light, 5 × %s, 3 × %s, 1 × %s.",
			  coach_say_weight(s, grams),
			  coach_say_weight(s, coach_round(grams * 50 / 100, 2500)),
			  coach_say_weight(s, coach_round(grams * 70 / 100, 2500)),
			  coach_say_weight(s, coach_round(grams * 85 / 100, 2500)));
	else
		coach_say(s, " 10 repetitions very light, 5 at half, 3 at 70 %% and 1 at 85 %% of "
			     "your working load.");
	coach_say(s, " Warm-up sets are never hard.");
}

void
coach_answer_frequency(struct coach_say *s)
{
	unsigned last, days = s->facts->plan != NULL ? coach_facts_days(s->facts->plan, &last) : 0;

	coach_say_line(s, COACH_LINE_ADVICE);
	coach_say(s, "Train each large muscle about twice a week and keep at least one full day of "
		     "rest in seven; at equal weekly sets, more "
		     "days change little for size.");
	if (days > 0)
		coach_say(s,
			  " Your plan has %u training day%s, and you kept %.0f %% of it over "
			  "the last four weeks.",
			  days, days == 1 ? "" : "s", 100 * coach_facts_adherence(s->facts));
}
