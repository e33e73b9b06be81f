/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/compiler.h"
#include "services/workout/workout_weeks.h"
#include "tests/support/testkit.h"

static void
test_workout_weeks_of_days(void **state)
{
	static const struct {
		int64_t day, week;
		const char *monday;
	} rows[] = {
		{ 0, 0, "1969-12-29" },
		{ 3, 0, "1969-12-29" },
		{ 4, 1, "1970-01-05" },
		{ -3, 0, "1969-12-29" },
		{ -4, -1, "1969-12-22" },
		{ -10, -1, "1969-12-22" },
		{ -11, -2, "1969-12-15" },
		{ 20781, 2969, "2026-11-23" }, /* 2026-11-24, a Tuesday */
		{ 20780, 2969, "2026-11-23" }, /* the Monday itself */
		{ 20779, 2968, "2026-11-16" }, /* the Sunday before */
		{ 20820, 2974, "2026-12-28" }, /* a week over New Year: 2027-01-02 */
	};
	char buf[WORKOUT_DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(workout_week_of_day(rows[i].day), rows[i].week);
		workout_week_start(rows[i].week, buf);
		assert_string_equal(buf, rows[i].monday);
	}
}

static void
test_workout_weeks_streak(void **state)
{
	static const struct {
		struct workout_week_count weeks[8];
		size_t n;
		int64_t now;
		unsigned needed, current, longest;
	} rows[] = {
		{ { { 0, 0 } }, 0, 10, 1, 0, 0 },
		{ { { 10, 1 } }, 1, 10, 1, 1, 1 },
		{ { { 9, 1 } }, 1, 10, 1, 1, 1 }, /* this week still has time */
		{ { { 8, 1 } }, 1, 10, 1, 0, 1 }, /* a whole week went by */
		{ { { 7, 2 }, { 8, 1 }, { 9, 3 }, { 10, 1 } }, 4, 10, 1, 4, 4 },
		{ { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 9, 1 }, { 10, 1 } }, 5, 10, 1, 2, 3 },
		{ { { 7, 2 }, { 8, 1 }, { 9, 3 }, { 10, 2 } }, 4, 10, 2, 2, 2 }, /* week 8 had one
										    of two */
		{ { { 7, 2 }, { 8, 2 }, { 9, 2 }, { 10, 1 } }, 4, 10, 2, 3, 3 }, /* this week not
										    yet */
		{ { { 7, 2 }, { 8, 2 }, { 9, 1 }, { 10, 1 } }, 4, 10, 2, 0, 2 },
		{ { { 10, 1 }, { 11, 1 }, { 12, 1 } }, 3, 10, 1, 1, 1 }, /* later weeks are not
									    looked at */
		{ { { -2, 1 }, { -1, 1 }, { 0, 1 } }, 3, 0, 1, 3, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct workout_streak s =
			workout_streak(rows[i].weeks, rows[i].n, rows[i].now, rows[i].needed);

		if (s.current != rows[i].current || s.longest != rows[i].longest)
			fail_msg("row %zu: current %u, longest %u", i, s.current, s.longest);
	}
}

static void
test_workout_weeks_muscle_sets(void **state)
{
	char chest[] = "chest", triceps[] = "triceps", shoulders[] = "shoulders",
	     biceps[] = "biceps";
	char *const bench_direct[] = { chest }, *const bench_indirect[] = { triceps, shoulders };
	char *const press_direct[] = { shoulders }, *const press_indirect[] = { triceps };
	char *const curl_direct[] = { biceps };
	struct workout_muscle_sets m = { 0 };

	(void)state;
	workout_muscle_sets_add(&m, 4, bench_direct, 1, bench_indirect, 2);
	workout_muscle_sets_add(&m, 3, press_direct, 1, press_indirect, 1);
	workout_muscle_sets_add(&m, 4, curl_direct, 1, NULL, 0);
	workout_muscle_sets_sort(&m);
	assert_int_equal(m.n, 4);
	assert_string_equal(m.list[0].muscle, "shoulders"); /* 3 + 4/2 = 5 */
	assert_int_equal(m.list[0].halves, 10);
	assert_string_equal(m.list[1].muscle, "biceps"); /* 4; before chest by name */
	assert_int_equal(m.list[1].halves, 8);
	assert_string_equal(m.list[2].muscle, "chest");
	assert_int_equal(m.list[2].halves, 8);
	assert_string_equal(m.list[3].muscle, "triceps"); /* 4/2 + 3/2 = 3.5 */
	assert_int_equal(m.list[3].halves, 7);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workout_weeks_of_days),
		cmocka_unit_test(test_workout_weeks_streak),
		cmocka_unit_test(test_workout_weeks_muscle_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
