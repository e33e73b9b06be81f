/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_events.c - nghttp2's callbacks, and what a peer may do how often.
 *
 * nghttp2 bounds resets that come in, continuations, settings entries and unsent acknowledgements;
 * counted here are resets that go out (a peer can provoke them and leave the work with us) and
 * cheap frames.
 */
#include "libcommon/net/h2_private.h"

#include <pthread.h>

#include "libcommon/base/clock.h"

/* RST_STREAM either way, as nghttp2's own default; SETTINGS, PING and empty DATA frames. */
#define RESET_BURST 1000
#define RESET_RATE 33
#define CONTROL_BURST 2000
#define CONTROL_RATE 200

static bool
bucket_take(struct h2_bucket *b, double burst, double rate)
{
	int64_t now = clock_mono_ms();

	b->used -= (double)(now - b->at_ms) * rate / 1000;
	b->at_ms = now;
	if (b->used < 0)
		b->used = 0;
	if (b->used + 1 > burst)
		return false;
	b->used++;
	return true;
}

static int
on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *s = arg;
	int32_t id = frame->hd.stream_id;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (!s->server || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		if (st != NULL)
			st->headers = st->nheaders = 0;
		return 0;
	}
	st = s->goaway_sent ? NULL : s->events->on_request(s, s->arg);
	if (st == NULL) {
		(void)nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	h2_stream_attach(s, st, id);
	(void)nghttp2_session_set_stream_user_data(ng, id, st);
	return 0;
}

static int
on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t nname,
	  const uint8_t *value, size_t nvalue, uint8_t flags, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);

	(void)flags;
	if (st == NULL)
		return 0;
	st->headers += nname + nvalue + 32;
	st->nheaders++;
	if (st->headers <= H2_HEADER_LIST_MAX && st->nheaders <= H2_HEADERS_MAX)
		s->events->on_header(st, slice_make(name, nname), slice_make(value, nvalue));
	return 0;
}

static void
on_control_frame(struct h2_session *s)
{
	if (!bucket_take(&s->controls, CONTROL_BURST, CONTROL_RATE))
		h2_session_go_away(s, NGHTTP2_ENHANCE_YOUR_CALM,
				   "the peer floods with control frames");
}

static void
on_settings(struct h2_session *s, const nghttp2_frame *frame)
{
	on_control_frame(s);
	if (s->ready || (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
		return;
	s->ready = true;
	s->due[H2_DUE_CONNECT] = INT64_MAX;
	if (s->events->on_ready != NULL)
		s->events->on_ready(s, s->arg);
}

static void
on_ping(struct h2_session *s, const nghttp2_frame *frame)
{
	on_control_frame(s);
	if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
		return;
	s->ping_sent = false;
	if (s->notice_sent && !s->goaway_sent)
		h2_session_second_goaway(s);
}

static int
on_frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		if (frame->hd.type == NGHTTP2_DATA && frame->hd.length == 0)
			on_control_frame(s);
		st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
		if (st == NULL)
			return 0;
		bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
		st->end_received |= end;
		if (frame->hd.type == NGHTTP2_HEADERS)
			s->events->on_headers(st, st->headers > H2_HEADER_LIST_MAX ||
							  st->nheaders > H2_HEADERS_MAX);
		/* The owner may have detached it. */
		if (end && nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id) == st)
			s->events->on_end(st);
		break;
	case NGHTTP2_SETTINGS:
		on_settings(s, frame);
		break;
	case NGHTTP2_PING:
		on_ping(s, frame);
		break;
	case NGHTTP2_GOAWAY:
		s->no_new = true;
		if (s->events->on_goaway != NULL)
			s->events->on_goaway(s, s->arg);
		break;
	}
	return 0;
}

static int
on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	(void)flags;
	if (st == NULL) {
		(void)nghttp2_session_consume(ng, id, n);
		return 0;
	}
	/* The connection's window never waits for one stream: each is bounded by its own. */
	(void)nghttp2_session_consume_connection(ng, n);
	s->events->on_data(st, p, n);
	return 0;
}

static int
on_frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2_session *s = arg;

	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		/* Counted also when ours: a peer can provoke resets and leave the work with us. */
		if (s->server && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
		    !bucket_take(&s->resets, RESET_BURST, RESET_RATE))
			h2_session_go_away(s, NGHTTP2_ENHANCE_YOUR_CALM,
					   "the peer provokes too many resets");
		return 0;
	}
	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (st == NULL)
		return 0;
	st->end_sent = true;
	/* RFC 9113 section 8.1: the reply is complete, the rest of the request is not wanted. */
	if (s->server && !st->end_received)
		h2_stream_reset(st, NGHTTP2_NO_ERROR);
	return 0;
}

static int
on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error_code, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (st == NULL)
		return 0;
	h2_stream_release(st);
	s->events->on_close(st, error_code);
	return 0;
}

static struct {
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options;
} shared;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void
shared_init(void)
{
	if (nghttp2_session_callbacks_new(&shared.callbacks) != 0 ||
	    nghttp2_option_new(&shared.options) != 0)
		panic("h2: no memory");
	nghttp2_session_callbacks *cb = shared.callbacks;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);

	nghttp2_option *o = shared.options;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_peer_max_concurrent_streams(o, H2_STREAMS_MAX);
	nghttp2_option_set_max_outbound_ack(o, 500);
	nghttp2_option_set_max_settings(o, 32);
	nghttp2_option_set_max_continuations(o, 8);
	nghttp2_option_set_stream_reset_rate_limit(o, RESET_BURST, RESET_RATE);
	nghttp2_option_set_max_send_header_block_length(o, 4 * H2_HEADER_LIST_MAX);
}

nghttp2_session *
h2_events_session(struct h2_session *s)
{
	nghttp2_session *ng;

	pthread_once(&shared_once, shared_init);
	int rc = s->server ? nghttp2_session_server_new2(&ng, shared.callbacks, s, shared.options)
			   : nghttp2_session_client_new2(&ng, shared.callbacks, s, shared.options);
	if (rc != 0)
		panic("h2: no memory");
	return ng;
}
