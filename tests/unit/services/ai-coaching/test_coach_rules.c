/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers worked out by hand. */
#include <math.h>

#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_rules.h"
#include "tests/support/testkit.h"

#define KG(x) ((int64_t)((x)*1000))

static void
test_coach_rules_double_progression(void **state)
{
	static const struct {
		unsigned sets, low, high;
		double step;
		/* Up to three sessions, newest first: load, RPE in halves, repetitions. */
		struct {
			double kg;
			unsigned rpe, reps[4];
		} done[3];
		size_t n;
		enum coach_step want;
		double kg;
		unsigned want_low, want_high;
	} rows[] = {
		{ 3, 8, 12, 2.5, { { 0 } }, 0, COACH_STEP_START, 50, 8, 12 },
		{ 3,
		  8,
		  12,
		  2.5,
		  { { 60, 16, { 12, 12, 12 } } },
		  1,
		  COACH_STEP_ADD_LOAD,
		  62.5,
		  8,
		  12 },
		{ 3,
		  8,
		  12,
		  2.5,
		  { { 60, 18, { 12, 12, 12 } } },
		  1,
		  COACH_STEP_HOLD_EFFORT,
		  60,
		  12,
		  12 },
		{ 3,
		  8,
		  12,
		  2.5,
		  { { 60, 0, { 12, 12 } } },
		  1,
		  COACH_STEP_ADD_REPS,
		  60,
		  12,
		  12 }, /* a set short */
		{ 3, 8, 12, 2.5, { { 60, 0, { 12, 10, 9 } } }, 1, COACH_STEP_ADD_REPS, 60, 10, 12 },
		{ 3, 8, 12, 2.5, { { 60, 0, { 9, 8, 7 } } }, 1, COACH_STEP_HOLD_MISSED, 60, 8, 12 },
		{ 3, 8, 12, 2.5, { { 60, 0, { 9, 8, 6 } } }, 1, COACH_STEP_HOLD_MISSED, 60, 8, 12 },
		/* 57 is not loadable in steps of 2.5: down to 55. */
		{ 3,
		  8,
		  12,
		  2.5,
		  { { 60, 0, { 8, 7, 6 } }, { 60, 0, { 8, 8, 6 } } },
		  2,
		  COACH_STEP_BACK_5,
		  55,
		  8,
		  12 },
		/* 54 is not loadable: down to 52.5. */
		{ 3,
		  8,
		  12,
		  2.5,
		  { { 60, 0, { 6, 6, 6 } }, { 60, 0, { 8, 8, 6 } }, { 60, 0, { 7, 6, 5 } } },
		  3,
		  COACH_STEP_BACK_10,
		  52.5,
		  8,
		  12 },
		/* Missed once at 60, before that at another load: no row of failures. */
		{ 3,
		  8,
		  12,
		  2.5,
		  { { 60, 0, { 6, 6, 6 } }, { 62.5, 0, { 5, 5, 5 } } },
		  2,
		  COACH_STEP_HOLD_MISSED,
		  60,
		  8,
		  12 },
		{ 3, 5, 5, 5, { { 100, 0, { 5, 5, 5 } } }, 1, COACH_STEP_ADD_LOAD, 105, 5, 5 },
		{ 3,
		  5,
		  10,
		  0,
		  { { 0, 0, { 10, 10, 10 } } },
		  1,
		  COACH_STEP_ADD_REPS,
		  0,
		  11,
		  11 }, /* bodyweight */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct coach_target t = { rows[i].sets, rows[i].low, rows[i].high, KG(50),
					  KG(rows[i].step) };
		struct coach_set sets[3][4];
		struct coach_performance history[3];
		struct coach_advice a;

		for (size_t k = 0; k < rows[i].n; k++) {
			size_t n = 0;

			for (; n < 4 && rows[i].done[k].reps[n] > 0; n++)
				sets[k][n] = (struct coach_set){ KG(rows[i].done[k].kg),
								 rows[i].done[k].reps[n],
								 rows[i].done[k].rpe };
			history[k] = (struct coach_performance){ sets[k], n };
		}
		a = coach_progress_next(&t, history, rows[i].n);
		if (a.step != rows[i].want || a.grams != KG(rows[i].kg) ||
		    a.reps_min != rows[i].want_low || a.reps_max != rows[i].want_high)
			fail_msg("row %zu: step %d, %lld g, %u–%u", i, a.step, (long long)a.grams,
				 a.reps_min, a.reps_max);
	}
}

