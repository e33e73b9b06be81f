/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_route.c - method options: the access policy (fit.api.v1.method, 50100) and the HTTP rules
 * (google.api.http, 72295728).
 *
 * An option given in pieces (`option (x).a = 1; option (x).b = 2;`) is several occurrences of one
 * field, to be merged; so each occurrence is applied to the same struct.
 */
#include "libcommon/schema/schema_impl.h"

#include <ctype.h>

#define MAX_BINDINGS 8
#define MAX_SEGMENTS 16

static void
apply_policy(struct loader *ld, struct slice bytes, struct schema_policy *p)
{
	struct wire_in in = wire_in(bytes);
	struct wire_field f;

	while (wire_next(&in, &f) > 0) {
		switch (f.number) {
		case 1:
			p->audience = (enum schema_audience)f.bits;
			break;
		case 2:
			p->permission = load_text(ld, f.bytes);
			break;
		case 3:
			p->rate_class = load_text(ld, f.bytes);
			break;
		case 4:
			p->idempotency = (enum schema_idempotency)f.bits;
			break;
		case 5:
			p->concurrency = load_text(ld, f.bytes);
			break;
		case 6:
			p->timeout_ms = (uint32_t)f.bits;
			break;
		case 7:
			p->success_status = (uint32_t)f.bits;
			break;
		case 8:
			p->location = load_text(ld, f.bytes);
			break;
		case 9:
			p->max_body_bytes = (uint32_t)f.bits;
			break;
		case 10:
			p->if_match = f.bits != 0;
			break;
		case 11:
			p->update_mask = load_text(ld, f.bytes);
			break;
		case 12:
			p->cache_max_age_s = (uint32_t)f.bits;
			break;
		case 13:
			p->raw_json = f.bits != 0;
			break;
		case 14:
			if (p->ncallers < SCHEMA_CALLERS_MAX)
				p->callers[p->ncallers] = load_text(ld, f.bytes);
			p->ncallers++;
			break;
		default:
			break;
		}
	}
}

enum status
load_method_policy(struct loader *ld, struct slice options, struct schema_method *m)
{
	struct wire_in in = wire_in(options);
	struct wire_field f;

	m->policy = (struct schema_policy){ .permission = "",
					    .rate_class = "default",
					    .concurrency = "",
					    .location = "",
					    .update_mask = "" };
	while (wire_next(&in, &f) > 0) {
		if (f.number != 50100 || f.type != WIRE_BYTES)
			continue;
		m->has_policy = true;
		apply_policy(ld, f.bytes, &m->policy);
	}
	if (m->policy.audience > SCHEMA_INTERNAL || m->policy.idempotency > SCHEMA_IDEM_NATURAL)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "policy has an unknown audience or idempotency");
	if (m->policy.ncallers > SCHEMA_CALLERS_MAX)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "policy names more than %d callers", SCHEMA_CALLERS_MAX);
	return STATUS_OK;
}

/* ---- routes ---- */

static enum status
bad_pattern(struct loader *ld, struct slice pattern, const char *why)
{
	return err_set(ld->err, STATUS_INVALID_ARGUMENT, "http rule \"%.*s\": %s",
		       SLICE_ARG(pattern), why);
}

static enum status
parse_segment(struct loader *ld, struct slice pattern, struct slice text,
	      struct schema_segment *seg)
{
	static const char special[] = "-._~!$&'()+,;=:@%";

	if (text.n == 0)
		return bad_pattern(ld, pattern, "has an empty segment");
	if (memchr(text.p, '*', text.n) != NULL)
		return bad_pattern(ld, pattern, "wildcards (*, **, {name=…}) are not supported");
	if (*text.p == '{') {
		if (text.n < 3 || text.p[text.n - 1] != '}')
			return bad_pattern(ld, pattern,
					   "a variable is a whole segment: {field.path}");
		text = slice_make(text.p + 1, text.n - 2);
		if (memchr(text.p, '=', text.n) != NULL)
			return bad_pattern(ld, pattern,
					   "sub-patterns ({name=…}) are not supported");
		*seg = (struct schema_segment){ SCHEMA_SEG_FIELD, text };
		return STATUS_OK;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (!isalnum((unsigned char)text.p[i]) && strchr(special, text.p[i]) == NULL)
			return bad_pattern(ld, pattern, "has a character that a path cannot hold");
	}
	*seg = (struct schema_segment){ SCHEMA_SEG_LITERAL, text };
	return STATUS_OK;
}

static enum status
parse_pattern(struct loader *ld, struct slice pattern, struct schema_route *r)
{
	struct schema_segment segments[MAX_SEGMENTS];
	size_t n = 0;
	enum status st;

	r->pattern = load_text(ld, pattern);
	if (pattern.n < 2 || *pattern.p != '/')
		return bad_pattern(ld, pattern, "does not begin with / and a segment");
	const char *p = r->pattern + 1, *end = r->pattern + pattern.n;
	for (;; p++) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;
		if (n == MAX_SEGMENTS)
			return bad_pattern(ld, pattern, "has too many segments");
		if ((st = parse_segment(ld, pattern, slice_make(p, (size_t)(stop - p)),
					&segments[n++])) != STATUS_OK)
			return st;
		if (slash == NULL)
			break;
		p = slash;
	}
	r->segments = arena_memdup(ld->a, segments, n * sizeof(segments[0]));
	r->nsegments = n;
	return STATUS_OK;
}

