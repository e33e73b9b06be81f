/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "libcommon/base/compiler.h"
#include "libcommon/runtime/loop.h"
#include "tests/support/testkit.h"

static struct loop *loop; /* of the test that runs */

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
setup(void **state)
{
	(void)state;
	loop = loop_new("test-loop");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void
stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void
latch_down(void *arg)
{
	testkit_latch_down(arg);
}

/* ---- mailbox ---- */

enum { SENDERS = 4, MESSAGES = 20000 };

struct sender {
	pthread_t thread;
	int next; /* owned by the loop */
	struct testkit_latch *done;
};

struct note {
	struct sender *sender;
	int number;
};

static atomic_int out_of_order, wrong_thread;

static void
on_note(void *arg)
{
	struct note *note = arg;
	struct sender *sender = note->sender;

	if (!loop_is_current(loop))
		atomic_fetch_add(&wrong_thread, 1);
	if (note->number != sender->next++)
		atomic_fetch_add(&out_of_order, 1);
	if (sender->next == MESSAGES)
		testkit_latch_down(sender->done);
	free(note);
}

static void *
send_notes(void *arg)
{
	for (int i = 0; i < MESSAGES; i++) {
		struct note *note = malloc(sizeof(*note));
		*note = (struct note){ arg, i };
		loop_post(loop, on_note, note);
	}
	return NULL;
}

/* Nothing is lost, and each sender's messages keep their order. */
static void
test_loop_post_from_threads(void **state)
{
	struct testkit_latch *done = testkit_latch_new(SENDERS);
	struct sender senders[SENDERS];

	(void)state;
	loop_start(loop);
	assert_false(loop_is_current(loop));
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .done = done };
		pthread_create(&senders[i].thread, NULL, send_notes, &senders[i]);
	}
	LATCH_WAIT(done);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	loop_stop(loop);
	assert_int_equal(atomic_load(&out_of_order), 0);
	assert_int_equal(atomic_load(&wrong_thread), 0);
	testkit_latch_free(done);
}

static int pings;

static void
ping(void *arg)
{
	if (++pings == 1000)
		testkit_latch_down(arg);
	else
		loop_post(loop, ping, arg);
}

/* A message that posts itself again does not starve and is not starved. */
static void
test_loop_post_from_itself(void **state)
{
	struct testkit_latch *done = testkit_latch_new(1);

	(void)state;
	pings = 0;
	loop_post(loop, ping, done);
	loop_start(loop);
	LATCH_WAIT(done);
	loop_stop(loop);
	assert_int_equal(pings, 1000);
	testkit_latch_free(done);
}

static void
count(void *arg)
{
	++*(int *)arg;
}

static void
count_and_post(void *arg)
{
	++*(int *)arg;
	loop_post(loop, count, arg);
	loop_defer(loop, count, arg);
}

/* What nobody ran before the end runs in loop_free, on the freeing thread. */
static void
test_loop_free_runs_the_mailbox(void **state)
{
	int n = 0;

	(void)state;
	loop = loop_new("late");
	for (int i = 0; i < 10; i++)
		loop_post(loop, count, &n);
	loop_post(loop, count_and_post, &n);
	assert_int_equal(n, 0);
	loop_free(loop);
	assert_int_equal(n, 13);
	loop_free(NULL);
}

/* ---- start and stop ---- */

static void
test_loop_run_until_stop(void **state)
{
	(void)state;
	loop_post(loop, stop, NULL);
	loop_run(loop);
	/* It can run again, and a stop that came before ends it at once. */
	loop_stop(loop);
	loop_run(loop);
	assert_true(loop_is_current(loop)); /* while it does not run, everybody may use it */
}

static void *
stop_it(void *arg)
{
	loop_stop(arg);
	return NULL;
}

/* Two threads may stop it at once; only one joins. */
static void
test_loop_stop_from_two_threads(void **state)
{
	pthread_t a, b;

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct loop *l = loop_new("twice");
		loop_start(l);
		pthread_create(&a, NULL, stop_it, l);
		pthread_create(&b, NULL, stop_it, l);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		loop_free(l);
	}
}

static void
read_mask(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
}

static void
read_name(void *arg)
{
	pthread_getname_np(pthread_self(), arg, 16);
}

static void
test_loop_thread_has_name_and_no_signals(void **state)
{
	struct testkit_latch *done = testkit_latch_new(1);
	char name[16] = "";
	sigset_t mask, own;

	(void)state;
	loop_start(loop);
	loop_post(loop, read_mask, &mask);
	loop_post(loop, read_name, name);
	loop_post(loop, latch_down, done);
	LATCH_WAIT(done);
	loop_stop(loop);
	assert_string_equal(name, "test-loop");
	assert_true(sigismember(&mask, SIGTERM));
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	assert_false(sigismember(&own, SIGTERM));
	testkit_latch_free(done);
}

static void
child_off_thread(void *arg)
{
	(void)arg;
	struct loop *l = loop_new("other");
	loop_start(l);
	loop_defer(l, count, NULL);
}

static void
test_loop_assert(void **state)
{
	char *text;

	(void)state;
	assert_true(WIFSIGNALED(testkit_fork(child_off_thread, NULL, &text)));
	ASSERT_CONTAINS(text, "loop_defer: not on its loop's thread");
	free(text);
}

