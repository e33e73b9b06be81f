/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_rules_load.c - buf.validate rules (extension 1159) into struct schema_rules.
 *
 * A rule that is not in proto/buf/validate/validate.proto is refused here: a rule that nobody
 * enforces is worse than none. Numbers in the switches are field numbers of that file.
 */
#include "libcommon/schema/schema_impl.h"

static enum status
unsupported(struct loader *ld, unsigned kind, unsigned number)
{
	return err_set(ld->err, STATUS_INVALID_ARGUMENT, "rule %u of kind %u is not supported",
		       number, kind);
}

static void
add_num(struct loader *ld, union rule_num **list, uint32_t *n, union rule_num v)
{
	union rule_num *grown = ARENA_ARRAY(ld->a, union rule_num, *n + 1);

	if (*n > 0)
		memcpy(grown, *list, *n * sizeof(v));
	grown[(*n)++] = v;
	*list = grown;
}

static void
add_text(struct loader *ld, struct slice **list, uint32_t *n, struct slice v)
{
	struct slice *grown = ARENA_ARRAY(ld->a, struct slice, *n + 1);

	if (*n > 0)
		memcpy(grown, *list, *n * sizeof(v));
	grown[(*n)++] = slice_make(load_text(ld, v), v.n);
	*list = grown;
}

/* A number of a rule; its wire type is that of the rule's own field. */
static union rule_num
rule_value(unsigned kind, uint64_t bits)
{
	switch (kind) {
	case RK_FLOAT:
		return (union rule_num){ .d = wire_double(FT_FLOAT, bits) };
	case RK_DOUBLE:
		return (union rule_num){ .d = wire_double(FT_DOUBLE, bits) };
	case RK_INT32:
	case RK_ENUM:
		return (union rule_num){ .i = (int32_t)bits };
	case RK_UINT32:
		return (union rule_num){ .u = (uint32_t)bits };
	case RK_BOOL:
		return (union rule_num){ .i = bits != 0 };
	default:
		return (union rule_num){ .u = bits };
	}
}

/* Timestamp and Duration have the same two fields. */
static union rule_num
rule_time(struct slice bytes)
{
	struct wire_in in = wire_in(bytes);
	struct wire_field f;
	union rule_num v = { .t = { 0, 0 } };

	while (wire_next(&in, &f) > 0) {
		if (f.number == 1)
			v.t.s = (int64_t)f.bits;
		else if (f.number == 2)
			v.t.ns = (int32_t)f.bits;
	}
	return v;
}

static void
set_bound(struct schema_rules *r, uint32_t flag, union rule_num v)
{
	bool low = flag == RULE_GT || flag == RULE_GTE;

	r->flags &= ~(uint32_t)(low ? RULE_GT | RULE_GTE : RULE_LT | RULE_LTE);
	r->flags |= flag;
	if (low)
		r->lo = v;
	else
		r->hi = v;
}

static enum status
number_rule(struct loader *ld, struct schema_rules *r, const struct wire_field *f)
{
	static const uint32_t flags[] = { 0, RULE_CONST, RULE_LT, RULE_LTE, RULE_GT, RULE_GTE };
	unsigned kind = r->kind;
	struct wire_in in;
	uint64_t bits;

	if (f->number >= 2 && f->number <= 5) {
		set_bound(r, flags[f->number], rule_value(kind, f->bits));
	} else if (f->number == 1) {
		r->flags |= RULE_CONST;
		r->konst = rule_value(kind, f->bits);
	} else if (f->number == 8 && kind <= RK_DOUBLE) {
		r->flags |= f->bits ? RULE_FINITE : 0;
	} else if (f->number == 6 && kind > RK_DOUBLE && f->type == WIRE_BYTES) {
		for (in = wire_in(f->bytes); in.p < in.end && wire_varint(&in, &bits);)
			add_num(ld, &r->in, &r->nin, rule_value(kind, bits));
	} else if (f->number == 6 && kind > RK_DOUBLE) {
		add_num(ld, &r->in, &r->nin, rule_value(kind, f->bits));
	} else {
		return unsupported(ld, kind, f->number);
	}
	return STATUS_OK;
}

static enum status
time_rule(struct loader *ld, struct schema_rules *r, const struct wire_field *f)
{
	static const uint32_t flags[] = { 0, 0, 0, RULE_LT, RULE_LTE, RULE_GT, RULE_GTE };

	if (f->number < 3 || f->number > 6 || f->type != WIRE_BYTES)
		return unsupported(ld, r->kind, f->number);
	set_bound(r, flags[f->number], rule_time(f->bytes));
	return STATUS_OK;
}

