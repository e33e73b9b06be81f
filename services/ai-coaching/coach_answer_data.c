/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from the library and from what was logged. */
#include <math.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_answer.h"

#define SUBSTITUTES 3

static void
say_list(struct coach_say *s, char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		coach_say(s, "%s", i > 0 ? ", " : "");
		for (const char *p = list[i]; *p != '\0'; p++)
			coach_say(s, "%c", *p == '_' ? ' ' : *p);
	}
}

void
coach_answer_technique(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "How do I do a Romanian deadlift?");

	if (e == NULL)
		return;
	coach_say_line(s, COACH_LINE_TECHNIQUE);
	coach_say(s, "%s trains ", e->name);
	say_list(s, e->muscle_groups, e->n_muscle_groups);
	coach_say(s, ".\n");
	for (size_t i = 0; i < e->n_instructions; i++)
		coach_say(s, "%zu. %s\n", i + 1, e->instructions[i]);
	for (size_t i = 0; i < e->n_safety_notes; i++)
		coach_say(s, "Safety: %s\n", e->safety_notes[i]);
	coach_say(s, "I cannot see you: film a set from the side, or ask somebody who knows.");
}

struct candidate {
	const coach_exercise *exercise;
	double score;
};

/* The closest others, best first; ties by name. */
/* Whether it loads a part of the body that the message says hurts. */
static bool
loads_what_hurts(const struct coach_say *s, const coach_exercise *e)
{
	bool hurts = false;

	for (size_t i = 0; i < s->r->findings.n; i++)
		hurts |= strcmp(s->r->findings.rows[i]->topic, "injury") == 0;
	for (size_t i = 0; hurts && i < s->r->words.n; i++) {
		const struct coach_word *w = &s->r->words.w[i];
		char area[COACH_WORD_SIZE];
		size_t n = strlen(w->text);

		if (w->exercise >= 0 || n == 0)
			continue;
		memcpy(area, w->text, n + 1);
		if (area[n - 1] == 's')
			area[n - 1] = '\0';
		if (coach_exercise_touches(e, strcmp(area, "back") == 0 ? "lower_back" : area))
			return true;
	}
	return false;
}

static size_t
substitutes(struct coach_say *s, const coach_exercise *e, struct candidate *out)
{
	static const struct {
		const char *word, *equipment;
	} missing[] = {
		{ "barbell", "barbell" },       { "bench", "bench" },
		{ "machine", "machine" },       { "rack", "rack" },
		{ "dumbbells", "dumbbell" },    { "dumbbell", "dumbbell" },
		{ "cable", "cable" },           { "cables", "cable" },
		{ "bands", "resistance_band" },
	};
	const struct coach_words *words = &s->r->words;
	const char *without[8];
	size_t nwithout = 0, n = 0;
	bool home = false;

	for (size_t i = 0; i < words->n; i++) {
		home |= strcmp(words->w[i].text, "home") == 0 ||
			strcmp(words->w[i].text, "equipment") == 0;
		for (size_t k = 0; k < ARRAY_LEN(missing) && nwithout < ARRAY_LEN(without); k++) {
			if (words->w[i].exercise < 0 &&
			    strcmp(words->w[i].text, missing[k].word) == 0)
				without[nwithout++] = missing[k].equipment;
		}
	}
	for (size_t i = 0; i < coach_library_size(s->facts->library); i++) {
		const coach_exercise *other = coach_library_at(s->facts->library, i);
		double score = coach_exercise_similarity(e, other);
		size_t at;
		bool fits =
			other != e && score > 0.25 && strcmp(other->movement, e->movement) == 0 &&
			coach_facts_forbids(s->facts, other) == NULL && !loads_what_hurts(s, other);

		for (size_t k = 0; k < nwithout; k++)
			fits = fits && !coach_exercise_uses(other, without[k]);
		if (home)
			fits = fits &&
			       (coach_exercise_uses(other, "none") ||
				coach_exercise_uses(other, "dumbbell") ||
				coach_exercise_uses(other, "resistance_band")) &&
			       other->n_equipment_required == 1;
		if (strcmp(s->facts->level, "beginner") == 0 || *s->facts->level == '\0')
			fits = fits && strcmp(other->difficulty_level, "advanced") != 0;
		if (!fits)
			continue;
		for (at = n; at > 0 && (out[at - 1].score < score ||
					(out[at - 1].score == score &&
					 coach_exercise_order(out[at - 1].exercise, other) > 0));
		     at--)
			;
		if (at == SUBSTITUTES)
			continue;
		if (n < SUBSTITUTES)
			n++;
		memmove(&out[at + 1], &out[at], (n - 1 - at) * sizeof(*out));
		out[at] = (struct candidate){ other, score };
	}
	return n;
}

