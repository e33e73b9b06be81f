/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_facts.h"

#include <math.h>

#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_time.h"

#define WEEK_MS INT64_C(604800000)
#define DAY_MS INT64_C(86400000)
#define ADHERENCE_WEEKS 4

static bool
completed(const coach_session *s)
{
	return strcmp(s->status, "completed") == 0;
}

/* 1970-01-01 was a Thursday: the first Monday is four days later. */
int
coach_facts_week(int64_t ms)
{
	int64_t since = ms - 4 * DAY_MS;

	return (int)(since >= 0 ? since / WEEK_MS : -((-since + WEEK_MS - 1) / WEEK_MS));
}

static void
collect(const coach_session *s, const char *exercise_id, struct coach_history *h)
{
	struct coach_set *out = h->sets[h->n];
	bool assisted;
	size_t n = 0;

	for (size_t i = 0; i < s->n_exercises; i++) {
		const Fit__Workout__V1__SessionExercise *e = s->exercises[i];

		if (strcmp(e->exercise_id, exercise_id) != 0 || e->skipped)
			continue;
		/* The help of a machine is no load. */
		assisted = strcmp(e->tracking, "assisted") == 0;
		for (size_t k = 0; k < e->n_sets && n < COACH_HISTORY_SETS; k++) {
			if (strcmp(e->sets[k]->type, "warmup") == 0 || e->sets[k]->reps == 0)
				continue;
			out[n++] = (struct coach_set){
				assisted ? 0 : llround(e->sets[k]->weight * 1000), e->sets[k]->reps,
				(unsigned)lround(e->sets[k]->rpe * 2)
			};
		}
	}
	if (n == 0)
		return;
	h->performances[h->n] = (struct coach_performance){ out, n };
	h->started_ms[h->n++] = pb_time_ms(s->started_at);
}

void
coach_facts_history(const struct coach_facts *facts, const char *exercise_id, bool with_current,
		    struct coach_history *ret_history)
{
	ret_history->n = 0;
	for (size_t i = 0; i < facts->nsessions && ret_history->n < COACH_HISTORY_MAX; i++) {
		if (with_current || completed(facts->sessions[i]))
			collect(facts->sessions[i], exercise_id, ret_history);
	}
}

static int64_t
session_e1rm(const coach_session *s, const char *exercise_id)
{
	int64_t best = 0;

	for (size_t i = 0; i < s->n_exercises; i++) {
		const Fit__Workout__V1__SessionExercise *e = s->exercises[i];

		if (strcmp(e->exercise_id, exercise_id) != 0 ||
		    strcmp(e->tracking, "assisted") == 0)
			continue;
		for (size_t k = 0; k < e->n_sets; k++) {
			int64_t v = strcmp(e->sets[k]->type, "warmup") == 0
					    ? 0
					    : coach_e1rm(llround(e->sets[k]->weight * 1000),
							 e->sets[k]->reps,
							 (unsigned)lround(e->sets[k]->rpe * 2));

			best = v > best ? v : best;
		}
	}
	return best;
}

int64_t
coach_facts_best_e1rm(const struct coach_facts *facts, const char *exercise_id)
{
	int64_t best = 0;

	for (size_t i = 0; i < facts->nsessions; i++) {
		int64_t v = session_e1rm(facts->sessions[i], exercise_id);

		best = v > best ? v : best;
	}
	return best;
}

size_t
coach_facts_weekly_e1rm(const struct coach_facts *facts, const char *exercise_id,
			struct coach_point *ret_points, size_t max)
{
	size_t n = 0;

	for (size_t i = facts->nsessions; i > 0; i--) {
		const coach_session *s = facts->sessions[i - 1];
		int week = coach_facts_week(pb_time_ms(s->started_at));
		double v = (double)session_e1rm(s, exercise_id) / 1000;

		if (v <= 0 || !completed(s))
			continue;
		if (n > 0 && ret_points[n - 1].week == week) {
			if (v > ret_points[n - 1].e1rm)
				ret_points[n - 1].e1rm = v;
		} else if (n < max) {
			ret_points[n++] = (struct coach_point){ week, v };
		}
	}
	return n;
}

unsigned
coach_entry_day(const coach_entry *entry)
{
	return entry->day > 0 ? entry->day : 1;
}

