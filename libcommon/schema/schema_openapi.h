/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_openapi.h - what the halves of the OpenAPI generator share; for this folder.
 *
 * Ownership: all is borrowed for the call; what is written goes to `out`. Threads: one.
 */
#ifndef FIT_SCHEMA_SCHEMA_OPENAPI_H
#define FIT_SCHEMA_SCHEMA_OPENAPI_H

#include "libcommon/schema/schema_doc.h"

/*
 * Writing JSON: a comma goes before whatever does not follow an opening bracket or a colon.
 */

static inline void
oa_comma(struct strbuf *out)
{
	char last = out->len ? out->buf[out->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		strbuf_addch(out, ',');
}

static inline void
oa_key(struct strbuf *out, const char *name)
{
	oa_comma(out);
	strbuf_add_json_string(out, slice_str(name));
	strbuf_addch(out, ':');
}

static inline void
oa_text(struct strbuf *out, const char *name, struct slice value)
{
	oa_key(out, name);
	strbuf_add_json_string(out, value);
}

static inline void
oa_open(struct strbuf *out, char c)
{
	if (c == '{' || c == '[')
		oa_comma(out);
	strbuf_addch(out, c);
}

static inline void
oa_raw(struct strbuf *out, const char *name, const char *json)
{
	oa_key(out, name);
	strbuf_adds(out, json);
}

static inline void
oa_number(struct strbuf *out, const char *name, uint64_t v)
{
	oa_key(out, name);
	strbuf_add_u64(out, v);
}

static inline void
oa_describe(struct strbuf *out, const char *comment)
{
	if (*comment != '\0')
		oa_text(out, "description", slice_str(comment));
}

/* The members of a schema that stands for a message: a $ref, or the form of a well-known type. */
void oa_message_type(struct strbuf *out, const struct doc_set *set, const struct schema_message *m);
void oa_field_schema(struct strbuf *out, const struct doc_set *set, const struct schema_field *f,
		     bool with_comment);
/* `route`: leave out what the path binds. `partial`: a merge patch, where nothing is required. */
void oa_object_schema(struct strbuf *out, const struct doc_set *set, const struct schema_message *m,
		      const struct schema_route *route, bool partial);

#endif
