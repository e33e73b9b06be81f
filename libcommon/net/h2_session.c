/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_session.c - the connection: socket events, timers and the end.
 *
 * One function runs at the end of each turn in which something happened (on_turn_end): it drains
 * nghttp2 into one buffer, writes it with one system call and, if the connection is over, takes it
 * down. So a session is never freed below a callback of its own.
 */
#include "libcommon/net/h2_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "libcommon/runtime/loop.h"

#define READ_SIZE (64 * 1024)
#define READS_A_TURN 4
#define OUT_MAX (256 * 1024)
#define WRITE_STALL_MS 30000
#define PING_ANSWER_MS 20000
#define GOAWAY_ROUND_TRIP_MS 1000

static void on_turn_end(void *arg);

void
h2_session_wake(struct h2_session *s)
{
	if (s->deferred)
		return;
	s->deferred = true;
	loop_defer(s->loop, on_turn_end, s);
}

/* ---- timers ---- */

static void
arm(struct h2_session *s)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < H2_DUE_COUNT; i++) {
		if (s->due[i] < next)
			next = s->due[i];
	}
	if (next == s->timer_at)
		return;
	s->timer_at = next;
	if (next == INT64_MAX)
		loop_timer_stop(s->timer);
	else
		loop_timer_start(s->timer, next - clock_mono_ms());
}

static void
due_in(struct h2_session *s, enum h2_due what, int64_t ms)
{
	s->due[what] = ms < 0 ? INT64_MAX : clock_mono_ms() + ms;
	/* Later is found out when the timer fires; only earlier needs a change now. */
	if (s->due[what] < s->timer_at)
		arm(s);
}

/* ---- the end ---- */

static void
go_down(struct h2_session *s, enum status status, const char *text)
{
	if (s->state == H2_DEAD)
		return;
	s->state = H2_DEAD;
	if (s->down.status == STATUS_OK && status != STATUS_OK)
		err_set(&s->down, status, "%s", text);
	h2_session_wake(s);
}

/* The peer misbehaves: GOAWAY with the code, then the end. */
void
h2_session_go_away(struct h2_session *s, uint32_t code, const char *text)
{
	if (s->state != H2_OPEN || s->down.status != STATUS_OK)
		return;
	err_set(&s->down, STATUS_UNAVAILABLE, "%s", text);
	(void)nghttp2_session_terminate_session(s->ng, code);
	s->no_new = true;
	h2_session_wake(s);
}

static void
reap(struct h2_session *s)
{
	while (s->streams != NULL) {
		struct h2_stream *st = s->streams;
		h2_stream_release(st);
		s->events->on_close(st, H2_CONNECTION_LOST);
	}
	s->events->on_down(s, &s->down, s->arg);
	if (s->on_read != NULL)
		event_free(s->on_read);
	if (s->on_write != NULL)
		event_free(s->on_write);
	loop_timer_free(s->timer);
	nghttp2_session_del(s->ng);
	h2_io_fini(&s->io);
	strbuf_fini(&s->out);
	free(s);
}

void
h2_session_kill(struct h2_session *s, const struct err *err)
{
	go_down(s, err != NULL ? err->status : STATUS_OK, err != NULL ? err->text : "");
}

void
h2_session_shutdown(struct h2_session *s)
{
	ASSERT_LOOP(s->loop);
	if (s->state != H2_OPEN) {
		go_down(s, STATUS_OK, "");
		return;
	}
	if (s->notice_sent)
		return;
	s->notice_sent = true;
	s->no_new = true;
	if (s->server) {
		/* RFC 9113 section 6.8: what is on its way gets through, then the real last id. */
		(void)nghttp2_submit_shutdown_notice(s->ng);
		(void)nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL);
		due_in(s, H2_DUE_GOAWAY, GOAWAY_ROUND_TRIP_MS);
	} else {
		(void)nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
		s->goaway_sent = true;
	}
	h2_session_wake(s);
}

