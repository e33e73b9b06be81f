/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse_server.h - the server that test_clickhouse.py started: TEST_CLICKHOUSE_URL,
 * …_PASSWORD.
 */
#ifndef FIT_TESTS_CLICKHOUSE_SERVER_H
#define FIT_TESTS_CLICKHOUSE_SERVER_H

#include <stdint.h>

#include "libcommon/store/clickhouse.h"
#include "tests/support/testkit.h"

#define DEADLINE deadline_in(10000)

/* Ends the program as skipped when it was not started by test_clickhouse.py. */
const char *server_env(const char *name);
/* A client with an empty database of that name. */
struct clickhouse *server_open(const char *database);
/* The first value of a SELECT without arguments. */
uint64_t server_number(struct clickhouse *ch, const char *sql);

#endif
