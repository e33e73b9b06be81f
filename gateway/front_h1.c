/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that includes evhtp.h; front_h1.h says who does what.
 *
 * Order of events in the life of a request:
 *
 *	on_readable → head_filter → (body) → dispatch ── canonical head ──► libevhtp's parser
 *	                                                                        │ on_evhtp_request
 *	handler ◄───────────────────────────────────────────────────────────────┘
 *	   │ exchange_reply: sent to the socket; CONN_ENDING
 *	   └► end of the loop turn: finish() tells libevhtp "written"; it frees its request (on_request_fini)
 *	      and either stands ready for the next head or frees its connection (on_connection_fini)
 *
 * Nothing frees a connection while a caller may still look at it: conn_kill closes the socket and leaves
 * the memory to the end of the loop turn.
 */
#include "gateway/front_h1.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <evhtp.h>

#include "gateway/chunked.h"
#include "gateway/conn_limit.h"
#include "gateway/head_filter.h"
#include "gateway/listen.h"
#include "gateway/problem.h"
#include "gateway/sock_out.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/uuid.h"
#include "libcommon/runtime/loop.h"

#define READ_SIZE 65536
#define PIPELINE_MAX 65536   /* bytes of further requests kept while one is answered */
#define BODY_IN_ARENA 32768  /* larger bodies get a heap buffer of their own */
#define ARENAS_KEPT 64
#define ARENA_CAP (64 * 1024 * 1024)
#define LINGER_BYTES (1024 * 1024)
#define DRAIN_IDLE_MS 1000

/* Who holds the connection. */
enum conn_state {
	CONN_IDLE,    /* the client: no byte of a request yet */
	CONN_HEAD,    /* the client: part of a head is there */
	CONN_BODY,    /* the client: the head is accepted, its body is being read */
	CONN_BUSY,    /* the handler: it owes a reply */
	CONN_ENDING,  /* the socket: the reply is complete, libevhtp has not been told */
	CONN_CLOSING, /* the socket, then the client: no more requests; flush, shut down, discard */
	CONN_DEAD,    /* nobody: closed, freed at the end of the turn */
};

struct conn {
	struct exchange ex;
	struct front_h1 *front;
	LIST_ENTRY(conn) link;
	STAILQ_ENTRY(conn) ended; /* valid while `queued` */
	evhtp_connection_t *evhtp; /* NULL once freed */
	evhtp_request_t *request;  /* from on_evhtp_request to on_request_fini */
	struct bufferevent *feed;  /* libevhtp's bufferevent; it has no socket */
	struct event readable, writable, timer;
	int64_t deadline_ms, armed_ms; /* 0: none */
	int64_t body_begun_ms;
	enum conn_state state;
	bool queued, keep_alive, streaming, stream_chunked, aborted, eof, reading_off;
	size_t discarded;
	struct strbuf in; /* bytes not used yet */
	size_t in_at;
	struct head_filter filter;
	struct chunked chunked;
	struct strbuf body;
	size_t body_limit, body_counted;
	struct sock_out out;
	char peer[INET6_ADDRSTRLEN];
};

LIST_HEAD(conn_list, conn);
STAILQ_HEAD(conn_queue, conn);

struct front_h1 {
	struct front_h1_options opts;
	evhtp_t *htp;
	struct conn *feeding; /* whose head libevhtp parses right now */
	struct conn_list conns;
	struct conn_queue ended;
	struct event turn_end; /* after the events at hand: finishes what is in `ended` */
	struct strbuf head; /* scratch for a reply's head */
	struct strbuf canonical;
	struct arena *arenas[ARENAS_KEPT];
	unsigned narenas;
	bool draining;
	struct front_h1_stats stats;
	char scratch[READ_SIZE];
};

static struct conn *
conn_of(struct exchange *ex)
{
	return container_of(ex, struct conn, ex);
}

/* ---- timers: a deadline that moves later costs nothing, the timer looks again when it fires ---- */