static enum status
enum_rule(struct loader *ld, struct schema_rules *r, const struct wire_field *f)
{
	struct wire_in in = wire_in(f->type == WIRE_BYTES ? f->bytes : SLICE_NONE);
	union rule_num **list = f->number == 3 ? &r->in : &r->not_in;
	uint32_t *n = f->number == 3 ? &r->nin : &r->nnot_in;
	uint64_t bits;

	if (f->number == 1) {
		r->flags |= RULE_CONST;
		r->konst = rule_value(RK_ENUM, f->bits);
	} else if (f->number == 2) {
		r->flags |= f->bits ? RULE_DEFINED : 0;
	} else if (f->number > 4) {
		return unsupported(ld, r->kind, f->number);
	} else if (f->type == WIRE_VARINT) {
		add_num(ld, list, n, rule_value(RK_ENUM, f->bits));
	} else {
		while (in.p < in.end && wire_varint(&in, &bits))
			add_num(ld, list, n, rule_value(RK_ENUM, bits));
	}
	return STATUS_OK;
}

static void
length_rule(uint32_t number, uint64_t n, struct schema_rules *r)
{
	if (number == 2) {
		r->flags |= RULE_MIN_LEN;
		r->min_len = n;
	} else if (number == 3) {
		r->flags |= RULE_MAX_LEN;
		r->max_len = n;
	} else { /* len */
		r->flags |= RULE_MIN_LEN | RULE_MAX_LEN;
		r->min_len = r->max_len = n;
	}
}

static enum status
string_rule(struct loader *ld, struct schema_rules *r, const struct wire_field *f)
{
	switch (f->number) {
	case 1:
		r->flags |= RULE_CONST;
		r->const_text = slice_make(load_text(ld, f->bytes), f->bytes.n);
		break;
	case 2:
	case 3:
	case 19:
		length_rule(f->number, f->bits, r);
		break;
	case 4:
		r->flags |= RULE_MIN_BYTES;
		r->min_bytes = f->bits;
		break;
	case 5:
		r->flags |= RULE_MAX_BYTES;
		r->max_bytes = f->bits;
		break;
	case 7:
		r->flags |= RULE_PREFIX;
		r->prefix = slice_make(load_text(ld, f->bytes), f->bytes.n);
		break;
	case 10:
		add_text(ld, &r->in_text, &r->nin, f->bytes);
		break;
	case 11:
		add_text(ld, &r->not_in_text, &r->nnot_in, f->bytes);
		break;
	case 12:
		r->flags |= f->bits ? RULE_EMAIL : 0;
		break;
	case 17:
		r->flags |= f->bits ? RULE_URI : 0;
		break;
	case 22:
		r->flags |= f->bits ? RULE_UUID : 0;
		break;
	default:
		return unsupported(ld, RK_STRING, f->number);
	}
	return STATUS_OK;
}

static enum status read_field_rules(struct loader *ld, struct slice bytes, struct schema_rules *r);

static enum status
nested(struct loader *ld, struct slice bytes, struct schema_rules **r)
{
	if (*r == NULL)
		*r = ARENA_NEW(ld->a, struct schema_rules);
	return read_field_rules(ld, bytes, *r);
}

static enum status
container_rule(struct loader *ld, struct schema_rules *r, const struct wire_field *f)
{
	if (f->number == 1 || f->number == 2) {
		length_rule(f->number + 1, f->bits, r);
		return STATUS_OK;
	}
	if (r->kind == RK_REPEATED && f->number == 3) {
		r->flags |= f->bits ? RULE_UNIQUE : 0;
		return STATUS_OK;
	}
	if (r->kind == RK_MAP && f->number == 4)
		return nested(ld, f->bytes, &r->keys);
	if (f->number == (r->kind == RK_MAP ? 5 : 4))
		return nested(ld, f->bytes, &r->items);
	return unsupported(ld, r->kind, f->number);
}

static enum status
read_kind(struct loader *ld, struct slice bytes, struct schema_rules *r)
{
	struct wire_in in = wire_in(bytes);
	struct wire_field f;
	enum status st = STATUS_OK;

	while (st == STATUS_OK && wire_next(&in, &f) > 0) {
		switch (r->kind) {
		case RK_STRING:
			st = string_rule(ld, r, &f);
			break;
		case RK_BYTES:
			if (f.number == 13 || f.number == 2 || f.number == 3)
				length_rule(f.number, f.bits, r);
			else
				st = unsupported(ld, r->kind, f.number);
			break;
		case RK_ENUM:
			st = enum_rule(ld, r, &f);
			break;
		case RK_REPEATED:
		case RK_MAP:
			st = container_rule(ld, r, &f);
			break;
		case RK_DURATION:
		case RK_TIMESTAMP:
			st = time_rule(ld, r, &f);
			break;
		default:
			st = number_rule(ld, r, &f);
		}
	}
	return st;
}

