/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/store/store_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/store/pg_migrate.h"

const char *
store_test_env(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL) {
		printf("skipped: %s is not set (run by tests/integration/store/test_store.py)\n",
		       name);
		exit(0);
	}
	return value;
}

void
ask(const char *what)
{
	char line[64];

	printf("ask: %s\n", what);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL || strcmp(line, "done\n") != 0)
		fail_msg("asked for \"%s\", got no \"done\"", what);
}

int
store_test_migrate(void **state)
{
	static const struct pg_migrations none = { .schema = "store_test",
						   .app_role = "fit_workout" };
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(pg_migrate(store_test_env("TEST_PG_OWNER_URL"), NULL, &none, deadline_in(20000),
			     &err),
		  &err);
	return 0;
}

struct pg_pool *
store_test_pool(unsigned size, bool prepared)
{
	struct pg_options opts = { .url = store_test_env("TEST_PG_URL"),
				   .pool_size = size,
				   .prepared = prepared,
				   .application = "store_test" };
	struct pg_pool *pool;
	struct err err;

	err_init(&err);
	ASSERT_OK(pg_pool_open(&opts, &pool, &err), &err);
	return pool;
}

int64_t
store_test_number(struct pg_pool *pool, const char *sql)
{
	struct arena *arena = arena_new(1 << 16);
	struct pg_result *res;
	struct err err;

	err_init(&err);
	ASSERT_OK(pg_query(pool, deadline_in(5000), sql, PG_ARGS(), arena, &res, &err), &err);
	int64_t n = pg_get_int(res, 0, 0);
	arena_free(arena);
	return n;
}

struct job {
	pthread_t thread;
	void (*fn)(void *arg, unsigned i);
	void *arg;
	unsigned i;
};

static void *
job_main(void *arg)
{
	struct job *job = arg;

	job->fn(job->arg, job->i);
	return NULL;
}

void
store_test_threads(unsigned n, void (*fn)(void *arg, unsigned i), void *arg)
{
	struct job *jobs = calloc(n, sizeof(*jobs));

	for (unsigned i = 0; i < n; i++) {
		jobs[i] = (struct job){ .fn = fn, .arg = arg, .i = i };
		assert_int_equal(0, pthread_create(&jobs[i].thread, NULL, job_main, &jobs[i]));
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(jobs[i].thread, NULL);
	free(jobs);
}
