/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_encode_wkt.c - messages that have a JSON form of their own (google.protobuf.*).
 */
#include "libcommon/schema/json_encode.h"
#include "libcommon/schema/textnum.h"

#include <ctype.h>
#include <math.h>

static enum status
encode_time(struct encoder *e, const struct schema_message *m, struct slice wire)
{
	struct textnum_time t = { 0, 0 };
	struct wire_in in = wire_in(wire);
	struct wire_field f;

	while (wire_next(&in, &f) > 0) {
		if (f.number == 1)
			t.seconds = (int64_t)f.bits;
		else if (f.number == 2)
			t.nanos = (int32_t)f.bits;
	}
	strbuf_addch(e->out, '"');
	if (!(m->wkt == WKT_TIMESTAMP ? textnum_add_timestamp(e->out, t)
				      : textnum_add_duration(e->out, t)))
		return encode_fail(e, m, "%lld s and %d ns are out of range", (long long)t.seconds,
				   t.nanos);
	strbuf_addch(e->out, '"');
	return STATUS_OK;
}

/* Only paths that come back the same: foo_bar, never foo__bar, foo_1 or Foo. */
static bool
put_camel(struct strbuf *out, struct slice path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		if (c == '_') {
			if (++i == path.n || !islower((unsigned char)path.p[i]))
				return false;
			strbuf_addch(out, (char)toupper((unsigned char)path.p[i]));
		} else if (isalnum(c) && !isupper(c)) {
			strbuf_addch(out, (char)c);
		} else if (c == '.') {
			strbuf_addch(out, '.');
		} else {
			return false;
		}
	}
	return path.n > 0;
}

static enum status
encode_mask(struct encoder *e, const struct schema_message *m, struct slice wire)
{
	struct wire_in in = wire_in(wire);
	struct wire_field f;
	bool first = true;

	strbuf_addch(e->out, '"');
	while (wire_next(&in, &f) > 0) {
		if (f.number != 1)
			continue;
		if (!first)
			strbuf_addch(e->out, ',');
		first = false;
		if (!put_camel(e->out, f.bytes))
			return encode_fail(e, m, "path \"%.*s\" has no lowerCamelCase form",
					   f.bytes.n > 60 ? 60 : (int)f.bytes.n, f.bytes.p);
	}
	strbuf_addch(e->out, '"');
	return STATUS_OK;
}

static enum status
encode_list(struct encoder *e, const struct schema_message *m, struct slice wire, unsigned depth)
{
	struct wire_in in = wire_in(wire);
	struct wire_field f;
	bool first = true;
	enum status st = STATUS_OK;

	strbuf_addch(e->out, '[');
	while (st == STATUS_OK && wire_next(&in, &f) > 0) {
		if (f.number != 1)
			continue;
		if (!first)
			strbuf_addch(e->out, ',');
		first = false;
		st = encode_body(e, m->fields[0].message, f.bytes, depth + 1);
	}
	strbuf_addch(e->out, ']');
	return st;
}

/* The member of the oneof; none is null. */
static enum status
encode_any_value(struct encoder *e, const struct schema_message *m, struct slice wire,
		 unsigned depth)
{
	struct wire_in in = wire_in(wire);
	struct wire_field f;

	while (wire_next(&in, &f) > 0) {
		const struct schema_field *field = schema_field_by_number(m, f.number);
		if (field == NULL)
			continue;
		if (field->type == FT_DOUBLE && !isfinite(wire_double(FT_DOUBLE, f.bits)))
			return encode_fail(e, m, "a number is not finite");
		return encode_value(e, m, field, f.bits, f.bytes, depth);
	}
	strbuf_adds(e->out, "null");
	return STATUS_OK;
}

static enum status
encode_wrapper(struct encoder *e, const struct schema_message *m, struct slice wire, unsigned depth)
{
	struct wire_in in = wire_in(wire);
	struct wire_field f, last = { .bytes = SLICE_LIT("") };

	while (wire_next(&in, &f) > 0) {
		if (f.number == 1)
			last = f;
	}
	return encode_value(e, m, &m->fields[0], last.bits, last.bytes, depth);
}

enum status
encode_well_known(struct encoder *e, const struct schema_message *m, struct slice wire,
		  unsigned depth)
{
	struct wire_in in = wire_in(wire);

	switch (m->wkt) {
	case WKT_TIMESTAMP:
	case WKT_DURATION:
		return encode_time(e, m, wire);
	case WKT_FIELD_MASK:
		return encode_mask(e, m, wire);
	case WKT_STRUCT:
		return encode_map(e, m, &m->fields[0], &in, depth);
	case WKT_VALUE:
		return encode_any_value(e, m, wire, depth);
	case WKT_LIST_VALUE:
		return encode_list(e, m, wire, depth);
	case WKT_WRAPPER:
		return encode_wrapper(e, m, wire, depth);
	default:
		return encode_fail(e, m, "it has no JSON form here");
	}
}
