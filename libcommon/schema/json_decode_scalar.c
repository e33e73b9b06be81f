/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_decode_scalar.c - strings, numbers, enums and booleans of JSON text as payloads of fields.
 */
#include <math.h>

#include "libcommon/base/codec.h"
#include "libcommon/schema/json_decode.h"
#include "libcommon/schema/textnum.h"

const char *
decode_expected(const struct schema_field *f)
{
	switch (f->type) {
	case FT_DOUBLE:
	case FT_FLOAT:
		return "a number";
	case FT_INT32:
	case FT_SINT32:
	case FT_SFIXED32:
		return "an integer in -2147483648..2147483647";
	case FT_UINT32:
	case FT_FIXED32:
		return "an integer in 0..4294967295";
	case FT_INT64:
	case FT_SINT64:
	case FT_SFIXED64:
		return "an integer in -9223372036854775808..9223372036854775807";
	case FT_UINT64:
	case FT_FIXED64:
		return "an integer in 0..18446744073709551615";
	case FT_BOOL:
		return "true or false";
	case FT_STRING:
		return "a string";
	case FT_BYTES:
		return "a string of base64";
	case FT_ENUM:
		return "a name of the enum";
	default:
		return "an object";
	}
}

/* ---- strings ---- */

enum status
decode_string_token(struct decoder *d, struct json_string *ret)
{
	return LIKELY(json_take_string(&d->lex, ret)) ? STATUS_OK : decode_malformed(d);
}

bool
decode_short_text(const struct json_string *s, char *buf, size_t size, struct slice *ret)
{
	if (!s->escaped) {
		*ret = s->raw;
		return true;
	}
	if (s->raw.n > size)
		return false;
	*ret = slice_make(buf, json_unescape(s->raw, buf));
	return true;
}

/* Appends the text without tag and length. */
static void
put_text(struct strbuf *out, const struct json_string *s)
{
	if (!s->escaped) {
		strbuf_add_slice(out, s->raw);
		return;
	}
	strbuf_grow(out, s->raw.n);
	out->len += json_unescape(s->raw, out->buf + out->len);
	out->buf[out->len] = '\0';
}

void
decode_put_string(struct strbuf *out, const struct schema_field *f, const struct json_string *s)
{
	if (!s->escaped) {
		wire_put_bytes(out, f->number, s->raw);
		return;
	}
	size_t mark = wire_open(out, f->number);
	put_text(out, s);
	wire_close(out, mark);
}

enum status
decode_put_base64(struct decoder *d, const struct schema_field *f, const struct path_node *node,
		  const struct json_string *s)
{
	struct strbuf *out = d->out;
	size_t mark = wire_open(out, f->number), n;
	struct slice text = s->raw;

	if (s->escaped) { /* "\/" is common: unescape, decode behind it, move back */
		put_text(out, s);
		text.n = out->len - mark;
	}
	strbuf_grow(out, CODEC_BASE64_DECODED_MAX(text.n));
	if (s->escaped)
		text.p = out->buf + mark;
	if (!codec_base64_any_decode(text, out->buf + out->len, &n))
		return decode_fail(d, node, "is not base64");
	if (s->escaped)
		memmove(out->buf + mark, out->buf + out->len, n);
	out->len = mark + n;
	out->buf[out->len] = '\0';
	wire_close(out, mark);
	return STATUS_OK;
}

/* ---- numbers ---- */

static enum status
read_int(struct decoder *d, const struct schema_field *f, const struct path_node *node,
	 enum json_kind kind, uint64_t *ret)
{
	SCRATCH char buf[64];
	struct json_string s;
	struct slice text;
	int64_t v;
	bool ok;
	enum status st;

	if (kind == JSON_NUMBER) {
		if (!json_number(&d->lex, &text))
			return decode_malformed(d);
		ok = textnum_int(text, f->type, &v);
	} else if (kind == JSON_STRING) {
		if ((st = decode_string_token(d, &s)) != STATUS_OK)
			return st;
		text = s.raw;
		ok = decode_short_text(&s, buf, sizeof(buf), &text) && textnum_is_integer(text) &&
		     textnum_int(text, f->type, &v);
	} else {
		return decode_unexpected(d, node, kind, decode_expected(f));
	}
	if (!ok)
		return decode_fail(d, node, "%.*s is not %s", text.n > 40 ? 40 : (int)text.n,
				   text.p, decode_expected(f));
	*ret = wire_bits(f->type, v);
	return STATUS_OK;
}

