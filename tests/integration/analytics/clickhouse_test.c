/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_test.c - the client and the migrations against a real server.
 */
#include <stdio.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/store/clickhouse_migrate.h"
#include "libcommon/store/clickhouse_row.h"
#include "libcommon/store/pg_migrate.h"
#include "tests/integration/analytics/clickhouse_server.h"

static struct clickhouse *ch;
static struct arena *arena;
static struct err err;

static int
set_up(void **state)
{
	(void)state;
	ch = server_open("clickhouse_test");
	arena = arena_new(1 << 20);
	err_init(&err);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	clickhouse_close(ch);
	arena_free(arena);
	return 0;
}

static void
exec(const char *sql)
{
	ASSERT_OK(clickhouse_exec(ch, DEADLINE, sql, CLICKHOUSE_NO_ARGS, &err), &err);
}

/* Every byte, and every pair that could end a literal, comes back as it went. */
static void
test_clickhouse_texts_come_back(void **state)
{
	static const char *const nasty[] = {
		"'",  "\\",         "\\'",      "''",         "\\\\'", "'; DROP TABLE x; --",
		"$1", "{a:String}", "\xff\xfe", "a\tb\nc\\d", "\\x41", "/*",
		"--", "",           "\xd0\xb6", "\x1a"
	};
	struct clickhouse_result *res;
	char bytes[256], hex[513];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	codec_hex_encode(bytes, 256, hex);
	ASSERT_OK(clickhouse_query(ch, DEADLINE, "SELECT lower(hex($1)), $1, length($1)",
				   CLICKHOUSE_ARGS(ch_text(slice_make(bytes, 256))), arena, &res,
				   &err),
		  &err);
	assert_string_equal(clickhouse_text(res, 0, 0), hex);
	assert_int_equal(res->cells[1].n, 256);
	assert_memory_equal(res->cells[1].p, bytes, 256);
	assert_int_equal(clickhouse_uint(res, 0, 2), 256);
	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		ASSERT_OK(clickhouse_query(ch, DEADLINE, "SELECT concat('<', $1, '>')",
					   CLICKHOUSE_ARGS(ch_text(slice_str(nasty[i]))), arena,
					   &res, &err),
			  &err);
		assert_int_equal(res->nrows, 1);
		assert_string_equal(clickhouse_text(res, 0, 0),
				    arena_printf(arena, "<%s>", nasty[i]));
	}
}

static void
test_clickhouse_typed_arguments(void **state)
{
	struct clickhouse_result *res;
	struct uuid id;

	(void)state;
	assert_true(uuid_parse_str("01234567-89ab-cdef-0123-456789abcdef", &id));
	ASSERT_OK(clickhouse_query(
			  ch, DEADLINE,
			  "SELECT toString($1), toTypeName($1), 5 -$2, toString($3), toUInt32($4),"
			  " toString($5), toString($6)",
			  CLICKHOUSE_ARGS(ch_uuid(&id), ch_int(-7), ch_time(1795505000),
					  ch_time(-5), ch_day(20781), ch_day(99999)),
			  arena, &res, &err),
		  &err);
	assert_string_equal(clickhouse_text(res, 0, 0), "01234567-89ab-cdef-0123-456789abcdef");
	assert_string_equal(clickhouse_text(res, 0, 1), "UUID");
	assert_int_equal(clickhouse_int(res, 0, 2), 12);
	assert_string_equal(clickhouse_text(res, 0, 3), "2026-11-24 07:23:20");
	assert_int_equal(clickhouse_uint(res, 0, 4), 0); /* cut, not wrapped */
	assert_string_equal(clickhouse_text(res, 0, 5), "2026-11-24");
	assert_true(strcmp(clickhouse_text(res, 0, 6), "2100-01-01") > 0);
	assert_false(res->bad);
	(void)clickhouse_int(res, 0, 1);
	assert_true(res->bad);
}

