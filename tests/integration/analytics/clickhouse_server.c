/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/analytics/clickhouse_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/arena.h"

const char *
server_env(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL) {
		printf("skipped: %s is not set (run by tests/integration/analytics)\n", name);
		exit(0);
	}
	return value;
}

struct clickhouse *
server_open(const char *database)
{
	const struct clickhouse_options opts = { .url = server_env("TEST_CLICKHOUSE_URL"),
						 .database = database,
						 .user = "default",
						 .password =
							 server_env("TEST_CLICKHOUSE_PASSWORD") };
	struct clickhouse *ch;
	char sql[128];
	struct err err;

	err_init(&err);
	ASSERT_OK(clickhouse_open(&opts, &ch, &err), &err);
	ASSERT_OK(clickhouse_create_database(ch, DEADLINE, &err), &err);
	snprintf(sql, sizeof(sql), "DROP DATABASE %s", database);
	ASSERT_OK(clickhouse_exec(ch, DEADLINE, sql, CLICKHOUSE_NO_ARGS, &err), &err);
	ASSERT_OK(clickhouse_create_database(ch, DEADLINE, &err), &err);
	return ch;
}

uint64_t
server_number(struct clickhouse *ch, const char *sql)
{
	struct arena *arena = arena_new(1 << 16);
	struct clickhouse_result *res;
	struct err err;
	uint64_t n;

	err_init(&err);
	ASSERT_OK(clickhouse_query(ch, DEADLINE, sql, CLICKHOUSE_NO_ARGS, arena, &res, &err), &err);
	n = clickhouse_uint(res, 0, 0);
	assert_false(res->bad);
	arena_free(arena);
	return n;
}
