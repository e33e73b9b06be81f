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

static enum status
broken(struct loader *ld, const char *where)
{
	return err_set(ld->err, STATUS_INVALID_ARGUMENT, "protoset: malformed %s", where);
}

const char *
load_text(struct loader *ld, struct slice s)
{
	return arena_strndup(ld->a, s.p, s.n);
}

static struct slice
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
	return more < 0 ? broken(ld, m->name) : st;
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
		return broken(ld, "file");
	**tail = file;
	*tail = &file->next;
	return st;
}

/* ---- second pass: enums ---- */

static uint32_t
read_http_status(struct slice options)
{
	return (uint32_t)load_read_number(options, 50100);
}

static enum status
load_enum(struct loader *ld, struct schema_enum *e)
{
	struct wire_in in = wire_in(e->raw);
	struct wire_field f;
	size_t n = 0;

	while (wire_next(&in, &f) > 0)
		n += f.number == 2 && f.type == WIRE_BYTES;
	e->values = ARENA_ARRAY(ld->a, struct schema_enum_value, n);
	in = wire_in(e->raw);
	int more;
	while ((more = wire_next(&in, &f)) > 0) {
		if (f.number != 2 || f.type != WIRE_BYTES)
			continue;
		struct schema_enum_value v = {
			.name = load_slice(ld, load_read_string(f.bytes, 1)),
			.number = (int32_t)load_read_number(f.bytes, 2),
			.http_status = read_http_status(load_read_string(f.bytes, 3)),
			.comment = "",
		};
		size_t at = e->nvalues++;
		for (; at > 0 && e->values[at - 1].number > v.number; at--)
			e->values[at] = e->values[at - 1];
		e->values[at] = v;
	}
	if (more < 0)
		return broken(ld, e->name);
	name_table_init(&e->names, ld->a, n);
	for (size_t i = 0; i < n; i++)
		(void)name_table_add(&e->names, e->values[i].name, (uint32_t)i);
	return STATUS_OK;
}

/* ---- second pass: messages ---- */

static uint8_t
wire_type_of(unsigned type)
{
	switch (type) {
	case FT_DOUBLE:
	case FT_FIXED64:
	case FT_SFIXED64:
		return WIRE_FIXED64;
	case FT_FLOAT:
	case FT_FIXED32:
	case FT_SFIXED32:
		return WIRE_FIXED32;
	case FT_STRING:
	case FT_BYTES:
	case FT_MESSAGE:
		return WIRE_BYTES;
	default:
		return WIRE_VARINT;
	}
}

static enum status
load_field_options(struct loader *ld, struct slice options, struct schema_field *f, int *packed)
{
	struct wire_in in = wire_in(options), policy;
	struct wire_field o = { 0 }, p = { 0 };
	int more;
	enum status st = STATUS_OK;

	while ((more = wire_next(&in, &o)) > 0 && st == STATUS_OK) {
		if (o.number == 2 && o.type == WIRE_VARINT)
			*packed = o.bits != 0;
		if (o.type != WIRE_BYTES)
			continue;
		if (o.number == 50100) {
			policy = wire_in(o.bytes);
			while (wire_next(&policy, &p) > 0) {
				if (p.number == 1 && p.type == WIRE_VARINT)
					f->data_class = (uint8_t)p.bits;
				else if (p.number == 2 && p.type == WIRE_VARINT)
					f->owner = (uint8_t)p.bits;
			}
		} else if (o.number == 1159) {
			st = load_rules(ld, f, o.bytes);
		}
	}
	return more < 0 ? broken(ld, "field options") : st;
}

static enum status
resolve_type(struct loader *ld, const struct schema_message *m, struct schema_field *f,
	     struct slice type_name)
{
	struct slice name = type_name;

	if (f->type == FT_GROUP || f->type == 0 || f->type > FT_SINT64)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "protoset: %s.%s: type %u is not supported", m->name, f->name.p,
			       f->type);
	if (f->type != FT_MESSAGE && f->type != FT_ENUM)
		return STATUS_OK;
	if (name.n > 0 && *name.p == '.')
		name = slice_make(name.p + 1, name.n - 1);
	if (f->type == FT_MESSAGE)
		f->message = hashmap_get(ld->s->messages, name);
	else
		f->enumeration = hashmap_get(ld->s->enums, name);
	if (f->message == NULL && f->enumeration == NULL)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "protoset: %s.%s: type %.*s is not in the set", m->name, f->name.p,
			       SLICE_ARG(type_name));
	return STATUS_OK;
}

