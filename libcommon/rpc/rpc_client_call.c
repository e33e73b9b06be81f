/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client_call.c - one call of a channel, first half: its memory, the lines it waits in, the
 * request.
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

void
rpc_client_call_recycle(struct rpc_client_call *call)
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
		rpc_client_call_recycle(call);
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
		rpc_client_call_recycle(call);
	if (ch->npending > 0 && !ch->freeing)
		rpc_channel_pump(ch);
}

void
rpc_client_call_fail(struct rpc_client_call *call, enum status status, const char *text)
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

	rpc_client_call_fail(call, STATUS_DEADLINE_EXCEEDED,
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
		rpc_client_call_recycle(call);
		return;
	}
	if (deadline_left_ms(call->deadline) == 0)
		on_deadline(call);
	else if (call->crowded)
		rpc_client_call_fail(call, STATUS_UNAVAILABLE,
				     "too many calls wait for a connection");
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
	if (ch->tls != NULL)
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
	/* The connection takes no more: another will. */
	link->ready = false;
	unlink_call(call);
	push_pending(call, true);
}

void
rpc_client_call_again(struct rpc_client_call *call)
{
	unlink_call(call);
	push_pending(call, true);
	rpc_channel_pump(call->channel);
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
