/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/transcode.h"

#include <string.h>

#include "gateway/http.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_wire.h"
#include "libcommon/rpc/rpc_frame.h"

enum media { MEDIA_NONE, MEDIA_JSON, MEDIA_FORM, MEDIA_OTHER };

/* The media type alone; the only parameter that could matter, charset, is UTF-8 by definition of
 * JSON. */
static enum media
media_of(struct slice type)
{
	const char *semi = type.n > 0 ? memchr(type.p, ';', type.n) : NULL;

	if (type.p == NULL)
		return MEDIA_NONE;
	if (semi != NULL)
		type.n = (size_t)(semi - type.p);
	type = http_trim(type);
	if (http_name_eq(type, SLICE_LIT("application/json")) ||
	    http_name_eq(type, SLICE_LIT("application/merge-patch+json")))
		return MEDIA_JSON;
	if (http_name_eq(type, SLICE_LIT("application/x-www-form-urlencoded")))
		return MEDIA_FORM;
	return MEDIA_OTHER;
}

/* %XX, and '+' for space where `form`. The head filter has checked a path's and query's encoding; a
 * body's not. */
static bool
decode_percent(struct slice in, bool form, struct strbuf *out)
{
	strbuf_grow(out, in.n);
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '%') {
			int hi = i + 2 < in.n ? http_hex(in.p[i + 1]) : -1;
			int lo = hi >= 0 ? http_hex(in.p[i + 2]) : -1;
			if (lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		} else if (form && c == '+') {
			c = ' ';
		}
		strbuf_addch(out, c);
	}
	return true;
}

/* One name=value; what the message has no field for is the client's mistake, named. */
/* Is the first part of a field path this field? Names come in snake and camel case. */
static bool
names_field(struct slice path, struct slice field)
{
	size_t i = 0, k = 0;

	for (; i < path.n && path.p[i] != '.'; i++) {
		if (path.p[i] == '_')
			continue;
		while (k < field.n && field.p[k] == '_')
			k++;
		if (k == field.n || (path.p[i] | 0x20) != (field.p[k] | 0x20))
			return false;
		k++;
	}
	return i > 0 && (k == field.n || field.p[k] == '.');
}

/* google/api/http.proto: what path and body give is no query parameter; nor is a patch's mask. */
static bool
is_bound(const struct schema_route *route, struct slice name)
{
	for (size_t i = 0; i < route->nsegments; i++) {
		if (route->segments[i].kind == SCHEMA_SEG_FIELD &&
		    names_field(name, route->segments[i].text))
			return true;
	}
	return strcmp(route->body, "*") == 0 || names_field(name, slice_str(route->body)) ||
	       names_field(name, slice_str(route->method->policy.update_mask));
}

static enum status
not_a_parameter(struct slice name, struct err *err)
{
	char path[sizeof(err->fields[0].path)];
	size_t n = name.n < sizeof(path) - 1 ? name.n : sizeof(path) - 1;

	memcpy(path, name.p, n);
	path[n] = '\0';
	err_init(err);
	return err_add_field(err, path, "is not a parameter of this method");
}

static enum status
add_text(const struct schema_message *message, struct slice name, struct slice value,
	 struct strbuf *out, struct err *err)
{
	enum status st = schema_text_field(message, name, value, out, err);

	return st == STATUS_NOT_FOUND ? not_a_parameter(name, err) : st;
}

/* `route` where the pairs are a query. */
static enum status
add_pairs(const struct schema_message *message, const struct schema_route *route, struct slice text,
	  struct arena *arena, struct strbuf *out, struct err *err)
{
	struct strbuf name = STRBUF_ARENA(arena), value = STRBUF_ARENA(arena);

	while (text.n > 0) {
		const char *amp = memchr(text.p, '&', text.n);
		size_t n = amp != NULL ? (size_t)(amp - text.p) : text.n;
		const char *eq = memchr(text.p, '=', n);
		size_t name_n = eq != NULL ? (size_t)(eq - text.p) : n;
		struct slice raw =
			eq != NULL ? slice_make(eq + 1, n - name_n - 1) : slice_make("", 0);

		strbuf_reset(&name);
		strbuf_reset(&value);
		if (!decode_percent(slice_make(text.p, name_n), true, &name) ||
		    !decode_percent(raw, true, &value))
			return err_public(err, STATUS_INVALID_ARGUMENT,
					  "A form value has a broken percent-encoding.");
		if (n > 0 && route != NULL && is_bound(route, strbuf_slice(&name)))
			return not_a_parameter(strbuf_slice(&name), err);
		if (n > 0) {
			enum status st =
				add_text(message, strbuf_slice(&name),
					 slice_make(strbuf_cstr(&value), value.len), out, err);
			if (st != STATUS_OK)
				return st;
		}
		size_t used = amp != NULL ? n + 1 : n;
		text = slice_make(text.p + used, text.n - used);
	}
	return STATUS_OK;
}

static enum status
add_mask(const struct schema_route *route, const struct strbuf *paths, struct arena *arena,
	 struct strbuf *out, struct err *err)
{
	struct strbuf mask = STRBUF_ARENA(arena);

	schema_mask_wire(slice_make(strbuf_cstr(paths), paths->len), &mask);
	return schema_wrap_field(route->method->input, slice_str(route->method->policy.update_mask),
				 slice_make(strbuf_cstr(&mask), mask.len), out, err);
}

