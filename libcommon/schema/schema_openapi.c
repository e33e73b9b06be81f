/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_openapi.c - the OpenAPI 3.1 document of all routes.
 *
 * Paths with the same shape are one path item whatever their variables are called, since OpenAPI takes
 * "/plans/{id}" and "/plans/{plan.id}" for the same path: the names of the first route are used for all.
 * Source: OpenAPI Specification 3.1.0; JSON Schema 2020-12; RFC 9457.
 */
#include "libcommon/schema/schema_doc.h"
#include "libcommon/schema/textnum.h"

#include <math.h>
#include <stdio.h>

/* ---- writing JSON ---- */

static void
comma(struct strbuf *out)
{
	char last = out->len ? out->buf[out->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		strbuf_addch(out, ',');
}

static void
key(struct strbuf *out, const char *name)
{
	comma(out);
	strbuf_add_json_string(out, slice_str(name));
	strbuf_addch(out, ':');
}

static void
text(struct strbuf *out, const char *name, struct slice value)
{
	key(out, name);
	strbuf_add_json_string(out, value);
}

static void
open(struct strbuf *out, char c)
{
	if (c == '{' || c == '[')
		comma(out);
	strbuf_addch(out, c);
}

static void
raw(struct strbuf *out, const char *name, const char *json)
{
	key(out, name);
	strbuf_adds(out, json);
}

static void
number(struct strbuf *out, const char *name, uint64_t v)
{
	key(out, name);
	strbuf_add_u64(out, v);
}

static void
describe(struct strbuf *out, const char *comment)
{
	if (*comment != '\0')
		text(out, "description", slice_str(comment));
}

/* ---- types ---- */

static void
bound(struct strbuf *out, const char *name, unsigned kind, union rule_num v)
{
	if ((kind == RK_DOUBLE || kind == RK_FLOAT) && !isfinite(v.d))
		return;
	key(out, name);
	if (kind == RK_DOUBLE || kind == RK_FLOAT)
		textnum_add_double(out, v.d);
	else if (kind == RK_UINT32 || kind == RK_UINT64)
		strbuf_add_u64(out, v.u);
	else
		strbuf_add_i64(out, v.i);
}

static bool
is_64_bit(unsigned type)
{
	return type == FT_INT64 || type == FT_UINT64 || type == FT_SINT64 || type == FT_FIXED64 || type == FT_SFIXED64;
}

static void
number_rules(struct strbuf *out, const struct schema_field *f, const struct schema_rules *r)
{
	bool ordered = r->kind >= RK_FLOAT && r->kind <= RK_UINT64 && !is_64_bit(f->type);

	if (!ordered)
		return; /* 64-bit integers are strings in JSON */
	if (r->flags & (RULE_GT | RULE_GTE))
		bound(out, r->flags & RULE_GT ? "exclusiveMinimum" : "minimum", r->kind, r->lo);
	if (r->flags & (RULE_LT | RULE_LTE))
		bound(out, r->flags & RULE_LT ? "exclusiveMaximum" : "maximum", r->kind, r->hi);
	if (r->flags & RULE_CONST)
		bound(out, "const", r->kind, r->konst);
	if (r->nin == 0)
		return;
	raw(out, "enum", "[");
	for (uint32_t i = 0; i < r->nin; i++) {
		comma(out);
		if (r->kind == RK_UINT32)
			strbuf_add_u64(out, r->in[i].u);
		else
			strbuf_add_i64(out, r->in[i].i);
	}
	strbuf_addch(out, ']');
}

static void
string_rules(struct strbuf *out, const struct schema_rules *r)
{
	if (r->flags & RULE_MIN_LEN)
		number(out, "minLength", r->min_len);
	if (r->flags & RULE_MAX_LEN)
		number(out, "maxLength", r->max_len);
	if (r->flags & (RULE_UUID | RULE_EMAIL | RULE_URI))
		text(out, "format", slice_str(r->flags & RULE_UUID ? "uuid" : r->flags & RULE_EMAIL ? "email" : "uri"));
	if (r->flags & RULE_CONST)
		text(out, "const", r->const_text);
	if (r->nin > 0) {
		raw(out, "enum", "[");
		for (uint32_t i = 0; i < r->nin; i++) {
			comma(out);
			strbuf_add_json_string(out, r->in_text[i]);
		}
		strbuf_addch(out, ']');
	}
}

static void
enum_names(struct strbuf *out, const struct schema_enum *en)
{
	raw(out, "type", "\"string\"");
	raw(out, "enum", "[");
	for (size_t i = 0; i < en->nvalues; i++) {
		if (i > 0 && en->values[i - 1].number == en->values[i].number)
			continue; /* an alias */
		comma(out);
		strbuf_add_json_string(out, en->values[i].name);
	}
	strbuf_addch(out, ']');
}

static void
message_type(struct strbuf *out, const struct doc_set *set, const struct schema_message *m)
{
	static const char *const forms[] = {
		[WKT_TIMESTAMP] = "\"type\":\"string\",\"format\":\"date-time\"",
		[WKT_DURATION] = "\"type\":\"string\",\"pattern\":\"^-?[0-9]+([.][0-9]{1,9})?s$\"",
		[WKT_FIELD_MASK] = "\"type\":\"string\"",
		[WKT_STRUCT] = "\"type\":\"object\"",
		[WKT_LIST_VALUE] = "\"type\":\"array\",\"items\":{}",
	};

	if (m->wkt == WKT_VALUE || m->wkt == WKT_ANY)
		return; /* any JSON value */
	comma(out);
	if (m->wkt != WKT_NONE) {
		strbuf_adds(out, forms[m->wkt]);
	} else if (doc_is_empty(m)) {
		strbuf_adds(out, "\"type\":\"object\"");
	} else {
		strbuf_addf(out, "\"$ref\":\"#/components/schemas/%.*s\"", SLICE_ARG(doc_name(set, m)));
	}
}

/* The members of one value's schema. */
static void
value_schema(struct strbuf *out, const struct doc_set *set, const struct schema_field *f, const struct schema_rules *r)
{
	static const char *const scalars[] = {
		[FT_DOUBLE] = "\"type\":\"number\",\"format\":\"double\"",
		[FT_FLOAT] = "\"type\":\"number\",\"format\":\"float\"",
		[FT_BOOL] = "\"type\":\"boolean\"",
		[FT_STRING] = "\"type\":\"string\"",
		[FT_BYTES] = "\"type\":\"string\",\"contentEncoding\":\"base64\"",
	};

	if (f->type == FT_MESSAGE && f->message->wkt == WKT_WRAPPER) {
		/* The JSON of a wrapper is its value or null. */
		raw(out, "anyOf", "[{");
		value_schema(out, set, &f->message->fields[0], r);
		strbuf_adds(out, "},{\"type\":\"null\"}]");
	} else if (f->type == FT_MESSAGE) {
		message_type(out, set, f->message);
	} else if (f->type == FT_ENUM) {
		enum_names(out, f->enumeration);
	} else if (f->type < ARRAY_LEN(scalars) && scalars[f->type] != NULL) {
		comma(out);
		strbuf_adds(out, scalars[f->type]);
	} else if (is_64_bit(f->type)) {
		comma(out);
		strbuf_adds(out, "\"type\":\"string\",\"format\":\"int64\",\"pattern\":\"^-?[0-9]+$\"");
	} else {
		comma(out);
		strbuf_addf(out, "\"type\":\"integer\",\"format\":\"%sint32\"", field_type_signed(f->type) ? "" : "u");
	}
	if (r != NULL && f->type != FT_MESSAGE) {
		number_rules(out, f, r);
		if (r->kind == RK_STRING)
			string_rules(out, r);
	}
}

static void
field_schema(struct strbuf *out, const struct doc_set *set, const struct schema_field *f, bool with_comment)
{
	static const char *const classes[] = { NULL, "pii", "health", "secret", "free_text" };
	const struct schema_rules *r = f->rules;

	open(out, '{');
	if (with_comment)
		describe(out, f->comment);
	if (f->map) {
		raw(out, "type", "\"object\"");
		raw(out, "additionalProperties", "{");
		value_schema(out, set, &f->message->fields[1], r ? r->items : NULL);
		strbuf_addch(out, '}');
		if (r != NULL && (r->flags & RULE_MAX_LEN))
			number(out, "maxProperties", r->max_len);
	} else if (f->repeated) {
		raw(out, "type", "\"array\"");
		raw(out, "items", "{");
		value_schema(out, set, f, r ? r->items : NULL);
		strbuf_addch(out, '}');
		if (r != NULL && (r->flags & RULE_MIN_LEN))
			number(out, "minItems", r->min_len);
		if (r != NULL && (r->flags & RULE_MAX_LEN))
			number(out, "maxItems", r->max_len);
		if (r != NULL && (r->flags & RULE_UNIQUE))
			raw(out, "uniqueItems", "true");
	} else {
		value_schema(out, set, f, r);
	}
	if (f->data_class > 0 && f->data_class < ARRAY_LEN(classes))
		text(out, "x-data-class", slice_str(classes[f->data_class]));
	strbuf_addch(out, '}');
}

/* `route`: leave out what the path binds. `partial`: a merge patch, where nothing is required and null clears. */
static void
object_schema(struct strbuf *out, const struct doc_set *set, const struct schema_message *m,
	      const struct schema_route *route, bool partial)
{
	bool any = false;

	open(out, '{');
	describe(out, m->comment);
	raw(out, "type", "\"object\"");
	raw(out, "properties", "{");
	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		if (route != NULL && doc_is_bound(route, f))
			continue;
		comma(out);
		strbuf_add_json_string(out, f->json_name);
		strbuf_addch(out, ':');
		field_schema(out, set, f, true);
		any |= f->rules != NULL && f->rules->required;
	}
	strbuf_addch(out, '}');
	for (uint32_t i = 0; any && !partial && i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		if (f->rules == NULL || !f->rules->required || (route != NULL && doc_is_bound(route, f)))
			continue;
		if (out->buf[out->len - 1] == '}')
			raw(out, "required", "[");
		comma(out);
		strbuf_add_json_string(out, f->json_name);
	}
	if (out->buf[out->len - 1] == '"')
		strbuf_addch(out, ']');
	strbuf_addch(out, '}');
}

