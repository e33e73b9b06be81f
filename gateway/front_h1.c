/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that includes evhtp.h; front_h1.h says who does what. Order of events in the life
 * of a request:
 *
 *	readable → head filter → (body) → h1_engine_feed → libevhtp's parser → on_evhtp_request →
 * handler handler → exchange_reply → the socket; CONN_ENDING end of the turn → h1_engine_finish:
 * libevhtp frees its request (on_request_fini), and either stands ready for the next head or frees
 * its connection (on_connection_fini)
 */
#include "gateway/front_h1.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <evhtp.h>

#include "gateway/conn_limit.h"
#include "gateway/h1_conn.h"
#include "gateway/listen.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/status.h"
#include "libcommon/runtime/loop.h"

/* ---- the engine ---- */

/* libevhtp has parsed the canonical head: its request is what the exchange lives on. */
static void
on_evhtp_request(evhtp_request_t *request, void *arg)
{
	struct front_h1 *front = arg;
	struct conn *conn = front->feeding;

	conn->engine.request = request;
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
	if (conn->engine.request == NULL)
		return EVHTP_RES_OK;
	conn->engine.request = NULL;
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
	conn->engine.connection = NULL;
	return EVHTP_RES_OK;
}

bool
h1_engine_feed(struct conn *conn)
{
	struct front_h1 *front = conn->front;
	struct strbuf *head = &front->canonical;

	strbuf_reset(head);
	strbuf_adds(head, http_method_name(conn->ex.method));
	strbuf_addch(head, ' ');
	strbuf_add_slice(head, conn->ex.path);
	strbuf_adds(head, " HTTP/1.1\r\nHost: gateway\r\n\r\n");
	evbuffer_add(bufferevent_get_input(conn->engine.feed), head->buf, head->len);
	front->feeding = conn;
	bufferevent_trigger(conn->engine.feed, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
	front->feeding = NULL;
	return conn->state != CONN_BODY;
}

bool
h1_engine_finish(struct conn *conn)
{
	/* evhtp_request_set_keepalive(…, 0) does nothing. */
	if (!conn->keep_alive)
		evhtp_request_disable_flag(conn->engine.request, EVHTP_REQ_FLAG_KEEPALIVE);
	evhtp_send_reply_end(conn->engine.request);
	bufferevent_trigger(conn->engine.feed, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
	return conn->engine.connection != NULL;
}

void
h1_engine_drop(struct conn *conn)
{
	if (conn->engine.connection != NULL)
		evhtp_connection_free(conn->engine.connection);
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
	char peer[INET6_ADDRSTRLEN], key[CLIENT_ADDRESS_SIZE];

	peer_text(connection->saddr, peer);
	return conn_limit_enter(front->opts.limit, h1_limit_key(front, peer, key))
		       ? EVHTP_RES_OK
		       : EVHTP_RES_ERROR;
}

/* The socket becomes ours; libevhtp keeps a bufferevent without one. */
static evhtp_res
on_post_accept(evhtp_connection_t *connection, void *arg)
{
	char peer[INET6_ADDRSTRLEN];

	peer_text(connection->saddr, peer);
	struct conn *conn = h1_conn_new(arg, connection->sock, peer);
	conn->engine.connection = connection;
	conn->engine.feed = evhtp_connection_get_bev(connection);
	bufferevent_setfd(conn->engine.feed, -1);
	evbuffer_unfreeze(bufferevent_get_input(conn->engine.feed), 0);
	evhtp_connection_set_hook(connection, evhtp_hook_on_request_fini,
				  (evhtp_hook)on_request_fini, conn);
	evhtp_connection_set_hook(connection, evhtp_hook_on_connection_fini,
				  (evhtp_hook)on_connection_fini, conn);
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
	event_assign(&front->turn_end, loop_base(opts->loop), -1, 0, h1_conn_turn_end, front);
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
	LIST_FOREACH(conn, &front->conns, link)
	{
		if (conn->state == CONN_IDLE)
			h1_conn_set_deadline(conn, H1_DRAIN_IDLE_MS);
	}
}

bool
front_h1_stop_accepting(struct front_h1 *front)
{
	struct pollfd pfd = { .fd = evconnlistener_get_fd(front->htp->server), .events = POLLIN };

	listen_shut(pfd.fd);
	if (poll(&pfd, 1, 0) > 0)
		return false;
	evhtp_unbind_socket(front->htp);
	return true;
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
	LIST_FOREACH(conn, &front->conns, link)
	h1_conn_kill(conn);
	while (!STAILQ_EMPTY(&front->ended))
		h1_conn_turn_end(-1, 0, front);
	event_del(&front->turn_end);
	evhtp_free(front->htp);
	while (front->narenas > 0)
		arena_free(front->arenas[--front->narenas]);
	strbuf_fini(&front->head);
	strbuf_fini(&front->canonical);
	free(front);
}
