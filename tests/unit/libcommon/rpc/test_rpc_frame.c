/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "libcommon/net/h2_session.h"
#include "libcommon/rpc/rpc_frame.h"
#include "tests/support/testkit.h"

/* Feeds `wire` in pieces of `step` bytes; joins the messages with '|' into out. */
static enum status
feed(struct slice wire, size_t step, size_t max, struct strbuf *out, bool *ret_between)
{
	struct rpc_frame_reader reader;
	enum status st = STATUS_OK;
	struct err err;

	strbuf_reset(out);
	err_init(&err);
	rpc_frame_init(&reader, max);
	for (size_t at = 0; at < wire.n && st == STATUS_OK; at += step) {
		size_t n = wire.n - at < step ? wire.n - at : step;
		/* A copy of its own: a read beyond the piece is seen by ASan. */
		char *piece = malloc(n);
		memcpy(piece, wire.p + at, n);
		struct slice data = slice_make(piece, n), message;
		while (data.n > 0 && st == STATUS_OK) {
			bool complete;
			st = rpc_frame_next(&reader, &data, &message, &complete, &err);
			if (st == STATUS_OK && complete) {
				strbuf_add_slice(out, message);
				strbuf_addch(out, '|');
			}
		}
		free(piece);
	}
	*ret_between = rpc_frame_between(&reader);
	rpc_frame_fini(&reader);
	return st;
}

static void
test_rpc_frame_splits_and_joins(void **state)
{
	static const char wire[] = "\0\0\0\0\5hello\0\0\0\0\0\0\0\0\0\1x\0\0\0\0\7goodbye";
	struct strbuf out = STRBUF_INIT;
	bool between;

	(void)state;
	for (size_t step = 1; step < sizeof(wire); step++) {
		assert_int_equal(feed(slice_make(wire, sizeof(wire) - 1), step, 100, &out,
				      &between),
				 STATUS_OK);
		assert_string_equal(strbuf_cstr(&out), "hello||x|goodbye|");
		assert_true(between);
	}
	strbuf_fini(&out);
}

static void
test_rpc_frame_refuses(void **state)
{
	static const struct {
		struct slice wire;
		enum status status;
		bool between;
	} cases[] = {
		{ SLICE_LIT("\1\0\0\0\0"), STATUS_UNIMPLEMENTED, false },
		{ SLICE_LIT("\1"), STATUS_UNIMPLEMENTED, false },
		{ SLICE_LIT("\2"), STATUS_INTERNAL, false },
		{ SLICE_LIT("\0\0\0\0\12"), STATUS_OK, false },
		{ SLICE_LIT("\0\0\0\0\13"), STATUS_RESOURCE_EXHAUSTED, false },
		{ SLICE_LIT("\0\377\377\377\377"), STATUS_RESOURCE_EXHAUSTED, false },
		{ SLICE_LIT("\0\0\0"), STATUS_OK, false },
		{ SLICE_LIT("\0\0\0\0\2x"), STATUS_OK, false },
		{ SLICE_LIT(""), STATUS_OK, true },
		{ SLICE_LIT("\0\0\0\0\0"), STATUS_OK, true },
	};
	struct strbuf out = STRBUF_INIT;
	bool between;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step <= 8; step++) {
			assert_int_equal(feed(cases[i].wire, step, 10, &out, &between),
					 cases[i].status);
			if (cases[i].status == STATUS_OK)
				assert_int_equal(between, cases[i].between);
		}
	}
	strbuf_fini(&out);
}

static void
test_rpc_frame_grows_with_what_came(void **state)
{
	struct rpc_frame_reader reader;
	struct slice data = SLICE_LIT("\0\0\100\0\0abc"), message;
	bool complete;

	(void)state;
	rpc_frame_init(&reader, RPC_MESSAGE_MAX);
	assert_int_equal(rpc_frame_next(&reader, &data, &message, &complete, NULL), STATUS_OK);
	assert_false(complete);
	assert_int_equal(data.n, 0);
	assert_int_equal(reader.partial.len, 3);
	assert_true(reader.partial.cap < 4096);
	rpc_frame_fini(&reader);
}

static void
test_rpc_frame_wrap_reads_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 65536, 70000 };
	struct strbuf out = STRBUF_INIT;
	bool between;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *bytes = calloc(1, sizes[i] + 1);
		memset(bytes, 'm', sizes[i]);
		struct h2_chunk *chunk = rpc_frame_wrap(slice_make(bytes, sizes[i]));
		assert_int_equal(chunk->n, sizes[i] + RPC_FRAME_HEAD);
		assert_int_equal(feed(slice_make(chunk->data, chunk->n), 1000, 100000, &out,
				      &between),
				 STATUS_OK);
		assert_int_equal(out.len, sizes[i] + 1);
		assert_memory_equal(out.buf, bytes, sizes[i]);
		free(chunk);
		free(bytes);
	}
	strbuf_fini(&out);
}

static void
test_rpc_timeout_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "1S", 1000 },
		{ "99999999m", 99999999 },
		{ "1H", 3600000 },
		{ "2M", 120000 },
		{ "0m", 0 },
		{ "1n", 1 },
		{ "1000000n", 1 },
		{ "1000001n", 2 },
		{ "1u", 1 },
		{ "1500u", 2 },
		{ "0n", 0 },
		{ "00000001S", 1000 },
		{ "99999999H", INT64_C(99999999) * 3600000 },
		{ "", -1 },
		{ "S", -1 },
		{ "1", -1 },
		{ "1s", -1 },
		{ "123456789S", -1 },
		{ "-1S", -1 },
		{ "+1S", -1 },
		{ " 1S", -1 },
		{ "1 S", -1 },
		{ "1.5S", -1 },
		{ "1SS", -1 },
		{ "0x1S", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms = -1;
		bool ok = rpc_timeout_parse(slice_str(cases[i].text), &ms);
		assert_int_equal(ok, cases[i].ms >= 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void
test_rpc_timeout_format(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0m" },
		{ -5, "0m" },
		{ 1, "1m" },
		{ 99999999, "99999999m" },
		{ 100000000, "100000S" },
		{ INT64_C(99999999) * 1000 + 999, "99999999S" },
		{ INT64_C(100000000) * 1000, "1666666M" },
		{ INT64_C(100000000) * 60000, "1666666H" },
		{ INT64_MAX, "99999999H" },
	};
	char buf[RPC_TIMEOUT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(rpc_timeout_format(cases[i].ms, buf), strlen(cases[i].text));
		assert_string_equal(buf, cases[i].text);
		int64_t back;
		assert_true(rpc_timeout_parse(slice_str(buf), &back));
		/* Never longer than asked. */
		assert_true(back <= (cases[i].ms < 0 ? 0 : cases[i].ms));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rpc_frame_splits_and_joins),
		cmocka_unit_test(test_rpc_frame_refuses),
		cmocka_unit_test(test_rpc_frame_grows_with_what_came),
		cmocka_unit_test(test_rpc_frame_wrap_reads_back),
		cmocka_unit_test(test_rpc_timeout_parse),
		cmocka_unit_test(test_rpc_timeout_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
