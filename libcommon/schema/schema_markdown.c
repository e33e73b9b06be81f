/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_markdown.c - docs/api.md: the routes of each service, what they take and answer, and the
 * types.
 */
#include "libcommon/schema/schema_doc.h"

#include <ctype.h>

/* One table cell: no line ends, no bars. */
static void
cell(struct strbuf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '|')
			strbuf_addch(out, '\\');
		strbuf_addch(out, s.p[i] == '\n' ? ' ' : s.p[i]);
	}
}

/* GitHub's anchor of a heading: lower case, letters and digits. */
static void
anchor(struct strbuf *out, struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (isalnum((unsigned char)name.p[i]) || name.p[i] == '-' || name.p[i] == '_')
			strbuf_addch(out, (char)tolower((unsigned char)name.p[i]));
	}
}

static void
message_link(struct strbuf *out, const struct doc_set *set, const struct schema_message *m)
{
	static const char *const forms[] = {
		[WKT_TIMESTAMP] = "time", [WKT_DURATION] = "duration", [WKT_FIELD_MASK] = "paths",
		[WKT_STRUCT] = "object",  [WKT_VALUE] = "any value",   [WKT_LIST_VALUE] = "array",
		[WKT_ANY] = "any",
	};

	if (m->wkt != WKT_NONE && m->wkt != WKT_WRAPPER) {
		strbuf_adds(out, forms[m->wkt]);
	} else if (doc_is_empty(m)) {
		strbuf_adds(out, "nothing");
	} else if (!doc_set_has(set, m)) {
		strbuf_add_slice(out, doc_name(set, m));
	} else {
		struct slice name = doc_name(set, m);
		strbuf_addf(out, "[%.*s](#", SLICE_ARG(name));
		anchor(out, name);
		strbuf_addch(out, ')');
	}
}

static void
type_name(struct strbuf *out, const struct doc_set *set, const struct schema_field *f)
{
	static const char *const names[] = {
		[FT_DOUBLE] = "number",           [FT_FLOAT] = "number",
		[FT_INT64] = "int64 (string)",    [FT_UINT64] = "uint64 (string)",
		[FT_INT32] = "integer",           [FT_FIXED64] = "uint64 (string)",
		[FT_FIXED32] = "integer",         [FT_BOOL] = "boolean",
		[FT_STRING] = "string",           [FT_BYTES] = "base64",
		[FT_UINT32] = "integer",          [FT_SFIXED32] = "integer",
		[FT_SFIXED64] = "int64 (string)", [FT_SINT32] = "integer",
		[FT_SINT64] = "int64 (string)",
	};

	if (f->map) {
		strbuf_adds(out, "map of ");
		f = &f->message->fields[1];
	} else if (f->repeated) {
		strbuf_adds(out, "list of ");
	}
	if (f->type == FT_ENUM) {
		for (size_t i = 0; i < f->enumeration->nvalues; i++)
			strbuf_addf(out, "%s`%.*s`", i ? ", " : "",
				    SLICE_ARG(f->enumeration->values[i].name));
	} else if (f->type == FT_MESSAGE && f->message->wkt == WKT_WRAPPER) {
		type_name(out, set, &f->message->fields[0]);
		strbuf_adds(out, " or null");
	} else if (f->type == FT_MESSAGE) {
		message_link(out, set, f->message);
	} else {
		strbuf_adds(out, names[f->type]);
	}
}

static void
rule_note(struct strbuf *out, const struct schema_field *f)
{
	struct strbuf note = STRBUF_INIT;

	if (f->rules != NULL)
		rules_describe(f->rules, &note);
	if (note.len > 0)
		strbuf_addf(out, ", %s", note.buf);
	strbuf_fini(&note);
}

static void
field_rows(struct strbuf *out, const struct doc_set *set, const struct schema_message *m)
{
	strbuf_adds(out, "| field | type | |\n|---|---|---|\n");
	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		strbuf_addf(out, "| `%.*s` | ", SLICE_ARG(f->json_name));
		type_name(out, set, f);
		rule_note(out, f);
		strbuf_adds(out, " | ");
		if (f->rules != NULL && f->rules->required)
			strbuf_adds(out, "Required. ");
		cell(out, slice_str(f->comment));
		strbuf_adds(out, " |\n");
	}
	strbuf_addch(out, '\n');
}

