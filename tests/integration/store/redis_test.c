/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking and the asynchronous client on a real Redis that restarts, freezes and is killed. */
#include "tests/integration/store/store_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/runtime/loop.h"
#include "libcommon/store/redis.h"
#include "libcommon/store/redis_async.h"

#define D(ms) deadline_in(ms)

static struct redis *redis;
static struct arena *arena;
static struct err err;
static struct redis_value *v;

static int
setup(void **state)
{
	(void)state;
	err_init(&err);
	arena = arena_new(64 << 20);
	ASSERT_OK(redis_open(store_test_env("TEST_REDIS_URL"), 3, &redis, &err), &err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	redis_close(redis);
	arena_free(arena);
	return 0;
}

#define CALL(...) redis_call(redis, D(5000), "k", arena, &v, &err, __VA_ARGS__)

/* ---- blocking ---- */

static void
test_redis_values(void **state)
{
	(void)state;
	ASSERT_OK(CALL("FLUSHALL"), &err);
	assert_int_equal(REDIS_STATUS, v->type);
	ASSERT_SLICE("OK", v->str);
	ASSERT_OK(CALL("GET %s", "k"), &err);
	assert_int_equal(REDIS_NIL, v->type);
	ASSERT_OK(CALL("SET %s %b", "k", "a\0b", (size_t)3), &err);
	ASSERT_OK(CALL("GET %s", "k"), &err);
	assert_int_equal(REDIS_STRING, v->type);
	assert_true(slice_eq(slice_make("a\0b", 3), v->str));
	ASSERT_OK(CALL("INCRBY n %lld", (long long)1 << 40), &err);
	assert_int_equal(REDIS_INTEGER, v->type);
	assert_int_equal(INT64_C(1) << 40, v->num);
	ASSERT_OK(CALL("EVAL %s 0", "return {1, {'x', false, {}}, {err='E inner'}, ''}"), &err);
	assert_int_equal(REDIS_ARRAY, v->type);
	assert_int_equal(4, v->nitems);
	assert_int_equal(1, v->items[0].num);
	assert_int_equal(3, v->items[1].nitems);
	ASSERT_SLICE("x", v->items[1].items[0].str);
	assert_int_equal(REDIS_NIL, v->items[1].items[1].type);
	assert_int_equal(0, v->items[1].items[2].nitems);
	ASSERT_SLICE("-E inner", v->items[2].str);
	assert_int_equal(REDIS_STRING, v->items[3].type);
	assert_string_equal("", v->items[3].str.p);
	ASSERT_STATUS(STATUS_INTERNAL, CALL("LPUSH k x"), &err);
	ASSERT_CONTAINS(err.text, "WRONGTYPE");
	ASSERT_OK(redis_ping(redis, D(1000), &err), &err);
}

static void
test_redis_pipeline(void **state)
{
	enum { N = 2000 };
	const char *set[] = { "SET", "p", "0" }, *incr[] = { "INCR", "p" }, *bad[] = { "NOSUCH" };
	struct redis_cmd *cmds = calloc(N, sizeof(*cmds));
	size_t big = 4 << 20;
	char *bytes = calloc(1, big);
	const char *set_big[] = { "SET", "big", bytes }, *get_big[] = { "GET", "big" };
	const size_t lens[] = { 3, 3, big };

	(void)state;
	cmds[0] = (struct redis_cmd){ .argc = 3, .argv = set };
	for (int i = 1; i < N; i++)
		cmds[i] = (struct redis_cmd){ .argc = 2, .argv = incr };
	ASSERT_OK(redis_pipeline(redis, D(5000), "p", cmds, N, arena, &v, &err), &err);
	assert_int_equal(N - 1, v[N - 1].num);
	/* 4 MiB there and, eight times over, back, while the server already answers. */
	cmds[0] = (struct redis_cmd){ .argc = 3, .argv = set_big, .argvlen = lens };
	for (int i = 1; i < 9; i++)
		cmds[i] = i % 2 ? (struct redis_cmd){ .argc = 2, .argv = get_big } : cmds[0];
	ASSERT_OK(redis_pipeline(redis, D(20000), "p", cmds, 9, arena, &v, &err), &err);
	assert_int_equal(big, v[7].str.n);
	/* One error fails the pipeline, and the connection stays in step. */
	cmds[1] = (struct redis_cmd){ .argc = 1, .argv = bad };
	cmds[0] = cmds[2] = (struct redis_cmd){ .argc = 3, .argv = set };
	ASSERT_STATUS(STATUS_INTERNAL,
		      redis_pipeline(redis, D(5000), "p", cmds, 3, arena, &v, &err), &err);
	ASSERT_OK(CALL("GET p"), &err);
	ASSERT_SLICE("0", v->str);
	free(bytes);
	free(cmds);
}

static void
test_redis_deadline(void **state)
{
	int64_t start = clock_mono_ms();

	(void)state;
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      redis_call(redis, D(150), "k", arena, &v, &err, "BLPOP nothing 20"), &err);
	assert_true(clock_mono_ms() - start < 10000);
	/* The late reply does not answer this. */
	ASSERT_OK(CALL("ECHO fresh"), &err);
	ASSERT_SLICE("fresh", v->str);
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      redis_call(redis, D(0), "k", arena, &v, &err, "PING"), &err);
}

