/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_config.h"

#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

static int
setup(void **state)
{
	(void)state;
	static const char *const keys[] = { "FIT_UPSTREAMS",       "FIT_RATE_CLASSES",
					    "FIT_ALLOWED_ORIGINS", "FIT_IP_RATE",
					    "FIT_ENVIRONMENT",     "ALLOWED_ORIGINS",
					    "FIT_TRUSTED_PROXIES", "ENVIRONMENT",
					    "FIT_LOG_LEVEL" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		unsetenv(keys[i]);
	setenv("FIT_UPSTREAMS", "fit.auth.v1=127.0.0.1:1, fit.user.v1=127.0.0.1:2", 1);
	return 0;
}

static void
test_config_compiles_lists(void **state)
{
	struct gateway_config c;
	struct err err;

	(void)state;
	err_init(&err);
	setenv("FIT_RATE_CLASSES", "auth=5/60,default=7/8", 1);
	setenv("FIT_TRUSTED_PROXIES", "10.0.0.0/8, ::1", 1);
	setenv("ALLOWED_ORIGINS", "https://a.example,http://localhost:3000", 1);
	ASSERT_OK(gateway_config_load(&c, &err), &err);
	assert_int_equal(c.nupstreams, 2);
	assert_string_equal(gateway_config_upstream(&c, SLICE_LIT("fit.user.v1"))->target,
			    "127.0.0.1:2");
	assert_null(gateway_config_upstream(&c, SLICE_LIT("fit.user")));
	assert_int_equal(gateway_config_rate(&c, SLICE_LIT("auth"))->rate.limit, 5);
	assert_int_equal(gateway_config_rate(&c, SLICE_LIT("unknown"))->rate.limit, 7);
	assert_int_equal(c.norigins, 2);
	assert_true(net_set_has(&c.proxies, SLICE_LIT("10.9.8.7")));
	assert_true(net_set_has(&c.proxies, SLICE_LIT("::1")));
	gateway_config_fini(&c);
}

static void
test_config_names_what_is_wrong(void **state)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "FIT_UPSTREAMS", "fit.auth.v1" },
		{ "FIT_UPSTREAMS", "a=1:1,a=2:2" },
		{ "FIT_RATE_CLASSES", "auth=0/60" },
		{ "FIT_RATE_CLASSES", "auth" },
		{ "FIT_ALLOWED_ORIGINS", "*" },
		{ "FIT_ALLOWED_ORIGINS", "https://a.example/" },
		{ "FIT_ALLOWED_ORIGINS", "a.example" },
		{ "FIT_IP_RATE", "many" },
		{ "FIT_TRUSTED_PROXIES", "10.0.0.0/40" },
		{ "FIT_TRUSTED_PROXIES", "::1,proxy.example" },
		{ "FIT_ENVIRONMENT", "prod" },
		{ "FIT_LOG_LEVEL", "loud" },
	};
	struct gateway_config c;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup(state);
		setenv(rows[i].key, rows[i].value, 1);
		err_init(&err);
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT, gateway_config_load(&c, &err), &err);
		ASSERT_CONTAINS(err.text, rows[i].key);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_config_compiles_lists, setup),
		cmocka_unit_test_setup(test_config_names_what_is_wrong, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
