/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_encode.c - protobuf bytes to JSON text, by descriptor, in the order of field numbers.
 *
 * Bytes that come in that order, each singular field once, as all serialisers write them, are
 * printed in one pass. Any other order is legal too and is first brought into this one
 * (schema_merge.c). Map entries are sorted by key, so that equal messages have equal text.
 */
#include "libcommon/schema/json_encode.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/codec.h"
#include "libcommon/schema/json_lex.h"
#include "libcommon/schema/textnum.h"

enum status
encode_fail(struct encoder *e, const struct schema_message *m, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e->err, STATUS_INVALID_ARGUMENT, "%s as JSON: %s", m->name, text);
}

/* ---- scalars ---- */

static void
put_escape(struct strbuf *out, unsigned char c)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *at = c ? strchr(from, c) : NULL;

	if (at != NULL) {
		strbuf_addch(out, '\\');
		strbuf_addch(out, to[at - from]);
	} else {
		strbuf_addf(out, "\\u%04x", c);
	}
}

enum status
encode_string(struct encoder *e, const struct schema_message *m, struct slice s)
{
	struct strbuf *out = e->out;
	const char *p = s.p, *end = s.p + s.n, *run = p;

	strbuf_grow(out, s.n + 2);
	strbuf_addch(out, '"');
	while (p < end) {
		uint64_t w;
		unsigned char c = (unsigned char)*p;
		if (end - p >= 8 && (memcpy(&w, p, 8), json_special_bytes(w) == 0)) {
			p += 8;
		} else if (c >= 0x80) {
			int step = codec_utf8_step(p, (size_t)(end - p));
			if (step < 0)
				return encode_fail(e, m, "a string is not UTF-8");
			p += step;
		} else if (c >= 0x20 && c != '"' && c != '\\') {
			p++;
		} else {
			strbuf_add(out, run, (size_t)(p - run));
			put_escape(out, c);
			run = ++p;
		}
	}
	strbuf_add(out, run, (size_t)(end - run));
	strbuf_addch(out, '"');
	return STATUS_OK;
}

