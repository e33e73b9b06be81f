/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_request.c - the I/O side of a call: header fields, checks at the door, messages in, reply out, the end.
 *
 * Everything here runs on the connection's loop. Order of the checks: protocol (method, content type, te), path,
 * deadline, access policy; then a unary request is collected and handed to a worker, a streaming one
 * at once. Work that is refused is refused before it costs a worker.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/rpc/rpc_status.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/runtime/workpool.h"

#define CONTENT_TYPE "application/grpc"
#define UNARY_COPY_MAX (64 * 1024)

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

static void
call_start(struct rpc_call *call, struct rpc_conn *conn)
{
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
	call->ended = call->watching = call->has_request = false;
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

static void
hold_bytes(struct rpc_call *call, size_t now)
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
static void
try_recycle(struct rpc_call *call)
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
	hold_bytes(call, 0);
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
	 * Whoever finds the stack empty wakes the loop; the rest ride along. The lock is still held: the
	 * call, and with it the server, cannot go away before the loop is woken.
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
	nv[n++] = (nghttp2_nv)H2_NV("content-type", CONTENT_TYPE);
	if (call->status == STATUS_UNIMPLEMENTED && only_trailers)
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
	if (done)
		loop_timer_stop(call->timer);
	if (!call->headers_sent && (out != NULL || done)) {
		bool only_trailers = out == NULL && call->status != STATUS_OK && call->nheaders == 0;
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
	try_recycle(call);
}

static void
on_sent(struct h2_stream *st, size_t n)
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

static void
on_trailers(struct h2_stream *st)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);
	nghttp2_nv nv[3];
	char code[4];

	h2_stream_submit_trailers(st, nv, put_status(call, nv, code));
}

/* ---- outcomes decided on this side ---- */

/* Tells whoever works on it that the call is over. */
static void
cancel_work(struct rpc_call *call)
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
			cancel_work(call);
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

static void COLD
refuse(struct rpc_call *call, enum status status, const char *text)
{
	struct err err;

	err_init(&err);
	err_public(&err, status, "%s", text);
	rpc_io_answer(call, status, &err);
}

static void
on_deadline(void *arg)
{
	struct rpc_call *call = arg;

	refuse(call, STATUS_DEADLINE_EXCEEDED, "the deadline passed");
}

/* ---- header fields ---- */

static void
note_bad(struct rpc_call *call, enum status status, const char *text)
{
	if (call->bad != STATUS_OK)
		return;
	call->bad = status;
	call->bad_text = text;
}

static void
add_field(struct rpc_call *call, struct slice name, struct slice value)
{
	struct rpc_field *f = ARENA_NEW(call->arena, struct rpc_field);

	f->name = slice_make(arena_strndup(call->arena, name.p, name.n), name.n);
	f->value = value;
	*call->fields_end = f;
	call->fields_end = &f->next;
}

/* Several binary values may come joined by commas (PROTOCOL-HTTP2.md, "Custom-Metadata"). */
static void
add_binary(struct rpc_call *call, struct slice name, struct slice value)
{
	for (;;) {
		const char *comma = value.n > 0 ? memchr(value.p, ',', value.n) : NULL;
		struct slice one = comma != NULL ? slice_make(value.p, (size_t)(comma - value.p)) : value;
		size_t n;
		char *raw = arena_alloc(call->arena, CODEC_BASE64_DECODED_MAX(one.n));
		if (!codec_base64_any_decode(one, raw, &n)) {
			note_bad(call, STATUS_INVALID_ARGUMENT, "a -bin metadata value is not base64");
			return;
		}
		add_field(call, name, slice_make(raw, n));
		if (comma == NULL)
			return;
		value.n -= one.n + 1;
		value.p = comma + 1;
	}
}

static bool
is_grpc_type(struct slice v)
{
	if (!slice_starts_with(v, SLICE_LIT(CONTENT_TYPE)))
		return false;
	struct slice rest = slice_make(v.p + sizeof(CONTENT_TYPE) - 1, v.n - sizeof(CONTENT_TYPE) + 1);

	return rest.n == 0 || rest.p[0] == ';' || slice_eq_str(rest, "+proto") ||
	       slice_starts_with(rest, SLICE_LIT("+proto;"));
}

static void
on_pseudo(struct rpc_call *call, struct slice name, struct slice value)
{
	if (slice_eq_str(name, ":path"))
		call->path = slice_make(arena_strndup(call->arena, value.p, value.n), value.n);
	else if (slice_eq_str(name, ":method"))
		call->post = slice_eq_str(value, "POST");
}

