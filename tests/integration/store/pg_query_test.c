/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: values there and back, errors, deadlines, the pool, lost servers. */
#include "tests/integration/store/store_test.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define D(ms) deadline_in(ms)

static struct pg_pool *pool;
static struct arena *arena;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	err_init(&err);
	pool = store_test_pool(4, true);
	arena = arena_new(1 << 20);
	return 0;
}

static int
setup_unprepared(void **state)
{
	(void)state;
	err_init(&err);
	pool = store_test_pool(4, false);
	arena = arena_new(1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	pg_pool_close(pool);
	return 0;
}

static void
test_pg_types_round_trip(void **state)
{
	static const char sql[] =
		"SELECT $1::text, $2::bytea, $3::bigint, $4::boolean, $5::uuid, $6::jsonb, "
		"$7::timestamptz,"
		" $8::float8, $9::text[], $3::bigint::int4, ($3::bigint % 1000)::int2, "
		"$8::float8::float4,"
		" '1234567.0625'::numeric, '-0.1'::numeric, '0'::numeric, $1::varchar(90)";
	static const char bytes[] = "\0\1\2\xff";
	char *strings[] = { (char[]){ "a\"b" }, (char[]){ "" }, (char[]){ "c,d {}" } };
	struct uuid id = uuid_v4();
	struct pg_result *res;
	char **got;

	(void)state;
	for (int i = 0; i < 2; i++) { /* the second time prepared */
		ASSERT_OK(pg_query(pool, D(5000), sql,
				   PG_ARGS(pg_str("h\xc3\xa9llo 'x'"), pg_bytes(SLICE_LIT(bytes)),
					   pg_int(-123456789), pg_bool(true), pg_uuid(&id),
					   pg_jsonb(SLICE_LIT("{\"a\": [1, 2]}")),
					   pg_time(1795505000123), pg_double(-2.5),
					   pg_strings(strings, 3)),
				   arena, &res, &err),
			  &err);
		assert_int_equal(1, pg_rows(res));
		assert_string_equal("h\xc3\xa9llo 'x'", pg_text(res, 0, 0));
		assert_true(slice_eq(SLICE_LIT(bytes), pg_get_bytes(res, 0, 1)));
		assert_int_equal(-123456789, pg_get_int(res, 0, 2));
		assert_true(pg_get_bool(res, 0, 3));
		struct uuid back = pg_get_uuid(res, 0, 4);
		assert_true(uuid_eq(&id, &back));
		assert_string_equal("{\"a\": [1, 2]}", pg_text(res, 0, 5));
		ASSERT_SLICE("{\"a\": [1, 2]}", pg_get_bytes(res, 0, 5));
		assert_int_equal(1795505000123, pg_get_time(res, 0, 6));
		assert_true(pg_get_double(res, 0, 7) == -2.5);
		assert_int_equal(3, pg_get_strings(res, 0, 8, arena, &got));
		for (int k = 0; k < 3; k++)
			assert_string_equal(strings[k], got[k]);
		assert_int_equal(-123456789, pg_get_int(res, 0, 9));
		assert_int_equal(-789, pg_get_int(res, 0, 10));
		assert_true(pg_get_double(res, 0, 11) == -2.5);
		assert_true(pg_get_double(res, 0, 12) == 1234567.0625);
		assert_true(pg_get_double(res, 0, 13) == -0.1);
		assert_true(pg_get_double(res, 0, 14) == 0);
		assert_string_equal("h\xc3\xa9llo 'x'", pg_text(res, 0, 15));
	}
}

static void
test_pg_extreme_values(void **state)
{
	static const char sql[] =
		"SELECT $1::bigint, $2::bigint, $3::timestamptz, $4::float8, $5::float8";
	static const char sql_odd[] =
		"SELECT 'infinity'::timestamptz, 'NaN'::numeric, '1e300'::numeric,"
		" '{}'::text[], '1999-12-31 23:59:59.9999Z'::timestamptz, ''::text";
	struct pg_result *res;
	char **got;

	(void)state;
	ASSERT_OK(pg_query(pool, D(5000), sql,
			   PG_ARGS(pg_int(INT64_MAX), pg_int(INT64_MIN), pg_time(-62135596800000),
				   pg_double(INFINITY), pg_double(NAN)),
			   arena, &res, &err),
		  &err);
	assert_true(pg_get_int(res, 0, 0) == INT64_MAX && pg_get_int(res, 0, 1) == INT64_MIN);
	assert_int_equal(-62135596800000, pg_get_time(res, 0, 2)); /* year 1 */
	assert_true(isinf(pg_get_double(res, 0, 3)) && isnan(pg_get_double(res, 0, 4)));
	ASSERT_OK(pg_query(pool, D(5000), sql_odd, PG_ARGS(), arena, &res, &err), &err);
	assert_true(pg_get_time(res, 0, 0) == INT64_MAX);
	assert_true(isnan(pg_get_double(res, 0, 1)));
	assert_true(fabs(pg_get_double(res, 0, 2) / 1e300 - 1) < 1e-12);
	assert_int_equal(0, pg_get_strings(res, 0, 3, arena, &got));
	assert_int_equal(946684799999, pg_get_time(res, 0, 4)); /* floor, also before 2000 */
	assert_int_equal(0, pg_get_bytes(res, 0, 5).n);
}

/*
 * A statement first seen with NULLs, whose types the server had to guess, then with values,
 * then NULLs again.
 */
static void
test_pg_nulls_do_not_fix_types(void **state)
{
	static const char sql[] =
		"SELECT $1::text, coalesce($2, 7), $3::uuid, $4::text[], $5::jsonb, $6::bool";
	char *strings[] = { (char[]){ "x" } };
	struct uuid id = uuid_v4();
	struct pg_result *res;
	char **got;

	(void)state;
	for (int i = 0; i < 3; i++) {
		bool null = i != 1;
		ASSERT_OK(pg_query(pool, D(5000), sql,
				   PG_ARGS(pg_str(null ? NULL : "t"),
					   null ? pg_null() : pg_int(INT64_C(1) << 40),
					   pg_uuid(null ? NULL : &id),
					   null ? pg_null() : pg_strings(strings, 1),
					   null ? pg_null() : pg_jsonb(SLICE_LIT("1")),
					   null ? pg_null() : pg_bool(true)),
				   arena, &res, &err),
			  &err);
		for (int c = 0; c < 6; c++)
			assert_int_equal(null && c != 1, pg_is_null(res, 0, c));
		assert_int_equal(null ? 7 : INT64_C(1) << 40, pg_get_int(res, 0, 1));
		assert_string_equal(null ? "" : "t", pg_text(res, 0, 0));
		assert_int_equal(null ? 0 : 1, pg_get_strings(res, 0, 3, arena, &got));
		assert_string_equal(null ? "" : "1", pg_text(res, 0, 4));
		assert_int_equal(!null, pg_get_bool(res, 0, 5));
		struct uuid back = pg_get_uuid(res, 0, 2);
		assert_int_equal(null, uuid_is_nil(&back));
	}
	ASSERT_STATUS(STATUS_INTERNAL,
		      pg_query(pool, D(5000), sql,
			       PG_ARGS(pg_int(1), pg_null(), pg_null(), pg_null(), pg_null(),
				       pg_null()),
			       arena, &res, &err),
		      &err);
	ASSERT_CONTAINS(err.text, "argument 1 changes its type");
}

static void
test_pg_text_fits_written_types(void **state)
{
	static const char sql[] =
		"SELECT ($1::date - DATE '2026-11-24')::int, $2::numeric, $3::inet::text,"
		" n = $4 FROM (VALUES ('a'::varchar)) AS v(n)";
	struct pg_result *res;

	(void)state;
	ASSERT_OK(pg_query(pool, D(5000), sql,
			   PG_ARGS(pg_str("2026-11-30"), pg_str("12.50"), pg_str("10.0.0.1"),
				   pg_str("a")),
			   arena, &res, &err),
		  &err);
	assert_int_equal(6, pg_get_int(res, 0, 0));
	assert_true(pg_get_double(res, 0, 1) == 12.5);
	assert_string_equal("10.0.0.1/32", pg_text(res, 0, 2));
	assert_true(pg_get_bool(res, 0, 3));
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      pg_query(pool, D(5000), sql,
			       PG_ARGS(pg_slice(SLICE_LIT("2026\0")), pg_str("1"), pg_str("::"),
				       pg_str("a")),
			       arena, &res, &err),
		      &err);
}

