/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_value.c - values to and from PostgreSQL's binary forms.
 *
 * Every argument states its type, with two exceptions that the server infers: NULL, and text,
 * which travels as text so that it fits any type that can be written down (enum, date, numeric,
 * inet).
 * Source: PostgreSQL 15, src/backend/utils/adt: *_recv and *_send of each type.
 */
#include <endian.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "libcommon/store/pg_internal.h"

/* src/include/catalog/pg_type.dat */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_CHAR = 18,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_UNKNOWN = 705,
	OID_TEXT_ARRAY = 1009,
	OID_VARCHAR_ARRAY = 1015,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
	OID_NUMERIC = 1700,
	OID_UUID = 2950,
	OID_JSONB = 3802,
	OID_FIRST_OWN = 16384, /* FirstNormalObjectId: enums, extensions' text types */
};

/* 2000-01-01 in ms since 1970: where PostgreSQL's microseconds begin. */
#define PG_EPOCH_MS INT64_C(946684800000)

const Oid pg_arg_oids[] = {
	[PG_ARG_NULL] = 0,
	[PG_ARG_TEXT] = 0,
	[PG_ARG_BYTES] = OID_BYTEA,
	[PG_ARG_INT8] = OID_INT8,
	[PG_ARG_BOOL] = OID_BOOL,
	[PG_ARG_UUID] = OID_UUID,
	[PG_ARG_JSONB] = OID_JSONB,
	[PG_ARG_TIMESTAMP] = OID_TIMESTAMPTZ,
	[PG_ARG_FLOAT8] = OID_FLOAT8,
	[PG_ARG_TEXT_ARRAY] = OID_TEXT_ARRAY,
};

struct pg_result {
	PGresult *res;
};

/* ---- arguments ---- */

static void
add_be32(struct strbuf *sb, uint32_t v)
{
	v = htobe32(v);
	strbuf_add(sb, &v, sizeof(v));
}

static void
add_be64(struct strbuf *sb, uint64_t v)
{
	v = htobe64(v);
	strbuf_add(sb, &v, sizeof(v));
}

/* An upper bound of what encode_one adds. */
static size_t
encoded_max(const struct pg_arg *arg)
{
	size_t n = 24 + arg->bytes.n;

	for (size_t i = 0; arg->type == PG_ARG_TEXT_ARRAY && i < arg->nstrings; i++)
		n += 4 + strlen(arg->strings[i]);
	return n;
}

static void
encode_text_array(const struct pg_arg *arg, struct strbuf *sb)
{
	add_be32(sb, arg->nstrings > 0); /* dimensions */
	add_be32(sb, 0);                 /* no NULLs */
	add_be32(sb, OID_TEXT);
	if (arg->nstrings == 0)
		return;
	add_be32(sb, (uint32_t)arg->nstrings);
	add_be32(sb, 1); /* lower bound */
	for (size_t i = 0; i < arg->nstrings; i++) {
		size_t n = strlen(arg->strings[i]);

		add_be32(sb, (uint32_t)n);
		strbuf_add(sb, arg->strings[i], n);
	}
}

static void
encode_one(const struct pg_arg *arg, struct strbuf *sb)
{
	uint64_t bits;

	switch (arg->type) {
	case PG_ARG_NULL:
		return;
	case PG_ARG_TEXT:
	case PG_ARG_BYTES:
	case PG_ARG_UUID:
		strbuf_add_slice(sb, arg->bytes);
		return;
	case PG_ARG_JSONB:
		strbuf_addch(sb, 1); /* version */
		strbuf_add_slice(sb, arg->bytes);
		return;
	case PG_ARG_INT8:
		add_be64(sb, (uint64_t)arg->num);
		return;
	case PG_ARG_BOOL:
		strbuf_addch(sb, arg->num != 0);
		return;
	case PG_ARG_TIMESTAMP:
		add_be64(sb, (uint64_t)((arg->num - PG_EPOCH_MS) * 1000));
		return;
	case PG_ARG_FLOAT8:
		memcpy(&bits, &arg->dbl, sizeof(bits));
		add_be64(sb, bits);
		return;
	case PG_ARG_TEXT_ARRAY:
		encode_text_array(arg, sb);
		return;
	}
	panic("pg: argument type %d", (int)arg->type);
}

enum status
pg_args_encode(const struct pg_arg *args, size_t nargs, struct strbuf *scratch,
	       struct pg_wire_args *ret_wire, struct err *err)
{
	size_t total = 0;