void
coach_answer_substitute(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "What can I do instead of bench press?");
	struct candidate list[SUBSTITUTES];
	size_t n;

	if (e == NULL)
		return;
	coach_say_line(s, COACH_LINE_SUBSTITUTE);
	n = substitutes(s, e, list);
	if (n == 0) {
		coach_say(s, "I know nothing that comes near %s with that; leave it out today.",
			  e->name);
		return;
	}
	coach_say(s, "For %s:\n", e->name);
	for (size_t i = 0; i < n; i++) {
		coach_say(s, "- %s (%.0f %% of the same muscles; needs ", list[i].exercise->name,
			  100 * list[i].score);
		say_list(s, list[i].exercise->equipment_required,
			 list[i].exercise->n_equipment_required);
		coach_say(s, ")\n");
	}
	coach_say(s, "Say \"swap %s for %s\" and I propose it for your plan.", e->name,
		  list[0].exercise->name);
}

static void
say_record(struct coach_say *s, const Fit__Workout__V1__PersonalRecord *record)
{
	const coach_exercise *e = coach_library_find(s->facts->library, record->exercise_id);

	coach_say(s, "- %s: ", e != NULL ? e->name : "an exercise");
	if (strcmp(record->kind, "e1rm") == 0)
		coach_say(s, "e1RM %s", coach_say_weight(s, llround(record->value * 1000)));
	else
		coach_say(s, "%u × %s", record->reps,
			  coach_say_weight(s, llround(record->weight * 1000)));
	coach_say(s, " (before: %s)\n",
		  coach_say_weight(s, llround(record->previous_value * 1000)));
}

void
coach_answer_progress(struct coach_say *s)
{
	const Fit__Workout__V1__Progress *p = s->facts->progress;
	const Fit__Workout__V1__WeekProgress *now, *last;

	coach_say_line(s, COACH_LINE_PROGRESS);
	if (p == NULL || p->n_weeks < 2 || p->sessions == 0) {
		coach_say(s, "There is no completed session in the last weeks yet. Log one, and I "
			     "can tell you more.");
		return;
	}
	now = p->weeks[p->n_weeks - 1];
	last = p->weeks[p->n_weeks - 2];
	coach_say(s,
		  "This week: %u session%s, %u sets, %s moved. Last week: %u session%s, %u "
		  "sets, %s.\n",
		  now->sessions, now->sessions == 1 ? "" : "s", now->sets,
		  coach_say_weight(s, llround(now->volume_load * 1000)), last->sessions,
		  last->sessions == 1 ? "" : "s", last->sets,
		  coach_say_weight(s, llround(last->volume_load * 1000)));
	coach_say(s, "Over %zu weeks: %u sessions, %u sets, %s.\n", p->n_weeks, p->sessions,
		  p->sets, coach_say_weight(s, llround(p->volume_load * 1000)));
	if (p->streak != NULL)
		coach_say(s, "Streak: %u week%s (longest %u).\n", p->streak->current_weeks,
			  p->streak->current_weeks == 1 ? "" : "s", p->streak->longest_weeks);
	for (size_t i = 0; i < s->facts->nrecords && i < 3; i++)
		say_record(s, s->facts->records[i]);
}

