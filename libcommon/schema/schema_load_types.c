/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_load_types.c - the second pass over the protoset: fills the enums and messages that the
 * first one declared. Numbers in the switches are field numbers of
 * google/protobuf/descriptor.proto.
 */
#include "libcommon/schema/schema_impl.h"

#include <stdlib.h>

/* ---- enums ---- */

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
		return load_broken(ld, e->name);
	name_table_init(&e->names, ld->a, n);
	for (size_t i = 0; i < n; i++)
		(void)name_table_add(&e->names, e->values[i].name, (uint32_t)i);
	return STATUS_OK;
}

/* ---- messages ---- */

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
	return more < 0 ? load_broken(ld, "field options") : st;
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
		return load_broken(ld, m->name);
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
		return load_broken(ld, e->name);
	return STATUS_OK;
}

enum status
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