/* ---- deferred calls ---- */

static char trail[64];

static void
mark(void *arg)
{
	strcat(trail, arg);
}

static void
mark_and_defer(void *arg)
{
	strcat(trail, arg);
	loop_defer(loop, mark, "n");
	loop_defer(loop, stop, NULL);
}

static void
ask(void *arg)
{
	strcat(trail, arg);
	/* The same pair twice counts once; another argument or function is another call. */
	loop_defer(loop, mark_and_defer, "d");
	loop_defer(loop, mark_and_defer, "d");
	loop_defer(loop, mark, "e");
	loop_defer(loop, mark, "d");
}

/* After all events of the turn; what a deferred call defers runs in the next turn. */
static void
test_loop_defer(void **state)
{
	(void)state;
	trail[0] = '\0';
	loop_post(loop, ask, "1");
	loop_post(loop, ask, "2");
	loop_run(loop);
	assert_string_equal(trail, "12dedn");
}

enum { MANY = 5000 };
static int many[MANY];

static void
ask_many(void *arg)
{
	(void)arg;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			loop_defer(loop, count, &many[i]);
	}
	loop_defer(loop, stop, NULL);
}

static void
test_loop_defer_many(void **state)
{
	(void)state;
	for (int turn = 1; turn <= 3; turn++) {
		loop_post(loop, ask_many, NULL);
		loop_run(loop);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(many[i], turn);
	}
}

/* ---- timers ---- */

static struct loop_timer *timers[3];
static int64_t armed_at, fired_after;

static void
on_fire(void *arg)
{
	fired_after = now_ms() - armed_at;
	strcat(trail, arg);
	loop_stop(loop);
}

static void
test_loop_timer_is_never_early(void **state)
{
	struct loop_timer *t = loop_timer_new(loop, on_fire, "t");

	(void)state;
	trail[0] = '\0';
	for (int ms = 0; ms < 24; ms += 3) {
		armed_at = now_ms();
		loop_timer_start(t, ms);
		loop_run(loop);
		assert_in_range(fired_after, ms, ms + 2000);
	}
	assert_string_equal(trail, "tttttttt");
	loop_timer_start(t, -5);
	loop_run(loop);
	loop_timer_free(t);
	loop_timer_free(NULL);
}

static void
arm_late_in_the_turn(void *arg)
{
	int64_t begun = now_ms();

	/* libevent's idea of now is that of the turn's begin. */
	while (now_ms() < begun + 30)
		;
	armed_at = now_ms();
	loop_timer_start(arg, 20);
}

static void
test_loop_timer_counts_from_its_start(void **state)
{
	struct loop_timer *t = loop_timer_new(loop, on_fire, "t");

	(void)state;
	trail[0] = '\0';
	loop_post(loop, arm_late_in_the_turn, t);
	loop_run(loop);
	assert_in_range(fired_after, 20, 2020);
	loop_timer_free(t);
}

static void
rearm(void *arg)
{
	mark(arg);
	loop_timer_start(timers[2], 1);
}

/* Expiries order the calls; stop disarms; starting again moves the expiry. */
static void
test_loop_timer_order_stop_and_restart(void **state)
{
	(void)state;
	trail[0] = '\0';
	timers[0] = loop_timer_new(loop, mark, "never");
	timers[1] = loop_timer_new(loop, rearm, "b");
	timers[2] = loop_timer_new(loop, on_fire, "c");
	loop_timer_start(timers[0], 1);
	loop_timer_start(timers[1], 10);
	loop_timer_start(timers[2], 1);
	loop_timer_stop(timers[0]);
	loop_timer_start(timers[2], 60000); /* moved behind b, which moves it back */
	loop_run(loop);
	assert_string_equal(trail, "bc");
	for (int i = 0; i < 3; i++)
		loop_timer_free(timers[i]);
}

/* ---- descriptors of the owner on loop_base ---- */

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)what;
	assert_int_equal(read(fd, &c, 1), 1);
	mark(arg);
	loop_defer(loop, stop, NULL);
}

static void
test_loop_base_carries_other_events(void **state)
{
	int fds[2];

	(void)state;
	trail[0] = '\0';
	assert_int_equal(pipe(fds), 0);
	struct event *ev = event_new(loop_base(loop), fds[0], EV_READ, on_readable, "r");
	event_add(ev, NULL);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_run(loop);
	assert_string_equal(trail, "r");
	event_free(ev);
	close(fds[0]);
	close(fds[1]);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(test_loop_post_from_threads),
		LOOP_TEST(test_loop_post_from_itself),
		cmocka_unit_test(test_loop_free_runs_the_mailbox),
		LOOP_TEST(test_loop_run_until_stop),
		cmocka_unit_test(test_loop_stop_from_two_threads),
		LOOP_TEST(test_loop_thread_has_name_and_no_signals),
		cmocka_unit_test(test_loop_assert),
		LOOP_TEST(test_loop_defer),
		LOOP_TEST(test_loop_defer_many),
		LOOP_TEST(test_loop_timer_is_never_early),
		LOOP_TEST(test_loop_timer_counts_from_its_start),
		LOOP_TEST(test_loop_timer_order_stop_and_restart),
		LOOP_TEST(test_loop_base_carries_other_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
