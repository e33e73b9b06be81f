/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/lru.h"
#include "libcommon/base/rng.h"
#include "tests/support/testkit.h"

static int freed;

static void
count_free(void *p)
{
	freed++;
	free(p);
}

static void
put(struct lru *lru, const char *key, int64_t expires)
{
	lru_put(lru, slice_str(key), strdup(key), expires);
}

static bool
has(struct lru *lru, const char *key, int64_t now)
{
	const char *v = lru_get(lru, slice_str(key), now);

	if (v != NULL)
		assert_string_equal(v, key);
	return v != NULL;
}

static void
test_lru_evicts_least_recently_used(void **state)
{
	struct lru *lru = lru_new(3, count_free);

	(void)state;
	freed = 0;
	put(lru, "a", 100);
	put(lru, "b", 100);
	put(lru, "c", 100);
	assert_true(has(lru, "a", 0));
	put(lru, "d", 100); /* b goes */
	assert_int_equal(freed, 1);
	assert_int_equal(lru_len(lru), 3);
	assert_false(has(lru, "b", 0));
	assert_true(has(lru, "a", 0) && has(lru, "c", 0) && has(lru, "d", 0));
	put(lru, "a", 100); /* replaced, and used */
	assert_int_equal(freed, 2);
	put(lru, "e", 100); /* c goes */
	assert_false(has(lru, "c", 0));
	lru_free(lru);
	assert_int_equal(freed, 6);
	lru_free(NULL);
}

static void
test_lru_expiry(void **state)
{
	struct lru *lru = lru_new(2, count_free);

	(void)state;
	freed = 0;
	put(lru, "a", 100);
	assert_true(has(lru, "a", 99));
	assert_false(has(lru, "a", 100));
	assert_int_equal(freed, 1);
	assert_int_equal(lru_len(lru), 0);
	put(lru, "a", 200);
	assert_true(has(lru, "a", 150));
	lru_free(lru);
}

static void
test_lru_same_value_again(void **state)
{
	struct lru *lru = lru_new(2, count_free);
	char *v = strdup("a");

	(void)state;
	freed = 0;
	lru_put(lru, SLICE_LIT("a"), v, 10);
	lru_put(lru, SLICE_LIT("a"), v, 20); /* only the expiry moves */
	assert_int_equal(freed, 0);
	assert_true(has(lru, "a", 15));
	lru_remove(lru, SLICE_LIT("a"));
	lru_remove(lru, SLICE_LIT("a"));
	assert_int_equal(freed, 1);
	lru_free(lru);
}

static void
test_lru_copies_keys_and_stays_bounded(void **state)
{
	struct lru *lru = lru_new(100, count_free);
	struct rng_seeded rng;
	char key[16];

	(void)state;
	freed = 0;
	rng_seeded_init(&rng, 4);
	int puts = 0;
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "%u", rng_seeded_below(&rng, 300));
		if (!has(lru, key, i)) {
			put(lru, key, i + 500);
			puts++;
		}
		assert_in_range(lru_len(lru), 1, 100);
	}
	lru_free(lru);
	assert_int_equal(freed, puts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lru_evicts_least_recently_used),
		cmocka_unit_test(test_lru_expiry),
		cmocka_unit_test(test_lru_same_value_again),
		cmocka_unit_test(test_lru_copies_keys_and_stays_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
