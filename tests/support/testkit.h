/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testkit.h - what unit tests share: cmocka, assertions on status, temporary folders, ports,
 * the fake clock, and a latch for waiting on other threads.
 *
 *	ASSERT_OK(thing_open(path, &thing, &err), &err);           prints err.text when it fails
 *	ASSERT_STATUS(STATUS_NOT_FOUND, thing_find(t, id, &err), &err);
 *	cmocka_unit_test_setup_teardown(test_lru_expiry, testkit_clock_setup,
 *	                                testkit_clock_teardown)
 *
 * Ownership: strings that are returned are the caller's (free).
 * Threads:   assertions on the test's own, where a failure can end it; a latch: any.
 * Errors:    the test fails.
 */
#ifndef FIT_TESTS_TESTKIT_H
#define FIT_TESTS_TESTKIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define ASSERT_OK(expr, err) testkit_status(STATUS_OK, (expr), (err), #expr, __FILE__, __LINE__)
#define ASSERT_STATUS(want, expr, err)                                                             \
	testkit_status((want), (expr), (err), #expr, __FILE__, __LINE__)
void testkit_status(enum status want, enum status got, const struct err *err, const char *expr,
		    const char *file, int line);

/* The slice's bytes are those of `text`. */
#define ASSERT_SLICE(text, s) testkit_slice((text), (s), __FILE__, __LINE__)
void testkit_slice(const char *want, struct slice got, const char *file, int line);

/* `part` occurs in `text`. */
#define ASSERT_CONTAINS(text, part) testkit_contains((text), (part), true, __FILE__, __LINE__)
#define ASSERT_LACKS(text, part) testkit_contains((text), (part), false, __FILE__, __LINE__)
void testkit_contains(const char *text, const char *part, bool want, const char *file, int line);

/* A new empty folder under $TMPDIR or /tmp; testkit_remove_dir also frees the name. */
char *testkit_temp_dir(void);
void testkit_remove_dir(char *dir);
/* Makes missing folders in between. Returns the path. */
char *testkit_write_file(const char *dir, const char *name, struct slice bytes);
/* The whole file, NUL-terminated. */
char *testkit_read_file(const char *path);

/* A TCP port of 127.0.0.1 that was free a moment ago. */
uint16_t testkit_free_port(void);

/* Both clocks frozen: monotonic at TESTKIT_MONO_MS, wall at TESTKIT_WALL_MS. */
#define TESTKIT_MONO_MS 1000000
#define TESTKIT_WALL_MS 1795505000123 /* 2026-11-24T07:23:20.123Z */
int testkit_clock_setup(void **state);
int testkit_clock_teardown(void **state);

/*
 * Runs fn(arg) in a child process and returns its wait status (WIFSIGNALED, WEXITSTATUS);
 * *ret_stderr, when asked for, is what it wrote to stderr.
 */
int testkit_fork(void (*fn)(void *arg), void *arg, char **ret_stderr);

/* Counts down to zero; waiting for it has a real-time limit and fails the test when that passes. */
struct testkit_latch;
struct testkit_latch *testkit_latch_new(unsigned count);
void testkit_latch_free(struct testkit_latch *latch);
void testkit_latch_down(struct testkit_latch *latch);
#define LATCH_WAIT(latch) testkit_latch_wait((latch), 20000, __FILE__, __LINE__)
void testkit_latch_wait(struct testkit_latch *latch, int ms, const char *file, int line);
/* For worker threads, where an assertion has nobody to report to: waits without failing. */
bool testkit_latch_wait_for(struct testkit_latch *latch, int ms);

#endif