static void
test_pg_errors_are_mapped(void **state)
{
	static const char sql_unique[] = "INSERT INTO t_unique VALUES (1)";
	static const char sql_check[] = "INSERT INTO t_unique VALUES (-1)";
	static const char sql_foreign[] = "INSERT INTO t_child VALUES (99)";
	static const char sql_syntax[] = "SELEC 1";
	static const char sql_data[] = "SELECT $1::text::int4";
	static const char sql_kill[] = "SELECT pg_terminate_backend(pg_backend_pid())";
	static const struct {
		const char *sql;
		enum status status;
		const char *text;
	} cases[] = {
		{ sql_unique, STATUS_ALREADY_EXISTS, "constraint t_unique_pkey" },
		{ sql_check, STATUS_FAILED_PRECONDITION, "constraint t_unique_check" },
		{ sql_foreign, STATUS_FAILED_PRECONDITION, "constraint t_child_parent_fkey" },
		{ sql_syntax, STATUS_INTERNAL, "42601" },
		{ sql_kill, STATUS_UNAVAILABLE, "postgresql: select" },
	};

	(void)state;
	ask("sql CREATE TABLE store_test.t_unique (n int CONSTRAINT t_unique_pkey PRIMARY KEY,"
	    " CONSTRAINT t_unique_check CHECK (n > 0)); CREATE TABLE store_test.t_child (parent "
	    "int CONSTRAINT"
	    " t_child_parent_fkey REFERENCES store_test.t_unique); INSERT INTO store_test.t_unique "
	    "VALUES (1)");
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			ASSERT_STATUS(cases[i].status,
				      pg_query(pool, D(5000), cases[i].sql, PG_ARGS(), arena, NULL,
					       &err),
				      &err);
			ASSERT_CONTAINS(err.text, cases[i].text);
		}
		ASSERT_STATUS(STATUS_INTERNAL,
			      pg_query(pool, D(5000), sql_data,
				       PG_ARGS(pg_str("secret@example.org")), arena, NULL, &err),
			      &err);
		ASSERT_LACKS(err.text, "secret@example.org"); /* values do not enter logs */
	}
	ask("sql DROP TABLE store_test.t_child, store_test.t_unique");
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
}

