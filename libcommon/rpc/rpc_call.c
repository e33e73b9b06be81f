/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_call.c - the working side of a call: what runs on a worker, and what a handler may ask and
 * do.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/rpc/rpc_status.h"
#include "libcommon/runtime/loop.h"

/* ---- the outcome ---- */

/* Our own fault or nobody's: what an operator must see. */
static bool
is_fault(enum status status)
{
	return status == STATUS_INTERNAL || status == STATUS_UNKNOWN || status == STATUS_DATA_LOSS;
}

void
rpc_call_account(struct rpc_call *call, enum status status, const struct err *err, bool by_handler)
{
	int64_t ns = clock_mono_ns() - call->started_ns;
	const char *method = call->entry->schema->path;

	rpc_entry_account(call->entry, status, ns);
	if (by_handler && is_fault(status))
		log_error_err("rpc_failed", err, LOG_STR("method", method));
	else
		log_debug("rpc", LOG_STR("method", method), LOG_STR("code", status_name(status)),
			  LOG_INT("us", ns / 1000),
			  LOG_STR("why", status != STATUS_OK ? err->text : ""));
}

bool
rpc_call_decide(struct rpc_call *call, enum status status, const struct err *err)
{
	if (call->answered)
		return false;
	call->answered = true;
	call->done = true;
	call->status = (unsigned)status < STATUS_COUNT ? status : STATUS_UNKNOWN;
	if (status == STATUS_OK)
		return true;
	const char *text = err_client_text(err);
	/* A handler may see the deadline pass before the timer does, and give up. */
	if (status == STATUS_CANCELLED && deadline_left_ms(call->deadline) == 0) {
		call->status = STATUS_DEADLINE_EXCEEDED;
		text = "the deadline passed";
	}
	rpc_status_percent_encode(slice_str(text), &call->message);
	if (err->nfields > 0 || err->reason != NULL || err->retry_after_ms > 0) {
		struct strbuf wire = STRBUF_INIT;
		rpc_status_encode(status, err, &wire);
		codec_base64_encode(&call->details, wire.buf, wire.len);
		strbuf_fini(&wire);
	}
	return true;
}

void
rpc_call_leave(struct rpc_call *call)
{
	if (call->users == 1) {
		/* The last one: what the handler deferred runs here, not on the I/O thread, and
		 * does not wait for the network. Nobody else looks at the arena any more. */
		pthread_mutex_unlock(&call->lock);
		arena_reset(call->arena);
		pthread_mutex_lock(&call->lock);
	}
	if (--call->users == 0)
		atomic_fetch_sub(&call->io->server->working, 1);
	rpc_call_push(call);
	/* From here on the call may be gone. */
	pthread_mutex_unlock(&call->lock);
}

static void
queue_out(struct rpc_call *call, struct h2_chunk *chunk)
{
	chunk->next = NULL;
	if (call->out_tail != NULL)
		call->out_tail->next = chunk;
	else
		call->out_head = chunk;
	call->out_tail = chunk;
	call->out_bytes += chunk->n;
}

/* ---- a worker's job ---- */

static enum status
gone(const struct rpc_call *call, struct err *err)
{
	if (deadline_left_ms(call->deadline) == 0)
		return err_set(err, STATUS_DEADLINE_EXCEEDED, "the call's deadline passed");
	return err_set(err, STATUS_CANCELLED, "the peer cancelled the call");
}

static enum status
unpack_request(struct rpc_call *call, struct arena *arena, struct slice wire, void **ret,
	       struct err *err)
{
	struct schema_limits limits = schema_limits_default;

	limits.max_bytes = call->reader.max;
	enum status st = schema_check(call->entry->schema->input, wire, &limits, err);
	if (st != STATUS_OK)
		return st;
	return pb_arena_unpack(arena, call->entry->input, wire, ret, err);
}