static void
pattern(struct strbuf *out, const struct schema_route *r)
{
	for (size_t i = 0; i < r->nsegments; i++) {
		const struct schema_segment *seg = &r->segments[i];
		strbuf_adds(out, seg->kind == SCHEMA_SEG_FIELD ? "/{" : "/");
		if (seg->kind == SCHEMA_SEG_FIELD) {
			doc_json_path(r->method->input, seg->text, out);
			strbuf_addch(out, '}');
		} else {
			strbuf_add_slice(out, seg->text);
		}
	}
}

static void
parameters(struct strbuf *out, const struct doc_set *set, const struct schema_route *r)
{
	bool any = false;

	if (strcmp(r->body, "*") == 0)
		return;
	for (uint32_t i = 0; i < r->method->input->nfields; i++) {
		const struct schema_field *f = &r->method->input->fields[i];
		if (doc_is_bound(r, f))
			continue;
		strbuf_addf(out, "%s`%.*s` (",
			    any ? ", " : "Query parameters: ", SLICE_ARG(f->json_name));
		any = true;
		type_name(out, set, f);
		strbuf_addch(out, ')');
	}
	if (any)
		strbuf_adds(out, ".\n\n");
}

static void
method(struct strbuf *out, const struct doc_set *set, const struct schema_method *m)
{
	const struct schema_policy *p = &m->policy;
	const struct schema_message *body = doc_body(&m->routes[0]);

	strbuf_addf(out, "### %s\n\n", m->name);
	for (size_t i = 0; i < m->nroutes; i++) {
		strbuf_addf(out, "`%s ", m->routes[i].verb);
		pattern(out, &m->routes[i]);
		strbuf_adds(out, "`  \n");
	}
	strbuf_addf(out, "\n%s\n\n", m->comment);
	parameters(out, set, &m->routes[0]);
	if (body != NULL) {
		strbuf_adds(out, *p->update_mask ? "Body: a merge patch of " : "Body: ");
		message_link(out, set, body);
		strbuf_adds(out, ".\n\n");
	}
	strbuf_addf(out, "Answers %u", p->success_status ? p->success_status : 200);
	if (!p->raw_json && p->success_status != 204) {
		strbuf_adds(out, m->server_streaming ? " and a stream of " : ": ");
		message_link(out, set, m->output);
	}
	strbuf_adds(out,
		    p->audience == SCHEMA_PUBLIC ? ". Open to anybody" : ". For signed-in users");
	if (*p->permission != '\0')
		strbuf_addf(out, " with permission `%s`", p->permission);
	if (p->idempotency == SCHEMA_IDEM_KEY)
		strbuf_adds(out, ". `Idempotency-Key` is honoured");
	if (p->if_match)
		strbuf_adds(out, ". `If-Match` is required");
	strbuf_adds(out, ".\n\n");
}

void
schema_api_markdown(const struct schema *schema, struct strbuf *out)
{
	struct doc_set set;
	const char *service = "";

	doc_set_init(&set, schema);
	doc_set_add_routes(&set);
	strbuf_adds(out,
		    "# HTTP API\n\nGenerated from the .proto files. Bodies are JSON; errors are "
		    "`application/problem+json` (RFC 9457).\n\n");
	for (size_t i = 0; i < schema->nmethods; i++) {
		const struct schema_method *m = schema->method_list[i];
		if (m->nroutes == 0)
			continue;
		if (strcmp(service, m->service) != 0) {
			const char *comment =
				hashmap_get(schema->service_comments, slice_str(m->service));
			strbuf_addf(out, "## %s\n\n", m->service);
			if (comment != NULL)
				strbuf_addf(out, "%s\n\n", comment);
			service = m->service;
		}
		method(out, &set, m);
	}
	strbuf_adds(out, "## Types\n\n");
	for (size_t i = 0; i < schema->nmessages; i++) {
		const struct schema_message *m = schema->message_list[i];
		if (!doc_set_has(&set, m))
			continue;
		strbuf_addf(out, "### %.*s\n\n%s%s", SLICE_ARG(doc_name(&set, m)), m->comment,
			    *m->comment ? "\n\n" : "");
		field_rows(out, &set, m);
	}
	doc_set_fini(&set);
}