	if (nargs > PG_ARGS_MAX)
		panic("pg: %zu arguments, at most %d", nargs, PG_ARGS_MAX);
	for (size_t i = 0; i < nargs; i++)
		total += encoded_max(&args[i]);
	if (total > INT_MAX / 2)
		return err_set(err, STATUS_INVALID_ARGUMENT, "postgresql: %zu bytes of arguments",
			       total);
	/* Grown once: the pointers below stay good. */
	strbuf_reset(scratch);
	strbuf_grow(scratch, total);
	for (size_t i = 0; i < nargs; i++) {
		const struct pg_arg *arg = &args[i];
		size_t start = scratch->len;

		if (arg->type == PG_ARG_TEXT && arg->bytes.n > 0 &&
		    memchr(arg->bytes.p, '\0', arg->bytes.n) != NULL)
			return err_set(err, STATUS_INVALID_ARGUMENT,
				       "postgresql: text argument %zu has a NUL byte", i + 1);
		encode_one(arg, scratch);
		ret_wire->lengths[i] = (int)(scratch->len - start);
		ret_wire->formats[i] = arg->type != PG_ARG_TEXT;
		ret_wire->values[i] = arg->type == PG_ARG_NULL ? NULL : scratch->buf + start;
		if (arg->type == PG_ARG_TEXT)
			strbuf_addch(scratch, '\0'); /* libpq takes text's strlen */
	}
	return STATUS_OK;
}

/* ---- results ---- */

static void
clear(void *arg)
{
	struct pg_result *result = arg;

	PQclear(result->res);
}

struct pg_result *
pg_result_new(struct arena *arena, PGresult ***ret_slot)
{
	struct pg_result *result = ARENA_NEW(arena, struct pg_result);

	result->res = NULL;
	arena_defer(arena, clear, result);
	*ret_slot = &result->res;
	return result;
}

bool
pg_result_is_there(const struct pg_result *result)
{
	return result->res != NULL;
}

struct pg_result *
pg_result_wrap(PGresult *res, struct arena *arena)
{
	PGresult **slot;
	struct pg_result *result = pg_result_new(arena, &slot);

	*slot = res;
	return result;
}

int
pg_rows(const struct pg_result *result)
{
	return PQntuples(result->res);
}

int64_t
pg_affected(const struct pg_result *result)
{
	const char *text = PQcmdTuples(result->res);
	int64_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return n;
}

bool
pg_is_null(const struct pg_result *result, int row, int col)
{
	return PQgetisnull(result->res, row, col);
}

/* The bytes of a value; false when NULL. Panics outside of the result. */
static bool
value(const struct pg_result *result, int row, int col, Oid *ret_type, struct slice *ret_bytes)
{
	PGresult *res = result->res;

	if (row < 0 || row >= PQntuples(res) || col < 0 || col >= PQnfields(res))
		panic("pg: value (%d, %d) of a result of %d x %d", row, col, PQntuples(res),
		      PQnfields(res));
	*ret_type = PQftype(res, col);
	if (PQgetisnull(res, row, col))
		return false;
	*ret_bytes = slice_make(PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col));
	return true;
}

static void NORETURN COLD
wrong_type(const struct pg_result *result, int col, const char *getter)
{
	panic("pg: %s on column %d \"%s\" of type %u", getter, col, PQfname(result->res, col),
	      PQftype(result->res, col));
}

static bool
is_text(Oid type)
{
	return type == OID_TEXT || type == OID_VARCHAR || type == OID_BPCHAR || type == OID_NAME ||
	       type == OID_JSON || type == OID_CHAR || type == OID_UNKNOWN || type >= OID_FIRST_OWN;
}

static uint16_t
be16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static uint32_t
be32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static uint64_t
be64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/* jsonb is its text after a version byte. libpq puts a NUL behind every value. */
static struct slice
jsonb_text(struct slice bytes)
{
	if (bytes.n < 1 || bytes.p[0] != 1)
		panic("pg: jsonb of an unknown version");
	return slice_make(bytes.p + 1, bytes.n - 1);
}

const char *
pg_text(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes = SLICE_LIT("");

	if (value(result, row, col, &type, &bytes) && type == OID_JSONB)
		return jsonb_text(bytes).p;
	if (!is_text(type) && type != OID_JSONB)
		wrong_type(result, col, "pg_text");
	return bytes.p;
}

struct slice
pg_get_bytes(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes = SLICE_LIT("");

	if (value(result, row, col, &type, &bytes) && type == OID_JSONB)
		return jsonb_text(bytes);
	if (!is_text(type) && type != OID_BYTEA && type != OID_JSONB)
		wrong_type(result, col, "pg_get_bytes");
	return bytes;
}

