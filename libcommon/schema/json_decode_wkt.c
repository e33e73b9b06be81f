/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_decode_wkt.c - messages that have a JSON form of their own (google.protobuf.*).
 */
#include "libcommon/schema/json_decode.h"
#include "libcommon/schema/textnum.h"

#include <ctype.h>

static enum status
read_text(struct decoder *d, const struct path_node *node, const char *expected, char *buf,
	  size_t size, struct slice *ret)
{
	enum json_kind kind = json_peek(&d->lex);
	struct json_string s;
	enum status st;

	if (kind != JSON_STRING)
		return decode_unexpected(d, node, kind, expected);
	if ((st = decode_string_token(d, &s)) != STATUS_OK)
		return st;
	if (!decode_short_text(&s, buf, size, ret))
		return decode_fail(d, node, "is not %s", expected);
	return STATUS_OK;
}

void
schema_put_time(struct strbuf *out, int64_t seconds, int32_t nanos)
{
	if (seconds != 0) {
		wire_put_tag(out, 1, WIRE_VARINT);
		wire_put_varint(out, (uint64_t)seconds);
	}
	if (nanos != 0) {
		wire_put_tag(out, 2, WIRE_VARINT);
		wire_put_varint(out, (uint64_t)(int64_t)nanos);
	}
}

static enum status
decode_time(struct decoder *d, const struct schema_message *m, const struct path_node *node)
{
	bool stamp = m->wkt == WKT_TIMESTAMP;
	const char *expected = stamp ? "a time such as \"2026-01-31T18:05:00Z\""
				     : "a duration such as \"90s\" or \"1.5s\"";
	SCRATCH char buf[64];
	struct slice text;
	struct textnum_time t;
	enum status st = read_text(d, node, expected, buf, sizeof(buf), &text);

	if (st != STATUS_OK)
		return st;
	if (!(stamp ? textnum_timestamp(text, &t) : textnum_duration(text, &t)))
		return decode_fail(d, node, "\"%.*s\" is not %s", text.n > 40 ? 40 : (int)text.n,
				   text.p, expected);
	schema_put_time(d->out, t.seconds, t.nanos);
	return STATUS_OK;
}

/* "fooBar,baz.quxQuux" to foo_bar and baz.qux_quux. */
bool
schema_put_mask(struct strbuf *out, struct slice text)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end) {
		size_t mark = wire_open(out, 1);
		const char *start = p;
		for (; p < end && *p != ','; p++) {
			if (!isalnum((unsigned char)*p) && *p != '.')
				return false;
			if (isupper((unsigned char)*p))
				strbuf_addch(out, '_');
			strbuf_addch(out, (char)tolower((unsigned char)*p));
		}
		wire_close(out, mark);
		if (p == start || (p < end && ++p == end))
			return false;
	}
	return true;
}

static enum status
decode_mask(struct decoder *d, const struct path_node *node)
{
	static const char expected[] = "a list of paths such as \"name,location.city\"";
	SCRATCH char buf[1024];
	struct slice text;
	enum status st = read_text(d, node, expected, buf, sizeof(buf), &text);

	if (st == STATUS_OK && !schema_put_mask(d->out, text))
		return decode_fail(d, node, "is not %s", expected);
	return st;
}

/* ---- Struct, Value, ListValue: members of Value.kind are null 1, number 2, string 3, bool 4,
 * struct 5, list 6 ---- */

static enum status decode_any_value(struct decoder *d, const struct schema_message *m,
				    const struct path_node *node, unsigned depth);