static void
block_once(void *arg, unsigned i)
{
	atomic_int *ok = arg;
	struct arena *a = arena_new(4096);
	struct redis_value *value;

	(void)i;
	if (redis_call(redis, D(20000), "k", a, &value, NULL, "BLPOP gate 20") == STATUS_OK)
		atomic_fetch_add(ok, 1);
	arena_free(a);
}

static void *
block_three(void *arg)
{
	store_test_threads(3, block_once, arg);
	return NULL;
}

/* All three connections wait for a list; a fourth caller is told so in half of its time. */
static void
test_redis_exhaustion_sheds(void **state)
{
	atomic_int ok = 0;
	struct redis *other;
	pthread_t thread;

	(void)state;
	ASSERT_OK(redis_open(store_test_env("TEST_REDIS_URL"), 1, &other, &err), &err);
	pthread_create(&thread, NULL, block_three, &ok);
	for (int i = 0;; i++) {
		assert_true(i < 1000);
		ASSERT_OK(redis_call(other, D(5000), "k", arena, &v, &err, "INFO clients"), &err);
		if (strstr(v->str.p, "blocked_clients:3") != NULL)
			break;
		usleep(10000);
	}
	int64_t start = clock_mono_ms();
	ASSERT_STATUS(STATUS_UNAVAILABLE, redis_call(redis, D(400), "k", arena, &v, &err, "PING"),
		      &err);
	assert_in_range(clock_mono_ms() - start, 190, 10000);
	assert_true(err.retry_after_ms > 0);
	ASSERT_OK(redis_call(other, D(5000), "k", arena, &v, &err, "RPUSH gate 1 2 3"), &err);
	pthread_join(thread, NULL);
	assert_int_equal(3, atomic_load(&ok));
	ASSERT_OK(CALL("PING"), &err);
	redis_close(other);
}

static void
test_redis_server_lost(void **state)
{
	(void)state;
	ASSERT_OK(CALL("PING"), &err);
	ask("restart redis");
	ASSERT_OK(CALL("PING"), &err); /* the dead connection is seen before anything is sent */
	ask("kill9 redis");
	int64_t start = clock_mono_ms();
	ASSERT_STATUS(STATUS_UNAVAILABLE, CALL("PING"), &err);
	assert_true(clock_mono_ms() - start < 4000);
	ask("start redis");
	ASSERT_OK(CALL("PING"), &err);
	ask("freeze redis");
	start = clock_mono_ms();
	ASSERT_STATUS(STATUS_DEADLINE_EXCEEDED,
		      redis_call(redis, D(200), "k", arena, &v, &err, "PING"), &err);
	ASSERT_STATUS(STATUS_UNAVAILABLE, redis_call(redis, D(200), "k", arena, &v, &err, "PING"),
		      &err);
	int64_t took = clock_mono_ms() - start;
	ask("thaw redis");
	assert_true(took < 10000);
	ASSERT_OK(CALL("PING"), &err);
}

