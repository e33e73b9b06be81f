/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_async.c - Redis on an event loop.
 *
 * The socket is ours, for hiredis' event adapter takes its events out of the loop and puts them
 * back around every command; hiredis parses.
 *
 * One timer watches the call that expires first; it is re-armed only when it fires, or for a call
 * that expires before.
 */
#include "libcommon/store/redis_async.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/store/redis_queue.h"
#include "libcommon/store/redis_wire.h"

#define BACKOFF_MS_MIN 50
#define BACKOFF_MS_MAX 2000
#define CONNECT_MS 1000
#define STALL_MS 1000
#define CALLS_MAX 4096
#define OUT_MAX (8 * 1024 * 1024)
#define READ_SIZE 16384
#define READS_PER_TURN 8

enum state {
	STATE_DOWN,       /* no socket; the state timer waits for the next attempt */
	STATE_CONNECTING, /* the socket waits to become writable */
	STATE_HELLO,      /* AUTH, SELECT, PING and SCRIPT LOAD are out */
	STATE_UP,
};

struct redis_async {
	struct loop *loop;
	struct redis_target target;
	enum state state;
	int fd;
	struct event *readable, *writable;
	redisReader *reader;
	struct arena *hello_arena;
	unsigned nhello; /* replies to the greeting still to come, before those of calls */
	unsigned turn, failures;
	int64_t heard_ms; /* when bytes last came, or replies began to be due */
	struct loop_timer *state_timer, *deadline_timer;
	bool deadline_armed;

	struct strbuf out;
	size_t sent;
	struct redis_queue queue;
	struct redis_pending *failed, **failed_tail; /* refused calls, to be answered later */

	unsigned busy; /* frames and deferred functions that use it */
	bool freed;
	bool flush_deferred, failed_deferred;
};

/* ---- life of the object ---- */

static void
destroy(struct redis_async *r)
{
	redis_queue_fini(&r->queue);
	arena_free(r->hello_arena);
	redisReaderFree(r->reader);
	redis_target_fini(&r->target);
	strbuf_fini(&r->out);
	free(r);
}

static void
enter(struct redis_async *r)
{
	r->busy++;
}

static void
leave(struct redis_async *r)
{
	if (--r->busy == 0 && r->freed)
		destroy(r);
}

/* ---- calls ---- */

/* Once per call. The caller has entered, for fn may free us. */
static void
answer(struct redis_async *r, struct redis_pending *call, enum status status)
{
	redis_queue_answered(&r->queue, call);
	call->answered = true;
	call->fn(status, status == STATUS_OK ? call->values : NULL,
		 status == STATUS_OK ? call->ncmds : 0, call->arg);
}

/* ---- the connection's end ---- */

static void
close_socket(struct redis_async *r)
{
	if (r->readable != NULL)
		event_free(r->readable);
	if (r->writable != NULL)
		event_free(r->writable);
	if (r->fd >= 0)
		close(r->fd);
	r->readable = r->writable = NULL;
	r->fd = -1;
	r->state = STATE_DOWN;
	r->nhello = 0;
	r->sent = 0;
	strbuf_fini(&r->out);
	redisReaderFree(r->reader);
	r->reader = redis_wire_reader_new();
	arena_reset(r->hello_arena);
}

/* Every call whose reply was due is answered now; what they call in turn finds us down. */
static void
fail_expected(struct redis_async *r, enum status status)
{
	size_t n = r->queue.ring_len;

	while (n-- > 0) {
		struct redis_expected e = redis_queue_next(&r->queue);
		bool last = --e.call->nmissing == 0;

		if (!e.call->answered)
			answer(r, e.call, status);
		if (last)
			redis_queue_end(&r->queue, e.call);
	}
}