unsigned
coach_facts_days(const coach_plan *plan, unsigned *ret_last)
{
	bool seen[16] = { false };
	unsigned n = 0, last = 0;

	for (size_t i = 0; i < plan->n_exercises; i++) {
		unsigned day = coach_entry_day(plan->exercises[i]);

		if (day < ARRAY_LEN(seen) && !seen[day]) {
			seen[day] = true;
			n++;
		}
		last = day > last ? day : last;
	}
	*ret_last = last;
	return n;
}

double
coach_facts_adherence(const struct coach_facts *facts)
{
	unsigned done = 0, last, days;

	if (facts->plan == NULL)
		return 1;
	days = coach_facts_days(facts->plan, &last);
	if (days == 0)
		return 1;
	for (size_t i = 0; i < facts->nsessions; i++) {
		int64_t at = pb_time_ms(facts->sessions[i]->started_at);

		done += completed(facts->sessions[i]) &&
			at > facts->now_ms - ADHERENCE_WEEKS * WEEK_MS;
	}
	/* A plan of more than a week's days is done over two weeks. */
	return (double)done / (ADHERENCE_WEEKS * (last > 7 ? days / 2.0 : days));
}

const coach_entry *
coach_facts_entry(const coach_plan *plan, const char *exercise_id, unsigned day)
{
	for (size_t i = 0; plan != NULL && i < plan->n_exercises; i++) {
		if (strcmp(plan->exercises[i]->exercise_id, exercise_id) == 0 &&
		    (day == 0 || coach_entry_day(plan->exercises[i]) == day))
			return plan->exercises[i];
	}
	return NULL;
}

static bool
lower_body(const coach_exercise *e)
{
	return coach_exercise_trains(e, "quadriceps") || coach_exercise_trains(e, "hamstrings") ||
	       coach_exercise_trains(e, "glutes") || coach_exercise_trains(e, "calves");
}

struct coach_target
coach_facts_target(const coach_entry *entry, const coach_exercise *exercise)
{
	struct coach_target t = { .sets = 0 };
	bool machine =
		coach_exercise_uses(exercise, "machine") || coach_exercise_uses(exercise, "cable");

	if (strcmp(exercise->tracking, "weight_reps") == 0)
		t.step = coach_load_step(coach_exercise_uses(exercise, "barbell") ||
						 coach_exercise_uses(exercise, "ez_bar"),
					 machine,
					 coach_exercise_uses(exercise, "dumbbell") ||
						 coach_exercise_uses(exercise, "kettlebell"),
					 lower_body(exercise));
	for (size_t i = 0; i < entry->n_sets; i++) {
		const Fit__Workout__V1__PlannedSet *s = entry->sets[i];
		int64_t grams = llround(s->weight * 1000);

		if (strcmp(s->type, "warmup") == 0)
			continue;
		if (t.sets++ == 0) {
			t.reps_min = s->reps_min;
			t.reps_max = s->reps_max > s->reps_min ? s->reps_max : s->reps_min;
		}
		if (strcmp(exercise->tracking, "assisted") != 0)
			t.grams = grams > t.grams ? grams : t.grams;
	}
	return t;
}

unsigned
coach_facts_next_day(const struct coach_facts *facts)
{
	unsigned last, after = 0, first = 0, best = 0;

	if (facts->plan == NULL || coach_facts_days(facts->plan, &last) == 0)
		return 0;
	for (size_t i = 0; i < facts->nsessions && after == 0; i++) {
		const coach_session *s = facts->sessions[i];

		if (completed(s) && strcmp(s->plan_id, facts->plan->id) == 0)
			after = s->plan_day > 0 ? s->plan_day : 1;
	}
	for (size_t i = 0; i < facts->plan->n_exercises; i++) {
		unsigned day = coach_entry_day(facts->plan->exercises[i]);

		first = first == 0 || day < first ? day : first;
		if (day > after)
			best = best == 0 || day < best ? day : best;
	}
	return best > 0 ? best : first;
}

