/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/head_filter.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"

#define H "Host: x\r\n"

/* The whole list of inputs is in tests/integration/gateway/raw_table.py; here is what the socket
 * does not show. */
static const struct {
	const char *text;
	enum head_verdict verdict;
	unsigned status;
} cases[] = {
	{ "GET / HTTP/1.1\r\n" H "\r\n", HEAD_READY, 0 },
	{ "\r\nGET / HTTP/1.1\r\n" H "\r\n", HEAD_READY, 0 },
	{ "GET / HTTP/1.0\r\n\r\n", HEAD_READY, 0 },
	{ "POST /a/b?c=d HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\nhello", HEAD_READY, 0 },
	{ "GET / HTTP/1.1\r\n" H, HEAD_MORE, 0 },
	{ "GET / HTTP/1.1\r\n" H "\r", HEAD_MORE, 0 },
	{ "\r\n", HEAD_MORE, 0 },
	{ "\r\n\r\nGET", HEAD_REFUSED, 400 },
	{ "GET / HTTP/1.1\r\n\r\n", HEAD_REFUSED, 400 },
	{ "GET / HTTP/1.1\n" H "\r\n", HEAD_REFUSED, 400 },
	{ "GET / HTTP/2.0\r\n", HEAD_REFUSED, 505 },
	{ "BREW / HTTP/1.1\r\n", HEAD_REFUSED, 501 },
	{ "GET /%2e%2e/a HTTP/1.1\r\n", HEAD_REFUSED, 400 },
	{ "GET / HTTP/1.1\r\nHost : x\r\n", HEAD_REFUSED, 400 },
	{ "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n", HEAD_REFUSED, 400 },
	{ "GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n", HEAD_REFUSED, 501 },
	{ "GET / HTTP/1.1\r\n" H "Expect: x\r\n", HEAD_REFUSED, 417 },
	{ "\x16\x03\x01", HEAD_REFUSED, 400 },
};

/* Each piece at a place of its own, exactly as long as said, so that ASan sees a read beyond. */
static enum head_verdict
feed(struct head_filter *filter, const char *text, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	memcpy(copy, text, n);
	enum head_verdict verdict = head_filter_feed(filter, slice_make(copy, n));
	free(copy);
	return verdict;
}

static void
test_head_filter_verdict_is_the_same_for_every_cut(void **state)
{
	struct head_filter filter;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].text);
		for (size_t cut = 0; cut <= n; cut++) {
			head_filter_init(&filter);
			enum head_verdict v = feed(&filter, cases[i].text, cut);
			if (v == HEAD_MORE)
				v = feed(&filter, cases[i].text, n);
			if (v != cases[i].verdict)
				fail_msg("%s: cut at %zu: verdict %d", cases[i].text, cut, v);
			if (v == HEAD_REFUSED)
				assert_int_equal(filter.refusal.status, cases[i].status);
		}
	}
}

static void
test_head_filter_tells_the_parts(void **state)
{
	static const char text[] = "\r\nPATCH /a/%41?q=1 HTTP/1.1\r\nHost: h:1\r\nX-A: \t b c "
				   "\t\r\nContent-Length: 7\r\n"
				   "Expect: 100-Continue\r\nConnection: foo, close\r\n\r\nBODY";
	struct head_filter filter;

	(void)state;
	head_filter_init(&filter);
	assert_int_equal(head_filter_feed(&filter, SLICE_LIT(text)), HEAD_READY);
	const struct head *head = &filter.head;
	assert_int_equal(head->method, HTTP_PATCH);
	assert_int_equal(head->minor, 1);
	ASSERT_SLICE("/a/%41", head_slice(text, head->path));
	ASSERT_SLICE("q=1", head_slice(text, head->query));
	assert_int_equal(head->nfields, 5);
	ASSERT_SLICE("X-A", head_slice(text, head->fields[1].name));
	ASSERT_SLICE("b c", head_slice(text, head->fields[1].value));
	assert_int_equal(head->content_length, 7);
	assert_true(head->expect_continue);
	assert_false(head->keep_alive);
	assert_false(head->chunked);
	ASSERT_SLICE("BODY", slice_make(text + head->size, sizeof(text) - 1 - head->size));
}

static void
test_head_filter_keep_alive(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n" H "\r\n", true },
		{ "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\n" H "Connection: CLOSE\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\n" H "Connection: close, keep-alive\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
	};
	struct head_filter filter;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		head_filter_init(&filter);
		assert_int_equal(head_filter_feed(&filter, slice_str(rows[i].text)), HEAD_READY);
		assert_int_equal(filter.head.keep_alive, rows[i].keep);
	}
}

/* Every octet at every place of a word, and in what is left behind the last one. */
static void
test_head_filter_value_octets(void **state)
{
	static const char before[] = "GET / HTTP/1.1\r\n" H "X: ";
	char text[sizeof(before) + 32];
	struct head_filter filter;

	(void)state;
	for (int c = 0; c < 256; c++) {
		bool fits = (c >= 0x20 || c == '\t') && c != 0x7f;

		if (c == '\r' || c == '\n')
			continue;
		for (size_t at = 0; at < 20; at++) {
			size_t n = sizeof(before) - 1;

			memcpy(text, before, n);
			memset(text + n, 'v', 22);
			text[n + 1 + at] = (char)c;
			memcpy(text + n + 22, "\r\n\r\n", 4);
			head_filter_init(&filter);
			assert_int_equal(head_filter_feed(&filter, slice_make(text, n + 26)),
					 fits ? HEAD_READY : HEAD_REFUSED);
		}
	}
}

static void
test_head_filter_limits(void **state)
{
	static char text[HEAD_MAX + 100];
	struct head_filter filter;

	(void)state;
	/* A line that never ends is refused as soon as it is too long, not when its end comes. */
	memset(text, 'a', sizeof(text));
	for (size_t n = 1; n <= HEAD_LINE_MAX + 1; n += 977) {
		head_filter_init(&filter);
		assert_int_equal(head_filter_feed(&filter, slice_make(text, n)), HEAD_MORE);
	}
	head_filter_init(&filter);
	assert_int_equal(head_filter_feed(&filter, slice_make(text, HEAD_LINE_MAX + 2)),
			 HEAD_REFUSED);
	assert_int_equal(filter.refusal.status, 414);
	/* Begun, or only an empty line so far: decides which clock runs. */
	head_filter_init(&filter);
	assert_false(head_filter_begun(&filter));
	assert_int_equal(head_filter_feed(&filter, SLICE_LIT("\r\n")), HEAD_MORE);
	assert_false(head_filter_begun(&filter));
	assert_int_equal(head_filter_feed(&filter, SLICE_LIT("\r\nG")), HEAD_MORE);
	assert_true(head_filter_begun(&filter));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head_filter_verdict_is_the_same_for_every_cut),
		cmocka_unit_test(test_head_filter_tells_the_parts),
		cmocka_unit_test(test_head_filter_keep_alive),
		cmocka_unit_test(test_head_filter_value_octets),
		cmocka_unit_test(test_head_filter_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