static void
test_redis_refused_password(void **state)
{
	char url[64];
	struct redis *other;

	(void)state;
	snprintf(url, sizeof(url), "redis://:wrong@127.0.0.1:%s/0",
		 store_test_env("TEST_REDIS_PORT"));
	ASSERT_OK(redis_open(url, 1, &other, &err), &err);
	ASSERT_STATUS(STATUS_INTERNAL, redis_ping(other, D(2000), &err), &err);
	ASSERT_CONTAINS(err.text, "WRONGPASS");
	redis_close(other);
}

static void
test_redis_database_and_user(void **state)
{
	char url[80];
	struct redis *other;

	(void)state;
	ASSERT_OK(CALL("SET where zero"), &err);
	snprintf(url, sizeof(url), "redis://default:%%70w@localhost:%s/3",
		 store_test_env("TEST_REDIS_PORT"));
	ASSERT_OK(redis_open(url, 1, &other, &err), &err);
	ASSERT_OK(redis_call(other, D(2000), "k", arena, &v, &err, "GET where"), &err);
	assert_int_equal(REDIS_NIL, v->type);
	redis_close(other);
}

/* ---- asynchronous ---- */

static struct loop *loop;
static struct redis_async *async;
static struct redis_script script = {
	.text = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
};

static int
setup_async(void **state)
{
	setup(state);
	redis_script_init(&script);
	loop = loop_new("test");
	ASSERT_OK(redis_async_new(loop, store_test_env("TEST_REDIS_URL"), &async, &err), &err);
	loop_start(loop);
	return 0;
}

static int
teardown_async(void **state)
{
	loop_stop(loop);
	redis_async_free(async);
	loop_free(loop);
	return teardown(state);
}

/* Runs fn on the loop and waits for it. */
struct posted {
	void (*fn)(void *arg);
	void *arg;
	struct testkit_latch *done;
};

static void
run_posted(void *arg)
{
	struct posted *p = arg;

	p->fn(p->arg);
	testkit_latch_down(p->done);
}

static void
on_loop(void (*fn)(void *arg), void *arg)
{
	struct posted p = { fn, arg, testkit_latch_new(1) };

	loop_post(loop, run_posted, &p);
	LATCH_WAIT(p.done);
	testkit_latch_free(p.done);
}

static void
read_up(void *arg)
{
	*(bool *)arg = redis_async_up(async);
}

static void
wait_up(bool want)
{
	bool up = !want;

	for (int i = 0; up != want; i++) {
		assert_true(i < 1000);
		on_loop(read_up, &up);
		if (up != want)
			usleep(10000);
	}
}

/* One call: what it asks, and what came. */
struct one {
	const struct redis_cmd *cmds;
	size_t ncmds;
	int64_t timeout_ms;
	struct testkit_latch *done;
	enum status st;
	char text[256]; /* the values as text */
	int answers;
	bool inside;
};

static void
print_value(struct strbuf *sb, const struct redis_value *value)
{
	switch (value->type) {
	case REDIS_NIL:
		strbuf_adds(sb, "nil");
		break;
	case REDIS_INTEGER:
		strbuf_add_i64(sb, value->num);
		break;
	case REDIS_STRING:
	case REDIS_STATUS:
		strbuf_add_slice(sb, value->str);
		break;
	case REDIS_ARRAY:
		strbuf_addch(sb, '[');
		for (size_t i = 0; i < value->nitems; i++) {
			if (i > 0)
				strbuf_addch(sb, ' ');
			print_value(sb, &value->items[i]);
		}
		strbuf_addch(sb, ']');
	}
}

