/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_lex.h - JSON text, token by token (RFC 8259): nothing is built, nothing is copied.
 *
 *	struct json_lex lex = { text.p, text.p, text.p + text.n, NULL };
 *	switch (json_peek(&lex)) {
 *	case JSON_STRING:
 *		if (!json_take_string(&lex, &s))
 *			malformed at lex.p - lex.begin, because of lex.fault
 *
 * Strict: UTF-8 only, no control characters in strings, no lone surrogates, no leading zeros, no
 * NaN.
 *
 * Ownership: tokens point into the text. Threads: one. Errors: false and `fault`. Limits: none of
 * its own.
 */
#ifndef FIT_SCHEMA_JSON_LEX_H
#define FIT_SCHEMA_JSON_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

struct json_lex {
	const char *begin, *p, *end;
	const char *fault; /* why, in static text */
};

enum json_kind {
	JSON_END,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_BAD,
};
/* "an object" … */
const char *json_kind_name(enum json_kind kind);

/* Between the quotes, checked; `escaped` when it has to be unescaped. */
struct json_string {
	struct slice raw;
	bool escaped;
};

/* The kind of what comes next, by its first character; skips white space. */
enum json_kind json_peek(struct json_lex *lex);
bool json_take_string(struct json_lex *lex, struct json_string *ret);
bool json_number(struct json_lex *lex, struct slice *ret);
/* true, false, null: the kind that json_peek saw. */
bool json_literal(struct json_lex *lex, enum json_kind kind);
/* Takes one punctuation character, after white space. */
bool json_take(struct json_lex *lex, char c);
/* Passes over one value of any kind, with at most `depth` levels of objects and arrays in it. */
bool json_skip(struct json_lex *lex, unsigned depth);
/* Writes at most raw.n bytes to `dst`; returns how many. */
size_t json_unescape(struct slice raw, char *dst);

/*
 * Zero when no byte of `w` is a quote, a backslash, below 0x20 or above 0x7f. A byte after a
 * special one may be marked too (borrow), which only sends it the slow way.
 */
static inline uint64_t
json_special_bytes(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';

	return ((quote - ones) | (slash - ones) | (w - ones * 0x20) | w) & high;
}

#endif