static void
test_clickhouse_rows_round_trip(void **state)
{
	struct strbuf rows = STRBUF_ARENA(arena);
	struct clickhouse_result *res;
	char longer[300];
	struct uuid id;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	assert_true(uuid_parse_str("01234567-89ab-cdef-fedc-ba9876543210", &id));
	exec("CREATE TABLE t (id UUID, t DateTime('UTC'), a UInt16, b UInt32, c UInt64, d Int64, s String)"
	     " ENGINE = MergeTree ORDER BY a");
	ch_put_uuid(&rows, &id);
	ch_put_u32(&rows, 1795505000);
	ch_put_u16(&rows, 65535);
	ch_put_u32(&rows, 4000000000);
	ch_put_u64(&rows, UINT64_MAX);
	ch_put_i64(&rows, INT64_MIN);
	ch_put_text(&rows, slice_make(longer, sizeof(longer)));
	ASSERT_OK(clickhouse_insert(ch, DEADLINE, "t (id,t,a,b,c,d,s)", strbuf_slice(&rows), &err),
		  &err);
	ASSERT_OK(clickhouse_query(ch, DEADLINE,
				   "SELECT toString(id), toString(t), a, b, c, d, s FROM t",
				   CLICKHOUSE_NO_ARGS, arena, &res, &err),
		  &err);
	assert_string_equal(clickhouse_text(res, 0, 0), "01234567-89ab-cdef-fedc-ba9876543210");
	assert_string_equal(clickhouse_text(res, 0, 1), "2026-11-24 07:23:20");
	assert_int_equal(clickhouse_uint(res, 0, 2), 65535);
	assert_int_equal(clickhouse_uint(res, 0, 3), 4000000000);
	assert_true(clickhouse_uint(res, 0, 4) == UINT64_MAX);
	assert_true(clickhouse_int(res, 0, 5) == INT64_MIN);
	ASSERT_SLICE(arena_strndup(arena, longer, sizeof(longer)), res->cells[6]);

	/* A row that is cut short is bad data: sending it again cannot help. */
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      clickhouse_insert(ch, DEADLINE, "t (id,t,a,b,c,d,s)",
					slice_make(rows.buf, rows.len - 1), &err),
		      &err);
	assert_int_equal(server_number(ch, "SELECT count() FROM t"), 1);
}

static void
test_clickhouse_errors(void **state)
{
	static const struct {
		const char *sql;
		enum status want;
		const char *text;
	} cases[] = {
		{ "SELEKT 1", STATUS_INTERNAL, "Code: 62" },
		{ "SELECT * FROM nowhere", STATUS_FAILED_PRECONDITION, "Code: 60" },
		{ "CREATE TABLE x (a UInt8) ENGINE = Memory", STATUS_PERMISSION_DENIED,
		  "Code: 164" },
		{ "DROP DATABASE clickhouse_test", STATUS_PERMISSION_DENIED, "Code: 164" },
		{ "SELECT number FROM system.numbers LIMIT 400000", STATUS_RESOURCE_EXHAUSTED,
		  "above" },
		{ "SELECT throwIf(number = 5000) FROM system.numbers LIMIT 5001", STATUS_INTERNAL,
		  "Code: 395" },
	};
	struct clickhouse_result *res;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_STATUS(cases[i].want,
			      clickhouse_query(ch, DEADLINE, cases[i].sql, CLICKHOUSE_NO_ARGS,
					       arena, &res, &err),
			      &err);
		ASSERT_CONTAINS(err.text, cases[i].text);
	}
}

static void
test_clickhouse_ends_at_its_deadline(void **state)
{
	struct clickhouse_result *res;
	int64_t start = clock_mono_ms();

	(void)state;
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      clickhouse_query(ch, deadline_in(300), "SELECT sleep(3)", CLICKHOUSE_NO_ARGS,
				       arena, &res, &err),
		      &err);
	assert_in_range(clock_mono_ms() - start, 250, 1500);
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED, clickhouse_ping(ch, deadline_in(0), &err), &err);
}

static void
test_clickhouse_refuses_a_wrong_password(void **state)
{
	const struct clickhouse_options opts = { .url = server_env("TEST_CLICKHOUSE_URL"),
						 .database = "clickhouse_test",
						 .user = "default",
						 .password = "wrong" };
	struct clickhouse_result *res;
	struct clickhouse *other;

	(void)state;
	ASSERT_OK(clickhouse_open(&opts, &other, &err), &err);
	ASSERT_OK(clickhouse_ping(other, DEADLINE, &err), &err);
	ASSERT_STATUS(STATUS_UNAUTHENTICATED,
		      clickhouse_query(other, DEADLINE, "SELECT 1", CLICKHOUSE_NO_ARGS, arena, &res,
				       &err),
		      &err);
	ASSERT_LACKS(err.text, "wrong");
	clickhouse_close(other);
}

