/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_encode.h - what the two halves of the encoder share; for this folder.
 *
 * Ownership: an encoder is on the stack of one call; it borrows out, err and the wire bytes.
 * Threads:   one.
 */
#ifndef FIT_SCHEMA_JSON_ENCODE_H
#define FIT_SCHEMA_JSON_ENCODE_H

#include "libcommon/schema/schema_impl.h"

struct encoder {
	struct strbuf *out;
	struct err *err;
	bool always;
	size_t copied; /* bytes that were brought into the plain order */
};

/* Copies of nested messages live side by side: at most so many bytes for one text. */
#define ENCODE_MAX_COPIED ((size_t)128 << 20)

/* The bytes are not what the descriptor says, or have no JSON form; returns the status. */
enum status encode_fail(struct encoder *e, const struct schema_message *m, const char *fmt, ...)
	PRINTF_LIKE(3, 4) COLD;
/* A message in its JSON form. */
enum status encode_body(struct encoder *e, const struct schema_message *m, struct slice wire,
			unsigned depth) MUST_CHECK;
/* One value of a field, without its name. */
enum status encode_value(struct encoder *e, const struct schema_message *m,
			 const struct schema_field *f, uint64_t bits, struct slice bytes,
			 unsigned depth) MUST_CHECK;
enum status encode_string(struct encoder *e, const struct schema_message *m,
			  struct slice s) MUST_CHECK;
/* `{…}` of all entries of map field `f` that follow in `in`. */
enum status encode_map(struct encoder *e, const struct schema_message *m,
		       const struct schema_field *f, struct wire_in *in, unsigned depth) MUST_CHECK;
enum status encode_well_known(struct encoder *e, const struct schema_message *m, struct slice wire,
			      unsigned depth) MUST_CHECK;

#endif
