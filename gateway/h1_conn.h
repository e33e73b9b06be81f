/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h1_conn.h - one HTTP/1.1 connection: what front_h1.c (libevhtp), h1_conn.c (its life, clocks and
 * socket), h1_request.c (reading) and h1_reply.c (answering) share. Private to these four.
 *
 * Nothing frees a connection while a caller may still look at it: h1_conn_kill closes the socket
 * and leaves the memory to the end of the loop turn.
 *
 * Ownership: the front's. Threads: the loop's.
 */
#ifndef FIT_GATEWAY_H1_CONN_H
#define FIT_GATEWAY_H1_CONN_H

#include <netinet/in.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#include "gateway/chunked.h"
#include "gateway/client_address.h"
#include "gateway/exchange.h"
#include "gateway/front_h1.h"
#include "gateway/head_filter.h"
#include "gateway/sock_out.h"
#include "libcommon/base/strbuf.h"

#define H1_READ_SIZE 65536
#define H1_ARENAS_KEPT 64
#define H1_DRAIN_IDLE_MS 1000

/* Who holds the connection. */
enum conn_state {
	CONN_IDLE,    /* the client: no byte of a request yet */
	CONN_HEAD,    /* the client: part of a head is there */
	CONN_BODY,    /* the client: the head is accepted, its body is being read */
	CONN_BUSY,    /* the handler: it owes a reply */
	CONN_ENDING,  /* the socket: the reply is complete, libevhtp has not been told */
	CONN_CLOSING, /* the socket, then the client: no more requests; flush, shut down, discard */
	CONN_DEAD,    /* nobody: closed, freed at the end of the turn */
};

/* libevhtp's side of a connection; only front_h1.c looks inside. */
struct h1_engine {
	struct evhtp_connection *connection; /* NULL once freed */
	struct evhtp_request *request;       /* from on_evhtp_request to on_request_fini */
	struct bufferevent *feed;            /* the connection's; it has no socket */
};

struct conn {
	struct exchange ex;
	struct front_h1 *front;
	LIST_ENTRY(conn) link;
	STAILQ_ENTRY(conn) ended; /* valid while `queued` */
	struct h1_engine engine;
	struct event readable, writable, timer;
	int64_t deadline_ms, armed_ms; /* 0: none */
	int64_t body_begun_ms;
	enum conn_state state;
	bool queued, keep_alive, streaming, stream_chunked, aborted, eof, reading_off;
	size_t discarded;
	struct strbuf in; /* bytes not used yet */
	size_t in_at;
	struct head_filter filter;
	struct chunked chunked;
	struct strbuf body;
	size_t body_limit, body_counted;
	struct sock_out out;
	size_t out_counted;   /* of `out`, in the front's reply_memory */
	int64_t out_begun_ms; /* since when something waits */
	size_t out_taken;     /* by the client since then */
	char peer[INET6_ADDRSTRLEN];
};

LIST_HEAD(conn_list, conn);
STAILQ_HEAD(conn_queue, conn);

struct front_h1 {
	struct front_h1_options opts;
	struct evhtp *htp;
	struct conn *feeding; /* whose head libevhtp parses right now */
	struct conn_list conns;
	struct conn_queue ended;
	struct event turn_end; /* after the events at hand: finishes what is in `ended` */
	struct strbuf head;    /* scratch for a reply's head */
	struct strbuf canonical;
	struct arena *arenas[H1_ARENAS_KEPT];
	unsigned narenas;
	bool draining;
	struct front_h1_stats stats;
	char scratch[H1_READ_SIZE];
};

static inline struct conn *
h1_conn_of(struct exchange *ex)
{
	return container_of(ex, struct conn, ex);
}

/* ---- h1_conn.c ---- */

/* What conn_limit counts a peer by; empty for a trusted proxy. */
struct slice h1_limit_key(const struct front_h1 *front, const char *peer,
			  char key[CLIENT_ADDRESS_SIZE]);
/* Takes over the socket; `peer` is the client's address. */
struct conn *h1_conn_new(struct front_h1 *front, int fd, const char *peer);
/* Milliseconds from now. */
void h1_conn_set_deadline(struct conn *conn, int64_t ms);
void h1_conn_clear_deadline(struct conn *conn);
/* At the end of the turn: ends the exchange that is answered, or frees what is dead. */
void h1_conn_queue_end(struct conn *conn);
void h1_conn_kill(struct conn *conn);
/* Brings the front's count up to date with what waits in `out`. False: all replies together are too
 * much. */
bool h1_conn_count_out(struct conn *conn);
/* No more requests: flush, shut down, linger. */
void h1_conn_begin_closing(struct conn *conn);
/* Handler of front->turn_end. */
void h1_conn_turn_end(evutil_socket_t fd, short what, void *front);

/* ---- h1_request.c ---- */

/* Uses up as much of `in` as the connection's state allows; returns how much. */
size_t h1_request_consume(struct conn *conn, struct slice in);
/* Gives back what the request held. */
void h1_request_release(struct conn *conn);

/* ---- h1_reply.c ---- */

extern const struct exchange_front h1_reply_vtable;
void h1_reply_send_bytes(struct conn *conn, struct slice bytes);
/* What the front itself answers; the connection ends with it. */
void h1_reply_refuse(struct conn *conn, unsigned status, const char *detail);

/* ---- front_h1.c: the engine ---- */

/* Feeds the canonical head; the handler is called within. False: it was not taken. */
bool h1_engine_feed(struct conn *conn);
/* The reply is out: true when the engine stands ready for the next head, false when it has gone. */
bool h1_engine_finish(struct conn *conn);
/* Frees its connection; an open exchange is cancelled. */
void h1_engine_drop(struct conn *conn);

#endif
