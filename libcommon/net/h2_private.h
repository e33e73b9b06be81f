/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_private.h - shared by h2_session.c (connection), h2_stream.c (streams) and h2_events.c
 * (nghttp2's callbacks) only.
 *
 * Ownership: the session owns all that it points to but loop, events and arg; streams are their
 *            callers' storage, in its list while they are open.
 * Threads:   the loop's.
 */
#ifndef FIT_NET_H2_PRIVATE_H
#define FIT_NET_H2_PRIVATE_H

#include "libcommon/base/strbuf.h"
#include "libcommon/net/h2_io.h"
#include "libcommon/net/h2_session.h"

struct event;
struct loop_timer;

enum h2_state {
	H2_CONNECTING, /* connect(2) is under way */
	H2_HANDSHAKE,  /* TLS */
	H2_OPEN,       /* nghttp2 runs */
	H2_DEAD,       /* waits for the end of the turn to be reaped */
};

/* Token bucket: at most `burst` at once, then `rate` a second. */
struct h2_bucket {
	double used; /* tokens taken and not yet regained */
	int64_t at_ms;
};

enum h2_due { H2_DUE_CONNECT, H2_DUE_PING, H2_DUE_WRITE, H2_DUE_AGE, H2_DUE_GOAWAY, H2_DUE_COUNT };

struct h2_session {
	struct loop *loop;
	const struct h2_events *events;
	void *arg;
	nghttp2_session *ng;
	struct h2_io io;
	enum h2_state state;
	bool server;
	bool loopback;
	bool ready;       /* on_ready came */
	bool deferred;    /* the end-of-turn function is asked for */
	bool no_new;      /* GOAWAY sent or received */
	bool notice_sent; /* first GOAWAY of two */
	bool goaway_sent;
	bool ping_sent;
	bool eof;
	bool want_write; /* the socket is full: a write event is armed */
	struct event *on_read, *on_write;
	struct loop_timer *timer;
	int64_t due[H2_DUE_COUNT]; /* monotonic ms; INT64_MAX: not armed */
	int64_t timer_at;
	int64_t keepalive_ms;
	int64_t last_recv_ms;
	struct strbuf out; /* framed, not yet written; from out_off */
	size_t out_off;
	struct h2_stream *streams;
	unsigned nstreams;
	struct h2_bucket resets, controls;
	char identity[H2_IDENTITY_MAX];
	struct err down; /* why */
};

/* A new nghttp2 session with our callbacks and limits. */
nghttp2_session *h2_events_session(struct h2_session *session);
/* The peer misbehaves: GOAWAY with the code, then the end. */
void h2_session_go_away(struct h2_session *session, uint32_t code, const char *text);
/* The second GOAWAY of a graceful end, with the real last id. */
void h2_session_second_goaway(struct h2_session *session);
/* Asks for a write at the end of this turn. */
void h2_session_wake(struct h2_session *session);
void h2_stream_attach(struct h2_session *session, struct h2_stream *stream, int32_t id);
/* Unlinks and drops the chunks; no callback. */
void h2_stream_release(struct h2_stream *stream);

#endif
