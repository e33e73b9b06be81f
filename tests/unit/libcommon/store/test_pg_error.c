/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include "libcommon/store/pg_internal.h"

static void
test_pg_error_status_of_sqlstate(void **state)
{
	static const struct {
		const char *sqlstate;
		enum status status;
	} cases[] = {
		{ "23505", STATUS_ALREADY_EXISTS },
		{ "23503", STATUS_FAILED_PRECONDITION },
		{ "23514", STATUS_FAILED_PRECONDITION },
		{ "23502", STATUS_INTERNAL },
		{ "40001", STATUS_ABORTED },
		{ "40P01", STATUS_ABORTED },
		{ "57014", STATUS_DEADLINE_EXCEEDED },
		{ "57P01", STATUS_UNAVAILABLE },
		{ "57P03", STATUS_UNAVAILABLE },
		{ "08006", STATUS_UNAVAILABLE },
		{ "53300", STATUS_UNAVAILABLE },
		{ "25006", STATUS_UNAVAILABLE },
		{ "25P02", STATUS_INTERNAL },
		{ "42601", STATUS_INTERNAL },
		{ "42501", STATUS_INTERNAL },
		{ "22P02", STATUS_INTERNAL },
		{ "XX000", STATUS_INTERNAL },
		{ "", STATUS_INTERNAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(cases[i].status, pg_error_status(cases[i].sqlstate));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pg_error_status_of_sqlstate) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
