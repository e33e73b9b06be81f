/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client.c - blocking calls: the worker posts its call to the client's loop and waits for the
 * end.
 */
#include "libcommon/rpc/rpc_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/rpc_frame.h"
#include "libcommon/rpc/rpc_server.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/schema/schema.h"

struct rpc_client {
	struct loop *loop;
	struct rpc_channel *channel;
};

#define LOOK_MS 20 /* between looks whether the parent was cancelled */

/* On the worker's stack: the loop promises an end by the deadline, and the worker waits for exactly
 * that; after a cancellation, for the loop to have seen it. */
struct waiter {
	struct rpc_client *client;
	struct rpc_client_call *call; /* the loop's; NULL: ended */
	const char *path;
	const struct rpc_call_options *opts;
	struct slice request;
	struct strbuf reply;
	unsigned nreplies;
	enum status status;
	struct err *err;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool ended, cancelling;
};

static void
on_message(struct rpc_client_call *call, struct slice wire, void *arg)
{
	struct waiter *w = arg;

	(void)call;
	strbuf_reset(&w->reply);
	strbuf_add_slice(&w->reply, wire);
	w->nreplies++;
}

static void
on_end(struct rpc_client_call *call, enum status status, const struct err *err, void *arg)
{
	struct waiter *w = arg;

	(void)call;
	w->call = NULL;
	w->status = status;
	if (w->err != NULL && status != STATUS_OK)
		*w->err = *err;
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_signal(&w->change);
	pthread_mutex_unlock(&w->lock);
}

static void
on_cancel(void *arg)
{
	struct waiter *w = arg;

	if (w->call != NULL) {
		rpc_client_call_cancel(w->call);
		w->status = STATUS_CANCELLED;
		if (w->err != NULL)
			(void)err_set(w->err, STATUS_CANCELLED, "%s: the caller has gone", w->path);
	}
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	w->cancelling = false;
	pthread_cond_signal(&w->change);
	pthread_mutex_unlock(&w->lock);
}

static const struct rpc_client_events events = { .on_message = on_message, .on_end = on_end };

static void
on_start(void *arg)
{
	struct waiter *w = arg;

	w->call = rpc_channel_start(w->client->channel, w->path, w->opts, w->request, &events, w);
}

struct rpc_client *
rpc_client_open(const char *target, struct tls_context *tls)
{
	struct rpc_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		panic("rpc: no memory");
	client->loop = loop_new("rpc-client");
	client->channel = rpc_channel_new(client->loop, target, tls);
	loop_start(client->loop);
	return client;
}

void
rpc_client_close(struct rpc_client *client)
{
	if (client == NULL)
		return;
	loop_stop(client->loop);
	rpc_channel_free(client->channel);
	loop_free(client->loop);
	free(client);
}

static enum status
unpack_reply(struct waiter *w, const ProtobufCMessageDescriptor *type, struct arena *arena,
	     void **ret_reply, struct err *err)
{
	const struct schema_message *m = schema_message(schema_builtin(), slice_str(type->name));
	struct slice wire = strbuf_slice(&w->reply);
	enum status st = STATUS_OK;

	if (w->nreplies != 1)
		return err_set(err, STATUS_INTERNAL, "%s: %u reply messages instead of one",
			       w->path, w->nreplies);
	/* A peer may be another version, or broken: protobuf-c must not see what was not checked.
	 */
	if (m != NULL) {
		struct schema_limits limits = schema_limits_default;
		limits.max_bytes = RPC_MESSAGE_MAX;
		st = schema_check(m, wire, &limits, err);
	}
	if (st == STATUS_OK)
		st = pb_arena_unpack(arena, type, wire, ret_reply, err);
	if (st != STATUS_OK)
		return err_set(err, STATUS_INTERNAL, "%s: the reply is not a valid %s", w->path,
			       type->name);
	return STATUS_OK;
}

static void
wait_end(struct waiter *w)
{
	const struct rpc_call *parent = w->opts->parent;

	pthread_mutex_lock(&w->lock);
	while (!w->ended || w->cancelling) {
		struct deadline look = deadline_in(LOOK_MS);
		struct timespec at = { .tv_sec = look.at_ms / 1000,
				       .tv_nsec = look.at_ms % 1000 * 1000000 };

		if (parent == NULL || w->cancelling) {
			pthread_cond_wait(&w->change, &w->lock);
			continue;
		}
		(void)pthread_cond_timedwait(&w->change, &w->lock, &at);
		/* A deadline that passes ends the call by itself. */
		if (!w->ended && rpc_call_cancelled(parent) &&
		    deadline_left_ms(w->opts->deadline) > 0) {
			w->cancelling = true;
			loop_post(w->client->loop, on_cancel, w);
		}
	}
	pthread_mutex_unlock(&w->lock);
}

enum status
rpc_client_unary(struct rpc_client *client, const char *path, const struct rpc_call_options *opts,
		 const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type,
		 struct arena *arena, void **ret_reply, struct err *err)
{
	size_t n = protobuf_c_message_get_packed_size(request);
	struct waiter w = { .client = client, .path = path, .opts = opts, .err = err };
	pthread_condattr_t attr;

	if (n > RPC_MESSAGE_MAX)
		return err_set(err, STATUS_RESOURCE_EXHAUSTED, "%s: the request has %zu bytes",
			       path, n);
	uint8_t *wire = arena_alloc(arena, n);
	protobuf_c_message_pack(request, wire);
	w.request = slice_make(wire, n);
	pthread_mutex_init(&w.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.change, &attr);
	pthread_condattr_destroy(&attr);

	loop_post(client->loop, on_start, &w);
	wait_end(&w);

	enum status st = w.status;
	if (st == STATUS_OK)
		st = unpack_reply(&w, reply_type, arena, ret_reply, err);
	strbuf_fini(&w.reply);
	pthread_cond_destroy(&w.change);
	pthread_mutex_destroy(&w.lock);
	return st;
}