void
coach_answer_records(struct coach_say *s)
{
	const coach_exercise *e = s->r->exercises[0];
	unsigned n = 0;

	coach_say_line(s, COACH_LINE_PROGRESS);
	for (size_t i = 0; i < s->facts->nrecords && n < 5; i++) {
		if (e != NULL && strcmp(e->id, s->facts->records[i]->exercise_id) != 0)
			continue;
		say_record(s, s->facts->records[i]);
		n++;
	}
	if (n == 0)
		coach_say(s, "No records%s%s yet: a record needs an earlier session to beat.",
			  e != NULL ? " for " : "", e != NULL ? e->name : "");
}

void
coach_answer_exercise_progress(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "How is my squat going?");
	struct coach_point points[32];
	struct coach_history h;
	int64_t best;
	size_t n;

	if (e == NULL)
		return;
	coach_say_line(s, COACH_LINE_PROGRESS);
	coach_facts_history(s->facts, e->id, true, &h);
	best = coach_facts_best_e1rm(s->facts, e->id);
	if (h.n == 0) {
		coach_say(s, "You have not logged %s in your recent sessions.", e->name);
		return;
	}
	coach_say(s, "%s, last time:", e->name);
	for (size_t i = 0; i < h.performances[0].n; i++)
		coach_say(s, "%s %u × %s", i > 0 ? "," : "", h.performances[0].sets[i].reps,
			  coach_say_weight(s, h.performances[0].sets[i].grams));
	coach_say(s, ".");
	if (best > 0)
		coach_say(s, " Best e1RM: %s (an estimate).", coach_say_weight(s, best));
	n = coach_facts_weekly_e1rm(s->facts, e->id, points, ARRAY_LEN(points));
	if (n >= 2)
		coach_say(
			s,
			" Weekly best e1RM went from %s to %s over %zu weeks with data (%+.1f %%).",
			coach_say_weight(s, llround(points[0].e1rm * 1000)),
			coach_say_weight(s, llround(points[n - 1].e1rm * 1000)), n,
			100 * (points[n - 1].e1rm / points[0].e1rm - 1));
}

static void
say_muscle(struct coach_say *s, const char *muscle, struct coach_range range)
{
	static const char *const words[] = { "below", "inside", "above", "far above" };
	static const char *const doing[] = {
		"add a set or two for it", "keep it", "hold or take a set off if recovery suffers",
		"take sets off: beyond 22 they add fatigue, hardly growth"
	};
	double sets = coach_facts_weekly_sets(s->facts, muscle);
	enum coach_volume v = coach_weekly_verdict(sets, range);
	char *name = muscle != NULL ? arena_strdup(s->arena, muscle) : NULL;

	for (char *p = name; p != NULL && *p != '\0'; p++)
		*p = *p == '_' ? ' ' : *p;
	coach_say(s, "- %s: %.1f sets a week, %s the range of %u–%u: %s.\n", name, sets, words[v],
		  range.min, range.max, doing[v]);
}

void
coach_answer_weekly_sets(struct coach_say *s)
{
	static const char *const all[] = { "chest",      "upper_back", "lats",      "shoulders",
					   "quadriceps", "hamstrings", "glutes",    "biceps",
					   "triceps",    "calves",     "abdominals" };
	const char *muscle = s->r->muscle;
	struct coach_range range;
	size_t said = 0;

	if (muscle == NULL && s->r->exercises[0] != NULL && s->r->exercises[0]->n_muscle_groups > 0)
		muscle = s->r->exercises[0]->muscle_groups[0];
	coach_say_line(s, COACH_LINE_PROGRESS);
	if (s->facts->progress == NULL || s->facts->progress->sessions == 0) {
		coach_say(s, "There is nothing logged to count yet. For most muscles 10 to 20 hard "
			     "sets a week fit; beginners do well with 6 to "
			     "12.");
		return;
	}
	coach_say(
		s,
		"Mean of the last four full weeks; a muscle that only helps counts half a set:\n");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if ((muscle != NULL && strcmp(muscle, all[i]) != 0) ||
		    !coach_weekly_range(all[i], s->facts->level, &range))
			continue;
		say_muscle(s, all[i], range);
		said++;
	}
	if (said == 0)
		coach_say(s, "I have no weekly range for that muscle: %.1f sets a week.\n",
			  muscle != NULL ? coach_facts_weekly_sets(s->facts, muscle) : 0.0);
}

