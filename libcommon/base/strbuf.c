/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/status.h"

#define MIN_CAP 64

void
strbuf_fini(struct strbuf *sb)
{
	if (sb->arena == NULL)
		free(sb->buf);
	sb->buf = NULL;
	sb->len = sb->cap = 0;
}

void
strbuf_grow_slow(struct strbuf *sb, size_t extra)
{
	if (extra >= SIZE_MAX / 4 - sb->len)
		panic("strbuf: %zu bytes more than %zu", extra, sb->len);
	size_t cap = sb->len + extra + 1;
	if (cap < MIN_CAP)
		cap = MIN_CAP;
	if (cap < sb->cap * 2)
		cap = sb->cap * 2;

	if (sb->arena == NULL) {
		char *p = realloc(sb->buf, cap);
		if (p == NULL)
			panic("strbuf: no memory for %zu bytes", cap);
		sb->buf = p;
	} else if (sb->buf == NULL || !arena_extend(sb->arena, sb->buf, sb->cap, cap)) {
		char *p = arena_alloc(sb->arena, cap);
		if (sb->len > 0)
			memcpy(p, sb->buf, sb->len);
		sb->buf = p;
	}
	sb->cap = cap;
	sb->buf[sb->len] = '\0';
}

void
strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	size_t room = sb->cap - sb->len;
	int n = vsnprintf(room > 0 ? sb->buf + sb->len : NULL, room, fmt, ap);
	if (n < 0)
		panic("strbuf_addf: bad format \"%s\"", fmt);
	if ((size_t)n >= room) {
		strbuf_grow(sb, (size_t)n);
		vsnprintf(sb->buf + sb->len, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	sb->len += (size_t)n;
}

void
strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(sb, fmt, ap);
	va_end(ap);
}

void
strbuf_add_u64(struct strbuf *sb, unsigned long long v)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char buf[20];
	char *p = buf + sizeof(buf);

	while (v >= 100) {
		const char *two = pairs + 2 * (v % 100);
		v /= 100;
		*--p = two[1];
		*--p = two[0];
	}
	if (v >= 10) {
		*--p = pairs[2 * v + 1];
		*--p = pairs[2 * v];
	} else {
		*--p = (char)('0' + v);
	}
	strbuf_add(sb, p, (size_t)(buf + sizeof(buf) - p));
}

void
strbuf_add_i64(struct strbuf *sb, long long v)
{
	unsigned long long u = (unsigned long long)v;

	if (v < 0) {
		strbuf_addch(sb, '-');
		u = 0 - u;
	}
	strbuf_add_u64(sb, u);
}

/* 0x80 in each byte of w that is zero (exact for the lowest such byte, which is all we ask). */
static inline uint64_t
zero_bytes(uint64_t w)
{
	return (w - 0x0101010101010101u) & ~w & 0x8080808080808080u;
}

/* Number of leading bytes that stand for themselves in a JSON string and are ASCII. */
static size_t
plain_run(const char *p, size_t n)
{
	size_t i = 0;

	while (n - i >= 8) {
		uint64_t w;
		memcpy(&w, p + i, 8);
		uint64_t stop = (w & 0x8080808080808080u) | zero_bytes(w ^ 0x2222222222222222u) |
				zero_bytes(w ^ 0x5c5c5c5c5c5c5c5cu) |
				zero_bytes(w & 0xe0e0e0e0e0e0e0e0u);
		if (stop != 0)
			break;
		i += 8;
	}
	while (i < n) {
		unsigned char c = (unsigned char)p[i];
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
		i++;
	}
	return i;
}

static void
add_escape(struct strbuf *sb, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char shrt = 0;

	switch (c) {
	case '"':
	case '\\':
		shrt = (char)c;
		break;
	case '\b':
		shrt = 'b';
		break;
	case '\f':
		shrt = 'f';
		break;
	case '\n':
		shrt = 'n';
		break;
	case '\r':
		shrt = 'r';
		break;
	case '\t':
		shrt = 't';
		break;
	}
	if (shrt != 0) {
		char two[2] = { '\\', shrt };
		strbuf_add(sb, two, 2);
	} else {
		char six[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
		strbuf_add(sb, six, 6);
	}
}

void
strbuf_add_json_string(struct strbuf *sb, struct slice s)
{
	strbuf_grow(sb, s.n + 2);
	strbuf_addch(sb, '"');
	while (s.n > 0) {
		size_t run = plain_run(s.p, s.n);
		if (run > 0) {
			strbuf_add(sb, s.p, run);
			s.p += run;
			s.n -= run;
			continue;
		}
		unsigned char c = (unsigned char)*s.p;
		int step = 1;
		if (c < 0x80) {
			add_escape(sb, c);
		} else {
			step = codec_utf8_step(s.p, s.n);
			if (step > 0) {
				strbuf_add(sb, s.p, (size_t)step);
			} else {
				strbuf_add(sb, "\xef\xbf\xbd", 3);
				step = -step;
			}
		}
		s.p += step;
		s.n -= (size_t)step;
	}
	strbuf_addch(sb, '"');
}
