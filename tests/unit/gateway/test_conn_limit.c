/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/conn_limit.h"

#include <stdio.h>

#include "libcommon/base/rng.h"
#include "tests/support/testkit.h"

static void
test_conn_limit_bounds(void **state)
{
	struct conn_limit *limit = conn_limit_new(3, 2);

	(void)state;
	assert_true(conn_limit_enter(limit, SLICE_LIT("a")));
	assert_true(conn_limit_enter(limit, SLICE_LIT("a")));
	assert_false(conn_limit_enter(limit, SLICE_LIT("a")));
	assert_true(conn_limit_enter(limit, SLICE_LIT("b")));
	assert_false(conn_limit_enter(limit, SLICE_LIT("c")));
	conn_limit_leave(limit, SLICE_LIT("a"));
	assert_true(conn_limit_enter(limit, SLICE_LIT("c")));
	assert_int_equal(conn_limit_open(limit), 3);
	conn_limit_free(limit);
}

static void
test_conn_limit_without_address(void **state)
{
	struct conn_limit *limit = conn_limit_new(3, 1);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(conn_limit_enter(limit, SLICE_LIT("")));
	assert_false(conn_limit_enter(limit, SLICE_LIT("")));
	assert_false(conn_limit_enter(limit, SLICE_LIT("a")));
	conn_limit_leave(limit, SLICE_LIT(""));
	assert_true(conn_limit_enter(limit, SLICE_LIT("a")));
	conn_limit_leave(limit, SLICE_LIT("a"));
	assert_int_equal(conn_limit_open(limit), 2);
	conn_limit_free(limit);
}

/* Against a plain array of counters: entries stay reachable while others come and go. */
static void
test_conn_limit_random_walk(void **state)
{
	enum { ADDRESSES = 40, MAX = 60, EACH = 5 };
	struct conn_limit *limit = conn_limit_new(MAX, EACH);
	unsigned open[ADDRESSES] = { 0 }, total = 0;
	struct rng_seeded rng;

	(void)state;
	rng_seeded_init(&rng, 7);
	for (int i = 0; i < 100000; i++) {
		unsigned a = rng_seeded_below(&rng, ADDRESSES);
		char text[24];

		snprintf(text, sizeof(text), "10.0.0.%u", a);
		if (rng_seeded_below(&rng, 2) == 0) {
			bool want = total < MAX && open[a] < EACH;
			assert_int_equal(conn_limit_enter(limit, slice_str(text)), want);
			open[a] += want;
			total += want;
		} else if (open[a] > 0) {
			conn_limit_leave(limit, slice_str(text));
			open[a]--;
			total--;
		}
		assert_int_equal(conn_limit_open(limit), total);
	}
	conn_limit_free(limit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conn_limit_bounds),
		cmocka_unit_test(test_conn_limit_without_address),
		cmocka_unit_test(test_conn_limit_random_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
