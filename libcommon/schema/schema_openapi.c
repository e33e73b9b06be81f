/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_openapi.c - the OpenAPI 3.1 document of all routes.
 *
 * Paths with the same shape are one path item whatever their variables are called, since OpenAPI
 * takes "/plans/{id}" and "/plans/{plan.id}" for the same path: the names of the first route are
 * used for all.
 *
 * Source: OpenAPI Specification 3.1.0; JSON Schema 2020-12; RFC 9457.
 */
#include <stdio.h>

#include "libcommon/schema/schema_openapi.h"

/* ---- operations ---- */

static void
header_parameter(struct strbuf *out, const char *name, bool required, const char *description)
{
	oa_open(out, '{');
	oa_text(out, "name", slice_str(name));
	oa_raw(out, "in", "\"header\"");
	oa_raw(out, "required", required ? "true" : "false");
	oa_text(out, "description", slice_str(description));
	oa_raw(out, "schema", "{\"type\":\"string\"}");
	strbuf_addch(out, '}');
}

static void
parameter(struct strbuf *out, const struct doc_set *set, const struct schema_field *f,
	  struct slice name, const char *in)
{
	oa_open(out, '{');
	oa_text(out, "name", name);
	oa_text(out, "in", slice_str(in));
	if (strcmp(in, "path") == 0 || (f->rules != NULL && f->rules->required))
		oa_raw(out, "required", "true");
	oa_describe(out, f->comment);
	oa_key(out, "schema");
	oa_field_schema(out, set, f, false);
	strbuf_addch(out, '}');
}

/* Scalars, repeated scalars and what has a text form; messages by their fields, two levels deep. */
static void
query_parameters(struct strbuf *out, const struct doc_set *set, const struct schema_route *r,
		 const struct schema_message *m, struct slice prefix, int level)
{
	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		struct strbuf name = STRBUF_INIT;
		if (f->map || (level == 0 && doc_is_bound(r, f)))
			continue;
		strbuf_add_slice(&name, prefix);
		strbuf_addf(&name, "%s%.*s", prefix.n ? "." : "", SLICE_ARG(f->json_name));
		if (f->type != FT_MESSAGE || f->message->wkt != WKT_NONE)
			parameter(out, set, f, strbuf_slice(&name), "query");
		else if (!f->repeated && level < 2)
			query_parameters(out, set, r, f->message, strbuf_slice(&name), level + 1);
		strbuf_fini(&name);
	}
}

/* `leader` is the route whose variables name the path item's. */
static void
parameters(struct strbuf *out, const struct doc_set *set, const struct schema_route *r,
	   const struct schema_route *leader)
{
	const struct schema_policy *p = &r->method->policy;
	struct strbuf name = STRBUF_INIT;

	oa_raw(out, "parameters", "[");
	for (size_t i = 0; i < r->nsegments; i++) {
		if (r->segments[i].kind != SCHEMA_SEG_FIELD)
			continue;
		strbuf_reset(&name);
		doc_json_path(leader->method->input, leader->segments[i].text, &name);
		parameter(out, set, schema_field_at(r->method->input, r->segments[i].text),
			  strbuf_slice(&name), "path");
	}
	if (strcmp(r->body, "*") != 0)
		query_parameters(out, set, r, r->method->input, SLICE_LIT(""), 0);
	if (p->idempotency == SCHEMA_IDEM_KEY)
		header_parameter(out, "Idempotency-Key", false,
				 "A second request with the same key gets the first one's reply.");
	if (p->if_match)
		header_parameter(out, "If-Match", true,
				 "The ETag of the version that the change is based on.");
	strbuf_addch(out, ']');
	strbuf_fini(&name);
}

static bool
is_path_variable(const struct schema_route *r, const char *path)
{
	for (size_t i = 0; i < r->nsegments; i++) {
		if (r->segments[i].kind == SCHEMA_SEG_FIELD &&
		    schema_field_at(r->method->input, r->segments[i].text) ==
			    schema_field_at(r->method->input, slice_str(path)))
			return true;
	}
	return false;
}

/* Whether the rules refuse a request without a body, whatever path and query say. */
static bool
body_required(const struct schema_route *r)
{
	size_t n = strlen(r->body);
	struct err err;

	err_init(&err);
	if (*r->method->policy.update_mask != '\0')
		return true; /* a patch of nothing */
	if (schema_check(r->method->input, SLICE_LIT(""), &schema_limits_default, &err) ==
	    STATUS_OK)
		return false;
	for (unsigned i = 0; i < err.nfields; i++) {
		const char *path = err.fields[i].path;

		if (strcmp(r->body, "*") == 0
			    ? !is_path_variable(r, path)
			    : strncmp(path, r->body, n) == 0 && (path[n] == '\0' || path[n] == '.'))
			return true;
	}
	return false;
}

