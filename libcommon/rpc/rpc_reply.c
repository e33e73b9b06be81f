/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_reply.c - the I/O side of a call, second half: its memory, the way from the working side back
 * to the stream, and outcomes that are decided on this side.
 *
 * Calls are kept with arena and timer for the next request of this thread: a call allocates nothing
 * of its own.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/rpc/rpc_status.h"
#include "libcommon/runtime/loop.h"

static void drain_ready(void *io);
static void on_deadline(void *arg);
static void on_ready(struct rpc_call *call);

/* ---- memory ---- */

static struct rpc_call *
call_new(struct rpc_io *io)
{
	struct rpc_call *call = io->cached;

	if (call != NULL) {
		io->cached = call->cache_next;
		io->ncached--;
		return call;
	}
	call = calloc(1, sizeof(*call));
	if (call == NULL)
		panic("rpc: no memory");
	call->io = io;
	call->arena = arena_new(RPC_ARENA_CAP);
	call->timer = loop_timer_new(io->loop, on_deadline, call);
	pthread_mutex_init(&call->lock, NULL);
	pthread_cond_init(&call->change, NULL);
	return call;
}

void
rpc_call_free(struct rpc_call *call)
{
	rpc_frame_fini(&call->reader);
	strbuf_fini(&call->big);
	strbuf_fini(&call->message);
	strbuf_fini(&call->details);
	strbuf_fini(&call->headers);
	arena_free(call->recv_arena);
	arena_free(call->arena);
	loop_timer_free(call->timer);
	pthread_cond_destroy(&call->change);
	pthread_mutex_destroy(&call->lock);
	free(call);
}

struct rpc_call *
rpc_call_start(struct rpc_conn *conn)
{
	struct rpc_call *call = call_new(conn->io);

	memset(&call->h2, 0, sizeof(call->h2));
	call->conn = conn;
	conn->calls++;
	call->entry = &call->io->server->registry.unknown;
	call->started_ns = clock_mono_ns();
	call->deadline = deadline_in(INT32_MAX);
	call->path = SLICE_NONE;
	call->fields = NULL;
	call->fields_end = &call->fields;
	call->timeout_ms = -1;
	call->principal.present = false;
	call->principal.npermissions = 0;
	call->request_id[0] = '\0';
	call->bad = STATUS_OK;
	call->post = call->grpc = call->te = call->has_trace = call->has_principal = false;
	call->head_done = call->counted = call->dispatched = call->headers_sent = false;
	call->ended = call->watching = call->has_request = call->late = false;
	call->stream_open = true;
	rpc_frame_init(&call->reader, call->io->server->opts.max_message_bytes);
	call->request = SLICE_NONE;
	call->held = call->unacked = 0;
	atomic_store_explicit(&call->cancelled, false, memory_order_relaxed);
	call->queued = call->answered = call->done = false;
	call->users = 0;
	call->nheaders = 0;
	call->headers_taken = false;
	call->out_head = call->out_tail = NULL;
	call->out_bytes = 0;
	call->out_full = false;
	call->in_head = call->in_tail = NULL;
	call->in_bytes = 0;
	call->in_end = false;
	call->in_status = STATUS_OK;
	call->detached = call->finished = call->calling = call->told_cancel = false;
	return call;
}

