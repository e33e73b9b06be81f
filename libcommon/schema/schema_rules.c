/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_rules.c - a value against its buf.validate rules. Texts say what the value is and what
 * would be right.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "libcommon/base/uuid.h"
#include "libcommon/schema/schema_check.h"
#include "libcommon/schema/textnum.h"

/* ---- numbers ---- */

/* -1, 0, 1; 2 when there is no order (NaN). */
static int
compare(unsigned kind, union rule_num a, union rule_num b)
{
	switch (kind) {
	case RK_FLOAT:
	case RK_DOUBLE:
		return a.d < b.d ? -1 : a.d > b.d ? 1 : a.d == b.d ? 0 : 2;
	case RK_UINT32:
	case RK_UINT64:
		return a.u < b.u ? -1 : a.u > b.u;
	case RK_DURATION:
	case RK_TIMESTAMP:
		if (a.t.s != b.t.s)
			return a.t.s < b.t.s ? -1 : 1;
		return a.t.ns < b.t.ns ? -1 : a.t.ns > b.t.ns;
	default:
		return a.i < b.i ? -1 : a.i > b.i;
	}
}

static void
add_number(struct strbuf *out, unsigned kind, union rule_num v)
{
	struct textnum_time t = { v.t.s, v.t.ns };

	switch (kind) {
	case RK_FLOAT:
	case RK_DOUBLE:
		if (!isfinite(v.d))
			strbuf_adds(out, isnan(v.d) ? "NaN" : v.d > 0 ? "Infinity" : "-Infinity");
		else if (kind == RK_FLOAT)
			textnum_add_float(out, (float)v.d);
		else
			textnum_add_double(out, v.d);
		break;
	case RK_UINT32:
	case RK_UINT64:
		strbuf_add_u64(out, v.u);
		break;
	case RK_BOOL:
		strbuf_adds(out, v.i ? "true" : "false");
		break;
	case RK_DURATION:
		if (!textnum_add_duration(out, t))
			strbuf_adds(out, "the duration");
		break;
	case RK_TIMESTAMP:
		if (!textnum_add_timestamp(out, t))
			strbuf_adds(out, "the time");
		break;
	default:
		strbuf_add_i64(out, v.i);
	}
}

/* "0..1000", "more than 0 and at most 5", "at least 1". */
static void
add_range(struct strbuf *out, const struct schema_rules *r)
{
	bool lo = r->flags & (RULE_GT | RULE_GTE), hi = r->flags & (RULE_LT | RULE_LTE);
	bool outside = lo && hi && compare(r->kind, r->hi, r->lo) < 0;

	if (lo && hi && (r->flags & RULE_GTE) && (r->flags & RULE_LTE) && !outside) {
		strbuf_adds(out, "in ");
		add_number(out, r->kind, r->lo);
		strbuf_adds(out, "..");
		add_number(out, r->kind, r->hi);
		return;
	}
	if (lo) {
		strbuf_adds(out, r->flags & RULE_GT ? "more than " : "at least ");
		add_number(out, r->kind, r->lo);
	}
	if (lo && hi)
		strbuf_adds(out, outside ? " or " : " and ");
	if (hi) {
		strbuf_adds(out, r->flags & RULE_LT ? "less than " : "at most ");
		add_number(out, r->kind, r->hi);
	}
}

static bool
in_range(const struct schema_rules *r, union rule_num v)
{
	bool lo = r->flags & (RULE_GT | RULE_GTE), hi = r->flags & (RULE_LT | RULE_LTE);
	int to_lo = compare(r->kind, v, r->lo), to_hi = compare(r->kind, v, r->hi);
	bool lo_ok = to_lo == 1 || (to_lo == 0 && (r->flags & RULE_GTE));
	bool hi_ok = to_hi == -1 || (to_hi == 0 && (r->flags & RULE_LTE));

	if (lo && hi && compare(r->kind, r->hi, r->lo) < 0)
		return lo_ok ||
		       hi_ok; /* protovalidate: an upper bound below the lower one means outside */
	return (!lo || lo_ok) && (!hi || hi_ok);
}

static bool
listed(const struct schema_rules *r, const union rule_num *list, uint32_t n, union rule_num v)
{
	for (uint32_t i = 0; i < n; i++) {
		if (compare(r->kind, list[i], v) == 0)
			return true;
	}
	return false;
}