static void
request_body(struct strbuf *out, const struct doc_set *set, const struct schema_route *r)
{
	const struct schema_message *m = doc_body(r);
	bool partial = *r->method->policy.update_mask != '\0', variables = false;

	if (m == NULL)
		return;
	for (size_t i = 0; i < r->nsegments; i++)
		variables |= r->segments[i].kind == SCHEMA_SEG_FIELD;
	oa_raw(out, "requestBody",
	       body_required(r) ? "{\"required\":true,\"content\":{"
				: "{\"required\":false,\"content\":{");
	for (int i = 0; i < (partial ? 2 : 1); i++) {
		oa_key(out, i == 0 ? "application/json" : "application/merge-patch+json");
		strbuf_adds(out, "{\"schema\":");
		if (partial || (variables && strcmp(r->body, "*") == 0)) {
			oa_object_schema(out, set, m, strcmp(r->body, "*") == 0 ? r : NULL,
					 partial);
		} else {
			strbuf_addch(out, '{');
			oa_message_type(out, set, m);
			strbuf_addch(out, '}');
		}
		strbuf_addch(out, '}');
	}
	strbuf_adds(out, "}}");
}

static void
problem(struct strbuf *out, const char *status)
{
	oa_key(out, status);
	strbuf_adds(out, "{\"$ref\":\"#/components/responses/Problem\"}");
}

static void
responses(struct strbuf *out, const struct doc_set *set, const struct schema_method *m)
{
	const struct schema_policy *p = &m->policy;
	unsigned status = p->success_status ? p->success_status : 200;
	char code[16];

	oa_raw(out, "responses", "{");
	snprintf(code, sizeof(code), "%u", status);
	oa_key(out, code);
	strbuf_addch(out, '{');
	oa_text(out, "description",
		slice_str(status == 201   ? "Created"
			  : status == 204 ? "Done"
					  : "Success"));
	if (*p->location != '\0')
		oa_raw(out, "headers", "{\"Location\":{\"schema\":{\"type\":\"string\"}}}");
	if (status != 204) {
		oa_raw(out, "content", "{");
		for (int i = m->server_streaming ? 0 : 1; i < 2; i++) {
			oa_key(out, i == 0 ? "text/event-stream" : "application/json");
			strbuf_adds(out, "{\"schema\":{");
			if (i == 0)
				strbuf_adds(out, "\"type\":\"string\"");
			else if (!p->raw_json)
				oa_message_type(out, set, m->output);
			strbuf_adds(out, "}}");
		}
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, '}');
	problem(out, "400");
	if (p->audience != SCHEMA_PUBLIC)
		problem(out, "401");
	if (*p->permission != '\0')
		problem(out, "403");
	problem(out, "404");
	if (p->idempotency == SCHEMA_IDEM_KEY)
		problem(out, "409");
	if (p->if_match) {
		problem(out, "412");
		problem(out, "428");
	}
	problem(out, "429");
	problem(out, "default");
	strbuf_addch(out, '}');
}

static struct slice
short_service(const char *service)
{
	const char *dot = strrchr(service, '.');
	return slice_str(dot ? dot + 1 : service);
}

static void
operation(struct strbuf *out, const struct doc_set *set, const struct schema_route *r,
	  const struct schema_route *leader)
{
	const struct schema_method *m = r->method;
	struct strbuf id = STRBUF_INIT, verb = STRBUF_INIT;
	size_t binding = (size_t)(r - m->routes);

	for (const char *p = r->verb; *p != '\0'; p++)
		strbuf_addch(&verb, (char)(*p | 32));
	oa_key(out, verb.buf);
	strbuf_addch(out, '{');
	oa_raw(out, "tags", "[");
	strbuf_add_json_string(out, short_service(m->service));
	strbuf_addch(out, ']');
	strbuf_addf(&id, "%.*s_%s", SLICE_ARG(short_service(m->service)), m->name);
	if (binding > 0)
		strbuf_addf(&id, "_%zu", binding + 1);
	oa_text(out, "operationId", strbuf_slice(&id));
	oa_text(out, "summary", doc_summary(m->comment));
	oa_describe(out, m->comment);
	parameters(out, set, r, leader);
	request_body(out, set, r);
	responses(out, set, m);
	if (m->policy.audience == SCHEMA_PUBLIC)
		oa_raw(out, "security", "[]");
	if (*m->policy.permission != '\0')
		oa_text(out, "x-permission", slice_str(m->policy.permission));
	strbuf_addch(out, '}');
	strbuf_fini(&id);
	strbuf_fini(&verb);
}