/* Fields of the protocol itself; they are not metadata. */
static bool
on_protocol_field(struct rpc_call *call, struct slice name, struct slice value)
{
	if (slice_eq_str(name, "content-type")) {
		call->grpc = is_grpc_type(value);
	} else if (slice_eq_str(name, "te")) {
		call->te = slice_eq_str(value, "trailers");
	} else if (slice_eq_str(name, "grpc-timeout")) {
		if (!rpc_timeout_parse(value, &call->timeout_ms))
			note_bad(call, STATUS_INVALID_ARGUMENT, "grpc-timeout: not 1 to 8 digits and a unit");
	} else if (slice_eq_str(name, "grpc-encoding")) {
		if (!slice_eq_str(value, "identity"))
			note_bad(call, STATUS_UNIMPLEMENTED, "only grpc-encoding: identity is supported");
	} else {
		return slice_starts_with(name, SLICE_LIT("grpc-")) || slice_eq_str(name, "content-length");
	}
	return true;
}

static void
on_own_field(struct rpc_call *call, struct slice name, struct slice value)
{
	if (slice_eq_str(name, RPC_META_TRACEPARENT)) {
		call->has_trace = trace_parse(value, &call->trace);
	} else if (slice_eq_str(name, RPC_META_REQUEST_ID) && value.n < sizeof(call->request_id)) {
		memcpy(call->request_id, value.p, value.n);
		call->request_id[value.n] = '\0';
	}
}

static void
on_header(struct h2_stream *st, struct slice name, struct slice value)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);

	if (call->head_done)
		return; /* request trailers say nothing in gRPC */
	if (name.p[0] == ':') {
		on_pseudo(call, name, value);
		return;
	}
	if (on_protocol_field(call, name, value))
		return;
	if (name.n > 4 && memcmp(name.p + name.n - 4, "-bin", 4) == 0) {
		add_binary(call, name, value);
		return;
	}
	add_field(call, name, slice_make(arena_strndup(call->arena, value.p, value.n), value.n));
	on_own_field(call, name, value);
}

/* ---- checks at the door ---- */

/* Any peer on loopback, else by mTLS identity. */
static bool
may_assert(struct rpc_call *call)
{
	struct rpc_conn *conn = call->conn;
	const struct rpc_server_options *opts = &call->io->server->opts;
	const char *identity;
	bool loopback;

	if (conn->known)
		return conn->entitled;
	bool ok = h2_session_peer(conn->h2, &identity, &loopback);
	if (opts->ssl_ctx != NULL)
		conn->entitled = ok && identity[0] != '\0' && opts->entitled != NULL &&
				 opts->entitled(identity);
	else
		conn->entitled = ok && loopback;
	conn->known = true;
	return conn->entitled;
}

static bool
check_principal(struct rpc_call *call)
{
	struct slice wire = rpc_call_metadata(call, RPC_META_PRINCIPAL);

	if (wire.n == 0)
		return true;
	if (!may_assert(call)) {
		refuse(call, STATUS_PERMISSION_DENIED, "this peer may not assert a principal");
		return false;
	}
	if (!principal_decode(wire, &call->principal)) {
		refuse(call, STATUS_UNAUTHENTICATED, "the principal is malformed");
		return false;
	}
	return true;
}

static bool
check_access(struct rpc_call *call)
{
	const struct schema_policy *policy = &call->entry->schema->policy;

	if (call->entry->inlined != NULL)
		return true;
	if (!check_principal(call))
		return false;
	if (policy->audience == SCHEMA_USER && !call->principal.present) {
		refuse(call, STATUS_UNAUTHENTICATED, "sign in first");
		return false;
	}
	if (policy->permission != NULL && policy->permission[0] != '\0' &&
	    !principal_may(&call->principal, policy->permission)) {
		struct err err;
		err_init(&err);
		err_public(&err, STATUS_PERMISSION_DENIED, "the permission %s is needed",
			   policy->permission);
		rpc_io_answer(call, STATUS_PERMISSION_DENIED, &err);
		return false;
	}
	return true;
}

/* A request that is not gRPC gets HTTP's answer (PROTOCOL-HTTP2.md, "Content-Type"). */
static void
answer_http(struct rpc_call *call, const char *status)
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

