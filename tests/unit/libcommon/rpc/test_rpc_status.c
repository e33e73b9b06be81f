/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/rpc_status.h"
#include "tests/support/testkit.h"

static void
test_rpc_status_percent(void **state)
{
	static const struct {
		const char *text, *wire;
	} cases[] = {
		{ "", "" },
		{ "plain text ~!", "plain text ~!" },
		{ "100%", "100%25" },
		{ "a\nb\tc\r", "a%0Ab%09c%0D" },
		{ "\xc3\xa4\xe2\x82\xac", "%C3%A4%E2%82%AC" },
		{ "\x7f\x01", "%7F%01" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf out = STRBUF_INIT;
		rpc_status_percent_encode(slice_str(cases[i].text), &out);
		assert_string_equal(strbuf_cstr(&out), cases[i].wire);
		strbuf_reset(&out);
		rpc_status_percent_decode(slice_str(cases[i].wire), &out);
		assert_string_equal(strbuf_cstr(&out), cases[i].text);
		strbuf_fini(&out);
	}
}

static void
test_rpc_status_percent_decode_never_fails(void **state)
{
	static const struct {
		const char *wire, *text;
	} cases[] = {
		{ "%", "%" },     { "%4", "%4" },           { "%zz", "%zz" },     { "a%", "a%" },
		{ "%%41", "%A" }, { "%c3%a4", "\xc3\xa4" }, { "%4g%41", "%4gA" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf out = STRBUF_INIT;
		rpc_status_percent_decode(slice_str(cases[i].wire), &out);
		assert_string_equal(strbuf_cstr(&out), cases[i].text);
		strbuf_fini(&out);
	}
}

static void
test_rpc_status_round_trip(void **state)
{
	struct strbuf wire = STRBUF_INIT;
	struct err err, back;

	(void)state;
	err_init(&err);
	err_add_field(&err, "sets[2].reps", "must be at least 1");
	err_add_field(&err, "name", "must not be empty");
	err_reason(&err, "ETAG_MISMATCH");
	err.retry_after_ms = 61250;
	rpc_status_encode(STATUS_INVALID_ARGUMENT, &err, &wire);
	rpc_status_decode(STATUS_INVALID_ARGUMENT, SLICE_LIT("what the client reads"),
			  strbuf_slice(&wire), &back);
	assert_int_equal(back.status, STATUS_INVALID_ARGUMENT);
	assert_int_equal(back.nfields, 2);
	assert_string_equal(back.fields[0].path, "sets[2].reps");
	assert_string_equal(back.fields[0].text, "must be at least 1");
	assert_string_equal(back.fields[1].path, "name");
	assert_string_equal(back.reason, "ETAG_MISMATCH");
	assert_int_equal(back.retry_after_ms, 61250);
	assert_string_equal(back.public_text, "what the client reads");
	strbuf_fini(&wire);
}

static void
test_rpc_status_keeps_internal_text_inside(void **state)
{
	struct strbuf wire = STRBUF_INIT;
	struct err err;

	(void)state;
	err_init(&err);
	err_set(&err, STATUS_INTERNAL, "password=hunter2 at /etc/x");
	rpc_status_encode(STATUS_INTERNAL, &err, &wire);
	assert_null(memmem(wire.buf, wire.len, "hunter2", 7));
	assert_non_null(
		memmem(wire.buf, wire.len, err_client_text(&err), strlen(err_client_text(&err))));
	strbuf_fini(&wire);
}

static void
test_rpc_status_decode_bad_details(void **state)
{
	struct strbuf wire = STRBUF_INIT;
	struct err err, back;

	(void)state;
	err_init(&err);
	for (int i = 0; i < ERR_FIELDS_MAX; i++)
		err_add_field(&err, "path", "text");
	err_reason(&err, "ID_TAKEN");
	err.retry_after_ms = 1;
	rpc_status_encode(STATUS_INVALID_ARGUMENT, &err, &wire);
	/* Cut anywhere, the rest is no reason to fail, and nothing is read beyond it. */
	for (size_t n = 0; n < wire.len; n++) {
		char *cut = malloc(n + 1);
		memcpy(cut, wire.buf, n);
		rpc_status_decode(STATUS_NOT_FOUND, SLICE_NONE, slice_make(cut, n), &back);
		assert_int_equal(back.status, STATUS_NOT_FOUND);
		assert_true(back.nfields <= ERR_FIELDS_MAX);
		free(cut);
	}
	strbuf_fini(&wire);
}

static void
test_rpc_status_unknown_reason(void **state)
{
	struct strbuf wire = STRBUF_INIT;
	struct err err, back;

	(void)state;
	err_init(&err);
	err_set(&err, STATUS_ABORTED, "x");
	err_reason(&err, "OF_A_NEWER_PEER");
	rpc_status_encode(STATUS_ABORTED, &err, &wire);
	rpc_status_decode(STATUS_ABORTED, SLICE_NONE, strbuf_slice(&wire), &back);
	assert_null(back.reason);
	strbuf_fini(&wire);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rpc_status_percent),
		cmocka_unit_test(test_rpc_status_percent_decode_never_fails),
		cmocka_unit_test(test_rpc_status_round_trip),
		cmocka_unit_test(test_rpc_status_keeps_internal_text_inside),
		cmocka_unit_test(test_rpc_status_decode_bad_details),
		cmocka_unit_test(test_rpc_status_unknown_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
