/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_server_private.h - shared by the files of the server only.
 *
 * A call is seen from two sides. The I/O side (rpc_request.c, rpc_reply.c) owns the stream, the
 * timer and the memory; it runs on the connection's loop. The working side (rpc_call.c,
 * rpc_stream.c) is a worker, then perhaps the owner of a detached stream. What both touch lies
 * under call->lock. The working side never frees: it says "ready", and the I/O side, once the
 * stream is closed and `users` is 0, recycles the call.
 */
#ifndef FIT_RPC_RPC_SERVER_PRIVATE_H
#define FIT_RPC_RPC_SERVER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/net/h2_session.h"
#include "libcommon/rpc/rpc_frame.h"
#include "libcommon/rpc/rpc_server.h"
#include "libcommon/schema/schema.h"

struct event;
struct hashmap;
struct loop;
struct loop_timer;
struct metric_series;
struct rpc_io;

#define RPC_IO_MAX 8
#define RPC_CALLS_CACHED 256
#define RPC_CONNECTIONS_MAX 4096     /* of the whole server */
#define RPC_CONNECTION_CALLS_MAX 200 /* with handlers still running after a reset */
#define RPC_REQUEST_BYTES_MAX                                                                      \
	((size_t)256 * 1024 * 1024)         /* buffered requests of the whole server */
#define RPC_OUT_HIGH RPC_STREAM_QUEUE_BYTES /* outbound queue of a call: full … */
#define RPC_OUT_LOW ((size_t)64 * 1024)     /* … and open again */
#define RPC_IN_HIGH ((size_t)H2_STREAM_WINDOW / 2)
#define RPC_ARENA_CAP ((size_t)64 * 1024 * 1024)
#define RPC_TAKE_MS 2000 /* after the deadline, for the peer to take its answer */

/* ---- methods ---- */

/* A method answered on the I/O thread: it must not block. */
struct rpc_inline {
	void (*on_message)(struct rpc_call *call, struct slice message);
	/* The peer ended its half (streaming requests only). */
	void (*on_end)(struct rpc_call *call);
	/* The stream is over, however. May be NULL. */
	void (*on_gone)(struct rpc_call *call);
	bool forever; /* without a deadline, and drain does not wait for it */
};

struct rpc_entry {
	const struct schema_method *schema;
	rpc_handler_fn handler;
	const struct rpc_inline *inlined;
	const ProtobufCMessageDescriptor *input, *output;
	unsigned work_class;
	_Atomic(struct metric_series *) requests[STATUS_COUNT];
	struct metric_series *duration;
};

struct rpc_registry {
	struct hashmap *by_path; /* struct rpc_entry * */
	struct rpc_entry *entries;
	size_t nentries;
	struct rpc_entry unknown; /* for accounting what is not a method */
	const char **services;    /* names, for health and reflection */
	size_t nservices;
};

enum status rpc_registry_init(struct rpc_registry *registry, const struct rpc_server_options *opts,
			      const struct rpc_service *const *services, size_t nservices,
			      struct err *err) MUST_CHECK;
void rpc_registry_fini(struct rpc_registry *registry);
void rpc_entry_account(struct rpc_entry *entry, enum status status, int64_t ns);
bool rpc_registry_has_service(const struct rpc_registry *registry, struct slice name);

extern const struct rpc_inline rpc_health_check, rpc_health_watch, rpc_reflection_v1;
struct rpc_reflection;
struct rpc_reflection *rpc_reflection_new(const struct rpc_registry *registry,
					  struct slice protoset);
void rpc_reflection_free(struct rpc_reflection *reflection);

/* ---- the server ---- */

struct rpc_server {
	struct rpc_server_options opts;
	struct rpc_registry registry;
	struct rpc_reflection *reflection;
	struct rpc_io *io[RPC_IO_MAX];
	unsigned nio;
	int port;
	atomic_bool serving, draining;
	atomic_size_t request_bytes; /* buffered */
	atomic_uint connections;
	atomic_uint calls;    /* in flight: those that drain waits for */
	atomic_uint working;  /* of those the ones with a worker or a detached owner */
	atomic_uint nopen;    /* I/O threads that have not closed */
	pthread_mutex_t lock; /* for the wait only */
	pthread_cond_t quiet;
};

/* An accepted connection; lives until it is down and no call counts on it. */
struct rpc_conn {
	struct h2_session *h2; /* NULL: down */
	struct rpc_io *io;
	struct rpc_conn *prev, *next;
	unsigned calls;
	bool known;       /* `peer` is established */
	const char *peer; /* the calling program's name, "" on plain loopback, NULL: none of ours */
};

struct rpc_io {
	struct rpc_server *server;
	struct loop *loop;
	int listen_fd;
	struct event *on_accept;
	struct loop_timer *accept_again;
	struct rpc_conn *conns;
	struct rpc_call *cached;
	unsigned ncached;
	struct rpc_call *watchers;        /* health Watch */
	_Atomic(struct rpc_call *) ready; /* pushed by the working side */
	bool draining, closing;
};

