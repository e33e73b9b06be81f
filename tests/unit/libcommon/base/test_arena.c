/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/rng.h"
#include "tests/support/testkit.h"

#define MIB ((size_t)1 << 20)

static void
test_arena_alignment_and_contents(void **state)
{
	enum { N = 2000 };
	struct arena *a = arena_new(64 * MIB);
	struct rng_seeded rng;
	static unsigned char *p[N];
	static size_t len[N];

	(void)state;
	rng_seeded_init(&rng, 1);
	for (int i = 0; i < N; i++) {
		len[i] = rng_seeded_below(&rng, i % 50 == 0 ? 20000 : 100);
		p[i] = arena_alloc(a, len[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], i & 0xff, len[i]);
	}
	for (int i = 0; i < N; i++) {
		for (size_t k = 0; k < len[i]; k++)
			assert_int_equal(p[i][k], i & 0xff);
	}
	arena_free(a);
}

static void
test_arena_zeroed(void **state)
{
	struct arena *a = arena_new(MIB);
	static const char zero[5000];

	(void)state;
	for (int round = 0; round < 3; round++) {
		memset(arena_alloc(a, 3000), 0xff, 3000);
		arena_reset(a);
		assert_memory_equal(arena_zalloc(a, 3000), zero, 3000);
		assert_memory_equal(ARENA_ARRAY(a, int, 100), zero, 400);
		assert_null(*ARENA_NEW(a, void *));
	}
	arena_free(a);
}

static void
test_arena_try_alloc_cap(void **state)
{
	struct arena *a = arena_new(10000);

	(void)state;
	assert_non_null(arena_try_alloc(a, 6000));
	assert_null(arena_try_alloc(a, 6000));
	assert_non_null(arena_try_alloc(a, 4000 - 16));
	assert_null(arena_try_alloc(a, 17));
	assert_null(arena_try_alloc(a, SIZE_MAX));
	assert_null(arena_try_alloc(a, SIZE_MAX - 15));
	/* The program's own needs may pass the cap, up to twice. */
	assert_non_null(arena_alloc(a, 9000));
	assert_null(arena_try_alloc(a, 1));
	size_t used = arena_used(a);
	assert_in_range(used, 6000 + 4000 - 16 + 9000, 20000);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_non_null(arena_try_alloc(a, 10000 - 16));
	arena_free(a);
}

static void
child_over(void *arg)
{
	struct arena *a = arena_new(1000);

	arena_alloc(a, *(size_t *)arg);
}

static void
child_overflow(void *arg)
{
	struct arena *a = arena_new(SIZE_MAX);

	arena_array(a, SIZE_MAX / 2, *(size_t *)arg);
}

static void
test_arena_panics_beyond_twice_the_cap(void **state)
{
	size_t n = 2001, max = SIZE_MAX, four = 4;
	char *text;

	(void)state;
	int status = testkit_fork(child_over, &n, &text);
	assert_true(WIFSIGNALED(status));
	ASSERT_CONTAINS(text, "2001 more asked, cap is 1000");
	free(text);
	status = testkit_fork(child_over, &max, NULL);
	assert_true(WIFSIGNALED(status));
	status = testkit_fork(child_overflow, &four, &text);
	assert_true(WIFSIGNALED(status));
	ASSERT_CONTAINS(text, "overflow");
	free(text);
}

static void
test_arena_strings(void **state)
{
	struct arena *a = arena_new(MIB);
	char big[1000];

	(void)state;
	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(a, NULL, 0), "");
	assert_string_equal(arena_printf(a, "%s-%d", "x", 42), "x-42");
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_string_equal(arena_printf(a, "%s", big), big);
	assert_memory_equal(arena_memdup(a, "a\0b", 3), "a\0b", 3);
	arena_free(a);
}

static void
test_arena_extend(void **state)
{
	struct arena *a = arena_new(100000);

	(void)state;
	char *p = arena_alloc(a, 10);
	memset(p, 'p', 10);
	assert_true(arena_extend(a, p, 10, 1000));
	memset(p, 'p', 1000);
	assert_false(arena_extend(a, p, 1000, 90000)); /* the block is full */
	char *q = arena_alloc(a, 10);
	memset(q, 'q', 10);
	assert_false(arena_extend(a, p, 1000, 1001 + 16)); /* not the newest */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(p[i], 'p');
	arena_free(a);

	a = arena_new(64);
	p = arena_alloc(a, 48);
	assert_false(arena_extend(a, p, 48, 80)); /* beyond the cap */
	assert_true(arena_extend(a, p, 48, 64));
	arena_free(a);
}

static char order[8];
static struct arena *order_arena;

static void
note(void *arg)
{
	strcat(order, arg);
}

static void
note_and_defer(void *arg)
{
	strcat(order, arg);
	arena_defer(order_arena, note, "n");
}

static void
test_arena_defer_order(void **state)
{
	struct arena *a = order_arena = arena_new(MIB);

	(void)state;
	order[0] = '\0';
	arena_defer(a, note, "1");
	arena_defer(a, note_and_defer, "2");
	arena_defer(a, note, "3");
	arena_reset(a);
	assert_string_equal(order, "32n1");
	arena_defer(a, note, "4");
	arena_free(a);
	assert_string_equal(order, "32n14");
	arena_free(NULL);
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

static void
test_arena_poisons_what_is_not_handed_out(void **state)
{
	struct arena *a = arena_new(MIB);

	(void)state;
	char *p = arena_alloc(a, 20);
	assert_false(__asan_address_is_poisoned(p + 19));
	assert_true(__asan_address_is_poisoned(p + 20));
	assert_true(__asan_address_is_poisoned(p + 32));
	char *q = arena_alloc(a, 20);
	assert_true(q >= p + 48);
	arena_reset(a);
	assert_true(__asan_address_is_poisoned(p));
	arena_free(a);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_alignment_and_contents),
		cmocka_unit_test(test_arena_zeroed),
		cmocka_unit_test(test_arena_try_alloc_cap),
		cmocka_unit_test(test_arena_panics_beyond_twice_the_cap),
		cmocka_unit_test(test_arena_strings),
		cmocka_unit_test(test_arena_extend),
		cmocka_unit_test(test_arena_defer_order),
#if defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_arena_poisons_what_is_not_handed_out),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
