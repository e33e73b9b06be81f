/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_frame, rpc_status, principal, and a whole server session. The first byte chooses: 'f' frames,
 * the second byte being the size of the pieces; 's' details of a status; 'p' a principal; 't' a
 * time-out; 'h' bytes of an HTTP/2 connection after the preface, taken by a real h2_session over a
 * socket pair.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/net/h2_session.h"
#include "libcommon/rpc/principal.h"
#include "libcommon/rpc/rpc_frame.h"
#include "libcommon/rpc/rpc_status.h"
#include "libcommon/runtime/loop.h"

#define MESSAGE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* Reads frames in pieces of `step`; returns the messages' bytes. */
static enum status
read_frames(struct slice wire, size_t step, struct strbuf *out)
{
	struct rpc_frame_reader reader;
	enum status st = STATUS_OK;
	struct err err;

	rpc_frame_init(&reader, MESSAGE_MAX);
	for (size_t at = 0; at < wire.n && st == STATUS_OK; at += step) {
		struct slice piece =
			slice_make(wire.p + at, wire.n - at < step ? wire.n - at : step);
		while (piece.n > 0 && st == STATUS_OK) {
			struct slice message;
			bool complete;
			st = rpc_frame_next(&reader, &piece, &message, &complete, &err);
			if (st != STATUS_OK || !complete)
				continue;
			check(message.n <= MESSAGE_MAX);
			strbuf_add_u64(out, message.n);
			strbuf_add_slice(out, message);
		}
		check(reader.partial.len <= MESSAGE_MAX);
	}
	rpc_frame_fini(&reader);
	return st;
}

/* However the bytes are cut, the messages and the verdict are the same. */
static void
frames(struct slice in)
{
	struct strbuf whole = STRBUF_INIT, pieces = STRBUF_INIT;

	if (in.n < 1)
		return;
	size_t step = (unsigned char)in.p[0] + 1u;
	struct slice wire = slice_make(in.p + 1, in.n - 1);
	enum status a = read_frames(wire, wire.n + 1, &whole);
	enum status b = read_frames(wire, step, &pieces);
	check(a == b && slice_eq(strbuf_slice(&whole), strbuf_slice(&pieces)));
	strbuf_fini(&whole);
	strbuf_fini(&pieces);
}

static void
status(struct slice in)
{
	struct strbuf wire = STRBUF_INIT, text = STRBUF_INIT;
	struct err err, again;

	rpc_status_decode(STATUS_INVALID_ARGUMENT, SLICE_NONE, in, &err);
	check(err.nfields <= ERR_FIELDS_MAX);
	rpc_status_encode(STATUS_INVALID_ARGUMENT, &err, &wire);
	rpc_status_decode(STATUS_INVALID_ARGUMENT, SLICE_NONE, strbuf_slice(&wire), &again);
	check(err.nfields == again.nfields && err.reason == again.reason &&
	      err.retry_after_ms == again.retry_after_ms);
	strbuf_reset(&wire);
	rpc_status_percent_encode(in, &wire);
	rpc_status_percent_decode(strbuf_slice(&wire), &text);
	check(slice_eq(in, strbuf_slice(&text)));
	strbuf_fini(&wire);
	strbuf_fini(&text);
}

static void
principal(struct slice in)
{
	struct principal p, again;
	struct strbuf wire = STRBUF_INIT;

	if (!principal_decode(in, &p))
		return;
	check(p.present && !uuid_is_nil(&p.user_id) && p.npermissions <= PRINCIPAL_PERMISSIONS_MAX);
	principal_encode(&p, &wire);
	check(principal_decode(strbuf_slice(&wire), &again));
	check(uuid_eq(&p.user_id, &again.user_id) && strcmp(p.role, again.role) == 0);
	strbuf_fini(&wire);
}

static void
timeout(struct slice in)
{
	char text[RPC_TIMEOUT_SIZE];
	int64_t ms, back;

	if (!rpc_timeout_parse(in, &ms))
		return;
	check(ms >= 0 && in.n <= 9);
	rpc_timeout_format(ms, text);
	check(rpc_timeout_parse(slice_str(text), &back) && back <= ms);
}

/* ---- a server's connection: every stream is answered at its end ---- */

struct stream {
	struct h2_stream h2;
	struct rpc_frame_reader reader;
};

static unsigned open_streams, downs;

static struct h2_stream *
on_request(struct h2_session *session, void *arg)
{
	struct stream *st = calloc(1, sizeof(*st));

	(void)session;
	(void)arg;
	check(st != NULL);
	rpc_frame_init(&st->reader, MESSAGE_MAX);
	open_streams++;
	return &st->h2;
}

static void
on_header(struct h2_stream *h2, struct slice name, struct slice value)
{
	(void)value;
	check(name.n > 0 && h2->headers <= H2_HEADER_LIST_MAX);
}

static void
on_headers(struct h2_stream *h2, bool too_large)
{
	(void)h2;
	(void)too_large;
}

static void
on_data(struct h2_stream *h2, const void *p, size_t n)
{
	struct stream *st = container_of(h2, struct stream, h2);
	struct slice data = slice_make(p, n), message;
	bool complete;

	while (data.n > 0) {
		if (rpc_frame_next(&st->reader, &data, &message, &complete, NULL) != STATUS_OK) {
			h2_stream_reset(h2, NGHTTP2_INTERNAL_ERROR);
			return;
		}
	}
	h2_stream_consume(h2, n);
}

static void
on_end(struct h2_stream *h2)
{
	nghttp2_nv nv[] = { H2_NV(":status", "200") };

	h2_stream_write(h2, rpc_frame_wrap(SLICE_LIT("answer")));
	h2_stream_finish(h2);
	h2_stream_submit_response(h2, nv, 1, false);
}

static void
on_trailers(struct h2_stream *h2)
{
	nghttp2_nv nv[] = { H2_NV("grpc-status", "0") };

	h2_stream_submit_trailers(h2, nv, 1);
}

static void
on_close(struct h2_stream *h2, uint32_t code)
{
	struct stream *st = container_of(h2, struct stream, h2);

	(void)code;
	rpc_frame_fini(&st->reader);
	free(st);
	open_streams--;
}

static void
on_down(struct h2_session *session, const struct err *err, void *arg)
{
	(void)session;
	(void)err;
	(void)arg;
	downs++;
}

static const struct h2_events events = {
	.on_request = on_request,
	.on_header = on_header,
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_trailers = on_trailers,
	.on_close = on_close,
	.on_down = on_down,
};

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

static void
connection(struct slice in)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	struct loop *loop = loop_new("fuzz");
	int fd[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	struct h2_session_options opts = {
		.loop = loop, .events = &events, .server = true, .fd = fd[0]
	};
	downs = 0;
	check(h2_session_new(&opts) != NULL);
	check(write(fd[1], preface, sizeof(preface)) == (ssize_t)sizeof(preface));
	check(write(fd[1], in.p, in.n) == (ssize_t)in.n);
	check(shutdown(fd[1], SHUT_WR) == 0);
	/* A few turns take all there is; the end of input takes the session down. */
	for (int i = 0; i < 8 && downs == 0; i++) {
		loop_post(loop, on_stop, loop);
		loop_run(loop);
	}
	loop_free(loop);
	check(downs == 1 && open_streams == 0);
	close(fd[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct slice in = slice_make(data + 1, size - 1);

	switch (data[0]) {
	case 'f':
		frames(in);
		break;
	case 's':
		status(in);
		break;
	case 'p':
		principal(in);
		break;
	case 't':
		timeout(in);
		break;
	case 'h':
		connection(in);
		break;
	}
	return 0;
}
