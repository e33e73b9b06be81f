/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_consumer.c - the loop around a handler, over a driver that hands out what the test says and
 * notes what comes back.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/bus/bus_driver.h"
#include "libcommon/bus/consumer.h"
#include "tests/support/testkit.h"

#define MAX 64

/* One batch, and what became of it. */
static struct fake {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct bus_message messages[MAX];
	size_t n;
	unsigned failures;
	bool is_retry, is_suspect, given, interrupted, left;
	/* What the handler does. */
	enum status answer[MAX]; /* to a batch that holds this message */
	size_t calls;
	/* What came back. */
	bool is_settled, is_paused;
	size_t done, nasides;
	struct bus_aside asides[MAX];
	char errors[MAX][128];
	int64_t pause_ms;
} fake = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static enum status
fake_join(void *driver, const struct bus_member_options *opts, struct bus_member **ret_member,
	  struct err *err)
{
	(void)driver;
	(void)opts;
	(void)err;
	*ret_member = (struct bus_member *)(void *)&fake;
	return STATUS_OK;
}

static enum status
fake_next(struct bus_member *member, struct deadline deadline, struct arena *arena,
	  struct bus_batch *ret_batch, struct err *err)
{
	(void)member;
	(void)deadline;
	(void)arena;
	pthread_mutex_lock(&fake.mutex);
	while (fake.given && !fake.interrupted)
		pthread_cond_wait(&fake.changed, &fake.mutex);
	bool first = !fake.given;
	fake.given = true;
	pthread_mutex_unlock(&fake.mutex);
	if (!first)
		return err_set(err, STATUS_CANCELLED, "interrupted");
	*ret_batch = (struct bus_batch){ .messages = fake.messages,
					 .n = fake.n,
					 .failures = fake.failures,
					 .is_retry = fake.is_retry,
					 .is_suspect = fake.is_suspect };
	return STATUS_OK;
}

static enum status
fake_settle(struct bus_member *member, struct bus_batch *batch, size_t n,
	    const struct bus_aside *asides, size_t nasides, struct err *err)
{
	(void)member;
	(void)batch;
	(void)err;
	pthread_mutex_lock(&fake.mutex);
	fake.done = n;
	fake.nasides = nasides;
	for (size_t i = 0; i < nasides; i++) {
		fake.asides[i] = asides[i];
		snprintf(fake.errors[i], sizeof(fake.errors[i]), "%s", asides[i].error);
	}
	fake.is_settled = true;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.mutex);
	return STATUS_OK;
}

static void
fake_pause(struct bus_member *member, struct bus_batch *batch, int64_t ms)
{
	(void)member;
	(void)batch;
	pthread_mutex_lock(&fake.mutex);
	fake.pause_ms = ms;
	fake.is_paused = true;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.mutex);
}

static void
fake_interrupt(struct bus_member *member)
{
	(void)member;
	pthread_mutex_lock(&fake.mutex);
	fake.interrupted = true;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.mutex);
}

static void
fake_leave(struct bus_member *member)
{
	(void)member;
	fake.left = true;
}

static const struct bus_driver fake_driver = {
	.join = fake_join,
	.next = fake_next,
	.settle = fake_settle,
	.pause = fake_pause,
	.interrupt = fake_interrupt,
	.leave = fake_leave,
};

/* Instead of bus.c. */
const struct bus_driver *
bus_driver_of(const struct bus *bus)
{
	(void)bus;
	return &fake_driver;
}

int64_t
bus_lease(const struct bus *bus)
{
	(void)bus;
	return BUS_LEASE_MS;
}

void *
bus_self(const struct bus *bus)
{
	(void)bus;
	return NULL;
}

static enum status
on_events(void *ctx, const struct bus_message *messages, size_t n, struct arena *arena,
	  struct deadline deadline, struct err *err)
{
	(void)ctx;
	(void)arena;
	(void)deadline;
	fake.calls++;
	for (size_t i = 0; i < n; i++) {
		enum status st = fake.answer[messages[i].offset];

		if (st != STATUS_OK)
			return err_set(err, st, "message %d", (int)messages[i].offset);
	}
	return STATUS_OK;
}

static void
set_up(size_t n)
{
	fake.n = n;
	fake.failures = 0;
	fake.is_retry = fake.is_suspect = fake.given = fake.interrupted = fake.left = false;
	fake.is_settled = fake.is_paused = false;
	fake.calls = fake.done = fake.nasides = 0;
	memset(fake.answer, 0, sizeof(fake.answer));
	for (size_t i = 0; i < n; i++)
		fake.messages[i] = (struct bus_message){
			.topic = "t", .type = "x", .source = "test", .offset = (int64_t)i
		};
}

/* Runs the batch to its end. */
static void
run(void)
{
	static const char *const topics[] = { "t", NULL };
	const struct consumer_def def = { .group = "g",
					  .topics = topics,
					  .handle = on_events,
					  .attempts_max = 3,
					  .retry_ms = 1000 };
	struct consumer *consumer;
	struct err err;

	err_init(&err);
	ASSERT_OK(consumer_start(NULL, &def, NULL, &consumer, &err), &err);
	pthread_mutex_lock(&fake.mutex);
	while (!fake.is_settled && !fake.is_paused)
		pthread_cond_wait(&fake.changed, &fake.mutex);
	pthread_mutex_unlock(&fake.mutex);
	assert_true(consumer_stop(consumer, deadline_in(20000)));
	assert_true(fake.left);
	consumer_free(consumer);
}