static enum status
run_handler(struct rpc_call *call, struct h2_chunk **ret_reply, struct err *err)
{
	const struct schema_method *m = call->entry->schema;
	void *request = NULL, *reply = NULL;

	if (rpc_call_cancelled(call))
		return gone(call, err);
	if (!m->client_streaming) {
		enum status st = unpack_request(call, call->arena, call->request, &request, err);
		if (st != STATUS_OK)
			return st;
	}
	if (!m->server_streaming)
		reply = pb_arena_new(call->arena, call->entry->output);
	enum status st = call->entry->handler(call, request, reply, err);
	if (st == RPC_DETACHED && !call->detached)
		panic("%s: returned RPC_DETACHED without rpc_call_detach", m->path);
	if (st != RPC_DETACHED && call->detached)
		panic("%s: detached, and returned %s", m->path, status_name(st));
	if (st != STATUS_OK || reply == NULL)
		return st;
	*ret_reply = rpc_frame_pack(reply, call->reader.max);
	if (*ret_reply == NULL)
		return err_public(err, STATUS_RESOURCE_EXHAUSTED,
				  "the reply is larger than %zu bytes", call->reader.max);
	return STATUS_OK;
}

static void
complete(struct rpc_call *call, enum status status, struct h2_chunk *reply, struct err *err)
{
	CRASH_POINT("rpc.before_reply");
	/* A handler that returned a status without words. */
	if (status != STATUS_OK && err->status != status)
		err->status = status;
	pthread_mutex_lock(&call->lock);
	bool first = rpc_call_decide(call, status, err);
	if (first && reply != NULL)
		queue_out(call, reply);
	pthread_mutex_unlock(&call->lock);
	if (first)
		rpc_call_account(call, call->status, err, true);
	else
		free(reply);
}

void
rpc_worker_run(void *arg)
{
	struct rpc_call *call = arg;
	struct h2_chunk *reply = NULL;
	char trace_id[33];
	struct err err;

	err_init(&err);
	trace_id_hex(&call->trace, trace_id);
	log_context_set(call->request_id, trace_id);
	enum status st = run_handler(call, &reply, &err);
	if (st != RPC_DETACHED)
		complete(call, st, reply, &err);
	log_context_clear();
	pthread_mutex_lock(&call->lock);
	rpc_call_leave(call);
}

/* ---- what a handler asks ---- */

void *
rpc_call_service(struct rpc_call *call)
{
	return call->io->server->opts.service_ctx;
}

struct arena *
rpc_call_arena(struct rpc_call *call)
{
	return call->arena;
}

const struct schema_method *
rpc_call_method(const struct rpc_call *call)
{
	return call->entry->schema;
}

struct deadline
rpc_call_deadline(const struct rpc_call *call)
{
	return call->deadline;
}

bool
rpc_call_cancelled(const struct rpc_call *call)
{
	return atomic_load_explicit(&call->cancelled, memory_order_relaxed) ||
	       deadline_left_ms(call->deadline) == 0;
}

const struct principal *
rpc_call_principal(const struct rpc_call *call)
{
	return &call->principal;
}

const struct trace *
rpc_call_trace(const struct rpc_call *call)
{
	return &call->trace;
}

const char *
rpc_call_request_id(const struct rpc_call *call)
{
	return call->request_id;
}

struct slice
rpc_call_metadata(const struct rpc_call *call, const char *name)
{
	struct slice want = slice_str(name);

	for (const struct rpc_field *f = call->fields; f != NULL; f = f->next) {
		if (slice_eq(f->name, want))
			return f->value;
	}
	return SLICE_NONE;
}

bool
rpc_call_metadata_next(const struct rpc_call *call, const void **cursor, struct slice *ret_name,
		       struct slice *ret_value)
{
	const struct rpc_field *f = *cursor;

	f = f == NULL ? call->fields : f->next;
	if (f == NULL)
		return false;
	*cursor = f;
	*ret_name = f->name;
	*ret_value = f->value;
	return true;
}

struct slice
rpc_call_idempotency_key(const struct rpc_call *call)
{
	return rpc_call_metadata(call, RPC_META_IDEMPOTENCY_KEY);
}

struct slice
rpc_call_idempotency_fingerprint(const struct rpc_call *call)
{
	return rpc_call_metadata(call, RPC_META_IDEMPOTENCY_FINGERPRINT);
}

/* "\"v7\"" → 7; -1 for anything that is not one strong tag of ours. */
static int64_t
tag_version(struct slice tag)
{
	int64_t v = 0;

	if (tag.n < 4 || tag.n > 21 || tag.p[0] != '"' || tag.p[1] != 'v' ||
	    tag.p[tag.n - 1] != '"')
		return -1;
	for (size_t i = 2; i + 1 < tag.n; i++) {
		if (tag.p[i] < '0' || tag.p[i] > '9')
			return -1;
		v = v * 10 + (tag.p[i] - '0');
	}
	return v;
}

