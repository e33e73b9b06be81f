/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_openapi_types.c - messages and fields as JSON Schema 2020-12, with their rules.
 */
#include <math.h>

#include "libcommon/schema/schema_openapi.h"
#include "libcommon/schema/textnum.h"

static void
bound(struct strbuf *out, const char *name, unsigned kind, union rule_num v)
{
	if ((kind == RK_DOUBLE || kind == RK_FLOAT) && !isfinite(v.d))
		return;
	oa_key(out, name);
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
	return type == FT_INT64 || type == FT_UINT64 || type == FT_SINT64 || type == FT_FIXED64 ||
	       type == FT_SFIXED64;
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
	oa_raw(out, "enum", "[");
	for (uint32_t i = 0; i < r->nin; i++) {
		oa_comma(out);
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
		oa_number(out, "minLength", r->min_len);
	if (r->flags & RULE_MAX_LEN)
		oa_number(out, "maxLength", r->max_len);
	if (r->flags & (RULE_UUID | RULE_EMAIL | RULE_URI))
		oa_text(out, "format",
			slice_str(r->flags & RULE_UUID    ? "uuid"
				  : r->flags & RULE_EMAIL ? "email"
							  : "uri"));
	if (r->flags & RULE_CONST)
		oa_text(out, "const", r->const_text);
	if (r->nin > 0) {
		oa_raw(out, "enum", "[");
		for (uint32_t i = 0; i < r->nin; i++) {
			oa_comma(out);
			strbuf_add_json_string(out, r->in_text[i]);
		}
		strbuf_addch(out, ']');
	}
}

static void
enum_names(struct strbuf *out, const struct schema_enum *en)
{
	oa_raw(out, "type", "\"string\"");
	oa_raw(out, "enum", "[");
	for (size_t i = 0; i < en->nvalues; i++) {
		if (i > 0 && en->values[i - 1].number == en->values[i].number)
			continue; /* an alias */
		oa_comma(out);
		strbuf_add_json_string(out, en->values[i].name);
	}
	strbuf_addch(out, ']');
}

void
oa_message_type(struct strbuf *out, const struct doc_set *set, const struct schema_message *m)
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
	oa_comma(out);
	if (m->wkt != WKT_NONE) {
		strbuf_adds(out, forms[m->wkt]);
	} else if (doc_is_empty(m)) {
		strbuf_adds(out, "\"type\":\"object\"");
	} else {
		strbuf_addf(out, "\"$ref\":\"#/components/schemas/%.*s\"",
			    SLICE_ARG(doc_name(set, m)));
	}
}

/* The members of one value's schema. */
static void
value_schema(struct strbuf *out, const struct doc_set *set, const struct schema_field *f,
	     const struct schema_rules *r)
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
		oa_raw(out, "anyOf", "[{");
		value_schema(out, set, &f->message->fields[0], r);
		strbuf_adds(out, "},{\"type\":\"null\"}]");
	} else if (f->type == FT_MESSAGE) {
		oa_message_type(out, set, f->message);
	} else if (f->type == FT_ENUM) {
		enum_names(out, f->enumeration);
	} else if (f->type < ARRAY_LEN(scalars) && scalars[f->type] != NULL) {
		oa_comma(out);
		strbuf_adds(out, scalars[f->type]);
	} else if (is_64_bit(f->type)) {
		oa_comma(out);
		strbuf_adds(out,
			    "\"type\":\"string\",\"format\":\"int64\",\"pattern\":\"^-?[0-9]+$\"");
	} else {
		oa_comma(out);
		strbuf_addf(out, "\"type\":\"integer\",\"format\":\"%sint32\"",
			    field_type_signed(f->type) ? "" : "u");
	}
	if (r != NULL && f->type != FT_MESSAGE) {
		number_rules(out, f, r);
		if (r->kind == RK_STRING)
			string_rules(out, r);
	}
}

void
oa_field_schema(struct strbuf *out, const struct doc_set *set, const struct schema_field *f,
		bool with_comment)
{
	static const char *const classes[] = { NULL, "pii", "health", "secret", "free_text" };
	const struct schema_rules *r = f->rules;

	oa_open(out, '{');
	if (with_comment)
		oa_describe(out, f->comment);
	if (f->map) {
		oa_raw(out, "type", "\"object\"");
		oa_raw(out, "additionalProperties", "{");
		value_schema(out, set, &f->message->fields[1], r ? r->items : NULL);
		strbuf_addch(out, '}');
		if (r != NULL && (r->flags & RULE_MAX_LEN))
			oa_number(out, "maxProperties", r->max_len);
	} else if (f->repeated) {
		oa_raw(out, "type", "\"array\"");
		oa_raw(out, "items", "{");
		value_schema(out, set, f, r ? r->items : NULL);
		strbuf_addch(out, '}');
		if (r != NULL && (r->flags & RULE_MIN_LEN))
			oa_number(out, "minItems", r->min_len);
		if (r != NULL && (r->flags & RULE_MAX_LEN))
			oa_number(out, "maxItems", r->max_len);
		if (r != NULL && (r->flags & RULE_UNIQUE))
			oa_raw(out, "uniqueItems", "true");
	} else {
		value_schema(out, set, f, r);
	}
	if (f->data_class > 0 && f->data_class < ARRAY_LEN(classes))
		oa_text(out, "x-data-class", slice_str(classes[f->data_class]));
	strbuf_addch(out, '}');
}

void
oa_object_schema(struct strbuf *out, const struct doc_set *set, const struct schema_message *m,
		 const struct schema_route *route, bool partial)
{
	bool any = false;

	oa_open(out, '{');
	oa_describe(out, m->comment);
	oa_raw(out, "type", "\"object\"");
	oa_raw(out, "properties", "{");
	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		if (route != NULL && doc_is_bound(route, f))
			continue;
		oa_comma(out);
		strbuf_add_json_string(out, f->json_name);
		strbuf_addch(out, ':');
		oa_field_schema(out, set, f, true);
		any |= f->rules != NULL && f->rules->required;
	}
	strbuf_addch(out, '}');
	for (uint32_t i = 0; any && !partial && i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		if (f->rules == NULL || !f->rules->required ||
		    (route != NULL && doc_is_bound(route, f)))
			continue;
		if (out->buf[out->len - 1] == '}')
			oa_raw(out, "required", "[");
		oa_comma(out);
		strbuf_add_json_string(out, f->json_name);
	}
	if (out->buf[out->len - 1] == '"')
		strbuf_addch(out, ']');
	strbuf_addch(out, '}');
}
