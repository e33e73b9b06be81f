/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunked.h - takes the chunked transfer coding off a request body.
 *
 *	struct chunked dec = CHUNKED_INIT;
 *	while ((v = chunked_feed(&dec, &in, &data)) == CHUNKED_DATA)
 *		strbuf_add_slice(&body, data);
 *
 * Strict: a size is 1 to 8 hex digits, extensions and trailer fields are refused (no client of
 * ours sends them, and parsers disagree about them).
 *
 * Ownership:  `data` points into `in`. Threads: one. Limits: the caller bounds the sum of the
 *             data.
 * Source:     RFC 9112 section 7.1.
 */
#ifndef FIT_GATEWAY_CHUNKED_H
#define FIT_GATEWAY_CHUNKED_H

#include <stdint.h>

#include "libcommon/base/slice.h"

enum chunked_verdict {
	CHUNKED_MORE, /* all of `in` is used up */
	CHUNKED_DATA, /* `data` is set; call again */
	CHUNKED_END,  /* the body is complete; what is left in `in` is not part of it */
	CHUNKED_BAD,
};

struct chunked {
	uint32_t left;
	uint8_t state, digits;
};
#define CHUNKED_INIT ((struct chunked){ 0 })

enum chunked_verdict chunked_feed(struct chunked *dec, struct slice *in, struct slice *ret_data);

#endif