/* ---- calls ---- */

struct rpc_field {
	struct rpc_field *next;
	struct slice name, value;
};

struct rpc_in {
	struct rpc_in *next;
	size_t n;
	char data[];
};

/* The record counts too: a flood of empty messages fills the queue as well. */
static inline size_t
rpc_in_cost(const struct rpc_in *in)
{
	return sizeof(*in) + in->n;
}

struct rpc_call {
	/* I/O side, and the working side after the hand-over for reading only. */
	struct h2_stream h2;
	struct rpc_io *io;
	struct rpc_conn *conn;
	struct rpc_call *cache_next;
	struct rpc_call *watch_prev, *watch_next;
	struct loop_timer *timer;
	struct rpc_entry *entry;
	struct arena *arena;      /* I/O side until dispatch, then the working side's */
	struct arena *recv_arena; /* of the newest rpc_call_recv */
	int64_t started_ns;
	struct deadline deadline;
	struct slice path;
	struct rpc_field *fields, **fields_end;
	int64_t timeout_ms; /* -1: none said */
	struct trace trace;
	struct principal principal;
	char request_id[65];
	enum status bad; /* a fault found while the header fields came in */
	const char *bad_text;
	bool post, grpc, te, has_trace, has_principal;
	bool head_done, counted, dispatched, stream_open, headers_sent, ended;
	bool watching;
	bool late; /* the deadline has passed */
	struct rpc_frame_reader reader;
	struct slice request; /* of a unary request, in arena or big */
	struct strbuf big;
	bool has_request;
	size_t held;    /* counted in server->request_bytes */
	size_t unacked; /* received, window not given back */

	/* Both sides. */
	_Atomic bool cancelled;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool queued; /* in io->ready */
	struct rpc_call *ready_next;
	unsigned users; /* of the working side: worker, detached owner */
	bool answered;  /* somebody decided the outcome */
	bool done;      /* the outcome below is complete */
	enum status status;
	struct strbuf message; /* percent-encoded */
	struct strbuf details; /* base64 */
	struct strbuf headers; /* reply fields: name NUL value-length value … */
	unsigned nheaders;
	bool headers_taken;
	struct h2_chunk *out_head, *out_tail;
	size_t out_bytes; /* queued here and in h2 */
	bool out_full;    /* somebody was told, or waits */
	struct rpc_in *in_head, *in_tail;
	size_t in_bytes;
	bool in_end;
	enum status in_status;
	bool detached, finished;
	bool calling;     /* a stream event runs on the I/O thread */
	bool told_cancel; /* on_cancel ran */
	struct rpc_stream_events events;
};

/* I/O side: rpc_request.c */
extern const struct h2_events rpc_server_h2_events;
/* I/O side: rpc_reply.c */
struct rpc_call *rpc_call_start(struct rpc_conn *conn);
void rpc_call_free(struct rpc_call *call);
/* Back into the cache, once nobody has a hold on it. */
void rpc_call_try_recycle(struct rpc_call *call);
/* So many bytes of its request are buffered now. */
void rpc_call_hold_bytes(struct rpc_call *call, size_t now);
/* Tells whoever works on it that it is over; call->lock is held. */
void rpc_call_cancel_work(struct rpc_call *call);
void rpc_reply_on_sent(struct h2_stream *stream, size_t n);
void rpc_reply_on_trailers(struct h2_stream *stream);
/* The outcome, unless there is one. */
void rpc_io_answer(struct rpc_call *call, enum status status, const struct err *err);
void rpc_io_refuse(struct rpc_call *call, enum status status, const char *text) COLD;
void rpc_io_answer_http(struct rpc_call *call, const char *status);
/* For inlined methods. */
void rpc_inline_send(struct rpc_call *call, struct slice message);
void rpc_inline_finish(struct rpc_call *call, enum status status, const struct err *err);
void rpc_server_count(struct rpc_server *server, int by);
/* Has the I/O side look at the call; call->lock is held. */
void rpc_call_push(struct rpc_call *call);
/* One connection less. */
void rpc_conn_closed(struct rpc_io *io);

/* Working side (rpc_call.c). */
void rpc_worker_run(void *call);
/* Sets the outcome unless there is one; call->lock is held. */
bool rpc_call_decide(struct rpc_call *call, enum status status, const struct err *err);
/* by_handler: a fault is ours and is logged as an error; else the peer made it, who must not fill
 * our log. */
void rpc_call_account(struct rpc_call *call, enum status status, const struct err *err,
		      bool by_handler);
/* The working side's share ends; call->lock is held and released. */
void rpc_call_leave(struct rpc_call *call);
/* Runs on_cancel or on_drain of a detached call; call->lock is held, released and taken again. */
void rpc_call_run_event(struct rpc_call *call, void (*fn)(void *arg));

/* rpc_health.c */
void rpc_health_publish(struct rpc_io *io);
void rpc_health_end_watches(struct rpc_io *io);

#endif