static void
drop(struct redis_async *r)
{
	int64_t ms = BACKOFF_MS_MIN << (r->failures < 6 ? r->failures : 6);

	enter(r);
	close_socket(r);
	r->failures++;
	r->turn++;
	ms = ms < BACKOFF_MS_MAX ? ms : BACKOFF_MS_MAX;
	loop_timer_start(r->state_timer, ms / 2 + rng_below((uint32_t)ms / 2 + 1));
	fail_expected(r, STATUS_UNAVAILABLE);
	leave(r);
}

/* ---- output ---- */

static void
flush(struct redis_async *r)
{
	while (r->fd >= 0 && r->sent < r->out.len) {
		ssize_t n = send(r->fd, r->out.buf + r->sent, r->out.len - r->sent, MSG_NOSIGNAL);

		if (n > 0) {
			r->sent += (size_t)n;
		} else if (errno == EAGAIN) {
			event_add(r->writable, NULL);
			return;
		} else if (errno != EINTR) {
			drop(r);
			return;
		}
	}
	r->sent = 0;
	strbuf_reset(&r->out);
}

static void
on_flush(void *arg)
{
	struct redis_async *r = arg;

	r->flush_deferred = false;
	if (!r->freed)
		flush(r);
	leave(r);
}

static void
defer_flush(struct redis_async *r)
{
	if (r->flush_deferred)
		return;
	r->flush_deferred = true;
	enter(r);
	loop_defer(r->loop, on_flush, r);
}

/* ---- input ---- */

/* The script went away (SCRIPT FLUSH): the same command again with its text. */
static void
repeat_as_eval(struct redis_async *r, struct redis_pending *call, unsigned index)
{
	const struct redis_script *script = call->repeats[index].script;

	strbuf_addf(&r->out, "*%d\r\n$4\r\nEVAL\r\n$%zu\r\n", call->repeats[index].argc,
		    strlen(script->text));
	strbuf_adds(&r->out, script->text);
	strbuf_add(&r->out, "\r\n", 2);
	strbuf_add_slice(&r->out, call->repeats[index].rest);
	call->repeats[index].script = NULL;
	call->nmissing++;
	redis_queue_expect(&r->queue, call, index);
	defer_flush(r);
}

static void
take_reply(struct redis_async *r, const struct redis_value *value)
{
	struct redis_expected e = redis_queue_next(&r->queue);
	struct redis_pending *call = e.call;

	call->nmissing--;
	if (!call->answered && call->repeats[e.index].script != NULL && redis_is_error(value) &&
	    slice_starts_with(value->str, SLICE_LIT("-NOSCRIPT"))) {
		repeat_as_eval(r, call, e.index);
		return;
	}
	call->values[e.index] = *value;
	if (call->nmissing > 0)
		return;
	if (!call->answered)
		answer(r, call, STATUS_OK);
	redis_queue_end(&r->queue, call);
}

/* False when the greeting was refused: a wrong password, still loading. */
static bool
take_hello(struct redis_async *r, const struct redis_value *value)
{
	if (redis_is_error(value))
		return false;
	if (--r->nhello == 0) {
		arena_reset(r->hello_arena);
		if (r->out.buf != NULL) /* had the password */
			explicit_bzero(r->out.buf, r->out.cap);
		loop_timer_stop(r->state_timer);
		r->state = STATE_UP;
		r->failures = 0;
	}
	return true;
}

/* All whole replies that the parser holds. False: the connection has to go. */
static bool
parse(struct redis_async *r)
{
	while (r->fd >= 0 && (r->nhello > 0 || r->queue.ring_len > 0)) {
		void *reply = NULL;

		redis_wire_reader_arena(r->reader,
					r->nhello > 0
						? r->hello_arena
						: r->queue.ring[r->queue.ring_head].call->arena);
		if (redisReaderGetReply(r->reader, &reply) != REDIS_OK)
			return false;
		if (reply == NULL)
			return true;
		if (r->nhello == 0)
			take_reply(r, reply);
		else if (!take_hello(r, reply))
			return false;
	}
	/* More than was asked for: out of step. */
	return r->fd < 0 || r->reader->pos == r->reader->len;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_async *r = arg;
	NOT_ZEROED char buf[READ_SIZE];

	(void)what;
	enter(r);
	for (int i = 0; i < READS_PER_TURN && r->fd == fd; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n > 0) {
			r->heard_ms = clock_mono_ms();
			if (redisReaderFeed(r->reader, buf, (size_t)n) != REDIS_OK)
				panic("redis: no memory");
		}
		if (n <= 0 || !parse(r)) {
			drop(r);
			break;
		}
		if ((size_t)n < sizeof(buf))
			break;
	}
	leave(r);
}

