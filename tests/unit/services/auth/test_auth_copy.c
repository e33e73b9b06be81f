/* SPDX-License-Identifier: Apache-2.0 */
/* auth_copy: the value in Redis, which the gateway parses. */
#include "tests/support/testkit.h"

#include "libcommon/base/strbuf.h"
#include "services/auth/auth_copy.h"

static void
test_auth_copy_value(void **state)
{
	char *permissions[] = { (char[]){ "users.read_all" }, (char[]){ "bad,name" },
				(char[]){ "exercises.write" } };
	static const struct {
		int64_t expires_ms, revoked_ms, now_ms, fresh_ms;
		size_t npermissions;
		const char *value;
	} cases[] = {
		{ 2000, 0, 1999, 60000, 0, "v1|2000|77|user|free|" },
		{ 2000, 0, 1000, 600, 0, "v1|1600|77|user|free|" },
		{ 2000, 0, 1999, 60000, 1, "v1|2000|77|user|free|users.read_all" },
		{ 2000, 0, 1999, 60000, 3, "v1|2000|77|user|free|users.read_all,exercises.write" },
		{ 2000, 0, 2000, 60000, 0, "v1|0|77|user|free|" },
		{ 2000, 5, 10, 60000, 0, "v1|0|77|user|free|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct auth_session s = {
			.access = { .role = "user", .tier = "free", .permissions = permissions },
			.last_iat_s = 77
		};
		struct strbuf sb = STRBUF_INIT;

		s.expires_ms = cases[i].expires_ms;
		s.revoked_ms = cases[i].revoked_ms;
		s.access.npermissions = cases[i].npermissions;
		auth_copy_value(&s, cases[i].fresh_ms, cases[i].now_ms, &sb);
		ASSERT_SLICE(cases[i].value, strbuf_slice(&sb));
		strbuf_fini(&sb);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_auth_copy_value) };

	return cmocka_run_group_tests_name("auth_copy", tests, NULL, NULL);
}
