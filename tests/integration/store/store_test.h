/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_test.h - what the store's integration binaries share.
 *
 * tests/integration/store/test_store.py starts the servers, says where they are (TEST_PG_URL,
 * TEST_PG_OWNER_URL, TEST_REDIS_URL), and does what is asked of it: ask("restart postgres")
 * writes a line to stdout and returns when the answer "done" has come on stdin.
 */
#ifndef FIT_TESTS_STORE_TEST_H
#define FIT_TESTS_STORE_TEST_H

#include "tests/support/testkit.h"

#include "libcommon/base/arena.h"
#include "libcommon/store/pg.h"

/* Ends the program as skipped when it was not started by test_store.py. */
const char *store_test_env(const char *name);
void ask(const char *what);
/* The common tables in schema store_test, by pg_migrate. */
int store_test_migrate(void **state);
struct pg_pool *store_test_pool(unsigned size, bool prepared);
/* A statement whose text is not static: its first value as an integer. */
int64_t store_test_number(struct pg_pool *pool, const char *sql);
/* Runs fn(arg, i) on n threads and waits for all. */
void store_test_threads(unsigned n, void (*fn)(void *arg, unsigned i), void *arg);

#endif