static void
arm(struct conn *conn, int64_t at_ms, int64_t now_ms)
{
	int64_t ms = at_ms > now_ms ? at_ms - now_ms : 1;
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(&conn->timer, &tv);
	conn->armed_ms = at_ms;
}

static void
set_deadline(struct conn *conn, int64_t ms)
{
	int64_t now = clock_mono_ms();

	conn->deadline_ms = now + ms;
	if (conn->armed_ms == 0 || conn->deadline_ms < conn->armed_ms)
		arm(conn, conn->deadline_ms, now);
}

static void
clear_deadline(struct conn *conn)
{
	conn->deadline_ms = 0;
}

/* ---- end of life ---- */

static void
queue_end(struct conn *conn)
{
	if (conn->queued)
		return;
	conn->queued = true;
	STAILQ_INSERT_TAIL(&conn->front->ended, conn, ended);
	event_active(&conn->front->turn_end, EV_TIMEOUT, 1);
}

static void
conn_kill(struct conn *conn)
{
	if (conn->state == CONN_DEAD)
		return;
	/* The hooks see CONN_BUSY if an exchange is open, and cancel it. */
	if (conn->evhtp != NULL)
		evhtp_connection_free(conn->evhtp);
	conn->state = CONN_DEAD;
	event_del(&conn->readable);
	event_del(&conn->writable);
	event_del(&conn->timer);
	close(conn->out.fd);
	conn_limit_leave(conn->front->opts.limit, slice_str(conn->peer));
	conn->front->stats.connections--;
	queue_end(conn);
}

static void
release_request(struct conn *conn)
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
	if (front->narenas < ARENAS_KEPT)
		front->arenas[front->narenas++] = conn->ex.arena;
	else
		arena_free(conn->ex.arena);
	conn->ex.arena = NULL;
}

static void
conn_free(struct conn *conn)
{
	release_request(conn);
	LIST_REMOVE(conn, link);
	strbuf_fini(&conn->in);
	sock_out_fini(&conn->out);
	free(conn);
}

/* While reading is off nobody notices that the client left; the exchange's own deadline ends it. */
static void
set_reading(struct conn *conn, bool on)
{
	if (conn->reading_off != on)
		return;
	conn->reading_off = !on;
	if (on)
		event_add(&conn->readable, NULL);
	else
		event_del(&conn->readable);
}

/* Everything is sent: tell the client, then read what still comes, so that no RST overtakes the reply. */
static void
linger(struct conn *conn)
{
	if (conn->eof) {
		conn_kill(conn);
		return;
	}
	shutdown(conn->out.fd, SHUT_WR);
	set_deadline(conn, conn->front->opts.linger_ms);
	set_reading(conn, true);
}

static void
begin_closing(struct conn *conn)
{
	conn->state = CONN_CLOSING;
	strbuf_fini(&conn->in);
	conn->in_at = 0;
	if (conn->evhtp != NULL)
		evhtp_connection_free(conn->evhtp);
	release_request(conn);
	if (sock_out_pending(&conn->out) == 0)
		linger(conn);
}

/* ---- sending ---- */

static void
send_iov(struct conn *conn, struct iovec *iov, int niov)
{
	bool waited = sock_out_pending(&conn->out) > 0;

	if (conn->aborted)
		return;
	if (!sock_out_send(&conn->out, iov, niov)) {
		conn->aborted = true;
		queue_end(conn);
		return;
	}
	if (!waited && sock_out_pending(&conn->out) > 0) {
		event_add(&conn->writable, NULL);
		set_deadline(conn, conn->front->opts.write_ms);
	}
}

