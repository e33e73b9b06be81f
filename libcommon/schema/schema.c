/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.c - look-up in the loaded tables, and the text of a path.
 */
#include <stdio.h>

#include "libcommon/schema/schema_impl.h"

/* ---- names ---- */

void
name_table_init(struct name_table *table, struct arena *arena, size_t nnames)
{
	size_t size = 4;

	while (size < nnames * 2)
		size *= 2;
	table->slots = ARENA_ARRAY(arena, struct name_slot, size);
	table->mask = (uint32_t)size - 1;
}

bool
name_table_add(struct name_table *table, struct slice name, uint32_t index)
{
	uint32_t i = name_hash(name) & table->mask;

	for (; table->slots[i].index != 0; i = (i + 1) & table->mask) {
		if (slice_eq(table->slots[i].name, name))
			return false;
	}
	table->slots[i] = (struct name_slot){ name, index + 1 };
	return true;
}

int
name_table_find(const struct name_table *table, struct slice name)
{
	if (table->slots == NULL)
		return -1;
	for (uint32_t i = name_hash(name) & table->mask; table->slots[i].index != 0;
	     i = (i + 1) & table->mask) {
		if (slice_eq(table->slots[i].name, name))
			return (int)table->slots[i].index - 1;
	}
	return -1;
}

const struct schema_enum_value *
schema_enum_by_number(const struct schema_enum *e, int32_t number)
{
	for (size_t lo = 0, hi = e->nvalues; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		if (e->values[mid].number < number)
			lo = mid + 1;
		else if (e->values[mid].number > number)
			hi = mid;
		else if (mid > 0 && e->values[mid - 1].number == number)
			hi = mid; /* of aliases the first declared one */
		else
			return &e->values[mid];
	}
	return NULL;
}

const struct schema_enum_value *
schema_enum_by_name(const struct schema_enum *e, struct slice name)
{
	int i = name_table_find(&e->names, name);
	return i < 0 ? NULL : &e->values[i];
}

/* ---- the schema ---- */

const struct schema_message *
schema_message(const struct schema *schema, struct slice name)
{
	return hashmap_get(schema->messages, name);
}

const char *
schema_message_name(const struct schema_message *message)
{
	return message->name;
}

size_t
schema_messages(const struct schema *schema, const struct schema_message *const **ret_messages)
{
	*ret_messages = schema->message_list;
	return schema->nmessages;
}

const struct schema_method *
schema_method(const struct schema *schema, struct slice path)
{
	return hashmap_get(schema->methods, path);
}

size_t
schema_methods(const struct schema *schema, const struct schema_method *const **ret_methods)
{
	*ret_methods = schema->method_list;
	return schema->nmethods;
}

uint32_t
schema_reason_http_status(const struct schema *schema, const char *reason)
{
	const struct schema_enum_value *v = NULL;

	if (schema->reasons != NULL && reason != NULL)
		v = schema_enum_by_name(schema->reasons, slice_str(reason));
	return v != NULL ? v->http_status : 0;
}

const struct schema_field *
schema_field_at(const struct schema_message *m, struct slice path)
{
	for (;;) {
		const char *dot = path.n ? memchr(path.p, '.', path.n) : NULL;
		struct slice step = dot ? slice_make(path.p, (size_t)(dot - path.p)) : path;
		const struct schema_field *f = schema_field_by_name(m, step);
		if (f == NULL || dot == NULL)
			return f;
		if (f->type != FT_MESSAGE || f->repeated)
			return NULL;
		m = f->message;
		path = slice_make(dot + 1, path.n - step.n - 1);
	}
}

const struct schema_message *
schema_field_message(const struct schema_message *message, struct slice name)
{
	const struct schema_field *f = schema_field_at(message, name);
	return f != NULL ? f->message : NULL;
}

enum schema_data_class
schema_field_class(const struct schema_message *message, struct slice path)
{
	enum schema_data_class class = SCHEMA_PLAIN;

	/* A class on the way ("location" of "location.city") covers what is below. */
	for (;;) {
		const char *dot = path.n ? memchr(path.p, '.', path.n) : NULL;
		struct slice step = dot ? slice_make(path.p, (size_t)(dot - path.p)) : path;
		const char *bracket = step.n ? memchr(step.p, '[', step.n) : NULL;
		struct slice name = bracket ? slice_make(step.p, (size_t)(bracket - step.p)) : step;
		const struct schema_field *f = schema_field_by_name(message, name);
		if (f == NULL)
			return class;
		if (f->data_class != SCHEMA_PLAIN)
			class = f->data_class;
		if (dot == NULL || f->message == NULL)
			return class;
		message = f->map ? f->message->fields[1].message : f->message;
		if (message == NULL)
			return class;
		path = slice_make(dot + 1, path.n - step.n - 1);
	}
}

static size_t
count_elements(const struct schema_field *f, struct slice wire)
{
	struct wire_in in = wire_in(wire), packed;
	struct wire_field w;
	size_t n = 0;

	while (wire_next(&in, &w) > 0) {
		if (w.number != f->number)
			continue;
		if (w.type != WIRE_BYTES || f->wire == WIRE_BYTES) {
			n++;
			continue;
		}
		for (packed = wire_in(w.bytes); wire_payload(&packed, f->wire, &w.bits);)
			n++;
	}
	return n;
}

/* "sets[2].reps", `labels["a"].name`; cut at `size`, from the right. */
void
path_text(const struct path_node *node, char *buf, size_t size)
{
	const struct path_node *chain[3 * SCHEMA_MAX_DEPTH];
	size_t n = 0, at = 0;

	buf[0] = '\0';
	for (; node != NULL && n < ARRAY_LEN(chain); node = node->up)
		chain[n++] = node;
	while (n-- > 0 && at < size) {
		const struct path_node *p = chain[n];
		int k = 0;
		if (p->field != NULL)
			k = snprintf(buf + at, size - at, "%s%.*s", at ? "." : "",
				     SLICE_ARG(p->field->json_name));
		at += (size_t)(k > 0 ? k : 0);
		if (at >= size)
			break;
		k = 0;
		if (p->kind == PATH_INDEX)
			k = snprintf(buf + at, size - at, "[%zu]", p->index);
		else if (p->kind == PATH_NUMBER)
			k = snprintf(buf + at, size - at, "[%lld]", (long long)p->index);
		else if (p->kind == PATH_COUNTED)
			k = snprintf(buf + at, size - at, "[%zu]",
				     p->index + count_elements(p->field, p->before));
		else if (p->kind == PATH_KEY)
			k = snprintf(buf + at, size - at, "[\"%.*s\"]",
				     p->key.n > 40 ? 40 : (int)p->key.n, p->key.n ? p->key.p : "");
		at += (size_t)(k > 0 ? k : 0);
	}
}