static bool
quoted_double(const struct json_string *s, double *ret)
{
	SCRATCH char buf[TEXTNUM_MAX];
	struct slice text, number;

	if (!decode_short_text(s, buf, sizeof(buf), &text) || text.n == 0)
		return false;
	if (slice_eq_str(text, "NaN"))
		*ret = (double)NAN;
	else if (slice_eq_str(text, "Infinity"))
		*ret = (double)INFINITY;
	else if (slice_eq_str(text, "-Infinity"))
		*ret = -(double)INFINITY;
	else {
		struct json_lex lex = { text.p, text.p, text.p + text.n, NULL };
		return json_peek(&lex) == JSON_NUMBER && lex.p == text.p &&
		       json_number(&lex, &number) && lex.p == lex.end &&
		       textnum_double(number, ret);
	}
	return true;
}

static enum status
read_double(struct decoder *d, const struct schema_field *f, const struct path_node *node,
	    enum json_kind kind, uint64_t *ret)
{
	struct json_string s;
	struct slice text;
	double v = 0;
	bool ok;
	enum status st;

	if (kind == JSON_NUMBER) {
		if (!json_number(&d->lex, &text))
			return decode_malformed(d);
		ok = textnum_double(text, &v);
	} else if (kind == JSON_STRING) {
		if ((st = decode_string_token(d, &s)) != STATUS_OK)
			return st;
		text = s.raw;
		ok = quoted_double(&s, &v);
	} else {
		return decode_unexpected(d, node, kind, decode_expected(f));
	}
	if (ok && f->type == FT_FLOAT && isfinite(v) && !isfinite((float)v))
		ok = false; /* the shortest text of FLT_MAX is above it, and rounds to it */
	if (!ok)
		return decode_fail(d, node, "%.*s is not a %s", text.n > 40 ? 40 : (int)text.n,
				   text.p,
				   f->type == FT_FLOAT ? "number that a float holds"
						       : "finite number");
	if (f->type == FT_FLOAT) {
		float single = (float)v;
		uint32_t bits;
		memcpy(&bits, &single, sizeof(bits));
		*ret = bits;
	} else {
		memcpy(ret, &v, sizeof(v));
	}
	return STATUS_OK;
}

static enum status
read_enum(struct decoder *d, const struct schema_field *f, const struct path_node *node,
	  enum json_kind kind, uint64_t *ret)
{
	SCRATCH char buf[DECODE_NAME_MAX];
	struct json_string s;
	struct slice text;
	const struct schema_enum_value *v = NULL;
	enum status st;

	if (kind == JSON_NUMBER)
		return read_int(d, f, node, kind, ret);
	if (kind == JSON_NULL && f->enumeration->is_null_value) {
		*ret = 0;
		return json_literal(&d->lex, kind) ? STATUS_OK : decode_malformed(d);
	}
	if (kind != JSON_STRING)
		return decode_unexpected(d, node, kind, decode_expected(f));
	if ((st = decode_string_token(d, &s)) != STATUS_OK)
		return st;
	if (decode_short_text(&s, buf, sizeof(buf), &text))
		v = schema_enum_by_name(f->enumeration, text);
	if (v == NULL)
		return decode_fail(d, node, "\"%.*s\" is not a name of the enum",
				   s.raw.n > 60 ? 60 : (int)s.raw.n, s.raw.p);
	*ret = (uint64_t)(int64_t)v->number;
	return STATUS_OK;
}

/* Payload of a scalar that is not length-delimited. */
enum status
decode_scalar(struct decoder *d, const struct schema_field *f, const struct path_node *node,
	      uint64_t *ret)
{
	enum json_kind kind = json_peek(&d->lex);

	switch (f->type) {
	case FT_DOUBLE:
	case FT_FLOAT:
		return read_double(d, f, node, kind, ret);
	case FT_ENUM:
		return read_enum(d, f, node, kind, ret);
	case FT_BOOL:
		if (kind != JSON_TRUE && kind != JSON_FALSE)
			return decode_unexpected(d, node, kind, decode_expected(f));
		*ret = kind == JSON_TRUE;
		return json_literal(&d->lex, kind) ? STATUS_OK : decode_malformed(d);
	default:
		return read_int(d, f, node, kind, ret);
	}
}
