/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_pg_private.h - what the files of the driver `pg` share; no other code includes it.
 *
 * Ownership: a bus_pg owns its pool, its topics and the listening thread; its members are their
 *            consumers', who leave before it is closed. A batch's pieces live in the arena
 *            given to next().
 * Threads:   workers in next, settle and pause; a member's own thread renews and looks; the
 *            listening thread hands on wake-ups. bus_pg.mutex is taken before a member's, never
 *            the other way round, and neither is held while a statement runs.
 */
#ifndef FIT_BUS_BUS_PG_PRIVATE_H
#define FIT_BUS_BUS_PG_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "libcommon/bus/bus_driver.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/pg_listen.h"

#define BUS_PG_CALL_MS 5000 /* of a statement that has no caller's deadline */
#define BUS_PG_TOPICS_MAX 64
#define BUS_PG_FETCH_BYTES (4 << 20)
#define BUS_PG_CRASHES_MAX 3 /* a message that, alone, ended so many processes is put aside */

/* Bits of the wake-up. */
enum { BUS_PG_WAKE_DATA = 1, BUS_PG_WAKE_GROUP = 2 };

struct bus_pg_topic {
	char *name;
	int64_t id;
	int64_t partitions;
};

struct bus_pg {
	struct pg_pool *pool;
	pthread_mutex_t mutex;                         /* of what follows */
	struct bus_pg_topic topics[BUS_PG_TOPICS_MAX]; /* entries never change once there */
	size_t ntopics;
	int64_t topics_loaded_ms;
	struct bus_member *members;
	struct pg_listen *listen;
	_Atomic int64_t maintain_at_ms;
};

enum bus_pg_state {
	PART_FOREIGN, /* another member's, or nobody's */
	PART_FREE,    /* ours, at rest */
	PART_OUT,     /* ours, its batch is with a worker */
	PART_LOST,    /* was ours; its batch is still with a worker and will not settle */
};

struct bus_pg_part {
	const struct bus_pg_topic *topic;
	int64_t part;
	enum bus_pg_state state;
	bool give_back; /* a renewal that is under way may release it */
	bool leaving; /* more than our share: does not go out again, the next renewal releases it */
	int64_t epoch;
	int64_t position, head; /* next to read, next to be written */
	int64_t careful_until;  /* below: careful_n at a time, marked before they are handled */
	int64_t careful_n;
	unsigned failures;
	int64_t rest_until_ms;
	int64_t filled_ms; /* when it was first seen to have something; 0: it has not */
	int64_t out_ms;    /* since when its batch is out */
};

struct bus_member {
	struct bus_member *next; /* in bus_pg.members */
	struct bus_pg *bus;
	struct uuid id;
	char *group;
	size_t ntopics;
	const struct bus_pg_topic *topics[BUS_PG_TOPICS_MAX];
	char *topic_ids; /* "{1,2}" */
	char *topic_names[BUS_PG_TOPICS_MAX];
	size_t batch_max;
	bool mixed; /* batches of several partitions */
	int64_t linger_ms, handle_timeout_ms, lease_ms;
	pthread_t thread;
	atomic_uint hints; /* BUS_PG_WAKE_… not looked at yet */

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t work;   /* for next() */
	pthread_cond_t todo;   /* for the member's own thread */
	struct bus_pg_part *parts;
	size_t nparts, cursor;
	int64_t retry_due_ms; /* monotonic; INT64_MAX: none is known of */
	int64_t retry_out_ms; /* since when one is being handled; 0: none is */
	bool sync_wanted, interrupted, leaving;
};

/* What a batch has of one partition: `n` messages from `first` on. */
struct bus_pg_piece {
	struct bus_pg_part *part;
	int64_t epoch, position, head, max; /* when it was picked */
	size_t first, n;
	bool is_settled; /* its commit found us to be the owner */
};

/* Of a batch that is out. */
struct bus_pg_out {
	struct bus_pg_piece *pieces;
	size_t npieces;       /* 0: a retry */
	bool is_marked;       /* read with care: one piece */
	int64_t seq, attempt; /* of the retry row */
};

/* bus_pg.c */
void bus_pg_wake(struct bus_pg *bus, unsigned bits);
/* NOT_FOUND, as INVALID_ARGUMENT, for an unknown topic. */
enum status bus_pg_find_topic(struct bus_pg *bus, struct deadline deadline, const char *name,
			      const struct bus_pg_topic **ret_topic, struct err *err) MUST_CHECK;
/* The topic of an id that a row holds; "?" when it is not known. */
const char *bus_pg_topic_name(struct bus_pg *bus, int64_t id);

/* bus_group_pg.c */
/* First in a transaction that changes who is in the group, or who has what. */
enum status bus_pg_lock_group(struct pg_tx *tx, const struct bus_member *member,
			      struct err *err) MUST_CHECK;
/* Renews the lease, and takes and gives back partitions. */
enum status bus_pg_sync(struct bus_member *member, struct arena *arena, struct err *err) MUST_CHECK;

/* bus_member_pg.c */
enum status bus_pg_join(void *driver, const struct bus_member_options *opts,
			struct bus_member **ret_member, struct err *err) MUST_CHECK;
void bus_pg_interrupt(struct bus_member *member);
void bus_pg_leave(struct bus_member *member);

/* bus_fetch_pg.c */
enum status bus_pg_next(struct bus_member *member, struct deadline deadline, struct arena *arena,
			struct bus_batch *ret_batch, struct err *err) MUST_CHECK;
/* A partition is at rest again, unless it was lost meanwhile; under the mutex. */
void bus_pg_come_back(struct bus_member *member, struct bus_pg_part *part);
/* Columns "offset", id, key, type, source, time, traceparent, value from `col` on. */
void bus_pg_read_message(const struct pg_result *res, int row, int col,
			 struct bus_message *ret_message);

/* bus_settle_pg.c */
enum status bus_pg_settle(struct bus_member *member, struct bus_batch *batch, size_t n,
			  const struct bus_aside *asides, size_t nasides,
			  struct err *err) MUST_CHECK;
void bus_pg_pause(struct bus_member *member, struct bus_batch *batch, int64_t ms);

/* bus_admin_pg.c */
extern const struct bus_admin_driver bus_pg_admin;

/* An instant of clock_mono_ms(), for pthread_cond_timedwait on CLOCK_MONOTONIC. */
struct timespec bus_pg_timespec(int64_t mono_ms);

#endif
