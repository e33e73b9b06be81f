/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client.h - calls other services: asynchronous on a loop, blocking for workers.
 *
 * A channel keeps a few HTTP/2 connections to one target and belongs to one loop; many streams
 * share a connection, one write per loop turn.
 *
 *	worker:  st = rpc_client_unary(client, "/fit.user.v1.UserService/GetUser", &opts, &req.base,
 *	                               &fit__user__v1__user__descriptor, arena, &reply, &err);
 *	gateway: call = rpc_channel_start(channel, path, &opts, wire, &events, arg);
 *
 * Ownership: reply lives in the given arena. An async call belongs to the channel and ends
 *            with exactly one on_end, or with rpc_client_call_cancel, after which no event
 *            comes.
 * Threads:   channel functions: its loop's thread. rpc_client_*: any worker thread (blocks).
 * Errors:    statuses of the peer as they came (with google.rpc.Status details decoded into
 *            err: public text, reason, fields, retry_after); UNAVAILABLE when no connection
 *            can be made; DEADLINE_EXCEEDED.
 * Retry:     a call is tried again once, only when it was provably never processed
 *            (REFUSED_STREAM, GOAWAY below id, connect failure).
 */
#ifndef FIT_RPC_RPC_CLIENT_H
#define FIT_RPC_RPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/observe/trace.h"
#include "libcommon/rpc/principal.h"

struct loop;
struct rpc_call;
struct rpc_channel;
struct rpc_client;
struct rpc_client_call;
struct tls_context;

struct rpc_metadata {
	const char *name; /* lower case; names ending in -bin carry raw bytes here */
	struct slice value;
};

struct rpc_call_options {
	struct deadline deadline;  /* required; sent as grpc-timeout */
	struct slice principal;    /* encoded principal, n == 0: none */
	const struct trace *trace; /* parent; may be NULL */
	const char *request_id;    /* may be NULL */
	/* rpc_client_unary: the call that this one is made for; its cancellation cancels this one.
	 * May be NULL. */
	const struct rpc_call *parent;
	const struct rpc_metadata *metadata;
	size_t nmetadata;
};

/* ---- asynchronous ---- */

struct rpc_client_events {
	/* Initial metadata of the reply, once, before any message (may be absent on trailers-only).
	 */
	void (*on_header)(struct rpc_client_call *call, struct slice name, struct slice value,
			  void *arg);
	/* One whole message; bytes valid during the call only. */
	void (*on_message)(struct rpc_client_call *call, struct slice wire, void *arg);
	/* The end, exactly once. err is filled when status != OK. The call is gone after it
	 * returns. */
	void (*on_end)(struct rpc_client_call *call, enum status status, const struct err *err,
		       void *arg);
};

/* target: "127.0.0.1:7103" (or "dns:name:port": all addresses, power of two choices). */
struct rpc_channel *rpc_channel_new(struct loop *loop, const char *target, struct tls_context *tls);
void rpc_channel_free(struct rpc_channel *channel);
/* Starts a call with one request message (unary or server-streaming). NULL never; failures come to
 * on_end, always from the loop, never from inside this call. `wire` is copied. */
struct rpc_client_call *rpc_channel_start(struct rpc_channel *channel, const char *path,
					  const struct rpc_call_options *opts, struct slice wire,
					  const struct rpc_client_events *events, void *arg);
void rpc_client_call_cancel(struct rpc_client_call *call);
/* Back-pressure of a server stream: while paused the stream's flow-control window is not given
 * back. */
void rpc_client_call_pause(struct rpc_client_call *call, bool paused);
unsigned rpc_channel_in_flight(const struct rpc_channel *channel);

/* ---- blocking ---- */

/* Owns a loop thread and a channel. */
struct rpc_client *rpc_client_open(const char *target, struct tls_context *tls);
void rpc_client_close(struct rpc_client *client);
enum status rpc_client_unary(struct rpc_client *client, const char *path,
			     const struct rpc_call_options *opts, const ProtobufCMessage *request,
			     const ProtobufCMessageDescriptor *reply_type, struct arena *arena,
			     void **ret_reply, struct err *err) MUST_CHECK;

#endif