void
h2_session_second_goaway(struct h2_session *s)
{
	s->due[H2_DUE_GOAWAY] = INT64_MAX;
	if (s->goaway_sent)
		return;
	s->goaway_sent = true;
	(void)nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(s->ng),
				    NGHTTP2_NO_ERROR, NULL, 0);
	h2_session_wake(s);
}

/* ---- socket events ---- */

static void
start(struct h2_session *s)
{
	s->state = H2_OPEN;
	if (s->io.ssl != NULL && !h2_io_peer_identity(&s->io, s->identity))
		s->identity[0] = '\0';
	event_add(s->on_read, NULL);
	h2_session_wake(s);
}

static void
handshake(struct h2_session *s)
{
	struct err err;

	s->state = H2_HANDSHAKE;
	err_init(&err);
	switch (h2_io_handshake(&s->io, &err)) {
	case H2_IO_DONE:
		start(s);
		break;
	case H2_IO_WANT_READ:
		event_add(s->on_read, NULL);
		break;
	case H2_IO_WANT_WRITE:
		event_add(s->on_write, NULL);
		break;
	default:
		go_down(s, err.status, err.text);
	}
}

static void
on_connected(struct h2_session *s)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error != 0) {
		char text[96];
		snprintf(text, sizeof(text), "cannot connect: %s", strerror(error));
		go_down(s, STATUS_UNAVAILABLE, text);
		return;
	}
	handshake(s);
}

static void
receive(struct h2_session *s)
{
	NOT_ZEROED uint8_t buf[READ_SIZE];

	s->last_recv_ms = clock_mono_ms();
	for (int i = 0; i < READS_A_TURN && s->state == H2_OPEN; i++) {
		ssize_t n = h2_io_read(&s->io, buf, sizeof(buf));
		if (n == H2_IO_WANT_READ || n == H2_IO_WANT_WRITE)
			break;
		if (n <= 0) {
			if (n == H2_IO_EOF && s->nstreams == 0)
				go_down(s, STATUS_OK, "");
			else
				go_down(s, STATUS_UNAVAILABLE, "the peer closed the connection");
			return;
		}
		ssize_t used = nghttp2_session_mem_recv(s->ng, buf, (size_t)n);
		if (used < 0) {
			/* Fatal only: not HTTP/2 at all, or a flood. What is queued (GOAWAY) still
			 * goes out. */
			err_set(&s->down, STATUS_UNAVAILABLE, "%s", nghttp2_strerror((int)used));
			(void)nghttp2_session_terminate_session(s->ng,
								used == NGHTTP2_ERR_FLOODED
									? NGHTTP2_ENHANCE_YOUR_CALM
									: NGHTTP2_PROTOCOL_ERROR);
			s->eof = true;
			event_del(s->on_read);
			break;
		}
		if ((size_t)n < sizeof(buf) && !h2_io_pending(&s->io))
			break;
	}
	if (s->state == H2_OPEN && !s->eof && h2_io_pending(&s->io))
		event_active(s->on_read, EV_READ, 0);
	h2_session_wake(s);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct h2_session *s = arg;

	(void)fd;
	(void)what;
	if (s->state == H2_OPEN) {
		receive(s);
	} else if (s->state == H2_HANDSHAKE) {
		event_del(s->on_read);
		handshake(s);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct h2_session *s = arg;

	(void)fd;
	(void)what;
	switch (s->state) {
	case H2_CONNECTING:
		on_connected(s);
		break;
	case H2_HANDSHAKE:
		handshake(s);
		break;
	case H2_OPEN:
		s->want_write = false;
		h2_session_wake(s);
		break;
	case H2_DEAD:
		break;
	}
}

/* ---- the end of a turn: one write ---- */

/* Frames until nothing is left or the buffer is full. */
static void
frame_out(struct h2_session *s)
{
	const uint8_t *p;

	while (s->out.len - s->out_off < OUT_MAX) {
		ssize_t n = nghttp2_session_mem_send(s->ng, &p);
		if (n < 0) {
			go_down(s, STATUS_INTERNAL, nghttp2_strerror((int)n));
			return;
		}
		if (n == 0)
			return;
		strbuf_add(&s->out, p, (size_t)n);
	}
}

/* True when the buffer is empty. */
static bool
write_out(struct h2_session *s)
{
	while (s->out_off < s->out.len) {
		ssize_t n = h2_io_write(&s->io, s->out.buf + s->out_off, s->out.len - s->out_off);
		if (n > 0) {
			s->out_off += (size_t)n;
			s->due[H2_DUE_WRITE] = INT64_MAX;
			continue;
		}
		if (n != H2_IO_WANT_WRITE && n != H2_IO_WANT_READ) {
			go_down(s, STATUS_UNAVAILABLE, "the connection broke while writing");
			return false;
		}
		s->want_write = true;
		event_add(s->on_write, NULL);
		if (s->due[H2_DUE_WRITE] == INT64_MAX)
			due_in(s, H2_DUE_WRITE, WRITE_STALL_MS);
		return false;
	}
	s->out_off = 0;
	strbuf_reset(&s->out);
	if (s->out.cap > 2 * OUT_MAX)
		strbuf_fini(&s->out);
	return true;
}

static void
flush(struct h2_session *s)
{
	do {
		frame_out(s);
	} while (s->state == H2_OPEN && s->out.len > s->out_off && write_out(s));
	if (s->state != H2_OPEN || s->out.len > s->out_off)
		return;
	if (s->eof || (!nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng)))
		go_down(s, s->down.status, s->down.text);
	/* A client that is leaving has nothing to wait for once its streams are over. */
	else if (s->goaway_sent && s->nstreams == 0 && !s->server)
		go_down(s, STATUS_OK, "");
}

