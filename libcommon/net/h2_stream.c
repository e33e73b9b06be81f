/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_stream.c - the sending half of a stream: a list of chunks that nghttp2 takes frame by frame.
 *
 * The data source finds its stream by id, not by pointer: once the owner has let go of the storage,
 * nghttp2 finds nothing and the stream, reset by then, sends nothing.
 */
#include "libcommon/net/h2_private.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/runtime/loop.h"

struct h2_chunk *
h2_chunk_new(size_t n)
{
	struct h2_chunk *chunk = malloc(sizeof(*chunk) + n);

	if (chunk == NULL)
		panic("h2: no memory for a chunk of %zu bytes", n);
	chunk->next = NULL;
	chunk->n = n;
	chunk->keep = false;
	return chunk;
}

nghttp2_nv
h2_nv_value(const char *name, struct slice value)
{
	return (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)(value.n > 0 ? value.p : ""),
		.namelen = strlen(name),
		.valuelen = value.n,
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX,
	};
}

void
h2_stream_attach(struct h2_session *s, struct h2_stream *st, int32_t id)
{
	st->session = s;
	st->id = id;
	st->prev = NULL;
	st->next = s->streams;
	if (s->streams != NULL)
		s->streams->prev = st;
	s->streams = st;
	s->nstreams++;
}

static void
drop_head(struct h2_stream *st)
{
	struct h2_chunk *chunk = st->head;

	st->head = chunk->next;
	if (st->head == NULL)
		st->tail = NULL;
	st->offset = 0;
	if (!chunk->keep)
		free(chunk);
}

void
h2_stream_release(struct h2_stream *st)
{
	struct h2_session *s = st->session;

	while (st->head != NULL)
		drop_head(st);
	st->queued = 0;
	if (s == NULL)
		return;
	if (st->prev != NULL)
		st->prev->next = st->next;
	else
		s->streams = st->next;
	if (st->next != NULL)
		st->next->prev = st->prev;
	s->nstreams--;
	st->session = NULL;
}

/* What the peer's window and frame size allow (n), copied out of the chunks. */
static ssize_t
read_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
	  nghttp2_data_source *source, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);
	size_t done = 0;

	(void)source;
	if (st == NULL)
		return NGHTTP2_ERR_DEFERRED;
	while (st->head != NULL && done < n) {
		size_t take = st->head->n - st->offset;
		if (take > n - done)
			take = n - done;
		memcpy(buf + done, st->head->data + st->offset, take);
		done += take;
		st->offset += take;
		if (st->offset == st->head->n)
			drop_head(st);
	}
	st->queued -= done;
	if (st->head == NULL && st->finished) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->events->on_trailers != NULL) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			s->events->on_trailers(st);
		}
	} else if (done == 0) {
		st->parked = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (done > 0 && s->events->on_sent != NULL)
		s->events->on_sent(st, done);
	return (ssize_t)done;
}

static void
unpark(struct h2_stream *st)
{
	if (!st->parked)
		return;
	st->parked = false;
	if (nghttp2_session_resume_data(st->session->ng, st->id) != 0)
		return; /* reset meanwhile: on_close is on its way */
	h2_session_wake(st->session);
}

enum status
h2_stream_open(struct h2_session *s, struct h2_stream *st, const nghttp2_nv *nv, size_t nnv,
	       struct h2_chunk *body)
{
	const nghttp2_data_provider body_source = { .read_callback = read_body };

	ASSERT_LOOP(s->loop);
	if (s->state != H2_OPEN || s->no_new)
		return STATUS_UNAVAILABLE;
	st->has_body = true;
	st->finished = true;
	st->head = st->tail = body;
	st->queued = body->n;
	st->offset = 0;
	int32_t id = nghttp2_submit_request(s->ng, NULL, nv, nnv, &body_source, st);
	if (id < 0) {
		/* NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE: 2^30 calls later a new connection is due. */
		st->head = st->tail = NULL;
		st->queued = 0;
		return STATUS_UNAVAILABLE;
	}
	h2_stream_attach(s, st, id);
	h2_session_wake(s);
	return STATUS_OK;
}

void
h2_stream_submit_response(struct h2_stream *st, const nghttp2_nv *nv, size_t nnv, bool end)
{
	const nghttp2_data_provider body_source = { .read_callback = read_body };
	struct h2_session *s = st->session;

	if (s == NULL || s->state != H2_OPEN)
		return;
	st->has_body = !end;
	/* It fails only for a stream that is closing: on_close is on its way. */
	(void)nghttp2_submit_response(s->ng, st->id, nv, nnv, end ? NULL : &body_source);
	h2_session_wake(s);
}

void
h2_stream_submit_trailers(struct h2_stream *st, const nghttp2_nv *nv, size_t nnv)
{
	if (st->session != NULL)
		(void)nghttp2_submit_trailer(st->session->ng, st->id, nv, nnv);
}

void
h2_stream_write(struct h2_stream *st, struct h2_chunk *chunk)
{
	if (st->session == NULL || st->finished) {
		free(chunk);
		return;
	}
	chunk->next = NULL;
	if (st->tail != NULL)
		st->tail->next = chunk;
	else
		st->head = chunk;
	st->tail = chunk;
	st->queued += chunk->n;
	unpark(st);
}

void
h2_stream_finish(struct h2_stream *st)
{
	if (st->session == NULL)
		return;
	st->finished = true;
	unpark(st);
}

void
h2_stream_consume(struct h2_stream *st, size_t n)
{
	if (st->session == NULL || st->session->state != H2_OPEN || n == 0)
		return;
	/* The connection's share was given back on arrival. */
	(void)nghttp2_session_consume_stream(st->session->ng, st->id, n);
	h2_session_wake(st->session);
}

void
h2_stream_reset(struct h2_stream *st, uint32_t error_code)
{
	struct h2_session *s = st->session;

	if (s == NULL || s->state != H2_OPEN || st->rejected != 0)
		return;
	st->rejected = error_code;
	(void)nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, st->id, error_code);
	h2_session_wake(s);
}

void
h2_stream_detach(struct h2_stream *st)
{
	struct h2_session *s = st->session;

	if (s != NULL && s->state != H2_DEAD)
		(void)nghttp2_session_set_stream_user_data(s->ng, st->id, NULL);
	h2_stream_release(st);
}
