/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "services/workout/workout_e1rm.h"
#include "services/workout/workout_records.h"
#include "tests/support/testkit.h"

static struct workout_lift
lift(unsigned session, unsigned reps, int64_t kg, unsigned rpe_halves)
{
	struct workout_lift l = {
		.started_ms = session, .grams = kg * 1000, .reps = reps, .rpe_halves = rpe_halves
	};

	l.session_id.b[15] = (uint8_t)session;
	return l;
}

static struct workout_record records[WORKOUT_RECORD_KINDS];

static void
test_workout_records_first_session_is_none(void **state)
{
	struct workout_lift lifts[] = { lift(1, 5, 100, 20), lift(1, 5, 110, 20),
					lift(1, 5, 120, 20) };

	(void)state;
	workout_records_compute(lifts, ARRAY_LEN(lifts), records);
	assert_true(records[WORKOUT_RECORD_WEIGHT_4_6].is_set);
	assert_int_equal(records[WORKOUT_RECORD_WEIGHT_4_6].value, 120000);
	for (int k = 0; k < WORKOUT_RECORD_KINDS; k++)
		assert_false(records[k].is_record);
}

static void
test_workout_records_beats_an_earlier_session(void **state)
{
	struct workout_lift lifts[] = { lift(1, 5, 100, 20), lift(2, 5, 102, 20),
					lift(2, 4, 105, 20), lift(2, 8, 80, 20) };
	const struct workout_record *r = &records[WORKOUT_RECORD_WEIGHT_4_6];

	(void)state;
	workout_records_compute(lifts, ARRAY_LEN(lifts), records);
	assert_true(r->is_record);
	assert_int_equal(r->value, 105000);
	assert_int_equal(r->previous, 100000); /* the session before, not the set before */
	assert_int_equal(r->lift, 2);
	/* A bracket used for the first time has nothing to beat. */
	assert_true(records[WORKOUT_RECORD_WEIGHT_7_10].is_set);
	assert_false(records[WORKOUT_RECORD_WEIGHT_7_10].is_record);
	/* 5 x 102 is worth 119.0, 4 x 105 119.0: 105 (1 + 4/30) = 119.0; a tie takes nothing over.
	 */
	assert_true(records[WORKOUT_RECORD_E1RM].is_record);
	assert_int_equal(records[WORKOUT_RECORD_E1RM].value, 119000);
	assert_int_equal(records[WORKOUT_RECORD_E1RM].lift, 1);
	assert_int_equal(records[WORKOUT_RECORD_E1RM].previous, 116667);
}

static void
test_workout_records_tie_is_none(void **state)
{
	struct workout_lift lifts[] = { lift(1, 3, 100, 20), lift(2, 3, 100, 20),
					lift(3, 2, 100, 20) };

	(void)state;
	workout_records_compute(lifts, ARRAY_LEN(lifts), records);
	assert_false(records[WORKOUT_RECORD_WEIGHT_2_3].is_record);
	assert_int_equal(records[WORKOUT_RECORD_WEIGHT_2_3].lift, 0);
	assert_false(records[WORKOUT_RECORD_E1RM].is_record);
}

/* A record stands after weaker sessions, and a late set of an old session takes it away. */
static void
test_workout_records_follow_corrections(void **state)
{
	struct workout_lift before[] = { lift(1, 5, 100, 0), lift(2, 5, 110, 0),
					 lift(3, 5, 90, 0) };
	struct workout_lift after[] = { lift(1, 5, 100, 0), lift(1, 5, 110, 0), lift(2, 5, 110, 0),
					lift(3, 5, 90, 0) };
	const struct workout_record *r = &records[WORKOUT_RECORD_WEIGHT_4_6];

	(void)state;
	workout_records_compute(before, ARRAY_LEN(before), records);
	assert_true(r->is_record);
	assert_int_equal(r->lift, 1);
	workout_records_compute(after, ARRAY_LEN(after), records);
	assert_false(r->is_record);
	assert_int_equal(r->lift, 1);
	workout_records_compute(after, 0, records);
	assert_false(r->is_set);
}

