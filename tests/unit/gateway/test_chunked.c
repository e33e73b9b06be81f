/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chunked.h"

#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "tests/support/testkit.h"

static const struct {
	const char *text;
	enum chunked_verdict verdict;
	const char *body;
	const char *rest;
} cases[] = {
	{ "5\r\nhello\r\n0\r\n\r\nREST", CHUNKED_END, "hello", "REST" },
	{ "2\r\nhe\r\n00000003\r\nllo\r\n0\r\n\r\n", CHUNKED_END, "hello", "" },
	{ "a\r\n0123456789\r\n0\r\n\r\n", CHUNKED_END, "0123456789", "" },
	{ "0\r\n\r\n", CHUNKED_END, "", "" },
	{ "5\r\nhel", CHUNKED_MORE, "hel", "" },
	{ "000000005\r\n", CHUNKED_BAD, "", NULL },
	{ "\r\n", CHUNKED_BAD, "", NULL },
	{ "5;x\r\n", CHUNKED_BAD, "", NULL },
	{ "5\n", CHUNKED_BAD, "", NULL },
	{ "g\r\n", CHUNKED_BAD, "", NULL },
	{ "1\r\nab", CHUNKED_BAD, "a", NULL },
	{ "1\r\na\rb", CHUNKED_BAD, "a", NULL },
	{ "0\r\nX: y\r\n", CHUNKED_BAD, "", NULL },
	{ "0\r\n\rX", CHUNKED_BAD, "", NULL },
};

static enum chunked_verdict
feed(struct chunked *dec, struct slice *in, struct strbuf *body)
{
	struct slice data;
	enum chunked_verdict v;

	while ((v = chunked_feed(dec, in, &data)) == CHUNKED_DATA)
		strbuf_add_slice(body, data);
	return v;
}

static void
test_chunked_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].text);
		for (size_t cut = 0; cut <= n; cut++) {
			struct chunked dec = CHUNKED_INIT;
			struct strbuf body = STRBUF_INIT;
			struct slice in = slice_make(cases[i].text, cut);

			enum chunked_verdict v = feed(&dec, &in, &body);
			size_t used = cut - in.n;
			if (v == CHUNKED_MORE) {
				in = slice_make(cases[i].text + used, n - used);
				v = feed(&dec, &in, &body);
			} else {
				in.n = n - used;
			}
			assert_int_equal(v, cases[i].verdict);
			assert_string_equal(strbuf_cstr(&body), cases[i].body);
			if (cases[i].rest != NULL)
				ASSERT_SLICE(cases[i].rest, in);
			strbuf_fini(&body);
		}
	}
}

static void
test_chunked_largest_size_does_not_wrap(void **state)
{
	struct chunked dec = CHUNKED_INIT;
	struct slice in = SLICE_LIT("FFFFFFFF\r\nab"), data;

	(void)state;
	assert_int_equal(chunked_feed(&dec, &in, &data), CHUNKED_DATA);
	ASSERT_SLICE("ab", data);
	assert_int_equal(dec.left, 0xfffffffdu);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked_every_cut),
		cmocka_unit_test(test_chunked_largest_size_does_not_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