static void
drop_chunks(struct h2_chunk *chunk)
{
	while (chunk != NULL) {
		struct h2_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

void
rpc_call_hold_bytes(struct rpc_call *call, size_t now)
{
	struct rpc_server *server = call->io->server;

	if (now > call->held)
		atomic_fetch_add(&server->request_bytes, now - call->held);
	else if (now < call->held)
		atomic_fetch_sub(&server->request_bytes, call->held - now);
	call->held = now;
}

static void
conn_unref(struct rpc_conn *conn)
{
	if (--conn->calls == 0 && conn->h2 == NULL)
		free(conn);
}

/* Once nobody has a hold on the call: back into the cache. */
void
rpc_call_try_recycle(struct rpc_call *call)
{
	struct rpc_io *io = call->io;

	pthread_mutex_lock(&call->lock);
	bool free_now = !call->stream_open && call->users == 0 && !call->queued;
	pthread_mutex_unlock(&call->lock);
	if (!free_now)
		return;
	loop_timer_stop(call->timer);
	drop_chunks(call->out_head);
	while (call->in_head != NULL) {
		struct rpc_in *next = call->in_head->next;
		free(call->in_head);
		call->in_head = next;
	}
	rpc_call_hold_bytes(call, 0);
	rpc_frame_fini(&call->reader);
	strbuf_fini(&call->big);
	strbuf_reset(&call->message);
	strbuf_reset(&call->details);
	strbuf_reset(&call->headers);
	arena_free(call->recv_arena);
	call->recv_arena = NULL;
	arena_reset(call->arena);
	conn_unref(call->conn);
	if (call->counted)
		rpc_server_count(io->server, -1);
	if (io->ncached >= RPC_CALLS_CACHED || io->closing) {
		rpc_call_free(call);
		return;
	}
	call->cache_next = io->cached;
	io->cached = call;
	io->ncached++;
}

/* ---- the way back: from the working side to the stream ---- */

void
rpc_call_push(struct rpc_call *call)
{
	struct rpc_io *io = call->io;

	if (call->queued)
		return;
	call->queued = true;
	struct rpc_call *head = atomic_load_explicit(&io->ready, memory_order_relaxed);
	do
		call->ready_next = head;
	while (!atomic_compare_exchange_weak_explicit(&io->ready, &head, call, memory_order_release,
						      memory_order_relaxed));
	/*
	 * Whoever finds the stack empty wakes the loop; the rest ride along. The lock is still
	 * held: the call, and with it the server, cannot go away before the loop is woken.
	 */
	if (head == NULL)
		loop_post(io->loop, drain_ready, io);
}

static void
drain_ready(void *arg)
{
	struct rpc_io *io = arg;
	struct rpc_call *call = atomic_exchange_explicit(&io->ready, NULL, memory_order_acquire);
	struct rpc_call *in_order = NULL;

	while (call != NULL) {
		struct rpc_call *next = call->ready_next;
		call->ready_next = in_order;
		in_order = call;
		call = next;
	}
	while (in_order != NULL) {
		call = in_order;
		in_order = call->ready_next;
		on_ready(call);
	}
}

static size_t
put_status(struct rpc_call *call, nghttp2_nv *nv, char code[4])
{
	size_t n = 0;
	int len = snprintf(code, 4, "%d", (int)call->status);

	nv[n] = h2_nv_value("grpc-status", slice_make(code, (size_t)len));
	nv[n++].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
	if (call->message.len > 0)
		nv[n++] = h2_nv_value("grpc-message", strbuf_slice(&call->message));
	if (call->details.len > 0)
		nv[n++] = h2_nv_value("grpc-status-details-bin", strbuf_slice(&call->details));
	return n;
}

/* Reply fields that the handler set: text pairs "name\0value\0". */
static size_t
put_headers(const struct rpc_call *call, nghttp2_nv *nv)
{
	const char *p = call->headers.buf;

	for (unsigned i = 0; i < call->nheaders; i++) {
		const char *name = p, *value = p + strlen(p) + 1;
		nv[i] = h2_nv_value(name, slice_str(value));
		nv[i].flags = NGHTTP2_NV_FLAG_NO_INDEX;
		p = value + strlen(value) + 1;
	}
	return call->nheaders;
}

static void
send_headers(struct rpc_call *call, bool only_trailers)
{
	nghttp2_nv nv[H2_HEADERS_MAX];
	char code[4];
	size_t n = 0;

	call->headers_sent = true;
	nv[n++] = (nghttp2_nv)H2_NV(":status", "200");
	nv[n++] = (nghttp2_nv)H2_NV("content-type", RPC_CONTENT_TYPE);
	/* Until the call is done its status is the working side's. */
	if (only_trailers && call->status == STATUS_UNIMPLEMENTED)
		nv[n++] = (nghttp2_nv)H2_NV("grpc-accept-encoding", "identity");
	n += put_headers(call, nv + n);
	if (only_trailers)
		n += put_status(call, nv + n, code);
	h2_stream_submit_response(&call->h2, nv, n, only_trailers);
}

/* What the working side has left for the stream; call->lock is not held. */
static void
send_out(struct rpc_call *call, struct h2_chunk *out, bool done)
{
	if (call->h2.session == NULL) {
		drop_chunks(out);
		return;
	}
	if (!call->headers_sent && (out != NULL || done)) {
		bool only_trailers =
			out == NULL && call->status != STATUS_OK && call->nheaders == 0;
		send_headers(call, only_trailers);
		if (only_trailers)
			return;
	}
	while (out != NULL) {
		struct h2_chunk *next = out->next;
		h2_stream_write(&call->h2, out);
		out = next;
	}
	if (done)
		h2_stream_finish(&call->h2);
}

static void
on_ready(struct rpc_call *call)
{
	pthread_mutex_lock(&call->lock);
	call->queued = false;
	struct h2_chunk *out = call->out_head;
	call->out_head = call->out_tail = NULL;
	if (out != NULL || call->done)
		call->headers_taken = true;
	bool done = call->done;
	bool in_room = call->in_bytes <= RPC_IN_HIGH;
	if (call->cancelled && call->detached && !call->told_cancel) {
		call->told_cancel = true;
		rpc_call_run_event(call, call->events.on_cancel);
	}
	pthread_mutex_unlock(&call->lock);

	if (in_room && call->unacked > 0) {
		h2_stream_consume(&call->h2, call->unacked);
		call->unacked = 0;
	}
	send_out(call, out, done);
	rpc_call_try_recycle(call);
}

void
rpc_reply_on_sent(struct h2_stream *st, size_t n)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);

	if (call->entry->inlined != NULL)
		return;
	pthread_mutex_lock(&call->lock);
	call->out_bytes -= n;
	if (call->out_full && call->out_bytes <= RPC_OUT_LOW) {
		call->out_full = false;
		pthread_cond_broadcast(&call->change);
		if (!call->cancelled)
			rpc_call_run_event(call, call->events.on_drain);
	}
	pthread_mutex_unlock(&call->lock);
}

