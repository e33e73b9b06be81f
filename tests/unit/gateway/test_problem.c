/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/problem.h"

#include <string.h>

#include "libcommon/base/strbuf.h"
#include "tests/support/testkit.h"

static void
expect(const struct problem *problem, const char *want)
{
	struct strbuf out = STRBUF_INIT;

	problem_write(problem, &out);
	assert_string_equal(strbuf_cstr(&out), want);
	strbuf_fini(&out);
}

static void
test_problem_plain(void **state)
{
	(void)state;
	expect(&(struct problem){ .status = 404 },
	       "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404}");
	expect(&(struct problem){ .status = 503,
				  .detail = "No \"x\".",
				  .instance = SLICE_LIT("/a"),
				  .request_id = SLICE_LIT("r1") },
	       "{\"type\":\"about:blank\",\"title\":\"Service "
	       "Unavailable\",\"status\":503,\"detail\":\"No \\\"x\\\".\","
	       "\"instance\":\"/a\",\"requestId\":\"r1\"}");
}

static void
test_problem_reason_and_fields(void **state)
{
	struct err err;

	(void)state;
	err_init(&err);
	err_add_field(&err, "sets[0].reps", "must be at least 1");
	err_add_field(&err, "name", "is \"empty\"");
	expect(&(struct problem){ .status = 412, .reason = "ETAG_MISMATCH", .err = &err },
	       "{\"type\":\"urn:fit:problem:etag-mismatch\",\"title\":\"Precondition "
	       "Failed\",\"status\":412,"
	       "\"reason\":\"ETAG_MISMATCH\",\"errors\":[{\"field\":\"sets[0].reps\",\"message\":"
	       "\"must be at least 1\"},"
	       "{\"field\":\"name\",\"message\":\"is \\\"empty\\\"\"}]}");
}

static void
test_problem_too_many_requests(void **state)
{
	(void)state;
	expect(&(struct problem){ .status = 429,
				  .reason = "RATE_LIMITED",
				  .retry_at_s = 1795505000 },
	       "{\"type\":\"urn:fit:problem:rate-limited\",\"title\":\"Too Many "
	       "Requests\",\"status\":429,"
	       "\"reason\":\"RATE_LIMITED\",\"error\":\"Too many "
	       "requests\",\"retryAfter\":1795505000}");
}

static void
test_problem_status_of_every_outcome(void **state)
{
	static const unsigned want[STATUS_COUNT] = { 200, 499, 500, 400, 504, 404, 409, 403, 429,
						     400, 409, 400, 501, 500, 503, 500, 401 };

	(void)state;
	for (unsigned i = 0; i < STATUS_COUNT; i++)
		assert_int_equal(problem_http_status((enum status)i), want[i]);
	assert_int_equal(problem_http_status((enum status)99), 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problem_plain),
		cmocka_unit_test(test_problem_reason_and_fields),
		cmocka_unit_test(test_problem_too_many_requests),
		cmocka_unit_test(test_problem_status_of_every_outcome),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
