/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/store/lease.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "libcommon/base/status.h"

/* Lives on the stack of the thread that waits, linked while it does. */
struct waiter {
	pthread_cond_t cond;
	struct lease *lease; /* what the releaser handed over */
	struct waiter *next;
};

struct lease_pool {
	pthread_mutex_t mutex;
	struct lease *connected; /* free places with an item, last used first */
	struct lease *empty;     /* free places without */
	struct waiter *first, **last;
	unsigned size, nfree, nwaiting;
	unsigned long long refused;
	struct lease places[];
};

struct lease_pool *
lease_pool_new(unsigned size)
{
	struct lease_pool *pool = calloc(1, sizeof(*pool) + size * sizeof(struct lease));

	if (pool == NULL || size == 0)
		panic("lease: a pool of %u", size);
	pthread_mutex_init(&pool->mutex, NULL);
	pool->size = pool->nfree = size;
	pool->last = &pool->first;
	for (unsigned i = size; i-- > 0;) {
		pool->places[i].next = pool->empty;
		pool->empty = &pool->places[i];
	}
	return pool;
}

void
lease_pool_free(struct lease_pool *pool, void (*free_item)(void *item))
{
	if (pool == NULL)
		return;
	if (pool->nfree != pool->size)
		panic("lease: %u leases are out at the end", pool->size - pool->nfree);
	for (unsigned i = 0; i < pool->size; i++)
		if (pool->places[i].item != NULL)
			free_item(pool->places[i].item);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

static struct lease *
take_free(struct lease_pool *pool)
{
	struct lease **list = pool->connected != NULL ? &pool->connected : &pool->empty;
	struct lease *lease = *list;

	if (lease != NULL) {
		*list = lease->next;
		lease->next = NULL;
		pool->nfree--;
	}
	return lease;
}

static void
waiter_init(struct waiter *w)
{
	pthread_condattr_t attr;

	*w = (struct waiter){ 0 };
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void
waiter_unlink(struct lease_pool *pool, struct waiter *w)
{
	struct waiter **p = &pool->first;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (*p == NULL)
		pool->last = p;
	pool->nwaiting--;
}

static struct lease *
wait_in_line(struct lease_pool *pool, struct deadline deadline)
{
	struct waiter w;
	struct timespec until;
	int64_t ms = deadline_left_ms(deadline);

	if (ms == 0)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	waiter_init(&w);
	*pool->last = &w;
	pool->last = &w.next;
	pool->nwaiting++;
	while (w.lease == NULL)
		if (pthread_cond_timedwait(&w.cond, &pool->mutex, &until) != 0)
			break;
	/*
	 * Who was given a place has been taken off the line; a place given at the last moment
	 * counts.
	 */
	if (w.lease == NULL)
		waiter_unlink(pool, &w);
	pthread_cond_destroy(&w.cond);
	return w.lease;
}

struct lease *
lease_acquire(struct lease_pool *pool, struct deadline deadline)
{
	pthread_mutex_lock(&pool->mutex);
	struct lease *lease = take_free(pool);
	if (lease == NULL)
		lease = wait_in_line(pool, deadline);
	if (lease == NULL)
		pool->refused++;
	pthread_mutex_unlock(&pool->mutex);
	return lease;
}

void
lease_release(struct lease_pool *pool, struct lease *lease)
{
	pthread_mutex_lock(&pool->mutex);
	struct waiter *w = pool->first;
	if (w != NULL) {
		waiter_unlink(pool, w);
		w->lease = lease;
		pthread_cond_signal(&w->cond);
	} else {
		struct lease **list = lease->item != NULL ? &pool->connected : &pool->empty;

		lease->next = *list;
		*list = lease;
		pool->nfree++;
	}
	pthread_mutex_unlock(&pool->mutex);
}

void
lease_pool_stats(struct lease_pool *pool, struct lease_stats *ret_stats)
{
	pthread_mutex_lock(&pool->mutex);
	*ret_stats = (struct lease_stats){ .size = pool->size,
					   .leased = pool->size - pool->nfree,
					   .waiting = pool->nwaiting,
					   .refused = pool->refused };
	pthread_mutex_unlock(&pool->mutex);
}
