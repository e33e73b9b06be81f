/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"

#define KG INT64_C(1000)

/* ---- one exercise ---- */

int64_t
coach_round(int64_t grams, int64_t step)
{
	return step > 0 ? (grams + step / 2) / step * step : grams;
}

int64_t
coach_load_step(bool barbell, bool machine, bool dumbbell, bool lower_body)
{
	if (barbell || machine)
		return lower_body ? 5 * KG : 5 * KG / 2;
	return dumbbell ? 2 * KG : 0;
}

/* The load that the session was about: the heaviest one of its working sets. */
static int64_t
top_load(const struct coach_performance *p)
{
	int64_t top = 0;

	for (size_t i = 0; i < p->n; i++)
		top = p->sets[i].grams > top ? p->sets[i].grams : top;
	return top;
}

struct summary {
	size_t n; /* sets at the top load */
	unsigned least, rpe_sum, rpe_n;
};

static struct summary
summarise(const struct coach_performance *p, int64_t grams)
{
	struct summary s = { .least = 1000 };

	for (size_t i = 0; i < p->n; i++) {
		const struct coach_set *set = &p->sets[i];

		if (set->grams != grams)
			continue;
		s.n++;
		s.least = set->reps < s.least ? set->reps : s.least;
		if (set->rpe_halves > 0) {
			s.rpe_sum += set->rpe_halves;
			s.rpe_n++;
		}
	}
	return s;
}

/* Sessions in a row, newest first, that missed the range by two and more at this load. */
static size_t
failures(const struct coach_target *target, const struct coach_performance *history, size_t n,
	 int64_t grams)
{
	size_t count = 0;

	for (; count < n; count++) {
		struct summary s = summarise(&history[count], grams);

		if (s.n == 0 || top_load(&history[count]) != grams ||
		    s.least + 2 > target->reps_min)
			break;
	}
	return count;
}

static int64_t
back_off(int64_t grams, unsigned percent, int64_t step)
{
	int64_t less = grams * (100 - (int64_t)percent) / 100;

	/* Down to what can be loaded: rounding up would take nothing off light weights. */
	return step > 0 ? less / step * step : less;
}

struct coach_advice
coach_progress_next(const struct coach_target *target, const struct coach_performance *history,
		    size_t n)
{
	unsigned top = target->reps_max > target->reps_min ? target->reps_max : target->reps_min;
	struct coach_advice a = { COACH_STEP_START, target->grams, target->reps_min, top };
	struct summary s;
	size_t failed;

	if (n == 0 || history[0].n == 0)
		return a;
	a.grams = top_load(&history[0]);
	s = summarise(&history[0], a.grams);
	failed = failures(target, history, n, a.grams);
	if (failed >= 2) {
		a.step = failed >= 3 ? COACH_STEP_BACK_10 : COACH_STEP_BACK_5;
		a.grams = back_off(a.grams, failed >= 3 ? 10 : 5, target->step);
		return a;
	}
	if (s.least < target->reps_min) {
		a.step = COACH_STEP_HOLD_MISSED;
		return a;
	}
	if (s.n < target->sets || s.least < top) {
		a.step = COACH_STEP_ADD_REPS;
		a.reps_min = s.least < top ? s.least + 1 : top;
		return a;
	}
	if (s.rpe_n > 0 && s.rpe_sum >= 18 * s.rpe_n) {
		a.step = COACH_STEP_HOLD_EFFORT;
		a.reps_min = top;
		return a;
	}
	if (target->step == 0) {
		a.step = COACH_STEP_ADD_REPS;
		a.reps_min = a.reps_max = top + 1;
		return a;
	}
	a.step = COACH_STEP_ADD_LOAD;
	a.grams += target->step;
	return a;
}

int64_t
coach_rpe_change(unsigned target_halves, unsigned reported_halves, int64_t grams, int64_t step)
{
	int64_t change = ((int64_t)target_halves - (int64_t)reported_halves) * 5 * KG / 4;
	int64_t most = grams * 75 / 1000;

	if (most > 5 * KG)
		most = 5 * KG;
	if (change > most)
		change = most;
	if (change < -most)
		change = -most;
	return step > 0 ? change / step * step : change;
}

int64_t
coach_e1rm(int64_t grams, unsigned reps, unsigned rpe_halves)
{
	double r = reps + (rpe_halves > 0 ? (20.0 - rpe_halves) / 2 : 0);

	if (grams <= 0 || reps == 0 || r > 15)
		return 0;
	if (r <= 1)
		return grams;
	if (r <= 10)
		return llround((double)grams * (1 + r / 30));
	return llround((double)grams * 36 / (37 - r));
}

int64_t
coach_load_for(int64_t e1rm, unsigned reps, unsigned rir)
{
	unsigned r = reps + rir;

	if (r <= 1)
		return e1rm;
	if (r <= 10)
		return llround((double)e1rm / (1 + r / 30.0));
	return r < 36 ? llround((double)e1rm * (37.0 - r) / 36) : 0;
}

