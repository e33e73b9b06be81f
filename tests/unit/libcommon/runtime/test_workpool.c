/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "libcommon/base/compiler.h"
#include "libcommon/runtime/workpool.h"
#include "tests/support/testkit.h"

/* A job that says it has begun and holds its worker until the gate opens. */
struct held {
	struct testkit_latch *begun, *gate;
};

static void
hold(void *arg)
{
	struct held *h = arg;

	testkit_latch_down(h->begun);
	testkit_latch_wait_for(h->gate, 20000);
}

static struct held
held_new(unsigned n)
{
	return (struct held){ testkit_latch_new(n), testkit_latch_new(1) };
}

static void
held_free(struct held *h)
{
	testkit_latch_free(h->begun);
	testkit_latch_free(h->gate);
}

static void
add_one(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void
down(void *arg)
{
	testkit_latch_down(arg);
}

enum { SENDERS = 4, EACH = 20000 };

struct sender {
	struct workpool *wp;
	atomic_int *done;
	int accepted, refused;
};

static void *
send_jobs(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < EACH; i++) {
		if (workpool_submit(s->wp, (unsigned)i % 3, add_one, s->done))
			s->accepted++;
		else
			s->refused++;
	}
	return NULL;
}

/* Each accepted job runs once, whatever was refused meanwhile. */
static void
test_workpool_runs_what_it_accepts(void **state)
{
	static const struct workpool_class classes[] = { { "slow", 50 }, { "export", 1 } };
	struct workpool *wp = workpool_new("t", 8, 64, classes, 2);
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	struct workpool_stats stats;
	atomic_int done = 0;
	unsigned long long accepted = 0, refused = 0;

	(void)state;
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .wp = wp, .done = &done };
		pthread_create(&threads[i], NULL, send_jobs, &senders[i]);
	}
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(threads[i], NULL);
		accepted += (unsigned)senders[i].accepted;
		refused += (unsigned)senders[i].refused;
	}
	assert_true(workpool_drain(wp, deadline_in(20000)));
	assert_int_equal(atomic_load(&done), accepted);
	workpool_stats(wp, &stats);
	assert_int_equal(stats.done, accepted);
	assert_int_equal(stats.refused, refused);
	assert_int_equal(stats.workers, 8);
	assert_int_equal(stats.busy + stats.queued, 0);
	assert_true(accepted > 0);
	workpool_free(wp);
}

