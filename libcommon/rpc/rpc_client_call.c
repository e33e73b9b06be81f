/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client_call.c - one call of a channel: request out, reply in, the outcome.
 */
#include "libcommon/rpc/rpc_client_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/codec.h"
#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/rpc/rpc_status.h"
#include "libcommon/runtime/loop.h"

#define NV_MAX 64
#define METADATA_MAX 48
/* Values that are new with every call would only push the useful ones out of the peer's table. */
#define NV_FRESH (NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX)

static void on_deadline(void *arg);

/* ---- memory ---- */

static struct rpc_client_call *
call_new(struct rpc_channel *ch)
{
	struct rpc_client_call *call = ch->cached;

	if (call != NULL) {
		ch->cached = call->next;
		ch->ncached--;
		return call;
	}
	call = calloc(1, sizeof(*call));
	if (call == NULL)
		panic("rpc: no memory");
	call->channel = ch;
	call->timer = loop_timer_new(ch->loop, on_deadline, call);
	return call;
}

void
rpc_client_call_free(struct rpc_client_call *call)
{
	rpc_frame_fini(&call->reader);
	strbuf_fini(&call->head);
	strbuf_fini(&call->message);
	strbuf_fini(&call->details);
	loop_timer_free(call->timer);
	free(call);
}

static void
recycle(struct rpc_client_call *call)
{
	struct rpc_channel *ch = call->channel;

	free(call->request);
	call->request = NULL;
	rpc_frame_fini(&call->reader);
	if (ch->freeing || ch->ncached >= CHANNEL_CALLS_CACHED) {
		rpc_client_call_free(call);
		return;
	}
	call->next = ch->cached;
	ch->cached = call;
	ch->ncached++;
}

/* ---- lists ---- */

static void
push_pending(struct rpc_client_call *call, bool first)
{
	struct rpc_channel *ch = call->channel;

	call->state = CALL_PENDING;
	call->prev = first ? NULL : ch->pending_tail;
	call->next = first ? ch->pending : NULL;
	if (call->prev != NULL)
		call->prev->next = call;
	else
		ch->pending = call;
	if (call->next != NULL)
		call->next->prev = call;
	else
		ch->pending_tail = call;
	ch->npending++;
}

static void
unlink_call(struct rpc_client_call *call)
{
	struct rpc_channel *ch = call->channel;

	if (call->state == CALL_ENDED || call->state == CALL_REFUSED)
		return;
	if (call->prev != NULL)
		call->prev->next = call->next;
	else if (call->state == CALL_PENDING)
		ch->pending = call->next;
	else
		ch->active = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	else if (call->state == CALL_PENDING)
		ch->pending_tail = call->prev;
	if (call->state == CALL_PENDING)
		ch->npending--;
}

static void
push_active(struct rpc_client_call *call)
{
	struct rpc_channel *ch = call->channel;

	call->state = CALL_ACTIVE;
	call->prev = NULL;
	call->next = ch->active;
	if (ch->active != NULL)
		ch->active->prev = call;
	ch->active = call;
}

/* ---- the outcome ---- */

static void
let_go(struct rpc_client_call *call)
{
	unlink_call(call);
	call->state = CALL_ENDED;
	call->channel->in_flight--;
	loop_timer_stop(call->timer);
	if (call->h2.session != NULL) {
		if (!call->h2.end_received || !call->h2.end_sent)
			h2_stream_reset(&call->h2, NGHTTP2_CANCEL);
		h2_stream_detach(&call->h2);
	}
}

void
rpc_client_call_end(struct rpc_client_call *call, enum status status, const struct err *err)
{
	struct rpc_channel *ch = call->channel;

	if (call->state == CALL_ENDED)
		return;
	let_go(call);
	call->depth++;
	call->events->on_end(call, status, err, call->arg);
	call->depth--;
	if (call->depth > 0)
		call->dead = true;
	else
		recycle(call);
	if (ch->npending > 0 && !ch->freeing)
		rpc_channel_pump(ch);
}

void
rpc_client_call_cancel(struct rpc_client_call *call)
{
	struct rpc_channel *ch = call->channel;

	ASSERT_LOOP(ch->loop);
	if (call->state == CALL_ENDED)
		return;
	let_go(call);
	if (call->depth > 0)
		call->dead = true;
	else
		recycle(call);
	if (ch->npending > 0 && !ch->freeing)
		rpc_channel_pump(ch);
}