static void
begin_head(struct conn *conn, unsigned status, struct slice fields)
{
	struct strbuf *head = &conn->front->head;

	strbuf_reset(head);
	strbuf_add(head, "HTTP/1.1 ", 9);
	strbuf_add_u64(head, status);
	strbuf_addch(head, ' ');
	strbuf_adds(head, http_reason(status));
	strbuf_add(head, "\r\nDate: ", 8);
	strbuf_add(head, http_date(clock_wall_ms()), HTTP_DATE_LEN);
	strbuf_add(head, "\r\n", 2);
	strbuf_add_slice(head, fields);
	if (conn->front->draining)
		conn->keep_alive = false;
	if (!conn->keep_alive)
		strbuf_adds(head, "Connection: close\r\n");
	else if (conn->filter.head.minor == 0)
		strbuf_adds(head, "Connection: keep-alive\r\n");
}

static void
send_bytes(struct conn *conn, struct slice bytes)
{
	struct iovec iov = sock_out_iov(bytes.p, bytes.n);

	send_iov(conn, &iov, 1);
}

static bool
status_has_body(unsigned status)
{
	return status >= 200 && status != 204 && status != 304;
}

static void
send_reply(struct conn *conn, unsigned status, struct slice fields, struct slice body, bool head_only)
{
	struct strbuf *head = &conn->front->head;

	begin_head(conn, status, fields);
	if (status_has_body(status)) {
		strbuf_add(head, "Content-Length: ", 16);
		strbuf_add_u64(head, body.n);
		strbuf_add(head, "\r\n", 2);
	} else {
		head_only = true;
	}
	strbuf_add(head, "\r\n", 2);
	struct iovec iov[2] = { sock_out_iov(head->buf, head->len), sock_out_iov(body.p, body.n) };
	send_iov(conn, iov, head_only || body.n == 0 ? 1 : 2);
}

/* What the front itself answers; the connection ends with it. */
static void
refuse(struct conn *conn, unsigned status, const char *detail)
{
	struct front_h1 *front = conn->front;
	struct strbuf fields = STRBUF_INIT, body = STRBUF_INIT;
	struct uuid id = uuid_v4();
	char request_id[UUID_TEXT_SIZE];

	uuid_format(&id, request_id);
	struct problem problem = { .status = status, .detail = detail, .request_id = slice_str(request_id) };
	problem_write(&problem, &body);
	strbuf_add_slice(&fields, front->opts.error_fields);
	strbuf_addf(&fields, "X-Request-ID: %s\r\nContent-Type: application/problem+json\r\n", request_id);
	if (status == 503)
		strbuf_adds(&fields, "Retry-After: 1\r\n");
	front->stats.refused++;
	conn->keep_alive = false;
	send_reply(conn, status, strbuf_slice(&fields), strbuf_slice(&body), false);
	strbuf_fini(&fields);
	strbuf_fini(&body);
	if (front->opts.handler->on_refused != NULL)
		front->opts.handler->on_refused(status, detail, conn->peer, front->opts.arg);
	begin_closing(conn);
}

/* ---- the exchange's functions ---- */

static void
end_exchange(struct conn *conn)
{
	conn->state = CONN_ENDING;
	if (conn->aborted || sock_out_pending(&conn->out) == 0)
		queue_end(conn);
}

static void
front_reply(struct exchange *ex, unsigned status, struct slice fields, struct slice body)
{
	struct conn *conn = conn_of(ex);

	send_reply(conn, status, fields, body, ex->method == HTTP_HEAD);
	end_exchange(conn);
}

static void
front_stream_begin(struct exchange *ex, unsigned status, struct slice fields)
{
	struct conn *conn = conn_of(ex);
	struct strbuf *head = &conn->front->head;

	/* HTTP/1.0 knows no chunks: the end of the connection is the end of the body. */
	conn->stream_chunked = conn->filter.head.minor == 1;
	if (!conn->stream_chunked)
		conn->keep_alive = false;
	conn->streaming = true;
	begin_head(conn, status, fields);
	if (conn->stream_chunked)
		strbuf_adds(head, "Transfer-Encoding: chunked\r\n");
	strbuf_add(head, "\r\n", 2);
	send_bytes(conn, strbuf_slice(head));
}

