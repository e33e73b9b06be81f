/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_frame.h - gRPC's length-prefixed messages and time-outs (grpc/grpc doc/PROTOCOL-HTTP2.md).
 *
 *	while (data.n > 0) {
 *		st = rpc_frame_next(&reader, &data, &message, &complete, &err);
 *		if (st != STATUS_OK) return st;
 *		if (complete) use(message);
 *	}
 *	if (!rpc_frame_between(&reader)) the stream ended inside a message
 *
 * A message that lies whole in one piece of input is not copied. The buffer for a message in pieces
 * grows with what has arrived, not with what the peer announced.
 *
 * Ownership: `message` points into the input or into the reader; valid until the next call.
 * Threads:   one.
 * Errors:    UNIMPLEMENTED: compressed. RESOURCE_EXHAUSTED: longer than `max`. INTERNAL: a
 *            flag byte above 1.
 */
#ifndef FIT_RPC_RPC_FRAME_H
#define FIT_RPC_RPC_FRAME_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"

#define RPC_FRAME_HEAD 5
#define RPC_MESSAGE_MAX ((size_t)4 * 1024 * 1024)
#define RPC_TIMEOUT_SIZE 16
#define RPC_CONTENT_TYPE "application/grpc"

struct h2_chunk;

struct rpc_frame_reader {
	size_t max;
	unsigned char head[RPC_FRAME_HEAD];
	unsigned nhead;
	size_t need;
	struct strbuf partial;
};

void rpc_frame_init(struct rpc_frame_reader *reader, size_t max);
void rpc_frame_fini(struct rpc_frame_reader *reader);
enum status rpc_frame_next(struct rpc_frame_reader *reader, struct slice *data,
			   struct slice *ret_message, bool *ret_complete,
			   struct err *err) MUST_CHECK;
bool rpc_frame_between(const struct rpc_frame_reader *reader);

/* A framed message, ready for h2_stream_write. */
struct h2_chunk *rpc_frame_wrap(struct slice message);
/* NULL: longer than `max`. */
struct h2_chunk *rpc_frame_pack(const ProtobufCMessage *message, size_t max) MUST_CHECK;

/* "1S" … "99999999H": 1 to 8 digits and a unit of H M S m u n; ms rounded up. */
bool rpc_timeout_parse(struct slice text, int64_t *ret_ms) MUST_CHECK;
/* Returns the length. ms < 0 is 0. */
size_t rpc_timeout_format(int64_t ms, char buf[RPC_TIMEOUT_SIZE]);

#endif
