/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h - one request and its reply: all that the pipeline knows of HTTP on the wire.
 *
 * A front (HTTP/1.1 now, HTTP/2 beside it) fills an exchange and hands it to the handler. The
 * handler answers at once or later, on the same loop, by exactly one of
 *
 *	exchange_reply(ex, 200, field_lines, body);
 *	exchange_stream_begin(ex, 200, field_lines);
 *		exchange_stream_send(ex, bytes)…; exchange_stream_end(ex);
 *	exchange_abort(ex);                        ends the connection or stream without a word
 *
 * after which the exchange is not the handler's any more. If the client goes away first,
 * `on_cancel` is called once instead: the handler stops its work there and touches the exchange
 * no more.
 *
 * Field lines are "Name: value\r\n" each; framing fields (Content-Length, Transfer-Encoding,
 * Connection, Date) are the front's, so are the rules for HEAD, 204 and 304. Values come from
 * our own code or are checked there: no CR or LF from a peer.
 *
 * Ownership:  the front owns the exchange; all slices live in its arena until the end of the
 *             exchange.
 * Threads:    the loop's. Limits: fields at most HEAD_FIELDS_MAX.
 */
#ifndef FIT_GATEWAY_EXCHANGE_H
#define FIT_GATEWAY_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http.h"
#include "libcommon/base/slice.h"

struct arena;
struct exchange;
struct loop;

struct exchange_field {
	struct slice name, value;
};

/* What a front can do with an exchange. */
struct exchange_front {
	void (*reply)(struct exchange *ex, unsigned status, struct slice fields, struct slice body);
	void (*stream_begin)(struct exchange *ex, unsigned status, struct slice fields);
	size_t (*stream_send)(struct exchange *ex, struct slice bytes);
	void (*stream_end)(struct exchange *ex);
	void (*abort)(struct exchange *ex);
};

struct exchange {
	const struct exchange_front *front;
	struct loop *loop;
	struct arena *arena;
	/* request */
	enum http_method method;
	struct slice path, query; /* still percent-encoded; the query without '?' */
	const struct exchange_field *fields;
	unsigned nfields;
	struct slice body; /* whole, transfer coding off */
	const char *peer;  /* address without port, text: of the client, or of a proxy */
	int64_t begun_ns;  /* monotonic: when the head was complete */
	/* the handler's */
	void *handler_data;
	void (*on_cancel)(struct exchange *ex);
	void (*on_drain)(struct exchange *ex); /* a stream's queue fell below EXCHANGE_STREAM_LOW */
};

#define EXCHANGE_STRANGER ((size_t)1 << 62)

struct exchange_handler {
	void (*on_request)(struct exchange *ex, void *arg);
	/*
	 * The head is there and a body announced: the most bytes of it that will be read (413
	 * beyond). Method, path, query and fields of the exchange are set. With EXCHANGE_STRANGER
	 * added, who sent a good token might send more: 401 beyond.
	 */
	size_t (*body_limit)(const struct exchange *ex, void *arg);
	/* The front itself answered `status` to something that never became an exchange: for log
	 * and metrics. */
	void (*on_refused)(unsigned status, const char *detail, const char *peer, void *arg);
};

/* Value of the first field of that name; SLICE_NONE (p == NULL) without one. */
struct slice exchange_header(const struct exchange *ex, struct slice name);

static inline void
exchange_reply(struct exchange *ex, unsigned status, struct slice fields, struct slice body)
{
	ex->front->reply(ex, status, fields, body);
}

static inline void
exchange_stream_begin(struct exchange *ex, unsigned status, struct slice fields)
{
	ex->front->stream_begin(ex, status, fields);
}

/*
 * Copies; returns the bytes that wait for the client. Above EXCHANGE_STREAM_HIGH the handler should
 * hold its source until on_drain.
 */
#define EXCHANGE_STREAM_HIGH 65536
#define EXCHANGE_STREAM_LOW 16384
static inline size_t
exchange_stream_send(struct exchange *ex, struct slice bytes)
{
	return ex->front->stream_send(ex, bytes);
}

static inline void
exchange_stream_end(struct exchange *ex)
{
	ex->front->stream_end(ex);
}

static inline void
exchange_abort(struct exchange *ex)
{
	ex->front->abort(ex);
}

#endif
