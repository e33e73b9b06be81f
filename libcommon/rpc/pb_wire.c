/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/rpc/pb_wire.h"

#include "libcommon/base/strbuf.h"

static bool
read_varint(struct pb_reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && r->p < r->end; shift += 7) {
		unsigned char c = *r->p++;
		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool
read_fixed(struct pb_reader *r, unsigned n)
{
	if ((size_t)(r->end - r->p) < n)
		return false;
	r->number = 0;
	for (unsigned i = 0; i < n; i++)
		r->number |= (uint64_t)r->p[i] << (8 * i);
	r->p += n;
	return true;
}

static bool
read_value(struct pb_reader *r)
{
	uint64_t n;

	switch (r->type) {
	case PB_VARINT:
		return read_varint(r, &r->number);
	case PB_FIXED64:
		return read_fixed(r, 8);
	case PB_FIXED32:
		return read_fixed(r, 4);
	case PB_BYTES:
		if (!read_varint(r, &n) || n > (uint64_t)(r->end - r->p))
			return false;
		r->bytes = slice_make(r->p, (size_t)n);
		r->p += n;
		return true;
	}
	return false;
}

bool
pb_next(struct pb_reader *r)
{
	uint64_t tag;

	if (r->broken || r->p == r->end)
		return false;
	if (!read_varint(r, &tag) || tag >> 3 == 0 || tag > UINT32_MAX) {
		r->broken = true;
		return false;
	}
	r->field = (uint32_t)(tag >> 3);
	r->type = (enum pb_type)(tag & 7);
	r->broken = !read_value(r);
	return !r->broken;
}

static void
put_raw_varint(struct strbuf *out, uint64_t v)
{
	while (v >= 0x80) {
		strbuf_addch(out, (char)(v | 0x80));
		v >>= 7;
	}
	strbuf_addch(out, (char)v);
}

void
pb_put_varint(struct strbuf *out, uint32_t field, uint64_t value)
{
	put_raw_varint(out, (uint64_t)field << 3 | PB_VARINT);
	put_raw_varint(out, value);
}

void
pb_put_bytes(struct strbuf *out, uint32_t field, struct slice bytes)
{
	put_raw_varint(out, (uint64_t)field << 3 | PB_BYTES);
	put_raw_varint(out, bytes.n);
	strbuf_add_slice(out, bytes);
}
