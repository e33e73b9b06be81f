/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_meta.h - names of the metadata that the gateway and the services exchange.
 *
 * Values of names ending in -bin are raw bytes on both sides of the API (base64 on the wire).
 */
#ifndef FIT_RPC_RPC_META_H
#define FIT_RPC_RPC_META_H

/* Requests */
#define RPC_META_PRINCIPAL "fit-principal-bin"         /* fit.api.v1.Principal */
#define RPC_META_TRACEPARENT "traceparent"             /* W3C Trace Context */
#define RPC_META_REQUEST_ID "fit-request-id"           /* as X-Request-ID */
#define RPC_META_IDEMPOTENCY_KEY "fit-idempotency-key" /* 1..255 printable ASCII */
#define RPC_META_IDEMPOTENCY_FINGERPRINT                                                           \
	"fit-idempotency-fp-bin"         /* SHA-256 over method path and request bytes */
#define RPC_META_IF_MATCH "fit-if-match" /* the entity tag as sent, with quotes */
#define RPC_META_LAST_EVENT_ID                                                                     \
	"fit-last-event-id" /* of a server stream: what the client saw last */
#define RPC_META_CLIENT_IP "fit-client-ip"
#define RPC_META_USER_AGENT "fit-user-agent"
/* "ai": the coach acts for its user. Between services only: the gateway never sends it. */
#define RPC_META_ACTOR "fit-actor"

/* Replies */
#define RPC_META_ETAG "fit-etag" /* "\"v7\"" */

#endif