static size_t
front_stream_send(struct exchange *ex, struct slice bytes)
{
	struct conn *conn = conn_of(ex);
	char size[24];

	if (bytes.n == 0 || ex->method == HTTP_HEAD)
		return 0;
	int n = snprintf(size, sizeof(size), "%zx\r\n", bytes.n);
	struct iovec iov[3] = { sock_out_iov(size, (size_t)n), sock_out_iov(bytes.p, bytes.n),
				sock_out_iov("\r\n", 2) };
	if (conn->stream_chunked)
		send_iov(conn, iov, 3);
	else
		send_iov(conn, iov + 1, 1);
	return sock_out_pending(&conn->out);
}

static void
front_stream_end(struct exchange *ex)
{
	struct conn *conn = conn_of(ex);

	if (conn->stream_chunked && ex->method != HTTP_HEAD)
		send_bytes(conn, SLICE_LIT("0\r\n\r\n"));
	end_exchange(conn);
}

static void
front_abort(struct exchange *ex)
{
	struct conn *conn = conn_of(ex);

	conn->aborted = true;
	end_exchange(conn);
}

static const struct exchange_front front_vtable = {
	.reply = front_reply,
	.stream_begin = front_stream_begin,
	.stream_send = front_stream_send,
	.stream_end = front_stream_end,
	.abort = front_abort,
};

/* ---- requests ---- */

/* libevhtp has parsed the canonical head: its request is what the exchange lives on. */
static void
on_evhtp_request(evhtp_request_t *request, void *arg)
{
	struct front_h1 *front = arg;
	struct conn *conn = front->feeding;

	conn->request = request;
	conn->state = CONN_BUSY;
	front->stats.busy++;
	front->stats.requests++;
	front->opts.handler->on_request(&conn->ex, front->opts.arg);
}

static evhtp_res
on_request_fini(evhtp_request_t *request, void *arg)
{
	struct conn *conn = arg;

	(void)request;
	if (conn->request == NULL)
		return EVHTP_RES_OK;
	conn->request = NULL;
	conn->front->stats.busy--;
	if (conn->state == CONN_BUSY) {
		conn->state = CONN_ENDING;
		conn->front->stats.cancelled++;
		if (conn->ex.on_cancel != NULL)
			conn->ex.on_cancel(&conn->ex);
	}
	return EVHTP_RES_OK;
}

static evhtp_res
on_connection_fini(evhtp_connection_t *connection, void *arg)
{
	struct conn *conn = arg;

	(void)connection;
	conn->evhtp = NULL;
	return EVHTP_RES_OK;
}