static enum status
read_field_rules(struct loader *ld, struct slice bytes, struct schema_rules *r)
{
	struct wire_in in = wire_in(bytes);
	struct wire_field f;
	enum status st;

	while (wire_next(&in, &f) > 0) {
		bool known = (f.number >= RK_FLOAT && f.number <= RK_UINT64) ||
			     (f.number >= RK_BOOL && f.number <= RK_ENUM) ||
			     f.number == RK_REPEATED || f.number == RK_MAP ||
			     f.number == RK_DURATION || f.number == RK_TIMESTAMP;
		if (f.number == 25) {
			r->required = f.bits != 0;
		} else if (f.number == 27) {
			r->ignore = (uint8_t)f.bits;
		} else if (!known || f.type != WIRE_BYTES ||
			   (r->kind != RK_NONE && r->kind != f.number)) {
			return unsupported(ld, f.number, 0);
		} else {
			r->kind = (uint8_t)f.number;
			if ((st = read_kind(ld, f.bytes, r)) != STATUS_OK)
				return st;
		}
	}
	return STATUS_OK;
}

enum status
load_rules(struct loader *ld, struct schema_field *f, struct slice rules)
{
	struct schema_rules *r = ARENA_NEW(ld->a, struct schema_rules);

	if (f->rules != NULL)
		*r = *f->rules;
	f->rules = r;
	return read_field_rules(ld, rules, r);
}

/* ---- once all types are known ---- */

static unsigned
kind_of_type(const struct schema_field *f)
{
	static const uint8_t kinds[] = {
		[FT_DOUBLE] = RK_DOUBLE, [FT_FLOAT] = RK_FLOAT, [FT_INT64] = RK_INT64,
		[FT_UINT64] = RK_UINT64, [FT_INT32] = RK_INT32, [FT_BOOL] = RK_BOOL,
		[FT_STRING] = RK_STRING, [FT_BYTES] = RK_BYTES, [FT_UINT32] = RK_UINT32,
		[FT_ENUM] = RK_ENUM,     [FT_SINT64] = RK_NONE,
	};

	if (f->type != FT_MESSAGE)
		return kinds[f->type];
	switch (f->message->wkt) {
	case WKT_TIMESTAMP:
		return RK_TIMESTAMP;
	case WKT_DURATION:
		return RK_DURATION;
	case WKT_WRAPPER:
		return kind_of_type(&f->message->fields[0]);
	default:
		return RK_NONE;
	}
}

static enum status
check_kind(struct loader *ld, const struct schema_message *m, const struct schema_field *f,
	   const struct schema_field *of, const struct schema_rules *r)
{
	if (r == NULL || r->kind == RK_NONE || r->kind == kind_of_type(of))
		return STATUS_OK;
	return err_set(ld->err, STATUS_INVALID_ARGUMENT,
		       "%s.%s: rules of kind %u do not fit its type", m->name, f->name.p, r->kind);
}

static enum status
finish_field(struct loader *ld, struct schema_message *m, struct schema_field *f)
{
	const struct schema_rules *r = f->rules;
	enum status st;

	if (f->map && r->kind == RK_MAP) {
		if ((st = check_kind(ld, m, f, &f->message->fields[0], r->keys)) != STATUS_OK ||
		    (st = check_kind(ld, m, f, &f->message->fields[1], r->items)) != STATUS_OK)
			return st;
	} else if (f->repeated && !f->map && r->kind == RK_REPEATED) {
		if ((st = check_kind(ld, m, f, f, r->items)) != STATUS_OK)
			return st;
	} else if (f->repeated && r->kind != RK_NONE) {
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "%s.%s: rules of kind %u do not fit its type", m->name, f->name.p,
			       r->kind);
	} else if (!f->repeated && (st = check_kind(ld, m, f, f, r)) != STATUS_OK) {
		return st;
	}
	if ((r->flags & RULE_UNIQUE) &&
	    (!(r->flags & RULE_MAX_LEN) || r->max_len > SCHEMA_MAX_UNIQUE || f->type == FT_MESSAGE))
		return err_set(ld->err, STATUS_INVALID_ARGUMENT,
			       "%s.%s: unique needs max_items <= %d and scalars", m->name,
			       f->name.p, SCHEMA_MAX_UNIQUE);
	if (f->repeated) {
		if (m->ncounters == SCHEMA_MAX_COUNTED)
			return err_set(ld->err, STATUS_INVALID_ARGUMENT,
				       "%s has more than %d repeated fields with rules", m->name,
				       SCHEMA_MAX_COUNTED);
		f->counter = (int8_t)m->ncounters++;
	}
	m->at_end[m->nat_end++] = f->index;
	return STATUS_OK;
}

enum status
load_finish_rules(struct loader *ld, struct schema_message *m)
{
	enum status st;

	m->at_end = ARENA_ARRAY(ld->a, uint16_t, m->nfields + 1);
	for (uint32_t i = 0; i < m->nfields; i++) {
		struct schema_field *f = &m->fields[i];
		if (f->rules != NULL && f->rules->ignore == IGNORE_ALWAYS)
			f->rules = NULL;
		if (f->rules != NULL && (st = finish_field(ld, m, f)) != STATUS_OK)
			return st;
	}
	return STATUS_OK;
}
