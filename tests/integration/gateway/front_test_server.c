/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front_test_server.c - the HTTP/1.1 front with a handler that tells what reached it, for tests.
 *
 *	front_test_server [head_ms [body_grace_ms [idle_ms]]]
 *
 * Prints its port and serves until its stdin ends; a line with "d" there begins to drain. Replies
 * are {"method":…,"path":…,"query":…,"fields":N,"body":"<hex>"}. Paths with a meaning:
 *
 *	/later       answers 20 ms later; counted as cancelled when the client leaves before
 *	/never       never answers
 *	/stream      three chunks, 5 ms apart
 *	/big         a reply of 16 MiB
 *	/flood       a stream of 32 MiB, more than the kernel buffers, that waits for room
 *	/status/NNN  answers NNN
 *	/abort       drops the connection
 *	/stats       counters; not counted itself
 *
 * Bodies are limited to 1000 bytes below /small, else to 1 MiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "gateway/conn_limit.h"
#include "gateway/exchange.h"
#include "gateway/front_h1.h"
#include "gateway/listen.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/runtime/loop.h"

struct job {
	struct exchange *ex;
	struct loop_timer *timer;
	unsigned step;
	size_t flooded;
	bool held;
};

static struct front_h1 *front;
static unsigned handled, cancelled, refused;

static const struct slice json_type = SLICE_LIT("Content-Type: application/json\r\n");

static struct strbuf
describe(const struct exchange *ex)
{
	struct strbuf sb = STRBUF_ARENA(ex->arena);

	strbuf_addf(&sb, "{\"method\":\"%s\",\"path\":", http_method_name(ex->method));
	strbuf_add_json_string(&sb, ex->path);
	strbuf_adds(&sb, ",\"query\":");
	strbuf_add_json_string(&sb, ex->query);
	strbuf_addf(&sb, ",\"fields\":%u,\"body\":\"", ex->nfields);
	char *hex = arena_alloc(ex->arena, 2 * ex->body.n + 1);
	codec_hex_encode(ex->body.p, ex->body.n, hex);
	strbuf_add(&sb, hex, 2 * ex->body.n);
	strbuf_adds(&sb, "\"}\n");
	return sb;
}

static void
reply_described(struct exchange *ex, unsigned status)
{
	struct strbuf sb = describe(ex);

	exchange_reply(ex, status, json_type, strbuf_slice(&sb));
}

static void
job_free(struct job *job)
{
	loop_timer_free(job->timer);
	free(job);
}

static void
on_cancel(struct exchange *ex)
{
	cancelled++;
	if (ex->handler_data != NULL)
		job_free(ex->handler_data);
}

static void
on_later(void *arg)
{
	struct job *job = arg;

	reply_described(job->ex, 200);
	job_free(job);
}

static void
on_stream_step(void *arg)
{
	struct job *job = arg;
	char text[32];

	if (job->step++ < 3) {
		int n = snprintf(text, sizeof(text), "event: %u\n\n", job->step);
		exchange_stream_send(job->ex, slice_make(text, (size_t)n));
		loop_timer_start(job->timer, 5);
		return;
	}
	exchange_stream_end(job->ex);
	job_free(job);
}

static void
on_flood_step(void *arg)
{
	static const char block[16384];
	struct job *job = arg;

	while (job->flooded < 32u << 20) {
		job->flooded += sizeof(block);
		if (exchange_stream_send(job->ex, slice_make(block, sizeof(block))) >
		    EXCHANGE_STREAM_HIGH) {
			job->held = true;
			return;
		}
	}
	exchange_stream_end(job->ex);
	job_free(job);
}

static void
on_flood_drain(struct exchange *ex)
{
	struct job *job = ex->handler_data;

	if (job->held) {
		job->held = false;
		loop_timer_start(job->timer, 0);
	}
}

static void
start_job(struct exchange *ex, void (*fn)(void *), int64_t ms)
{
	struct job *job = calloc(1, sizeof(*job));

	job->ex = ex;
	job->timer = loop_timer_new(ex->loop, fn, job);
	ex->handler_data = job;
	loop_timer_start(job->timer, ms);
}

