/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_doc.h - what the generators of documents (OpenAPI, Markdown) share; for this folder.
 *
 * Ownership: a set owns its map and borrows schema and messages; names and summaries are parts
 *            of the schema's texts. Threads: one; documents are made at start.
 */
#ifndef FIT_SCHEMA_SCHEMA_DOC_H
#define FIT_SCHEMA_SCHEMA_DOC_H

#include "libcommon/schema/schema_impl.h"

/* A set of messages that documents mention, in the order of the schema. */
struct doc_set {
	const struct schema *schema;
	struct hashmap *messages;
};
void doc_set_init(struct doc_set *set, const struct schema *schema);
void doc_set_fini(struct doc_set *set);
/* Adds a message and all that its fields reach; map entries and well-known types are not added. */
void doc_set_add(struct doc_set *set, const struct schema_message *m);
bool doc_set_has(const struct doc_set *set, const struct schema_message *m);
/* All messages that routes mention: replies and bodies. */
void doc_set_add_routes(struct doc_set *set);

/* "Plan" of "fit.workout.v1.Plan"; the full name when two of the set would share it. */
struct slice doc_name(const struct doc_set *set, const struct schema_message *m);
/* First sentence or line. */
struct slice doc_summary(const char *comment);
/* True when a path variable or the body binds the field, so that no query parameter does. */
bool doc_is_bound(const struct schema_route *r, const struct schema_field *f);
bool doc_is_empty(const struct schema_message *m);
/* The message of a request body, NULL for none. */
const struct schema_message *doc_body(const struct schema_route *r);
/* A field path in its JSON spelling. */
void doc_json_path(const struct schema_message *m, struct slice path, struct strbuf *out);

#endif
