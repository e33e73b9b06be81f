/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_store.h - the relay's view of a service's outbox; only relay.c includes it.
 *
 * Rows of one subject are read in the order of their commits: the subject's counter is locked from
 * before a row gets its `seq` until the commit, so no row with a lower one can appear later.
 *
 * Ownership: what is read lives in the arena; `source` is borrowed by the messages.
 * Threads:   the relay's. Errors: those of pg.h.
 * Limits:    a read takes at most `max` events, and ends with the one that passes 4 MiB.
 */
#ifndef FIT_BUS_RELAY_STORE_H
#define FIT_BUS_RELAY_STORE_H

#include "libcommon/base/arena.h"
#include "libcommon/bus/bus.h"
#include "libcommon/store/pg.h"

#define RELAY_SHARDS 16

struct relay_shards {
	unsigned n;
	char list[RELAY_SHARDS * 3 + 3]; /* "{0,1,2}" */
};

/* Renews the lease, takes and gives back shards so that the live relays have equal parts. */
enum status relay_store_renew(struct pg_pool *pg, struct deadline deadline,
			      const struct uuid *relay, int64_t lease_ms, struct arena *arena,
			      struct relay_shards *ret_shards, struct err *err) MUST_CHECK;
enum status relay_store_leave(struct pg_pool *pg, struct deadline deadline,
			      const struct uuid *relay, struct arena *arena,
			      struct err *err) MUST_CHECK;
/* Unsent events of the shards, in order, bounded by number and bytes; `source` goes into each. */
enum status relay_store_read(struct pg_pool *pg, struct deadline deadline,
			     const struct relay_shards *shards, const char *source, size_t max,
			     struct arena *arena, struct bus_message **ret_messages, size_t *ret_n,
			     struct err *err) MUST_CHECK;
enum status relay_store_mark(struct pg_pool *pg, struct deadline deadline,
			     const struct bus_message *const *messages, size_t n,
			     struct arena *arena, struct err *err) MUST_CHECK;
/* The bus refuses this one: it is tried again later, and the others go on. */
enum status relay_store_refuse(struct pg_pool *pg, struct deadline deadline, const struct uuid *id,
			       struct arena *arena, struct err *err) MUST_CHECK;
/* Age of the oldest unsent event in milliseconds; 0: there is none. */
enum status relay_store_age(struct pg_pool *pg, struct deadline deadline, struct arena *arena,
			    int64_t *ret_ms, struct err *err) MUST_CHECK;
/* Removes a bounded number of events sent more than RELAY_KEEP_DAYS ago. */
#define RELAY_KEEP_DAYS 7
enum status relay_store_purge(struct pg_pool *pg, struct deadline deadline, struct arena *arena,
			      struct err *err) MUST_CHECK;

#endif
