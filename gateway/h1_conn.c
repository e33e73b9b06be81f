/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/h1_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "gateway/conn_limit.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/runtime/loop.h"

#define PIPELINE_MAX 65536 /* bytes of further requests kept while one is answered */
#define LINGER_BYTES (1024 * 1024)

/* ---- clocks: a deadline that moves later costs nothing, the timer looks again when it fires ----
 */

static void
arm(struct conn *conn, int64_t at_ms, int64_t now_ms)
{
	int64_t ms = at_ms > now_ms ? at_ms - now_ms : 1;
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(&conn->timer, &tv);
	conn->armed_ms = at_ms;
}

void
h1_conn_set_deadline(struct conn *conn, int64_t ms)
{
	int64_t now = clock_mono_ms();

	conn->deadline_ms = now + ms;
	if (conn->armed_ms == 0 || conn->deadline_ms < conn->armed_ms)
		arm(conn, conn->deadline_ms, now);
}

void
h1_conn_clear_deadline(struct conn *conn)
{
	conn->deadline_ms = 0;
}

void
h1_conn_queue_end(struct conn *conn)
{
	if (conn->queued)
		return;
	conn->queued = true;
	STAILQ_INSERT_TAIL(&conn->front->ended, conn, ended);
	event_active(&conn->front->turn_end, EV_TIMEOUT, 1);
}

bool
h1_conn_count_out(struct conn *conn)
{
	struct front_h1 *front = conn->front;
	size_t pending = sock_out_pending(&conn->out);

	front->stats.reply_memory += pending - conn->out_counted;
	conn->out_counted = pending;
	return pending == 0 || front->stats.reply_memory <= front->opts.reply_memory_max;
}

void
h1_conn_kill(struct conn *conn)
{
	if (conn->state == CONN_DEAD)
		return;
	/* The hooks see CONN_BUSY if an exchange is open, and cancel it. */
	h1_engine_drop(conn);
	conn->state = CONN_DEAD;
	event_del(&conn->readable);
	event_del(&conn->writable);
	event_del(&conn->timer);
	/* What the client did not take goes with it, the kernel's part too. */
	if (sock_out_pending(&conn->out) > 0)
		(void)setsockopt(conn->out.fd, SOL_SOCKET, SO_LINGER,
				 &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	close(conn->out.fd);
	char key[CLIENT_ADDRESS_SIZE];
	conn_limit_leave(conn->front->opts.limit, h1_limit_key(conn->front, conn->peer, key));
	conn->front->stats.connections--;
	h1_conn_queue_end(conn);
}

static void
conn_free(struct conn *conn)
{
	h1_request_release(conn);
	LIST_REMOVE(conn, link);
	strbuf_fini(&conn->in);
	sock_out_fini(&conn->out);
	(void)h1_conn_count_out(conn);
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

/* Everything is sent: tell the client, then read what still comes, so that no RST overtakes the
 * reply. */
static void
linger(struct conn *conn)
{
	if (conn->eof) {
		h1_conn_kill(conn);
		return;
	}
	shutdown(conn->out.fd, SHUT_WR);
	h1_conn_set_deadline(conn, conn->front->opts.linger_ms);
	set_reading(conn, true);
}

void
h1_conn_begin_closing(struct conn *conn)
{
	conn->state = CONN_CLOSING;
	strbuf_fini(&conn->in);
	conn->in_at = 0;
	h1_engine_drop(conn);
	h1_request_release(conn);
	if (sock_out_pending(&conn->out) == 0)
		linger(conn);
}

/* Goes on with the bytes that waited. */
static void
consume_waiting(struct conn *conn)
{
	size_t used = h1_request_consume(conn, slice_make(conn->in.buf + conn->in_at,
							  conn->in.len - conn->in_at));

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
		h1_conn_kill(conn);
		return;
	}
	if (conn->state != CONN_ENDING)
		return;
	if (conn->eof)
		conn->keep_alive = false;
	bool goes_on = h1_engine_finish(conn);
	h1_request_release(conn);
	if (!goes_on) {
		h1_conn_begin_closing(conn);
		return;
	}
	conn->state = CONN_IDLE;
	head_filter_init(&conn->filter);
	h1_conn_set_deadline(conn,
			     conn->front->draining ? H1_DRAIN_IDLE_MS : conn->front->opts.idle_ms);
	if (conn->in.len > conn->in_at)
		consume_waiting(conn);
	if (conn->state < CONN_CLOSING && conn->in.len - conn->in_at < PIPELINE_MAX)
		set_reading(conn, true);
}

void
h1_conn_turn_end(evutil_socket_t fd, short what, void *arg)
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

static void
on_client_gone(struct conn *conn)
{
	conn->eof = true;
	event_del(&conn->readable);
	/* A reply that is on its way is still delivered: the client may have closed its half only.
	 */
	if (conn->state == CONN_ENDING ||
	    (conn->state == CONN_CLOSING && sock_out_pending(&conn->out) > 0))
		return;
	h1_conn_kill(conn);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	char *scratch = conn->front->scratch;
	ssize_t n = recv(fd, scratch, H1_READ_SIZE, 0);

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
			h1_conn_kill(conn);
		return;
	}
	if (conn->in.len == 0) {
		size_t used = h1_request_consume(conn, slice_make(scratch, (size_t)n));
		if (conn->state < CONN_CLOSING && used < (size_t)n)
			strbuf_add(&conn->in, scratch + used, (size_t)n - used);
	} else {
		strbuf_add(&conn->in, scratch, (size_t)n);
		consume_waiting(conn);
	}
	if (conn->state < CONN_CLOSING && conn->in.len - conn->in_at >= PIPELINE_MAX)
		set_reading(conn, false);
}