static void
on_reply(enum status st, const struct redis_value *values, size_t n, void *arg)
{
	struct one *one = arg;
	struct strbuf sb = STRBUF_INIT;

	one->st = one->inside ? STATUS_DATA_LOSS : st; /* never from inside the call */
	one->answers++;
	for (size_t i = 0; i < n; i++) {
		print_value(&sb, &values[i]);
		strbuf_addch(&sb, ';');
	}
	snprintf(one->text, sizeof(one->text), "%s", strbuf_cstr(&sb));
	strbuf_fini(&sb);
	testkit_latch_down(one->done);
}

static void
start_one(void *arg)
{
	struct one *one = arg;

	one->inside = true;
	redis_async_call(async, one->timeout_ms, "k", one->cmds, one->ncmds, on_reply, one);
	one->inside = false;
}

static void
do_one(struct one *one)
{
	one->done = testkit_latch_new(1);
	if (one->timeout_ms == 0)
		one->timeout_ms = 2000;
	on_loop(start_one, one);
	LATCH_WAIT(one->done);
	testkit_latch_free(one->done);
	assert_int_equal(1, one->answers);
}

#define CMD(...)                                                                                   \
	{                                                                                          \
		.argc = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),                  \
		.argv = (const char *const[])                                                      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static void
test_async_commands(void **state)
{
	const struct redis_cmd cmds[] = { CMD("SET", "a", "1"), CMD("INCR", "a"),
					  CMD("GET", "none"), CMD("NOSUCH"),
					  CMD("EVALSHA", script.sha1, "1", "a", "arg") };
	struct one one = { .cmds = cmds, .ncmds = ARRAY_LEN(cmds) };

	(void)state;
	wait_up(true);
	do_one(&one);
	assert_int_equal(STATUS_OK, one.st);
	ASSERT_CONTAINS(one.text, "OK;2;nil;-ERR unknown command");
	ASSERT_CONTAINS(one.text, ";[a arg 3];");
}

static void
test_async_script_flushed(void **state)
{
	const struct redis_cmd cmds[] = {
		CMD("SET", "b", "5"), CMD("EVALSHA", script.sha1, "1", "b", "x"),
		CMD("EVALSHA", script.sha1, "1", "b", "y", "1", "2", "3", "4", "5", "6", "7"),
		CMD("EVALSHA", "ffffffffffffffffffffffffffffffffffffffff", "0"), CMD("GET", "b")
	};
	struct one one = { .cmds = cmds, .ncmds = ARRAY_LEN(cmds) };

	(void)state;
	wait_up(true);
	ASSERT_OK(CALL("SCRIPT FLUSH"), &err);
	do_one(&one);
	assert_int_equal(STATUS_OK, one.st);
	ASSERT_CONTAINS(one.text, "OK;[b x 6];[b y 7];-NOSCRIPT");
	/* EVAL has put it back. */
	ASSERT_OK(CALL("SCRIPT EXISTS %s", script.sha1), &err);
	assert_int_equal(1, v->items[0].num);
}

static void
test_async_down_fails_later_at_once(void **state)
{
	const struct redis_cmd cmds[] = { CMD("PING") };
	struct one one = { .cmds = cmds, .ncmds = 1 };

	(void)state;
	wait_up(true);
	ask("kill9 redis");
	wait_up(false);
	int64_t start = clock_mono_ms();
	do_one(&one);
	assert_int_equal(STATUS_UNAVAILABLE, one.st);
	assert_true(clock_mono_ms() - start < 1900);
	ask("start redis");
	wait_up(true);
	one.answers = 0;
	do_one(&one);
	ASSERT_CONTAINS(one.text, "PONG;");
	/* Scripts were loaded with the new connection. */
	ASSERT_OK(CALL("SCRIPT EXISTS %s", script.sha1), &err);
	assert_int_equal(1, v->items[0].num);
}