static void COLD
fail(struct rpc_client_call *call, enum status status, const char *text)
{
	struct err err;

	err_init(&err);
	err_set(&err, status, "%s:%s: %s", call->channel->host, call->channel->port, text);
	rpc_client_call_end(call, status, &err);
}

static void
on_deadline(void *arg)
{
	struct rpc_client_call *call = arg;

	fail(call, STATUS_DEADLINE_EXCEEDED,
	     call->state == CALL_PENDING ? "the deadline passed while connecting"
					 : "the deadline passed");
}

/* ---- request ---- */

static void
put_field(struct strbuf *out, const char *name, struct slice value)
{
	size_t n = strlen(name);

	strbuf_add(out, name, n + 1);
	if (n > 4 && strcmp(name + n - 4, "-bin") == 0)
		codec_base64_encode(out, value.p, value.n);
	else
		strbuf_add_slice(out, value);
	strbuf_addch(out, '\0');
}

/* Kept as text until a connection takes it, and for a second try. */
static void
put_head(struct rpc_client_call *call, const char *path, const struct rpc_call_options *opts)
{
	struct strbuf *out = &call->head;

	strbuf_reset(out);
	put_field(out, ":path", slice_str(path));
	if (opts->principal.n > 0)
		put_field(out, RPC_META_PRINCIPAL, opts->principal);
	if (opts->trace != NULL) {
		char text[TRACE_PARENT_SIZE];
		trace_format(opts->trace, text);
		put_field(out, RPC_META_TRACEPARENT, slice_str(text));
	}
	if (opts->request_id != NULL && opts->request_id[0] != '\0')
		put_field(out, RPC_META_REQUEST_ID, slice_str(opts->request_id));
	for (size_t i = 0; i < opts->nmetadata && i < METADATA_MAX; i++)
		put_field(out, opts->metadata[i].name, opts->metadata[i].value);
}

static void
call_start(struct rpc_client_call *call, const struct rpc_client_events *events, void *arg)
{
	memset(&call->h2, 0, sizeof(call->h2));
	call->events = events;
	call->arg = arg;
	rpc_frame_init(&call->reader, RPC_MESSAGE_MAX);
	call->tries = call->depth = 0;
	call->dead = call->paused = false;
	call->unacked = 0;
	call->head_done = call->is_grpc = call->have_status = call->informational = false;
	call->http_status = 0;
	call->code = STATUS_UNKNOWN;
	strbuf_reset(&call->message);
	strbuf_reset(&call->details);
}

/* A call that cannot even start: its end comes from the loop all the same. */
static void
on_refused(void *arg)
{
	struct rpc_client_call *call = arg;
	struct rpc_channel *ch = call->channel;

	call->depth--;
	if (call->dead) {
		/* Cancelled before we could tell. */
		recycle(call);
		return;
	}
	if (deadline_left_ms(call->deadline) == 0)
		on_deadline(call);
	else if (call->crowded)
		fail(call, STATUS_UNAVAILABLE, "too many calls wait for a connection");
	else
		rpc_client_call_end(call, ch->last_err.status, &ch->last_err);
}

struct rpc_client_call *
rpc_channel_start(struct rpc_channel *ch, const char *path, const struct rpc_call_options *opts,
		  struct slice wire, const struct rpc_client_events *events, void *arg)
{
	struct rpc_client_call *call = call_new(ch);

	ASSERT_LOOP(ch->loop);
	call_start(call, events, arg);
	call->deadline = opts->deadline;
	put_head(call, path, opts);
	call->request = rpc_frame_wrap(wire);
	call->request->keep = true;
	ch->in_flight++;

	int left = deadline_left_ms(call->deadline);
	struct rpc_link *link = rpc_channel_pick(ch);
	call->crowded = ch->npending >= CHANNEL_PENDING_MAX;
	if (left == 0 || (link == NULL && (call->crowded || rpc_channel_is_failing(ch)))) {
		/* The depth keeps a cancel from freeing it below the deferred function. */
		call->state = CALL_REFUSED;
		call->depth++;
		loop_defer(ch->loop, on_refused, call);
		return call;
	}
	push_pending(call, false);
	loop_timer_start(call->timer, left);
	/* First come, first served: not past those that wait. */
	if (link != NULL && ch->npending == 1)
		rpc_client_call_submit(call, link);
	else
		rpc_channel_pump(ch);
	return call;
}

