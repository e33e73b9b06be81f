/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: heads through the filter, bodies off their framing, whole requests to the engine. */
#include "gateway/h1_conn.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"

#define BODY_IN_ARENA 32768 /* larger bodies get a heap buffer of their own */
#define ARENA_CAP (64 * 1024 * 1024)

void
h1_request_release(struct conn *conn)
{
	struct front_h1 *front = conn->front;

	front->stats.body_memory -= conn->body_counted;
	conn->body_counted = 0;
	if (conn->body.arena == NULL)
		strbuf_fini(&conn->body);
	conn->body = STRBUF_INIT;
	if (conn->ex.arena == NULL)
		return;
	arena_reset(conn->ex.arena);
	if (front->narenas < H1_ARENAS_KEPT)
		front->arenas[front->narenas++] = conn->ex.arena;
	else
		arena_free(conn->ex.arena);
	conn->ex.arena = NULL;
}

static size_t
body_max(const struct conn *conn)
{
	return conn->body_limit & ~EXCHANGE_STRANGER;
}

static void
refuse_large(struct conn *conn)
{
	if (conn->body_limit & EXCHANGE_STRANGER)
		h1_reply_refuse(conn, 401, "A body of this size needs a valid access token.");
	else
		h1_reply_refuse(conn, 413, "The request body is larger than allowed here.");
}

static void
dispatch(struct conn *conn)
{
	h1_conn_clear_deadline(conn);
	conn->ex.body = strbuf_slice(&conn->body);
	/* A head that the engine should have taken: refuse rather than leave the client waiting. */
	if (!h1_engine_feed(conn))
		h1_reply_refuse(conn, 500, NULL);
}

static void
begin_exchange(struct conn *conn, const char *base)
{
	struct front_h1 *front = conn->front;
	const struct head *head = &conn->filter.head;
	struct exchange *ex = &conn->ex;

	struct arena *arena =
		front->narenas > 0 ? front->arenas[--front->narenas] : arena_new(ARENA_CAP);
	const char *copy = arena_memdup(arena, base, head->size);
	struct exchange_field *fields =
		ARENA_ARRAY(arena, struct exchange_field, head->nfields + 1);
	for (unsigned i = 0; i < head->nfields; i++)
		fields[i] = (struct exchange_field){ head_slice(copy, head->fields[i].name),
						     head_slice(copy, head->fields[i].value) };
	*ex = (struct exchange){
		.front = &h1_reply_vtable,
		.loop = front->opts.loop,
		.arena = arena,
		.method = head->method,
		.path = head_slice(copy, head->path),
		.query = head_slice(copy, head->query),
		.fields = fields,
		.nfields = head->nfields,
		.peer = conn->peer,
		.begun_ns = clock_mono_ns(),
	};
	conn->keep_alive = head->keep_alive;
	conn->streaming = false;
}

/* The head is accepted. `more`: bytes of the body are there already. */
static void
on_head(struct conn *conn, const char *base, bool more)
{
	struct front_h1 *front = conn->front;
	const struct head *head = &conn->filter.head;

	begin_exchange(conn, base);
	conn->state = CONN_BODY;
	if (!head->chunked && head->content_length == 0)
		return;

	conn->body_limit = front->opts.handler->body_limit(&conn->ex, front->opts.arg);
	if (!head->chunked && head->content_length > body_max(conn)) {
		refuse_large(conn);
		return;
	}
	if (!head->chunked && head->content_length <= BODY_IN_ARENA) {
		conn->body = STRBUF_ARENA(conn->ex.arena);
		strbuf_grow(&conn->body, head->content_length);
	}
	conn->chunked = CHUNKED_INIT;
	conn->body_begun_ms = 0;
	if (head->expect_continue && !more)
		h1_reply_send_bytes(conn, SLICE_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
}

static bool
add_body(struct conn *conn, struct slice data)
{
	struct front_h1 *front = conn->front;

	if (conn->body.len + data.n > body_max(conn)) {
		refuse_large(conn);
		return false;
	}
	/* Small ones are bounded by the connections: large ones must not shut them out. */
	if (conn->body.arena == NULL &&
	    front->stats.body_memory + data.n > front->opts.body_memory_max) {
		h1_reply_refuse(conn, 503, "Too many large requests at once.");
		return false;
	}
	strbuf_add_slice(&conn->body, data);
	front->stats.body_memory += data.n;
	conn->body_counted += data.n;
	return true;
}

/* Returns how much of `in` belonged to the body; *ret_whole says that it is complete. */
static size_t
take_body(struct conn *conn, struct slice in, bool *ret_whole)
{
	const struct head *head = &conn->filter.head;
	struct slice rest = in, data;

	*ret_whole = false;
	if (!head->chunked) {
		size_t left = head->content_length - conn->body.len;
		size_t n = in.n < left ? in.n : left;
		if (n > 0 && !add_body(conn, slice_make(in.p, n)))
			return in.n;
		*ret_whole = n == left;
		return n;
	}
	for (;;) {
		switch (chunked_feed(&conn->chunked, &rest, &data)) {
		case CHUNKED_DATA:
			if (!add_body(conn, data))
				return in.n;
			break;
		case CHUNKED_MORE:
			return in.n;
		case CHUNKED_END:
			*ret_whole = true;
			return in.n - rest.n;
		case CHUNKED_BAD:
			h1_reply_refuse(conn, 400, "The chunked body is malformed.");
			return in.n;
		}
	}
}

static size_t
take_head(struct conn *conn, struct slice in)
{
	switch (head_filter_feed(&conn->filter, in)) {
	case HEAD_MORE:
		if (conn->state == CONN_IDLE && head_filter_begun(&conn->filter)) {
			conn->state = CONN_HEAD;
			h1_conn_set_deadline(conn, conn->front->opts.head_ms);
		}
		return 0;
	case HEAD_REFUSED:
		h1_reply_refuse(conn, conn->filter.refusal.status, conn->filter.refusal.detail);
		return in.n;
	case HEAD_READY:
		on_head(conn, in.p, in.n > conn->filter.head.size);
		return conn->filter.head.size;
	}
	return 0;
}

/* The body is not complete: what has come buys time at the least rate. */
static void
wait_for_body(struct conn *conn)
{
	int64_t now = clock_mono_ms();

	if (conn->body_begun_ms == 0)
		conn->body_begun_ms = now;
	h1_conn_set_deadline(conn, conn->body_begun_ms - now + conn->front->opts.body_grace_ms +
					   (int64_t)conn->body.len * 1000 / FRONT_H1_BODY_RATE);
}

/* Uses up as much of `in` as the connection's state allows; returns how much. */
size_t
h1_request_consume(struct conn *conn, struct slice in)
{
	size_t used = 0;
	bool whole;

	for (;;) {
		struct slice rest = slice_make(in.p + used, in.n - used);

		switch (conn->state) {
		case CONN_IDLE:
		case CONN_HEAD:
			used += take_head(conn, rest);
			if (conn->state == CONN_IDLE || conn->state == CONN_HEAD)
				return used;
			break;
		case CONN_BODY:
			used += take_body(conn, rest, &whole);
			if (whole) {
				dispatch(conn);
			} else if (conn->state == CONN_BODY) {
				wait_for_body(conn);
				return used;
			}
			break;
		case CONN_BUSY:
		case CONN_ENDING:
			return used;
		case CONN_CLOSING:
		case CONN_DEAD:
			return in.n;
		}
	}
}
