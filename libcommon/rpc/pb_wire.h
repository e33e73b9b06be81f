/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pb_wire.h - protobuf wire format (protobuf.dev "Encoding"), field by field, without
 * descriptors: for the few small messages that rpc itself reads and writes.
 *
 *	struct pb_reader r = pb_reader(wire);
 *	while (pb_next(&r))
 *		if (r.field == 1 && r.type == PB_BYTES) name = r.bytes;
 *	if (r.broken) …
 *
 * Ownership: slices point into the input; a reader is a plain value. Threads: any.
 * Limits:    none of its own; it never recurses.
 */
#ifndef FIT_RPC_PB_WIRE_H
#define FIT_RPC_PB_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

struct strbuf;

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
	const unsigned char *p, *end;
	uint32_t field;
	enum pb_type type;
	uint64_t number;    /* of VARINT and FIXED */
	struct slice bytes; /* of BYTES */
	bool broken;
};

static inline struct pb_reader
pb_reader(struct slice wire)
{
	const unsigned char *p = (const unsigned char *)(wire.p != NULL ? wire.p : "");

	return (struct pb_reader){ .p = p, .end = p + wire.n };
}

/* False at the end, or with `broken` set. Groups are broken: proto3 has none. */
bool pb_next(struct pb_reader *reader);

void pb_put_varint(struct strbuf *out, uint32_t field, uint64_t value);
void pb_put_bytes(struct strbuf *out, uint32_t field, struct slice bytes);

#endif
