/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_impl.h - the tables behind schema.h; for the files of this folder and their tests.
 *
 * A message is an array of fields sorted by number, a dense number -> field index, and one
 * open-addressed table of both spellings of each name. Indexes of fields are small, so that the
 * state of a walk over a message is a bitmap on the stack: no walk allocates.
 *
 * Ownership: tables and texts live in schema->arena, copied from the protoset; its bytes
 *            (`raw`, `next`, what else stands under "loading") are of no use after schema_load.
 * Threads:   one while it loads; then nothing is written any more, and all may read.
 */
#ifndef FIT_SCHEMA_SCHEMA_IMPL_H
#define FIT_SCHEMA_SCHEMA_IMPL_H

#include "libcommon/base/arena.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/schema/schema.h"
#include "libcommon/schema/wire.h"

#define SCHEMA_MAX_DEPTH 64
#define SCHEMA_MAX_FIELDS 256 /* of one message */
#define SCHEMA_MAX_ONEOFS 32  /* of one message */
#define SCHEMA_MAX_COUNTED 32 /* repeated fields of one message with item rules */
#define SCHEMA_MAX_UNIQUE 512 /* max_items of a field with `unique` */

/* FieldDescriptorProto.Type */
enum field_type {
	FT_DOUBLE = 1,
	FT_FLOAT,
	FT_INT64,
	FT_UINT64,
	FT_INT32,
	FT_FIXED64,
	FT_FIXED32,
	FT_BOOL,
	FT_STRING,
	FT_GROUP,
	FT_MESSAGE,
	FT_BYTES,
	FT_UINT32,
	FT_ENUM,
	FT_SFIXED32,
	FT_SFIXED64,
	FT_SINT32,
	FT_SINT64,
};

/* Messages with a JSON form of their own. */
enum schema_wkt {
	WKT_NONE,
	WKT_TIMESTAMP,
	WKT_DURATION,
	WKT_FIELD_MASK,
	WKT_STRUCT,
	WKT_VALUE,
	WKT_LIST_VALUE,
	WKT_WRAPPER,
	WKT_ANY,
};

struct name_slot {
	struct slice name;
	uint32_t index; /* + 1; 0: free */
};
struct name_table {
	struct name_slot *slots;
	uint32_t mask;
};

struct schema_enum_value {
	struct slice name;
	int32_t number;
	uint32_t http_status;
	const char *comment;
};

struct schema_enum {
	const char *name; /* full */
	const char *comment;
	struct schema_enum_value *values; /* sorted by number, aliases in order of declaration */
	size_t nvalues;
	struct name_table names;
	bool is_null_value;
	/* loading */
	struct schema_enum *next;
	struct slice raw;
};

struct schema_field {
	uint32_t number;
	uint16_t index; /* in message->fields */
	uint16_t decl;  /* order in the .proto */
	uint8_t type;   /* enum field_type */
	uint8_t wire;   /* wire type of one element */
	bool repeated;  /* maps too */
	bool map;
	bool packed;    /* how we write it; either form is read */
	bool presence;  /* absent and default differ */
	bool optional;  /* proto3 `optional` */
	int8_t oneof;   /* index, or -1 */
	int8_t counter; /* index of its element counter in a check, or -1 */
	uint8_t data_class;
	uint8_t owner;
	struct slice name, json_name;
	struct slice json_key;          /* "\"jsonName\":" */
	struct schema_message *message; /* type of a message field, entry type of a map */
	struct schema_enum *enumeration;
	const struct schema_rules *rules;
	const char *comment;
};

struct schema_oneof {
	struct slice name;
	bool required;
	bool synthetic;
};

struct schema_message {
	const char *name; /* full */
	const char *comment;
	struct slice file;
	struct schema_field *fields; /* sorted by number */
	uint32_t nfields;
	uint16_t *dense; /* number -> index + 1 */
	uint32_t dense_n;
	struct name_table names;
	struct schema_oneof *oneofs;
	uint32_t noneofs;
	enum schema_wkt wkt;
	bool map_entry;
	bool proto3;
	bool merges; /* has singular message fields, whose occurrences merge */
	bool required_oneof;
	uint32_t unpacked; /* bytes of protobuf-c's struct, estimated from above */
	uint16_t *at_end;  /* fields that a check looks at when the message is over */
	uint32_t nat_end;
	uint32_t ncounters;
	/* loading */
	struct schema_message *next, *children;
	struct schema_enum *enums;
	struct slice raw;
};

struct schema {
	struct arena *arena;
	struct hashmap *messages, *enums, *methods;
	const struct schema_message **message_list;
	size_t nmessages;
	const struct schema_method **method_list;
	size_t nmethods;
	const struct schema_enum *reasons; /* fit.api.v1.Reason */
	struct hashmap *service_comments;
};