/* ---- connecting ---- */

static void
say_hello(struct redis_async *r)
{
	r->nhello = redis_wire_add_hello(&r->out, &r->target);
	for (const struct redis_script *s = redis_script_first(); s != NULL; s = s->next) {
		const char *load[] = { "SCRIPT", "LOAD", s->text };

		redis_wire_add(&r->out, &(struct redis_cmd){ .argc = 3, .argv = load });
		r->nhello++;
	}
	r->state = STATE_HELLO;
	event_add(r->readable, NULL);
	flush(r);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct redis_async *r = arg;

	(void)what;
	enter(r);
	if (r->state != STATE_CONNECTING)
		flush(r);
	else if (redis_target_connected(fd) != 0)
		drop(r);
	else
		say_hello(r);
	leave(r);
}

static void
connect_now(struct redis_async *r)
{
	struct err err;

	if (redis_target_connect(&r->target, r->turn, &r->fd, &err) != STATUS_OK) {
		r->fd = -1;
		drop(r);
		return;
	}
	r->state = STATE_CONNECTING;
	r->readable = event_new(loop_base(r->loop), r->fd, EV_READ | EV_PERSIST, on_readable, r);
	r->writable = event_new(loop_base(r->loop), r->fd, EV_WRITE, on_writable, r);
	if (r->readable == NULL || r->writable == NULL)
		panic("redis: no memory");
	event_add(r->writable, NULL);
	loop_timer_start(r->state_timer, CONNECT_MS);
}

/* The back-off is over, or a connect takes too long. */
static void
on_state_timer(void *arg)
{
	struct redis_async *r = arg;

	if (r->state == STATE_DOWN)
		connect_now(r);
	else if (r->state != STATE_UP)
		drop(r);
}

/* ---- deadlines ---- */

static void
arm_deadline(struct redis_async *r, int64_t now)
{
	if (r->deadline_armed || r->queue.first == NULL)
		return;
	r->deadline_armed = true;
	loop_timer_start(r->deadline_timer,
			 r->queue.first->due_ms > now ? r->queue.first->due_ms - now : 0);
}

static void
on_deadline(void *arg)
{
	struct redis_async *r = arg;
	int64_t now = clock_mono_ms();
	bool late = false;

	enter(r);
	r->deadline_armed = false;
	while (!r->freed && r->queue.first != NULL && r->queue.first->due_ms <= now) {
		late = true;
		answer(r, r->queue.first, STATUS_DEADLINE_EXCEEDED); /* lives on in the ring */
	}
	if (!r->freed && late && r->queue.ring_len > 0 && now - r->heard_ms >= STALL_MS)
		drop(r);
	if (!r->freed)
		arm_deadline(r, now);
	leave(r);
}

/* ---- the interface ---- */

static void
on_failed(void *arg)
{
	struct redis_async *r = arg;
	struct redis_pending *call = r->failed, *next;

	r->failed_deferred = false;
	r->failed = NULL;
	r->failed_tail = &r->failed;
	for (; call != NULL; call = next) {
		next = call->next;
		call->fn(r->freed ? STATUS_CANCELLED : STATUS_UNAVAILABLE, NULL, 0, call->arg);
		redis_queue_end(&r->queue, call);
	}
	leave(r);
}

