/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_check.c - what has to hold of wire bytes before protobuf-c may see them.
 *
 * One walk by descriptor. protobuf-c takes broken UTF-8 and cuts strings at a NUL, recurses as deep
 * as the bytes say, and allocates per element, so the walk bounds depth, elements and the memory
 * that unpacking will take, refuses what is malformed, and applies the rules of buf.validate with
 * protovalidate's meaning: they apply to a field with presence when it is set, to one without
 * always (zero is a value like others).
 *
 * State is one bitmap and a few counters per level, on the stack. Only bytes that give a singular
 * message field in several pieces, which merge, need memory: the pieces are checked one by one for
 * structure, and together for rules.
 */
#include "libcommon/schema/schema_check.h"

#include "libcommon/base/codec.h"

const struct schema_limits schema_limits_default = {
	.max_bytes = 16u << 20,
	.max_depth = SCHEMA_MAX_DEPTH,
	.max_elements = 200000,
	.max_unpacked_bytes = 64u << 20,
};

/*
 * What protobuf-c 1.4 allocates besides the structs: a ScannedMember (40 bytes, in slabs that
 * double: twice that) per field on the wire, an unknown field's record, an alignment of 16 per
 * allocation.
 */
#define UNPACK_PER_FIELD 80
#define UNPACK_PER_ALLOC 16
#define UNPACK_UNKNOWN 48

struct frame {
	const struct schema_message *m;
	/* Fields that are set; of those without presence, the ones that are not the default. */
	uint64_t seen[SCHEMA_MAX_FIELDS / 64];
	uint32_t counts[SCHEMA_MAX_COUNTED];
	uint32_t oneofs;
};

static enum status
malformed(struct check *c, const struct path_node *node, const char *what)
{
	char path[96];

	path_text(node, path, sizeof(path));
	return err_public(c->err, STATUS_INVALID_ARGUMENT, "malformed protobuf%s%s: %s",
			  *path ? " in " : "", path, what);
}

void
check_violation(struct check *c, const struct path_node *node, const char *text)
{
	char path[sizeof(c->err->fields[0].path)];

	if (c->violations++ == 0 && c->err != NULL)
		err_init(c->err);
	if (c->violations > ERR_FIELDS_MAX) { /* making the text costs; nobody sees it */
		if (c->err != NULL)
			c->err->nfields_lost++;
		return;
	}
	path_text(node, path, sizeof(path));
	(void)err_add_field(c->err, path, "%s", text);
}

static enum status
spend(struct check *c, unsigned elements, size_t bytes)
{
	c->elements += elements;
	if (c->elements > c->limits->max_elements)
		return err_public(c->err, STATUS_INVALID_ARGUMENT,
				  "the message has more than %zu elements",
				  c->limits->max_elements);
	c->unpacked += bytes;
	if (c->unpacked > c->limits->max_unpacked_bytes)
		return err_public(c->err, STATUS_INVALID_ARGUMENT,
				  "the message unpacks to more than %zu bytes",
				  c->limits->max_unpacked_bytes);
	return STATUS_OK;
}

static enum status
check_text(struct check *c, const struct path_node *node, struct slice s)
{
	if (!codec_utf8_valid(s.p, s.n))
		return malformed(c, node, "a string is not UTF-8");
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return malformed(c, node, "a string contains NUL");
	return STATUS_OK;
}

/* ---- elements ---- */

static enum status
check_element(struct check *c, const struct schema_field *f, const struct schema_rules *rules,
	      const struct wire_field *w, struct path_node *node, unsigned depth)
{
	enum status st;

	if (f->type == FT_MESSAGE) {
		if ((st = check_message(c, f->message, w->bytes, node, depth + 1)) != STATUS_OK)
			return st;
	} else if (c->structure && f->type == FT_STRING &&
		   (st = check_text(c, node, w->bytes)) != STATUS_OK) {
		return st;
	}
	if (c->rules && rules != NULL)
		check_value(c, f, rules, w->bits, w->bytes, node);
	return STATUS_OK;
}

static size_t
element_cost(const struct schema_field *f, size_t payload)
{
	if (f->wire != WIRE_BYTES)
		return 8;
	return (f->type == FT_MESSAGE ? 0 : payload) + 2 * UNPACK_PER_ALLOC;
}

static enum status
check_packed(struct check *c, struct frame *fr, const struct schema_field *f, struct slice bytes,
	     struct path_node *node, unsigned depth)
{
	const struct schema_rules *items = f->rules ? f->rules->items : NULL;
	struct wire_in in = wire_in(bytes);
	struct wire_field w = { .type = f->wire };
	enum status st;