void
rpc_reply_on_trailers(struct h2_stream *st)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);
	nghttp2_nv nv[3];
	char code[4];

	h2_stream_submit_trailers(st, nv, put_status(call, nv, code));
}

/* ---- outcomes decided on this side ---- */

/* Tells whoever works on it that the call is over. */
void
rpc_call_cancel_work(struct rpc_call *call)
{
	atomic_store_explicit(&call->cancelled, true, memory_order_relaxed);
	pthread_cond_broadcast(&call->change);
	if (call->detached && !call->told_cancel) {
		call->told_cancel = true;
		rpc_call_run_event(call, call->events.on_cancel);
	}
}

void
rpc_io_answer(struct rpc_call *call, enum status status, const struct err *err)
{
	pthread_mutex_lock(&call->lock);
	bool first = rpc_call_decide(call, status, err);
	if (first) {
		/* What the working side had queued goes out before the trailers. */
		call->headers_taken = true;
		if (call->users > 0)
			rpc_call_cancel_work(call);
	}
	struct h2_chunk *out = NULL;
	if (first) {
		out = call->out_head;
		call->out_head = call->out_tail = NULL;
	}
	pthread_mutex_unlock(&call->lock);
	if (!first)
		return;
	rpc_call_account(call, status, err, false);
	send_out(call, out, true);
}

void
rpc_io_refuse(struct rpc_call *call, enum status status, const char *text)
{
	struct err err;

	err_init(&err);
	err_public(&err, status, "%s", text);
	rpc_io_answer(call, status, &err);
}

/* The timer runs on until the stream is closed: a peer that does not take its answer must not keep
 * it here for ever. */
static void
on_deadline(void *arg)
{
	struct rpc_call *call = arg;

	if (!call->late) {
		call->late = true;
		/* Without effect on a call that has its answer. */
		rpc_io_refuse(call, STATUS_DEADLINE_EXCEEDED, "the deadline passed");
		loop_timer_start(call->timer, RPC_TAKE_MS);
	} else if (call->h2.session != NULL) {
		h2_stream_reset(&call->h2, NGHTTP2_CANCEL);
	}
}

/* A request that is not gRPC gets HTTP's answer (PROTOCOL-HTTP2.md, "Content-Type"). */
void
rpc_io_answer_http(struct rpc_call *call, const char *status)
{
	nghttp2_nv nv[] = { h2_nv_value(":status", slice_str(status)) };
	struct err err;

	err_init(&err);
	pthread_mutex_lock(&call->lock);
	(void)rpc_call_decide(call, STATUS_UNIMPLEMENTED, &err);
	pthread_mutex_unlock(&call->lock);
	call->headers_sent = true;
	rpc_call_account(call, STATUS_UNIMPLEMENTED, &err, false);
	h2_stream_submit_response(&call->h2, nv, ARRAY_LEN(nv), true);
}

/* ---- inlined methods ---- */

void
rpc_inline_send(struct rpc_call *call, struct slice message)
{
	if (call->answered || call->h2.session == NULL)
		return;
	if (!call->headers_sent)
		send_headers(call, false);
	h2_stream_write(&call->h2, rpc_frame_wrap(message));
}

void
rpc_inline_finish(struct rpc_call *call, enum status status, const struct err *err)
{
	struct err plain;

	if (err == NULL) {
		err_init(&plain);
		plain.status = status;
		err = &plain;
	}
	rpc_io_answer(call, status, err);
}
