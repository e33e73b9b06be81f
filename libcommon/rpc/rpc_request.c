/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_request.c - the I/O side of a call: header fields, checks at the door, messages in, reply
 * out, the end.
 *
 * Everything here runs on the connection's loop. Order of the checks: protocol (method, content
 * type, te), path, deadline, access policy; then a unary request is collected and handed to a
 * worker, a streaming one at once. Work that is refused is refused before it costs a worker.
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

#define UNARY_COPY_MAX (64 * 1024)

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
		struct slice one =
			comma != NULL ? slice_make(value.p, (size_t)(comma - value.p)) : value;
		size_t n;
		char *raw = arena_alloc(call->arena, CODEC_BASE64_DECODED_MAX(one.n));
		if (!codec_base64_any_decode(one, raw, &n)) {
			note_bad(call, STATUS_INVALID_ARGUMENT,
				 "a -bin metadata value is not base64");
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
	if (!slice_starts_with(v, SLICE_LIT(RPC_CONTENT_TYPE)))
		return false;
	struct slice rest =
		slice_make(v.p + sizeof(RPC_CONTENT_TYPE) - 1, v.n - sizeof(RPC_CONTENT_TYPE) + 1);

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
			note_bad(call, STATUS_INVALID_ARGUMENT,
				 "grpc-timeout: not 1 to 8 digits and a unit");
	} else if (slice_eq_str(name, "grpc-encoding")) {
		if (!slice_eq_str(value, "identity"))
			note_bad(call, STATUS_UNIMPLEMENTED,
				 "only grpc-encoding: identity is supported");
	} else {
		return slice_starts_with(name, SLICE_LIT("grpc-")) ||
		       slice_eq_str(name, "content-length");
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

/* The identity lives as long as the connection. */
static const char *
peer_name(struct rpc_conn *conn)
{
	const struct rpc_server_options *opts = &conn->io->server->opts;
	const char *identity;
	bool loopback;

	if (conn->known)
		return conn->peer;
	conn->known = true;
	if (!h2_session_peer(conn->h2, &identity, &loopback))
		return NULL;
	if (opts->tls == NULL)
		conn->peer = loopback ? "" : NULL;
	else if (slice_starts_with(slice_str(identity), slice_str(opts->peer_prefix)))
		conn->peer = identity + strlen(opts->peer_prefix);
	return conn->peer;
}

/* On plain loopback the machine is the boundary; else the certificate says which program calls. */
static bool
may_call(struct rpc_call *call)
{
	const struct schema_policy *policy = &call->entry->schema->policy;
	const char *name = peer_name(call->conn);

	if (name == NULL)
		return false;
	if (call->io->server->opts.tls == NULL)
		return true;
	if (policy->audience != SCHEMA_INTERNAL && strcmp(name, "gateway") == 0)
		return true;
	for (size_t i = 0; i < policy->ncallers; i++) {
		if (strcmp(name, policy->callers[i]) == 0)
			return true;
	}
	return false;
}

static bool
check_principal(struct rpc_call *call)
{
	struct slice wire = rpc_call_metadata(call, RPC_META_PRINCIPAL);

	if (wire.n == 0)
		return true;
	if (!principal_decode(wire, &call->principal)) {
		rpc_io_refuse(call, STATUS_UNAUTHENTICATED, "the principal is malformed");
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
	if (!may_call(call)) {
		rpc_io_refuse(call, STATUS_PERMISSION_DENIED, "this peer may not call the method");
		return false;
	}
	if (!check_principal(call))
		return false;
	if (policy->audience == SCHEMA_USER && !call->principal.present) {
		rpc_io_refuse(call, STATUS_UNAUTHENTICATED, "sign in first");
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

static bool
check_head(struct rpc_call *call, bool too_large)
{
	struct rpc_server *server = call->io->server;

	if (too_large) {
		rpc_io_refuse(call, STATUS_RESOURCE_EXHAUSTED,
			      "the metadata is too large (16 KiB, 100 fields)");
		return false;
	}
	if (!call->post || !call->grpc) {
		rpc_io_answer_http(call, call->post ? "415" : "405");
		return false;
	}
	struct rpc_entry *e = hashmap_get(server->registry.by_path, call->path);
	if (e != NULL)
		call->entry = e;
	if (call->bad != STATUS_OK) {
		rpc_io_refuse(call, call->bad, call->bad_text);
		return false;
	}
	if (!call->te) {
		rpc_io_refuse(call, STATUS_INTERNAL, "the field te: trailers is missing");
		return false;
	}
	if (e == NULL || (e->handler == NULL && e->inlined == NULL)) {
		rpc_io_refuse(call, STATUS_UNIMPLEMENTED, "there is no such method");
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
		rpc_io_refuse(call, STATUS_DEADLINE_EXCEEDED,
			      "the deadline passed before the call came");
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
	atomic_fetch_add(&server->working, 1);
	if (workpool_submit(server->opts.workpool, call->entry->work_class, rpc_worker_run, call))
		return;
	call->users = 0;
	atomic_fetch_sub(&server->working, 1);
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
		call->request =
			slice_make(arena_memdup(call->arena, message.p, message.n), message.n);
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
		rpc_io_refuse(call, STATUS_UNIMPLEMENTED, "the method takes one request message");
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
	rpc_call_hold_bytes(call, call->reader.partial.cap + call->big.cap);
	if (atomic_load(&call->io->server->request_bytes) > RPC_REQUEST_BYTES_MAX &&
	    call->reader.partial.cap > UNARY_COPY_MAX)
		rpc_io_refuse(call, STATUS_RESOURCE_EXHAUSTED,
			      "too many large requests are under way; try again");
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
		rpc_io_refuse(call, STATUS_INTERNAL, "the request ends inside a message");
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
		rpc_io_refuse(call, STATUS_UNIMPLEMENTED, "the method takes one request message");
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
	return &rpc_call_start(conn)->h2;
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
		rpc_call_cancel_work(call);
	pthread_mutex_unlock(&call->lock);
	if (first)
		rpc_call_account(call, STATUS_CANCELLED, &err, false);
	if (call->entry->inlined != NULL && call->entry->inlined->on_gone != NULL)
		call->entry->inlined->on_gone(call);
	call->stream_open = false;
	rpc_call_try_recycle(call);
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
	.on_sent = rpc_reply_on_sent,
	.on_trailers = rpc_reply_on_trailers,
	.on_close = on_close,
	.on_down = on_down,
};