static enum status
load_field(struct loader *ld, struct schema_message *m, struct slice raw, struct schema_field *f)
{
	struct wire_in in = wire_in(raw);
	struct wire_field d;
	struct slice options = SLICE_NONE;
	unsigned label = (unsigned)load_read_number(raw, 4);
	int packed = -1, more;
	enum status st;

	*f = (struct schema_field){ .oneof = -1, .counter = -1, .comment = "" };
	while ((more = wire_next(&in, &d)) > 0) {
		if (d.number == 8 && d.type == WIRE_BYTES)
			options = d.bytes;
		else if (d.number == 9 && d.type == WIRE_VARINT)
			f->oneof = (int8_t)(d.bits < m->noneofs ? (int)d.bits : -1);
	}
	f->name = load_slice(ld, load_read_string(raw, 1));
	f->json_name = load_slice(ld, load_read_string(raw, 10));
	struct strbuf key = STRBUF_ARENA(ld->a);
	strbuf_add_json_string(&key, f->json_name);
	strbuf_addch(&key, ':');
	f->json_key = strbuf_slice(&key);
	f->number = (uint32_t)load_read_number(raw, 3);
	f->type = (uint8_t)load_read_number(raw, 5);
	f->optional = load_read_number(raw, 17) != 0;
	f->repeated = label == 3;
	if (more < 0 || f->name.n == 0 || f->number == 0 || f->number > (1u << 29) - 1)
		return broken(ld, m->name);
	if ((st = resolve_type(ld, m, f, load_read_string(raw, 6))) != STATUS_OK ||
	    (st = load_field_options(ld, options, f, &packed)) != STATUS_OK)
		return err_context(ld->err, "%s.%s", m->name, f->name.p), st;
	f->wire = wire_type_of(f->type);
	f->packed = f->repeated && f->wire != WIRE_BYTES && (packed < 0 ? m->proto3 : packed > 0);
	if (f->optional && f->oneof >= 0) {
		m->oneofs[f->oneof].synthetic = true;
		f->oneof = -1;
	}
	f->presence = !f->repeated &&
		      (f->type == FT_MESSAGE || f->optional || f->oneof >= 0 || !m->proto3);
	m->merges |= f->type == FT_MESSAGE && !f->repeated;
	return STATUS_OK;
}

static enum status
load_oneof(struct loader *ld, struct slice raw, struct schema_oneof *o)
{
	struct wire_in in = wire_in(load_read_string(raw, 2)), rules;
	struct wire_field f, r;

	o->name = load_slice(ld, load_read_string(raw, 1));
	while (wire_next(&in, &f) > 0) {
		if (f.number != 1159 || f.type != WIRE_BYTES)
			continue;
		rules = wire_in(f.bytes);
		while (wire_next(&rules, &r) > 0) {
			if (r.number == 1)
				o->required = r.bits != 0;
		}
	}
	return STATUS_OK;
}

static enum status
load_options_and_counts(struct loader *ld, struct schema_message *m)
{
	struct wire_in in = wire_in(m->raw), options;
	struct wire_field f, o;

	while (wire_next(&in, &f) > 0) {
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number == 2)
			m->nfields++;
		else if (f.number == 8)
			m->noneofs++;
		if (f.number != 7)
			continue;
		options = wire_in(f.bytes);
		while (wire_next(&options, &o) > 0) {
			if (o.number == 7)
				m->map_entry = o.bits != 0;
			else if (o.number == 1159)
				return err_set(
					ld->err, STATUS_INVALID_ARGUMENT,
					"protoset: %s: rules of whole messages are not supported",
					m->name);
		}
	}
	if (m->nfields > SCHEMA_MAX_FIELDS || m->noneofs > SCHEMA_MAX_ONEOFS)
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "protoset: %s has %u fields and %u oneofs (at most %u, %u)", m->name,
			       m->nfields, m->noneofs, SCHEMA_MAX_FIELDS, SCHEMA_MAX_ONEOFS);
	return STATUS_OK;
}

static int
by_number(const void *pa, const void *pb)
{
	const struct schema_field *a = pa, *b = pb;
	return a->number < b->number ? -1 : a->number > b->number;
}

