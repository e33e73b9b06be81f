/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strbuf.h - a growing byte buffer, on the heap or in an arena.
 *
 *	struct strbuf sb = STRBUF_INIT;            heap: strbuf_fini(&sb)
 *	struct strbuf sb = STRBUF_ARENA(arena);    arena: nothing to free
 *	strbuf_addf(&sb, "%d sets", n);
 *
 * Invariant: `buf` is NUL-terminated at `len` after any add (buf == NULL only while empty).
 * Ownership: the strbuf owns `buf`. Threads: one. Errors: none; no memory is a panic.
 * Limits:    sizes are checked for overflow; bounding a peer's input is the caller's duty. In an
 *            arena, growth is for ever (an old copy stays) and past twice the cap a panic: what
 *            a peer can make large belongs on the heap or is bounded first.
 */
#ifndef FIT_BASE_STRBUF_H
#define FIT_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

struct arena;

struct strbuf {
	char *buf;
	size_t len;
	size_t cap;
	struct arena *arena; /* NULL: heap */
};

#define STRBUF_INIT ((struct strbuf){ 0 })
#define STRBUF_ARENA(a) ((struct strbuf){ .arena = (a) })

void strbuf_fini(struct strbuf *sb);
/* Makes room for `extra` more bytes plus the NUL. */
void strbuf_grow_slow(struct strbuf *sb, size_t extra);

static inline void
strbuf_grow(struct strbuf *sb, size_t extra)
{
	if (UNLIKELY(sb->cap - sb->len <= extra))
		strbuf_grow_slow(sb, extra);
}

static inline void
strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->buf != NULL)
		sb->buf[0] = '\0';
}

static inline void
strbuf_add(struct strbuf *sb, const void *p, size_t n)
{
	strbuf_grow(sb, n);
	if (n > 0)
		memcpy(sb->buf + sb->len, p, n);
	sb->len += n;
	sb->buf[sb->len] = '\0';
}

static inline void
strbuf_addch(struct strbuf *sb, char c)
{
	strbuf_grow(sb, 1);
	sb->buf[sb->len++] = c;
	sb->buf[sb->len] = '\0';
}

static inline void
strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

static inline void
strbuf_add_slice(struct strbuf *sb, struct slice s)
{
	strbuf_add(sb, s.p, s.n);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap);
void strbuf_add_u64(struct strbuf *sb, unsigned long long v);
void strbuf_add_i64(struct strbuf *sb, long long v);
/* "…" with JSON escapes (RFC 8259 section 7); bytes that are not UTF-8 become U+FFFD. */
void strbuf_add_json_string(struct strbuf *sb, struct slice s);

static inline struct slice
strbuf_slice(const struct strbuf *sb)
{
	return (struct slice){ sb->buf, sb->len };
}

/* The text, never NULL. */
static inline const char *
strbuf_cstr(const struct strbuf *sb)
{
	return sb->buf != NULL ? sb->buf : "";
}

#endif
