/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/analytics/analytics_summary.h"

#define MONDAY INT64_C(20752) /* 2026-10-26 */

static struct arena *arena;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
test_analytics_summary_weeks(void **state)
{
	static const struct {
		int64_t day, week;
	} cases[] = { { 0, 0 },
		      { 3, 0 },
		      { 4, 1 },
		      { -3, 0 },
		      { -4, -1 },
		      { -10, -1 },
		      { -11, -2 },
		      { MONDAY, 2965 },
		      { MONDAY - 1, 2964 },
		      { MONDAY + 6, 2965 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(analytics_week(cases[i].day), cases[i].week);
	assert_string_equal(analytics_date(arena, MONDAY), "2026-10-26");
}

/* Weeks with training as text, one letter a week: the streaks at the end of it. */
static void
test_analytics_summary_streaks(void **state)
{
	static const struct {
		const char *weeks;
		unsigned current, longest;
	} cases[] = {
		{ "-", 0, 0 },     { "x", 1, 1 },      { "x-", 1, 1 },   { "x--", 0, 1 },
		{ "xxx", 3, 3 },   { "xxx-", 3, 3 },   { "xx-x", 1, 2 }, { "xxx-x-", 1, 3 },
		{ "-xx--", 0, 2 }, { "x-x-xx", 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct analytics_training days[16] = { 0 };
		struct analytics_scope scope = { .arena = arena, .first_day = MONDAY + 2 };
		Fit__Analytics__V1__MySummary summary;
		size_t n = 0, w;

		for (w = 0; cases[i].weeks[w] != '\0'; w++)
			if (cases[i].weeks[w] == 'x')
				days[n++] = (struct analytics_training){ .day = MONDAY +
										(int64_t)w * 7 + 3,
									 .sessions = 2,
									 .load_g = 500 };
		scope.last_day = MONDAY + (int64_t)w * 7 - 1;
		fit__analytics__v1__my_summary__init(&summary);
		analytics_fill_summary(&scope, days, n, NULL, 0, &summary);
		assert_int_equal(summary.n_weeks, w);
		assert_int_equal(summary.streak->current_weeks, cases[i].current);
		assert_int_equal(summary.streak->longest_weeks, cases[i].longest);
		assert_int_equal(summary.sessions, 2 * n);
		assert_true(summary.volume_load == 0.5 * (double)n);
	}
}

static void
test_analytics_summary_cohorts(void **state)
{
	static const struct analytics_retained rows[] = {
		{ MONDAY, -1, 10 }, { MONDAY, 0, 9 },      { MONDAY, 2, 4 },
		{ MONDAY, 7, 1 },   { MONDAY + 7, -1, 3 },
	};
	struct analytics_scope scope = { .arena = arena,
					 .first_day = MONDAY,
					 .last_day = MONDAY + 20 };
	Fit__Analytics__V1__Overview o;

	(void)state;
	fit__analytics__v1__overview__init(&o);
	analytics_fill_retention(&scope, rows, ARRAY_LEN(rows), &o);
	assert_int_equal(o.n_retention, 2);
	assert_int_equal(o.retention[0]->users, 10);
	assert_int_equal(o.retention[0]->n_retained, 3); /* what is beyond the range has no place */
	assert_int_equal(o.retention[0]->retained[0], 9);
	assert_int_equal(o.retention[0]->retained[1], 0);
	assert_int_equal(o.retention[0]->retained[2], 4);
	assert_string_equal(o.retention[1]->week_start, "2026-11-02");
	assert_int_equal(o.retention[1]->n_retained, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_analytics_summary_weeks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_analytics_summary_streaks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_analytics_summary_cohorts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
