/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "libcommon/store/lease.h"

static void
free_item(void *item)
{
	++*(int *)item;
}

static void
test_lease_last_used_first(void **state)
{
	struct lease_pool *pool = lease_pool_new(3);
	struct lease *a = lease_acquire(pool, deadline_in(0)),
		     *b = lease_acquire(pool, deadline_in(0));
	int freed[2] = { 0 };

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_null(a->item);
	a->item = &freed[0];
	b->item = &freed[1];
	lease_release(pool, a);
	lease_release(pool, b);
	/* b came back last; the empty third place is not touched while a connection is free. */
	assert_ptr_equal(b, lease_acquire(pool, deadline_in(0)));
	assert_ptr_equal(a, lease_acquire(pool, deadline_in(0)));
	struct lease *c = lease_acquire(pool, deadline_in(0));
	assert_non_null(c);
	assert_null(c->item);
	lease_release(pool, a);
	lease_release(pool, b);
	lease_release(pool, c);
	lease_pool_free(pool, free_item);
	assert_int_equal(1, freed[0]);
	assert_int_equal(1, freed[1]);
}

static void
test_lease_refuses_at_deadline(void **state)
{
	struct lease_pool *pool = lease_pool_new(1);
	struct lease *only = lease_acquire(pool, deadline_in(0));
	struct lease_stats stats;
	int64_t start = clock_mono_ms();

	(void)state;
	assert_null(lease_acquire(pool, deadline_in(0)));
	assert_null(lease_acquire(pool, deadline_in(50)));
	assert_true(clock_mono_ms() - start >= 49);
	lease_pool_stats(pool, &stats);
	assert_int_equal(1, stats.size);
	assert_int_equal(1, stats.leased);
	assert_int_equal(0, stats.waiting);
	assert_int_equal(2, stats.refused);
	lease_release(pool, only);
	assert_ptr_equal(only, lease_acquire(pool, deadline_in(0)));
	lease_release(pool, only);
	lease_pool_free(pool, free_item);
	lease_pool_free(NULL, free_item);
}

struct line {
	struct lease_pool *pool;
	atomic_int served;
	int order[4];
};

struct waiter {
	struct line *line;
	int number;
	pthread_t thread;
};

static void *
wait_in_line(void *arg)
{
	struct waiter *w = arg;
	struct lease *lease = lease_acquire(w->line->pool, deadline_in(20000));

	w->line->order[atomic_fetch_add(&w->line->served, 1)] = w->number;
	lease_release(w->line->pool, lease);
	return NULL;
}

/* Who waits longest is served first. */
static void
test_lease_waiters_in_order(void **state)
{
	struct line line = { .pool = lease_pool_new(1) };
	struct lease *only = lease_acquire(line.pool, deadline_in(0));
	struct waiter waiters[4];
	struct lease_stats stats;

	(void)state;
	for (int i = 0; i < 4; i++) {
		waiters[i] = (struct waiter){ .line = &line, .number = i };
		pthread_create(&waiters[i].thread, NULL, wait_in_line, &waiters[i]);
		for (int k = 0;; k++) { /* until it stands in the line */
			assert_true(k < 10000);
			lease_pool_stats(line.pool, &stats);
			if (stats.waiting == (unsigned)i + 1)
				break;
			usleep(1000);
		}
	}
	lease_release(line.pool, only);
	for (int i = 0; i < 4; i++)
		pthread_join(waiters[i].thread, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(i, line.order[i]);
	lease_pool_free(line.pool, free_item);
}

struct crowd {
	struct lease_pool *pool;
	atomic_int inside, most, refused, done;
};

static void *
come_and_go(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 2000; i++) {
		struct lease *lease =
			lease_acquire(c->pool, deadline_in(i % 3)); /* some time out */

		if (lease == NULL) {
			atomic_fetch_add(&c->refused, 1);
			continue;
		}
		int now = atomic_fetch_add(&c->inside, 1) + 1, most = atomic_load(&c->most);
		while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
			;
		/* `item` is the leaseholder's: a race here is one for the thread sanitizer. */
		lease->item = lease->item == NULL ? c : NULL;
		atomic_fetch_sub(&c->inside, 1);
		atomic_fetch_add(&c->done, 1);
		lease_release(c->pool, lease);
	}
	return NULL;
}

static void
ignore_item(void *item)
{
	(void)item;
}

static void
test_lease_many_threads(void **state)
{
	struct crowd c = { .pool = lease_pool_new(3) };
	pthread_t threads[8];
	struct lease_stats stats;

	(void)state;
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, come_and_go, &c);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&c.most), 1, 3);
	assert_int_equal(8 * 2000, atomic_load(&c.done) + atomic_load(&c.refused));
	lease_pool_stats(c.pool, &stats);
	assert_int_equal(0, stats.leased);
	assert_int_equal(0, stats.waiting);
	assert_int_equal(atomic_load(&c.refused), stats.refused);
	lease_pool_free(c.pool, ignore_item);
}

static void
free_too_early(void *arg)
{
	struct lease_pool *pool = lease_pool_new(1);

	(void)arg;
	if (lease_acquire(pool, deadline_in(0)) != NULL)
		lease_pool_free(pool, ignore_item);
}

static void
test_lease_out_at_the_end_panics(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_not_equal(0, testkit_fork(free_too_early, NULL, &text));
	ASSERT_CONTAINS(text, "1 leases are out");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease_last_used_first),
		cmocka_unit_test(test_lease_refuses_at_deadline),
		cmocka_unit_test(test_lease_waiters_in_order),
		cmocka_unit_test(test_lease_many_threads),
		cmocka_unit_test(test_lease_out_at_the_end_panics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