static size_t
fill_nv(struct rpc_client_call *call, nghttp2_nv nv[NV_MAX], char timeout[RPC_TIMEOUT_SIZE])
{
	const struct rpc_channel *ch = call->channel;
	size_t n = 0;

	nv[n++] = (nghttp2_nv)H2_NV(":method", "POST");
	if (ch->ssl_ctx != NULL)
		nv[n++] = (nghttp2_nv)H2_NV(":scheme", "https");
	else
		nv[n++] = (nghttp2_nv)H2_NV(":scheme", "http");
	nv[n] = h2_nv_value(":authority", slice_str(ch->host));
	nv[n++].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;

	const char *p = call->head.buf, *end = p + call->head.len;
	size_t path_at = n;
	while (p < end && n < NV_MAX - 4) {
		const char *value = p + strlen(p) + 1;
		struct slice v = slice_str(value);
		nv[n] = h2_nv_value(p, v);
		/* nghttp2 wants the pseudo fields first; the path is the first here. */
		nv[n++].flags = NGHTTP2_NV_FLAG_NO_INDEX;
		p = value + v.n + 1;
	}
	nv[path_at].flags = NGHTTP2_NV_FLAG_NONE;
	nv[n++] = (nghttp2_nv)H2_NV("te", "trailers");
	nv[n++] = (nghttp2_nv)H2_NV("content-type", "application/grpc");
	nv[n++] = (nghttp2_nv)H2_NV("user-agent", "fit-rpc/1");
	size_t len = rpc_timeout_format(deadline_left_ms(call->deadline), timeout);
	nv[n] = h2_nv_value("grpc-timeout", slice_make(timeout, len));
	nv[n++].flags = NV_FRESH;
	return n;
}

void
rpc_client_call_submit(struct rpc_client_call *call, struct rpc_link *link)
{
	nghttp2_nv nv[NV_MAX];
	char timeout[RPC_TIMEOUT_SIZE];
	size_t n = fill_nv(call, nv, timeout);

	memset(&call->h2, 0, sizeof(call->h2));
	call->request->next = NULL;
	unlink_call(call);
	push_active(call);
	if (h2_stream_open(link->h2, &call->h2, nv, n, call->request) == STATUS_OK)
		return;
	/* The connection takes no more: back to the head of the line, another will. */
	link->ready = false;
	unlink_call(call);
	push_pending(call, true);
}

/* ---- reply ---- */

static void
on_status_field(struct rpc_client_call *call, struct slice name, struct slice value)
{
	if (slice_eq_str(name, "grpc-status")) {
		call->have_status = value.n == 1 || value.n == 2;
		call->code = 0;
		for (size_t i = 0; i < value.n && call->have_status; i++) {
			call->have_status = value.p[i] >= '0' && value.p[i] <= '9';
			call->code = call->code * 10 + (value.p[i] - '0');
		}
	} else if (slice_eq_str(name, "grpc-message")) {
		strbuf_reset(&call->message);
		rpc_status_percent_decode(value, &call->message);
	} else if (slice_eq_str(name, "grpc-status-details-bin")) {
		size_t n = 0;
		strbuf_reset(&call->details);
		strbuf_grow(&call->details, CODEC_BASE64_DECODED_MAX(value.n));
		if (codec_base64_any_decode(value, call->details.buf, &n))
			call->details.len = n;
	}
}

static void
give_header(struct rpc_client_call *call, struct slice name, struct slice value)
{
	char raw[H2_HEADER_LIST_MAX];
	size_t n;

	if (call->events->on_header == NULL)
		return;
	if (name.n > 4 && memcmp(name.p + name.n - 4, "-bin", 4) == 0) {
		if (CODEC_BASE64_DECODED_MAX(value.n) > sizeof(raw) ||
		    !codec_base64_any_decode(value, raw, &n))
			return;
		value = slice_make(raw, n);
	}
	call->depth++;
	call->events->on_header(call, name, value, call->arg);
	call->depth--;
}

static unsigned
three_digits(struct slice s)
{
	unsigned v = 0;

	for (size_t i = 0; i < s.n && i < 3; i++)
		v = v * 10 + (unsigned)(s.p[i] - '0');
	return v;
}

/* True when the call ended inside a callback and is to be recycled now. */
static bool
reaped(struct rpc_client_call *call)
{
	if (!call->dead || call->depth > 0)
		return false;
	recycle(call);
	return true;
}

static void
on_header(struct h2_stream *st, struct slice name, struct slice value)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);

	if (call->dead)
		return;
	if (slice_eq_str(name, ":status")) {
		call->http_status = three_digits(value);
		call->informational = call->http_status < 200;
	} else if (slice_starts_with(name, SLICE_LIT("grpc-"))) {
		on_status_field(call, name, value);
	} else if (slice_eq_str(name, "content-type")) {
		call->is_grpc = slice_starts_with(value, SLICE_LIT("application/grpc"));
	} else if (!call->head_done && !call->informational && name.p[0] != ':') {
		give_header(call, name, value);
		(void)reaped(call);
	}
}