static void
on_turn_end(void *arg)
{
	struct h2_session *s = arg;

	s->deferred = false;
	if (s->state == H2_OPEN && !s->want_write)
		flush(s);
	if (s->state != H2_DEAD)
		return;
	if (s->deferred)
		return; /* comes again next turn, and nobody may hold the pointer then */
	reap(s);
}

static void
ask_peer(struct h2_session *s)
{
	int64_t quiet = clock_mono_ms() - s->last_recv_ms;

	if (s->ping_sent && quiet >= PING_ANSWER_MS) {
		go_down(s, STATUS_UNAVAILABLE, "the peer does not answer a PING");
		return;
	}
	s->ping_sent = false;
	if (quiet < s->keepalive_ms) {
		due_in(s, H2_DUE_PING, s->keepalive_ms - quiet);
		return;
	}
	/* A client without calls leaves the peer alone: servers punish idle pings. */
	if (!s->server && s->nstreams == 0) {
		due_in(s, H2_DUE_PING, s->keepalive_ms);
		return;
	}
	s->ping_sent = true;
	(void)nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL);
	due_in(s, H2_DUE_PING, PING_ANSWER_MS);
	h2_session_wake(s);
}

static void
on_tick(void *arg)
{
	struct h2_session *s = arg;
	int64_t now = clock_mono_ms();

	s->timer_at = INT64_MAX;
	if (s->state == H2_DEAD)
		return;
	if (now >= s->due[H2_DUE_CONNECT])
		go_down(s, STATUS_UNAVAILABLE, "the connection was not set up in time");
	if (now >= s->due[H2_DUE_WRITE])
		go_down(s, STATUS_UNAVAILABLE, "the peer does not read");
	if (s->state == H2_OPEN && now >= s->due[H2_DUE_PING])
		ask_peer(s);
	if (s->state == H2_OPEN && now >= s->due[H2_DUE_AGE]) {
		s->due[H2_DUE_AGE] = INT64_MAX;
		h2_session_shutdown(s);
	}
	if (s->state == H2_OPEN && now >= s->due[H2_DUE_GOAWAY])
		h2_session_second_goaway(s);
	if (s->state != H2_DEAD)
		arm(s);
}

