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
		/* an id in front of it */
		{ "{\"eventId\":\"17\",\"a\":{\"b\":1}}", "id: 17\nevent: a\ndata: {\"b\":1}\n\n" },
		{ "{\"eventId\":\"x.y-2:3~\",\"a\":{}}", "id: x.y-2:3~\nevent: a\ndata: {}\n\n" },
		{ "{\"eventId\":\"\",\"a\":{}}", "event: a\ndata: {}\n\n" },
		{ "{\"eventId\":\"1\\n2\",\"a\":{}}", "event: a\ndata: {}\n\n" },
		{ "{\"eventId\":\"1 2\",\"a\":{}}", "event: a\ndata: {}\n\n" },
		{ "{\"eventId\":\"\\\"\",\"a\":{}}", "event: a\ndata: {}\n\n" },
		{ "{\"eventId\":\"\xc3\xa9\",\"a\":{}}", "event: a\ndata: {}\n\n" },
		{ "{\"eventId\":\"17\"}", "event: message\ndata: {\"eventId\":\"17\"}\n\n" },
		{ "{\"eventId\":\"17\",\"a\":1}",
		  "id: 17\nevent: message\ndata: {\"eventId\":\"17\",\"a\":1}\n\n" },
		{ "{\"eventId\":\"17", "event: message\ndata: {\"eventId\":\"17\n\n" },
		{ "{\"eventId\":\"\\", "event: message\ndata: {\"eventId\":\"\\\n\n" },
		{ "{\"eventId\":17,\"a\":{}}",
		  "event: message\ndata: {\"eventId\":17,\"a\":{}}\n\n" },
		{ "{\"eventId\":{}}", "event: eventId\ndata: {}\n\n" },
		{ "", "event: message\ndata: \n\n" },
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