const Fit__User__V1__Limitation *
coach_facts_forbids(const struct coach_facts *facts, const coach_exercise *exercise)
{
	for (size_t i = 0; i < facts->nlimitations; i++) {
		const Fit__User__V1__Limitation *l = facts->limitations[i];
		bool pain = strcmp(l->type, "injury") == 0 || strcmp(l->type, "pain") == 0 ||
			    strcmp(l->type, "surgery") == 0;

		if (pain && strcmp(l->severity, "mild") != 0 && *l->body_area != '\0' &&
		    coach_exercise_loads(exercise, l->body_area))
			return l;
	}
	return NULL;
}

double
coach_facts_weekly_sets(const struct coach_facts *facts, const char *muscle)
{
	double sum = 0;
	size_t n = 0;

	if (facts->progress == NULL)
		return 0;
	/* The last entry is the week that is not over. */
	for (size_t i = facts->progress->n_weeks; i > 1 && n < 4; i--, n++) {
		const Fit__Workout__V1__WeekProgress *w = facts->progress->weeks[i - 2];

		for (size_t k = 0; k < w->n_muscle_sets; k++) {
			if (strcmp(w->muscle_sets[k]->muscle, muscle) == 0)
				sum += w->muscle_sets[k]->sets;
		}
	}
	return n > 0 ? sum / (double)n : 0;
}

/* ---- fatigue ---- */

struct pair {
	double reps, rpe;
};

/* Mean repetitions and RPE of the sets at a load. */
static bool
mean_at(const struct coach_performance *p, int64_t grams, struct pair *ret_mean)
{
	unsigned n = 0, rated = 0;
	struct pair sum = { 0, 0 };

	for (size_t i = 0; i < p->n; i++) {
		if (p->sets[i].grams != grams)
			continue;
		sum.reps += p->sets[i].reps;
		n++;
		if (p->sets[i].rpe_halves > 0) {
			sum.rpe += p->sets[i].rpe_halves / 2.0;
			rated++;
		}
	}
	if (n == 0)
		return false;
	*ret_mean = (struct pair){ sum.reps / n, rated > 0 ? sum.rpe / rated : 0 };
	return true;
}

static void
compare_exercise(const struct coach_facts *facts, const char *exercise_id, unsigned *missed,
		 struct coach_fatigue *f)
{
	struct coach_history h;
	struct coach_point points[16];
	size_t n;

	coach_facts_history(facts, exercise_id, false, &h);
	if (h.n >= 2) {
		int64_t grams = h.performances[0].sets[0].grams;
		struct pair now, before;

		if (mean_at(&h.performances[0], grams, &now) &&
		    mean_at(&h.performances[1], grams, &before)) {
			*missed += now.reps < before.reps - 0.5;
			if (now.rpe > 0 && before.rpe > 0 && now.rpe - before.rpe >= 1 &&
			    h.started_ms[0] - h.started_ms[1] <= 2 * WEEK_MS)
				f->effort_drift = true;
		}
	}
	n = coach_facts_weekly_e1rm(facts, exercise_id, points, ARRAY_LEN(points));
	if (n >= 2 && points[n - 1].e1rm <= 0.97 * points[n - 2].e1rm)
		f->strength_drop = true;
}

struct coach_fatigue
coach_facts_fatigue(const struct coach_facts *facts)
{
	struct coach_fatigue f = { false };
	unsigned missed = 0, rated = 0, energy = 0;
	double volumes[64];
	size_t n = 0;

	for (size_t i = 0; i < facts->nsessions; i++) {
		if (!completed(facts->sessions[i]))
			continue;
		for (size_t k = 0; k < facts->sessions[i]->n_exercises; k++)
			compare_exercise(facts, facts->sessions[i]->exercises[k]->exercise_id,
					 &missed, &f);
		break;
	}
	f.missed_reps = missed >= 2;
	for (size_t i = 0; i < facts->nsessions && rated < 3; i++) {
		const Fit__Workout__V1__UserFeedback *b = facts->sessions[i]->user_feedback;

		if (b != NULL && b->energy_level > 0) {
			energy += b->energy_level;
			rated++;
		}
	}
	f.low_energy = rated == 3 && energy <= 4 * rated;
	for (size_t i = 0;
	     facts->progress != NULL && i + 1 < facts->progress->n_weeks && n < ARRAY_LEN(volumes);
	     i++)
		volumes[n++] = facts->progress->weeks[i]->volume_load;
	f.long_block = coach_weeks_since_easy(volumes, n) >= 6;
	return f;
}