static void
test_pg_affected_rows(void **state)
{
	static const char sql_insert[] =
		"INSERT INTO t_rows SELECT i, 'v' || i FROM generate_series(1, 5) AS i";
	static const char sql_update[] = "UPDATE t_rows SET v = $2 WHERE n > $1 RETURNING n";
	static const char sql_delete[] = "DELETE FROM t_rows WHERE n = $1";
	struct pg_result *res;

	(void)state;
	ask("sql CREATE TABLE store_test.t_rows (n int, v text)");
	ASSERT_OK(pg_query(pool, D(5000), sql_insert, PG_ARGS(), arena, &res, &err), &err);
	assert_int_equal(5, pg_affected(res));
	ASSERT_OK(pg_query(pool, D(5000), sql_update, PG_ARGS(pg_int(2), pg_str("x")), arena, &res,
			   &err),
		  &err);
	assert_int_equal(3, pg_affected(res));
	assert_int_equal(3, pg_rows(res));
	ASSERT_OK(pg_query(pool, D(5000), sql_delete, PG_ARGS(pg_int(99)), arena, &res, &err),
		  &err);
	assert_int_equal(0, pg_affected(res));
	ask("sql DROP TABLE store_test.t_rows");
}

/*
 * A table that changes under a prepared statement: the statement is prepared again on a new
 * connection.
 */
static void
test_pg_survives_schema_change(void **state)
{
	static const char sql[] = "SELECT * FROM t_shape";
	struct pg_result *res;

	(void)state;
	ask("sql CREATE TABLE store_test.t_shape (a int); INSERT INTO store_test.t_shape VALUES "
	    "(1)");
	ASSERT_OK(pg_query(pool, D(5000), sql, PG_ARGS(), arena, &res, &err), &err);
	ask("sql ALTER TABLE store_test.t_shape ALTER a TYPE bigint, ADD b text DEFAULT 'new'");
	ASSERT_OK(pg_query(pool, D(5000), sql, PG_ARGS(), arena, &res, &err), &err);
	assert_string_equal("new", pg_text(res, 0, 1));
	ask("sql DROP TABLE store_test.t_shape");
}