/* Buffers on hot paths that are written before they are read: the build zeroes all others. */
#define SCRATCH __attribute__((uninitialized))

/* ---- rules (buf.validate) ---- */

/* A number, a boolean, an enum, a Timestamp or a Duration, by the kind of the rules. */
union rule_num {
	int64_t i;
	uint64_t u;
	double d;
	struct {
		int64_t s;
		int32_t ns;
	} t;
};

/* Field numbers of the oneof FieldRules.type. */
enum rule_kind {
	RK_NONE = 0,
	RK_FLOAT,
	RK_DOUBLE,
	RK_INT32,
	RK_INT64,
	RK_UINT32,
	RK_UINT64,
	RK_BOOL = 13,
	RK_STRING,
	RK_BYTES,
	RK_ENUM,
	RK_REPEATED = 18,
	RK_MAP,
	RK_DURATION = 21,
	RK_TIMESTAMP,
};

enum {
	RULE_CONST = 1 << 0,
	RULE_LT = 1 << 1,
	RULE_LTE = 1 << 2,
	RULE_GT = 1 << 3,
	RULE_GTE = 1 << 4,
	RULE_FINITE = 1 << 5,
	RULE_MIN_LEN = 1 << 6,
	RULE_MAX_LEN = 1 << 7,
	RULE_MIN_BYTES = 1 << 8,
	RULE_MAX_BYTES = 1 << 9,
	RULE_PREFIX = 1 << 10,
	RULE_EMAIL = 1 << 11,
	RULE_URI = 1 << 12,
	RULE_UUID = 1 << 13,
	RULE_DEFINED = 1 << 14,
	RULE_UNIQUE = 1 << 15,
};

enum { IGNORE_UNSPECIFIED = 0, IGNORE_IF_ZERO_VALUE = 1, IGNORE_ALWAYS = 3 };

struct schema_rules {
	bool required;
	uint8_t ignore;
	uint8_t kind; /* enum rule_kind; of a repeated field RK_REPEATED, of a map RK_MAP */
	uint32_t flags;
	union rule_num konst, lo, hi; /* lo: gt/gte, hi: lt/lte */
	union rule_num *in, *not_in;
	uint32_t nin, nnot_in;
	uint64_t min_len, max_len; /* code points; bytes of a bytes field; items, pairs */
	uint64_t min_bytes, max_bytes;
	struct slice const_text, prefix;
	struct slice *in_text, *not_in_text;
	struct schema_rules *items, *keys; /* items: also the values of a map */
};

/* What a value may be, in words: "in 0..1000", "at most 40 characters"; nothing when any may. */
void rules_describe(const struct schema_rules *r, struct strbuf *out);

/* ---- look-up ---- */

static inline uint32_t
name_hash(struct slice s)
{
	uint32_t h = 2166136261u; /* FNV-1a; the tables hold our own names only */
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 16777619u;
	return h ^ h >> 15;
}

void name_table_init(struct name_table *table, struct arena *arena, size_t nnames);
/* False when the name is there already. */
bool name_table_add(struct name_table *table, struct slice name, uint32_t index);
/* Index, or -1. */
int name_table_find(const struct name_table *table, struct slice name);