/* ---- operations ---- */

static void
header_parameter(struct strbuf *out, const char *name, bool required, const char *description)
{
	open(out, '{');
	text(out, "name", slice_str(name));
	raw(out, "in", "\"header\"");
	raw(out, "required", required ? "true" : "false");
	text(out, "description", slice_str(description));
	raw(out, "schema", "{\"type\":\"string\"}");
	strbuf_addch(out, '}');
}

static void
parameter(struct strbuf *out, const struct doc_set *set, const struct schema_field *f, struct slice name, const char *in)
{
	open(out, '{');
	text(out, "name", name);
	text(out, "in", slice_str(in));
	if (strcmp(in, "path") == 0 || (f->rules != NULL && f->rules->required))
		raw(out, "required", "true");
	describe(out, f->comment);
	key(out, "schema");
	field_schema(out, set, f, false);
	strbuf_addch(out, '}');
}

/* Scalars, repeated scalars and what has a text form; messages by their fields, two levels deep. */
static void
query_parameters(struct strbuf *out, const struct doc_set *set, const struct schema_route *r, const struct schema_message *m,
		 struct slice prefix, int level)
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
parameters(struct strbuf *out, const struct doc_set *set, const struct schema_route *r, const struct schema_route *leader)
{
	const struct schema_policy *p = &r->method->policy;
	struct strbuf name = STRBUF_INIT;

	raw(out, "parameters", "[");
	for (size_t i = 0; i < r->nsegments; i++) {
		if (r->segments[i].kind != SCHEMA_SEG_FIELD)
			continue;
		strbuf_reset(&name);
		doc_json_path(leader->method->input, leader->segments[i].text, &name);
		parameter(out, set, schema_field_at(r->method->input, r->segments[i].text), strbuf_slice(&name), "path");
	}
	if (strcmp(r->body, "*") != 0)
		query_parameters(out, set, r, r->method->input, SLICE_LIT(""), 0);
	if (p->idempotency == SCHEMA_IDEM_KEY)
		header_parameter(out, "Idempotency-Key", false, "A second request with the same key gets the first one's reply.");
	if (p->if_match)
		header_parameter(out, "If-Match", true, "The ETag of the version that the change is based on.");
	strbuf_addch(out, ']');
	strbuf_fini(&name);
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
	raw(out, "requestBody", "{\"required\":true,\"content\":{");
	for (int i = 0; i < (partial ? 2 : 1); i++) {
		key(out, i == 0 ? "application/json" : "application/merge-patch+json");
		strbuf_adds(out, "{\"schema\":");
		if (partial || (variables && strcmp(r->body, "*") == 0)) {
			object_schema(out, set, m, strcmp(r->body, "*") == 0 ? r : NULL, partial);
		} else {
			strbuf_addch(out, '{');
			message_type(out, set, m);
			strbuf_addch(out, '}');
		}
		strbuf_addch(out, '}');
	}
	strbuf_adds(out, "}}");
}