/* ---- weekly sets ---- */

bool
coach_weekly_range(const char *muscle, const char *level, struct coach_range *ret_range)
{
	static const struct {
		const char *muscle;
		struct coach_range beginner, later;
	} rows[] = {
		{ "chest", { 8, 12 }, { 10, 20 } },     { "upper_back", { 8, 14 }, { 10, 22 } },
		{ "lats", { 8, 14 }, { 10, 22 } },      { "quadriceps", { 6, 12 }, { 8, 18 } },
		{ "hamstrings", { 4, 10 }, { 6, 14 } }, { "glutes", { 4, 10 }, { 6, 16 } },
		{ "shoulders", { 6, 12 }, { 8, 18 } },  { "triceps", { 4, 10 }, { 6, 14 } },
		{ "biceps", { 4, 10 }, { 6, 14 } },     { "calves", { 0, 6 }, { 6, 12 } },
		{ "abdominals", { 0, 6 }, { 4, 10 } },
	};
	bool later = strcmp(level, "intermediate") == 0 || strcmp(level, "advanced") == 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].muscle, muscle) == 0) {
			*ret_range = later ? rows[i].later : rows[i].beginner;
			return true;
		}
	}
	return false;
}

enum coach_volume
coach_weekly_verdict(double sets, struct coach_range range)
{
	if (sets > COACH_SETS_JUNK)
		return COACH_VOLUME_TOO_MUCH;
	if (sets < range.min)
		return COACH_VOLUME_LOW;
	return sets > range.max ? COACH_VOLUME_HIGH : COACH_VOLUME_IN;
}

/* ---- plateau ---- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

#define POINTS_MAX 64

bool
coach_theil_sen(const struct coach_point *points, size_t n, double *ret_slope)
{
	double slopes[POINTS_MAX * (POINTS_MAX - 1) / 2], values[POINTS_MAX];
	size_t count = 0;

	if (n > POINTS_MAX) {
		points += n - POINTS_MAX;
		n = POINTS_MAX;
	}
	for (size_t i = 0; i < n; i++) {
		values[i] = points[i].e1rm;
		for (size_t k = i + 1; k < n; k++) {
			if (points[k].week != points[i].week)
				slopes[count++] = (points[k].e1rm - points[i].e1rm) /
						  (points[k].week - points[i].week);
		}
	}
	if (count == 0)
		return false;
	*ret_slope = 100 * median(slopes, count) / median(values, n);
	return true;
}

#define WINDOW_WEEKS 6
#define WINDOW_POINTS 4

/* Slope of the six weeks up to `week`; false: too few points. */
static bool
window_slope(const struct coach_point *points, size_t n, int week, double *ret_slope,
	     size_t *ret_points)
{
	size_t first = n, last = 0, count = 0;

	for (size_t i = 0; i < n; i++) {
		if (points[i].week <= week && points[i].week > week - WINDOW_WEEKS) {
			first = first < i ? first : i;
			last = i;
			count++;
		}
	}
	*ret_points = count;
	return count >= WINDOW_POINTS &&
	       coach_theil_sen(points + first, last - first + 1, ret_slope);
}

struct coach_plateau
coach_plateau(const struct coach_point *points, size_t n, int week, bool beginner, double adherence)
{
	struct coach_plateau p = { COACH_TREND_UNKNOWN, 0, 0 };
	double flat = beginner ? 0.5 : 0.25, slope;
	unsigned below = 0, falling = 0;
	size_t count;

	if (!window_slope(points, n, week, &p.slope, &p.points))
		return p;
	for (int back = 0; back < 3; back++) {
		if (!window_slope(points, n, week - back, &slope, &count))
			break;
		below += below == (unsigned)back && slope < flat;
		falling += falling == (unsigned)back && slope < -0.5;
	}
	p.trend = falling >= 2                      ? COACH_TREND_FALLING
		  : below >= 3 && adherence >= 0.75 ? COACH_TREND_PLATEAU
		  : p.slope >= flat                 ? COACH_TREND_RISING
						    : COACH_TREND_UNKNOWN;
	return p;
}

/* ---- deload ---- */

unsigned
coach_fatigue_score(const struct coach_fatigue *f)
{
	return (unsigned)f->missed_reps + f->effort_drift + f->strength_drop + f->low_energy +
	       f->long_block;
}

unsigned
coach_weeks_since_easy(const double *weekly_volume, size_t n)
{
	double trained[POINTS_MAX], middle;
	size_t count = 0;
	unsigned weeks = 0;

	for (size_t i = 0; i < n && count < POINTS_MAX; i++) {
		if (weekly_volume[i] > 0)
			trained[count++] = weekly_volume[i];
	}
	if (count == 0)
		return 0;
	middle = median(trained, count);
	for (size_t i = n; i > 0 && weekly_volume[i - 1] >= 0.6 * middle; i--)
		weeks++;
	return weeks;
}