	for (; in.p < in.end; node->index++) {
		if (!wire_payload(&in, f->wire, &w.bits))
			return malformed(c, node, "a packed field is cut off");
		if (c->structure && (st = spend(c, 1, 8)) != STATUS_OK)
			return st;
		if (items != NULL &&
		    (st = check_element(c, f, items, &w, node, depth)) != STATUS_OK)
			return st;
	}
	if (f->counter >= 0)
		fr->counts[f->counter] += (uint32_t)node->index;
	return STATUS_OK;
}

static bool
is_zero(const struct schema_field *f, const struct wire_field *w)
{
	return f->wire == WIRE_BYTES ? w->bytes.n == 0
				     : wire_bits(f->type, wire_int(f->type, w->bits)) == 0;
}

static enum status
check_singular(struct check *c, struct frame *fr, const struct schema_field *f,
	       const struct wire_field *w, struct path_node *node, unsigned depth)
{
	uint64_t bit = 1ull << (f->index & 63);
	bool set = f->presence || !is_zero(f, w);
	const struct schema_rules *rules = f->rules;

	if (f->oneof >= 0)
		fr->oneofs |= 1u << f->oneof;
	/* The last occurrence counts. */
	fr->seen[f->index / 64] =
		set ? fr->seen[f->index / 64] | bit : fr->seen[f->index / 64] & ~bit;
	if (!set || (rules != NULL && rules->ignore == IGNORE_IF_ZERO_VALUE &&
		     f->type != FT_MESSAGE && is_zero(f, w)))
		rules = NULL; /* a zero without presence is looked at when the message is over */
	return check_element(c, f, rules, w, node, depth);
}

/* key and value of an entry count as elements of the map: their rules are the field's. */
static enum status
check_entry(struct check *c, const struct schema_field *map, struct slice wire,
	    struct path_node *node, unsigned depth)
{
	const struct schema_message *m = map->message;
	const struct schema_rules *r = map->rules;
	struct wire_field last[2] = { { .bytes = SLICE_LIT("") }, { .bytes = SLICE_LIT("") } };
	struct wire_in in = wire_in(wire);
	struct wire_field w;
	int more;
	enum status st;

	if (depth > c->limits->max_depth)
		return malformed(c, node, "nested too deeply");
	if (c->structure && (st = spend(c, 0, m->unpacked)) != STATUS_OK)
		return st;
	while ((more = wire_next(&in, &w)) > 0) {
		if (c->structure &&
		    (st = spend(c, 1, UNPACK_PER_FIELD + 2 * UNPACK_PER_ALLOC + w.bytes.n)) !=
			    STATUS_OK)
			return st;
		if (w.number != 1 && w.number != 2)
			continue;
		if (w.type != m->fields[w.number - 1].wire)
			return malformed(c, node, "a field has another type");
		if (w.number == 2 && m->fields[1].type == FT_MESSAGE && last[1].number == 2)
			return malformed(c, node,
					 "a map's value is there twice"); /* pieces of no use */
		last[w.number - 1] = w;
	}
	if (more < 0)
		return malformed(c, node, "it is cut off");
	node->kind = m->fields[0].type == FT_STRING ? PATH_KEY : PATH_NUMBER;
	if (node->kind == PATH_KEY)
		node->key = last[0].bytes;
	else
		node->index = (size_t)wire_int(m->fields[0].type, last[0].bits);
	if ((st = check_element(c, &m->fields[0], r ? r->keys : NULL, &last[0], node, depth)) !=
	    STATUS_OK)
		return st;
	return check_element(c, &m->fields[1], r ? r->items : NULL, &last[1], node, depth);
}

static enum status
check_field(struct check *c, struct frame *fr, const struct schema_field *f,
	    const struct wire_field *w, struct path_node *node, unsigned depth)
{
	if (f->repeated && w->type == WIRE_BYTES && f->wire != WIRE_BYTES)
		return check_packed(c, fr, f, w->bytes, node, depth);
	if (w->type != f->wire)
		return malformed(c, node, "a field has another type");
	if (!f->repeated)
		return check_singular(c, fr, f, w, node, depth);
	if (f->counter >= 0)
		fr->counts[f->counter]++;
	if (f->map)
		return check_entry(c, f, w->bytes, node, depth + 1);
	return check_element(c, f, f->rules ? f->rules->items : NULL, w, node, depth);
}

/* ---- messages ---- */

