/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/authn.h"

#include <string.h>

#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

static struct authn_token token = { "0198c3a8-0000-7000-8000-000000000001",
				    "0198c3a8-0000-7000-8000-000000000002",
				    TESTKIT_WALL_MS / 1000 - 10, TESTKIT_WALL_MS / 1000 + 600 };

static void
test_session_value_parses(void **state)
{
	struct authn_session s;

	(void)state;
	assert_true(authn_session_parse(
		SLICE_LIT("v1|1795509999000|1795500000|coach|pro|a.read,b.write"), &s));
	assert_true(s.active);
	assert_int_equal(s.exp_ms, 1795509999000);
	assert_int_equal(s.min_iat_s, 1795500000);
	assert_string_equal(s.role, "coach");
	assert_string_equal(s.tier, "pro");
	assert_int_equal(s.npermissions, 2);
	assert_string_equal(s.permissions[1], "b.write");
	assert_true(authn_session_parse(SLICE_LIT("v1|1|0|user|free|"), &s));
	assert_int_equal(s.npermissions, 0);
	assert_true(authn_session_parse(SLICE_LIT("v1|0|0|user|free|"), &s));
	assert_false(s.active);
}

static void
test_session_value_that_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"v1",
		"v2|1|0|user|free|",
		"v1|x|0|user|free|",
		"v1|1||user|free|",
		"v1|-1|0|user|free|",
		"v1|1|0|user|free",
		"v1|1|0|a-role-that-is-too-long|free|",
		"v1|1|0|user|free|a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
		"v1|1|0|user|free|a-permission-of-more-than-forty-seven-characters-is-no-permission"
	};
	struct authn_session s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (authn_session_parse(slice_str(bad[i]), &s))
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void
test_session_decides_about_the_token(void **state)
{
	struct authn_session s = { .active = true,
				   .exp_ms = TESTKIT_WALL_MS + 1,
				   .min_iat_s = token.iat_s,
				   .role = "user",
				   .tier = "free",
				   .npermissions = 1,
				   .permissions = { "x.y" } };
	struct principal p = { 0 };
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(authn_session_check(&s, &token, &p, &err), &err);
	assert_true(p.present && principal_may(&p, "x.y") && !principal_may(&p, "x"));
	s.min_iat_s = token.iat_s + 1;
	ASSERT_STATUS(STATUS_UNAUTHENTICATED, authn_session_check(&s, &token, &p, &err), &err);
	assert_string_equal(err.reason, "TOKEN_INVALID");
	s.min_iat_s = 0;
	s.exp_ms = TESTKIT_WALL_MS;
	ASSERT_STATUS(STATUS_UNAUTHENTICATED, authn_session_check(&s, &token, &p, &err), &err);
	s.exp_ms++;
	s.active = false;
	ASSERT_STATUS(STATUS_UNAUTHENTICATED, authn_session_check(&s, &token, &p, &err), &err);
}

static void
test_session_is_due_when_its_time_is_over(void **state)
{
	struct authn_session s = { .active = true, .exp_ms = TESTKIT_WALL_MS + 1 };

	(void)state;
	assert_false(authn_session_due(&s));
	s.exp_ms = TESTKIT_WALL_MS;
	assert_true(authn_session_due(&s));
	s.active = false; /* revoked: nobody is asked */
	assert_false(authn_session_due(&s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_value_parses),
		cmocka_unit_test_setup_teardown(test_session_is_due_when_its_time_is_over,
						testkit_clock_setup, testkit_clock_teardown),
		cmocka_unit_test(test_session_value_that_is_none),
		cmocka_unit_test_setup_teardown(test_session_decides_about_the_token,
						testkit_clock_setup, testkit_clock_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
