/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcommon/runtime/environment.h"
#include "tests/support/testkit.h"

static void
test_environment_check(void **state)
{
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(environment_check("development", &err), &err);
	ASSERT_OK(environment_check("staging", &err), &err);
	ASSERT_OK(environment_check(ENVIRONMENT_DEFAULT, &err), &err);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, environment_check("prod", &err), &err);
	ASSERT_CONTAINS(err.text, "FIT_ENVIRONMENT: \"prod\" is not");
	assert_string_equal(ENVIRONMENT_DEFAULT, "production");
}

/* Exit status: 1 when it is dumpable, 2 when a core file may have a size. */
static void NORETURN
child_protect(const char *environment)
{
	struct rlimit now;

	(void)prctl(PR_SET_DUMPABLE, 1);
	environment_protect(environment);
	(void)getrlimit(RLIMIT_CORE, &now);
	_exit((prctl(PR_GET_DUMPABLE) != 0 ? 1 : 0) | (now.rlim_max != 0 ? 2 : 0));
}

static void
test_environment_protect(void **state)
{
	struct {
		const char *name;
		int left;
	} cases[] = { { "development", 3 }, { "staging", 0 }, { "production", 0 } };
	struct rlimit before;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_CORE, &before), 0);
	if (before.rlim_max == 0)
		cases[0].left = 1; /* there is nothing to leave */
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			child_protect(cases[i].name);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), cases[i].left);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment_check),
		cmocka_unit_test(test_environment_protect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
