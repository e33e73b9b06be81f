/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/schema/schema_impl.h"
#include "libcommon/schema/textnum.h"

static const char *
double_text(double v)
{
	static struct strbuf sb;
	strbuf_reset(&sb);
	textnum_add_double(&sb, v);
	return sb.buf;
}

static const char *
float_text(float v)
{
	static struct strbuf sb;
	strbuf_reset(&sb);
	textnum_add_float(&sb, v);
	return sb.buf;
}

static void
test_textnum_prints_the_shortest(void **state)
{
	static const struct {
		double v;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ -1, "-1" },
		{ 62.5, "62.5" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 100, "100" },
		{ 1e6, "1000000" },
		{ 123456.789, "123456.789" },
		{ 1e-6, "0.000001" },
		{ 1e-7, "1e-07" },
		{ 1e22, "1e+22" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ 5e-324, "5e-324" },
		{ 999999999999999, "999999999999999" },
		{ -0.5, "-0.5" },
		{ 9007199254740993, "9007199254740992" },
		{ 2.5, "2.5" },
		{ 0.30000000000000004, "0.30000000000000004" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(double_text(rows[i].v), rows[i].want);
	assert_string_equal(double_text(-0.0), "-0.0");
	assert_string_equal(float_text(0.1f), "0.1");
	assert_string_equal(float_text(16777216.0f), "16777216");
	assert_string_equal(float_text(FLT_MAX), "3.4028235e+38");
	assert_string_equal(float_text(1.0f / 3), "0.33333334");
}

/* No value changes on the way through text, whichever way the text was made and read. */
static void
test_textnum_reads_back_what_it_prints(void **state)
{
	uint64_t x = 88172645463325252u; /* xorshift64 */
	(void)state;

	for (int i = 0; i < 300000; i++) {
		double v, back;
		float single;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (i % 3 == 0)
			memcpy(&v, &x, sizeof(v));
		else
			v = (double)(int64_t)(x >> (i % 40)) / (i % 3 == 1 ? 1000 : 4);
		if (!isfinite(v))
			continue;
		assert_true(textnum_double(slice_str(double_text(v)), &back));
		assert_memory_equal(&v, &back, sizeof(v));
		assert_true(strtod(double_text(v), NULL) == v);
		single = (float)v;
		if (!isfinite(single))
			continue;
		assert_true(strtof(float_text(single), NULL) == single);
	}
}

static void
test_textnum_reads_doubles_exactly(void **state)
{
	static const char *const rows[] = {
		"0",
		"-0",
		"1",
		"0.1",
		"1e22",
		"1e23",
		"8.5e-22",
		"123456789012345678",
		"9007199254740993",
		"9007199254740993.0",
		"2.2250738585072011e-308",
		"1.7976931348623157e308",
		"4.9e-324",
		"1e-400",
		"0.000000000000000000000000001",
		"179769313486231570000000000000000000000",
		"18446744073709551615",
		"18446744073709551616",
		"3.14159265358979323846",
		"100000000000000000000000000000000000000000000000000e-50",
	};
	double v;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double want = strtod(rows[i], NULL);
		assert_true(textnum_double(slice_str(rows[i]), &v));
		assert_memory_equal(&v, &want, sizeof(v));
	}
	assert_false(textnum_double(SLICE_LIT("1e309"), &v));
	assert_false(textnum_double(SLICE_LIT("-1e400"), &v));
}

