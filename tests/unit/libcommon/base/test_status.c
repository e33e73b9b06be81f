/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcommon/base/codec.h"
#include "tests/support/testkit.h"

static void
test_status_names(void **state)
{
	enum status st;

	(void)state;
	for (unsigned i = 0; i < STATUS_COUNT; i++) {
		st = STATUS_OK;
		assert_true(status_from_name(status_name((enum status)i), &st));
		assert_int_equal(st, i);
	}
	assert_string_equal(status_name(STATUS_DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED");
	assert_string_equal(status_name((enum status)17), "UNKNOWN");
	assert_string_equal(status_name((enum status) - 1), "UNKNOWN");
	assert_false(status_from_name("not_found", &st));
}

static void
test_status_null_err(void **state)
{
	(void)state;
	err_init(NULL);
	assert_int_equal(err_set(NULL, STATUS_ABORTED, "x"), STATUS_ABORTED);
	assert_int_equal(err_public(NULL, STATUS_NOT_FOUND, "x"), STATUS_NOT_FOUND);
	assert_int_equal(err_context(NULL, "x"), STATUS_UNKNOWN);
	assert_int_equal(err_reason(NULL, "X"), STATUS_UNKNOWN);
	assert_int_equal(err_add_field(NULL, "a", "x"), STATUS_INVALID_ARGUMENT);
	assert_string_equal(err_client_text(NULL), "Something went wrong.");
}

static void
test_status_texts(void **state)
{
	struct err err;

	(void)state;
	/* No err_init: err_set needs none. */
	memset(&err, 0xff, sizeof(err));
	assert_int_equal(err_set(&err, STATUS_UNAVAILABLE, "host %s", "db"), STATUS_UNAVAILABLE);
	assert_string_equal(err.text, "host db");
	assert_string_equal(err.public_text, "");
	assert_string_equal(err_client_text(&err), "The service is not available; try again.");
	assert_null(err.reason);
	assert_int_equal(err.nfields, 0);

	assert_int_equal(err_context(&err, "loading %d", 7), STATUS_UNAVAILABLE);
	assert_string_equal(err.text, "loading 7: host db");
	assert_int_equal(err_reason(&err, "DB_DOWN"), STATUS_UNAVAILABLE);
	assert_string_equal(err.reason, "DB_DOWN");

	/* Its own text as an argument. */
	err_set(&err, STATUS_INTERNAL, "again: %s", err.text);
	assert_string_equal(err.text, "again: loading 7: host db");
	assert_null(err.reason);

	err_public(&err, STATUS_NOT_FOUND, "There is no plan %d.", 3);
	assert_string_equal(err.text, "There is no plan 3.");
	assert_string_equal(err_client_text(&err), "There is no plan 3.");
}

static void
test_status_cut_keeps_utf8(void **state)
{
	struct err err;
	char text[1000];

	(void)state;
	/* The end of the array falls on each byte of a 3-byte character. */
	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		err_public(&err, STATUS_INTERNAL, "%s", text);
		assert_in_range(strlen(err.text), ERR_TEXT_MAX - 4, ERR_TEXT_MAX - 1);
		assert_true(codec_utf8_valid(err.text, strlen(err.text)));
		assert_true(codec_utf8_valid(err.public_text, strlen(err.public_text)));
		err_context(&err, "%s", text);
		assert_true(codec_utf8_valid(err.text, strlen(err.text)));
	}
}

static void
test_status_fields(void **state)
{
	struct err err;
	char path[32];

	(void)state;
	err_init(&err);
	for (int i = 0; i < ERR_FIELDS_MAX + 3; i++) {
		snprintf(path, sizeof(path), "sets[%d].reps", i);
		assert_int_equal(err_add_field(&err, path, "%d is above 100", 100 + i),
				 STATUS_INVALID_ARGUMENT);
	}
	assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
	assert_int_equal(err.nfields, ERR_FIELDS_MAX);
	assert_int_equal(err.nfields_lost, 3);
	assert_string_equal(err.fields[7].path, "sets[7].reps");
	assert_string_equal(err.fields[7].text, "107 is above 100");
	assert_string_equal(err.text, "sets[0].reps: 100 is above 100");
	err_set(&err, STATUS_INTERNAL, "x");
	assert_int_equal(err.nfields, 0);
}

static void
child_fatal(void *arg)
{
	(void)arg;
	fatal("no disk %d", 3);
}

static void
child_panic(void *arg)
{
	(void)arg;
	panic("impossible");
}

static void
hook(bool is_panic, const char *text)
{
	dprintf(2, "hook %d %s\n", is_panic, text);
	panic("inside the hook");
}

static void
child_hook(void *arg)
{
	(void)arg;
	status_set_fatal_hook(hook);
	fatal("first");
}

static void
test_status_fatal_and_panic(void **state)
{
	char *text;

	(void)state;
	int status = testkit_fork(child_fatal, NULL, &text);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_string_equal(text, "fatal: no disk 3\n");
	free(text);

	status = testkit_fork(child_panic, NULL, &text);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ASSERT_CONTAINS(text, "panic: impossible\n");
	free(text);

	/* A failure inside the hook does not come back to it. */
	status = testkit_fork(child_hook, NULL, &text);
	assert_true(WIFSIGNALED(status));
	ASSERT_CONTAINS(text, "hook 0 first\npanic: inside the hook\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_names),  cmocka_unit_test(test_status_null_err),
		cmocka_unit_test(test_status_texts),  cmocka_unit_test(test_status_cut_keeps_utf8),
		cmocka_unit_test(test_status_fields), cmocka_unit_test(test_status_fatal_and_panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
