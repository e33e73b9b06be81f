/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: order, checksums, grants, errors that name file and line, many migrators at once. */
#include "tests/integration/store/store_test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "libcommon/store/pg_migrate.h"

static const struct pg_migration three[] = {
	{ "0001_init.sql", "CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);" },
	{ "0002_more.sql",
	  "-- comment; with a semicolon\nALTER TABLE a ADD m text DEFAULT 'x;y';" },
	{ "0003_last.sql",
	  "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$ SELECT 1; $body$;" },
	{ NULL, NULL },
};
static struct err err;

static enum status
migrate(const struct pg_migration *list, size_t n)
{
	struct pg_migrations m = {
		.schema = "store_test", .app_role = "fit_workout", .list = list, .n = n
	};

	err_init(&err);
	return pg_migrate(store_test_env("TEST_PG_OWNER_URL"), NULL, &m, deadline_in(20000), &err);
}

static int
fresh(void **state)
{
	(void)state;
	ask("sql DROP SCHEMA IF EXISTS store_test CASCADE");
	return 0;
}

static int64_t
number(const char *sql)
{
	struct pg_pool *pool = store_test_pool(1, true);
	int64_t n = store_test_number(pool, sql);

	pg_pool_close(pool);
	return n;
}

static void
test_migrate_applies_each_once(void **state)
{
	(void)state;
	ASSERT_OK(migrate(three, 1), &err);
	assert_int_equal(1, number("SELECT count(*) FROM a"));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(migrate(three, 0), &err);
	assert_int_equal(1, number("SELECT count(*) FROM a WHERE m = 'x;y'"));
	/*
	 * The application's role may use tables, also later ones, but not change what is
	 * recorded.
	 */
	struct pg_pool *pool = store_test_pool(1, true);
	static const char sql_insert[] = "INSERT INTO a VALUES (2)";
	static const char sql_cheat[] = "DELETE FROM schema_migration";
	static const char sql_drop[] = "DROP TABLE a";
	ASSERT_OK(pg_query(pool, deadline_in(5000), sql_insert, PG_ARGS(), NULL, NULL, &err), &err);
	ASSERT_STATUS(STATUS_INTERNAL,
		      pg_query(pool, deadline_in(5000), sql_cheat, PG_ARGS(), NULL, NULL, &err),
		      &err);
	ASSERT_STATUS(STATUS_INTERNAL,
		      pg_query(pool, deadline_in(5000), sql_drop, PG_ARGS(), NULL, NULL, &err),
		      &err);
	pg_pool_close(pool);
	/* An older binary on a newer schema. */
	ASSERT_OK(migrate(three, 2), &err);
}

static void
test_migrate_refuses_changed_text(void **state)
{
	const struct pg_migration changed[] = { three[0], { "0002_more.sql", "SELECT 1" } };

	(void)state;
	ASSERT_OK(migrate(three, 0), &err);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, migrate(changed, 2), &err);
	ASSERT_CONTAINS(err.text, "store_test/0002_more.sql was changed");
}

static void
test_migrate_refuses_gaps_and_names(void **state)
{
	static const char *const names[] = { "0003_gap.sql", "2_short.sql", "0002.sql",
					     "0002_x'y.sql", "init.sql" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct pg_migration list[] = { three[0], { names[i], "SELECT 1" } };

		ASSERT_STATUS(STATUS_FAILED_PRECONDITION, migrate(list, 2), &err);
		ASSERT_CONTAINS(err.text, names[i]);
		ASSERT_CONTAINS(err.text, "expected 0002_words.sql");
	}
}

static void
test_migrate_names_file_and_line(void **state)
{
	static const struct {
		const char *sql, *where;
	} cases[] = {
		/* With a position from the server (characters, not bytes) … */
		{ "CREATE TABLE b (n int);\n\n-- \xc3\xa4\xc3\xb6\xc3\xbc\nSELECT nothing\n FROM "
		  "b;",
		  "line 4" },
		{ "SELECT 1;\nSELEC 2;", "line 2" },
		/* … and without one: the statement's own line. */
		{ "CREATE TABLE b (n int);\n-- x;\n/* y; */\nCREATE TABLE a2 (m text DEFAULT "
		  "';\n;');\n\nDROP TABLE zzz;",
		  "line 7" },
		{ "DO $x$ BEGIN\n NULL;\nEND $x$;\nDO $$ BEGIN RAISE EXCEPTION 'no'; END $$;",
		  "line 4" },
		{ "\n\nDROP TABLE zzz", "line 3" },
	};

	(void)state;
	ASSERT_OK(migrate(three, 1), &err);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pg_migration list[] = { three[0], { "0002_bad.sql", cases[i].sql } };

		ASSERT_STATUS(STATUS_INTERNAL, migrate(list, 2), &err);
		ASSERT_CONTAINS(err.text, "store_test/0002_bad.sql");
		ASSERT_CONTAINS(err.text, cases[i].where);
	}
	/* Nothing of them stayed. */
	assert_int_equal(0,
			 number("SELECT count(*) FROM pg_tables WHERE tablename IN ('b', 'a2') AND"
				" schemaname = 'store_test'"));
	ASSERT_OK(migrate(three, 0), &err);
}

static void
migrate_one(void *arg, unsigned i)
{
	struct pg_migrations m = { .schema = "store_test",
				   .app_role = "fit_workout",
				   .list = three };
	struct err local;
	atomic_int *failures = arg;

	(void)i;
	err_init(&local);
	if (pg_migrate(store_test_env("TEST_PG_OWNER_URL"), NULL, &m, deadline_in(20000), &local) !=
	    STATUS_OK) {
		atomic_fetch_add(failures, 1);
		fprintf(stderr, "%s\n", local.text);
	}
}

static void
test_migrate_many_at_once(void **state)
{
	atomic_int failures = 0;

	(void)state;
	store_test_threads(6, migrate_one, &failures);
	assert_int_equal(0, atomic_load(&failures));
	assert_int_equal(1, number("SELECT count(*) FROM a"));
}

static void
test_migrate_needs_a_url(void **state)
{
	struct pg_migrations m = { .schema = "store_test" };

	(void)state;
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION,
		      pg_migrate(NULL, NULL, &m, deadline_in(1000), &err), &err);
	ASSERT_STATUS(STATUS_UNAVAILABLE,
		      pg_migrate("postgresql://x@127.0.0.1:1/x", NULL, &m, deadline_in(1000), &err),
		      &err);
	m.app_role = "no_such_role";
	ASSERT_STATUS(STATUS_INTERNAL,
		      pg_migrate(store_test_env("TEST_PG_OWNER_URL"), NULL, &m, deadline_in(5000),
				 &err),
		      &err);
	ASSERT_CONTAINS(err.text, "no_such_role");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		T(test_migrate_applies_each_once),      T(test_migrate_refuses_changed_text),
		T(test_migrate_refuses_gaps_and_names), T(test_migrate_names_file_and_line),
		T(test_migrate_many_at_once),           T(test_migrate_needs_a_url),
	};

	store_test_env("TEST_PG_URL");
	return cmocka_run_group_tests_name("pg_migrate", tests, NULL, NULL);
}