static void
test_consumer_settles_a_good_batch(void **state)
{
	(void)state;
	set_up(10);
	run();
	assert_int_equal(fake.calls, 1);
	assert_int_equal(fake.done, 10);
	assert_int_equal(fake.nasides, 0);
}

/* The bad ones are found alone, all others are applied, whatever their places. */
static void
test_consumer_isolates_poison(void **state)
{
	static const struct {
		size_t n;
		int bad[4];
		size_t nbad, calls_max;
	} cases[] = {
		{ 1, { 0 }, 1, 1 },          { 2, { 0 }, 1, 3 },          { 2, { 0, 1 }, 2, 3 },
		{ 7, { 6 }, 1, 7 },          { 64, { 0 }, 1, 13 },        { 64, { 63 }, 1, 13 },
		{ 64, { 3, 4, 40 }, 3, 31 }, { 5, { 0, 2, 3, 4 }, 4, 9 },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		set_up(cases[c].n);
		for (size_t i = 0; i < cases[c].nbad; i++)
			fake.answer[cases[c].bad[i]] = STATUS_INVALID_ARGUMENT;
		run();
		assert_false(fake.is_paused);
		assert_int_equal(fake.done, cases[c].n);
		assert_int_equal(fake.nasides, cases[c].nbad);
		for (size_t i = 0; i < cases[c].nbad; i++) {
			char want[64];

			snprintf(want, sizeof(want), "INVALID_ARGUMENT: message %d",
				 cases[c].bad[i]);
			assert_int_equal(fake.asides[i].index, cases[c].bad[i]);
			assert_false(fake.asides[i].dead);
			assert_in_range(fake.asides[i].due_in_ms, 500, 1000);
			assert_string_equal(fake.errors[i], want);
		}
		assert_true(fake.calls <= cases[c].calls_max);
	}
}

static void
test_consumer_pauses_when_the_world_is_away(void **state)
{
	static const struct {
		enum status st;
		unsigned failures;
		int64_t min, max;
	} cases[] = {
		{ STATUS_UNAVAILABLE, 0, 50, 100 },
		{ STATUS_DEADLINE_EXCEEDED, 1, 100, 200 },
		{ STATUS_ABORTED, 4, 800, 1600 },
		{ STATUS_RESOURCE_EXHAUSTED, 30, 15000, 30000 },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		set_up(5);
		fake.failures = cases[c].failures;
		fake.answer[0] = cases[c].st;
		run();
		assert_true(fake.is_paused);
		assert_false(fake.is_settled);
		assert_in_range(fake.pause_ms, cases[c].min, cases[c].max);
	}
}

/* The world goes away in the middle of looking for poison: what was applied by then is settled. */
static void
test_consumer_settles_what_it_can(void **state)
{
	(void)state;
	set_up(8);
	fake.answer[1] = STATUS_INTERNAL;
	fake.answer[5] = STATUS_UNAVAILABLE;
	run();
	assert_true(fake.is_settled);
	assert_int_equal(fake.done, 4);
	assert_int_equal(fake.nasides, 1);
	assert_int_equal(fake.asides[0].index, 1);
}

static void
test_consumer_gives_up_after_its_attempts(void **state)
{
	static const struct {
		unsigned attempt; /* made before */
		bool dead;
		int64_t min, max;
		size_t calls;
	} cases[] = {
		{ 1, false, 2000, 4000, 1 },
		{ 2, true, 0, INT64_C(600000), 1 },
		/* Its last attempt ended the process. */
		{ 3, true, 0, INT64_C(600000), 0 },
	};

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		set_up(1);
		fake.is_retry = true;
		fake.messages[0].attempt = cases[c].attempt;
		fake.answer[0] = STATUS_INTERNAL;
		run();
		assert_int_equal(fake.nasides, 1);
		assert_int_equal(fake.asides[0].dead, cases[c].dead);
		assert_in_range(fake.asides[0].due_in_ms, cases[c].min, cases[c].max);
		assert_int_equal(fake.calls, cases[c].calls);
	}
}

static void
test_consumer_does_not_touch_a_suspect(void **state)
{
	(void)state;
	set_up(1);
	fake.is_suspect = true;
	run();
	assert_int_equal(fake.calls, 0);
	assert_int_equal(fake.done, 1);
	assert_true(fake.asides[0].dead);
	ASSERT_CONTAINS(fake.errors[0], "ended the process");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consumer_settles_a_good_batch),
		cmocka_unit_test(test_consumer_isolates_poison),
		cmocka_unit_test(test_consumer_pauses_when_the_world_is_away),
		cmocka_unit_test(test_consumer_settles_what_it_can),
		cmocka_unit_test(test_consumer_gives_up_after_its_attempts),
		cmocka_unit_test(test_consumer_does_not_touch_a_suspect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