static void
fail_later(struct redis_async *r, struct redis_pending *call)
{
	*r->failed_tail = call;
	r->failed_tail = &call->next;
	if (r->failed_deferred)
		return;
	r->failed_deferred = true;
	enter(r);
	loop_defer(r->loop, on_failed, r);
}

static void
add_command(struct redis_async *r, struct redis_pending *call, unsigned index,
	    const struct redis_cmd *cmd)
{
	size_t start = r->out.len;

	redis_wire_add(&r->out, cmd);
	redis_queue_expect(&r->queue, call, index);
	if (cmd->argc < 3 || cmd->argc > 999 || strcmp(cmd->argv[0], "EVALSHA") != 0)
		return;
	const struct redis_script *script = redis_script_find(cmd->argv[1]);
	if (script == NULL)
		return;
	/* EVAL takes the same after "*3\r\n$7\r\nEVALSHA\r\n$40\r\n<sha>\r\n": it is kept. */
	size_t head = 4 + (cmd->argc >= 10) + (cmd->argc >= 100) + 13 + 47;
	size_t n = r->out.len - start - head;
	call->repeats[index].script = script;
	call->repeats[index].argc = cmd->argc;
	call->repeats[index].rest =
		slice_make(arena_memdup(call->arena, r->out.buf + start + head, n), n);
}

void
redis_async_call(struct redis_async *r, int64_t timeout_ms, const char *routing_key,
		 const struct redis_cmd *cmds, size_t ncmds, redis_async_fn on_reply, void *arg)
{
	int64_t now = clock_mono_ms();
	bool can = r->state == STATE_UP && r->queue.ncalls < CALLS_MAX && r->out.len < OUT_MAX;
	struct redis_pending *call = redis_queue_add(&r->queue);

	ASSERT_LOOP(r->loop);
	(void)routing_key; /* one node today */
	if (ncmds < 1 || ncmds > REDIS_ASYNC_CMDS_MAX)
		panic("redis: %zu commands in a call (1..%d)", ncmds, REDIS_ASYNC_CMDS_MAX);
	call->fn = on_reply;
	call->arg = arg;
	call->ncmds = (unsigned)ncmds;
	if (!can) {
		fail_later(r, call);
		return;
	}
	if (r->queue.ring_len == 0)
		r->heard_ms = now;
	call->due_ms = now + timeout_ms;
	call->nmissing = (unsigned)ncmds;
	for (unsigned i = 0; i < ncmds; i++)
		add_command(r, call, i, &cmds[i]);
	redis_queue_expires(&r->queue, call);
	if (r->queue.first == call)
		r->deadline_armed = false; /* sooner than the timer was set for */
	arm_deadline(r, now);
	defer_flush(r);
}

bool
redis_async_up(const struct redis_async *redis)
{
	return redis->state == STATE_UP;
}

enum status
redis_async_new(struct loop *loop, const char *url, struct redis_async **ret_redis, struct err *err)
{
	struct redis_target target;
	enum status st = redis_target_parse(url, &target, err);

	if (st != STATUS_OK)
		return st;
	struct redis_async *r = calloc(1, sizeof(*r));
	if (r == NULL)
		panic("redis: no memory");
	r->loop = loop;
	r->target = target;
	r->fd = -1;
	r->reader = redis_wire_reader_new();
	r->hello_arena = arena_new(64 * 1024);
	r->failed_tail = &r->failed;
	r->state_timer = loop_timer_new(loop, on_state_timer, r);
	r->deadline_timer = loop_timer_new(loop, on_deadline, r);
	connect_now(r);
	*ret_redis = r;
	return STATUS_OK;
}

void
redis_async_free(struct redis_async *r)
{
	if (r == NULL)
		return;
	ASSERT_LOOP(r->loop);
	enter(r);
	r->freed = true;
	close_socket(r);
	fail_expected(r, STATUS_CANCELLED);
	loop_timer_free(r->state_timer);
	loop_timer_free(r->deadline_timer);
	r->state_timer = r->deadline_timer = NULL;
	leave(r);
}
