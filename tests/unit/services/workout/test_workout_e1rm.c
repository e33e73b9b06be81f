/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "services/workout/workout_e1rm.h"
#include "services/workout/workout_units.h"
#include "tests/support/testkit.h"

static void
assert_near(double got, double want)
{
	if (fabs(got - want) > 0.005)
		fail_msg("%f is not %f", got, want);
}

/* Published tables of the formulas for a load of 100. */
static void
test_workout_e1rm_formulas(void **state)
{
	static const struct {
		unsigned r;
		double epley, brzycki, curve;
	} rows[] = {
		{ 1, 103.33, 100.00, 100.00 },  { 3, 110.00, 105.88, 108.53 },
		{ 5, 116.67, 112.50, 115.57 },  { 8, 126.67, 124.14, 127.23 },
		{ 10, 133.33, 133.33, 136.40 }, { 12, 140.00, 144.00, 147.00 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_near(workout_e1rm_epley(100, rows[i].r), rows[i].epley);
		assert_near(workout_e1rm_brzycki(100, rows[i].r), rows[i].brzycki);
		assert_near(100 / workout_rpe_share(rows[i].r, 10), rows[i].curve);
	}
}

/* Percentages of the RPE curve, rows of repetitions, columns RPE 10, 9.5 … 7. */
static void
test_workout_e1rm_rpe_table(void **state)
{
	static const struct {
		unsigned reps;
		double percent[7];
	} rows[] = {
		{ 1, { 100, 97.75, 95.71, 93.84, 92.14, 90.62, 89.17 } },
		{ 3, { 92.14, 90.62, 89.17, 87.85, 86.53, 85.20, 83.88 } },
		{ 5, { 86.53, 85.20, 83.88, 82.56, 81.24, 79.92, 78.60 } },
		{ 8, { 78.60, 77.28, 75.96, 74.63, 73.31, 71.99, 70.67 } },
		{ 10, { 73.31, 71.99, 70.67, 69.35, 68.03, 66.71, 65.39 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int j = 0; j < 7; j++)
			assert_near(100 * workout_rpe_share(rows[i].reps, 10 - 0.5 * j),
				    rows[i].percent[j]);
	assert_near(workout_rpe_share(20, 10), 0.5);
}

static void
test_workout_e1rm_estimate(void **state)
{
	static const struct {
		int64_t grams;
		unsigned reps, rpe_halves;
		int64_t e1rm;
		enum workout_confidence confidence;
	} rows[] = {
		{ 100000, 1, 0, 100000, WORKOUT_CONFIDENCE_HIGH }, /* the load itself */
		{ 100000, 1, 20, 100000, WORKOUT_CONFIDENCE_HIGH },
		{ 100000, 1, 19, 105000, WORKOUT_CONFIDENCE_HIGH }, /* 1.5 effective */
		{ 100000, 5, 0, 116667, WORKOUT_CONFIDENCE_HIGH },
		{ 100000, 5, 20, 116667, WORKOUT_CONFIDENCE_HIGH },
		{ 100000, 5, 18, 120000, WORKOUT_CONFIDENCE_HIGH }, /* 5 + 1 in reserve */
		{ 100000, 5, 17, 121667, WORKOUT_CONFIDENCE_MEDIUM },
		{ 100000, 5, 16, 123333, WORKOUT_CONFIDENCE_MEDIUM },
		{ 100000, 10, 0, 133333, WORKOUT_CONFIDENCE_MEDIUM },
		{ 100000, 8, 15, 135849, WORKOUT_CONFIDENCE_LOW }, /* 10.5: Brzycki, 3600/26.5 */
		{ 100000, 12, 20, 144000, WORKOUT_CONFIDENCE_LOW },
		{ 100000, 15, 20, 163636, WORKOUT_CONFIDENCE_LOW },
		{ 100000, 15, 19, 0, WORKOUT_CONFIDENCE_NONE }, /* 15.5 */
		{ 100000, 16, 20, 0, WORKOUT_CONFIDENCE_NONE },
		{ 100000, 1000, 0, 0, WORKOUT_CONFIDENCE_NONE },
		{ 100000, 0, 0, 0, WORKOUT_CONFIDENCE_NONE },
		{ 0, 5, 20, 0, WORKOUT_CONFIDENCE_NONE }, /* no added weight */
		{ 102500, 5, 17, 124708, WORKOUT_CONFIDENCE_MEDIUM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct workout_e1rm e =
			workout_e1rm(rows[i].grams, rows[i].reps, rows[i].rpe_halves);

		if (e.grams != rows[i].e1rm || e.confidence != rows[i].confidence)
			fail_msg("row %zu: %ld g, confidence %d", i, (long)e.grams,
				 (int)e.confidence);
	}
	assert_string_equal(workout_confidence_name(WORKOUT_CONFIDENCE_LOW), "low");
	assert_string_equal(workout_confidence_name(WORKOUT_CONFIDENCE_MEDIUM), "medium");
	assert_string_equal(workout_confidence_name(WORKOUT_CONFIDENCE_HIGH), "high");
	assert_null(workout_confidence_name(WORKOUT_CONFIDENCE_NONE));
}

static void
test_workout_e1rm_units(void **state)
{
	static const struct {
		double kg;
		int64_t grams; /* -1: refused */
	} weights[] = {
		{ 0, 0 },          { 102.5, 102500 }, { 0.001, 1 },     { 22.68, 22680 },
		{ 1000, 1000000 }, { 99.999, 99999 }, { 1000.001, -1 }, { -0.5, -1 },
		{ 0.0005, -1 },    { 45.3592, -1 },   { NAN, -1 },      { INFINITY, -1 },
	};
	unsigned halves;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
		int64_t g = -1;

		assert_int_equal(workout_grams(weights[i].kg, &g), weights[i].grams >= 0);
		assert_int_equal(g, weights[i].grams);
		if (g >= 0)
			assert_true(workout_kg(g) == weights[i].kg);
	}
	assert_true(workout_rpe_halves(8.5, &halves) && halves == 17);
	assert_true(workout_rpe_halves(0, &halves) && halves == 0);
	assert_true(workout_rpe_halves(1, &halves) && halves == 2);
	assert_false(workout_rpe_halves(8.25, &halves));
	assert_false(workout_rpe_halves(0.5, &halves));
	assert_false(workout_rpe_halves(10.5, &halves));
	assert_false(workout_rpe_halves(NAN, &halves));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workout_e1rm_formulas),
		cmocka_unit_test(test_workout_e1rm_rpe_table),
		cmocka_unit_test(test_workout_e1rm_estimate),
		cmocka_unit_test(test_workout_e1rm_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