static void
test_textnum_integers(void **state)
{
	static const struct {
		const char *text;
		unsigned type;
		bool ok;
		int64_t v;
	} rows[] = {
		{ "0", FT_INT32, true, 0 },
		{ "-0", FT_UINT32, true, 0 },
		{ "2147483647", FT_INT32, true, INT32_MAX },
		{ "2147483648", FT_INT32, false, 0 },
		{ "-2147483648", FT_INT32, true, INT32_MIN },
		{ "-2147483649", FT_INT32, false, 0 },
		{ "4294967295", FT_UINT32, true, UINT32_MAX },
		{ "4294967296", FT_FIXED32, false, 0 },
		{ "-1", FT_UINT64, false, 0 },
		{ "9223372036854775807", FT_INT64, true, INT64_MAX },
		{ "9223372036854775808", FT_INT64, false, 0 },
		{ "-9223372036854775808", FT_SINT64, true, INT64_MIN },
		{ "-9223372036854775809", FT_SFIXED64, false, 0 },
		{ "18446744073709551615", FT_UINT64, true, -1 },
		{ "18446744073709551616", FT_UINT64, false, 0 },
		{ "1e2", FT_INT32, true, 100 },
		{ "1.50e1", FT_INT32, true, 15 },
		{ "1.5", FT_INT32, false, 0 },
		{ "0.0e99999999999", FT_INT32, true, 0 },
		{ "1e99999999999", FT_INT64, false, 0 },
		{ "1e-99999999999", FT_INT64, false, 0 },
		{ "10000000000000000000000e-22", FT_INT64, true, 1 },
		{ "18446744073709551615.0", FT_UINT64, true, -1 },
		{ "1.00000000000000000000000000001", FT_INT64, false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t v = 77;
		if (textnum_int(slice_str(rows[i].text), rows[i].type, &v) != rows[i].ok ||
		    v != (rows[i].ok ? rows[i].v : 77))
			fail_msg("%s as type %u: %lld", rows[i].text, rows[i].type, (long long)v);
	}
	assert_true(textnum_is_integer(SLICE_LIT("-12")));
	assert_false(textnum_is_integer(SLICE_LIT("")));
	assert_false(textnum_is_integer(SLICE_LIT("-")));
	assert_false(textnum_is_integer(SLICE_LIT("01")));
	assert_false(textnum_is_integer(SLICE_LIT("+1")));
	assert_false(textnum_is_integer(SLICE_LIT("1.0")));
}

static void
test_textnum_times(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t seconds;
		int32_t nanos;
		const char *back;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", true, 0, 0, "1970-01-01T00:00:00Z" },
		{ "0001-01-01T00:00:00Z", true, -62135596800, 0, "0001-01-01T00:00:00Z" },
		{ "9999-12-31T23:59:59.999999999Z", true, 253402300799, 999999999,
		  "9999-12-31T23:59:59.999999999Z" },
		{ "2000-02-29T12:00:00.1Z", true, 951825600, 100000000,
		  "2000-02-29T12:00:00.100Z" },
		{ "2024-02-29T23:59:59-12:00", true, 1709294399, 0, "2024-03-01T11:59:59Z" },
		{ "1969-12-31T23:59:59.000001Z", true, -1, 1000, "1969-12-31T23:59:59.000001Z" },
		{ "1900-02-29T00:00:00Z", false, 0, 0, NULL },
		{ "2026-13-01T00:00:00Z", false, 0, 0, NULL },
		{ "2026-00-01T00:00:00Z", false, 0, 0, NULL },
		{ "2026-01-01T00:60:00Z", false, 0, 0, NULL },
		{ "2026-01-01T00:00:60Z", false, 0, 0, NULL },
		{ "2026-01-01t00:00:00Z", false, 0, 0, NULL },
		{ "2026-01-01T00:00:00z", false, 0, 0, NULL },
		{ "2026-01-01 00:00:00Z", false, 0, 0, NULL },
		{ "2026-01-01T00:00:00.Z", false, 0, 0, NULL },
		{ "2026-01-01T00:00:00+1:00", false, 0, 0, NULL },
		{ "2026-01-01T00:00:00+24:00", false, 0, 0, NULL },
		{ "2026-01-01T00:00:00Zx", false, 0, 0, NULL },
		{ "10000-01-01T00:00:00Z", false, 0, 0, NULL },
		{ "", false, 0, 0, NULL },
	};
	struct strbuf sb = STRBUF_INIT;
	struct textnum_time t;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (textnum_timestamp(slice_str(rows[i].text), &t) != rows[i].ok)
			fail_msg("%s", rows[i].text);
		if (!rows[i].ok)
			continue;
		assert_int_equal(t.seconds, rows[i].seconds);
		assert_int_equal(t.nanos, rows[i].nanos);
		strbuf_reset(&sb);
		assert_true(textnum_add_timestamp(&sb, t));
		assert_string_equal(sb.buf, rows[i].back);
	}
	/* Every day of 400 years and more comes back. */
	for (int64_t day = -719162; day <= 2932896; day += 13) {
		struct textnum_time in = { day * 86400 + 86399, 0 };
		strbuf_reset(&sb);
		assert_true(textnum_add_timestamp(&sb, in));
		assert_true(textnum_timestamp(strbuf_slice(&sb), &t));
		assert_int_equal(t.seconds, in.seconds);
	}
	assert_false(textnum_add_timestamp(&sb, (struct textnum_time){ 253402300800, 0 }));
	assert_false(textnum_add_timestamp(&sb, (struct textnum_time){ 0, -1 }));
	assert_false(textnum_add_duration(&sb, (struct textnum_time){ 1, -1 }));
	assert_false(textnum_add_duration(&sb, (struct textnum_time){ 315576000001, 0 }));
	assert_true(textnum_duration(SLICE_LIT("-0.000000001s"), &t));
	assert_int_equal(t.nanos, -1);
	assert_false(textnum_duration(SLICE_LIT(".5s"), &t));
	assert_false(textnum_duration(SLICE_LIT("+1s"), &t));
	assert_false(textnum_duration(SLICE_LIT("1 s"), &t));
	strbuf_fini(&sb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_textnum_prints_the_shortest),
		cmocka_unit_test(test_textnum_reads_back_what_it_prints),
		cmocka_unit_test(test_textnum_reads_doubles_exactly),
		cmocka_unit_test(test_textnum_integers),
		cmocka_unit_test(test_textnum_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