static void
test_coach_rules_rpe_change(void **state)
{
	static const struct {
		unsigned target, reported;
		double kg, step, want;
	} rows[] = {
		{ 16, 16, 100, 2.5, 0 },    { 16, 20, 100, 2.5, -5 }, { 16, 18, 100, 2.5, -2.5 },
		{ 16, 19, 100, 2.5, -2.5 }, { 16, 12, 100, 2.5, 5 },  { 16, 14, 100, 2.5, 2.5 },
		{ 16, 8, 200, 2.5, 5 }, /* at most 5 kg */
		{ 16, 20, 20, 2.5, 0 }, /* 7.5 % of 20 are 1.5 */
		{ 16, 20, 40, 1, -3 },  /* 7.5 % of 40 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(coach_rpe_change(rows[i].target, rows[i].reported, KG(rows[i].kg),
						  KG(rows[i].step)),
				 KG(rows[i].want));
}

/* The vectors of the workout service's e1RM: the two must agree. */
static void
test_coach_rules_e1rm(void **state)
{
	static const struct {
		unsigned reps, rpe;
		int64_t want;
	} rows[] = {
		{ 1, 0, 100000 },  { 3, 0, 110000 },  { 5, 0, 116667 },  { 8, 0, 126667 },
		{ 10, 0, 133333 }, { 12, 0, 144000 }, { 5, 16, 123333 }, { 15, 0, 163636 },
		{ 16, 0, 0 },      { 12, 12, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(coach_e1rm(KG(100), rows[i].reps, rows[i].rpe), rows[i].want);
	assert_int_equal(coach_load_for(133333, 10, 0), 100000);
	assert_int_equal(coach_load_for(133333, 8, 2), 100000);
	assert_int_equal(coach_load_for(144000, 12, 0), 100000);
	assert_int_equal(coach_load_for(100000, 1, 0), 100000);
}

static void
test_coach_rules_weekly_sets(void **state)
{
	struct coach_range r;

	(void)state;
	assert_true(coach_weekly_range("chest", "beginner", &r));
	assert_int_equal(r.min, 8);
	assert_int_equal(r.max, 12);
	assert_true(coach_weekly_range("chest", "advanced", &r));
	assert_int_equal(r.min, 10);
	assert_int_equal(r.max, 20);
	assert_true(coach_weekly_range("calves", "", &r)); /* not said: as a beginner */
	assert_int_equal(r.max, 6);
	assert_false(coach_weekly_range("neck", "beginner", &r));
	r = (struct coach_range){ 10, 20 };
	assert_int_equal(coach_weekly_verdict(9.5, r), COACH_VOLUME_LOW);
	assert_int_equal(coach_weekly_verdict(10, r), COACH_VOLUME_IN);
	assert_int_equal(coach_weekly_verdict(20, r), COACH_VOLUME_IN);
	assert_int_equal(coach_weekly_verdict(21, r), COACH_VOLUME_HIGH);
	assert_int_equal(coach_weekly_verdict(22.5, r), COACH_VOLUME_TOO_MUCH);
}

static void
test_coach_rules_theil_sen(void **state)
{
	/* Slopes: 1, 1, 1 of the line, and those of the outlier; their median is 1; median value
	 * 101.5. */
	static const struct coach_point points[] = {
		{ 1, 100 }, { 2, 101 }, { 3, 102 }, { 4, 150 }
	};
	double slope;

	(void)state;
	/* All six: 1, 1, 50/3, 1, 24.5, 48: sorted 1 1 1 16.7 24.5 48, median 8.83. */
	assert_true(coach_theil_sen(points, 4, &slope));
	assert_true(fabs(slope - 100 * ((1 + 50.0 / 3) / 2) / 101.5) < 1e-9);
	assert_true(coach_theil_sen(points, 3, &slope));
	assert_true(fabs(slope - 100.0 / 101) < 1e-9);
	assert_false(coach_theil_sen(points, 1, &slope));
}

static void
test_coach_rules_plateau(void **state)
{
	static const struct {
		double e1rm[9]; /* weeks 1 … 9, 0: none */
		bool beginner;
		double adherence;
		enum coach_trend want;
	} rows[] = {
		{ { 100, 100, 100, 100, 100, 100, 100, 100, 100 }, false, 1, COACH_TREND_PLATEAU },
		{ { 100, 100, 100, 100, 100, 100, 100, 100, 100 },
		  false,
		  0.7,
		  COACH_TREND_UNKNOWN },
		{ { 100, 101, 102, 103, 104, 105, 106, 107, 108 }, false, 1, COACH_TREND_RISING },
		{ { 108, 107, 106, 105, 104, 103, 102, 101, 100 }, false, 1, COACH_TREND_FALLING },
		/* 0.4 % a week is a rise, but not for a beginner. */
		{ { 100, 100.4, 100.8, 101.2, 101.6, 102, 102.4, 102.8, 103.2 },
		  false,
		  1,
		  COACH_TREND_RISING },
		{ { 100, 100.4, 100.8, 101.2, 101.6, 102, 102.4, 102.8, 103.2 },
		  true,
		  1,
		  COACH_TREND_PLATEAU },
		{ { 0, 0, 0, 0, 0, 0, 100, 100, 100 },
		  false,
		  1,
		  COACH_TREND_UNKNOWN }, /* three points */
		{ { 0, 0, 0, 0, 0, 100, 100, 100, 100 },
		  false,
		  1,
		  COACH_TREND_UNKNOWN }, /* one week of it only */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct coach_point points[9];
		size_t n = 0;

		for (int week = 1; week <= 9; week++) {
			if (rows[i].e1rm[week - 1] > 0)
				points[n++] = (struct coach_point){ week, rows[i].e1rm[week - 1] };
		}
		if (coach_plateau(points, n, 9, rows[i].beginner, rows[i].adherence).trend !=
		    rows[i].want)
			fail_msg("row %zu", i);
	}
}

static void
test_coach_rules_easy_weeks(void **state)
{
	static const double steady[] = { 2000, 2000, 2000, 2000, 2000, 2000, 2000 };
	static const double deloaded[] = { 2000, 2000, 2000, 1000, 2000, 2100 };
	static const double pause[] = { 2000, 2000, 0, 2000 };

	(void)state;
	assert_int_equal(coach_weeks_since_easy(steady, ARRAY_LEN(steady)), 7);
	assert_int_equal(coach_weeks_since_easy(deloaded, ARRAY_LEN(deloaded)), 2);
	assert_int_equal(coach_weeks_since_easy(pause, ARRAY_LEN(pause)), 1);
	assert_int_equal(coach_weeks_since_easy(steady, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coach_rules_double_progression),
		cmocka_unit_test(test_coach_rules_rpe_change),
		cmocka_unit_test(test_coach_rules_e1rm),
		cmocka_unit_test(test_coach_rules_weekly_sets),
		cmocka_unit_test(test_coach_rules_theil_sen),
		cmocka_unit_test(test_coach_rules_plateau),
		cmocka_unit_test(test_coach_rules_easy_weeks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
