/* SPDX-License-Identifier: Apache-2.0 */
/* Answering: replies and streams straight to the socket, and the front's own refusals. */
#include "gateway/h1_conn.h"

#include <stdio.h>

#include <event2/event.h>

#include "gateway/problem.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/uuid.h"

static void
send_iov(struct conn *conn, struct iovec *iov, int niov)
{
	bool waited = sock_out_pending(&conn->out) > 0;

	if (conn->aborted)
		return;
	if (!sock_out_send(&conn->out, iov, niov) || !h1_conn_count_out(conn)) {
		conn->aborted = true;
		h1_conn_queue_end(conn);
		return;
	}
	if (!waited && sock_out_pending(&conn->out) > 0) {
		event_add(&conn->writable, NULL);
		conn->out_begun_ms = clock_mono_ms();
		conn->out_taken = 0;
		h1_conn_set_deadline(conn, conn->front->opts.write_ms);
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

void
h1_reply_send_bytes(struct conn *conn, struct slice bytes)
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
send_reply(struct conn *conn, unsigned status, struct slice fields, struct slice body,
	   bool head_only)
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
void
h1_reply_refuse(struct conn *conn, unsigned status, const char *detail)
{
	struct front_h1 *front = conn->front;
	struct strbuf fields = STRBUF_INIT, body = STRBUF_INIT;
	struct uuid id = uuid_v4();
	char request_id[UUID_TEXT_SIZE];

	uuid_format(&id, request_id);
	struct problem problem = { .status = status,
				   .detail = detail,
				   .request_id = slice_str(request_id) };
	problem_write(&problem, &body);
	strbuf_add_slice(&fields, front->opts.error_fields);
	strbuf_addf(&fields, "X-Request-ID: %s\r\nContent-Type: application/problem+json\r\n",
		    request_id);
	if (status == 503)
		strbuf_adds(&fields, "Retry-After: 1\r\n");
	if (status == 401)
		strbuf_adds(&fields, "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n");
	front->stats.refused++;
	conn->keep_alive = false;
	send_reply(conn, status, strbuf_slice(&fields), strbuf_slice(&body), false);
	strbuf_fini(&fields);
	strbuf_fini(&body);
	if (front->opts.handler->on_refused != NULL)
		front->opts.handler->on_refused(status, detail, conn->peer, front->opts.arg);
	h1_conn_begin_closing(conn);
}

static void
end_exchange(struct conn *conn)
{
	conn->state = CONN_ENDING;
	if (conn->aborted || sock_out_pending(&conn->out) == 0)
		h1_conn_queue_end(conn);
}

static void
front_reply(struct exchange *ex, unsigned status, struct slice fields, struct slice body)
{
	struct conn *conn = h1_conn_of(ex);

	send_reply(conn, status, fields, body, ex->method == HTTP_HEAD);
	end_exchange(conn);
}

static void
front_stream_begin(struct exchange *ex, unsigned status, struct slice fields)
{
	struct conn *conn = h1_conn_of(ex);
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
	h1_reply_send_bytes(conn, strbuf_slice(head));
}

static size_t
front_stream_send(struct exchange *ex, struct slice bytes)
{
	struct conn *conn = h1_conn_of(ex);
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
	/* A client that has gone takes no more: the handler stops, and is told at turn's end. */
	return conn->aborted ? EXCHANGE_STREAM_HIGH + 1 : sock_out_pending(&conn->out);
}

static void
front_stream_end(struct exchange *ex)
{
	struct conn *conn = h1_conn_of(ex);

	if (conn->stream_chunked && ex->method != HTTP_HEAD)
		h1_reply_send_bytes(conn, SLICE_LIT("0\r\n\r\n"));
	end_exchange(conn);
}

static void
front_abort(struct exchange *ex)
{
	struct conn *conn = h1_conn_of(ex);

	conn->aborted = true;
	end_exchange(conn);
}

const struct exchange_front h1_reply_vtable = {
	.reply = front_reply,
	.stream_begin = front_stream_begin,
	.stream_send = front_stream_send,
	.stream_end = front_stream_end,
	.abort = front_abort,
};
