/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/wait.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "tests/support/testkit.h"

static void
test_rng_bytes_fill(void **state)
{
	static uint8_t p[1000];
	uint8_t seen[1000] = { 0 };

	(void)state;
	/* More than getrandom gives without a chance of interruption (256). */
	for (int i = 0; i < 10; i++) {
		rng_bytes(p, sizeof(p));
		for (size_t k = 0; k < sizeof(p); k++)
			seen[k] |= p[k];
	}
	for (size_t k = 0; k < sizeof(p); k++)
		assert_int_not_equal(seen[k], 0);
}

/* splitmix64 of seed 0 is a published sequence; xoshiro256** of {1,2,3,4} begins 11520, 0. */
static void
test_rng_seeded_vectors(void **state)
{
	struct rng_seeded rng;

	(void)state;
	rng_seeded_init(&rng, 0);
	assert_int_equal(rng.s[0], 0xe220a8397b1dcdafu);
	assert_int_equal(rng.s[1], 0x6e789e6aa1b965f4u);
	rng = (struct rng_seeded){ { 1, 2, 3, 4 } };
	assert_int_equal(rng_seeded_next(&rng), 11520);
	assert_int_equal(rng_seeded_next(&rng), 0);
	assert_int_equal(rng_seeded_next(&rng), 1509978240);
	assert_int_equal(rng_seeded_next(&rng), 1215971899390074240u);
}

static void
test_rng_below_is_even(void **state)
{
	unsigned count[7] = { 0 }, kernel[3] = { 0 };
	struct rng_seeded rng;

	(void)state;
	rng_seeded_init(&rng, 42);
	for (int i = 0; i < 70000; i++)
		count[rng_seeded_below(&rng, 7)]++;
	for (size_t i = 0; i < ARRAY_LEN(count); i++)
		assert_in_range(count[i], 9500, 10500); /* 5.4 standard deviations */
	for (int i = 0; i < 3000; i++)
		kernel[rng_below(3)]++;
	for (size_t i = 0; i < ARRAY_LEN(kernel); i++)
		assert_in_range(kernel[i], 800, 1200); /* 7.7 standard deviations */
	assert_int_equal(rng_below(1), 0);
	/* A bound of 3/4 of the range rejects often; results must still stay below it. */
	for (int i = 0; i < 1000; i++)
		assert_true(rng_seeded_below(&rng, 0xc0000001u) < 0xc0000001u);
}

static void
child_zero(void *arg)
{
	(void)arg;
	rng_below(0);
}

static void
test_rng_below_zero_panics(void **state)
{
	(void)state;
	assert_true(WIFSIGNALED(testkit_fork(child_zero, NULL, NULL)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rng_bytes_fill),
		cmocka_unit_test(test_rng_seeded_vectors),
		cmocka_unit_test(test_rng_below_is_even),
		cmocka_unit_test(test_rng_below_zero_panics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