static void
dispatch(struct conn *conn)
{
	struct front_h1 *front = conn->front;
	struct strbuf *head = &front->canonical;

	clear_deadline(conn);
	conn->ex.body = strbuf_slice(&conn->body);
	strbuf_reset(head);
	strbuf_adds(head, http_method_name(conn->ex.method));
	strbuf_addch(head, ' ');
	strbuf_add_slice(head, conn->ex.path);
	strbuf_adds(head, " HTTP/1.1\r\nHost: gateway\r\n\r\n");
	evbuffer_add(bufferevent_get_input(conn->feed), head->buf, head->len);
	front->feeding = conn;
	bufferevent_trigger(conn->feed, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
	front->feeding = NULL;
	/* It took a head that it should have taken: refuse rather than leave the client waiting. */
	if (conn->state == CONN_BODY)
		refuse(conn, 500, NULL);
}

static void
begin_exchange(struct conn *conn, const char *base)
{
	struct front_h1 *front = conn->front;
	const struct head *head = &conn->filter.head;
	struct exchange *ex = &conn->ex;

	struct arena *arena = front->narenas > 0 ? front->arenas[--front->narenas] : arena_new(ARENA_CAP);
	const char *copy = arena_memdup(arena, base, head->size);
	struct exchange_field *fields = ARENA_ARRAY(arena, struct exchange_field, head->nfields + 1);
	for (unsigned i = 0; i < head->nfields; i++)
		fields[i] = (struct exchange_field){ head_slice(copy, head->fields[i].name),
						     head_slice(copy, head->fields[i].value) };
	*ex = (struct exchange){
		.front = &front_vtable,
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
	if (!head->chunked && head->content_length > conn->body_limit) {
		refuse(conn, 413, "The request body is larger than allowed here.");
		return;
	}
	if (!head->chunked && head->content_length <= BODY_IN_ARENA) {
		conn->body = STRBUF_ARENA(conn->ex.arena);
		strbuf_grow(&conn->body, head->content_length);
	}
	conn->chunked = CHUNKED_INIT;
	conn->body_begun_ms = 0;
	if (head->expect_continue && !more)
		send_bytes(conn, SLICE_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
}

static bool
add_body(struct conn *conn, struct slice data)
{
	struct front_h1 *front = conn->front;

	if (conn->body.len + data.n > conn->body_limit) {
		refuse(conn, 413, "The request body is larger than allowed here.");
		return false;
	}
	if (front->stats.body_memory + data.n > front->opts.body_memory_max) {
		refuse(conn, 503, "Too many large requests at once.");
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
			refuse(conn, 400, "The chunked body is malformed.");
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
			set_deadline(conn, conn->front->opts.head_ms);
		}
		return 0;
	case HEAD_REFUSED:
		refuse(conn, conn->filter.refusal.status, conn->filter.refusal.detail);
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
	set_deadline(conn, conn->body_begun_ms - now + conn->front->opts.body_grace_ms +
				   (int64_t)conn->body.len * 1000 / FRONT_H1_BODY_RATE);
}

/* Uses up as much of `in` as the connection's state allows; returns how much. */
static size_t
consume(struct conn *conn, struct slice in)
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

/* Goes on with the bytes that waited. */
static void
consume_waiting(struct conn *conn)
{
	size_t used = consume(conn, slice_make(conn->in.buf + conn->in_at, conn->in.len - conn->in_at));

	if (conn->state >= CONN_CLOSING)
		return;
	conn->in_at += used;
	if (conn->in_at == conn->in.len) {
		strbuf_fini(&conn->in);
		conn->in_at = 0;
	} else if (conn->in_at > conn->in.len / 2) {
		conn->in.len -= conn->in_at;
		memmove(conn->in.buf, conn->in.buf + conn->in_at, conn->in.len + 1);
		conn->in_at = 0;
	}
}

/* The reply is out. libevhtp ends its request, and the connection goes on or closes. */
static void
finish(struct conn *conn)
{
	if (conn->aborted) {
		conn_kill(conn);
		return;
	}
	if (conn->state != CONN_ENDING)
		return;
	if (conn->eof)
		conn->keep_alive = false;
	/* evhtp_request_set_keepalive(…, 0) does nothing. */
	if (!conn->keep_alive)
		evhtp_request_disable_flag(conn->request, EVHTP_REQ_FLAG_KEEPALIVE);
	evhtp_send_reply_end(conn->request);
	bufferevent_trigger(conn->feed, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
	release_request(conn);
	if (conn->evhtp == NULL) {
		begin_closing(conn);
		return;
	}
	conn->state = CONN_IDLE;
	head_filter_init(&conn->filter);
	set_deadline(conn, conn->front->draining ? DRAIN_IDLE_MS : conn->front->opts.idle_ms);
	if (conn->in.len > conn->in_at)
		consume_waiting(conn);
	if (conn->state < CONN_CLOSING && conn->in.len - conn->in_at < PIPELINE_MAX)
		set_reading(conn, true);
}

static void
on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	struct front_h1 *front = arg;
	struct conn_queue queue = STAILQ_HEAD_INITIALIZER(queue);
	struct conn *conn;

	(void)fd;
	(void)what;
	STAILQ_CONCAT(&queue, &front->ended);
	while ((conn = STAILQ_FIRST(&queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&queue, ended);
		conn->queued = false;
		if (conn->state == CONN_DEAD)
			conn_free(conn);
		else
			finish(conn);
	}
}

/* ---- the socket's events ---- */

static void
on_client_gone(struct conn *conn)
{
	conn->eof = true;
	event_del(&conn->readable);
	/* A reply that is on its way is still delivered: the client may have closed its half only. */
	if (conn->state == CONN_ENDING ||
	    (conn->state == CONN_CLOSING && sock_out_pending(&conn->out) > 0))
		return;
	conn_kill(conn);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	char *scratch = conn->front->scratch;
	ssize_t n = recv(fd, scratch, READ_SIZE, 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (n < 0)
			conn->aborted = true;
		on_client_gone(conn);
		return;
	}
	if (conn->state == CONN_CLOSING) {
		conn->discarded += (size_t)n;
		if (conn->discarded > LINGER_BYTES)
			conn_kill(conn);
		return;
	}
	if (conn->in.len == 0) {
		size_t used = consume(conn, slice_make(scratch, (size_t)n));
		if (conn->state < CONN_CLOSING && used < (size_t)n)
			strbuf_add(&conn->in, scratch + used, (size_t)n - used);
	} else {
		strbuf_add(&conn->in, scratch, (size_t)n);
		consume_waiting(conn);
	}
	if (conn->state < CONN_CLOSING && conn->in.len - conn->in_at >= PIPELINE_MAX)
		set_reading(conn, false);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	size_t before = sock_out_pending(&conn->out);

	(void)fd;
	(void)what;
	if (!sock_out_flush(&conn->out)) {
		conn->aborted = true;
		conn_kill(conn);
		return;
	}
	size_t left = sock_out_pending(&conn->out);
	if (left < before)
		set_deadline(conn, conn->front->opts.write_ms);
	if (left == 0) {
		event_del(&conn->writable);
		if (conn->state == CONN_ENDING)
			queue_end(conn);
		else if (conn->state == CONN_CLOSING)
			linger(conn);
		else if (conn->state == CONN_BUSY)
			clear_deadline(conn);
	}
	if (conn->state == CONN_BUSY && conn->streaming && conn->ex.on_drain != NULL &&
	    before >= EXCHANGE_STREAM_LOW && left < EXCHANGE_STREAM_LOW)
		conn->ex.on_drain(&conn->ex);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	int64_t now = clock_mono_ms();

	(void)fd;
	(void)what;
	conn->armed_ms = 0;
	if (conn->deadline_ms == 0)
		return;
	if (now < conn->deadline_ms) {
		arm(conn, conn->deadline_ms, now);
		return;
	}
	switch (conn->state) {
	case CONN_IDLE:
		begin_closing(conn);
		break;
	case CONN_HEAD:
		refuse(conn, 408, "The request head took too long.");
		break;
	case CONN_BODY:
		refuse(conn, 408, "The request body took too long.");
		break;
	default:
		conn_kill(conn);
		break;
	}
}

/* ---- accepting ---- */

static void
peer_text(const struct sockaddr *sa, char text[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	text[0] = '\0';
	if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &in4->sin_addr, text, INET6_ADDRSTRLEN);
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
	else if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static evhtp_res
on_pre_accept(evhtp_connection_t *connection, void *arg)
{
	struct front_h1 *front = arg;
	char peer[INET6_ADDRSTRLEN];

	peer_text(connection->saddr, peer);
	return conn_limit_enter(front->opts.limit, slice_str(peer)) ? EVHTP_RES_OK : EVHTP_RES_ERROR;
}

/* The socket becomes ours; libevhtp keeps a bufferevent without one. */
static evhtp_res
on_post_accept(evhtp_connection_t *connection, void *arg)
{
	struct front_h1 *front = arg;
	struct conn *conn = calloc(1, sizeof(*conn));
	struct event_base *base = loop_base(front->opts.loop);

	if (conn == NULL)
		panic("front_h1: no memory for a connection");
	conn->front = front;
	conn->evhtp = connection;
	conn->feed = evhtp_connection_get_bev(connection);
	conn->out.fd = connection->sock;
	peer_text(connection->saddr, conn->peer);
	bufferevent_setfd(conn->feed, -1);
	evbuffer_unfreeze(bufferevent_get_input(conn->feed), 0);
	evhtp_connection_set_hook(connection, evhtp_hook_on_request_fini, (evhtp_hook)on_request_fini, conn);
	evhtp_connection_set_hook(connection, evhtp_hook_on_connection_fini,
				  (evhtp_hook)on_connection_fini, conn);
	head_filter_init(&conn->filter);
	event_assign(&conn->readable, base, conn->out.fd, EV_READ | EV_PERSIST, on_readable, conn);
	event_assign(&conn->writable, base, conn->out.fd, EV_WRITE | EV_PERSIST, on_writable, conn);
	event_assign(&conn->timer, base, -1, 0, on_timer, conn);
	event_add(&conn->readable, NULL);
	LIST_INSERT_HEAD(&front->conns, conn, link);
	front->stats.connections++;
	set_deadline(conn, front->opts.idle_ms);
	return EVHTP_RES_OK;
}

static int64_t
or_default(int64_t value, int64_t def)
{
	return value > 0 ? value : def;
}

struct front_h1 *
front_h1_new(const struct front_h1_options *opts)
{
	struct front_h1 *front = calloc(1, sizeof(*front));

	if (front == NULL)
		panic("front_h1: no memory");
	front->opts = *opts;
	front->opts.idle_ms = or_default(opts->idle_ms, 65000);
	front->opts.head_ms = or_default(opts->head_ms, 5000);
	front->opts.body_grace_ms = or_default(opts->body_grace_ms, 10000);
	front->opts.write_ms = or_default(opts->write_ms, 30000);
	front->opts.linger_ms = or_default(opts->linger_ms, 2000);
	LIST_INIT(&front->conns);
	STAILQ_INIT(&front->ended);
	event_assign(&front->turn_end, loop_base(opts->loop), -1, 0, on_turn_end, front);
	front->htp = evhtp_new(loop_base(opts->loop), NULL);
	if (front->htp == NULL)
		panic("front_h1: no memory");
	evhtp_set_pre_accept_cb(front->htp, on_pre_accept, front);
	evhtp_set_post_accept_cb(front->htp, on_post_accept, front);
	evhtp_set_gencb(front->htp, on_evhtp_request, front);
	evhtp_disable_flag(front->htp, EVHTP_FLAG_ENABLE_100_CONT);
	/* Not BEV_OPT_DEFER_CALLBACKS, its default: a head is parsed within dispatch(). */
	evhtp_set_bev_flags(front->htp, BEV_OPT_CLOSE_ON_FREE);
	return front;
}

void
front_h1_accept(struct front_h1 *front, int listen_fd)
{
	if (evhtp_accept_socket(front->htp, listen_fd, LISTEN_BACKLOG) != 0)
		panic("front_h1: libevhtp did not take the listening socket");
}

void
front_h1_drain(struct front_h1 *front)
{
	struct conn *conn;

	front->draining = true;
	LIST_FOREACH (conn, &front->conns, link) {
		if (conn->state == CONN_IDLE)
			set_deadline(conn, DRAIN_IDLE_MS);
	}
}

void
front_h1_stop_accepting(struct front_h1 *front)
{
	evhtp_unbind_socket(front->htp);
}

void
front_h1_stats(const struct front_h1 *front, struct front_h1_stats *ret_stats)
{
	*ret_stats = front->stats;
}

void
front_h1_free(struct front_h1 *front)
{
	struct conn *conn;

	if (front == NULL)
		return;
	evhtp_unbind_socket(front->htp);
	LIST_FOREACH (conn, &front->conns, link)
		conn_kill(conn);
	while (!STAILQ_EMPTY(&front->ended))
		on_turn_end(-1, 0, front);
	event_del(&front->turn_end);
	evhtp_free(front->htp);
	while (front->narenas > 0)
		arena_free(front->arenas[--front->narenas]);
	strbuf_fini(&front->head);
	strbuf_fini(&front->canonical);
	free(front);
}