static union rule_num
to_rule_num(const struct schema_field *f, unsigned kind, uint64_t bits)
{
	if (kind == RK_FLOAT || kind == RK_DOUBLE)
		return (union rule_num){ .d = wire_double(f->type, bits) };
	return (union rule_num){ .i = wire_int(f->type, bits) };
}

static void
check_number(struct check *c, const struct schema_field *f, const struct schema_rules *r,
	     union rule_num v, const struct path_node *node)
{
	struct strbuf s = STRBUF_INIT;
	const struct schema_enum *en = r->kind == RK_ENUM ? f->enumeration : NULL;
	const char *wrong = NULL;

	if ((r->flags & RULE_CONST) && compare(r->kind, v, r->konst) != 0)
		wrong = "the only value allowed, ";
	else if ((r->flags & RULE_FINITE) && !isfinite(v.d))
		wrong = "a finite number";
	else if (!in_range(r, v))
		wrong = "";
	else if (r->nin > 0 && !listed(r, r->in, r->nin, v))
		wrong = "one of the allowed values";
	else if (r->nnot_in > 0 && listed(r, r->not_in, r->nnot_in, v))
		wrong = "allowed here";
	else if ((r->flags & RULE_DEFINED) && schema_enum_by_number(en, (int32_t)v.i) == NULL)
		wrong = "a value of the enum";
	if (wrong == NULL)
		return;
	const struct schema_enum_value *named = en ? schema_enum_by_number(en, (int32_t)v.i) : NULL;
	if (named != NULL)
		strbuf_add_slice(&s, named->name);
	else
		add_number(&s, r->kind, v);
	strbuf_adds(&s, " is not ");
	strbuf_adds(&s, wrong);
	if (r->flags & RULE_CONST)
		add_number(&s, r->kind, r->konst);
	else if (*wrong == '\0')
		add_range(&s, r);
	check_violation(c, node, s.buf);
	strbuf_fini(&s);
}

/* ---- text ---- */

static size_t
code_points(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* The form that HTML's <input type=email> takes, which is what protovalidate takes. */
static bool
is_email(struct slice s)
{
	const char *at = s.n ? memchr(s.p, '@', s.n) : NULL, *end = s.p + s.n;

	if (at == NULL || at == s.p)
		return false;
	for (const char *p = s.p; p < at; p++) {
		if (!is_alnum(*p) && memchr(".!#$%&'*+/=?^_`{|}~-", *p, 20) == NULL)
			return false;
	}
	for (const char *label = at + 1;; label++) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		const char *stop = dot ? dot : end;
		if (stop == label || stop - label > 63 || *label == '-' || stop[-1] == '-')
			return false;
		for (const char *p = label; p < stop; p++) {
			if (!is_alnum(*p) && *p != '-')
				return false;
		}
		if (dot == NULL)
			return true;
		label = dot;
	}
}

static bool
uri_chars(const char *p, const char *end, const char *extra)
{
	for (; p < end; p++) {
		if (*p == '%') {
			if (end - p < 3 || !is_alnum(p[1]) || (p[1] | 32) > 'f' ||
			    !is_alnum(p[2]) || (p[2] | 32) > 'f')
				return false;
			p += 2;
		} else if (*p == '\0' ||
			   (!is_alnum(*p) && strchr("-._~!$&'()*+,;=:@/", *p) == NULL &&
			    strchr(extra, *p) == NULL)) {
			return false;
		}
	}
	return true;
}

/* RFC 3986: a scheme, then the characters that each part may hold. An IP literal's inside is not
 * looked at. */
static bool
is_uri(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n, *colon = s.n ? memchr(p, ':', s.n) : NULL;

	if (colon == NULL || colon == p || !is_alnum(*p) || (*p >= '0' && *p <= '9'))
		return false;
	for (; p < colon; p++) {
		if (!is_alnum(*p) && *p != '+' && *p != '-' && *p != '.')
			return false;
	}
	p++;
	const char *hash = memchr(p, '#', (size_t)(end - p));
	const char *stop = hash ? hash : end;
	const char *query = memchr(p, '?', (size_t)(stop - p));
	if (hash != NULL && !uri_chars(hash + 1, end, "?"))
		return false;
	if (query != NULL && !uri_chars(query + 1, stop, "?"))
		return false;
	stop = query ? query : stop;
	if (stop - p >= 2 && p[0] == '/' && p[1] == '/') {
		const char *slash = memchr(p + 2, '/', (size_t)(stop - p - 2));
		const char *authority_end = slash ? slash : stop;
		if (!uri_chars(p + 2, authority_end, "[]"))
			return false;
		p = authority_end;
	}
	return uri_chars(p, stop, "");
}