/* It took some: that buys time, but one that takes a byte now and then is not waited for. */
static void
wait_for_client(struct conn *conn, size_t taken)
{
	int64_t ms, most;

	conn->out_taken += taken;
	ms = conn->front->opts.write_ms;
	most = conn->out_begun_ms - clock_mono_ms() + ms +
	       (int64_t)conn->out_taken * 1000 / FRONT_H1_SEND_RATE;
	h1_conn_set_deadline(conn, most < ms ? most : ms);
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
		h1_conn_kill(conn);
		return;
	}
	size_t left = sock_out_pending(&conn->out);
	(void)h1_conn_count_out(conn);
	if (left < before)
		wait_for_client(conn, before - left);
	if (left == 0) {
		event_del(&conn->writable);
		if (conn->state == CONN_ENDING)
			h1_conn_queue_end(conn);
		else if (conn->state == CONN_CLOSING)
			linger(conn);
		else if (conn->state == CONN_BUSY)
			h1_conn_clear_deadline(conn);
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
		h1_conn_begin_closing(conn);
		break;
	case CONN_HEAD:
		h1_reply_refuse(conn, 408, "The request head took too long.");
		break;
	case CONN_BODY:
		h1_reply_refuse(conn, 408, "The request body took too long.");
		break;
	default:
		h1_conn_kill(conn);
		break;
	}
}

struct slice
h1_limit_key(const struct front_h1 *front, const char *peer, char key[CLIENT_ADDRESS_SIZE])
{
	if (front->opts.proxies != NULL && net_set_has(front->opts.proxies, slice_str(peer)))
		return SLICE_LIT("");
	client_address_key(peer, key);
	return slice_str(key);
}

/* Everything that a connection begins with but the engine, which is front_h1.c's. */
struct conn *
h1_conn_new(struct front_h1 *front, int fd, const char *peer)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct event_base *base = loop_base(front->opts.loop);

	if (conn == NULL)
		panic("h1_conn: no memory for a connection");
	conn->front = front;
	conn->out.fd = fd;
	snprintf(conn->peer, sizeof(conn->peer), "%s", peer);
	head_filter_init(&conn->filter);
	event_assign(&conn->readable, base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	event_assign(&conn->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
	event_assign(&conn->timer, base, -1, 0, on_timer, conn);
	event_add(&conn->readable, NULL);
	LIST_INSERT_HEAD(&front->conns, conn, link);
	front->stats.connections++;
	h1_conn_set_deadline(conn, front->draining ? H1_DRAIN_IDLE_MS : front->opts.idle_ms);
	return conn;
}