static bool
check_head(struct rpc_call *call, bool too_large)
{
	struct rpc_server *server = call->io->server;

	if (too_large) {
		refuse(call, STATUS_RESOURCE_EXHAUSTED, "the metadata is too large (16 KiB, 100 fields)");
		return false;
	}
	if (!call->post || !call->grpc) {
		answer_http(call, call->post ? "415" : "405");
		return false;
	}
	struct rpc_entry *e = hashmap_get(server->registry.by_path, call->path);
	if (e != NULL)
		call->entry = e;
	if (call->bad != STATUS_OK) {
		refuse(call, call->bad, call->bad_text);
		return false;
	}
	if (!call->te) {
		refuse(call, STATUS_INTERNAL, "the field te: trailers is missing");
		return false;
	}
	if (e == NULL || (e->handler == NULL && e->inlined == NULL)) {
		refuse(call, STATUS_UNIMPLEMENTED, "there is no such method");
		return false;
	}
	return check_access(call);
}

static bool
start_deadline(struct rpc_call *call)
{
	const struct rpc_server_options *opts = &call->io->server->opts;
	int64_t ms = call->timeout_ms;

	if (ms < 0 && call->entry->inlined != NULL) {
		call->deadline = deadline_in(INT32_MAX);
		return true;
	}
	if (ms < 0)
		ms = call->entry->schema->policy.timeout_ms;
	if (ms <= 0 && call->timeout_ms < 0)
		ms = opts->default_timeout_ms;
	if (ms > INT32_MAX)
		ms = INT32_MAX;
	call->deadline = deadline_in(ms);
	if (ms == 0) {
		refuse(call, STATUS_DEADLINE_EXCEEDED, "the deadline passed before the call came");
		return false;
	}
	loop_timer_start(call->timer, ms);
	return true;
}

static void
dispatch(struct rpc_call *call)
{
	struct rpc_server *server = call->io->server;

	call->dispatched = true;
	if (!call->has_trace)
		trace_new(&call->trace);
	else
		call->trace = trace_child(&call->trace);
	/* The hand-over: from here on fields and arena are the worker's. */
	call->users = 1;
	if (workpool_submit(server->opts.workpool, call->entry->work_class, rpc_worker_run, call))
		return;
	call->users = 0;
	struct err err;
	err_init(&err);
	err_public(&err, STATUS_UNAVAILABLE, "too many requests wait; try again");
	err.retry_after_ms = 1000;
	rpc_io_answer(call, STATUS_UNAVAILABLE, &err);
}

static void
on_headers(struct h2_stream *st, bool too_large)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);

	if (call->head_done)
		return;
	call->head_done = true;
	if (!check_head(call, too_large) || !start_deadline(call))
		return;
	const struct rpc_inline *inlined = call->entry->inlined;
	if (inlined == NULL || !inlined->forever) {
		call->counted = true;
		rpc_server_count(call->io->server, 1);
	}
	if (inlined == NULL && call->entry->schema->client_streaming)
		dispatch(call);
}

/* ---- messages in ---- */

static void
queue_in(struct rpc_call *call, struct slice message)
{
	struct rpc_in *in = malloc(sizeof(*in) + message.n);

	if (in == NULL)
		panic("rpc: no memory for a message of %zu bytes", message.n);
	in->next = NULL;
	in->n = message.n;
	if (message.n > 0)
		memcpy(in->data, message.p, message.n);
	pthread_mutex_lock(&call->lock);
	if (call->in_head == NULL)
		call->in_head = in;
	else
		call->in_tail->next = in;
	call->in_tail = in;
	call->in_bytes += rpc_in_cost(in);
	pthread_cond_signal(&call->change);
	pthread_mutex_unlock(&call->lock);
}

/* The one message of a unary request, kept until its worker has unpacked it. */
static void
keep_request(struct rpc_call *call, struct slice message)
{
	call->has_request = true;
	if (message.p == call->reader.partial.buf && message.n > UNARY_COPY_MAX) {
		call->big = call->reader.partial;
		call->reader.partial = STRBUF_INIT;
		call->request = strbuf_slice(&call->big);
	} else {
		call->request = slice_make(arena_memdup(call->arena, message.p, message.n), message.n);
	}
}

static void
on_message(struct rpc_call *call, struct slice message)
{
	if (call->entry->inlined != NULL && call->entry->schema->client_streaming) {
		call->entry->inlined->on_message(call, message);
	} else if (call->entry->schema->client_streaming) {
		queue_in(call, message);
	} else if (call->has_request) {
		/* statuscodes.md: a wrong number of requests is UNIMPLEMENTED. */
		refuse(call, STATUS_UNIMPLEMENTED, "the method takes one request message");
	} else {
		keep_request(call, message);
	}
}