static void
reply_stats(struct exchange *ex)
{
	struct strbuf sb = STRBUF_ARENA(ex->arena);
	struct front_h1_stats stats;

	front_h1_stats(front, &stats);
	strbuf_addf(
		&sb,
		"{\"handled\":%u,\"cancelled\":%u,\"refused\":%u,\"connections\":%u,\"busy\":%u,"
		"\"bodyMemory\":%zu,\"replyMemory\":%zu}\n",
		handled, cancelled, refused, stats.connections, stats.busy, stats.body_memory,
		stats.reply_memory);
	exchange_reply(ex, 200, json_type, strbuf_slice(&sb));
}

static void
reply_big(struct exchange *ex)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_grow(&sb, 16 << 20);
	memset(sb.buf, 'b', 16 << 20);
	sb.len = 16 << 20;
	exchange_reply(ex, 200, json_type, strbuf_slice(&sb));
	strbuf_fini(&sb);
}

static void
on_request(struct exchange *ex, void *arg)
{
	(void)arg;
	if (slice_eq_str(ex->path, "/stats")) {
		reply_stats(ex);
		return;
	}
	handled++;
	ex->on_cancel = on_cancel;
	if (slice_eq_str(ex->path, "/big")) {
		reply_big(ex);
	} else if (slice_eq_str(ex->path, "/later")) {
		start_job(ex, on_later, 20);
	} else if (slice_eq_str(ex->path, "/stream")) {
		exchange_stream_begin(ex, 200, SLICE_LIT("Content-Type: text/event-stream\r\n"));
		start_job(ex, on_stream_step, 5);
	} else if (slice_eq_str(ex->path, "/flood")) {
		exchange_stream_begin(ex, 200,
				      SLICE_LIT("Content-Type: application/octet-stream\r\n"));
		ex->on_drain = on_flood_drain;
		start_job(ex, on_flood_step, 0);
	} else if (slice_eq_str(ex->path, "/abort")) {
		exchange_abort(ex);
	} else if (slice_starts_with(ex->path, SLICE_LIT("/status/"))) {
		reply_described(ex, (unsigned)atoi(ex->path.p + 8));
	} else if (!slice_eq_str(ex->path, "/never")) {
		reply_described(ex, 200);
	}
}

static size_t
body_limit(const struct exchange *ex, void *arg)
{
	(void)arg;
	return slice_starts_with(ex->path, SLICE_LIT("/small")) ? 1000 : 1 << 20;
}

static void
on_refused(unsigned status, const char *detail, const char *peer, void *arg)
{
	(void)status;
	(void)detail;
	(void)peer;
	(void)arg;
	refused++;
}

static void
on_stdin(evutil_socket_t fd, short what, void *arg)
{
	char buf[64];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n > 0 && buf[0] == 'd')
		front_h1_drain(front);
	else if (n <= 0)
		loop_stop(arg);
}

int
main(int argc, char **argv)
{
	static const struct exchange_handler handler = { on_request, body_limit, on_refused };
	struct err err;
	int fd;

	err_init(&err);
	if (listen_open("127.0.0.1:0", &fd, &err) != STATUS_OK)
		fatal("%s", err.text);
	struct loop *loop = loop_new("front-test");
	struct conn_limit *limit = conn_limit_new(2000, 1500);
	front = front_h1_new(&(struct front_h1_options){
		.loop = loop,
		.handler = &handler,
		.limit = limit,
		.error_fields = SLICE_LIT("X-Content-Type-Options: nosniff\r\n"),
		.body_memory_max = 4 << 20,
		.reply_memory_max = 48 << 20,
		.write_ms = argc > 4 ? atoi(argv[4]) : 30000,
		.head_ms = argc > 1 ? atoi(argv[1]) : 5000,
		.body_grace_ms = argc > 2 ? atoi(argv[2]) : 5000,
		.idle_ms = argc > 3 ? atoi(argv[3]) : 65000,
		.linger_ms = 1000,
	});
	front_h1_accept(front, fd);
	struct event *in = event_new(loop_base(loop), 0, EV_READ | EV_PERSIST, on_stdin, loop);
	event_add(in, NULL);
	printf("%d\n", listen_port(fd));
	fflush(stdout);
	loop_run(loop);
	event_free(in);
	front_h1_free(front);
	loop_free(loop);
	conn_limit_free(limit);
	return 0;
}
