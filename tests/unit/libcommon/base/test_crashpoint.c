/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/wait.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/crashpoint.h"
#include "tests/support/testkit.h"

struct plan {
	const char *armed;
	int hits; /* of "outbox.after_commit" */
};

static void
child_hits(void *arg)
{
	const struct plan *plan = arg;

	if (plan->armed != NULL)
		setenv("FIT_CRASH_POINT", plan->armed, 1);
	for (int i = 0; i < plan->hits; i++) {
		crashpoint_hit("outbox.before_commit");
		crashpoint_hit("outbox.after_commit");
	}
}

static void
test_crashpoint_kills_at_the_nth_hit(void **state)
{
	static const struct {
		struct plan plan;
		bool killed;
	} cases[] = {
		{ { NULL, 5 }, false },
		{ { "", 5 }, false },
		{ { "outbox.after_commit", 1 }, true },
		{ { "outbox.after_commit:1", 1 }, true },
		{ { "outbox.after_commit:3", 2 }, false },
		{ { "outbox.after_commit:3", 3 }, true },
		{ { "outbox.after:1", 3 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct plan plan = cases[i].plan;
		int status = testkit_fork(child_hits, &plan, NULL);
		bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		if (killed != cases[i].killed || (!killed && status != 0))
			fail_msg("case %zu: status %#x", i, (unsigned)status);
	}
}

static void
test_crashpoint_refuses_nonsense(void **state)
{
	static const char *const bad[] = { "x:", "x:0", "x:-1", "x:two", "x:1s", ":1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct plan plan = { bad[i], 1 };
		char *text;
		int status = testkit_fork(child_hits, &plan, &text);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
			fail_msg("%s is taken", bad[i]);
		ASSERT_CONTAINS(text, "FIT_CRASH_POINT");
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crashpoint_kills_at_the_nth_hit),
		cmocka_unit_test(test_crashpoint_refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