static void
test_async_frozen(void **state)
{
	const struct redis_cmd cmds[] = { CMD("ECHO", "late") }, fresh[] = { CMD("ECHO", "fresh") };
	struct one one = { .cmds = cmds, .ncmds = 1, .timeout_ms = 100 };

	(void)state;
	wait_up(true);
	ask("freeze redis");
	int64_t start = clock_mono_ms();
	do_one(&one);
	int64_t took = clock_mono_ms() - start;
	assert_int_equal(STATUS_DEADLINE_EXCEEDED, one.st);
	assert_in_range(took, 90, 10000);
	/* A short pause: the late reply is dropped, the next call gets its own. */
	ask("thaw redis");
	one = (struct one){ .cmds = fresh, .ncmds = 1 };
	do_one(&one);
	assert_string_equal("fresh;", one.text);
	/* A long one: after a second of silence the connection is given up. */
	ask("freeze redis");
	start = clock_mono_ms();
	do {
		one = (struct one){ .cmds = cmds, .ncmds = 1, .timeout_ms = 100 };
		do_one(&one);
		assert_true(clock_mono_ms() - start < 30000);
	} while (one.st == STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(STATUS_UNAVAILABLE, one.st);
	ask("thaw redis");
	wait_up(true);
}

/* Many calls, many commands each, while the server is restarted and killed. */
struct storm {
	atomic_int by_status[STATUS_COUNT];
	atomic_int wrong, open;
	int left, paused;
	struct loop_timer *tick; /* calls go on 5 ms after a refusal */
	struct testkit_latch *done;
};

struct storm_call {
	struct storm *storm;
	char text[32];
};

static void storm_start(struct storm *storm);

static void
on_storm(enum status st, const struct redis_value *values, size_t n, void *arg)
{
	struct storm_call *c = arg;
	struct storm *storm = c->storm;

	atomic_fetch_add(&storm->by_status[st], 1);
	if (st == STATUS_OK &&
	    (n != 3 || !slice_eq_str(values[1].str, c->text) || values[2].type != REDIS_ARRAY))
		atomic_fetch_add(&storm->wrong, 1);
	free(c);
	atomic_fetch_sub(&storm->open, 1);
	if (storm->left > 0 && st == STATUS_UNAVAILABLE && storm->tick != NULL)
		storm->paused++;
	else if (storm->left > 0)
		storm_start(storm);
	else if (atomic_load(&storm->open) == 0)
		testkit_latch_down(storm->done);
}

static void
storm_start(struct storm *storm)
{
	struct storm_call *c = malloc(sizeof(*c));

	c->storm = storm;
	snprintf(c->text, sizeof(c->text), "text-%d", storm->left--);
	atomic_fetch_add(&storm->open, 1);
	const struct redis_cmd cmds[] = { CMD("INCR", "storm"), CMD("ECHO", c->text),
					  CMD("EVALSHA", script.sha1, "1", "s", "v") };
	redis_async_call(async, 50 + storm->left % 7 * 30, "k", cmds, 3, on_storm, c);
}

static void
on_tick(void *arg)
{
	struct storm *storm = arg;

	for (; storm->paused > 0; storm->paused--)
		if (storm->left > 0)
			storm_start(storm);
	loop_timer_start(storm->tick, 5);
}

static void
storm_begin(void *arg)
{
	struct storm *storm = arg;

	storm->tick = loop_timer_new(loop, on_tick, storm);
	on_tick(storm);
	for (int i = 0; i < 300; i++)
		storm_start(arg);
}

static void
storm_end(void *arg)
{
	struct storm *storm = arg;

	storm->left = 0;
	loop_timer_free(storm->tick);
}

static void
test_async_storm(void **state)
{
	struct storm storm = { .left = 1 << 30, .done = testkit_latch_new(1) };
	static const char *const blows[] = { "restart redis", "kill9 redis", "start redis",
					     "freeze redis",  "thaw redis",  "kill9 redis",
					     "start redis" };

	(void)state;
	wait_up(true);
	on_loop(storm_begin, &storm);
	for (size_t i = 0; i < ARRAY_LEN(blows); i++) {
		usleep(300000);
		ask(blows[i]);
	}
	wait_up(true);
	int before = atomic_load(&storm.by_status[STATUS_OK]);
	for (int i = 0; atomic_load(&storm.by_status[STATUS_OK]) < before + 1000; i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
	on_loop(storm_end, &storm);
	LATCH_WAIT(storm.done);
	testkit_latch_free(storm.done);
	assert_int_equal(0, atomic_load(&storm.wrong));
	assert_int_equal(0, atomic_load(&storm.open)); /* each answered, once */
	assert_true(atomic_load(&storm.by_status[STATUS_UNAVAILABLE]) > 0);
	for (int i = 0; i < STATUS_COUNT; i++)
		if (i != STATUS_OK && i != STATUS_UNAVAILABLE && i != STATUS_DEADLINE_EXCEEDED)
			assert_int_equal(0, atomic_load(&storm.by_status[i]));
	printf("storm: %d answered, %d late, %d unavailable\n",
	       atomic_load(&storm.by_status[STATUS_OK]),
	       atomic_load(&storm.by_status[STATUS_DEADLINE_EXCEEDED]),
	       atomic_load(&storm.by_status[STATUS_UNAVAILABLE]));
}

/* Freed from inside a callback, with calls in flight and calls that failed at once. */
struct freeing {
	struct testkit_latch *done;
	int cancelled, ok;
};

static void
on_freeing(enum status st, const struct redis_value *values, size_t n, void *arg)
{
	struct freeing *f = arg;

	(void)values;
	(void)n;
	f->cancelled += st == STATUS_CANCELLED;
	if (st == STATUS_OK && f->ok++ == 0) {
		redis_async_free(async); /* answers the others */
		async = NULL;
		testkit_latch_down(f->done);
	}
}

static void
start_freeing(void *arg)
{
	const struct redis_cmd cmds[] = { CMD("PING"), CMD("PING") };

	for (int i = 0; i < 10; i++)
		redis_async_call(async, 1000, "k", cmds, 2, on_freeing, arg);
}

static void
test_async_free_in_callback(void **state)
{
	struct freeing f = { .done = testkit_latch_new(1) };

	(void)state;
	wait_up(true);
	on_loop(start_freeing, &f);
	LATCH_WAIT(f.done);
	testkit_latch_free(f.done);
	assert_int_equal(1, f.ok);
	assert_int_equal(9, f.cancelled);
}

static void
flood(void *arg)
{
	const struct redis_cmd cmds[] = { CMD("INCR", "storm"), CMD("ECHO", "x"),
					  CMD("EVALSHA", script.sha1, "1", "s", "v") };
	struct storm *storm = arg;

	for (int i = 0; i < 5000; i++) {
		struct storm_call *c = malloc(sizeof(*c));

		*c = (struct storm_call){ .storm = storm, .text = "x" };
		atomic_fetch_add(&storm->open, 1);
		redis_async_call(async, 5000, "k", cmds, 3, on_storm, c);
	}
}

/* The bound on calls in flight: the rest is refused, and nothing is lost. */
static void
test_async_bounded(void **state)
{
	struct storm storm = { .left = 0, .done = testkit_latch_new(1) };

	(void)state;
	wait_up(true);
	on_loop(flood, &storm);
	LATCH_WAIT(storm.done);
	testkit_latch_free(storm.done);
	assert_int_equal(0, atomic_load(&storm.wrong));
	assert_int_equal(4096, atomic_load(&storm.by_status[STATUS_OK]));
	assert_int_equal(5000 - 4096, atomic_load(&storm.by_status[STATUS_UNAVAILABLE]));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define A(name) cmocka_unit_test_setup_teardown(name, setup_async, teardown_async)
	const struct CMUnitTest tests[] = {
		T(test_redis_values),
		T(test_redis_pipeline),
		T(test_redis_deadline),
		T(test_redis_exhaustion_sheds),
		T(test_redis_server_lost),
		T(test_redis_refused_password),
		T(test_redis_database_and_user),
		A(test_async_commands),
		A(test_async_script_flushed),
		A(test_async_down_fails_later_at_once),
		A(test_async_frozen),
		A(test_async_storm),
		A(test_async_free_in_callback),
		A(test_async_bounded),
	};

	store_test_env("TEST_REDIS_URL");
	return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
