/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/codec.h"

#include <stdint.h>
#include <string.h>

#include "libcommon/base/strbuf.h"

static const char std_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value + 1 of each character of both alphabets (the last two differ), 0 for all others. */
#define LETTERS(first, v)                                                                          \
	[first] = v, [first + 1] = v + 1, [first + 2] = v + 2, [first + 3] = v + 3,                \
	[first + 4] = v + 4
static const uint8_t
	digits[256] = {
		LETTERS('A', 1),  LETTERS('F', 6),  LETTERS('K', 11), LETTERS('P', 16),
		LETTERS('U', 21), ['Z'] = 26,       LETTERS('a', 27), LETTERS('f', 32),
		LETTERS('k', 37), LETTERS('p', 42), LETTERS('u', 47), ['z'] = 52,
		LETTERS('0', 53), LETTERS('5', 58),
	};
#undef LETTERS

enum {
	ALPHABET_STD = 1,
	ALPHABET_URL = 2,
};

void
codec_hex_encode(const void *p, size_t n, char *ret_text)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i++) {
		ret_text[2 * i] = hex[in[i] >> 4];
		ret_text[2 * i + 1] = hex[in[i] & 15];
	}
	ret_text[2 * n] = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
codec_hex_decode(struct slice text, void *ret, size_t *ret_n)
{
	uint8_t *out = ret;

	if (text.n % 2 != 0)
		return false;
	for (size_t i = 0; i < text.n; i += 2) {
		int hi = hex_value(text.p[i]), lo = hex_value(text.p[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		*out++ = (uint8_t)(hi << 4 | lo);
	}
	*ret_n = text.n / 2;
	return true;
}

static void
encode(struct strbuf *out, const uint8_t *p, size_t n, const char *alphabet, bool pad)
{
	strbuf_grow(out, (n / 3 + 1) * 4);
	char *o = out->buf + out->len;

	for (; n >= 3; p += 3, n -= 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		o[0] = alphabet[v >> 18];
		o[1] = alphabet[v >> 12 & 63];
		o[2] = alphabet[v >> 6 & 63];
		o[3] = alphabet[v & 63];
		o += 4;
	}
	if (n > 0) {
		uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		if (n == 2)
			*o++ = alphabet[v >> 6 & 63];
		else if (pad)
			*o++ = '=';
		if (pad)
			*o++ = '=';
	}
	*o = '\0';
	out->len = (size_t)(o - out->buf);
}

void
codec_base64_encode(struct strbuf *out, const void *p, size_t n)
{
	encode(out, p, n, std_alphabet, true);
}

void
codec_base64url_encode(struct strbuf *out, const void *p, size_t n)
{
	encode(out, p, n, url_alphabet, false);
}

/* 0..63, or a value with bit 6 or 7 set for a character outside the alphabets asked for. */
static inline uint32_t
digit(unsigned char c, unsigned alphabets)
{
	uint32_t v = digits[c];

	if (LIKELY(v != 0))
		return v - 1;
	if ((c == '+' && (alphabets & ALPHABET_STD)) || (c == '-' && (alphabets & ALPHABET_URL)))
		return 62;
	if ((c == '/' && (alphabets & ALPHABET_STD)) || (c == '_' && (alphabets & ALPHABET_URL)))
		return 63;
	return 0xff;
}

/* Decodes n characters without padding. */
static bool
decode(const char *text, size_t n, unsigned alphabets, void *ret, size_t *ret_n)
{
	const unsigned char *p = (const unsigned char *)text;
	uint8_t *out = ret;
	uint8_t *o = out;

	for (; n >= 4; p += 4, n -= 4) {
		uint32_t a = digit(p[0], alphabets), b = digit(p[1], alphabets);
		uint32_t c = digit(p[2], alphabets), d = digit(p[3], alphabets);
		if (UNLIKELY((a | b | c | d) > 63))
			return false;
		uint32_t v = a << 18 | b << 12 | c << 6 | d;
		o[0] = (uint8_t)(v >> 16);
		o[1] = (uint8_t)(v >> 8);
		o[2] = (uint8_t)v;
		o += 3;
	}
	if (n == 1)
		return false;
	if (n >= 2) {
		uint32_t a = digit(p[0], alphabets), b = digit(p[1], alphabets);
		uint32_t c = n == 3 ? digit(p[2], alphabets) : 0;
		if ((a | b | c) > 63)
			return false;
		uint32_t v = a << 18 | b << 12 | c << 6;
		/* RFC 4648 section 3.5: bits that carry no data must be zero. */
		if ((n == 2 && (v & 0xffff) != 0) || (n == 3 && (v & 0xff) != 0))
			return false;
		*o++ = (uint8_t)(v >> 16);
		if (n == 3)
			*o++ = (uint8_t)(v >> 8);
	}
	*ret_n = (size_t)(o - out);
	return true;
}

bool
codec_base64_decode(struct slice text, void *ret, size_t *ret_n)
{
	size_t n = text.n;

	if (n % 4 != 0)
		return false;
	if (n > 0 && text.p[n - 1] == '=')
		n -= text.p[n - 2] == '=' ? 2 : 1;
	return decode(text.p, n, ALPHABET_STD, ret, ret_n);
}

bool
codec_base64url_decode(struct slice text, void *ret, size_t *ret_n)
{
	return decode(text.p, text.n, ALPHABET_URL, ret, ret_n);
}

bool
codec_base64_any_decode(struct slice text, void *ret, size_t *ret_n)
{
	size_t n = text.n;

	if (n > 0 && text.p[n - 1] == '=') {
		if (n % 4 != 0)
			return false;
		n -= text.p[n - 2] == '=' ? 2 : 1;
	}
	return decode(text.p, n, ALPHABET_STD | ALPHABET_URL, ret, ret_n);
}

int
codec_utf8_step(const void *ptr, size_t n)
{
	const uint8_t *p = ptr;
	uint8_t lo = 0x80, hi = 0xbf; /* bounds of the second byte: RFC 3629 section 4 */
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return -1;
	if (p[0] < 0xe0) {
		len = 2;
	} else if (p[0] < 0xf0) {
		len = 3;
		if (p[0] == 0xe0)
			lo = 0xa0;
		else if (p[0] == 0xed)
			hi = 0x9f;
	} else {
		len = 4;
		if (p[0] == 0xf0)
			lo = 0x90;
		else if (p[0] == 0xf4)
			hi = 0x8f;
	}
	if (n < 2 || p[1] < lo || p[1] > hi)
		return -1;
	for (size_t i = 2; i < len; i++) {
		if (i >= n || (p[i] & 0xc0) != 0x80)
			return -(int)i;
	}
	return (int)len;
}

bool
codec_utf8_valid(const void *ptr, size_t n)
{
	const uint8_t *p = ptr;
	size_t i = 0;

	while (i < n) {
		if (n - i >= 8) {
			uint64_t w;
			memcpy(&w, p + i, 8);
			if ((w & 0x8080808080808080u) == 0) {
				i += 8;
				continue;
			}
		} else if (n >= 8) {
			/* The last eight; what of them has been seen was found to be text. */
			uint64_t w;
			memcpy(&w, p + n - 8, 8);
			if ((w & 0x8080808080808080u) == 0)
				return true;
		}
		int step = codec_utf8_step(p + i, n - i);
		if (step < 0)
			return false;
		i += (size_t)step;
	}
	return true;
}
