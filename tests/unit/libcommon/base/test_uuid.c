/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/uuid.h"
#include "tests/support/testkit.h"

static void
test_uuid_text(void **state)
{
	static const char *const bad[] = {
		"",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c88",
		"6ba7b8109dad11d180b400c04fd430c8",
		"6ba7b810-9dad-11d1-80b400-c04fd430c8",
		"{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
		"6ba7b810-9dad-11d1-80b4-00c04fd430cg",
		"6ba7b810 9dad-11d1-80b4-00c04fd430c8",
		" 6ba7b810-9dad-11d1-80b4-00c04fd430c",
		"6ba7b81--9dad-11d1-80b4-00c04fd430c8",
		/* bytes that a case fold by OR 0x20 must not turn into digits */
		"6ba7b810-9dad-11d1-80b4-00c04fd430\x01\x01",
		"6ba7b810-9dad-11d1-80b4-00c04fd430\x10\x11",
	};
	struct uuid u = { { 0 } }, v;
	char buf[UUID_TEXT_SIZE];

	(void)state;
	assert_true(uuid_is_nil(&u));
	assert_true(uuid_parse_str("6BA7B810-9dad-11D1-80b4-00c04fd430c8", &u));
	uuid_format(&u, buf);
	assert_string_equal(buf, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	assert_false(uuid_is_nil(&u));
	assert_true(uuid_parse(slice_make(buf, 36), &v));
	assert_true(uuid_eq(&u, &v));
	v.b[15] ^= 1;
	assert_false(uuid_eq(&u, &v));
	assert_false(uuid_parse_str(NULL, &v));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (uuid_parse_str(bad[i], &v))
			fail_msg("%s is taken", bad[i]);
	}
}

/* Each byte at each place of a digit, beside what isxdigit says. */
static void
test_uuid_parse_takes_digits_only(void **state)
{
	static const char good[] = "01234567-89ab-cdef-0123-456789abcdef";

	(void)state;
	for (size_t at = 0; at < sizeof(good) - 1; at++) {
		for (int c = 0; c < 256 && good[at] != '-'; c++) {
			bool digit = strchr("0123456789abcdefABCDEF", c) != NULL && c != 0;
			char text[sizeof(good)], back[UUID_TEXT_SIZE];
			struct uuid u;

			memcpy(text, good, sizeof(good));
			text[at] = (char)c;
			assert_int_equal(uuid_parse(slice_make(text, sizeof(good) - 1), &u), digit);
			if (!digit)
				continue;
			uuid_format(&u, back);
			assert_int_equal(strcasecmp(back, text), 0);
		}
	}
}

static unsigned
version(struct uuid u)
{
	assert_int_equal(u.b[8] >> 6, 2);
	return u.b[6] >> 4;
}

static void
test_uuid_v4(void **state)
{
	struct uuid all_or = { { 0 } }, all_and;

	(void)state;
	memset(all_and.b, 0xff, 16);
	for (int i = 0; i < 200; i++) {
		struct uuid u = uuid_v4();
		assert_int_equal(version(u), 4);
		for (int k = 0; k < 16; k++) {
			all_or.b[k] |= u.b[k];
			all_and.b[k] &= u.b[k];
		}
	}
	/* Every bit but the six fixed ones moves. */
	for (int k = 0; k < 16; k++) {
		int fixed = k == 6 ? 0xf0 : k == 8 ? 0xc0 : 0;
		assert_int_equal((all_or.b[k] ^ all_and.b[k]) | fixed, 0xff);
	}
}

/* Appendix A.4 of RFC 9562, and one of the values that Python's uuid.uuid5 gives. */
static void
test_uuid_v5(void **state)
{
	struct uuid dns, url;
	char buf[UUID_TEXT_SIZE];

	(void)state;
	assert_true(uuid_parse_str("6ba7b810-9dad-11d1-80b4-00c04fd430c8", &dns));
	assert_true(uuid_parse_str("6ba7b811-9dad-11d1-80b4-00c04fd430c8", &url));
	struct uuid u = uuid_v5(dns, SLICE_LIT("www.example.com"));
	uuid_format(&u, buf);
	assert_string_equal(buf, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	u = uuid_v5(url, SLICE_NONE);
	uuid_format(&u, buf);
	assert_string_equal(buf, "1b4db7eb-4057-5ddf-91e0-36dec72071f5");
}

static void
test_uuid_v7_layout(void **state)
{
	uint64_t ms = 0;

	(void)state;
	struct uuid u = uuid_v7();
	assert_int_equal(version(u), 7);
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | u.b[i];
	assert_int_equal(ms, TESTKIT_WALL_MS);
}

/* In one frozen millisecond, past a full counter, and when the clock steps back. */
static void
test_uuid_v7_monotonic(void **state)
{
	struct uuid last = uuid_v7();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		if (i == 10000)
			clock_fake_advance(-5000);
		struct uuid u = uuid_v7();
		assert_int_equal(version(u), 7);
		assert_true(memcmp(u.b, last.b, 16) > 0);
		last = u;
	}
}

enum { THREADS = 4, EACH = 5000 };
static struct uuid made[THREADS][EACH];

static void *
make_many(void *arg)
{
	struct uuid *out = arg;

	for (int i = 0; i < EACH; i++)
		out[i] = uuid_v7();
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

static void
test_uuid_v7_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, make_many, made[t]), 0);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (int t = 0; t < THREADS; t++) {
		for (int i = 1; i < EACH; i++)
			assert_true(memcmp(&made[t][i], &made[t][i - 1], 16) > 0);
	}
	/* Time and counter alone are never given out twice. */
	qsort(made, THREADS * EACH, sizeof(struct uuid), compare);
	const struct uuid *all = &made[0][0];
	for (int i = 1; i < THREADS * EACH; i++)
		assert_true(compare(&all[i], &all[i - 1]) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuid_text),
		cmocka_unit_test(test_uuid_parse_takes_digits_only),
		cmocka_unit_test(test_uuid_v4),
		cmocka_unit_test(test_uuid_v5),
		cmocka_unit_test_setup_teardown(test_uuid_v7_layout, testkit_clock_setup,
						testkit_clock_teardown),
		cmocka_unit_test_setup_teardown(test_uuid_v7_monotonic, testkit_clock_setup,
						testkit_clock_teardown),
		cmocka_unit_test(test_uuid_v7_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