static bool
text_listed(const struct slice *list, uint32_t n, struct slice s)
{
	for (uint32_t i = 0; i < n; i++) {
		if (slice_eq(list[i], s))
			return true;
	}
	return false;
}

static void
add_list(char *buf, size_t size, const struct slice *list, uint32_t n)
{
	size_t at = (size_t)snprintf(buf, size, "is not one of ");

	for (uint32_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%.*s", i ? ", " : "",
				       SLICE_ARG(list[i]));
}

static bool
check_length(struct check *c, const struct schema_rules *r, uint64_t n, const char *unit,
	     const struct path_node *node)
{
	SCRATCH char text[160];

	if ((r->flags & RULE_MAX_LEN) && n > r->max_len)
		snprintf(text, sizeof(text), "has %" PRIu64 " %s (at most %" PRIu64 ")", n, unit,
			 r->max_len);
	else if ((r->flags & RULE_MIN_LEN) && n < r->min_len)
		snprintf(text, sizeof(text),
			 n == 0 && r->min_len == 1 ? "must not be empty"
						   : "has %" PRIu64 " %s (at least %" PRIu64 ")",
			 n, unit, r->min_len);
	else
		return true;
	check_violation(c, node, text);
	return false;
}

static void
check_string(struct check *c, const struct schema_rules *r, struct slice s,
	     const struct path_node *node)
{
	SCRATCH char text[160];
	struct uuid uuid;

	text[0] = '\0';
	if ((r->flags & (RULE_MIN_LEN | RULE_MAX_LEN)) &&
	    !check_length(c, r, code_points(s), "characters", node))
		return;
	if ((r->flags & RULE_MIN_BYTES) && s.n < r->min_bytes)
		snprintf(text, sizeof(text), "has %zu bytes (at least %" PRIu64 ")", s.n,
			 r->min_bytes);
	else if ((r->flags & RULE_MAX_BYTES) && s.n > r->max_bytes)
		snprintf(text, sizeof(text), "has %zu bytes (at most %" PRIu64 ")", s.n,
			 r->max_bytes);
	else if ((r->flags & RULE_CONST) && !slice_eq(s, r->const_text))
		snprintf(text, sizeof(text), "is not \"%.*s\"", SLICE_ARG(r->const_text));
	else if ((r->flags & RULE_PREFIX) && !slice_starts_with(s, r->prefix))
		snprintf(text, sizeof(text), "does not begin with \"%.*s\"", SLICE_ARG(r->prefix));
	else if (r->nin > 0 && !text_listed(r->in_text, r->nin, s))
		add_list(text, sizeof(text), r->in_text, r->nin);
	else if (r->nnot_in > 0 && text_listed(r->not_in_text, r->nnot_in, s))
		snprintf(text, sizeof(text), "is a value that is not allowed here");
	else if ((r->flags & RULE_UUID) && !uuid_parse(s, &uuid))
		snprintf(text, sizeof(text), "is not a UUID");
	else if ((r->flags & RULE_EMAIL) && !is_email(s))
		snprintf(text, sizeof(text), "is not an e-mail address");
	else if ((r->flags & RULE_URI) && !is_uri(s))
		snprintf(text, sizeof(text), "is not an absolute URI");
	if (*text != '\0')
		check_violation(c, node, text);
}

/* ---- documents ---- */

static void
describe_length(struct strbuf *out, const struct schema_rules *r, const char *unit)
{
	bool lo = (r->flags & RULE_MIN_LEN) && r->min_len > 0, hi = r->flags & RULE_MAX_LEN;

	if (lo && hi && r->min_len == r->max_len)
		strbuf_addf(out, "%" PRIu64 " %s", r->max_len, unit);
	else if (lo && hi)
		strbuf_addf(out, "%" PRIu64 "..%" PRIu64 " %s", r->min_len, r->max_len, unit);
	else if (hi)
		strbuf_addf(out, "at most %" PRIu64 " %s", r->max_len, unit);
	else if (lo)
		strbuf_addf(out, "at least %" PRIu64 " %s", r->min_len, unit);
}

