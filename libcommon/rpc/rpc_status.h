/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_status.h - struct err to and from gRPC trailers: grpc-status, grpc-message (percent-encoded)
 * and grpc-status-details-bin (google.rpc.Status with BadRequest, ErrorInfo, RetryInfo).
 *
 * Only the client text travels (err_client_text); the internal text stays in the log of who made
 * it.
 *
 * Pure functions; any thread. Ownership: a decoded err borrows nothing.
 * Limits:    ERR_FIELDS_MAX violations, further ones are counted in nfields_lost; a delay of
 *            RetryInfo beyond 4,000,000 s is passed over.
 */
#ifndef FIT_RPC_RPC_STATUS_H
#define FIT_RPC_RPC_STATUS_H

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct arena;
struct strbuf;

/* google.rpc.Status bytes, not yet base64. */
void rpc_status_encode(enum status status, const struct err *err, struct strbuf *out);
/* Fills err from details (may be empty) and message. `reason` is interned: static storage. */
void rpc_status_decode(enum status status, struct slice message, struct slice details,
		       struct err *ret_err);
void rpc_status_percent_encode(struct slice text, struct strbuf *out);
void rpc_status_percent_decode(struct slice text, struct strbuf *out);

#endif