static void
say_trend(struct coach_say *s, const coach_exercise *e, const struct coach_plateau *p)
{
	struct coach_fatigue f = coach_facts_fatigue(s->facts);
	unsigned score = coach_fatigue_score(&f);

	switch (p->trend) {
	case COACH_TREND_RISING:
		coach_say(s,
			  "%s is still going up: %+.2f %% a week over the last six weeks (%zu "
			  "points). No plateau; stay on course.",
			  e->name, p->slope, p->points);
		break;
	case COACH_TREND_PLATEAU:
	case COACH_TREND_FALLING:
		coach_say(s, "%s is %s: %+.2f %% a week over the last six weeks (%zu points). ",
			  e->name, p->trend == COACH_TREND_PLATEAU ? "on a plateau" : "going down",
			  p->slope, p->points);
		if (score >= COACH_DELOAD_AT || p->trend == COACH_TREND_FALLING)
			coach_say(s,
				  "With %u of 5 signs of fatigue, take an easy week first: half "
				  "the sets at 60 to 80 %% of the load.",
				  score);
		else
			coach_say(s,
				  "With %u of 5 signs of fatigue you recover well: add about 20 "
				  "%% sets for it, or change the repetition range "
				  "or the variation for some weeks.",
				  score);
		break;
	default:
		coach_say(s,
			  "I cannot call %s a plateau or not: I need at least 4 weeks with a "
			  "good set in six, three weeks in a row, and 75 %% "
			  "of the planned sessions (now %zu points, %.0f %%).",
			  e->name, p->points, 100 * coach_facts_adherence(s->facts));
	}
}

void
coach_answer_plateau(struct coach_say *s)
{
	const coach_exercise *e = coach_say_which(s, "Am I stuck on the bench press?");
	struct coach_point points[64];
	struct coach_plateau p;
	size_t n;

	if (e == NULL)
		return;
	coach_say_line(s, COACH_LINE_PROGRESS);
	n = coach_facts_weekly_e1rm(s->facts, e->id, points, ARRAY_LEN(points));
	p = coach_plateau(points, n, coach_facts_week(s->facts->now_ms),
			  strcmp(s->facts->level, "beginner") == 0 || *s->facts->level == '\0',
			  coach_facts_adherence(s->facts));
	say_trend(s, e, &p);
}

void
coach_answer_deload(struct coach_say *s)
{
	struct coach_fatigue f = coach_facts_fatigue(s->facts);
	unsigned score = coach_fatigue_score(&f);
	const struct {
		bool is;
		const char *text;
	} signs[] = {
		{ f.missed_reps, "fewer repetitions at the same load in two or more exercises" },
		{ f.effort_drift, "the same load feels a point of RPE harder" },
		{ f.strength_drop, "an e1RM is down by 3 % or more" },
		{ f.low_energy, "low energy in your last three sessions" },
		{ f.long_block, "six weeks or more without an easy one" },
	};

	coach_say_line(s, COACH_LINE_ADVICE);
	coach_say(s, "%u of 5 signs of fatigue", score);
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (signs[i].is)
			coach_say(s, "\n- %s", signs[i].text);
	}
	coach_say(s, "%s\n", score == 0 ? "." : "");
	coach_say(s, score >= COACH_DELOAD_AT
			     ? "Take a deload now: 5 to 7 days, half the sets, 60 to 80 %% of the "
			       "loads, two more repetitions in reserve."
			     : "No deload needed by the numbers (from 3 on I advise one). If you "
			       "feel worn out all the same, an easy week costs "
			       "nothing: half the sets at 60 to 80 %% of the loads.");
}
