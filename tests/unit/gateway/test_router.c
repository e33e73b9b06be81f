/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/router.h"

#include <string.h>

#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

static char plans, make_plan, plan, next, plan_sets, any_sets, root_me;

static enum status
add(struct router *router, enum http_method method, const char *pattern, void *target,
    struct err *err)
{
	struct router_segment segments[ROUTER_SEGMENTS_MAX];
	size_t n = 0;

	while (*pattern == '/') {
		size_t len = strcspn(++pattern, "/");
		segments[n++] =
			(struct router_segment){ *pattern == '{', slice_make(pattern, len) };
		pattern += len;
	}
	return router_add(router, method, segments, n, target, err);
}

static int
setup(void **state)
{
	struct router *router = router_new();
	struct err err;

	err_init(&err);
	ASSERT_OK(add(router, HTTP_GET, "/plans", &plans, &err), &err);
	ASSERT_OK(add(router, HTTP_POST, "/plans", &make_plan, &err), &err);
	ASSERT_OK(add(router, HTTP_GET, "/plans/{id}", &plan, &err), &err);
	ASSERT_OK(add(router, HTTP_GET, "/plans/next", &next, &err), &err);
	ASSERT_OK(add(router, HTTP_GET, "/plans/{id}/sets/{set}", &plan_sets, &err), &err);
	ASSERT_OK(add(router, HTTP_DELETE, "/plans/next/sets", &any_sets, &err), &err);
	ASSERT_OK(add(router, HTTP_GET, "/me", &root_me, &err), &err);
	*state = router;
	return 0;
}

static int
teardown(void **state)
{
	router_free(*state);
	return 0;
}

static void
test_router_finds(void **state)
{
	static const struct {
		enum http_method method;
		const char *path;
		enum router_result result;
		void *target;
		const char *params[2];
	} rows[] = {
		{ HTTP_GET, "/plans", ROUTER_FOUND, &plans, { NULL } },
		{ HTTP_HEAD, "/plans", ROUTER_FOUND, &plans, { NULL } },
		{ HTTP_POST, "/plans", ROUTER_FOUND, &make_plan, { NULL } },
		{ HTTP_GET, "/plans/7", ROUTER_FOUND, &plan, { "7" } },
		{ HTTP_GET, "/plans/a%20b", ROUTER_FOUND, &plan, { "a%20b" } },
		{ HTTP_GET, "/plans/next", ROUTER_FOUND, &next, { NULL } },
		/* The literal leads nowhere with three segments: back to the field. */
		{ HTTP_GET, "/plans/next/sets/3", ROUTER_FOUND, &plan_sets, { "next", "3" } },
		{ HTTP_DELETE, "/plans/next/sets", ROUTER_FOUND, &any_sets, { NULL } },
		{ HTTP_PUT, "/plans", ROUTER_NO_METHOD, NULL, { NULL } },
		{ HTTP_DELETE, "/plans/7", ROUTER_NO_METHOD, NULL, { NULL } },
		{ HTTP_GET, "/plans/7/sets", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET, "/", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET, "/plans/", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET, "//plans", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET, "/PLANS", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET, "/plan", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET, "/me/x", ROUTER_NO_PATH, NULL, { NULL } },
		{ HTTP_GET,
		  "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
		  ROUTER_NO_PATH,
		  NULL,
		  { NULL } },
	};
	struct router_match match;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum router_result result =
			router_find(*state, rows[i].method, slice_str(rows[i].path), &match);
		if (result != rows[i].result || match.target != rows[i].target)
			fail_msg("%s %s: result %d", http_method_name(rows[i].method), rows[i].path,
				 result);
		if (result != ROUTER_FOUND)
			continue;
		unsigned want = (rows[i].params[0] != NULL) + (rows[i].params[1] != NULL);
		assert_int_equal(match.nparams, want);
		for (unsigned k = 0; k < want; k++)
			ASSERT_SLICE(rows[i].params[k], match.params[k]);
	}
}

static void
test_router_tells_what_is_allowed(void **state)
{
	struct router_match match;

	assert_int_equal(router_find(*state, HTTP_PATCH, SLICE_LIT("/plans"), &match),
			 ROUTER_NO_METHOD);
	assert_int_equal(match.allowed, 1u << HTTP_GET | 1u << HTTP_HEAD | 1u << HTTP_POST);
	/* Both ways to a path count: /plans/next and /plans/{id}. */
	assert_int_equal(router_find(*state, HTTP_PATCH, SLICE_LIT("/plans/next"), &match),
			 ROUTER_NO_METHOD);
	assert_int_equal(match.allowed, 1u << HTTP_GET | 1u << HTTP_HEAD);
}

static void
test_router_refuses_a_second_route_of_one_shape(void **state)
{
	struct err err;

	err_init(&err);
	ASSERT_STATUS(STATUS_ALREADY_EXISTS, add(*state, HTTP_GET, "/plans/{other}", &plan, &err),
		      &err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_router_finds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_router_tells_what_is_allowed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_router_refuses_a_second_route_of_one_shape,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
