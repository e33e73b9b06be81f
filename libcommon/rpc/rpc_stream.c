/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_stream.c - detached calls. A `struct rpc_stream` is the call itself, seen by its new owner.
 */
#include "libcommon/rpc/rpc_server_private.h"

#include <stdlib.h>

#include "libcommon/runtime/loop.h"

static struct rpc_call *
call_of(struct rpc_stream *stream)
{
	return (struct rpc_call *)(void *)stream;
}

struct rpc_stream *
rpc_call_detach(struct rpc_call *call, const struct rpc_stream_events *events)
{
	if (call->entry->schema->client_streaming || !call->entry->schema->server_streaming)
		panic("%s: only a call with one request and a reply stream can be detached",
		      call->entry->schema->path);
	pthread_mutex_lock(&call->lock);
	call->detached = true;
	call->users++;
	call->events = *events;
	/* A peer that went away before is told as if it went away now, on the I/O thread. */
	if (call->cancelled)
		rpc_call_push(call);
	pthread_mutex_unlock(&call->lock);
	return (struct rpc_stream *)(void *)call;
}

struct rpc_call *
rpc_stream_call(struct rpc_stream *stream)
{
	return call_of(stream);
}

enum status
rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct rpc_call *call = call_of(stream);
	enum status st = STATUS_OK;
	struct h2_chunk *chunk = rpc_frame_pack(message, call->reader.max);

	if (chunk == NULL)
		return STATUS_INVALID_ARGUMENT;
	pthread_mutex_lock(&call->lock);
	if (call->finished || call->cancelled) {
		st = STATUS_CANCELLED;
	} else if (call->out_bytes >= RPC_OUT_HIGH) {
		call->out_full = true;
		st = STATUS_RESOURCE_EXHAUSTED;
	} else {
		if (call->out_tail != NULL)
			call->out_tail->next = chunk;
		else
			call->out_head = chunk;
		call->out_tail = chunk;
		call->out_bytes += chunk->n;
		chunk = NULL;
		rpc_call_push(call);
	}
	pthread_mutex_unlock(&call->lock);
	free(chunk);
	return st;
}

void
rpc_stream_finish(struct rpc_stream *stream, enum status status, const struct err *err)
{
	struct rpc_call *call = call_of(stream);
	bool on_io = loop_is_current(call->io->loop);
	struct err plain;

	if (err == NULL) {
		err_init(&plain);
		plain.status = status;
		err = &plain;
	}
	pthread_mutex_lock(&call->lock);
	if (call->finished)
		panic("%s: finished twice", call->entry->schema->path);
	call->finished = true;
	while (call->calling && !on_io)
		pthread_cond_wait(&call->change, &call->lock);
	bool first = rpc_call_decide(call, status, err);
	pthread_mutex_unlock(&call->lock);
	if (first)
		rpc_call_account(call, status, err, true);
	pthread_mutex_lock(&call->lock);
	rpc_call_leave(call);
}

void
rpc_call_run_event(struct rpc_call *call, void (*fn)(void *arg))
{
	void *arg = call->events.arg;

	if (fn == NULL || !call->detached || call->finished)
		return;
	call->calling = true;
	pthread_mutex_unlock(&call->lock);
	fn(arg);
	pthread_mutex_lock(&call->lock);
	call->calling = false;
	pthread_cond_broadcast(&call->change);
}