static enum status
add_rule(struct loader *ld, struct slice rule, struct schema_route *routes, size_t *n,
	 bool additional)
{
	static const char *const verbs[] = {
		[2] = "GET", [3] = "PUT", [4] = "POST", [5] = "DELETE", [6] = "PATCH"
	};
	struct wire_in in = wire_in(rule);
	struct wire_field f;
	struct schema_route r = { .body = "" };
	struct slice pattern = SLICE_NONE;
	enum status st;

	if (*n == MAX_BINDINGS)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT, "more than %d http rules",
			       MAX_BINDINGS);
	size_t at = (*n)++;
	while (wire_next(&in, &f) > 0) {
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number >= 2 && f.number <= 6) {
			r.verb = verbs[f.number];
			pattern = f.bytes;
		} else if (f.number == 7) {
			r.body = load_text(ld, f.bytes);
		} else if (f.number == 11 && !additional) {
			if ((st = add_rule(ld, f.bytes, routes, n, true)) != STATUS_OK)
				return st;
		} else if (f.number != 1) {
			return err_set(ld->err, STATUS_INVALID_ARGUMENT,
				       "http rule: %s is not supported",
				       f.number == 8    ? "custom"
				       : f.number == 12 ? "response_body"
							: "nesting");
		}
	}
	if (r.verb == NULL)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT, "http rule without a pattern");
	st = parse_pattern(ld, pattern, &r);
	routes[at] = r;
	return st;
}

static enum status
check_route(struct loader *ld, const struct schema_method *m, const struct schema_route *r)
{
	struct slice pattern = slice_str(r->pattern);
	const struct schema_field *f;

	for (size_t i = 0; i < r->nsegments; i++) {
		if (r->segments[i].kind != SCHEMA_SEG_FIELD)
			continue;
		f = schema_field_at(m->input, r->segments[i].text);
		if (f == NULL || f->repeated || f->type == FT_MESSAGE || f->type == FT_BYTES)
			return bad_pattern(
				ld, pattern,
				"a variable does not name a scalar field of the request");
	}
	if (*r->body == '\0' || strcmp(r->body, "*") == 0)
		return STATUS_OK;
	f = schema_field_by_name(m->input, slice_str(r->body));
	if (f == NULL || f->repeated || f->type != FT_MESSAGE)
		return bad_pattern(ld, pattern,
				   "body does not name a message field of the request");
	return STATUS_OK;
}

/* Templates over the reply, and the update mask, must name what is there. */
static enum status
check_policy(struct loader *ld, const struct schema_method *m)
{
	const struct schema_field *f;

	for (const char *p = m->policy.location; (p = strchr(p, '{')) != NULL; p++) {
		const char *end = strchr(p, '}');
		if (end == NULL ||
		    schema_field_at(m->output, slice_make(p + 1, (size_t)(end - p - 1))) == NULL)
			return err_set(ld->err, STATUS_INVALID_ARGUMENT,
				       "location \"%s\" names a field that %s does not have",
				       m->policy.location, m->output->name);
	}
	if (*m->policy.update_mask == '\0')
		return STATUS_OK;
	f = schema_field_at(m->input, slice_str(m->policy.update_mask));
	if (f == NULL || f->message == NULL || f->message->wkt != WKT_FIELD_MASK)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "update_mask \"%s\" does not name a FieldMask of %s",
			       m->policy.update_mask, m->input->name);
	return STATUS_OK;
}

enum status
load_routes(struct loader *ld, struct slice options, struct schema_method *m)
{
	struct schema_route routes[MAX_BINDINGS];
	struct wire_in in = wire_in(options);
	struct wire_field f;
	size_t n = 0;
	enum status st;

	while (wire_next(&in, &f) > 0) {
		if (f.number == 72295728 && f.type == WIRE_BYTES &&
		    (st = add_rule(ld, f.bytes, routes, &n, false)) != STATUS_OK)
			return st;
	}
	for (size_t i = 0; i < n; i++) {
		routes[i].method = m;
		if ((st = check_route(ld, m, &routes[i])) != STATUS_OK)
			return st;
	}
	m->routes = arena_memdup(ld->a, routes, n * sizeof(routes[0]));
	m->nroutes = n;
	return check_policy(ld, m);
}

static bool
same_shape(const struct schema_route *a, const struct schema_route *b)
{
	if (a->nsegments != b->nsegments || strcmp(a->verb, b->verb) != 0)
		return false;
	for (size_t i = 0; i < a->nsegments; i++) {
		const struct schema_segment *x = &a->segments[i], *y = &b->segments[i];
		if (x->kind != y->kind ||
		    (x->kind == SCHEMA_SEG_LITERAL && !slice_eq(x->text, y->text)))
			return false;
	}
	return true;
}

/* Two methods cannot share verb and path. */
enum status
load_check_routes(struct loader *ld)
{
	const struct schema *s = ld->s;

	for (size_t i = 0; i < s->nmethods; i++) {
		for (size_t k = i; k < s->nmethods; k++) {
			const struct schema_method *a = s->method_list[i], *b = s->method_list[k];
			for (size_t x = 0; x < a->nroutes; x++) {
				for (size_t y = i == k ? x + 1 : 0; y < b->nroutes; y++) {
					if (same_shape(&a->routes[x], &b->routes[y]))
						return err_set(
							ld->err, STATUS_INVALID_ARGUMENT,
							"%s and %s have the same route %s %s",
							a->path, b->path, a->routes[x].verb,
							a->routes[x].pattern);
				}
			}
		}
	}
	return STATUS_OK;
}
