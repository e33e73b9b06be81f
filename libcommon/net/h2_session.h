/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_session.h - one HTTP/2 connection on a loop, server or client (RFC 9113), over libnghttp2.
 *
 *	struct h2_session *s = h2_session_new(&opts);        owns the fd
 *	h2_stream_submit_response(&call->h2, nv, n, false);
 *	h2_stream_write(&call->h2, chunk);                   queued until the loop turn ends
 *	h2_stream_finish(&call->h2);                         then on_trailers, then END_STREAM
 *
 * All frames of a loop turn leave in one write. What comes in is bounded: streams, header
 * list, resets (also those a peer provokes from us), continuations, control frames; a peer
 * that floods is sent away with GOAWAY(ENHANCE_YOUR_CALM). A connection that is silent is
 * asked by PING and dropped without an answer.
 *
 * Ownership: the session owns fd, TLS and itself: it goes away after on_down, which comes
 *            exactly once, from the loop, after on_close of every stream that was open. A
 *            `struct h2_stream` is caller's storage inside its call, zeroed; it is free again
 *            after on_close or h2_stream_detach.
 * Threads:   the loop's. Callbacks run on it, from inside the session: they may call any
 *            function here.
 * Limits:    struct h2_session_options; header list 16 KiB; outbound buffer 256 KiB (then the
 *            peer's pace rules).
 */
#ifndef FIT_NET_H2_SESSION_H
#define FIT_NET_H2_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define H2_HEADER_LIST_MAX (16 * 1024)
#define H2_HEADERS_MAX 100
#define H2_STREAMS_MAX 100
#define H2_STREAM_WINDOW (256 * 1024)
#define H2_CONNECTION_WINDOW (4 * 1024 * 1024)
/* on_close's code for a stream that ended with its connection. */
#define H2_CONNECTION_LOST 0xffffffffu

struct h2_session;
struct loop;
struct tls_context;

/* Outbound bytes of a stream; malloc'ed by h2_chunk_new, freed once sent. */
struct h2_chunk {
	struct h2_chunk *next;
	size_t n;
	bool keep; /* the owner frees it, not the stream (a request that may be sent again) */
	unsigned char data[];
};

struct h2_chunk *h2_chunk_new(size_t n);

struct h2_stream {
	struct h2_session *session; /* NULL: not attached */
	int32_t id;
	uint32_t rejected; /* why h2_stream_reset was called; 0: not */
	struct h2_stream *prev, *next;
	struct h2_chunk *head, *tail;
	size_t offset;  /* sent of head */
	size_t queued;  /* bytes in the chunks, not yet framed */
	size_t headers; /* of the block being received: bytes and fields counted as RFC 9113 6.5.2
			   does */
	unsigned nheaders;
	bool parked; /* the data source waits for h2_stream_write */
	bool finished;
	bool has_body;
	bool end_received; /* the peer's END_STREAM came */
	bool end_sent;
};

struct h2_events {
	/* Server: a request begins. NULL refuses it (REFUSED_STREAM: never processed). */
	struct h2_stream *(*on_request)(struct h2_session *session, void *arg);
	/* One field of a header block or of trailers. */
	void (*on_header)(struct h2_stream *stream, struct slice name, struct slice value);
	/* The block is complete; too_large: it passed H2_HEADER_LIST_MAX and the rest was not
	 * delivered. */
	void (*on_headers)(struct h2_stream *stream, bool too_large);
	/* The receiver gives the bytes' window back by h2_stream_consume. */
	void (*on_data)(struct h2_stream *stream, const void *p, size_t n);
	void (*on_end)(struct h2_stream *stream);
	/* `n` queued bytes were put on their way. */
	void (*on_sent)(struct h2_stream *stream, size_t n);
	/* All bytes are sent and the stream is finished: h2_stream_submit_trailers, or nothing.
	 * NULL: no trailers. */
	void (*on_trailers)(struct h2_stream *stream);
	/* The stream is over: error_code of RST_STREAM, 0 in order, or H2_CONNECTION_LOST. */
	void (*on_close)(struct h2_stream *stream, uint32_t error_code);
	/* Handshakes done, the peer's SETTINGS are known. May be NULL. */
	void (*on_ready)(struct h2_session *session, void *arg);
	/* The peer takes no new streams here. May be NULL. */
	void (*on_goaway)(struct h2_session *session, void *arg);
	/* The connection is over; err says why (STATUS_OK: in order). The session is gone after it
	 * returns. */
	void (*on_down)(struct h2_session *session, const struct err *err, void *arg);
};

struct h2_session_options {
	struct loop *loop;
	const struct h2_events *events;
	void *arg;
	bool server;
	int fd;                  /* non-blocking; a client's may still be connecting */
	struct tls_context *tls; /* borrowed, or NULL */
	const char *server_name; /* client with TLS */
	uint32_t max_streams;    /* that the peer may open at once; 0: 100 */
	int64_t connect_ms;      /* until on_ready; 0: 10000 */
	int64_t keepalive_ms;    /* silence before a PING; 0: 60000 */
	int64_t max_age_ms;      /* then a graceful end, +-10 %; 0: never */
};

/* NULL when the TLS library refuses; the fd is closed then too. */
struct h2_session *h2_session_new(const struct h2_session_options *opts);
void *h2_session_arg(const struct h2_session *session);
/* Ends in order: GOAWAY, a round trip for what is under way, a second GOAWAY; streams run to their
 * end. */
void h2_session_shutdown(struct h2_session *session);
/* Ends at once; on_down comes at the end of the loop turn. */
void h2_session_kill(struct h2_session *session, const struct err *err);
bool h2_session_ready(const struct h2_session *session);
bool h2_session_closing(const struct h2_session *session);
/* Open streams, and how many the peer lets us open. */
unsigned h2_session_streams(const struct h2_session *session);
unsigned h2_session_peer_max_streams(const struct h2_session *session);
/* True when the peer has an id and asserts it (TLS), or is on loopback (plain, id ""). */
bool h2_session_peer(const struct h2_session *session, const char **ret_identity,
		     bool *ret_loopback);

#define H2_NV(n, v)                                                                                \
	((nghttp2_nv){ (uint8_t *)(n), (uint8_t *)(v), sizeof(n) - 1, sizeof(v) - 1,               \
		       NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE })
/* `name` is static text; the value is copied and, since it differs from call to call, not indexed.
 */
nghttp2_nv h2_nv_value(const char *name, struct slice value);

/* Client: opens a stream. UNAVAILABLE when the session takes none. `finished`: END_STREAM follows
 * what is queued. */
enum status h2_stream_open(struct h2_session *session, struct h2_stream *stream,
			   const nghttp2_nv *nv, size_t nnv, struct h2_chunk *body) MUST_CHECK;
/* Server: the reply's header block; `end`: nothing follows (trailers-only). */
void h2_stream_submit_response(struct h2_stream *stream, const nghttp2_nv *nv, size_t nnv,
			       bool end);
/* Only from on_trailers. */
void h2_stream_submit_trailers(struct h2_stream *stream, const nghttp2_nv *nv, size_t nnv);
/* Takes the chunk. */
void h2_stream_write(struct h2_stream *stream, struct h2_chunk *chunk);
void h2_stream_finish(struct h2_stream *stream);
/* Gives n bytes of the stream's receive window back. */
void h2_stream_consume(struct h2_stream *stream, size_t n);
/* RST_STREAM; on_close follows with this code. */
void h2_stream_reset(struct h2_stream *stream, uint32_t error_code);
/* No more callbacks for this stream; its storage is free. Chunks not sent are dropped. */
void h2_stream_detach(struct h2_stream *stream);

#endif
