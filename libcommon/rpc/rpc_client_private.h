/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client_private.h - shared by rpc_channel.c (connections), rpc_client_call.c (calls) and
 * rpc_client_reply.c (what comes back) only.
 *
 * Ownership: a channel owns its links and its calls; a call is in the list that its state
 *            names, and in `cached` when it is over. `events` and `arg` are the caller's until
 *            on_end.
 * Threads:   the channel's loop.
 */
#ifndef FIT_RPC_RPC_CLIENT_PRIVATE_H
#define FIT_RPC_RPC_CLIENT_PRIVATE_H

#include "libcommon/base/strbuf.h"
#include "libcommon/net/h2_session.h"
#include "libcommon/net/resolver.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/rpc/rpc_frame.h"

#define CHANNEL_LINKS_SPREAD 4 /* connections that are kept, to as many addresses */
#define CHANNEL_LINKS_MAX 64   /* while all others are full: long streams fill them, 100 each */
#define CHANNEL_PENDING_MAX 1024
#define CHANNEL_CALLS_CACHED 256

struct loop_timer;

/* One connection. */
struct rpc_link {
	struct rpc_channel *channel;
	struct rpc_link *next;
	struct h2_session *h2;
	bool ready;     /* takes streams */
	bool was_ready; /* at some time */
};

struct rpc_channel {
	struct loop *loop;
	char *host, *port;
	bool by_name; /* addresses may change */
	struct tls_context *tls;
	struct resolver *resolving;
	struct resolver_address addrs[RESOLVER_MAX];
	size_t naddrs, next_addr;
	int64_t resolved_ms;
	struct rpc_link *links;
	unsigned nlinks;
	unsigned nconnecting;
	unsigned failures;        /* in a row */
	int64_t failing_since_ms; /* of the first of them */
	int64_t next_try_ms;      /* monotonic; in the past: at once */
	struct loop_timer *retry;
	struct err last_err; /* why the last connection failed */
	struct rpc_client_call *pending, *pending_tail;
	unsigned npending;
	struct rpc_client_call *active; /* on a connection */
	struct rpc_client_call *cached;
	unsigned ncached;
	unsigned in_flight;
	bool freeing;
};

enum rpc_client_state {
	CALL_PENDING, /* in channel->pending */
	CALL_ACTIVE,  /* in channel->active; a stream is open */
	CALL_REFUSED, /* in no list: on_end comes at the end of the turn */
	CALL_ENDED,   /* on_end runs or ran */
};

struct rpc_client_call {
	struct h2_stream h2;
	struct rpc_channel *channel;
	struct rpc_client_call *prev, *next;
	enum rpc_client_state state;
	const struct rpc_client_events *events;
	void *arg;
	struct loop_timer *timer;
	struct deadline deadline;
	struct strbuf head; /* request fields: name NUL value NUL …, from the path on */
	struct h2_chunk *request;
	struct rpc_frame_reader reader;
	unsigned tries; /* how often it was refused */
	unsigned depth; /* callbacks of this call that are running */
	bool dead;      /* ended inside a callback: recycle when it returns */
	bool paused;
	bool crowded; /* refused because too many wait */
	size_t unacked;
	/* The reply. */
	bool head_done, is_grpc, have_status, informational;
	unsigned http_status;
	int code;
	struct strbuf message, details;
};

/* rpc_channel.c */
/* Gives pending calls to connections, opens connections as needed. */
void rpc_channel_pump(struct rpc_channel *channel);
/* A connection with room; NULL: none now. */
struct rpc_link *rpc_channel_pick(struct rpc_channel *channel);
/* True when a call need not wait: connections fail and the next try is not soon. */
bool rpc_channel_is_failing(const struct rpc_channel *channel);

/* rpc_client_reply.c */
extern const struct h2_events rpc_client_h2_events;

/* rpc_client_call.c */
/* Ends it with a text that names the target. */
void rpc_client_call_fail(struct rpc_client_call *call, enum status status, const char *text) COLD;
/* Back to the head of the line. */
void rpc_client_call_again(struct rpc_client_call *call);
void rpc_client_call_recycle(struct rpc_client_call *call);
void rpc_client_call_submit(struct rpc_client_call *call, struct rpc_link *link);
void rpc_client_call_end(struct rpc_client_call *call, enum status status, const struct err *err);
void rpc_client_call_free(struct rpc_client_call *call);

/* rpc_channel.c, called from the h2 events */
void rpc_link_ready(struct h2_session *session, void *link);
void rpc_link_goaway(struct h2_session *session, void *link);
void rpc_link_down(struct h2_session *session, const struct err *err, void *link);

#endif
