/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_server.h - a gRPC server: methods are rows of a table, handlers are straight lines.
 *
 *	static enum status
 *	on_get_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
 *	{
 *		const Fit__Workout__V1__GetPlanRequest *req = request;
 *		Fit__Workout__V1__GetPlanResponse *res = reply;
 *		struct workout *workout = rpc_call_service(call);
 *		…fill res with pointers into rpc_call_arena(call)…
 *		return STATUS_OK;
 *	}
 *	static const struct rpc_method methods[] = { { "GetPlan", on_get_plan }, … };
 *	static const struct rpc_service service = {
 *		&fit__workout__v1__workout_service__descriptor, methods, ARRAY_LEN(methods)
 *	};
 *
 * Before a handler runs, the server has: checked the wire bytes against the schema (field
 * rules included), unpacked them into the call's arena, decoded the principal, and enforced
 * the method's access policy: the program that calls (by mTLS identity; on plain loopback
 * any), audience, permission. A unary handler fills `reply` (initialised, in the arena) and
 * returns; on failure it returns the status with `err` filled. Wire: gRPC over HTTP/2
 * (grpc/grpc doc/PROTOCOL-HTTP2.md).
 *
 * Streams: a server-streaming handler calls rpc_call_send any number of times; a
 * client-streaming one rpc_call_recv. A handler may call rpc_call_detach and return
 * RPC_DETACHED: the call then lives until rpc_stream_finish, holds no worker, and any thread
 * may rpc_stream_send into its bounded queue.
 *
 * Ownership: the call and its arena belong to the server; valid until the handler returns, or,
 *            detached, until rpc_stream_finish.
 * Threads:   a handler runs on one worker; see each function.
 * Errors:    rpc_server_open: INVALID_ARGUMENT for what is no address, or is beyond loopback
 *            without mTLS; UNAVAILABLE: it is taken; INTERNAL: tables and schema do not agree.
 * Limits:    message 4 MiB in and out (config), 100 streams a connection, queue as in
 *            workpool.
 */
#ifndef FIT_RPC_RPC_SERVER_H
#define FIT_RPC_RPC_SERVER_H

#include <protobuf-c/protobuf-c.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/observe/trace.h"
#include "libcommon/rpc/principal.h"

struct rpc_call;
struct rpc_server;
struct rpc_stream;
struct schema;
struct schema_method;
struct tls_context;
struct workpool;

#define RPC_DETACHED ((enum status)(-1))
#define RPC_STREAM_QUEUE_BYTES ((size_t)256 * 1024) /* outbound queue of a streaming call */

typedef enum status (*rpc_handler_fn)(struct rpc_call *call, const void *request, void *reply,
				      struct err *err);

struct rpc_method {
	const char *name;
	rpc_handler_fn handler;
};

struct rpc_service {
	const ProtobufCServiceDescriptor *descriptor;
	const struct rpc_method *methods;
	size_t nmethods;
};

struct rpc_server_options {
	const char *address;           /* "127.0.0.1:7103"; beyond loopback only with tls */
	unsigned io_threads;           /* 0: max(1, cpus/4), at most 4 */
	size_t max_message_bytes;      /* 0: 4 MiB */
	int64_t max_connection_age_ms; /* 0: never; then graceful GOAWAY */
	int64_t default_timeout_ms;    /* for a call without grpc-timeout; 0: 15000 */
	struct workpool *workpool;     /* borrowed */
	void *service_ctx;             /* rpc_call_service() */
	/* mTLS, or NULL: plain, on loopback only. Borrowed. */
	struct tls_context *tls;
	/* With tls: what a peer's SPIFFE id is before the name of its program ("spiffe://fit/"). */
	const char *peer_prefix;
	/* Where the methods are described, and its FileDescriptorSet for reflection; NULL: the
	 * built-in one. */
	const struct schema *schema;
	struct slice protoset;
	int64_t keepalive_ms; /* silence of a peer before a PING; 0: 60000 */
};

/* Binds and starts its I/O threads. Methods of the descriptors without a row answer UNIMPLEMENTED
 * and a start-up log names them. */
