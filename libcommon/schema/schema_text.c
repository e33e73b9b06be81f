/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_text.c - single fields: from the text of a path, query or form parameter, to the text of a
 * Location header, and wrapped around bytes that are there already.
 *
 * A nested field is written as a message of its own that holds only this field: occurrences of a
 * singular message merge, so the parts of a request may come from path, query and body.
 */
#include "libcommon/base/codec.h"
#include "libcommon/schema/json_decode.h"
#include "libcommon/schema/json_encode.h"

#define MAX_STEPS 16

/* The steps to a field. */
struct steps {
	const struct schema_field *fields[MAX_STEPS];
	size_t n;
};

static bool
find_steps(const struct schema_message *m, struct slice path, struct steps *ret)
{
	ret->n = 0;
	for (;;) {
		const char *dot = path.n ? memchr(path.p, '.', path.n) : NULL;
		struct slice name = dot ? slice_make(path.p, (size_t)(dot - path.p)) : path;
		const struct schema_field *f = schema_field_by_name(m, name);
		if (f == NULL || ret->n == MAX_STEPS)
			return false;
		ret->fields[ret->n++] = f;
		if (dot == NULL)
			return true;
		if (f->type != FT_MESSAGE || f->repeated || f->message->wkt != WKT_NONE)
			return false;
		m = f->message;
		path = slice_make(dot + 1, path.n - name.n - 1);
	}
}

static void
open_steps(const struct steps *steps, struct strbuf *out, size_t *marks)
{
	for (size_t i = 0; i + 1 < steps->n; i++)
		marks[i] = wire_open(out, steps->fields[i]->number);
}

static void
close_steps(const struct steps *steps, struct strbuf *out, const size_t *marks)
{
	for (size_t i = steps->n - 1; i-- > 0;)
		wire_close(out, marks[i]);
}

static bool
has_text_form(const struct schema_field *f)
{
	if (f->map)
		return false;
	if (f->type != FT_MESSAGE)
		return true;
	enum schema_wkt wkt = f->message->wkt;
	return wkt == WKT_TIMESTAMP || wkt == WKT_DURATION || wkt == WKT_FIELD_MASK ||
	       wkt == WKT_WRAPPER;
}

static bool
is_number(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '-' && (text.p[i] < '0' || text.p[i] > '9'))
			return false;
	}
	return text.n > 0 && text.n < 12;
}

/* Text is a JSON string without its quotes, except that true, false and an enum's number stand as
 * they are. */
static void
put_as_json(const struct schema_field *f, struct slice text, struct strbuf *out)
{
	const struct schema_field *value = f->type == FT_MESSAGE ? &f->message->fields[0] : f;
	bool bare = (value->type == FT_BOOL &&
		     (slice_eq_str(text, "true") || slice_eq_str(text, "false"))) ||
		    (value->type == FT_ENUM && is_number(text));

	if (bare)
		strbuf_add_slice(out, text);
	else
		strbuf_add_json_string(out, text);
}

static enum status
put_value(struct decoder *d, const struct schema_field *f, const struct path_node *node,
	  struct slice text)
{
	if (!codec_utf8_valid(text.p, text.n))
		return decode_fail(d, node, "is not UTF-8");
	if (f->type == FT_STRING) {
		if (text.n > 0 || f->presence || f->repeated)
			wire_put_bytes(d->out, f->number, text);
		return STATUS_OK;
	}
	struct strbuf json = STRBUF_INIT;
	put_as_json(f, text, &json);
	d->lex = (struct json_lex){ json.buf, json.buf, json.buf + json.len, NULL };
	enum status st = decode_value(d, f, node, 1, f->presence || f->repeated);
	if (st == STATUS_OK && json_peek(&d->lex) != JSON_END)
		st = decode_fail(d, node, "\"%.*s\" is not a value", text.n > 40 ? 40 : (int)text.n,
				 text.p);
	strbuf_fini(&json);
	return st;
}

enum status
schema_text_field(const struct schema_message *message, struct slice path, struct slice text,
		  struct strbuf *out, struct err *err)
{
	struct decoder d = {
		.out = out, .err = err, .max_depth = SCHEMA_MAX_DEPTH, .out_max = SIZE_MAX
	};
	struct path_node nodes[MAX_STEPS] = { 0 };
	struct steps steps;
	size_t marks[MAX_STEPS], before = out->len;

	if (!find_steps(message, path, &steps))
		return err_public(err, STATUS_NOT_FOUND, "%.*s is not a parameter",
				  path.n > 80 ? 80 : (int)path.n, path.p);
	const struct schema_field *f = steps.fields[steps.n - 1];
	for (size_t i = 0; i < steps.n; i++)
		nodes[i] = (struct path_node){ .up = i > 0 ? &nodes[i - 1] : NULL,
					       .field = steps.fields[i] };
	const struct path_node *node = &nodes[steps.n - 1];
	if (!has_text_form(f))
		return decode_fail(&d, node, "cannot be given as a parameter");
	open_steps(&steps, out, marks);
	enum status st = put_value(&d, f, node, text);
	if (st == STATUS_OK) {
		close_steps(&steps, out, marks);
	} else if (out->buf != NULL) {
		out->len = before;
		out->buf[before] = '\0';
	}
	return st;
}

bool
schema_wire_text(const struct schema_message *message, struct slice wire, struct slice path,
		 struct strbuf *out)
{
	struct encoder e = { .out = out };
	struct steps steps;
	struct wire_field f, found = { .bits = 0 };

	if (!find_steps(message, path, &steps))
		return false;
	for (size_t i = 0; i < steps.n; i++) {
		const struct schema_field *field = steps.fields[i];
		struct wire_in in = wire_in(wire);
		bool any = false;
		while (!(any && field->repeated) && wire_next(&in, &f) > 0) {
			if (f.number == field->number && f.type == field->wire) {
				found = f;
				any = true;
			}
		}
		if (!any)
			return false;
		wire = found.bytes;
	}
	const struct schema_field *last = steps.fields[steps.n - 1];
	if (!has_text_form(last))
		return false;
	if (last->type == FT_STRING) {
		strbuf_add_slice(out, found.bytes);
		return true;
	}
	size_t before = out->len;
	if (encode_value(&e, message, last, found.bits, found.bytes, 1) != STATUS_OK) {
		out->len = before;
		return false;
	}
	if (out->buf[before] ==
	    '"') { /* an enum's name, a 64-bit integer, a time: without quotes */
		out->len -= 2;
		memmove(out->buf + before, out->buf + before + 1, out->len - before);
		out->buf[out->len] = '\0';
	}
	return true;
}

enum status
schema_wrap_field(const struct schema_message *message, struct slice name, struct slice bytes,
		  struct strbuf *out, struct err *err)
{
	struct steps steps;
	size_t marks[MAX_STEPS];

	if (!find_steps(message, name, &steps) || steps.fields[steps.n - 1]->wire != WIRE_BYTES)
		return err_set(err, STATUS_INTERNAL, "%s has no message or bytes field \"%.*s\"",
			       message->name, SLICE_ARG(name));
	open_steps(&steps, out, marks);
	wire_put_bytes(out, steps.fields[steps.n - 1]->number, bytes);
	close_steps(&steps, out, marks);
	return STATUS_OK;
}

void
schema_mask_wire(struct slice paths, struct strbuf *out)
{
	const char *p = paths.p, *end = paths.p + paths.n;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		if (stop > p)
			wire_put_bytes(out, 1, slice_make(p, (size_t)(stop - p)));
		p = stop + 1;
	}
}