/* Texts made at run time that follow each other in one place. */
static void
test_pg_text_at_the_same_address(void **state)
{
	char sql[64];
	struct pg_result *res;
	struct pg_pool_stats stats;

	(void)state;
	for (int i = 0; i < 1100; i++) { /* more than a connection prepares in its life */
		snprintf(sql, sizeof(sql),
			 i % 2 ? "SELECT %d::bigint, $1::text" : "SELECT %d::bigint", i);
		if (i % 2)
			ASSERT_OK(pg_query(pool, D(5000), sql, PG_ARGS(pg_str("x")), arena, &res,
					   &err),
				  &err);
		else
			ASSERT_OK(pg_query(pool, D(5000), sql, PG_ARGS(), arena, &res, &err), &err);
		assert_int_equal(i, pg_get_int(res, 0, 0));
	}
	pg_pool_stats(pool, &stats);
	assert_int_equal(2, stats.opened);
}

static void
test_pg_big_values(void **state)
{
	static const char sql[] = "SELECT $1::bytea, length($1::bytea)";
	size_t n = 8 << 20;
	char *big = malloc(n);
	struct pg_result *res;

	(void)state;
	memset(big, 0xA5, n);
	ASSERT_OK(pg_query(pool, D(20000), sql, PG_ARGS(pg_bytes(slice_make(big, n))), arena, &res,
			   &err),
		  &err);
	assert_int_equal(n, pg_get_int(res, 0, 1));
	assert_true(slice_eq(slice_make(big, n), pg_get_bytes(res, 0, 0)));
	free(big);
}

/* ---- deadlines and the pool ---- */

static void
test_pg_deadline_cancels(void **state)
{
	static const char sql_sleep[] = "SELECT 1 FROM pg_sleep(30) AS deadline_cancels";
	static const char sql_running[] =
		"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND"
		" query LIKE '%AS deadline_cancels'";
	int64_t start = clock_mono_ms();

	(void)state;
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      pg_query(pool, D(150), sql_sleep, PG_ARGS(), arena, NULL, &err), &err);
	int64_t took = clock_mono_ms() - start;
	assert_in_range(took, 140, 15000);
	/* The server stops working on it too, and the pool goes on. */
	for (int i = 0; store_test_number(pool, sql_running) != 0; i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
	struct pg_pool_stats stats;
	pg_pool_stats(pool, &stats);
	assert_int_equal(1, stats.cancelled);
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      pg_query(pool, D(0), sql_sleep, PG_ARGS(), arena, NULL, &err), &err);
}

struct holders {
	struct testkit_latch *inside, *leave;
	atomic_int ok;
};

static enum status
on_hold(struct pg_tx *tx, void *arg, struct err *e)
{
	struct holders *h = arg;

	(void)tx;
	(void)e;
	testkit_latch_down(h->inside);
	return testkit_latch_wait_for(h->leave, 20000) ? STATUS_OK : STATUS_ABORTED;
}

static void
hold_one(void *arg, unsigned i)
{
	struct holders *h = arg;
	struct pg_tx_options opts = { .deadline = D(30000), .arena = arena_new(4096) };

	(void)i;
	if (pg_transaction(pool, &opts, on_hold, h, NULL) == STATUS_OK)
		atomic_fetch_add(&h->ok, 1);
	arena_free(opts.arena);
}

static void *
hold_four(void *arg)
{
	store_test_threads(4, hold_one, arg);
	return NULL;
}

/* All four connections are in transactions; a fifth caller is told so in half of its time. */
static void
test_pg_exhaustion_sheds(void **state)
{
	struct holders h = { .inside = testkit_latch_new(4), .leave = testkit_latch_new(1) };
	struct pg_pool_stats stats;
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, hold_four, &h);
	LATCH_WAIT(h.inside);
	int64_t start = clock_mono_ms();
	ASSERT_STATUS(STATUS_UNAVAILABLE, pg_ping(pool, D(400), &err), &err);
	assert_in_range(clock_mono_ms() - start, 190, 10000);
	assert_true(err.retry_after_ms > 0);
	pg_pool_stats(pool, &stats);
	assert_int_equal(4, stats.leased);
	assert_int_equal(1, stats.shed);
	testkit_latch_down(h.leave);
	ASSERT_OK(pg_ping(pool, D(10000), &err), &err); /* waits, and gets what comes free */
	pthread_join(thread, NULL);
	assert_int_equal(4, atomic_load(&h.ok));
	testkit_latch_free(h.inside);
	testkit_latch_free(h.leave);
}