/* Rules that need the whole message. */
static void
check_end(struct check *c, const struct frame *fr, struct slice wire, const struct path_node *up)
{
	const struct schema_message *m = fr->m;

	for (uint32_t i = 0; i < m->nat_end; i++) {
		const struct schema_field *f = &m->fields[m->at_end[i]];
		struct path_node node = { .up = up, .field = f };
		bool set = fr->seen[f->index / 64] >> (f->index & 63) & 1;
		if (f->repeated)
			check_count(c, f, fr->counts[f->counter], wire, &node);
		else if (!set && f->rules->required)
			check_violation(c, &node, "is required");
		else if (!set && !f->presence && f->rules->ignore != IGNORE_IF_ZERO_VALUE)
			check_value(c, f, f->rules, 0, SLICE_LIT(""), &node);
	}
	for (uint32_t i = 0; m->required_oneof && i < m->noneofs; i++) {
		struct schema_field shadow = { .json_name = m->oneofs[i].name };
		struct path_node node = { .up = up, .field = &shadow };
		if (m->oneofs[i].required && !(fr->oneofs >> i & 1))
			check_violation(c, &node, "one of its members is required");
	}
}

static enum status
walk(struct check *c, const struct schema_message *m, struct slice wire,
     const struct path_node *node, unsigned depth)
{
	struct frame fr = { .m = m };
	struct wire_in in = wire_in(wire);
	struct wire_field w;
	int more;
	enum status st;

	for (const uint8_t *start = in.p, *at = start; (more = wire_next(&in, &w)) > 0; at = in.p) {
		const struct schema_field *f = schema_field_by_number(m, w.number);
		if (c->structure) {
			size_t cost = f ? element_cost(f, w.bytes.n) : UNPACK_UNKNOWN + w.bytes.n;
			if ((st = spend(c, 1, UNPACK_PER_FIELD + cost)) != STATUS_OK)
				return st;
		}
		struct path_node below = { .up = node, .field = f };
		if (f != NULL && f->repeated) {
			below.kind = PATH_COUNTED;
			below.before = slice_make(start, (size_t)(at - start));
		}
		if (f != NULL && (st = check_field(c, &fr, f, &w, &below, depth)) != STATUS_OK)
			return st;
		if (c->violations > ERR_FIELDS_MAX)
			return STATUS_INVALID_ARGUMENT; /* enough said */
	}
	if (more < 0)
		return malformed(c, node, "it is cut off");
	if (c->rules)
		check_end(c, &fr, wire, node);
	return STATUS_OK;
}

/* The pieces of a merged message have each been looked at; now the whole. */
static enum status
check_merged(struct check *c, const struct schema_message *m, struct slice wire,
	     const struct path_node *node, unsigned depth)
{
	struct strbuf merged = STRBUF_INIT;
	bool structure = c->structure, rules = c->rules;
	enum status st = STATUS_OK;

	c->rules = false;
	if (structure)
		st = walk(c, m, wire, node, depth);
	c->rules = rules;
	c->structure = false;
	/* Copies of nested merges live side by side. */
	if (st == STATUS_OK && rules)
		st = spend(c, 0, wire.n);
	if (st == STATUS_OK && rules) {
		wire_make_plain(m, wire, &merged);
		st = walk(c, m, strbuf_slice(&merged), node, depth);
	}
	c->structure = structure;
	strbuf_fini(&merged);
	return st;
}

enum status
check_message(struct check *c, const struct schema_message *m, struct slice wire,
	      const struct path_node *node, unsigned depth)
{
	bool bad = false;
	enum status st;

	if (depth > c->limits->max_depth || depth > SCHEMA_MAX_DEPTH)
		return malformed(c, node, "nested too deeply");
	if (c->structure && (st = spend(c, 0, m->unpacked + UNPACK_PER_ALLOC)) != STATUS_OK)
		return st;
	/* What is malformed, the walk names. */
	if (m->merges && c->rules && !wire_is_plain(m, wire, true, &bad) && !bad)
		return check_merged(c, m, wire, node, depth);
	return walk(c, m, wire, node, depth);
}

enum status
schema_check(const struct schema_message *message, struct slice wire,
	     const struct schema_limits *limits, struct err *err)
{
	struct check c = { .limits = limits, .err = err, .structure = true, .rules = true };
	enum status st;

	if (wire.n > limits->max_bytes)
		return err_public(err, STATUS_INVALID_ARGUMENT,
				  "the message has %zu bytes (at most %zu)", wire.n,
				  limits->max_bytes);
	st = check_message(&c, message, wire, NULL, 1);
	return st == STATUS_OK && c.violations > 0 ? STATUS_INVALID_ARGUMENT : st;
}
