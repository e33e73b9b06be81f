/* SPDX-License-Identifier: Apache-2.0 */
/*
 * textnum.h - numbers, times and durations to and from the text that JSON has for them.
 *
 *	if (!textnum_int(text, FT_INT32, &v)) …         "12", "1.2e1", "-0": exact, in range
 *	textnum_add_double(out, 62.5);                  short text that reads back the same
 *
 * Source:  JSON numbers RFC 8259 section 6; RFC 3339; "ProtoJSON format" (Duration, Timestamp).
 * Threads: any, in the "C" numeric locale (nothing here calls setlocale). Errors: false.
 * Limits:  a double has at most TEXTNUM_MAX characters; years 0001 to 9999; durations up to
 *          315,576,000,000 s either way.
 */
#ifndef FIT_SCHEMA_TEXTNUM_H
#define FIT_SCHEMA_TEXTNUM_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

struct strbuf;

#define TEXTNUM_MAX 400

/* `text` must be a JSON number, here and for doubles. An integer in any spelling (1e2, 1.0), in the
 * range of an integer field type. */
bool textnum_int(struct slice text, unsigned field_type, int64_t *ret) MUST_CHECK;
/* A finite double; false when it is too large. */
bool textnum_double(struct slice text, double *ret) MUST_CHECK;
/* -?digits without leading zeros. */
bool textnum_is_integer(struct slice text);

/* A decimal that reads back as the same value, as short as printf has one; the value is finite. */
void textnum_add_double(struct strbuf *out, double v);
void textnum_add_float(struct strbuf *out, float v);

struct textnum_time {
	int64_t seconds;
	int32_t nanos;
};
bool textnum_timestamp(struct slice text, struct textnum_time *ret) MUST_CHECK;
bool textnum_duration(struct slice text, struct textnum_time *ret) MUST_CHECK;
/* False when the value is outside the range; nothing is appended then. */
bool textnum_add_timestamp(struct strbuf *out, struct textnum_time t) MUST_CHECK;
bool textnum_add_duration(struct strbuf *out, struct textnum_time t) MUST_CHECK;

#endif
