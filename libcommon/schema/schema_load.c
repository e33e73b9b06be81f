/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_load.c - from a FileDescriptorSet to the tables of schema_impl.h.
 *
 * The descriptors are read straight from the wire: protobuf-c does not know extensions, and the
 * options that matter here (google.api.http, fit.api.v1, buf.validate) are extensions. Names must
 * be known before fields can refer to them, so messages and enums are declared first, each keeping
 * its bytes, then filled. Numbers in the switches are field numbers of
 * google/protobuf/descriptor.proto.
 */
#include "libcommon/schema/schema_impl.h"

#include <pthread.h>
#include <stdlib.h>

extern const char fit_protoset[], fit_protoset_end[];

enum status
load_broken(struct loader *ld, const char *where)
{
	return err_set(ld->err, STATUS_INVALID_ARGUMENT, "protoset: malformed %s", where);
}

const char *
load_text(struct loader *ld, struct slice s)
{
	return arena_strndup(ld->a, s.p, s.n);
}

struct slice
load_slice(struct loader *ld, struct slice s)
{
	return (struct slice){ load_text(ld, s), s.n };
}

/* ---- first pass: declare messages and enums ---- */

struct slice
load_read_string(struct slice raw, uint32_t number)
{
	struct wire_in in = wire_in(raw);
	struct wire_field f;
	struct slice s = SLICE_LIT("");

	while (wire_next(&in, &f) > 0) {
		if (f.number == number && f.type == WIRE_BYTES)
			s = f.bytes;
	}
	return s;
}

uint64_t
load_read_number(struct slice raw, uint32_t number)
{
	struct wire_in in = wire_in(raw);
	struct wire_field f;
	uint64_t v = 0;

	while (wire_next(&in, &f) > 0) {
		if (f.number == number && f.type == WIRE_VARINT)
			v = f.bits;
	}
	return v;
}

const char *
load_full_name(struct loader *ld, const char *scope, struct slice name)
{
	return arena_printf(ld->a, "%s%s%.*s", scope, *scope ? "." : "", SLICE_ARG(name));
}

static enum status
declare_enum(struct loader *ld, const char *scope, struct slice raw, struct schema_enum ***tail)
{
	struct schema_enum *e = ARENA_NEW(ld->a, struct schema_enum);

	e->name = load_full_name(ld, scope, load_read_string(raw, 1));
	e->raw = raw;
	e->comment = "";
	e->is_null_value = strcmp(e->name, "google.protobuf.NullValue") == 0;
	if (hashmap_get(ld->s->enums, slice_str(e->name)) != NULL)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT, "protoset: %s is there twice",
			       e->name);
	hashmap_put(ld->s->enums, slice_str(e->name), e);
	**tail = e;
	*tail = &e->next;
	return STATUS_OK;
}

static enum schema_wkt
wkt_of(const char *name)
{
	static const struct {
		const char *name;
		enum schema_wkt wkt;
	} known[] = {
		{ "Timestamp", WKT_TIMESTAMP },
		{ "Duration", WKT_DURATION },
		{ "FieldMask", WKT_FIELD_MASK },
		{ "Struct", WKT_STRUCT },
		{ "Value", WKT_VALUE },
		{ "ListValue", WKT_LIST_VALUE },
		{ "Any", WKT_ANY },
		{ "DoubleValue", WKT_WRAPPER },
		{ "FloatValue", WKT_WRAPPER },
		{ "Int64Value", WKT_WRAPPER },
		{ "UInt64Value", WKT_WRAPPER },
		{ "Int32Value", WKT_WRAPPER },
		{ "UInt32Value", WKT_WRAPPER },
		{ "BoolValue", WKT_WRAPPER },
		{ "StringValue", WKT_WRAPPER },
		{ "BytesValue", WKT_WRAPPER },
	};
	static const char package[] = "google.protobuf.";

	if (strncmp(name, package, sizeof(package) - 1) != 0)
		return WKT_NONE;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(name + sizeof(package) - 1, known[i].name) == 0)
			return known[i].wkt;
	}
	return WKT_NONE;
}

static enum status
declare_message(struct loader *ld, const char *scope, struct slice file, struct slice raw,
		bool proto3, int nesting, struct schema_message ***tail)
{
	struct schema_message *m = ARENA_NEW(ld->a, struct schema_message);
	struct schema_message **children = &m->children;
	struct schema_enum **enums = &m->enums;
	struct wire_in in = wire_in(raw);
	struct wire_field f;
	int more;
	enum status st = STATUS_OK;

	if (nesting > LOAD_MAX_NESTING)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "protoset: messages are nested too deeply");
	m->name = load_full_name(ld, scope, load_read_string(raw, 1));
	m->comment = "";
	m->file = file;
	m->raw = raw;
	m->proto3 = proto3;
	m->wkt = wkt_of(m->name);
	if (hashmap_get(ld->s->messages, slice_str(m->name)) != NULL)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT, "protoset: %s is there twice",
			       m->name);
	hashmap_put(ld->s->messages, slice_str(m->name), m);
	**tail = m;
	*tail = &m->next;
	while ((more = wire_next(&in, &f)) > 0 && st == STATUS_OK) {
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number == 3)
			st = declare_message(ld, m->name, file, f.bytes, proto3, nesting + 1,
					     &children);
		else if (f.number == 4)
			st = declare_enum(ld, m->name, f.bytes, &enums);
	}
	return more < 0 ? load_broken(ld, m->name) : st;
}