/* A class whose jobs all hang holds its share of the workers, and no more. */
static void
test_workpool_slow_class_leaves_workers(void **state)
{
	static const struct workpool_class classes[] = { { "slow", 50 } };
	struct workpool *wp = workpool_new("t", 4, 100, classes, 1);
	unsigned slow = workpool_class_find(wp, "slow");
	struct held h = held_new(2), rest = { testkit_latch_new(18), h.gate };
	struct testkit_latch *other = testkit_latch_new(50);
	struct workpool_stats stats;

	(void)state;
	assert_int_equal(slow, 1);
	assert_int_equal(workpool_class_find(wp, "default"), 0);
	assert_int_equal(workpool_class_find(wp, "unknown"), 0);
	assert_int_equal(workpool_class_find(wp, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_true(workpool_submit(wp, slow, hold, &h));
	for (int i = 0; i < 18; i++)
		assert_true(workpool_submit(wp, slow, hold, &rest));
	LATCH_WAIT(h.begun);
	for (int i = 0; i < 50; i++)
		assert_true(workpool_submit(wp, 0, down, other));
	LATCH_WAIT(other); /* all default jobs ended while the slow ones hang */
	assert_false(testkit_latch_wait_for(rest.begun, 0));
	workpool_stats(wp, &stats);
	assert_int_equal(stats.queued, 18);
	assert_in_range(stats.busy, 2, 4);
	testkit_latch_down(h.gate);
	LATCH_WAIT(rest.begun); /* and the waiting ones run when there is room */
	workpool_free(wp);
	testkit_latch_free(rest.begun);
	testkit_latch_free(other);
	held_free(&h);
}

/* The queue, and a class' share of it, are bounded; refusing takes no time. */
static void
test_workpool_refuses_when_full(void **state)
{
	static const struct workpool_class classes[] = { { "slow", 25 } };
	struct workpool *wp = workpool_new("t", 4, 8, classes, 1);
	struct held h = held_new(4);
	struct workpool_stats stats;
	atomic_int done = 0;

	(void)state;
	assert_true(workpool_submit(wp, 1, hold, &h));
	for (int i = 0; i < 3; i++)
		assert_true(workpool_submit(wp, 0, hold, &h));
	LATCH_WAIT(h.begun);
	/* 25 % of 8 may wait in "slow", 8 altogether. */
	for (int i = 0; i < 2; i++)
		assert_true(workpool_submit(wp, 1, add_one, &done));
	assert_false(workpool_submit(wp, 1, add_one, &done));
	for (int i = 0; i < 6; i++)
		assert_true(workpool_submit(wp, 0, add_one, &done));
	assert_false(workpool_submit(wp, 0, add_one, &done));
	assert_false(workpool_submit(wp, 99, add_one, &done)); /* an unknown class is "default" */
	workpool_stats(wp, &stats);
	assert_int_equal(stats.queued, 8);
	assert_int_equal(stats.refused, 3);
	assert_int_equal(stats.busy, 4);
	testkit_latch_down(h.gate);
	assert_true(workpool_drain(wp, deadline_in(20000)));
	assert_int_equal(atomic_load(&done), 8);
	workpool_free(wp);
	held_free(&h);
}

static void
append(void *arg)
{
	static char text[16];
	size_t n = strlen(text);

	text[n] = *(char *)arg;
	if (text[n] == '.')
		assert_string_equal(text, "adbecf.");
}

/* One worker: within a class in order, between classes in turn. */
static void
test_workpool_order(void **state)
{
	static const struct workpool_class classes[] = { { "x", 100 } };
	struct workpool *wp = workpool_new("t", 1, 16, classes, 1);
	struct held h = held_new(1);

	(void)state;
	assert_true(workpool_submit(wp, 1, hold, &h));
	LATCH_WAIT(h.begun);
	for (const char *p = "abc"; *p != '\0'; p++)
		assert_true(workpool_submit(wp, 0, append, (void *)(uintptr_t)p));
	for (const char *p = "def."; *p != '\0'; p++)
		assert_true(workpool_submit(wp, 1, append, (void *)(uintptr_t)p));
	testkit_latch_down(h.gate);
	assert_true(workpool_drain(wp, deadline_in(20000)));
	workpool_free(wp);
	held_free(&h);
}

static void
test_workpool_drain_deadline(void **state)
{
	struct workpool *wp = workpool_new("t", 2, 16, NULL, 0);
	struct held h = held_new(1);
	atomic_int done = 0;

	(void)state;
	assert_true(workpool_submit(wp, 0, hold, &h));
	LATCH_WAIT(h.begun);
	assert_false(workpool_drain(wp, deadline_in(20)));
	assert_false(workpool_submit(wp, 0, add_one, &done)); /* draining: the door is shut */
	assert_false(workpool_drain(wp, deadline_in(0)));
	testkit_latch_down(h.gate);
	assert_true(workpool_drain(wp, deadline_in(20000)));
	assert_true(workpool_drain(wp, deadline_in(0)));
	workpool_free(wp);
	held_free(&h);
}

/* Also under a frozen clock a drain ends. */
static void
test_workpool_drain_with_fake_clock(void **state)
{
	struct workpool *wp = workpool_new("t", 1, 16, NULL, 0);
	struct held h = held_new(1);

	(void)state;
	assert_true(workpool_submit(wp, 0, hold, &h));
	LATCH_WAIT(h.begun);
	assert_false(workpool_drain(wp, deadline_in(10)));
	testkit_latch_down(h.gate);
	workpool_free(wp);
	held_free(&h);
}

/* free without drain: what is queued still runs, so no argument leaks. */
static void
test_workpool_free_runs_the_queue(void **state)
{
	static const struct workpool_class classes[] = { { "one", 1 } };
	struct workpool *wp = workpool_new("t", 3, 200, classes, 1);
	atomic_int done = 0;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_true(workpool_submit(wp, 1, add_one, &done));
	for (int i = 0; i < 100; i++)
		assert_true(workpool_submit(wp, 0, add_one, &done));
	workpool_free(wp);
	assert_int_equal(atomic_load(&done), 102);
	workpool_free(NULL);
}

static atomic_bool was_worker;
static sigset_t worker_mask;

static void
look(void *arg)
{
	(void)arg;
	atomic_store(&was_worker, workpool_is_worker());
	pthread_sigmask(SIG_SETMASK, NULL, &worker_mask);
	ASSERT_WORKER();
}

static void
child_assert(void *arg)
{
	(void)arg;
	ASSERT_WORKER();
}

static void
test_workpool_worker_threads(void **state)
{
	struct workpool *wp = workpool_new("a-long-pool-name", 2, 16, NULL, 0);
	char *text;

	(void)state;
	assert_true(workpool_submit(wp, 0, look, NULL));
	assert_true(workpool_drain(wp, deadline_in(20000)));
	workpool_free(wp);
	assert_true(atomic_load(&was_worker));
	assert_false(workpool_is_worker());
	assert_true(sigismember(&worker_mask, SIGTERM));
	assert_true(WIFSIGNALED(testkit_fork(child_assert, NULL, &text)));
	ASSERT_CONTAINS(text, "not on a worker thread");
	free(text);
}

static void
test_workpool_default_size(void **state)
{
	unsigned n = workpool_default_workers();

	(void)state;
	assert_true(workpool_cpus() >= 1);
	assert_true(n >= 16 && n <= 256);
	if (workpool_cpus() <= 16)
		assert_int_equal(n, 16 * workpool_cpus());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workpool_runs_what_it_accepts),
		cmocka_unit_test(test_workpool_slow_class_leaves_workers),
		cmocka_unit_test(test_workpool_refuses_when_full),
		cmocka_unit_test(test_workpool_order),
		cmocka_unit_test(test_workpool_drain_deadline),
		cmocka_unit_test_setup_teardown(test_workpool_drain_with_fake_clock,
						testkit_clock_setup, testkit_clock_teardown),
		cmocka_unit_test(test_workpool_free_runs_the_queue),
		cmocka_unit_test(test_workpool_worker_threads),
		cmocka_unit_test(test_workpool_default_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