static bool
same_path(const struct schema_route *a, const struct schema_route *b)
{
	if (a->nsegments != b->nsegments)
		return false;
	for (size_t i = 0; i < a->nsegments; i++) {
		const struct schema_segment *x = &a->segments[i], *y = &b->segments[i];
		if (x->kind != y->kind ||
		    (x->kind == SCHEMA_SEG_LITERAL && !slice_eq(x->text, y->text)))
			return false;
	}
	return true;
}

static void
path_item(struct strbuf *out, const struct doc_set *set, const struct schema_route **routes,
	  size_t n, size_t first)
{
	const struct schema_route *leader = routes[first];
	struct strbuf path = STRBUF_INIT;

	for (size_t i = 0; i < leader->nsegments; i++) {
		const struct schema_segment *seg = &leader->segments[i];
		strbuf_adds(&path, seg->kind == SCHEMA_SEG_FIELD ? "/{" : "/");
		if (seg->kind == SCHEMA_SEG_FIELD)
			doc_json_path(leader->method->input, seg->text, &path);
		else
			strbuf_add_slice(&path, seg->text);
		if (seg->kind == SCHEMA_SEG_FIELD)
			strbuf_addch(&path, '}');
	}
	oa_key(out, path.buf);
	strbuf_addch(out, '{');
	for (size_t i = first; i < n; i++) {
		if (same_path(routes[i], leader))
			operation(out, set, routes[i], leader);
	}
	strbuf_addch(out, '}');
	strbuf_fini(&path);
}

static void
paths(struct strbuf *out, const struct doc_set *set)
{
	struct strbuf list = STRBUF_INIT;

	for (size_t i = 0; i < set->schema->nmethods; i++) {
		const struct schema_method *m = set->schema->method_list[i];
		for (size_t k = 0; k < m->nroutes; k++) {
			const struct schema_route *r = &m->routes[k];
			strbuf_add(&list, &r, sizeof(r));
		}
	}
	const struct schema_route **routes = (const struct schema_route **)(void *)list.buf;
	size_t n = list.len / sizeof(*routes);
	oa_raw(out, "paths", "{");
	for (size_t i = 0; i < n; i++) {
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = same_path(routes[k], routes[i]);
		if (!seen)
			path_item(out, set, routes, n, i);
	}
	strbuf_addch(out, '}');
	strbuf_fini(&list);
}

static void
tags(struct strbuf *out, const struct doc_set *set)
{
	const char *last = "";

	oa_raw(out, "tags", "[");
	for (size_t i = 0; i < set->schema->nmethods; i++) {
		const struct schema_method *m = set->schema->method_list[i];
		if (m->nroutes == 0 || strcmp(m->service, last) == 0)
			continue;
		last = m->service;
		oa_open(out, '{');
		oa_text(out, "name", short_service(m->service));
		const char *comment =
			hashmap_get(set->schema->service_comments, slice_str(m->service));
		oa_describe(out, comment ? comment : "");
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

static const char problem_json[] = "\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457 "
				   "problem details\",\"properties\":{"
				   "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
				   "\"status\":{\"type\":\"integer\"},"
				   "\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":"
				   "\"string\"},\"requestId\":{\"type\":\"string\"},"
				   "\"reason\":{\"type\":\"string\"},\"errors\":{\"type\":"
				   "\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
				   "\"field\":{\"type\":\"string\"},\"message\":{\"type\":"
				   "\"string\"}}}}},\"required\":[\"title\",\"status\"]}";

void
schema_openapi(const struct schema *schema, const char *version, struct strbuf *out)
{
	struct doc_set set;

	doc_set_init(&set, schema);
	doc_set_add_routes(&set);
	strbuf_addch(out, '{');
	oa_raw(out, "openapi", "\"3.1.0\"");
	oa_raw(out, "info", "{");
	oa_text(out, "title", SLICE_LIT("AI Fitness Coach"));
	oa_text(out, "version", slice_str(version));
	strbuf_addch(out, '}');
	oa_raw(out, "servers", "[{\"url\":\"/\"}]");
	oa_raw(out, "security", "[{\"bearer\":[]}]");
	tags(out, &set);
	paths(out, &set);
	oa_raw(out, "components", "{");
	oa_raw(out, "securitySchemes",
	       "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}}");
	oa_raw(out, "responses",
	       "{\"Problem\":{\"description\":\"What went "
	       "wrong\",\"content\":{\"application/problem+json\":"
	       "{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
	oa_raw(out, "schemas", "{");
	for (size_t i = 0; i < schema->nmessages; i++) {
		const struct schema_message *m = schema->message_list[i];
		if (!doc_set_has(&set, m))
			continue;
		oa_comma(out);
		strbuf_add_json_string(out, doc_name(&set, m));
		strbuf_addch(out, ':');
		oa_object_schema(out, &set, m, NULL, false);
	}
	oa_comma(out);
	strbuf_adds(out, problem_json);
	strbuf_adds(out, "}}}");
	doc_set_fini(&set);
}