static void
test_workout_records_weak_evidence(void **state)
{
	/* Failed sets and bodyweight sets have no weight record; 11 and more effective repetitions
	 * no e1RM record. */
	struct workout_lift lifts[] = {
		lift(1, 0, 100, 20), lift(1, 5, 0, 20), lift(1, 11, 50, 20),
		lift(2, 0, 120, 20), lift(2, 8, 0, 20), lift(2, 11, 60, 20)
	};

	(void)state;
	workout_records_compute(lifts, ARRAY_LEN(lifts), records);
	assert_false(records[WORKOUT_RECORD_WEIGHT_1].is_set);
	assert_false(records[WORKOUT_RECORD_WEIGHT_4_6].is_set);
	assert_false(records[WORKOUT_RECORD_WEIGHT_7_10].is_set);
	assert_false(records[WORKOUT_RECORD_E1RM].is_set);
	assert_true(records[WORKOUT_RECORD_WEIGHT_11_15].is_record);
	assert_int_equal(records[WORKOUT_RECORD_WEIGHT_11_15].value, 60000);
}

static void
test_workout_records_brackets(void **state)
{
	static const struct {
		unsigned reps;
		const char *name;
	} rows[] = {
		{ 1, "weight_1" },     { 2, "weight_2_3" },    { 3, "weight_2_3" },
		{ 4, "weight_4_6" },   { 6, "weight_4_6" },    { 7, "weight_7_10" },
		{ 10, "weight_7_10" }, { 11, "weight_11_15" }, { 15, "weight_11_15" },
		{ 16, "weight_16" },   { 1000, "weight_16" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(workout_record_name(workout_record_bracket(rows[i].reps)),
				    rows[i].name);
	assert_string_equal(workout_record_name(WORKOUT_RECORD_E1RM), "e1rm");
}

/* By the definition, over all pairs: slow and obviously right. */
static void
naive(const struct workout_lift *lifts, size_t n, enum workout_record_kind kind,
      struct workout_record *ret)
{
	int64_t value[64];

	*ret = (struct workout_record){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct workout_e1rm e =
			workout_e1rm(lifts[i].grams, lifts[i].reps, lifts[i].rpe_halves);

		value[i] = 0;
		if (kind == WORKOUT_RECORD_E1RM)
			value[i] = e.confidence >= WORKOUT_CONFIDENCE_MEDIUM ? e.grams : 0;
		else if (lifts[i].reps > 0 && workout_record_bracket(lifts[i].reps) == kind)
			value[i] = lifts[i].grams;
		if (value[i] > ret->value)
			*ret = (struct workout_record){ .is_set = true,
							.value = value[i],
							.lift = i };
	}
	for (size_t i = 0; ret->is_set && i < ret->lift; i++)
		if (lifts[i].started_ms < lifts[ret->lift].started_ms && value[i] > ret->previous)
			ret->previous = value[i];
	ret->is_record = ret->previous > 0;
}

static void
test_workout_records_as_defined(void **state)
{
	uint64_t seed = 20261124;
	struct rng_seeded rng;

	(void)state;
	printf("seed %llu\n", (unsigned long long)seed);
	rng_seeded_init(&rng, seed);
	for (int round = 0; round < 2000; round++) {
		struct workout_lift lifts[64];
		size_t n = rng_seeded_below(&rng, 64);
		unsigned session = 1;

		for (size_t i = 0; i < n; i++) {
			session += rng_seeded_below(&rng, 3) == 0;
			lifts[i] = lift(session, rng_seeded_below(&rng, 18),
					60 + rng_seeded_below(&rng, 8) * 5,
					rng_seeded_below(&rng, 2) ? 14 + rng_seeded_below(&rng, 7)
								  : 0);
		}
		workout_records_compute(lifts, n, records);
		for (int k = 0; k < WORKOUT_RECORD_KINDS; k++) {
			struct workout_record want;

			naive(lifts, n, k, &want);
			assert_int_equal(records[k].is_set, want.is_set);
			assert_int_equal(records[k].is_record, want.is_record);
			assert_int_equal(records[k].value, want.value);
			assert_int_equal(records[k].previous, want.previous);
			assert_int_equal(records[k].lift, want.lift);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workout_records_first_session_is_none),
		cmocka_unit_test(test_workout_records_beats_an_earlier_session),
		cmocka_unit_test(test_workout_records_tie_is_none),
		cmocka_unit_test(test_workout_records_follow_corrections),
		cmocka_unit_test(test_workout_records_weak_evidence),
		cmocka_unit_test(test_workout_records_brackets),
		cmocka_unit_test(test_workout_records_as_defined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