int64_t
pg_get_int(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes;
	bool present = value(result, row, col, &type, &bytes);

	if (type == OID_INT8)
		return present ? (int64_t)be64(bytes.p) : 0;
	if (type == OID_INT4)
		return present ? (int32_t)be32(bytes.p) : 0;
	if (type == OID_INT2)
		return present ? (int16_t)be16(bytes.p) : 0;
	wrong_type(result, col, "pg_get_int");
}

/*
 * numeric_send: ndigits, weight, sign, dscale, then digits of base 10000, the first worth
 * 10000^weight.
 */
static double
numeric_to_double(struct slice bytes)
{
	double v = 0;

	if (bytes.n < 8)
		panic("pg: a numeric of %zu bytes", bytes.n);
	unsigned ndigits = be16(bytes.p);
	int weight = (int16_t)be16(bytes.p + 2);
	unsigned sign = be16(bytes.p + 4);
	if (sign == 0xC000)
		return NAN;
	if (sign == 0xD000 || sign == 0xF000)
		return sign == 0xD000 ? INFINITY : -INFINITY;
	if (bytes.n < 8 + 2 * (size_t)ndigits)
		panic("pg: a numeric is cut");
	for (unsigned i = 0; i < ndigits; i++)
		v = v * 10000 + be16(bytes.p + 8 + 2 * (size_t)i);
	/* Divided by an exact power, so that 0.1 comes out as the nearest double. */
	int exponent = 4 * (weight - (int)ndigits + 1);
	v = exponent < 0 ? v / pow(10, -exponent) : v * pow(10, exponent);
	return sign == 0x4000 ? -v : v;
}

double
pg_get_double(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes;
	bool present = value(result, row, col, &type, &bytes);

	if (type != OID_FLOAT8 && type != OID_FLOAT4 && type != OID_NUMERIC)
		wrong_type(result, col, "pg_get_double");
	if (!present)
		return 0;
	if (type == OID_NUMERIC)
		return numeric_to_double(bytes);
	if (type == OID_FLOAT4) {
		uint32_t bits = be32(bytes.p);
		float f;

		memcpy(&f, &bits, sizeof(f));
		return (double)f;
	}
	uint64_t bits = be64(bytes.p);
	double d;
	memcpy(&d, &bits, sizeof(d));
	return d;
}

bool
pg_get_bool(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes;
	bool present = value(result, row, col, &type, &bytes);

	if (type != OID_BOOL)
		wrong_type(result, col, "pg_get_bool");
	return present && bytes.p[0] != 0;
}

struct uuid
pg_get_uuid(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes;
	struct uuid uuid = { { 0 } };
	bool present = value(result, row, col, &type, &bytes);

	if (type != OID_UUID)
		wrong_type(result, col, "pg_get_uuid");
	if (present)
		memcpy(uuid.b, bytes.p, sizeof(uuid.b));
	return uuid;
}

int64_t
pg_get_time(const struct pg_result *result, int row, int col)
{
	Oid type;
	struct slice bytes;
	bool present = value(result, row, col, &type, &bytes);

	if (type != OID_TIMESTAMPTZ && type != OID_TIMESTAMP)
		wrong_type(result, col, "pg_get_time");
	if (!present)
		return 0;
	int64_t us = (int64_t)be64(bytes.p);
	if (us == INT64_MAX || us == INT64_MIN)
		return us; /* infinity, -infinity */
	return us / 1000 - (us % 1000 < 0) + PG_EPOCH_MS;
}

size_t
pg_get_strings(const struct pg_result *result, int row, int col, struct arena *arena,
	       char ***ret_strings)
{
	Oid type;
	struct slice bytes;
	bool present = value(result, row, col, &type, &bytes);

	if (type != OID_TEXT_ARRAY && type != OID_VARCHAR_ARRAY)
		wrong_type(result, col, "pg_get_strings");
	*ret_strings = NULL;
	if (!present || bytes.n < 12 || be32(bytes.p) == 0)
		return 0;
	if (be32(bytes.p) != 1 || bytes.n < 20)
		panic("pg: an array of %u dimensions", be32(bytes.p));
	const char *p = bytes.p + 20, *end = bytes.p + bytes.n;
	size_t n = be32(bytes.p + 12);
	if (n > (size_t)(end - p) / 4)
		panic("pg: an array is cut");
	char **strings = ARENA_ARRAY(arena, char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		int32_t len = end - p < 4 ? -2 : (int32_t)be32(p);

		p += 4;
		if (len < -1 || len > end - p)
			panic("pg: an array is cut");
		/* A NULL element reads as "". */
		strings[i] = arena_strndup(arena, p, len < 0 ? 0 : (size_t)len);
		p += len < 0 ? 0 : len;
	}
	*ret_strings = strings;
	return n;
}
