/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_decode.c - JSON text to protobuf bytes, by descriptor: messages, fields and maps.
 */
#include "libcommon/schema/json_decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "libcommon/schema/textnum.h"

/* ---- errors ---- */

enum status
decode_fail(struct decoder *d, const struct path_node *node, const char *fmt, ...)
{
	char path[sizeof(d->err->fields[0].path)], text[sizeof(d->err->fields[0].text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	path_text(node, path, sizeof(path));
	if (*path == '\0')
		return err_public(d->err, STATUS_INVALID_ARGUMENT, "the body %s", text);
	if (d->err != NULL)
		err_init(d->err);
	return err_add_field(d->err, path, "%s", text);
}

enum status
decode_malformed(struct decoder *d)
{
	const struct json_lex *lex = &d->lex;
	size_t at = (size_t)(lex->p - lex->begin);

	if (d->out->len > d->out_max)
		return err_public(d->err, STATUS_INVALID_ARGUMENT, "the body holds too much");
	if (lex->fault != NULL)
		return err_public(d->err, STATUS_INVALID_ARGUMENT, "malformed JSON at byte %zu: %s",
				  at, lex->fault);
	if (lex->p >= lex->end)
		return err_public(d->err, STATUS_INVALID_ARGUMENT,
				  "malformed JSON: it ends at byte %zu, unfinished", at);
	unsigned char c = (unsigned char)*lex->p;
	if (c > 0x20 && c < 0x7f)
		return err_public(d->err, STATUS_INVALID_ARGUMENT,
				  "malformed JSON at byte %zu: unexpected '%c'", at, c);
	return err_public(d->err, STATUS_INVALID_ARGUMENT,
			  "malformed JSON at byte %zu: unexpected byte 0x%02x", at, c);
}

enum status
decode_unexpected(struct decoder *d, const struct path_node *node, enum json_kind kind,
		  const char *expected)
{
	if (kind == JSON_END || kind == JSON_BAD)
		return decode_malformed(d);
	return decode_fail(d, node, "is %s; expected %s", json_kind_name(kind), expected);
}

/* ---- keys seen ---- */

static void
key_set_grow(struct key_set *set)
{
	size_t cap = set->cap ? set->cap * 2 : 64;
	uint64_t *slots = calloc(cap, sizeof(*slots));

	if (slots == NULL)
		panic("out of memory");
	for (size_t i = 0; i < set->cap; i++) {
		uint64_t h = set->slots[i];
		size_t at = h & (cap - 1);
		if (h == 0)
			continue;
		while (slots[at] != 0)
			at = (at + 1) & (cap - 1);
		slots[at] = h;
	}
	free(set->slots);
	set->slots = slots;
	set->cap = cap;
}

bool
key_set_add(struct key_set *set, size_t object, struct slice key)
{
	uint64_t parts[2] = { object, hash_bytes(key.p, key.n) };
	uint64_t h = hash_bytes(parts, sizeof(parts)) | 1;

	if (set->n * 2 >= set->cap)
		key_set_grow(set);
	size_t at = h & (set->cap - 1);
	for (; set->slots[at] != 0; at = (at + 1) & (set->cap - 1)) {
		if (set->slots[at] == h)
			return false;
	}
	set->slots[at] = h;
	set->n++;
	return true;
}

/* ---- fields ---- */

enum status
decode_value(struct decoder *d, const struct schema_field *f, const struct path_node *node,
	     unsigned depth, bool force)
{
	enum status st;
	uint64_t bits;

	if (f->type == FT_MESSAGE) {
		size_t mark = wire_open(d->out, f->number);
		if ((st = decode_body(d, f->message, node, depth + 1)) == STATUS_OK)
			wire_close(d->out, mark);
		return st;
	}
	if (f->wire == WIRE_BYTES) {
		struct json_string s;
		enum json_kind kind = json_peek(&d->lex);
		if (kind != JSON_STRING)
			return decode_unexpected(d, node, kind, decode_expected(f));
		if ((st = decode_string_token(d, &s)) != STATUS_OK || (s.raw.n == 0 && !force))
			return st;
		if (f->type == FT_BYTES)
			return decode_put_base64(d, f, node, &s);
		decode_put_string(d->out, f, &s);
		return STATUS_OK;
	}
	if ((st = decode_scalar(d, f, node, &bits)) != STATUS_OK)
		return st;
	if (bits != 0 || force) {
		wire_put_tag(d->out, f->number, f->wire);
		wire_put_payload(d->out, f->wire, bits);
	}
	return STATUS_OK;
}

bool
decode_more(struct decoder *d)
{
	return d->out->len <= d->out_max && json_take(&d->lex, ',');
}

/* After an element: true when another follows. */
static bool
another(struct decoder *d, char close, bool *ret_bad)
{
	if (decode_more(d))
		return true;
	*ret_bad = !json_take(&d->lex, close);
	return false;
}

static bool
takes_null(const struct schema_field *f)
{
	return f->type == FT_MESSAGE && f->message->wkt == WKT_VALUE;
}

static enum status
decode_array(struct decoder *d, const struct schema_field *f, struct path_node *node,
	     unsigned depth)
{
	enum json_kind kind = json_peek(&d->lex);
	enum status st;
	uint64_t bits;
	bool bad = false;
	size_t mark = 0;

	if (kind != JSON_ARRAY)
		return decode_unexpected(d, node, kind, "an array");
	d->lex.p++;
	if (json_take(&d->lex, ']'))
		return STATUS_OK;
	if (f->packed)
		mark = wire_open(d->out, f->number);
	node->kind = PATH_INDEX;
	do {
		if (json_peek(&d->lex) == JSON_NULL && !takes_null(f))
			return decode_unexpected(d, node, JSON_NULL, "an element");
		if (f->packed) {
			if ((st = decode_scalar(d, f, node, &bits)) != STATUS_OK)
				return st;
			wire_put_payload(d->out, f->wire, bits);
		} else if ((st = decode_value(d, f, node, depth, true)) != STATUS_OK) {
			return st;
		}
		node->index++;
	} while (another(d, ']', &bad));
	if (bad)
		return decode_malformed(d);
	if (f->packed)
		wire_close(d->out, mark);
	return STATUS_OK;
}

static enum status
decode_map_key(struct decoder *d, const struct schema_field *key, const struct path_node *node,
	       const struct json_string *s)
{
	SCRATCH char buf[64];
	struct slice text;
	int64_t v;

	if (key->type == FT_STRING) {
		decode_put_string(d->out, key, s);
		return STATUS_OK;
	}
	if (!decode_short_text(s, buf, sizeof(buf), &text))
		return decode_fail(d, node, "has a key that is not %s", decode_expected(key));
	if (key->type == FT_BOOL) {
		v = slice_eq_str(text, "true");
		if (!v && !slice_eq_str(text, "false"))
			return decode_fail(d, node, "has a key that is not true or false");
	} else if (!textnum_is_integer(text) || !textnum_int(text, key->type, &v)) {
		return decode_fail(d, node, "has a key that is not %s", decode_expected(key));
	}
	wire_put_tag(d->out, key->number, key->wire);
	wire_put_payload(d->out, key->wire, wire_bits(key->type, v));
	return STATUS_OK;
}

static enum status
decode_map(struct decoder *d, const struct schema_field *f, struct path_node *node, unsigned depth)
{
	enum json_kind kind = json_peek(&d->lex);
	const struct schema_field *key = &f->message->fields[0], *value = &f->message->fields[1];
	size_t object = (size_t)(d->lex.p - d->lex.begin);
	struct json_string s;
	enum status st;
	bool bad = false;

	if (kind != JSON_OBJECT)
		return decode_unexpected(d, node, kind, "an object");
	d->lex.p++;
	if (json_take(&d->lex, '}'))
		return STATUS_OK;
	DEPTH_OR_FAIL(d, node, depth + 1);
	node->kind = PATH_KEY;
	do {
		if (json_peek(&d->lex) != JSON_STRING)
			return decode_malformed(d);
		if ((st = decode_string_token(d, &s)) != STATUS_OK)
			return st;
		node->key = s.raw;
		size_t mark = wire_open(d->out, f->number), at = d->out->len;
		if ((st = decode_map_key(d, key, node, &s)) != STATUS_OK)
			return st;
		if (!key_set_add(&d->keys, object, slice_make(d->out->buf + at, d->out->len - at)))
			return decode_fail(d, node, "is there twice");
		if (!json_take(&d->lex, ':'))
			return decode_malformed(d);
		if (json_peek(&d->lex) == JSON_NULL && !takes_null(value))
			return decode_unexpected(d, node, JSON_NULL, decode_expected(value));
		if ((st = decode_value(d, value, node, depth + 1, true)) != STATUS_OK)
			return st;
		wire_close(d->out, mark);
	} while (another(d, '}', &bad));
	return bad ? decode_malformed(d) : STATUS_OK;
}

/* ---- messages ---- */

/* State of one object being read. */
struct object {
	const struct schema_message *m;
	uint64_t seen[SCHEMA_MAX_FIELDS / 64];
	uint32_t oneofs;
	uint32_t next; /* members mostly come in the order of the fields */
};

static const struct schema_field *
find_member(struct object *o, const struct json_string *s)
{
	SCRATCH char buf[DECODE_NAME_MAX];
	struct slice name;
	const struct schema_field *f;

	if (!decode_short_text(s, buf, sizeof(buf), &name))
		return NULL;
	if (o->next < o->m->nfields && slice_eq(name, o->m->fields[o->next].json_name))
		f = &o->m->fields[o->next];
	else if ((f = schema_field_by_name(o->m, name)) == NULL)
		return NULL;
	o->next = f->index + 1u;
	return f;
}

/*
 * A merge patch replaces what it names. A message that is given as an object is named by its
 * members (that is what merging is); two levels deep, as the header says.
 */
static void
note_mask(struct decoder *d, const struct path_node *node, const struct schema_field *f,
	  unsigned depth)
{
	bool inner = f->type == FT_MESSAGE && !f->repeated && f->message->wkt == WKT_NONE &&
		     json_peek(&d->lex) == JSON_OBJECT;

	if (depth == 1 && inner)
		return;
	if (depth == 2 &&
	    (node->up == NULL || node->up->kind != PATH_PLAIN || node->up->field == NULL))
		return;
	if (d->mask->len > 0)
		strbuf_addch(d->mask, ',');
	if (depth == 2) {
		strbuf_add_slice(d->mask, node->up->field->name);
		strbuf_addch(d->mask, '.');
	}
	strbuf_add_slice(d->mask, f->name);
}

static enum status
decode_member(struct decoder *d, struct object *o, const struct schema_field *f,
	      struct path_node *node, unsigned depth)
{
	uint64_t bit = 1ull << (f->index & 63);

	if (o->seen[f->index / 64] & bit)
		return decode_fail(d, node, "is there twice");
	o->seen[f->index / 64] |= bit;
	if (!json_take(&d->lex, ':'))
		return decode_malformed(d);
	enum json_kind kind = json_peek(&d->lex);
	if (d->mask != NULL && depth <= 2)
		note_mask(d, node, f, depth);
	if (kind == JSON_NULL &&
	    (f->repeated ||
	     !(takes_null(f) || (f->type == FT_ENUM && f->enumeration->is_null_value))))
		return json_literal(&d->lex, kind) ? STATUS_OK : decode_malformed(d);
	if (f->oneof >= 0) {
		if (o->oneofs >> f->oneof & 1)
			return decode_fail(d, node,
					   "is the second member of \"%s\"; only one may be set",
					   o->m->oneofs[f->oneof].name.p);
		o->oneofs |= 1u << f->oneof;
	}
	if (f->map)
		return decode_map(d, f, node, depth);
	if (f->repeated)
		return decode_array(d, f, node, depth);
	return decode_value(d, f, node, depth, f->presence);
}

static enum status
unknown_member(struct decoder *d, const struct path_node *up, const struct schema_message *m,
	       struct slice raw, unsigned depth)
{
	struct schema_field shadow = { .json_name = slice_make(raw.p, raw.n > 60 ? 60 : raw.n) };
	struct path_node node = { .up = up, .field = &shadow };
	const char *dot = strrchr(m->name, '.');

	if (d->ignore_unknown)
		return json_take(&d->lex, ':') && json_skip(&d->lex, d->max_depth - depth)
			       ? STATUS_OK
			       : decode_malformed(d);
	return decode_fail(d, &node, "is not a field of %s", dot ? dot + 1 : m->name);
}

static enum status
decode_object(struct decoder *d, const struct schema_message *m, const struct path_node *up,
	      unsigned depth)
{
	enum json_kind kind = json_peek(&d->lex);
	struct object o = { .m = m };
	struct json_string s;
	enum status st;
	bool bad = false;

	if (kind != JSON_OBJECT)
		return decode_unexpected(d, up, kind, "an object");
	d->lex.p++;
	if (json_take(&d->lex, '}'))
		return STATUS_OK;
	do {
		if (json_peek(&d->lex) != JSON_STRING)
			return decode_malformed(d);
		if ((st = decode_string_token(d, &s)) != STATUS_OK)
			return st;
		const struct schema_field *f = find_member(&o, &s);
		struct path_node node = { .up = up, .field = f };
		st = f != NULL ? decode_member(d, &o, f, &node, depth)
			       : unknown_member(d, up, m, s.raw, depth);
		if (st != STATUS_OK)
			return st;
	} while (another(d, '}', &bad));
	return bad ? decode_malformed(d) : STATUS_OK;
}

enum status
decode_body(struct decoder *d, const struct schema_message *m, const struct path_node *node,
	    unsigned depth)
{
	DEPTH_OR_FAIL(d, node, depth);
	if (m->wkt != WKT_NONE)
		return decode_well_known(d, m, node, depth);
	return decode_object(d, m, node, depth);
}

enum status
schema_json_decode(const struct schema_message *message, struct slice json,
		   const struct schema_json_opts *opts, struct strbuf *out, struct err *err)
{
	const char *p = json.p ? json.p : "";
	struct decoder d = {
		.lex = { p, p, p + json.n, NULL },
		.out = out,
		.err = err,
		.max_depth = opts != NULL && opts->max_depth ? opts->max_depth : SCHEMA_MAX_DEPTH,
		.mask = opts != NULL ? opts->mask_paths : NULL,
		.ignore_unknown = opts != NULL && opts->ignore_unknown,
		.out_max = opts != NULL && opts->max_bytes ? out->len + opts->max_bytes : SIZE_MAX,
	};
	size_t before = out->len;
	enum status st;

	if (d.max_depth > SCHEMA_MAX_DEPTH)
		d.max_depth = SCHEMA_MAX_DEPTH;
	st = decode_body(&d, message, NULL, 1);
	if (st == STATUS_OK && json_peek(&d.lex) != JSON_END)
		st = decode_malformed(&d);
	if (st != STATUS_OK && out->buf != NULL) {
		out->len = before;
		out->buf[before] = '\0';
	}
	free(d.keys.slots);
	return st;
}