static void
give_window(struct rpc_call *call, size_t n)
{
	call->unacked += n;
	if (call->dispatched && call->entry->schema->client_streaming) {
		pthread_mutex_lock(&call->lock);
		bool room = call->in_bytes <= RPC_IN_HIGH || call->answered;
		pthread_mutex_unlock(&call->lock);
		if (!room)
			return;
	}
	h2_stream_consume(&call->h2, call->unacked);
	call->unacked = 0;
}

static bool
is_answered(struct rpc_call *call)
{
	pthread_mutex_lock(&call->lock);
	bool answered = call->answered;
	pthread_mutex_unlock(&call->lock);
	return answered;
}

static void
on_data(struct h2_stream *st, const void *p, size_t n)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);
	struct slice data = slice_make(p, n), message;
	bool complete;
	struct err err;

	while (data.n > 0 && !is_answered(call)) {
		enum status s = rpc_frame_next(&call->reader, &data, &message, &complete, &err);
		if (s != STATUS_OK) {
			rpc_io_answer(call, s, &err);
			break;
		}
		if (complete)
			on_message(call, message);
	}
	hold_bytes(call, call->reader.partial.cap + call->big.cap);
	if (atomic_load(&call->io->server->request_bytes) > RPC_REQUEST_BYTES_MAX &&
	    call->reader.partial.cap > UNARY_COPY_MAX)
		refuse(call, STATUS_RESOURCE_EXHAUSTED, "too many large requests are under way; try again");
	give_window(call, n);
}

static void
end_stream_in(struct rpc_call *call, enum status status)
{
	pthread_mutex_lock(&call->lock);
	call->in_end = true;
	call->in_status = status;
	pthread_cond_signal(&call->change);
	pthread_mutex_unlock(&call->lock);
}

static void
on_end(struct h2_stream *st)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);
	const struct rpc_entry *e = call->entry;

	if (!call->head_done || is_answered(call))
		return;
	if (!rpc_frame_between(&call->reader)) {
		end_stream_in(call, STATUS_INTERNAL);
		refuse(call, STATUS_INTERNAL, "the request ends inside a message");
		return;
	}
	if (e->schema->client_streaming) {
		if (e->inlined != NULL)
			e->inlined->on_end(call);
		else
			end_stream_in(call, STATUS_OK);
		return;
	}
	if (!call->has_request)
		refuse(call, STATUS_UNIMPLEMENTED, "the method takes one request message");
	else if (e->inlined != NULL)
		e->inlined->on_message(call, call->request);
	else
		dispatch(call);
}

/* ---- beginning and end ---- */

static struct h2_stream *
on_request(struct h2_session *session, void *arg)
{
	struct rpc_conn *conn = arg;

	(void)session;
	/* Handlers outlive a reset: what they cost is counted until they end. */
	if (conn->calls >= RPC_CONNECTION_CALLS_MAX || conn->io->closing)
		return NULL;
	struct rpc_call *call = call_new(conn->io);
	call_start(call, conn);
	return &call->h2;
}

static void
on_close(struct h2_stream *st, uint32_t error_code)
{
	struct rpc_call *call = container_of(st, struct rpc_call, h2);
	struct err err;

	(void)error_code;
	err_init(&err);
	err.status = STATUS_CANCELLED;
	loop_timer_stop(call->timer);
	pthread_mutex_lock(&call->lock);
	bool first = rpc_call_decide(call, STATUS_CANCELLED, &err);
	if (call->users > 0)
		cancel_work(call);
	pthread_mutex_unlock(&call->lock);
	if (first)
		rpc_call_account(call, STATUS_CANCELLED, &err, false);
	if (call->entry->inlined != NULL && call->entry->inlined->on_gone != NULL)
		call->entry->inlined->on_gone(call);
	call->stream_open = false;
	try_recycle(call);
}

static void
on_down(struct h2_session *session, const struct err *err, void *arg)
{
	struct rpc_conn *conn = arg;
	struct rpc_io *io = conn->io;

	(void)session;
	if (err->status != STATUS_OK)
		log_debug("rpc_connection_lost", LOG_STR("why", err->text));
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		io->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	conn->h2 = NULL;
	if (conn->calls == 0)
		free(conn);
	rpc_conn_closed(io);
}

const struct h2_events rpc_server_h2_events = {
	.on_request = on_request,
	.on_header = on_header,
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_sent = on_sent,
	.on_trailers = on_trailers,
	.on_close = on_close,
	.on_down = on_down,
};

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
