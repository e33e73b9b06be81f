/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/observe/trace.h"
#include "tests/support/testkit.h"

/* The example of the specification, section 3.2.2.5. */
#define IDS "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
static const char example[] = "00-" IDS "-01";

static void
test_trace_round_trip(void **state)
{
	struct trace t;
	char buf[TRACE_PARENT_SIZE], hex[33];

	(void)state;
	assert_true(trace_parse(slice_str(example), &t));
	trace_format(&t, buf);
	assert_string_equal(buf, example);
	trace_id_hex(&t, hex);
	assert_string_equal(hex, "4bf92f3577b34da6a3ce929d0e0e4736");
	assert_int_equal(t.flags, 1);
	assert_true(trace_parse(SLICE_LIT("00-" IDS "-00"), &t));
	assert_int_equal(t.flags, 0);
	/* Flags that level 1 does not know are not passed on. */
	assert_true(trace_parse(SLICE_LIT("00-" IDS "-ff"), &t));
	assert_int_equal(t.flags, 1);
}

static void
test_trace_strict(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{ "", false },
		{ "00-" IDS "-0", false },
		{ "00-" IDS "-01 ", false },
		{ "00-" IDS "-01-", false },
		{ "00-" IDS "-01-what", false },
		{ "01-" IDS "-01", true }, /* a later version may say more */
		{ "cc-" IDS "-01-what", true },
		{ "cc-" IDS "-01.what", false },
		{ "ff-" IDS "-01", false },
		{ "0g-" IDS "-01", false },
		{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", false },
		{ "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false },
		{ "00-00000000000000000000000000000001-0000000000000001-01", true },
		{ "00_" IDS "-01", false },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", false },
		{ "00-" IDS "_01", false },
		{ "00-" IDS "-0A", false },
		{ " 00-" IDS "-01", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct trace t = { .flags = 77 };
		bool ok = trace_parse(slice_str(cases[i].text), &t);
		if (ok != cases[i].ok || (!ok && t.flags != 77))
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void
test_trace_new_and_child(void **state)
{
	struct trace a, b;
	char buf[TRACE_PARENT_SIZE];

	(void)state;
	trace_new(&a);
	trace_new(&b);
	assert_memory_not_equal(a.trace_id, b.trace_id, 16);
	assert_memory_not_equal(a.span_id, b.span_id, 8);
	for (int i = 0; i < 100; i++) {
		struct trace child = trace_child(&a);
		assert_memory_equal(child.trace_id, a.trace_id, 16);
		assert_memory_not_equal(child.span_id, a.span_id, 8);
		assert_int_equal(child.flags, a.flags);
		trace_format(&child, buf);
		assert_int_equal(strlen(buf), TRACE_PARENT_SIZE - 1);
		assert_true(trace_parse(slice_str(buf), &b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_round_trip),
		cmocka_unit_test(test_trace_strict),
		cmocka_unit_test(test_trace_new_and_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
