/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - a fixed number of places for connections, leased under a deadline.
 *
 *	struct lease *lease = lease_acquire(pool, deadline);
 *	if (lease == NULL)
 *		… none came free in time …
 *	if (lease->item == NULL)
 *		lease->item = connect();
 *	lease_release(pool, lease);
 *
 * A place that is free is given out last-used first, so that few connections stay warm; who
 * waits is served first come, first served, and gets the place from the hand of who releases
 * it.
 *
 * Ownership: the pool owns the places; `item` belongs to the leaseholder while leased, to the
 *            pool while not.
 * Threads:   any. Waiters are bounded by the number of threads that may block.
 */
#ifndef FIT_STORE_LEASE_H
#define FIT_STORE_LEASE_H

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"

struct lease_pool;

struct lease {
	void *item; /* NULL: nothing is connected in this place */
	struct lease *next;
};

struct lease_stats {
	unsigned size, leased, waiting;
	unsigned long long refused; /* acquires that ended without a place */
};

struct lease_pool *lease_pool_new(unsigned size);
/* free_item runs for each item that is not NULL. A lease that is still out is a panic. */
void lease_pool_free(struct lease_pool *pool, void (*free_item)(void *item));
/* NULL when no place came free before the deadline. */
struct lease *lease_acquire(struct lease_pool *pool, struct deadline deadline) MUST_CHECK;
void lease_release(struct lease_pool *pool, struct lease *lease);
void lease_pool_stats(struct lease_pool *pool, struct lease_stats *ret_stats);

#endif
