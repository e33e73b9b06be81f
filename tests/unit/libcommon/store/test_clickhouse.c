/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/store/clickhouse.h"

static void
test_clickhouse_binds(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{ "SELECT 1", "SELECT 1" },
		{ "a = $1 OR b = $1", "a = 7 OR b = 7" },
		{ "$3,$2", "'it\\x27s \\x5C\\x00',(-9223372036854775808)" },
		{ "'quoted' = $1", "'quoted' = 7" },
		{ "$4 $5 $6",
		  "toUUID('00000000-0000-0000-0000-000000000000') toDateTime(4294967295) toDate(0)" },
	};
	static const struct uuid nil;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf out = STRBUF_INIT;

		clickhouse_sql_bind(&out, cases[i].sql,
				    CLICKHOUSE_ARGS(ch_int(7), ch_int(INT64_MIN),
						    ch_text(slice_make("it's \\", 7)),
						    ch_uuid(&nil), ch_time(INT64_C(9999999999)),
						    ch_day(-3)));
		ASSERT_SLICE(cases[i].want, strbuf_slice(&out));
		strbuf_fini(&out);
	}
}

static void
bind_badly(void *sql)
{
	struct strbuf out = STRBUF_INIT;

	clickhouse_sql_bind(&out, sql, CLICKHOUSE_ARGS(ch_int(1)));
}

static void
test_clickhouse_bad_statements_are_bugs(void **state)
{
	static char cases[][24] = { "$2", "$", "$0", "'$1'", "$99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text;

		assert_true(testkit_fork(bind_badly, cases[i], &text) != 0);
		ASSERT_CONTAINS(text, "bad parameter");
		free(text);
	}
}

static void
test_clickhouse_answers(void **state)
{
	static const struct {
		const char *body;
		enum status want;
		size_t nrows, ncolumns;
		const char *last; /* cell */
	} cases[] = {
		{ "", STATUS_OK, 0, 0, NULL },
		{ "1\n", STATUS_OK, 1, 1, "1" },
		{ "\n", STATUS_OK, 1, 1, "" },
		{ "1\t\n2\ta\\tb\\n\\\\\\'\n", STATUS_OK, 2, 2, "a\tb\n\\'" },
		{ "1\t2\n3\n", STATUS_DATA_LOSS, 0, 0, NULL },
		{ "1\t2", STATUS_DATA_LOSS, 0, 0, NULL },
		{ "1\\\n", STATUS_OK, 1, 1, "1\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new(1 << 16);
		char *body = arena_strdup(arena, cases[i].body);
		struct clickhouse_result *res;
		struct err err;

		err_init(&err);
		ASSERT_STATUS(cases[i].want,
			      clickhouse_parse_tsv(body, strlen(body), arena, &res, &err), &err);
		if (cases[i].want == STATUS_OK) {
			assert_int_equal(res->nrows, cases[i].nrows);
			assert_int_equal(res->ncolumns, cases[i].ncolumns);
			if (cases[i].last != NULL)
				assert_string_equal(clickhouse_text(res, res->nrows - 1,
								    res->ncolumns - 1),
						    cases[i].last);
		}
		arena_free(arena);
	}
}

static void
test_clickhouse_numbers(void **state)
{
	static const struct {
		const char *text;
		bool is_uint, is_int;
	} cases[] = {
		{ "0", true, true },     { "18446744073709551615", true, false },
		{ "-1", false, true },   { "18446744073709551616", false, false },
		{ "", false, false },    { " 1", false, false },
		{ "1 ", false, false },  { "+1", false, false },
		{ "nan", false, false }, { "1.5", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice cell = slice_str(cases[i].text);
		struct clickhouse_result res = { .nrows = 1, .ncolumns = 1, .cells = &cell };

		(void)clickhouse_uint(&res, 0, 0);
		assert_int_equal(res.bad, !cases[i].is_uint);
		res.bad = false;
		(void)clickhouse_int(&res, 0, 0);
		assert_int_equal(res.bad, !cases[i].is_int);
	}
}

static void
test_clickhouse_error_codes(void **state)
{
	static const struct {
		const char *body;
		unsigned code;
		enum status want;
	} cases[] = {
		{ "Code: 62, e.displayText() = DB::Exception: Syntax error", 62, STATUS_INTERNAL },
		{ "Code: 117. DB::Exception: Unknown field", 117, STATUS_INVALID_ARGUMENT },
		{ "Code: 241. DB::Exception: Memory limit", 241, STATUS_RESOURCE_EXHAUSTED },
		{ "Code: 60, e", 60, STATUS_FAILED_PRECONDITION },
		{ "Code: ", 0, STATUS_INTERNAL },
		{ "Code: 99999999999", 999999, STATUS_INTERNAL },
		{ "nginx", 0, STATUS_INTERNAL },
		{ "", 0, STATUS_INTERNAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(clickhouse_error_code(slice_str(cases[i].body)), cases[i].code);
		assert_int_equal(clickhouse_code_status(cases[i].code), cases[i].want);
	}
}

static void
test_clickhouse_options(void **state)
{
	static const struct clickhouse_options cases[] = {
		{ .url = NULL, .database = "a" },
		{ .url = "http://example.com", .database = "a" },
		{ .url = "http://127.0.0.1:1?x=1", .database = "a" },
		{ .url = "http://127.0.0.1:1", .database = NULL },
		{ .url = "http://127.0.0.1:1", .database = "" },
		{ .url = "http://127.0.0.1:1", .database = "a;b" },
		{ .url = "http://127.0.0.1:1", .database = "a", .password = "x\r\nHost: y" },
		{ .url = "http://127.0.0.1:1", .database = "a", .user = "x\ny" },
	};
	struct clickhouse *ch;
	struct err err;

	(void)state;
	err_init(&err);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT, clickhouse_open(&cases[i], &ch, &err), &err);
}

static void
test_clickhouse_versions(void **state)
{
	struct clickhouse_features f;

	(void)state;
	assert_true(clickhouse_features_of(SLICE_LIT("18.16.1"), &f));
	assert_false(f.parameters || f.ttl || f.wait_mutation);
	assert_true(clickhouse_features_of(SLICE_LIT("19.6.2"), &f));
	assert_true(f.ttl && !f.wait_mutation);
	assert_true(clickhouse_features_of(SLICE_LIT("26.7.3.1-stable"), &f));
	assert_true(f.parameters && f.ttl && f.wait_mutation);
	assert_false(clickhouse_features_of(SLICE_LIT("x"), &f));
	assert_false(clickhouse_features_of(SLICE_LIT("-1.2."), &f));
	assert_false(clickhouse_features_of(SLICE_LIT(""), &f));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clickhouse_binds),
		cmocka_unit_test(test_clickhouse_bad_statements_are_bugs),
		cmocka_unit_test(test_clickhouse_answers),
		cmocka_unit_test(test_clickhouse_numbers),
		cmocka_unit_test(test_clickhouse_error_codes),
		cmocka_unit_test(test_clickhouse_options),
		cmocka_unit_test(test_clickhouse_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