/* grpc/grpc doc/http-grpc-status-mapping.md: for a reply that is not gRPC. */
static enum status
from_http(unsigned http)
{
	switch (http) {
	case 400:
		return STATUS_INTERNAL;
	case 401:
		return STATUS_UNAUTHENTICATED;
	case 403:
		return STATUS_PERMISSION_DENIED;
	case 404:
		return STATUS_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return STATUS_UNAVAILABLE;
	default:
		return STATUS_UNKNOWN;
	}
}

static void
fail_http(struct rpc_client_call *call)
{
	char text[64];

	snprintf(text, sizeof(text), "the reply is HTTP status %u, not gRPC", call->http_status);
	fail(call, from_http(call->http_status), text);
}

static void
on_headers(struct h2_stream *st, bool too_large)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);

	if (too_large) {
		fail(call, STATUS_RESOURCE_EXHAUSTED, "the reply's header is too large");
		return;
	}
	if (call->head_done || call->informational)
		return;
	call->head_done = true;
	if (call->http_status != 200 || !call->is_grpc) {
		if (!call->have_status)
			fail_http(call);
	}
}

static void
on_data(struct h2_stream *st, const void *p, size_t n)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);
	struct slice data = slice_make(p, n), message;
	bool complete;
	struct err err;

	call->unacked += n;
	while (data.n > 0) {
		enum status s = rpc_frame_next(&call->reader, &data, &message, &complete, &err);
		if (s != STATUS_OK) {
			fail(call, s, err.text);
			return;
		}
		if (!complete || call->events->on_message == NULL)
			continue;
		call->depth++;
		call->events->on_message(call, message, call->arg);
		call->depth--;
		if (reaped(call))
			return;
	}
	if (!call->paused) {
		h2_stream_consume(st, call->unacked);
		call->unacked = 0;
	}
}

static void
on_end(struct h2_stream *st)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);
	struct err err;

	if (!call->have_status) {
		fail(call, STATUS_INTERNAL, "the reply ends without grpc-status");
		return;
	}
	if (call->code == STATUS_OK && !rpc_frame_between(&call->reader)) {
		fail(call, STATUS_INTERNAL, "the reply ends inside a message");
		return;
	}
	enum status status = call->code < STATUS_COUNT ? (enum status)call->code : STATUS_UNKNOWN;
	err_init(&err);
	if (status != STATUS_OK)
		rpc_status_decode(status, strbuf_slice(&call->message), strbuf_slice(&call->details), &err);
	rpc_client_call_end(call, status, &err);
}

/* PROTOCOL-HTTP2.md, "Errors": what RST_STREAM means for the call. */
static enum status
from_reset(uint32_t code)
{
	switch (code) {
	case NGHTTP2_REFUSED_STREAM:
	case H2_CONNECTION_LOST:
		return STATUS_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return STATUS_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return STATUS_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return STATUS_PERMISSION_DENIED;
	default:
		return STATUS_INTERNAL;
	}
}

static void
on_close(struct h2_stream *st, uint32_t code)
{
	struct rpc_client_call *call = container_of(st, struct rpc_client_call, h2);
	char text[80];

	/* Refused, or above the last id of a GOAWAY: never processed, so it may be tried again, once. */
	if (code == NGHTTP2_REFUSED_STREAM && !call->head_done && ++call->tries < 2) {
		unlink_call(call);
		push_pending(call, true);
		rpc_channel_pump(call->channel);
		return;
	}
	if (code == H2_CONNECTION_LOST)
		snprintf(text, sizeof(text), "the connection was lost during the call");
	else
		snprintf(text, sizeof(text), "the peer reset the stream (%s)", nghttp2_http2_strerror(code));
	fail(call, from_reset(code), text);
}

void
rpc_client_call_pause(struct rpc_client_call *call, bool paused)
{
	ASSERT_LOOP(call->channel->loop);
	call->paused = paused;
	if (paused || call->unacked == 0)
		return;
	h2_stream_consume(&call->h2, call->unacked);
	call->unacked = 0;
}

const struct h2_events rpc_client_h2_events = {
	.on_header = on_header,
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
	.on_ready = rpc_link_ready,
	.on_goaway = rpc_link_goaway,
	.on_down = rpc_link_down,
};
