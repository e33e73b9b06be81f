/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/pb_time.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

static void
test_pb_time_both_ways(void **state)
{
	static const struct {
		int64_t ms, seconds;
		int32_t nanos;
	} rows[] = {
		{ 0, 0, 0 },
		{ 1, 0, 1000000 },
		{ 1795505000123, 1795505000, 123000000 },
		{ -1, -1, 999000000 },
		{ -1000, -1, 0 },
		{ -62135596800000, -62135596800, 0 },
		{ 253402300799999, 253402300799, 999000000 },
	};
	struct arena *arena = arena_new(4096);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		Google__Protobuf__Timestamp *t = pb_time_new(arena, rows[i].ms);

		assert_int_equal(t->seconds, rows[i].seconds);
		assert_int_equal(t->nanos, rows[i].nanos);
		assert_int_equal(pb_time_ms(t), rows[i].ms);
	}
	/* The extremes can at least be written. */
	assert_int_equal(pb_time_new(arena, INT64_MIN)->seconds, INT64_MIN / 1000 - 1);
	assert_int_equal(pb_time_new(arena, INT64_MAX)->seconds, INT64_MAX / 1000);
	arena_free(arena);
}

static void
test_pb_time_of_a_peer(void **state)
{
	static const struct {
		int64_t seconds;
		int32_t nanos;
		int64_t ms;
	} rows[] = {
		{ 1, 1999999, 1001 },
		{ INT64_MAX, 0, 253402300799000 },
		{ INT64_MIN, 0, -62135596800000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

		t.seconds = rows[i].seconds;
		t.nanos = rows[i].nanos;
		assert_int_equal(pb_time_ms(&t), rows[i].ms);
	}
	assert_int_equal(pb_time_ms(NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pb_time_both_ways),
		cmocka_unit_test(test_pb_time_of_a_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