static void
problem(struct strbuf *out, const char *status)
{
	key(out, status);
	strbuf_adds(out, "{\"$ref\":\"#/components/responses/Problem\"}");
}

static void
responses(struct strbuf *out, const struct doc_set *set, const struct schema_method *m)
{
	const struct schema_policy *p = &m->policy;
	unsigned status = p->success_status ? p->success_status : 200;
	char code[16];

	raw(out, "responses", "{");
	snprintf(code, sizeof(code), "%u", status);
	key(out, code);
	strbuf_addch(out, '{');
	text(out, "description", slice_str(status == 201 ? "Created" : status == 204 ? "Done" : "Success"));
	if (*p->location != '\0')
		raw(out, "headers", "{\"Location\":{\"schema\":{\"type\":\"string\"}}}");
	if (status != 204) {
		raw(out, "content", "{");
		for (int i = m->server_streaming ? 0 : 1; i < 2; i++) {
			key(out, i == 0 ? "text/event-stream" : "application/json");
			strbuf_adds(out, "{\"schema\":{");
			if (i == 0)
				strbuf_adds(out, "\"type\":\"string\"");
			else if (!p->raw_json)
				message_type(out, set, m->output);
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
operation(struct strbuf *out, const struct doc_set *set, const struct schema_route *r, const struct schema_route *leader)
{
	const struct schema_method *m = r->method;
	struct strbuf id = STRBUF_INIT, verb = STRBUF_INIT;
	size_t binding = (size_t)(r - m->routes);

	for (const char *p = r->verb; *p != '\0'; p++)
		strbuf_addch(&verb, (char)(*p | 32));
	key(out, verb.buf);
	strbuf_addch(out, '{');
	raw(out, "tags", "[");
	strbuf_add_json_string(out, short_service(m->service));
	strbuf_addch(out, ']');
	strbuf_addf(&id, "%.*s_%s", SLICE_ARG(short_service(m->service)), m->name);
	if (binding > 0)
		strbuf_addf(&id, "_%zu", binding + 1);
	text(out, "operationId", strbuf_slice(&id));
	text(out, "summary", doc_summary(m->comment));
	describe(out, m->comment);
	parameters(out, set, r, leader);
	request_body(out, set, r);
	responses(out, set, m);
	if (m->policy.audience == SCHEMA_PUBLIC)
		raw(out, "security", "[]");
	if (*m->policy.permission != '\0')
		text(out, "x-permission", slice_str(m->policy.permission));
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
		if (x->kind != y->kind || (x->kind == SCHEMA_SEG_LITERAL && !slice_eq(x->text, y->text)))
			return false;
	}
	return true;
}

static void
path_item(struct strbuf *out, const struct doc_set *set, const struct schema_route **routes, size_t n, size_t first)
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
	key(out, path.buf);
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
	raw(out, "paths", "{");
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

	raw(out, "tags", "[");
	for (size_t i = 0; i < set->schema->nmethods; i++) {
		const struct schema_method *m = set->schema->method_list[i];
		if (m->nroutes == 0 || strcmp(m->service, last) == 0)
			continue;
		last = m->service;
		open(out, '{');
		text(out, "name", short_service(m->service));
		const char *comment = hashmap_get(set->schema->service_comments, slice_str(m->service));
		describe(out, comment ? comment : "");
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

static const char problem_json[] =
	"\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457 problem details\",\"properties\":{"
	"\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
	"\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},\"requestId\":{\"type\":\"string\"},"
	"\"reason\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"field\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}},\"required\":[\"title\",\"status\"]}";

void
schema_openapi(const struct schema *schema, const char *version, struct strbuf *out)
{
	struct doc_set set;

	doc_set_init(&set, schema);
	doc_set_add_routes(&set);
	strbuf_addch(out, '{');
	raw(out, "openapi", "\"3.1.0\"");
	raw(out, "info", "{");
	text(out, "title", SLICE_LIT("AI Fitness Coach"));
	text(out, "version", slice_str(version));
	strbuf_addch(out, '}');
	raw(out, "servers", "[{\"url\":\"/\"}]");
	raw(out, "security", "[{\"bearer\":[]}]");
	tags(out, &set);
	paths(out, &set);
	raw(out, "components", "{");
	raw(out, "securitySchemes", "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}}");
	raw(out, "responses",
	    "{\"Problem\":{\"description\":\"What went wrong\",\"content\":{\"application/problem+json\":"
	    "{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
	raw(out, "schemas", "{");
	for (size_t i = 0; i < schema->nmessages; i++) {
		const struct schema_message *m = schema->message_list[i];
		if (!doc_set_has(&set, m))
			continue;
		comma(out);
		strbuf_add_json_string(out, doc_name(&set, m));
		strbuf_addch(out, ':');
		object_schema(out, &set, m, NULL, false);
	}
	comma(out);
	strbuf_adds(out, problem_json);
	strbuf_adds(out, "}}}");
	doc_set_fini(&set);
}