/* ---- the beginning ---- */

static bool
peer_is_loopback(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &n) != 0)
		return false;
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&ss;
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&ss;
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return ss.ss_family == AF_UNIX;
}

static void
submit_settings(struct h2_session *s, uint32_t max_streams)
{
	nghttp2_settings_entry iv[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADER_LIST_MAX },
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	};
	/* ENABLE_PUSH is a client's to send. */
	size_t n = ARRAY_LEN(iv) - (s->server ? 1 : 0);

	if (nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, iv, n) != 0 ||
	    nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0,
						  H2_CONNECTION_WINDOW) != 0)
		panic("h2: no memory");
}

static void
init_dues(struct h2_session *s, const struct h2_session_options *opts)
{
	s->timer_at = INT64_MAX;
	for (int i = 0; i < H2_DUE_COUNT; i++)
		s->due[i] = INT64_MAX;
	s->keepalive_ms = opts->keepalive_ms > 0 ? opts->keepalive_ms : 60000;
	due_in(s, H2_DUE_CONNECT, opts->connect_ms > 0 ? opts->connect_ms : 10000);
	due_in(s, H2_DUE_PING, s->keepalive_ms);
	if (opts->max_age_ms > 0) {
		/* Connections that were made together must not end together. */
		int64_t jitter = rng_below((uint32_t)(opts->max_age_ms / 5 + 1));
		due_in(s, H2_DUE_AGE, opts->max_age_ms * 9 / 10 + jitter);
	}
}

struct h2_session *
h2_session_new(const struct h2_session_options *opts)
{
	struct h2_session *s = calloc(1, sizeof(*s));

	ASSERT_LOOP(opts->loop);
	if (s == NULL)
		panic("h2: no memory");
	if (!h2_io_init(&s->io, opts->fd, opts->tls, opts->server, opts->server_name)) {
		h2_io_fini(&s->io);
		free(s);
		return NULL;
	}
	s->loop = opts->loop;
	s->events = opts->events;
	s->arg = opts->arg;
	s->server = opts->server;
	err_init(&s->down);
	s->last_recv_ms = clock_mono_ms();
	s->ng = h2_events_session(s);
	struct event_base *base = loop_base(s->loop);
	s->on_read = event_new(base, s->io.fd, EV_READ | EV_PERSIST, on_readable, s);
	s->on_write = event_new(base, s->io.fd, EV_WRITE, on_writable, s);
	if (s->on_read == NULL || s->on_write == NULL)
		panic("h2: no memory");
	s->timer = loop_timer_new(s->loop, on_tick, s);
	submit_settings(s, opts->max_streams > 0 ? opts->max_streams : H2_STREAMS_MAX);
	init_dues(s, opts);
	if (s->server) {
		s->loopback = peer_is_loopback(s->io.fd);
		handshake(s);
	} else {
		s->state = H2_CONNECTING;
		event_add(s->on_write, NULL);
	}
	return s;
}

void *
h2_session_arg(const struct h2_session *s)
{
	return s->arg;
}

bool
h2_session_ready(const struct h2_session *s)
{
	return s->state == H2_OPEN && s->ready && !s->no_new;
}

bool
h2_session_closing(const struct h2_session *s)
{
	return s->state == H2_DEAD || s->no_new;
}

unsigned
h2_session_streams(const struct h2_session *s)
{
	return s->nstreams;
}

unsigned
h2_session_peer_max_streams(const struct h2_session *s)
{
	return nghttp2_session_get_remote_settings(s->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool
h2_session_peer(const struct h2_session *s, const char **ret_identity, bool *ret_loopback)
{
	*ret_identity = s->identity;
	*ret_loopback = s->loopback;
	return s->identity[0] != '\0' || (s->loopback && s->io.ssl == NULL);
}
