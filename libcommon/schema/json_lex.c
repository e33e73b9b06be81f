/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_lex.c - the tokens of RFC 8259.
 */
#include "libcommon/schema/json_lex.h"

#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"

const char *
json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_END] = "nothing",     [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string", [JSON_NUMBER] = "a number",  [JSON_TRUE] = "a boolean",
		[JSON_FALSE] = "a boolean", [JSON_NULL] = "null",        [JSON_BAD] = "no value",
	};
	return names[kind];
}

static bool
fault(struct json_lex *lex, const char *p, const char *why)
{
	lex->p = p;
	lex->fault = why;
	return false;
}

static inline void
skip_space(struct json_lex *lex)
{
	while (lex->p < lex->end &&
	       (*lex->p == ' ' || *lex->p == '\n' || *lex->p == '\t' || *lex->p == '\r'))
		lex->p++;
}

enum json_kind
json_peek(struct json_lex *lex)
{
	skip_space(lex);
	if (lex->p >= lex->end)
		return JSON_END;
	switch (*lex->p) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return JSON_NUMBER;
	default:
		return JSON_BAD;
	}
}

bool
json_take(struct json_lex *lex, char c)
{
	skip_space(lex);
	if (lex->p >= lex->end || *lex->p != c)
		return false;
	lex->p++;
	return true;
}

static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9'                 ? c - '0'
			: (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
							     : -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* At the backslash; returns what follows the escape, or NULL. */
static const char *
check_escape(struct json_lex *lex, const char *p)
{
	int u;

	if (lex->end - p < 2)
		return fault(lex, p, "an unfinished string"), NULL;
	if (p[1] != 'u')
		return memchr("\"\\/bfnrt", p[1], 8) ? p + 2
						     : (fault(lex, p, "an unknown escape"), NULL);
	u = hex4(p + 2, lex->end);
	if (u < 0)
		return fault(lex, p, "an escape that is not \\u and four hex digits"), NULL;
	if (u < 0xd800 || u > 0xdfff)
		return p + 6;
	if (u > 0xdbff || lex->end - p < 12 || p[6] != '\\' || p[7] != 'u' ||
	    hex4(p + 8, lex->end) < 0xdc00 || hex4(p + 8, lex->end) > 0xdfff)
		return fault(lex, p, "half of a surrogate pair"), NULL;
	return p + 12;
}

bool
json_take_string(struct json_lex *lex, struct json_string *ret)
{
	const char *p = lex->p + 1, *start = p;

	ret->escaped = false;
	for (;;) {
		uint64_t w;
		if (lex->end - p >= 8 && (memcpy(&w, p, 8), json_special_bytes(w) == 0)) {
			p += 8;
			continue;
		}
		if (p >= lex->end)
			return fault(lex, p, "an unfinished string");
		unsigned char c = (unsigned char)*p;
		if (c == '"') {
			break;
		} else if (c == '\\') {
			ret->escaped = true;
			if ((p = check_escape(lex, p)) == NULL)
				return false;
		} else if (c < 0x20) {
			return fault(lex, p, "a control character in a string");
		} else if (c < 0x80) {
			p++;
		} else {
			int step = codec_utf8_step(p, (size_t)(lex->end - p));
			if (step < 0)
				return fault(lex, p, "a byte that is not UTF-8");
			p += step;
		}
	}
	ret->raw = slice_make(start, (size_t)(p - start));
	lex->p = p + 1;
	return true;
}

static inline bool
is_digit(const struct json_lex *lex, const char *p)
{
	return p < lex->end && *p >= '0' && *p <= '9';
}

bool
json_number(struct json_lex *lex, struct slice *ret)
{
	const char *p = lex->p, *start = p;

	if (*p == '-')
		p++;
	if (!is_digit(lex, p))
		return fault(lex, p, "a number without digits");
	if (*p == '0' && is_digit(lex, p + 1))
		return fault(lex, p, "a number with a leading zero");
	while (is_digit(lex, p))
		p++;
	if (p < lex->end && *p == '.') {
		if (!is_digit(lex, ++p))
			return fault(lex, p, "a number that ends in a point");
		while (is_digit(lex, p))
			p++;
	}
	if (p < lex->end && (*p | 32) == 'e') {
		p++;
		if (p < lex->end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(lex, p))
			return fault(lex, p, "a number with an empty exponent");
		while (is_digit(lex, p))
			p++;
	}
	*ret = slice_make(start, (size_t)(p - start));
	lex->p = p;
	return true;
}

bool
json_literal(struct json_lex *lex, enum json_kind kind)
{
	struct slice word = kind == JSON_TRUE    ? SLICE_LIT("true")
			    : kind == JSON_FALSE ? SLICE_LIT("false")
						 : SLICE_LIT("null");

	if (!slice_starts_with(slice_make(lex->p, (size_t)(lex->end - lex->p)), word))
		return fault(lex, lex->p, "an unknown word");
	lex->p += word.n;
	return true;
}

/* At the opening bracket. */
static bool
skip_members(struct json_lex *lex, bool object, unsigned depth)
{
	char close = object ? '}' : ']';
	struct json_string name;

	lex->p++;
	if (json_take(lex, close))
		return true;
	do {
		if (object && (json_peek(lex) != JSON_STRING || !json_take_string(lex, &name) ||
			       !json_take(lex, ':')))
			return false;
		if (!json_skip(lex, depth))
			return false;
	} while (json_take(lex, ','));
	return json_take(lex, close);
}

bool
json_skip(struct json_lex *lex, unsigned depth)
{
	enum json_kind kind = json_peek(lex);
	struct json_string string;
	struct slice number;

	switch (kind) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (depth == 0)
			return fault(lex, lex->p, "a value that is nested too deep");
		return skip_members(lex, kind == JSON_OBJECT, depth - 1);
	case JSON_STRING:
		return json_take_string(lex, &string);
	case JSON_NUMBER:
		return json_number(lex, &number);
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		return json_literal(lex, kind);
	case JSON_END:
	case JSON_BAD:
		break;
	}
	return false;
}

static char *
put_utf8(char *w, unsigned u)
{
	if (u < 0x80) {
		*w++ = (char)u;
		return w;
	}
	if (u < 0x800) {
		*w++ = (char)(0xc0 | u >> 6);
	} else {
		if (u < 0x10000) {
			*w++ = (char)(0xe0 | u >> 12);
		} else {
			*w++ = (char)(0xf0 | u >> 18);
			*w++ = (char)(0x80 | (u >> 12 & 0x3f));
		}
		*w++ = (char)(0x80 | (u >> 6 & 0x3f));
	}
	*w++ = (char)(0x80 | (u & 0x3f));
	return w;
}

size_t
json_unescape(struct slice raw, char *dst)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *p = raw.p, *end = raw.p + raw.n;
	char *w = dst;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((slash ? slash : end) - p);
		memmove(w, p, run);
		w += run;
		p += run;
		if (slash == NULL)
			break;
		if (p[1] != 'u') {
			const char *at = strchr(from, p[1]);
			*w++ = at ? to[at - from] : p[1];
			p += 2;
			continue;
		}
		unsigned u = (unsigned)hex4(p + 2, end);
		p += 6;
		if (u >= 0xd800 && u < 0xdc00) {
			u = 0x10000 + ((u - 0xd800) << 10) + ((unsigned)hex4(p + 2, end) - 0xdc00);
			p += 6;
		}
		w = put_utf8(w, u);
	}
	return (size_t)(w - dst);
}