enum status rpc_server_open(const struct rpc_server_options *opts,
			    const struct rpc_service *const *services, size_t nservices,
			    struct rpc_server **ret_server, struct err *err) MUST_CHECK;
/* Health service answers NOT_SERVING from now on / SERVING. Any thread. */
void rpc_server_set_serving(struct rpc_server *server, bool serving);
/* GOAWAY to all, no new calls; waits for calls in flight. False when the deadline passed before all
 * handlers and detached calls had ended; answers that a peer does not take by then are given up. */
bool rpc_server_drain(struct rpc_server *server, struct deadline deadline);
void rpc_server_close(struct rpc_server *server);
/* The port bound (address ":0" in tests). */
int rpc_server_port(const struct rpc_server *server);

/* ---- inside a handler (its worker thread) ---- */

void *rpc_call_service(struct rpc_call *call);
struct arena *rpc_call_arena(struct rpc_call *call);
const struct schema_method *rpc_call_method(const struct rpc_call *call);
struct deadline rpc_call_deadline(const struct rpc_call *call);
/* True once the peer cancelled or the deadline passed: every blocking step ends at its next look.
 * Any thread. */
bool rpc_call_cancelled(const struct rpc_call *call);
const struct principal *rpc_call_principal(const struct rpc_call *call);
const struct trace *rpc_call_trace(const struct rpc_call *call);
const char *rpc_call_request_id(const struct rpc_call *call);
/* Request metadata by lower-case name, the first of several; -bin values are decoded. SLICE_NONE
 * when absent. */
struct slice rpc_call_metadata(const struct rpc_call *call, const char *name);
/* All of it in order of arrival, duplicates too: start with *cursor = NULL. False at the end. */
bool rpc_call_metadata_next(const struct rpc_call *call, const void **cursor,
			    struct slice *ret_name, struct slice *ret_value);
/* Idempotency-Key and the request's fingerprint as forwarded by the gateway; n == 0 when none. */
struct slice rpc_call_idempotency_key(const struct rpc_call *call);
struct slice rpc_call_idempotency_fingerprint(const struct rpc_call *call);
/* If-Match: the version inside a strong entity tag "\"v7\""; false when the header is absent or
 * "*". -1, which no version equals, when it is anything else. */
bool rpc_call_if_match(const struct rpc_call *call, int64_t *ret_version);
/* Reply header (initial metadata); -bin values are encoded. Before the first message. */
void rpc_call_set_header(struct rpc_call *call, const char *name, struct slice value);
/* Sets `fit-etag: "v<version>"`, which the gateway turns into ETag. */
void rpc_call_set_etag(struct rpc_call *call, int64_t version);

/* Server streaming: packs and queues; blocks (until the deadline) while the outbound queue is full.
 */
enum status rpc_call_send(struct rpc_call *call, const ProtobufCMessage *message,
			  struct err *err) MUST_CHECK;
/* Client streaming: the next checked and unpacked message, valid until the next rpc_call_recv;
 * *ret_message == NULL at the end of the stream. */
enum status rpc_call_recv(struct rpc_call *call, void **ret_message, struct err *err) MUST_CHECK;

/* ---- detached calls ---- */

/* Events run on an I/O thread and never after rpc_stream_finish has returned: finish waits for one
 * that runs, so hold no lock there that an event takes. An event may call rpc_stream_send and
 * rpc_stream_finish itself. */
struct rpc_stream_events {
	void (*on_cancel)(void *arg); /* peer gone or deadline; called once, on an I/O thread */
	void (*on_drain)(void *arg);  /* outbound queue fell below its low mark; on an I/O thread */
	void *arg;
};
/* The handler must return RPC_DETACHED after this. */
struct rpc_stream *rpc_call_detach(struct rpc_call *call, const struct rpc_stream_events *events);
struct rpc_call *rpc_stream_call(struct rpc_stream *stream);
/* Any thread. RESOURCE_EXHAUSTED when the queue is full (wait for on_drain), CANCELLED when the
 * peer is gone. */
enum status rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message) MUST_CHECK;
/* Any thread, exactly once; frees the call. */
void rpc_stream_finish(struct rpc_stream *stream, enum status status, const struct err *err);

#endif