bool
rpc_call_if_match(const struct rpc_call *call, int64_t *ret_version)
{
	struct slice tag = rpc_call_metadata(call, RPC_META_IF_MATCH);

	if (tag.n == 0 || slice_eq_str(tag, "*"))
		return false;
	*ret_version = tag_version(tag);
	return true;
}

/* ---- what a handler does ---- */

void
rpc_call_set_header(struct rpc_call *call, const char *name, struct slice value)
{
	size_t nname = strlen(name);
	bool binary = nname > 4 && strcmp(name + nname - 4, "-bin") == 0;
	struct strbuf text = STRBUF_INIT;

	if (binary)
		codec_base64_encode(&text, value.p, value.n);
	else
		strbuf_add_slice(&text, value);
	pthread_mutex_lock(&call->lock);
	if (!call->headers_taken && call->nheaders < H2_HEADERS_MAX / 2 &&
	    call->headers.len + nname + text.len < H2_HEADER_LIST_MAX / 2) {
		strbuf_add(&call->headers, name, nname + 1);
		strbuf_add(&call->headers, strbuf_cstr(&text), text.len + 1);
		call->nheaders++;
	}
	pthread_mutex_unlock(&call->lock);
	strbuf_fini(&text);
}

void
rpc_call_set_etag(struct rpc_call *call, int64_t version)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "\"v%lld\"", (long long)version);

	rpc_call_set_header(call, RPC_META_ETAG, slice_make(text, (size_t)n));
}

enum status
rpc_call_send(struct rpc_call *call, const ProtobufCMessage *message, struct err *err)
{
	if (!call->entry->schema->server_streaming)
		return err_set(err, STATUS_INTERNAL, "rpc_call_send in a unary method");
	struct h2_chunk *chunk = rpc_frame_pack(message, call->reader.max);
	if (chunk == NULL)
		return err_public(err, STATUS_RESOURCE_EXHAUSTED,
				  "a message is larger than %zu bytes", call->reader.max);
	pthread_mutex_lock(&call->lock);
	/* The I/O side ends this wait: room, the deadline's timer, or the stream's end. */
	while (call->out_bytes >= RPC_OUT_HIGH && !call->cancelled) {
		call->out_full = true;
		pthread_cond_wait(&call->change, &call->lock);
	}
	if (call->cancelled) {
		pthread_mutex_unlock(&call->lock);
		free(chunk);
		return gone(call, err);
	}
	queue_out(call, chunk);
	rpc_call_push(call);
	pthread_mutex_unlock(&call->lock);
	return STATUS_OK;
}

/* Waits for a message; NULL: the end, or in_status. Tells the I/O side when the queue has room
 * again. */
static struct rpc_in *
take_in(struct rpc_call *call, enum status *ret_status)
{
	pthread_mutex_lock(&call->lock);
	while (call->in_head == NULL && !call->in_end && !call->cancelled)
		pthread_cond_wait(&call->change, &call->lock);
	struct rpc_in *in = call->in_head;
	*ret_status = call->in_status;
	if (in != NULL) {
		bool was_full = call->in_bytes > RPC_IN_HIGH;
		call->in_head = in->next;
		call->in_bytes -= rpc_in_cost(in);
		if (was_full && call->in_bytes <= RPC_IN_HIGH)
			rpc_call_push(call);
	}
	pthread_mutex_unlock(&call->lock);
	return in;
}

enum status
rpc_call_recv(struct rpc_call *call, void **ret_message, struct err *err)
{
	enum status st;

	if (!call->entry->schema->client_streaming)
		return err_set(err, STATUS_INTERNAL, "rpc_call_recv in a method with one request");
	if (rpc_call_cancelled(call))
		return gone(call, err);
	struct rpc_in *in = take_in(call, &st);
	if (in == NULL) {
		if (st != STATUS_OK)
			return err_set(err, st, "the request stream is broken");
		if (rpc_call_cancelled(call))
			return gone(call, err);
		*ret_message = NULL;
		return STATUS_OK;
	}
	if (call->recv_arena == NULL)
		call->recv_arena = arena_new(RPC_ARENA_CAP);
	else
		arena_reset(call->recv_arena);
	st = unpack_request(call, call->recv_arena, slice_make(in->data, in->n), ret_message, err);
	free(in);
	return st;
}