static void
put_double(struct strbuf *out, unsigned type, uint64_t bits)
{
	double v = wire_double(type, bits);

	if (isnan(v))
		strbuf_add(out, "\"NaN\"", 5);
	else if (isinf(v))
		strbuf_adds(out, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else if (type == FT_FLOAT)
		textnum_add_float(out, (float)v);
	else
		textnum_add_double(out, v);
}

/* Without quotes: also a map's key. */
static void
put_int(struct strbuf *out, unsigned type, uint64_t bits)
{
	int64_t v = wire_int(type, bits);

	if (type == FT_UINT64 || type == FT_FIXED64)
		strbuf_add_u64(out, (unsigned long long)v);
	else
		strbuf_add_i64(out, v);
}

static void
put_enum(struct strbuf *out, const struct schema_enum *en, uint64_t bits)
{
	const struct schema_enum_value *v = schema_enum_by_number(en, (int32_t)bits);

	if (en->is_null_value) {
		strbuf_add(out, "null", 4);
	} else if (v != NULL) {
		strbuf_addch(out, '"');
		strbuf_add_slice(out, v->name);
		strbuf_addch(out, '"');
	} else {
		strbuf_add_i64(out, (int32_t)bits);
	}
}

enum status
encode_value(struct encoder *e, const struct schema_message *m, const struct schema_field *f,
	     uint64_t bits, struct slice bytes, unsigned depth)
{
	struct strbuf *out = e->out;

	switch (f->type) {
	case FT_MESSAGE:
		return encode_body(e, f->message, bytes, depth + 1);
	case FT_STRING:
		return encode_string(e, m, bytes);
	case FT_BYTES:
		strbuf_addch(out, '"');
		codec_base64_encode(out, bytes.p, bytes.n);
		strbuf_addch(out, '"');
		break;
	case FT_DOUBLE:
	case FT_FLOAT:
		put_double(out, f->type, bits);
		break;
	case FT_BOOL:
		if (bits != 0)
			strbuf_add(out, "true", 4);
		else
			strbuf_add(out, "false", 5);
		break;
	case FT_ENUM:
		put_enum(out, f->enumeration, bits);
		break;
	case FT_INT64:
	case FT_UINT64:
	case FT_FIXED64:
	case FT_SFIXED64:
	case FT_SINT64:
		strbuf_addch(out, '"');
		put_int(out, f->type, bits);
		strbuf_addch(out, '"');
		break;
	default:
		put_int(out, f->type, bits);
	}
	return STATUS_OK;
}

/* ---- maps ---- */

struct map_entry {
	struct slice key;
	uint64_t bits; /* of a number as key: comparable as unsigned */
	size_t order;
	struct slice wire;
};

static int
by_key(const void *pa, const void *pb)
{
	const struct map_entry *a = pa, *b = pb;
	size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
	int c = n > 0 ? memcmp(a->key.p, b->key.p, n) : 0;

	if (c != 0)
		return c;
	if (a->key.n != b->key.n)
		return a->key.n < b->key.n ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool
same_key(const struct map_entry *a, const struct map_entry *b)
{
	return a->bits == b->bits && slice_eq(a->key, b->key);
}

static struct map_entry
read_entry(const struct schema_field *key, struct slice wire, size_t order)
{
	struct map_entry entry = { .wire = wire, .order = order };
	struct wire_in in = wire_in(wire);
	struct wire_field f;
	int64_t v = 0;

	while (wire_next(&in, &f) > 0) {
		if (f.number != 1 || f.type != key->wire)
			continue;
		entry.key = f.bytes;
		v = wire_int(key->type, f.bits);
	}
	entry.bits = field_type_signed(key->type) ? (uint64_t)v ^ 1ull << 63 : (uint64_t)v;
	return entry;
}

static enum status
encode_entry(struct encoder *e, const struct schema_field *map, struct slice wire, unsigned depth)
{
	const struct schema_message *m = map->message;
	const struct schema_field *key = &m->fields[0], *value = &m->fields[1];
	struct strbuf scratch = STRBUF_INIT;
	struct slice key_bytes = SLICE_LIT(""), bytes = SLICE_LIT("");
	uint64_t key_bits = 0, bits = 0;
	struct wire_field f;
	bool malformed;
	enum status st = STATUS_OK;

	if (!wire_is_plain(m, wire, false, &malformed) && !malformed) {
		wire_make_plain(m, wire, &scratch);
		wire = strbuf_slice(&scratch);
	}
	if (malformed)
		st = encode_fail(e, m, "malformed bytes");
	for (struct wire_in in = wire_in(wire); st == STATUS_OK && wire_next(&in, &f) > 0;) {
		if (f.number == 1) {
			key_bytes = f.bytes;
			key_bits = f.bits;
		} else if (f.number == 2) {
			bytes = f.bytes;
			bits = f.bits;
		}
	}
	if (st == STATUS_OK && key->type == FT_STRING) {
		st = encode_string(e, m, key_bytes);
	} else if (st == STATUS_OK) {
		strbuf_addch(e->out, '"');
		if (key->type == FT_BOOL)
			strbuf_adds(e->out, key_bits ? "true" : "false");
		else
			put_int(e->out, key->type, key_bits);
		strbuf_addch(e->out, '"');
	}
	if (st == STATUS_OK) {
		strbuf_addch(e->out, ':');
		st = encode_value(e, m, value, bits, bytes, depth);
	}
	strbuf_fini(&scratch);
	return st;
}

enum status
encode_map(struct encoder *e, const struct schema_message *m, const struct schema_field *f,
	   struct wire_in *in, unsigned depth)
{
	struct strbuf list = STRBUF_INIT;
	struct wire_in ahead = *in;
	struct wire_field w;
	enum status st = STATUS_OK;

	if (depth + 1 > SCHEMA_MAX_DEPTH)
		return encode_fail(e, m, "nested deeper than %u messages", SCHEMA_MAX_DEPTH);
	while (wire_next(&ahead, &w) > 0) {
		if (w.number != f->number && schema_field_by_number(m, w.number) != NULL)
			break;
		if (w.number != f->number)
			continue; /* unknown: may be anywhere */
		struct map_entry entry = read_entry(&f->message->fields[0], w.bytes, list.len);
		strbuf_add(&list, &entry, sizeof(entry));
		*in = ahead;
	}
	struct map_entry *entries = (struct map_entry *)(void *)list.buf;
	size_t n = list.len / sizeof(*entries);
	if (n > 1)
		qsort(entries, n, sizeof(*entries), by_key);
	strbuf_addch(e->out, '{');
	for (size_t i = 0, printed = 0; i < n && st == STATUS_OK; i++) {
		if (i + 1 < n && same_key(&entries[i], &entries[i + 1]))
			continue; /* the last of a key counts */
		if (printed++ > 0)
			strbuf_addch(e->out, ',');
		st = encode_entry(e, f, entries[i].wire, depth + 1);
	}
	strbuf_addch(e->out, '}');
	strbuf_fini(&list);
	return st;
}

/* ---- messages ---- */

static void
put_name(struct strbuf *out, const struct schema_field *f)
{
	if (out->buf[out->len - 1] != '{')
		strbuf_addch(out, ',');
	strbuf_add_slice(out, f->json_key);
}

/* With `always`: fields from *next up to `end` (an index) that have no presence and were not on the
 * wire. */
static enum status
put_defaults(struct encoder *e, const struct schema_message *m, uint32_t *next, uint32_t end)
{
	enum status st = STATUS_OK;

	for (; e->always && *next < end && st == STATUS_OK; (*next)++) {
		const struct schema_field *f = &m->fields[*next];
		if (f->presence)
			continue;
		put_name(e->out, f);
		if (f->repeated)
			strbuf_add(e->out, f->map ? "{}" : "[]", 2);
		else
			st = encode_value(e, m, f, 0, SLICE_LIT(""), 0);
	}
	return st;
}

struct object_out {
	const struct schema_message *m;
	const struct schema_field *array; /* whose `[` is open */
	uint32_t next;                    /* first field not dealt with */
	unsigned depth;
};

static enum status
begin_field(struct encoder *e, struct object_out *o, const struct schema_field *f)
{
	enum status st = put_defaults(e, o->m, &o->next, f->index);

	o->next = f->index + 1u;
	put_name(e->out, f);
	return st;
}

static enum status
put_element(struct encoder *e, struct object_out *o, const struct schema_field *f, uint64_t bits,
	    struct slice bytes)
{
	enum status st;

	if (o->array != f) {
		if ((st = begin_field(e, o, f)) != STATUS_OK)
			return st;
		strbuf_addch(e->out, '[');
		o->array = f;
	} else {
		strbuf_addch(e->out, ',');
	}
	return encode_value(e, o->m, f, bits, bytes, o->depth);
}

static enum status
put_packed(struct encoder *e, struct object_out *o, const struct schema_field *f,
	   struct slice bytes)
{
	struct wire_in in = wire_in(bytes);
	uint64_t bits;
	enum status st = STATUS_OK;

	while (in.p < in.end && st == STATUS_OK) {
		if (!wire_payload(&in, f->wire, &bits))
			return encode_fail(e, o->m, "malformed packed field %u", f->number);
		st = put_element(e, o, f, bits, SLICE_NONE);
	}
	return st;
}

/* `start` is before the field that was just read: a map takes all its entries. */
static enum status
put_field(struct encoder *e, struct object_out *o, const struct schema_field *f,
	  const struct wire_field *w, struct wire_in start, struct wire_in *in)
{
	enum status st;

	if (o->array != NULL && o->array != f) {
		strbuf_addch(e->out, ']');
		o->array = NULL;
	}
	if (f->map) {
		if ((st = begin_field(e, o, f)) != STATUS_OK)
			return st;
		*in = start;
		return encode_map(e, o->m, f, in, o->depth);
	}
	if (f->repeated && w->type == WIRE_BYTES && f->wire != WIRE_BYTES)
		return put_packed(e, o, f, w->bytes);
	if (f->repeated)
		return put_element(e, o, f, w->bits, w->bytes);
	bool zero = f->wire == WIRE_BYTES ? w->bytes.n == 0 : w->bits == 0;
	if (zero && !f->presence && !e->always)
		return STATUS_OK;
	if ((st = begin_field(e, o, f)) != STATUS_OK)
		return st;
	return encode_value(e, o->m, f, w->bits, w->bytes, o->depth);
}

static enum status
encode_object(struct encoder *e, const struct schema_message *m, struct slice wire, unsigned depth)
{
	struct object_out o = { .m = m, .depth = depth };
	struct wire_in in = wire_in(wire), start = in;
	struct wire_field w;
	enum status st = STATUS_OK;

	strbuf_addch(e->out, '{');
	for (; st == STATUS_OK && wire_next(&in, &w) > 0; start = in) {
		const struct schema_field *f = schema_field_by_number(m, w.number);
		if (f != NULL)
			st = put_field(e, &o, f, &w, start, &in);
	}
	if (o.array != NULL)
		strbuf_addch(e->out, ']');
	if (st == STATUS_OK)
		st = put_defaults(e, m, &o.next, m->nfields);
	strbuf_addch(e->out, '}');
	return st;
}

enum status
encode_body(struct encoder *e, const struct schema_message *m, struct slice wire, unsigned depth)
{
	struct strbuf scratch = STRBUF_INIT;
	bool malformed;
	enum status st;

	if (depth > SCHEMA_MAX_DEPTH)
		return encode_fail(e, m, "nested deeper than %u messages", SCHEMA_MAX_DEPTH);
	bool plain = wire_is_plain(m, wire, false, &malformed);
	if (malformed)
		return encode_fail(e, m, "malformed bytes");
	if (!plain) {
		if ((e->copied += wire.n) > ENCODE_MAX_COPIED)
			return encode_fail(e, m, "too much of it is out of order");
		wire_make_plain(m, wire, &scratch);
		wire = strbuf_slice(&scratch);
	}
	if (m->wkt != WKT_NONE)
		st = encode_well_known(e, m, wire, depth);
	else
		st = encode_object(e, m, wire, depth);
	strbuf_fini(&scratch);
	return st;
}

enum status
schema_json_encode(const struct schema_message *message, struct slice wire, bool always,
		   struct strbuf *out, struct err *err)
{
	struct encoder e = { .out = out, .err = err, .always = always };
	size_t before = out->len;
	enum status st = encode_body(&e, message, wire, 1);

	if (st != STATUS_OK && out->buf != NULL) {
		out->len = before;
		out->buf[before] = '\0';
	}
	return st;
}