static inline const struct schema_field *
schema_field_by_number(const struct schema_message *m, uint32_t number)
{
	if (LIKELY(number < m->dense_n))
		return m->dense[number] ? &m->fields[m->dense[number] - 1] : NULL;
	for (size_t lo = 0, hi = m->nfields; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		if (m->fields[mid].number == number)
			return &m->fields[mid];
		if (m->fields[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static inline const struct schema_field *
schema_field_by_name(const struct schema_message *m, struct slice name)
{
	int i = name_table_find(&m->names, name);
	return i < 0 ? NULL : &m->fields[i];
}

/* The field at a dotted path, either spelling; steps before the last are singular messages. */
const struct schema_field *schema_field_at(const struct schema_message *m, struct slice path);
const struct schema_enum_value *schema_enum_by_number(const struct schema_enum *e, int32_t number);
const struct schema_enum_value *schema_enum_by_name(const struct schema_enum *e, struct slice name);

/* ---- values ---- */

static inline bool
field_type_signed(unsigned type)
{
	return type == FT_INT32 || type == FT_INT64 || type == FT_SINT32 || type == FT_SINT64 ||
	       type == FT_SFIXED32 || type == FT_SFIXED64 || type == FT_ENUM;
}

/* The value of an integer, enum or bool field as it was on the wire; unsigned ones as their bits.
 */
static inline int64_t
wire_int(unsigned type, uint64_t bits)
{
	switch (type) {
	case FT_INT32:
	case FT_ENUM:
	case FT_SFIXED32:
		return (int32_t)bits;
	case FT_UINT32:
	case FT_FIXED32:
		return (uint32_t)bits;
	case FT_SINT32:
		return (int32_t)((uint32_t)bits >> 1 ^ -((uint32_t)bits & 1));
	case FT_SINT64:
		return (int64_t)(bits >> 1 ^ -(bits & 1));
	case FT_BOOL:
		return bits != 0;
	default:
		return (int64_t)bits;
	}
}

/* The other way. */
static inline uint64_t
wire_bits(unsigned type, int64_t v)
{
	switch (type) {
	case FT_SINT32:
		return (uint32_t)((uint32_t)v << 1 ^ (uint32_t)(v >> 63));
	case FT_SINT64:
		return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
	default:
		return (uint64_t)v;
	}
}

static inline double
wire_double(unsigned type, uint64_t bits)
{
	double d;
	float f;
	uint32_t b = (uint32_t)bits;

	if (type == FT_FLOAT) {
		memcpy(&f, &b, sizeof(f));
		return f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* ---- merging ---- */

/*
 * The wire allows fields in any order, a singular field several times (the last counts, messages
 * merge), and several members of a oneof (the last counts). True when nothing of this occurs in the
 * top level of `wire`, so that one pass in the order of the bytes is right. *ret_malformed is set
 * when the bytes are.
 */
bool wire_is_plain(const struct schema_message *m, struct slice wire, bool any_order,
		   bool *ret_malformed);
/* Appends the same message in the plain form. `wire` is well-formed at its top level. */
void wire_make_plain(const struct schema_message *m, struct slice wire, struct strbuf *out);

/* ---- where an error is ---- */

/* Nodes live on the stack of a walk; the text is made only when something is wrong. */
struct path_node {
	const struct path_node *up;
	const struct schema_field *field; /* NULL: an index or key alone (Struct, ListValue) */
	/* PATH_COUNTED: the index is `index` and the elements of the field in `before`, which is
	 * the part of the message that has been walked: counted only for the text. */
	/* PATH_NUMBER: a map's key in `index`. */
	enum { PATH_PLAIN, PATH_INDEX, PATH_KEY, PATH_COUNTED, PATH_NUMBER } kind;
	size_t index;
	union {
		struct slice key, before;
	};
};
void path_text(const struct path_node *node, char *buf, size_t size);

/* ---- well-known types ---- */

/* The content of a Timestamp or Duration; zeros are left out. */
void schema_put_time(struct strbuf *out, int64_t seconds, int32_t nanos);
/* The content of a FieldMask from its JSON form; false when that is malformed. */
bool schema_put_mask(struct strbuf *out, struct slice camel_paths);

/* ---- loading, by file ---- */

struct loader {
	struct schema *s;
	struct arena *a;
	struct err *err;
};

#define LOAD_MAX_NESTING 16 /* messages declared in messages */

/* What a file declares, in its order: comments are found by position. */
struct load_file {
	struct load_file *next;
	struct slice raw;
	struct schema_message *messages;
	struct schema_enum *enums;
};

/* Copies that end with NUL. */
const char *load_text(struct loader *ld, struct slice s);
struct slice load_slice(struct loader *ld, struct slice s);
const char *load_full_name(struct loader *ld, const char *scope, struct slice name);
/* The last string or number with this field number; "" and 0 when there is none. */
struct slice load_read_string(struct slice raw, uint32_t number);
uint64_t load_read_number(struct slice raw, uint32_t number);
size_t load_count_methods(const struct load_file *file);
/* Appends the methods of a file to the schema's list, which has room. */
enum status load_broken(struct loader *ld, const char *where) MUST_CHECK;
enum status load_types(struct loader *ld) MUST_CHECK;
enum status load_services(struct loader *ld, const struct load_file *file) MUST_CHECK;
void load_comments(struct loader *ld, const struct load_file *file);
enum status load_method_policy(struct loader *ld, struct slice options,
			       struct schema_method *m) MUST_CHECK;
enum status load_routes(struct loader *ld, struct slice options,
			struct schema_method *m) MUST_CHECK;
enum status load_check_routes(struct loader *ld) MUST_CHECK;
/* Adds one occurrence of buf.validate.field to the field's rules. */
enum status load_rules(struct loader *ld, struct schema_field *f, struct slice rules) MUST_CHECK;
enum status load_finish_rules(struct loader *ld, struct schema_message *m) MUST_CHECK;

#endif
