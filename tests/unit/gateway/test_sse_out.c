/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_out.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "tests/support/testkit.h"

static void
test_sse_out_names_the_event(void **state)
{
	static const struct {
		const char *json, *event;
	} rows[] = {
		{ "{\"delta\":{\"text\":\"Hi\"}}", "event: delta\ndata: {\"text\":\"Hi\"}\n\n" },
		{ "{\"done\":{}}", "event: done\ndata: {}\n\n" },
		{ "{\"a\":{\"b\":{\"c\":\"}\\\"}\"}}}",
		  "event: a\ndata: {\"b\":{\"c\":\"}\\\"}\"}}\n\n" },
		/* no single message member: the whole, under a name of its own */
		{ "{\"a\":{},\"b\":{}}", "event: message\ndata: {\"a\":{},\"b\":{}}\n\n" },
		{ "{\"text\":\"Hi\"}", "event: message\ndata: {\"text\":\"Hi\"}\n\n" },
		{ "{\"a\":{}", "event: message\ndata: {\"a\":{}\n\n" },
		{ "{}", "event: message\ndata: {}\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out = STRBUF_INIT;
		sse_write(slice_str(rows[i].json), &out);
		assert_string_equal(strbuf_cstr(&out), rows[i].event);
		strbuf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sse_out_names_the_event) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
