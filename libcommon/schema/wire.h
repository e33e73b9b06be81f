/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - the protobuf wire format: a cursor over fields, and writers into a strbuf.
 *
 *	struct wire_in in = wire_in(bytes);
 *	struct wire_field f;
 *	int more;
 *	while ((more = wire_next(&in, &f)) > 0)
 *		…f.number, f.type, f.bits or f.bytes…
 *	if (more < 0)
 *		malformed at in.p
 *
 *	size_t mark = wire_open(out, 3);       tag of a length-delimited field, length to come
 *	…append the content…
 *	wire_close(out, mark);
 *
 * Source:    protobuf.dev "Encoding". Groups (wire types 3 and 4) are malformed here.
 * Ownership: slices point into the caller's bytes. Threads: any. Errors: wire_next returns -1.
 * Limits:    tags are at most 5 bytes, varints 10; field numbers 1..2^29-1.
 */
#ifndef FIT_SCHEMA_WIRE_H
#define FIT_SCHEMA_WIRE_H

#include <stdint.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/strbuf.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_in {
	const uint8_t *p, *end;
};

struct wire_field {
	uint32_t number;
	uint8_t type;
	uint64_t bits;      /* varint, fixed32, fixed64 */
	struct slice bytes; /* length-delimited */
};

static inline struct wire_in
wire_in(struct slice s)
{
	const uint8_t *p = (const uint8_t *)(s.p ? s.p : ""); /* no arithmetic on NULL */
	return (struct wire_in){ p, p + s.n };
}

static inline bool
wire_varint(struct wire_in *in, uint64_t *ret)
{
	uint64_t v = 0;

	if (LIKELY(in->p < in->end && *in->p < 0x80)) {
		*ret = *in->p++;
		return true;
	}
	for (unsigned shift = 0; shift < 70 && in->p < in->end; shift += 7) {
		uint8_t b = *in->p++;
		if (shift == 63 && b > 1)
			return false;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* A payload of the given wire type without its tag: elements of packed fields. */
static inline bool
wire_payload(struct wire_in *in, unsigned type, uint64_t *ret_bits)
{
	size_t left = (size_t)(in->end - in->p);

	if (type == WIRE_VARINT)
		return wire_varint(in, ret_bits);
	if (type == WIRE_FIXED32) {
		uint32_t v;
		if (left < 4)
			return false;
		memcpy(&v, in->p, 4);
		in->p += 4;
		*ret_bits = v;
		return true;
	}
	if (type != WIRE_FIXED64 || left < 8)
		return false;
	memcpy(ret_bits, in->p, 8);
	in->p += 8;
	return true;
}

/* 1: a field; 0: the end; -1: malformed. */
static inline int
wire_next(struct wire_in *in, struct wire_field *f)
{
	const uint8_t *start = in->p;
	uint64_t tag, n;

	if (in->p >= in->end)
		return 0;
	if (!wire_varint(in, &tag) || in->p - start > 5 || tag > UINT32_MAX || tag < 8)
		return -1;
	f->number = (uint32_t)(tag >> 3);
	f->type = tag & 7;
	f->bits = 0; /* whatever the type, both are defined: readers of options look at one of them
			only */
	f->bytes = SLICE_LIT("");
	if (f->type != WIRE_BYTES)
		return wire_payload(in, f->type, &f->bits) ? 1 : -1;
	if (!wire_varint(in, &n) || n > (size_t)(in->end - in->p))
		return -1;
	f->bytes = slice_make(in->p, (size_t)n);
	in->p += n;
	return 1;
}

static inline unsigned
wire_varint_size(uint64_t v)
{
	return (unsigned)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

static inline char *
wire_write_varint(char *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (char)(v | 0x80);
		v >>= 7;
	}
	*p++ = (char)v;
	return p;
}

static inline void
wire_put_varint(struct strbuf *out, uint64_t v)
{
	strbuf_grow(out, 10);
	out->len = (size_t)(wire_write_varint(out->buf + out->len, v) - out->buf);
	out->buf[out->len] = '\0';
}

static inline void
wire_put_tag(struct strbuf *out, uint32_t number, enum wire_type type)
{
	wire_put_varint(out, (uint64_t)number << 3 | type);
}

/* A payload without its tag. */
static inline void
wire_put_payload(struct strbuf *out, enum wire_type type, uint64_t bits)
{
	if (type == WIRE_VARINT)
		wire_put_varint(out, bits);
	else
		strbuf_add(out, &bits, type == WIRE_FIXED32 ? 4 : 8); /* little-endian hosts only */
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed32/64 are copied as they are");

static inline void
wire_put_bytes(struct strbuf *out, uint32_t number, struct slice bytes)
{
	wire_put_tag(out, number, WIRE_BYTES);
	wire_put_varint(out, bytes.n);
	strbuf_add_slice(out, bytes);
}

/* One byte is kept for the length: most messages are short, longer ones are moved once. */
static inline size_t
wire_open_length(struct strbuf *out)
{
	strbuf_addch(out, 0);
	return out->len;
}

static inline size_t
wire_open(struct strbuf *out, uint32_t number)
{
	wire_put_tag(out, number, WIRE_BYTES);
	return wire_open_length(out);
}

static inline void
wire_close(struct strbuf *out, size_t mark)
{
	size_t n = out->len - mark;
	unsigned extra = wire_varint_size(n) - 1;

	if (extra > 0) {
		strbuf_grow(out, extra);
		memmove(out->buf + mark + extra, out->buf + mark, n + 1);
		out->len += extra;
	}
	wire_write_varint(out->buf + mark - 1, n);
}

#endif
