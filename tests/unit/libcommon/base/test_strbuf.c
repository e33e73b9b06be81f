/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/strbuf.h"
#include "tests/support/testkit.h"

static void
fill_and_check(struct strbuf *sb)
{
	struct strbuf want = STRBUF_INIT;
	struct rng_seeded rng;

	assert_string_equal(strbuf_cstr(sb), "");
	rng_seeded_init(&rng, 7);
	for (int i = 0; i < 3000; i++) {
		char piece[200];
		size_t n = rng_seeded_below(&rng, sizeof(piece));
		memset(piece, 'a' + i % 26, n);
		size_t before = sb->len;
		strbuf_add(sb, piece, n);
		assert_int_equal(sb->len, before + n);
		assert_int_equal(sb->buf[sb->len], '\0');
		assert_memory_equal(sb->buf + before, piece, n);
		if (i < 100)
			strbuf_add(&want, piece, n);
	}
	assert_memory_equal(sb->buf, want.buf, want.len);
	strbuf_fini(&want);
	strbuf_reset(sb);
	assert_string_equal(strbuf_cstr(sb), "");
	strbuf_adds(sb, "ab");
	strbuf_addch(sb, 'c');
	strbuf_add_slice(sb, SLICE_LIT("de"));
	strbuf_add_slice(sb, SLICE_NONE);
	assert_string_equal(sb->buf, "abcde");
	ASSERT_SLICE("abcde", strbuf_slice(sb));
}

static void
test_strbuf_heap_and_arena(void **state)
{
	struct strbuf heap = STRBUF_INIT;
	struct arena *a = arena_new(16 << 20);
	struct strbuf in_arena = STRBUF_ARENA(a);

	(void)state;
	fill_and_check(&heap);
	strbuf_fini(&heap);
	assert_null(heap.buf);
	fill_and_check(&in_arena);
	strbuf_fini(&in_arena);
	arena_free(a);
}

static void
test_strbuf_two_in_one_arena(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct strbuf x = STRBUF_ARENA(a), y = STRBUF_ARENA(a);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		strbuf_addch(&x, 'x');
		strbuf_addch(&y, 'y');
	}
	assert_int_equal(strspn(x.buf, "x"), 2000);
	assert_int_equal(strspn(y.buf, "y"), 2000);
	arena_free(a);
}

static void
test_strbuf_addf(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_addf(&sb, "%s", "");
	assert_string_equal(strbuf_cstr(&sb), "");
	for (int i = 0; i < 200; i++)
		strbuf_addf(&sb, "%d,", i);
	assert_true(strncmp(sb.buf, "0,1,2,", 6) == 0);
	assert_string_equal(sb.buf + sb.len - 8, "198,199,");
	assert_int_equal(sb.len, strlen(sb.buf));
	strbuf_fini(&sb);
}

static void
child_huge(void *arg)
{
	struct strbuf sb = STRBUF_INIT;

	(void)arg;
	strbuf_addch(&sb, 'x');
	strbuf_grow(&sb, SIZE_MAX);
}

static void
test_strbuf_overflow_panics(void **state)
{
	char *text;

	(void)state;
	int status = testkit_fork(child_huge, NULL, &text);
	assert_true(WIFSIGNALED(status));
	ASSERT_CONTAINS(text, "strbuf:");
	free(text);
}

static void
check_number(unsigned long long v)
{
	struct strbuf sb = STRBUF_INIT;
	char want[32];

	strbuf_add_u64(&sb, v);
	snprintf(want, sizeof(want), "%llu", v);
	assert_string_equal(sb.buf, want);
	strbuf_reset(&sb);
	strbuf_add_i64(&sb, (long long)v);
	snprintf(want, sizeof(want), "%lld", (long long)v);
	assert_string_equal(sb.buf, want);
	strbuf_fini(&sb);
}

static void
test_strbuf_numbers(void **state)
{
	struct rng_seeded rng;

	(void)state;
	for (unsigned long long v = 0; v < 1200; v++)
		check_number(v);
	for (unsigned long long p = 1; p <= ULLONG_MAX / 10; p *= 10) {
		check_number(p - 1);
		check_number(p);
		check_number(p + 1);
	}
	check_number(ULLONG_MAX);
	check_number((unsigned long long)LLONG_MIN);
	check_number(LLONG_MAX);
	rng_seeded_init(&rng, 3);
	for (int i = 0; i < 2000; i++)
		check_number(rng_seeded_next(&rng) >> rng_seeded_below(&rng, 64));
}

static void
test_strbuf_json_string(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
		{ { NULL, 0 }, "\"\"" },
		{ SLICE_LIT("plain text that is longer than eight"),
		  "\"plain text that is longer than eight\"" },
		{ SLICE_LIT("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
		{ SLICE_LIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ SLICE_LIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ SLICE_LIT("12345678\"12345678"), "\"12345678\\\"12345678\"" },
		{ SLICE_LIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xaa"),
		  "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xaa\"" },
		/* Broken: a lone continuation, an overlong form, a surrogate, beyond U+10FFFF. */
		{ SLICE_LIT("a\x80z"), "\"a\xef\xbf\xbdz\"" },
		{ SLICE_LIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ SLICE_LIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ SLICE_LIT("\xf4\x90\x80\x80"),
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		/* A truncated sequence is one replacement. */
		{ SLICE_LIT("\xe2\x82"), "\"\xef\xbf\xbd\"" },
		{ SLICE_LIT("\xf0\x9f\x92\""), "\"\xef\xbf\xbd\\\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf sb = STRBUF_INIT;
		strbuf_add_json_string(&sb, cases[i].in);
		assert_string_equal(sb.buf, cases[i].out);
		strbuf_fini(&sb);
	}
}

/* Each special byte at each offset within the eight-byte step. */
static void
test_strbuf_json_string_every_offset(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < 20; at++) {
			char in[20];
			struct strbuf sb = STRBUF_INIT;
			memset(in, 'x', sizeof(in));
			in[at] = (char)c;
			strbuf_add_json_string(&sb, slice_make(in, sizeof(in)));
			size_t mid = c < 0x20 || c == '"' || c == '\\'
					     ? (strchr("\"\\\b\f\n\r\t", (int)c) && c ? 2 : 6)
				     : c >= 0x80 ? 3
						 : 1;
			assert_int_equal(sb.len, 2 + 19 + mid);
			assert_int_equal(strspn(sb.buf + 1, "x"), c == 'x' ? 20 : at);
			strbuf_fini(&sb);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strbuf_heap_and_arena),
		cmocka_unit_test(test_strbuf_two_in_one_arena),
		cmocka_unit_test(test_strbuf_addf),
		cmocka_unit_test(test_strbuf_overflow_panics),
		cmocka_unit_test(test_strbuf_numbers),
		cmocka_unit_test(test_strbuf_json_string),
		cmocka_unit_test(test_strbuf_json_string_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