static enum status
add_body(const struct schema_route *route, const struct exchange *ex, struct strbuf *out,
	 struct err *err)
{
	const struct schema_message *input = route->method->input, *message = input;
	bool whole = strcmp(route->body, "*") == 0,
	     patch = route->method->policy.update_mask[0] != '\0';
	struct strbuf paths = STRBUF_ARENA(ex->arena), inner = STRBUF_ARENA(ex->arena);
	struct strbuf *into = whole ? out : &inner;
	const struct schema_json_opts opts = { .mask_paths = patch ? &paths : NULL,
					       .max_bytes = RPC_MESSAGE_MAX };
	enum status st;

	if (!whole)
		message = schema_field_message(input, slice_str(route->body));
	if (message == NULL)
		return err_set(err, STATUS_INTERNAL, "%s: body \"%s\" is not a message",
			       route->pattern, route->body);
	if (exchange_header(ex, SLICE_LIT("content-encoding")).p != NULL) {
		err_public(err, STATUS_INVALID_ARGUMENT, "The body must not be compressed.");
		err_reason(err, TRANSCODE_MEDIA_TYPE);
		return STATUS_INVALID_ARGUMENT;
	}
	switch (media_of(exchange_header(ex, SLICE_LIT("content-type")))) {
	case MEDIA_JSON:
		st = schema_json_decode(message, ex->body, &opts, into, err);
		break;
	case MEDIA_FORM:
		if (!patch) {
			st = add_pairs(message, NULL, ex->body, ex->arena, into, err);
			break;
		}
		/* fall through */
	default:
		err_public(err, STATUS_INVALID_ARGUMENT, "The body must be application/json.");
		err_reason(err, TRANSCODE_MEDIA_TYPE);
		return STATUS_INVALID_ARGUMENT;
	}
	if (st == STATUS_OK && !whole)
		st = schema_wrap_field(input, slice_str(route->body),
				       slice_make(strbuf_cstr(&inner), inner.len), out, err);
	if (st == STATUS_OK && patch)
		st = add_mask(route, &paths, ex->arena, out, err);
	return st;
}

static enum status
add_params(const struct schema_route *route, const struct slice *params, const struct exchange *ex,
	   struct strbuf *out, struct err *err)
{
	struct strbuf value = STRBUF_ARENA(ex->arena);

	for (size_t i = 0; i < route->nsegments; i++) {
		if (route->segments[i].kind != SCHEMA_SEG_FIELD)
			continue;
		strbuf_reset(&value);
		if (!decode_percent(*params++, false, &value))
			return err_public(err, STATUS_INVALID_ARGUMENT,
					  "The path has a broken percent-encoding.");
		enum status st = add_text(route->method->input, route->segments[i].text,
					  strbuf_slice(&value), out, err);
		if (st != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}

/*
 * Where the body is one field of the request ("plan"), a client knows nothing of that field: its
 * errors are told by the paths of the body that it sent.
 */
static void
strip_body_field(const char *body, struct err *err)
{
	char prefix[sizeof(err->fields[0].path)];
	size_t n = 0;

	if (err == NULL || body[0] == '\0' || body[0] == '*')
		return;
	for (const char *p = body; *p != '\0' && n + 2 < sizeof(prefix); p++) {
		if (*p == '_' && p[1] >= 'a' && p[1] <= 'z')
			prefix[n++] = (char)(*++p - 'a' + 'A');
		else
			prefix[n++] = *p;
	}
	prefix[n++] = '.';
	for (unsigned i = 0; i < err->nfields; i++) {
		char *path = err->fields[i].path;
		if (strncmp(path, prefix, n) == 0)
			memmove(path, path + n, strlen(path + n) + 1);
	}
}

enum status
transcode_request(const struct schema_route *route, const struct slice *params,
		  const struct exchange *ex, struct strbuf *wire, struct err *err)
{
	struct schema_limits limits = schema_limits_default;
	enum status st = add_pairs(route->method->input, route, ex->query, ex->arena, wire, err);

	limits.max_bytes = RPC_MESSAGE_MAX;
	if (st == STATUS_OK && ex->body.n > 0) {
		if (route->body[0] == '\0')
			return err_public(err, STATUS_INVALID_ARGUMENT,
					  "This method takes no body.");
		st = add_body(route, ex, wire, err);
	}
	if (st == STATUS_OK)
		st = add_params(route, params, ex, wire, err);
	if (st == STATUS_OK)
		st = schema_check(route->method->input, slice_make(strbuf_cstr(wire), wire->len),
				  &limits, err);
	if (st != STATUS_OK)
		strip_body_field(route->body, err);
	return st;
}

bool
transcode_location(const struct schema_method *method, struct slice reply, struct strbuf *out)
{
	const char *p = method->policy.location;
	struct strbuf value = STRBUF_INIT;
	bool ok = true;

	while (*p != '\0' && ok) {
		const char *open = strchr(p, '{'), *close = open != NULL ? strchr(open, '}') : NULL;
		if (close == NULL) {
			strbuf_adds(out, p);
			break;
		}
		strbuf_add(out, p, (size_t)(open - p));
		strbuf_reset(&value);
		ok = schema_wire_text(method->output, reply,
				      slice_make(open + 1, (size_t)(close - open - 1)), &value);
		for (size_t i = 0; ok && i < value.len; i++) {
			/* unreserved only: ids and numbers; anything else could end the header line
			 */
			unsigned char c = (unsigned char)value.buf[i];
			ok = c > ' ' && c < 0x7f && strchr("/?#%\"\\", c) == NULL;
		}
		strbuf_add_slice(out, strbuf_slice(&value));
		p = close + 1;
	}
	strbuf_fini(&value);
	return ok;
}

struct slice
transcode_raw_json(struct slice reply)
{
	struct pb_reader r = pb_reader(reply);
	struct slice json = SLICE_LIT("{}");

	while (pb_next(&r)) {
		if (r.type == PB_BYTES)
			json = r.bytes;
	}
	return json;
}
