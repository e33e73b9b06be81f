/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/strbuf.h"
#include "tests/support/testkit.h"

typedef bool decode_fn(struct slice text, void *ret, size_t *ret_n);

static void
test_codec_hex(void **state)
{
	static const char *const bad[] = {
		"0", "0g", "G0", " 0", "0 ", "0x", "\xc3\xa9", "-1", "@0"
	};
	uint8_t raw[256], back[256];
	char text[513];
	size_t n;

	(void)state;
	for (int i = 0; i < 256; i++)
		raw[i] = (uint8_t)i;
	codec_hex_encode(raw, 256, text);
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text + 2 * 0xab, "ab", 2);
	assert_true(codec_hex_decode(slice_str(text), back, &n));
	assert_int_equal(n, 256);
	assert_memory_equal(raw, back, 256);
	assert_true(codec_hex_decode(slice_str("aBfF"), back, &n));
	assert_memory_equal(back, "\xab\xff", 2);
	assert_true(codec_hex_decode(SLICE_NONE, back, &n));
	assert_int_equal(n, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(codec_hex_decode(slice_str(bad[i]), back, &n));
}

/* RFC 4648 section 10, and bytes that give the last two characters of each alphabet. */
static void
test_codec_base64_vectors(void **state)
{
	static const struct {
		const char *raw, *std, *url;
	} cases[] = {
		{ "", "", "" },
		{ "f", "Zg==", "Zg" },
		{ "fo", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" },
		{ "foob", "Zm9vYg==", "Zm9vYg" },
		{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/", "-_-_" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf sb = STRBUF_INIT;
		char out[16];
		size_t n, len = strlen(cases[i].raw);

		codec_base64_encode(&sb, cases[i].raw, len);
		assert_string_equal(strbuf_cstr(&sb), cases[i].std);
		strbuf_reset(&sb);
		codec_base64url_encode(&sb, cases[i].raw, len);
		assert_string_equal(strbuf_cstr(&sb), cases[i].url);
		strbuf_fini(&sb);

		decode_fn *const ways[] = { codec_base64_decode, codec_base64url_decode,
					    codec_base64_any_decode, codec_base64_any_decode };
		for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
			const char *text = k == 0 || k == 2 ? cases[i].std : cases[i].url;
			assert_true(ways[k](slice_str(text), out, &n));
			assert_int_equal(n, len);
			assert_memory_equal(out, cases[i].raw, len);
		}
	}
}

/* Against OpenSSL's encoder, at every length; the output buffer has exactly the promised size. */
static void
test_codec_base64_round_trip(void **state)
{
	uint8_t raw[200], want[400];
	size_t n;

	(void)state;
	rng_bytes(raw, sizeof(raw));
	for (size_t len = 0; len <= sizeof(raw); len++) {
		struct strbuf sb = STRBUF_INIT;
		codec_base64_encode(&sb, raw, len);
		int m = EVP_EncodeBlock(want, raw, (int)len);
		assert_int_equal(sb.len, m);
		assert_memory_equal(sb.buf, want, m);
		uint8_t *out = malloc(CODEC_BASE64_DECODED_MAX(sb.len));
		assert_true(codec_base64_decode(strbuf_slice(&sb), out, &n));
		assert_int_equal(n, len);
		assert_memory_equal(out, raw, len);
		free(out);

		strbuf_reset(&sb);
		codec_base64url_encode(&sb, raw, len);
		out = malloc(CODEC_BASE64_DECODED_MAX(sb.len));
		assert_true(codec_base64url_decode(strbuf_slice(&sb), out, &n));
		assert_int_equal(n, len);
		assert_memory_equal(out, raw, len);
		free(out);
		strbuf_fini(&sb);
	}
}

static void
test_codec_base64_refusals(void **state)
{
	static const struct {
		const char *text;
		bool std, url, any;
	} cases[] = {
		{ "Zg", false, true, true },
		{ "Zg=", false, false, false },
		{ "Zg==", true, false, true },
		{ "Zg===", false, false, false },
		{ "Z", false, false, false },
		{ "Zm9vY", false, false, false },
		{ "====", false, false, false },
		{ "=", false, false, false },
		{ "==", false, false, false },
		{ "Z===", false, false, false },
		{ "Zg==Zg==", false, false, false },
		{ "Zh==", false, false, false }, /* trailing bits */
		{ "Zh", false, false, false },
		{ "Zm9=", false, false, false },
		{ "Zm9", false, false, false },
		{ "+/+/", true, false, true },
		{ "-_-_", false, true, true },
		{ "+_-/", false, false, true },
		{ "Zm9v\n", false, false, false },
		{ " Zm9v", false, false, false },
		{ "Zm\xc3\xa9", false, false, false },
		{ "Zm9.", false, false, false },
	};
	char out[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice s = slice_str(cases[i].text);
		if (codec_base64_decode(s, out, &n) != cases[i].std ||
		    codec_base64url_decode(s, out, &n) != cases[i].url ||
		    codec_base64_any_decode(s, out, &n) != cases[i].any)
			fail_msg("case %zu: \"%s\"", i, cases[i].text);
	}
	for (int c = 0; c < 256; c++) {
		char text[4] = { 'A', (char)c, 'A', 'A' };
		bool letter =
			(c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		struct slice s = slice_make(text, 4);
		assert_int_equal(codec_base64_decode(s, out, &n), letter || c == '+' || c == '/');
		assert_int_equal(codec_base64url_decode(s, out, &n),
				 letter || c == '-' || c == '_');
	}
}

/* The definition, by decoding: what RFC 3629 section 3 allows. */
static bool
slow_utf8_valid(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t v, min;
		size_t len;
		if (p[i] < 0x80) {
			i++;
			continue;
		}
		if (p[i] >> 5 == 6) {
			len = 2, v = p[i] & 0x1f, min = 0x80;
		} else if (p[i] >> 4 == 14) {
			len = 3, v = p[i] & 0x0f, min = 0x800;
		} else if (p[i] >> 3 == 30) {
			len = 4, v = p[i] & 0x07, min = 0x10000;
		} else {
			return false;
		}
		if (n - i < len)
			return false;
		for (size_t k = 1; k < len; k++) {
			if (p[i + k] >> 6 != 2)
				return false;
			v = v << 6 | (p[i + k] & 0x3f);
		}
		if (v < min || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
			return false;
		i += len;
	}
	return true;
}

static void
test_codec_utf8_against_definition(void **state)
{
	struct rng_seeded rng;
	uint8_t p[24];

	(void)state;
	/* All two-byte and, by bytes of interest, all four-byte strings. */
	for (unsigned v = 0; v < 0x10000; v++) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
		assert_int_equal(codec_utf8_valid(p, 2), slow_utf8_valid(p, 2));
	}
	static const uint8_t edge[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
					0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
					0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
	enum { E = ARRAY_LEN(edge) };
	for (unsigned v = 0; v < E * E * E * E; v++) {
		unsigned w = v;
		for (int i = 0; i < 4; i++, w /= E)
			p[i] = edge[w % E];
		for (size_t n = 3; n <= 4; n++)
			if (codec_utf8_valid(p, n) != slow_utf8_valid(p, n))
				fail_msg("%02x %02x %02x %02x, %zu", p[0], p[1], p[2], p[3], n);
	}
	rng_seeded_init(&rng, 11);
	unsigned valid = 0;
	for (int i = 0; i < 200000; i++) {
		size_t n = rng_seeded_below(&rng, sizeof(p) + 1);
		for (size_t k = 0; k < n; k++)
			p[k] = rng_seeded_below(&rng, 8) != 0 ? 'a'
							      : edge[rng_seeded_below(&rng, E)];
		bool want = slow_utf8_valid(p, n);
		valid += want;
		assert_int_equal(codec_utf8_valid(p, n), want);
	}
	assert_in_range(valid, 20000, 180000);
	assert_true(codec_utf8_valid(NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codec_hex),
		cmocka_unit_test(test_codec_base64_vectors),
		cmocka_unit_test(test_codec_base64_round_trip),
		cmocka_unit_test(test_codec_base64_refusals),
		cmocka_unit_test(test_codec_utf8_against_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
