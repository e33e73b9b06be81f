/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/base/rng.h"
#include "tests/support/testkit.h"

/* The vectors of the SipHash paper's reference code: key 00..0f, input 00, 01, …; n bytes. */
static void
test_hashmap_siphash_vectors(void **state)
{
	static const struct {
		size_t n;
		uint64_t want;
	} cases[] = {
		{ 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu },  { 7, 0xab0200f58b01d137u },
		{ 8, 0x93f5f5799a932462u }, { 15, 0xa129ca6149be45e5u }, /* appendix A of the paper
									  */
	};
	uint8_t in[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(hash_siphash24(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, in,
						cases[i].n),
				 cases[i].want);
	assert_int_equal(hash_bytes("abc", 3), hash_bytes("abc", 3));
	assert_int_not_equal(hash_bytes("abc", 3), hash_siphash24(0, 0, "abc", 3));
}

static void
test_hashmap_basics(void **state)
{
	struct hashmap *m = hashmap_new();
	int a, b;

	(void)state;
	assert_null(hashmap_get(m, SLICE_LIT("a")));
	assert_null(hashmap_put(m, SLICE_LIT("a"), &a));
	assert_ptr_equal(hashmap_put(m, SLICE_LIT("a"), &b), &a);
	assert_int_equal(hashmap_len(m), 1);
	assert_null(hashmap_put(m, SLICE_NONE, &a)); /* the empty key is a key */
	assert_ptr_equal(hashmap_get(m, SLICE_LIT("")), &a);
	assert_null(hashmap_put(m, SLICE_LIT("a\0b"), &a));
	assert_ptr_equal(hashmap_get(m, SLICE_LIT("a")), &b);
	assert_ptr_equal(hashmap_remove(m, SLICE_LIT("a")), &b);
	assert_null(hashmap_remove(m, SLICE_LIT("a")));
	assert_int_equal(hashmap_len(m), 2);
	hashmap_free(m);
	hashmap_free(NULL);
}

static void
test_hashmap_replaces_the_key_too(void **state)
{
	struct hashmap *m = hashmap_new();
	char *k1 = strdup("key"), *k2 = strdup("key");

	(void)state;
	hashmap_put(m, slice_str(k1), k1);
	free(hashmap_put(m, slice_str(k2), k2));
	assert_ptr_equal(hashmap_get(m, SLICE_LIT("key")), k2); /* ASan: k1 is not read */
	free(k2);
	hashmap_free(m);
}

/* Random puts, removals and look-ups against an array. */
static void
test_hashmap_against_model(void **state)
{
	enum { KEYS = 500 };
	static char key[KEYS][16];
	static uintptr_t model[KEYS];
	struct hashmap *m = hashmap_new();
	struct rng_seeded rng;
	size_t len = 0;

	(void)state;
	memset(model, 0, sizeof(model));
	for (int i = 0; i < KEYS; i++)
		snprintf(key[i], sizeof(key[i]), "key-%d", i);
	rng_seeded_init(&rng, 99);
	for (uintptr_t step = 1; step < 200000; step++) {
		unsigned i = rng_seeded_below(&rng, KEYS);
		struct slice k = slice_str(key[i]);
		/* Waves, so that the map fills and empties. */
		bool grow = rng_seeded_below(&rng, 100) < (step / 5000 % 2 ? 30u : 70u);
		assert_ptr_equal(hashmap_get(m, k), (void *)model[i]);
		if (grow) {
			assert_ptr_equal(hashmap_put(m, k, (void *)step), (void *)model[i]);
			len += model[i] == 0;
			model[i] = step;
		} else {
			assert_ptr_equal(hashmap_remove(m, k), (void *)model[i]);
			len -= model[i] != 0;
			model[i] = 0;
		}
		assert_int_equal(hashmap_len(m), len);
	}

	struct hashmap_iter it = HASHMAP_ITER_INIT;
	struct slice k;
	void *v;
	size_t seen = 0;
	while (hashmap_next(m, &it, &k, &v)) {
		int i = atoi(k.p + 4);
		assert_ptr_equal(v, (void *)model[i]);
		model[i] = 0;
		seen++;
	}
	assert_int_equal(seen, len);
	hashmap_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashmap_siphash_vectors),
		cmocka_unit_test(test_hashmap_basics),
		cmocka_unit_test(test_hashmap_replaces_the_key_too),
		cmocka_unit_test(test_hashmap_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
