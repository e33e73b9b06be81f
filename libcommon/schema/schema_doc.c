/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_doc.c - which messages a document has to describe, and how they are called there.
 */
#include "libcommon/schema/schema_doc.h"

#include <ctype.h>

void
doc_set_init(struct doc_set *set, const struct schema *schema)
{
	set->schema = schema;
	set->messages = hashmap_new();
}

void
doc_set_fini(struct doc_set *set)
{
	hashmap_free(set->messages);
}

bool
doc_set_has(const struct doc_set *set, const struct schema_message *m)
{
	return hashmap_get(set->messages, slice_str(m->name)) != NULL;
}

bool
doc_is_empty(const struct schema_message *m)
{
	return strcmp(m->name, "google.protobuf.Empty") == 0;
}

void
doc_set_add(struct doc_set *set, const struct schema_message *m)
{
	if (m->wkt != WKT_NONE || doc_is_empty(m) || doc_set_has(set, m))
		return;
	if (!m->map_entry)
		hashmap_put(set->messages, slice_str(m->name), (void *)(uintptr_t)m);
	for (uint32_t i = 0; i < m->nfields; i++) {
		if (m->fields[i].message != NULL)
			doc_set_add(set, m->fields[i].message);
	}
}

const struct schema_message *
doc_body(const struct schema_route *r)
{
	if (*r->body == '\0')
		return NULL;
	return strcmp(r->body, "*") == 0
		       ? r->method->input
		       : schema_field_message(r->method->input, slice_str(r->body));
}

void
doc_set_add_routes(struct doc_set *set)
{
	for (size_t i = 0; i < set->schema->nmethods; i++) {
		const struct schema_method *m = set->schema->method_list[i];
		for (size_t k = 0; k < m->nroutes; k++) {
			const struct schema_message *body = doc_body(&m->routes[k]);
			if (!m->policy.raw_json)
				doc_set_add(set, m->output);
			if (body != NULL)
				doc_set_add(set, body);
		}
	}
}

/* Packages are lower case, types begin with a capital. */
static struct slice
without_package(const char *name)
{
	const char *p = name;

	while (*p != '\0' && !isupper((unsigned char)*p)) {
		const char *dot = strchr(p, '.');
		if (dot == NULL)
			return slice_str(name);
		p = dot + 1;
	}
	return slice_str(p);
}

struct slice
doc_name(const struct doc_set *set, const struct schema_message *m)
{
	struct slice name = without_package(m->name);

	for (size_t i = 0; i < set->schema->nmessages; i++) {
		const struct schema_message *other = set->schema->message_list[i];
		if (other != m && doc_set_has(set, other) &&
		    slice_eq(without_package(other->name), name))
			return slice_str(m->name);
	}
	return name;
}

struct slice
doc_summary(const char *comment)
{
	const char *p = comment;

	for (; *p != '\0' && *p != '\n'; p++) {
		if (*p == '.' && (p[1] == ' ' || p[1] == '\n' || p[1] == '\0'))
			break;
	}
	return slice_make(comment, (size_t)(p - comment));
}

bool
doc_is_bound(const struct schema_route *r, const struct schema_field *f)
{
	if (slice_eq_str(f->name, r->body) || slice_eq_str(f->name, r->method->policy.update_mask))
		return true;
	for (size_t i = 0; i < r->nsegments; i++) {
		if (r->segments[i].kind == SCHEMA_SEG_FIELD &&
		    slice_eq(r->segments[i].text, f->name))
			return true;
	}
	return false;
}

void
doc_json_path(const struct schema_message *m, struct slice path, struct strbuf *out)
{
	while (path.n > 0) {
		const char *dot = memchr(path.p, '.', path.n);
		struct slice step = dot ? slice_make(path.p, (size_t)(dot - path.p)) : path;
		const struct schema_field *f = schema_field_by_name(m, step);
		if (f == NULL)
			return;
		strbuf_add_slice(out, f->json_name);
		if (dot == NULL || f->message == NULL)
			return;
		strbuf_addch(out, '.');
		m = f->message;
		path = slice_make(dot + 1, path.n - step.n - 1);
	}
}