static enum status
index_fields(struct loader *ld, struct schema_message *m)
{
	qsort(m->fields, m->nfields, sizeof(*m->fields), by_number);
	uint32_t last = m->nfields ? m->fields[m->nfields - 1].number : 0;
	if (last < 2048)
		m->dense_n = last + 1;
	m->dense = ARENA_ARRAY(ld->a, uint16_t, m->dense_n + 1);
	name_table_init(&m->names, ld->a, m->nfields * 2);
	for (uint32_t i = 0; i < m->nfields; i++) {
		struct schema_field *f = &m->fields[i];
		f->index = (uint16_t)i;
		if (i > 0 && f[-1].number == f->number)
			return err_set(ld->err, STATUS_INVALID_ARGUMENT,
				       "protoset: %s: number %u is there twice", m->name,
				       f->number);
		if (m->dense_n)
			m->dense[f->number] = (uint16_t)(i + 1);
		if (!name_table_add(&m->names, f->json_name, i))
			return err_set(ld->err, STATUS_INVALID_ARGUMENT,
				       "protoset: %s: JSON name %s is there twice", m->name,
				       f->json_name.p);
	}
	for (uint32_t i = 0; i < m->nfields; i++)
		(void)name_table_add(&m->names, m->fields[i].name, i);
	return STATUS_OK;
}

static enum status
load_message(struct loader *ld, struct schema_message *m)
{
	struct wire_in in = wire_in(m->raw);
	struct wire_field f;
	uint32_t nf = 0, no = 0;
	enum status st = load_options_and_counts(ld, m);

	if (st != STATUS_OK)
		return st;
	m->fields = ARENA_ARRAY(ld->a, struct schema_field, m->nfields + 1);
	m->oneofs = ARENA_ARRAY(ld->a, struct schema_oneof, m->noneofs + 1);
	while (wire_next(&in, &f) > 0) {
		if (f.number == 8 && f.type == WIRE_BYTES &&
		    (st = load_oneof(ld, f.bytes, &m->oneofs[no++])))
			return st;
	}
	in = wire_in(m->raw);
	while (wire_next(&in, &f) > 0) {
		if (f.number != 2 || f.type != WIRE_BYTES)
			continue;
		if ((st = load_field(ld, m, f.bytes, &m->fields[nf])) != STATUS_OK)
			return st;
		m->fields[nf].decl = (uint16_t)nf;
		nf++;
	}
	for (uint32_t i = 0; i < m->noneofs; i++)
		m->required_oneof |= m->oneofs[i].required;
	return index_fields(ld, m);
}

/*
 * Bytes of protobuf-c's struct for a message: ProtobufCMessage (24), then per field a pointer, a
 * length and pointer, or a scalar, each rounded up to 8 (16 for a oneof's case and union counted
 * per member: an overestimate).
 */
static uint32_t
unpacked_size(const struct schema_message *m)
{
	uint32_t n = 24;

	for (uint32_t i = 0; i < m->nfields; i++) {
		const struct schema_field *f = &m->fields[i];
		n += f->repeated || f->type == FT_BYTES || !m->proto3 ? 16 : 8;
	}
	return n + 16 * m->noneofs;
}

static enum status
check_map_entry(struct loader *ld, struct schema_field *f)
{
	const struct schema_message *e = f->message;

	f->map = f->repeated && e != NULL && e->map_entry;
	if (f->map && (e->nfields != 2 || e->fields[0].number != 1 || e->fields[1].number != 2 ||
		       e->fields[0].repeated || e->fields[1].repeated ||
		       e->fields[0].type == FT_MESSAGE || e->fields[0].type == FT_BYTES))
		return broken(ld, e->name);
	return STATUS_OK;
}

static enum status
load_types(struct loader *ld)
{
	struct hashmap_iter it = HASHMAP_ITER_INIT;
	struct slice key;
	void *value;
	enum status st;

	while (hashmap_next(ld->s->enums, &it, &key, &value)) {
		if ((st = load_enum(ld, value)) != STATUS_OK)
			return st;
	}
	for (size_t i = 0; i < ld->s->nmessages; i++) {
		struct schema_message *m =
			hashmap_get(ld->s->messages, slice_str(ld->s->message_list[i]->name));
		if ((st = load_message(ld, m)) != STATUS_OK)
			return st;
	}
	for (size_t i = 0; i < ld->s->nmessages; i++) {
		struct schema_message *m =
			hashmap_get(ld->s->messages, slice_str(ld->s->message_list[i]->name));
		m->unpacked = unpacked_size(m);
		for (uint32_t k = 0; k < m->nfields; k++) {
			if ((st = check_map_entry(ld, &m->fields[k])) != STATUS_OK)
				return st;
		}
		if ((st = load_finish_rules(ld, m)) != STATUS_OK)
			return st;
	}
	return STATUS_OK;
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
		return broken(ld, "set");
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
