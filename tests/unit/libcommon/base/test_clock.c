/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/rng.h"
#include "tests/support/testkit.h"

static void
test_clock_real(void **state)
{
	(void)state;
	int64_t a = clock_mono_ns();
	int64_t b = clock_mono_ns();
	assert_true(b >= a && a > 0);
	assert_in_range(clock_mono_ms() - a / 1000000, 0, 10000);
	int64_t wall = clock_wall_ms();
	assert_in_range(wall - (int64_t)time(NULL) * 1000 + 5000, 0, 10000);
}

static void
test_clock_deadlines(void **state)
{
	(void)state;
	struct deadline d = deadline_in(250);
	assert_int_equal(deadline_left_ms(d), 250);
	assert_int_equal(clock_mono_ns(), TESTKIT_MONO_MS * 1000000LL);
	clock_fake_advance(249);
	assert_int_equal(deadline_left_ms(d), 1);
	clock_fake_advance(1);
	assert_int_equal(deadline_left_ms(d), 0);
	clock_fake_advance(1);
	assert_int_equal(deadline_left_ms(d), 0);
	assert_int_equal(clock_wall_ms(), TESTKIT_WALL_MS + 251);

	assert_int_equal(deadline_left_ms(deadline_in(-5)), 0);
	assert_int_equal(deadline_left_ms(deadline_in(INT64_MAX)), INT_MAX);
	assert_int_equal(deadline_left_ms(deadline_in((int64_t)INT_MAX + 1)), INT_MAX);
	assert_int_equal(deadline_left_ms((struct deadline){ INT64_MIN }), 0);
	struct deadline sooner = deadline_min(deadline_in(10), deadline_in(20));
	assert_int_equal(deadline_left_ms(sooner), 10);
	assert_int_equal(deadline_left_ms(deadline_min(deadline_in(20), sooner)), 10);
}

static void
test_clock_rfc3339_texts(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		const char *canonical; /* NULL: the same */
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0, NULL },
		{ "2026-11-24T07:23:20.123Z", TESTKIT_WALL_MS, NULL },
		{ "1969-12-31T23:59:59.999Z", -1, NULL },
		{ "0001-01-01T00:00:00Z", -62135596800000, NULL },
		{ "9999-12-31T23:59:59.999Z", 253402300799999, NULL },
		{ "2024-02-29T12:00:00Z", 1709208000000, NULL },
		{ "2000-02-29T00:00:00Z", 951782400000, NULL },
		{ "2026-11-24t07:23:20z", 1795505000000, "2026-11-24T07:23:20Z" },
		{ "2026-11-24T08:23:20+01:00", 1795505000000, "2026-11-24T07:23:20Z" },
		{ "2026-11-23T23:53:20-07:30", 1795505000000, "2026-11-24T07:23:20Z" },
		{ "2026-11-24T07:23:20-00:00", 1795505000000, "2026-11-24T07:23:20Z" },
		{ "2026-11-24T07:23:20.1Z", 1795505000100, "2026-11-24T07:23:20.100Z" },
		{ "2026-11-24T07:23:20.12Z", 1795505000120, "2026-11-24T07:23:20.120Z" },
		{ "2026-11-24T07:23:20.123999999Z", 1795505000123, "2026-11-24T07:23:20.123Z" },
		{ "2026-11-24T07:23:20.000000001Z", 1795505000000, "2026-11-24T07:23:20Z" },
		{ "1969-12-31T23:59:59.9999Z", -1, "1969-12-31T23:59:59.999Z" },
		{ "0001-01-01T01:00:00+01:00", -62135596800000, "0001-01-01T00:00:00Z" },
	};
	static const char *const bad[] = {
		"",
		"2026-11-24",
		"2026-11-24T07:23:20",
		"2026-11-24 07:23:20Z",
		"2026-11-24T07:23:20.Z",
		"2026-11-24T07:23:20.1234567890Z",
		"2026-11-24T07:23:20,5Z",
		"2026-13-24T07:23:20Z",
		"2026-00-24T07:23:20Z",
		"2026-11-31T07:23:20Z",
		"2026-11-00T07:23:20Z",
		"2026-02-29T07:23:20Z",
		"1900-02-29T00:00:00Z",
		"2026-11-24T24:00:00Z",
		"2026-11-24T07:60:20Z",
		"2026-11-24T07:23:60Z",
		"2026-11-24T07:23:20+24:00",
		"2026-11-24T07:23:20+01:60",
		"2026-11-24T07:23:20+0100",
		"2026-11-24T07:23:20+01",
		"2026-11-24T07:23:20ZZ",
		"2026-11-24T07:23:20Z ",
		" 2026-11-24T07:23:20Z",
		"026-11-24T07:23:20Z",
		"+2026-11-24T07:23:20Z",
		"2026-1-24T07:23:20Z",
		"0000-12-31T23:59:59Z",
		"0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
	};
	char buf[CLOCK_RFC3339_SIZE];
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!clock_parse_rfc3339(slice_str(good[i].text), &ms) || ms != good[i].ms)
			fail_msg("%s", good[i].text);
		size_t n = clock_format_rfc3339(ms, buf);
		assert_int_equal(n, strlen(buf));
		assert_string_equal(buf, good[i].canonical ? good[i].canonical : good[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ms = 42;
		if (clock_parse_rfc3339(slice_str(bad[i]), &ms) || ms != 42)
			fail_msg("%s is taken", bad[i]);
	}
}

/* Against the C library's calendar, over the whole range. */
static void
test_clock_rfc3339_against_libc(void **state)
{
	struct rng_seeded rng;
	char buf[CLOCK_RFC3339_SIZE], want[CLOCK_RFC3339_SIZE + 16];
	int64_t back;

	(void)state;
	rng_seeded_init(&rng, 5);
	for (int i = 0; i < 50000; i++) {
		int64_t s = (int64_t)(rng_seeded_next(&rng) % 315537897600u) - 62135596800;
		time_t t = (time_t)s;
		struct tm tm;
		gmtime_r(&t, &tm);
		snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			 tm.tm_sec, i % 999 + 1);
		clock_format_rfc3339(s * 1000 + i % 999 + 1, buf);
		assert_string_equal(buf, want);
		assert_true(clock_parse_rfc3339(slice_str(buf), &back));
		assert_int_equal(back, s * 1000 + i % 999 + 1);
	}
	/* Outside the range the nearest instant is printed. */
	clock_format_rfc3339(INT64_MAX, buf);
	assert_string_equal(buf, "9999-12-31T23:59:59.999Z");
	clock_format_rfc3339(INT64_MIN, buf);
	assert_string_equal(buf, "0001-01-01T00:00:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_real),
		cmocka_unit_test_setup_teardown(test_clock_deadlines, testkit_clock_setup,
						testkit_clock_teardown),
		cmocka_unit_test(test_clock_rfc3339_texts),
		cmocka_unit_test(test_clock_rfc3339_against_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