static void
query_often(void *arg, unsigned i)
{
	static const char sql_echo[] = "SELECT $1::bigint";
	atomic_int *failures = arg;

	for (int k = 0; k < 200; k++) {
		struct arena *a = arena_new(4096);
		struct pg_result *res;
		int64_t v = (int64_t)i * 1000 + k;

		if (pg_query(pool, D(10000), sql_echo, PG_ARGS(pg_int(v)), a, &res, NULL) !=
			    STATUS_OK ||
		    pg_get_int(res, 0, 0) != v)
			atomic_fetch_add(failures, 1);
		arena_free(a);
	}
}

static void
test_pg_many_threads_few_connections(void **state)
{
	atomic_int failures = 0;
	struct pg_pool_stats stats;

	(void)state;
	store_test_threads(16, query_often, &failures);
	assert_int_equal(0, atomic_load(&failures));
	pg_pool_stats(pool, &stats);
	assert_in_range(stats.connected, 1, 4);
	assert_int_equal(16 * 200, stats.statements);
	assert_int_equal(16 * 200, stats.round_trips); /* preparing costs none of its own */
}

/* ---- lost servers ---- */

static void
test_pg_backend_killed(void **state)
{
	static const char sql_victim[] = "SELECT pg_sleep(30)";

	(void)state;
	ask("kill a backend in 300 ms"); /* kill -9: the server restarts all its backends */
	ASSERT_STATUS(STATUS_UNAVAILABLE,
		      pg_query(pool, D(10000), sql_victim, PG_ARGS(), arena, NULL, &err), &err);
	ask("wait for postgres");
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
}

static void
test_pg_server_restart(void **state)
{
	(void)state;
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
	ask("restart postgres");
	/* The idle connection is found dead before anything is sent. */
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
	ask("stop postgres");
	int64_t start = clock_mono_ms();
	ASSERT_STATUS(STATUS_UNAVAILABLE, pg_ping(pool, D(5000), &err), &err);
	assert_true(clock_mono_ms() - start < 4000);
	ask("start postgres");
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
	ask("kill9 postgres");
	ASSERT_STATUS(STATUS_UNAVAILABLE, pg_ping(pool, D(5000), &err), &err);
	ask("start postgres");
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
}

/* A server that accepts and says nothing: everything still ends at its deadline. */
static void
test_pg_frozen_server(void **state)
{
	static const char sql[] = "SELECT 42";

	(void)state;
	ASSERT_OK(pg_ping(pool, D(5000), &err), &err);
	ask("freeze postgres");
	int64_t start = clock_mono_ms();
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      pg_query(pool, D(200), sql, PG_ARGS(), arena, NULL, &err), &err);
	ASSERT_STATUS(STATUS_UNAVAILABLE, pg_query(pool, D(200), sql, PG_ARGS(), arena, NULL, &err),
		      &err);
	int64_t took = clock_mono_ms() - start;
	ask("thaw postgres");
	assert_true(took < 10000);
	ASSERT_OK(pg_ping(pool, D(10000), &err), &err);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define U(name) cmocka_unit_test_setup_teardown(name, setup_unprepared, teardown)
	const struct CMUnitTest tests[] = {
		T(test_pg_types_round_trip),
		U(test_pg_types_round_trip),
		T(test_pg_extreme_values),
		T(test_pg_nulls_do_not_fix_types),
		U(test_pg_nulls_do_not_fix_types),
		T(test_pg_text_fits_written_types),
		T(test_pg_errors_are_mapped),
		U(test_pg_errors_are_mapped),
		T(test_pg_affected_rows),
		T(test_pg_survives_schema_change),
		U(test_pg_survives_schema_change),
		T(test_pg_text_at_the_same_address),
		T(test_pg_big_values),
		T(test_pg_deadline_cancels),
		T(test_pg_exhaustion_sheds),
		T(test_pg_many_threads_few_connections),
		U(test_pg_many_threads_few_connections),
		T(test_pg_backend_killed),
		T(test_pg_server_restart),
		T(test_pg_frozen_server),
	};

	store_test_env("TEST_PG_URL");
	return cmocka_run_group_tests_name("pg_query", tests, store_test_migrate, NULL);
}