static enum status
decode_struct(struct decoder *d, const struct schema_message *m, const struct path_node *up,
	      unsigned depth)
{
	const struct schema_message *value = m->fields[0].message->fields[1].message;
	enum json_kind kind = json_peek(&d->lex);
	size_t object = (size_t)(d->lex.p - d->lex.begin);
	struct path_node node = { .up = up, .kind = PATH_KEY };
	struct json_string s;
	enum status st;

	if (kind != JSON_OBJECT)
		return decode_unexpected(d, up, kind, "an object");
	d->lex.p++;
	if (json_take(&d->lex, '}'))
		return STATUS_OK;
	DEPTH_OR_FAIL(d, up, depth + 2);
	do {
		if (json_peek(&d->lex) != JSON_STRING)
			return decode_malformed(d);
		if ((st = decode_string_token(d, &s)) != STATUS_OK)
			return st;
		node.key = s.raw;
		size_t entry = wire_open(d->out, 1), key = wire_open(d->out, 1);
		strbuf_grow(d->out, s.raw.n);
		d->out->len += json_unescape(s.raw, d->out->buf + d->out->len);
		if (!key_set_add(&d->keys, object,
				 slice_make(d->out->buf + key, d->out->len - key)))
			return decode_fail(d, &node, "is there twice");
		wire_close(d->out, key);
		if (!json_take(&d->lex, ':'))
			return decode_malformed(d);
		size_t mark = wire_open(d->out, 2);
		if ((st = decode_any_value(d, value, &node, depth + 2)) != STATUS_OK)
			return st;
		wire_close(d->out, mark);
		wire_close(d->out, entry);
	} while (decode_more(d));
	return json_take(&d->lex, '}') ? STATUS_OK : decode_malformed(d);
}

static enum status
decode_list(struct decoder *d, const struct schema_message *m, const struct path_node *up,
	    unsigned depth)
{
	const struct schema_message *value = m->fields[0].message;
	enum json_kind kind = json_peek(&d->lex);
	struct path_node node = { .up = up, .kind = PATH_INDEX };
	enum status st;

	if (kind != JSON_ARRAY)
		return decode_unexpected(d, up, kind, "an array");
	d->lex.p++;
	if (json_take(&d->lex, ']'))
		return STATUS_OK;
	DEPTH_OR_FAIL(d, up, depth + 1);
	do {
		size_t mark = wire_open(d->out, 1);
		if ((st = decode_any_value(d, value, &node, depth + 1)) != STATUS_OK)
			return st;
		wire_close(d->out, mark);
		node.index++;
	} while (decode_more(d));
	return json_take(&d->lex, ']') ? STATUS_OK : decode_malformed(d);
}

static enum status
decode_any_value(struct decoder *d, const struct schema_message *m, const struct path_node *node,
		 unsigned depth)
{
	enum json_kind kind = json_peek(&d->lex);
	uint32_t number = 0;

	switch (kind) {
	case JSON_NULL:
		number = 1;
		break;
	case JSON_NUMBER:
		number = 2;
		break;
	case JSON_STRING:
		number = 3;
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		number = 4;
		break;
	case JSON_OBJECT:
		number = 5;
		break;
	case JSON_ARRAY:
		number = 6;
		break;
	case JSON_END:
	case JSON_BAD:
		return decode_malformed(d);
	}
	const struct schema_field *f = schema_field_by_number(m, number);
	if (f == NULL)
		return decode_fail(d, node, "is %s, which google.protobuf.Value does not hold",
				   json_kind_name(kind));
	return decode_value(d, f, node, depth, true);
}

enum status
decode_well_known(struct decoder *d, const struct schema_message *m, const struct path_node *node,
		  unsigned depth)
{
	switch (m->wkt) {
	case WKT_TIMESTAMP:
	case WKT_DURATION:
		return decode_time(d, m, node);
	case WKT_FIELD_MASK:
		return decode_mask(d, node);
	case WKT_STRUCT:
		return decode_struct(d, m, node, depth);
	case WKT_VALUE:
		return decode_any_value(d, m, node, depth);
	case WKT_LIST_VALUE:
		return decode_list(d, m, node, depth);
	case WKT_WRAPPER:
		return decode_value(d, &m->fields[0], node, depth, false);
	default:
		return decode_fail(d, node, "cannot be given: %s has no JSON form here", m->name);
	}
}
