/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_merge.c - the odd but legal forms of wire bytes, brought into the plain one.
 *
 * Serialised messages that follow each other are a merged message, so merging the occurrences of a
 * singular message is concatenating their bytes. Everything else is order: sort the occurrences by
 * field, keep the last of what can be there once. Allocates; ordinary input never comes here.
 */
#include <stdlib.h>

#include "libcommon/schema/schema_impl.h"

bool
wire_is_plain(const struct schema_message *m, struct slice wire, bool any_order,
	      bool *ret_malformed)
{
	uint64_t seen[SCHEMA_MAX_FIELDS / 64] = { 0 };
	uint32_t oneofs = 0;
	struct wire_in in = wire_in(wire);
	struct wire_field f;
	uint32_t last = 0;
	bool plain = true;
	int more;

	while ((more = wire_next(&in, &f)) > 0) {
		const struct schema_field *field = schema_field_by_number(m, f.number);
		if (field == NULL)
			continue;
		if (f.type != field->wire &&
		    !(field->repeated && f.type == WIRE_BYTES && field->wire != WIRE_BYTES)) {
			more = -1;
			break;
		}
		if (!any_order) {
			plain &= field->number >= last;
			last = field->number;
		}
		if (field->repeated || (any_order && field->type != FT_MESSAGE))
			continue;
		uint64_t bit = 1ull << (field->index & 63);
		plain &= (seen[field->index / 64] & bit) == 0;
		seen[field->index / 64] |= bit;
		if (field->oneof >= 0 && !any_order) {
			plain &= (oneofs >> field->oneof & 1) == 0;
			oneofs |= 1u << field->oneof;
		}
	}
	*ret_malformed = more < 0;
	return plain;
}

struct occurrence {
	uint32_t field; /* index */
	bool dead;
	const uint8_t *start, *end;
	struct slice bytes;
};

/* qsort is not stable; the address of the bytes is the order they came in. */
static int
by_field(const void *pa, const void *pb)
{
	const struct occurrence *a = pa, *b = pb;
	if (a->field != b->field)
		return a->field < b->field ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Of a oneof only the run of the member that came last survives; of a scalar the last occurrence.
 */
static void
bury(const struct schema_message *m, struct occurrence *occ, size_t n)
{
	uint32_t member[SCHEMA_MAX_ONEOFS];
	uint32_t over[SCHEMA_MAX_FIELDS / 32] = {
		0
	}; /* fields of which no earlier occurrence counts */

	memset(member, 0xff, sizeof(member));
	for (size_t i = n; i-- > 0;) {
		const struct schema_field *f = &m->fields[occ[i].field];
		uint32_t *word = &over[f->index / 32], bit = 1u << (f->index & 31);
		if (f->oneof >= 0 && member[f->oneof] == UINT32_MAX)
			member[f->oneof] = f->index;
		else if (f->oneof >= 0 && member[f->oneof] != f->index) {
			occ[i].dead = true;
			over[member[f->oneof] / 32] |= 1u << (member[f->oneof] & 31);
			continue;
		}
		occ[i].dead = (*word & bit) != 0;
		if (!f->repeated && f->type != FT_MESSAGE)
			*word |= bit;
	}
}

void
wire_make_plain(const struct schema_message *m, struct slice wire, struct strbuf *out)
{
	struct wire_in in = wire_in(wire);
	struct wire_field f;
	struct strbuf list = STRBUF_INIT;

	for (const uint8_t *start = in.p; wire_next(&in, &f) > 0; start = in.p) {
		const struct schema_field *field = schema_field_by_number(m, f.number);
		if (field == NULL)
			continue;
		struct occurrence o = { field->index, false, start, in.p,
					f.type == WIRE_BYTES ? f.bytes : SLICE_NONE };
		strbuf_add(&list, &o, sizeof(o));
	}
	struct occurrence *occ = (struct occurrence *)(void *)list.buf;
	size_t n = list.len / sizeof(*occ);
	bury(m, occ, n);
	if (n > 0)
		qsort(occ, n, sizeof(*occ), by_field);
	for (size_t i = 0; i < n;) {
		const struct schema_field *field = &m->fields[occ[i].field];
		bool merge = !field->repeated && field->type == FT_MESSAGE, any = false;
		size_t mark = merge ? wire_open(out, field->number) : 0, before = out->len, k = i;
		for (; k < n && occ[k].field == occ[i].field; k++) {
			if (occ[k].dead)
				continue;
			any = true;
			if (merge)
				strbuf_add_slice(out, occ[k].bytes);
			else
				strbuf_add(out, occ[k].start, (size_t)(occ[k].end - occ[k].start));
		}
		if (merge && any)
			wire_close(out, mark);
		else if (merge)
			out->len = before - wire_varint_size((uint64_t)field->number << 3) - 1;
		i = k;
	}
	strbuf_fini(&list);
}
