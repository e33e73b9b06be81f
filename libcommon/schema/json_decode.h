/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_decode.h - what the two halves of the decoder share; for this folder.
 *
 * One pass over the text, one over the output: a value is written as it is read. A message's length
 * comes last, so one byte is kept for it and longer messages are moved (wire_open, wire_close).
 *
 * Ownership: a decoder is on the stack of one call and borrows text, out, mask and err; only
 *            its key_set is its own. Threads: one.
 * Limits:    max_depth and out_max; of each key of a map 16 to 32 bytes are kept.
 */
#ifndef FIT_SCHEMA_JSON_DECODE_H
#define FIT_SCHEMA_JSON_DECODE_H

#include "libcommon/schema/json_lex.h"
#include "libcommon/schema/schema_impl.h"

#define DECODE_NAME_MAX 256 /* a longer name is nobody's */

/* Keys of the maps read so far, as keyed hashes: 64 bits, so that a false "twice" needs 2^32 keys.
 */
struct key_set {
	uint64_t *slots;
	size_t cap, n;
};
/* False when the key is there. `object` tells the maps apart. */
bool key_set_add(struct key_set *set, size_t object, struct slice key);

struct decoder {
	struct json_lex lex;
	struct strbuf *out;
	struct err *err;
	unsigned max_depth;
	struct strbuf *mask;
	bool ignore_unknown;
	struct key_set keys;
	size_t out_max; /* length of `out` that it must not grow beyond */
};

/* The error is at `node`; returns STATUS_INVALID_ARGUMENT. */
enum status decode_fail(struct decoder *d, const struct path_node *node, const char *fmt, ...)
	PRINTF_LIKE(3, 4) COLD;
/* The text itself is malformed here. */
enum status decode_malformed(struct decoder *d) COLD;
/* "is a number; expected …" */
enum status decode_unexpected(struct decoder *d, const struct path_node *node, enum json_kind kind,
			      const char *expected) COLD;

/* After an element: true when a comma says that another follows, and there is room for it. */
bool decode_more(struct decoder *d);

/* The content of a message, whatever its JSON form. */
enum status decode_body(struct decoder *d, const struct schema_message *m,
			const struct path_node *node, unsigned depth) MUST_CHECK;
/* A field's single value with its tag; `force`: default values too. */
enum status decode_value(struct decoder *d, const struct schema_field *f,
			 const struct path_node *node, unsigned depth, bool force) MUST_CHECK;
enum status decode_well_known(struct decoder *d, const struct schema_message *m,
			      const struct path_node *node, unsigned depth) MUST_CHECK;
/* A string token: "…" into `out` without tag and length. */
enum status decode_string_token(struct decoder *d, struct json_string *ret) MUST_CHECK;
/* Its text, unescaped into `buf` if need be; false when it does not fit there. */
bool decode_short_text(const struct json_string *s, char *buf, size_t size, struct slice *ret);

/* What a field takes, for messages: "an integer in 0..4294967295". */
const char *decode_expected(const struct schema_field *f);
/* A string or bytes field with its tag. */
void decode_put_string(struct strbuf *out, const struct schema_field *f,
		       const struct json_string *s);
enum status decode_put_base64(struct decoder *d, const struct schema_field *f,
			      const struct path_node *node, const struct json_string *s) MUST_CHECK;
/* The payload of any other scalar. */
enum status decode_scalar(struct decoder *d, const struct schema_field *f,
			  const struct path_node *node, uint64_t *ret) MUST_CHECK;

#define DEPTH_OR_FAIL(d, node, depth)                                                              \
	do {                                                                                       \
		if (UNLIKELY((depth) > (d)->max_depth))                                            \
			return decode_fail((d), (node), "is nested deeper than %u messages",       \
					   (d)->max_depth);                                        \
	} while (0)

#endif