static void
test_clickhouse_nobody_there(void **state)
{
	struct clickhouse_options opts = { .database = "clickhouse_test" };
	struct clickhouse *other;

	(void)state;
	opts.url = arena_printf(arena, "http://127.0.0.1:%u/", testkit_free_port());
	ASSERT_OK(clickhouse_open(&opts, &other, &err), &err);
	ASSERT_STATUS(STATUS_UNAVAILABLE, clickhouse_ping(other, DEADLINE, &err), &err);
	clickhouse_close(other);
}

static void
test_clickhouse_features(void **state)
{
	struct clickhouse_features features = { 0 };

	(void)state;
	ASSERT_OK(clickhouse_features(ch, DEADLINE, &features, &err), &err);
	assert_in_range(features.major, 18, 99);
	assert_int_equal(features.parameters, features.major >= 20);
}

/* ---- migrations ---- */

static const char sql_two[] =
	"-- SPDX\nCREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;\n"
	"CREATE TABLE IF NOT EXISTS b (x UInt8) ENGINE = MergeTree ORDER BY x;\n";

static void
test_clickhouse_migrates_once(void **state)
{
	const struct pg_migration first[] = { { "0001_two.sql", sql_two }, { NULL, NULL } };
	const struct pg_migration second[] = { { "0001_two.sql", sql_two },
					       { "0002_more.sql",
						 "ALTER TABLE a ADD COLUMN y UInt8 AFTER x;\n" },
					       { NULL, NULL } };
	const struct pg_migration changed[] = { { "0001_two.sql", "SELECT 1;\n" }, { NULL, NULL } };

	(void)state;
	for (int i = 0; i < 2; i++)
		ASSERT_OK(clickhouse_migrate(ch, first, DEADLINE, &err), &err);
	/* Not harmless a second time: it would fail if it ran again. */
	for (int i = 0; i < 2; i++)
		ASSERT_OK(clickhouse_migrate(ch, second, DEADLINE, &err), &err);
	assert_int_equal(server_number(ch, "SELECT count() FROM schema_migration"), 2);
	/* A server that has newer migrations than this program is accepted. */
	ASSERT_OK(clickhouse_migrate(ch, first, DEADLINE, &err), &err);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, clickhouse_migrate(ch, changed, DEADLINE, &err),
		      &err);
	ASSERT_CONTAINS(err.text, "0001_two.sql");
}

static void
test_clickhouse_migration_goes_on_after_a_failure(void **state)
{
	const struct pg_migration broken[] = {
		{ "0001_two.sql",
		  "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;\nNONSENSE;\n" },
		{ NULL, NULL }
	};
	const struct pg_migration mended[] = { { "0001_two.sql", sql_two }, { NULL, NULL } };
	const struct pg_migration open_end[] = { { "0001_x.sql", "SELECT 1" }, { NULL, NULL } };
	const struct pg_migration gap[] = { { "0002_x.sql", "SELECT 1;\n" }, { NULL, NULL } };

	(void)state;
	ASSERT_STATUS(STATUS_INTERNAL, clickhouse_migrate(ch, broken, DEADLINE, &err), &err);
	ASSERT_CONTAINS(err.text, "0001_two.sql statement 2");
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, clickhouse_migrate(ch, open_end, DEADLINE, &err),
		      &err);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, clickhouse_migrate(ch, gap, DEADLINE, &err),
		      &err);
	ASSERT_OK(clickhouse_migrate(ch, mended, DEADLINE, &err), &err);
	assert_int_equal(server_number(ch, "SELECT count() FROM b"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clickhouse_texts_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_typed_arguments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_rows_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_ends_at_its_deadline, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_refuses_a_wrong_password, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_nobody_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_features, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_migrates_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clickhouse_migration_goes_on_after_a_failure,
						set_up, tear_down),
	};

	(void)server_env("TEST_CLICKHOUSE_URL");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