void
rules_describe(const struct schema_rules *r, struct strbuf *out)
{
	switch (r->kind) {
	case RK_STRING:
		describe_length(out, r, "characters");
		if (r->flags & (RULE_UUID | RULE_EMAIL | RULE_URI))
			strbuf_adds(out, r->flags & RULE_UUID    ? "a UUID"
					 : r->flags & RULE_EMAIL ? "an e-mail address"
								 : "a URI");
		for (uint32_t i = 0; i < r->nin; i++)
			strbuf_addf(out, "%s`%.*s`", i ? ", " : "", SLICE_ARG(r->in_text[i]));
		break;
	case RK_BYTES:
		describe_length(out, r, "bytes");
		break;
	case RK_REPEATED:
		describe_length(out, r, "elements");
		break;
	case RK_MAP:
		describe_length(out, r, "entries");
		break;
	case RK_NONE:
	case RK_BOOL:
	case RK_ENUM:
		break;
	default:
		add_range(out, r);
	}
}

/* ---- values ---- */

static union rule_num
read_time(struct slice wire)
{
	struct wire_in in = wire_in(wire);
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

void
check_value(struct check *c, const struct schema_field *f, const struct schema_rules *r,
	    uint64_t bits, struct slice bytes, const struct path_node *node)
{
	if (f->type == FT_MESSAGE && f->message->wkt == WKT_WRAPPER && r->kind != RK_NONE) {
		const struct schema_field *value = &f->message->fields[0];
		struct wire_in in = wire_in(bytes);
		struct wire_field w, last = { .bytes = SLICE_LIT("") };
		while (wire_next(&in, &w) > 0) {
			if (w.number == value->number)
				last = w;
		}
		check_value(c, value, r, last.bits, last.bytes, node);
		return;
	}
	switch (r->kind) {
	case RK_NONE:
	case RK_REPEATED:
	case RK_MAP:
		break;
	case RK_STRING:
		check_string(c, r, bytes, node);
		break;
	case RK_BYTES:
		(void)check_length(c, r, bytes.n, "bytes", node);
		break;
	case RK_DURATION:
	case RK_TIMESTAMP:
		check_number(c, f, r, read_time(bytes), node);
		break;
	default:
		check_number(c, f, r, to_rule_num(f, r->kind, bits), node);
	}
}

/* ---- containers ---- */

/* Open addressing over keyed hashes of the elements: at most half full. Zero is free. */
struct unique {
	uint64_t slots[2 * SCHEMA_MAX_UNIQUE];
};

static bool
unique_add(struct unique *u, const void *p, size_t n)
{
	uint64_t h = hash_bytes(p, n) | 1;
	size_t at = h >> 8 & (ARRAY_LEN(u->slots) - 1);

	for (; u->slots[at] != 0; at = (at + 1) & (ARRAY_LEN(u->slots) - 1)) {
		if (u->slots[at] == h)
			return false;
	}
	u->slots[at] = h;
	return true;
}

static void
check_unique(struct check *c, const struct schema_field *f, struct slice wire,
	     struct path_node *node)
{
	struct unique u = { 0 };
	struct wire_in in = wire_in(wire);
	struct wire_field w;

	node->kind = PATH_INDEX;
	while (wire_next(&in, &w) > 0) {
		if (w.number != f->number)
			continue;
		bool is_packed = w.type == WIRE_BYTES && f->wire != WIRE_BYTES, twice = false;
		struct wire_in packed = wire_in(w.bytes);
		do {
			if (is_packed &&
			    !(packed.p < packed.end && wire_payload(&packed, f->wire, &w.bits)))
				break;
			int64_t v = wire_int(f->type, w.bits);
			twice = f->wire == WIRE_BYTES ? !unique_add(&u, w.bytes.p, w.bytes.n)
						      : !unique_add(&u, &v, sizeof(v));
			if (twice) {
				check_violation(c, node, "is there twice");
				return;
			}
			node->index++;
		} while (is_packed);
	}
}

void
check_count(struct check *c, const struct schema_field *f, uint32_t count, struct slice wire,
	    const struct path_node *at)
{
	const struct schema_rules *r = f->rules;
	struct path_node node = *at;

	if (r->required && count == 0) {
		check_violation(c, &node, "is required");
		return;
	}
	if (r->kind != RK_REPEATED && r->kind != RK_MAP)
		return;
	if (count == 0 && r->ignore == IGNORE_IF_ZERO_VALUE)
		return;
	if (check_length(c, r, count, f->map ? "entries" : "elements", &node) &&
	    (r->flags & RULE_UNIQUE))
		check_unique(c, f, wire, &node);
}