static enum status
declare_file(struct loader *ld, struct slice raw, struct load_file ***tail)
{
	struct load_file *file = ARENA_NEW(ld->a, struct load_file);
	struct schema_message **messages = &file->messages;
	struct schema_enum **enums = &file->enums;
	struct slice name = load_slice(ld, load_read_string(raw, 1));
	const char *package = load_text(ld, load_read_string(raw, 2));
	bool proto3 = slice_eq_str(load_read_string(raw, 12), "proto3");
	struct wire_in in = wire_in(raw);
	struct wire_field f;
	int more;
	enum status st = STATUS_OK;

	file->raw = raw;
	while ((more = wire_next(&in, &f)) > 0 && st == STATUS_OK) {
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number == 4)
			st = declare_message(ld, package, name, f.bytes, proto3, 0, &messages);
		else if (f.number == 5)
			st = declare_enum(ld, package, f.bytes, &enums);
	}
	if (more < 0)
		return load_broken(ld, "file");
	**tail = file;
	*tail = &file->next;
	return st;
}

/* ---- all of it ---- */

static void
list_messages(struct schema *s, const struct schema_message *m)
{
	for (; m != NULL; m = m->next) {
		s->message_list[s->nmessages++] = m;
		list_messages(s, m->children);
	}
}

static enum status
load(struct loader *ld, struct slice protoset)
{
	struct load_file *files = NULL, **tail = &files;
	struct wire_in in = wire_in(protoset);
	struct wire_field f;
	size_t nmethods = 0;
	int more;
	enum status st;

	while ((more = wire_next(&in, &f)) > 0) {
		if (f.number != 1 || f.type != WIRE_BYTES)
			continue;
		if ((st = declare_file(ld, f.bytes, &tail)) != STATUS_OK)
			return st;
	}
	if (more < 0)
		return load_broken(ld, "set");
	ld->s->message_list =
		ARENA_ARRAY(ld->a, const struct schema_message *, hashmap_len(ld->s->messages) + 1);
	for (const struct load_file *file = files; file != NULL; file = file->next) {
		list_messages(ld->s, file->messages);
		nmethods += load_count_methods(file);
	}
	if ((st = load_types(ld)) != STATUS_OK)
		return st;
	ld->s->method_list = ARENA_ARRAY(ld->a, const struct schema_method *, nmethods + 1);
	for (const struct load_file *file = files; file != NULL; file = file->next) {
		if ((st = load_services(ld, file)) != STATUS_OK)
			return st;
	}
	for (const struct load_file *file = files; file != NULL; file = file->next)
		load_comments(ld, file);
	ld->s->reasons = hashmap_get(ld->s->enums, SLICE_LIT("fit.api.v1.Reason"));
	return load_check_routes(ld);
}

enum status
schema_load(struct slice protoset, struct schema **ret_schema, struct err *err)
{
	/* Tables take a few times the bytes they come from; the cap stops a broken set from taking
	 * all memory. */
	struct arena *arena = arena_new(((size_t)1 << 20) + 32 * protoset.n);
	struct schema *s = ARENA_NEW(arena, struct schema);
	struct loader ld = { .s = s, .a = arena, .err = err };

	s->arena = arena;
	s->messages = hashmap_new();
	s->enums = hashmap_new();
	s->methods = hashmap_new();
	s->service_comments = hashmap_new();
	enum status st = load(&ld, protoset);
	if (st != STATUS_OK) {
		schema_free(s);
		return st;
	}
	*ret_schema = s;
	return STATUS_OK;
}

void
schema_free(struct schema *schema)
{
	if (schema == NULL)
		return;
	hashmap_free(schema->messages);
	hashmap_free(schema->enums);
	hashmap_free(schema->methods);
	hashmap_free(schema->service_comments);
	arena_free(schema->arena);
}

static struct schema *builtin;

static void
load_builtin(void)
{
	struct err err;

	err_init(&err);
	if (schema_load(schema_builtin_bytes(), &builtin, &err) != STATUS_OK)
		panic("the linked descriptor set is broken: %s", err.text);
}

const struct schema *
schema_builtin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_builtin);
	return builtin;
}

struct slice
schema_builtin_bytes(void)
{
	return slice_make(fit_protoset, (size_t)(fit_protoset_end - fit_protoset));
}
