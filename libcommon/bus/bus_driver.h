/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_driver.h - what a driver of the bus provides; only libcommon/bus includes it.
 *
 * The generic code (consumer.c) knows no offsets and no leases: it asks a member for a batch of one
 * partition (or, `mixed`, of several), handles it, and settles it. How members share partitions,
 * how a message waits for its next attempt, and what ends a lease, is the driver's. A driver for
 * Kafka maps next() to rd_kafka_consumer_poll, settle() to a commit of last + 1 and to messages in
 * the topics NAME.retry and NAME.dlq.
 *
 * Ownership: a batch is the member's; its messages live in the arena given to next() until settle()
 *            or pause().
 * Threads:   next, settle and pause of one member may be called by several threads; a partition is
 *            in one batch at a time.
 */
#ifndef FIT_BUS_BUS_DRIVER_H
#define FIT_BUS_BUS_DRIVER_H

#include <stdbool.h>

#include "libcommon/base/arena.h"
#include "libcommon/bus/bus.h"
#include "libcommon/bus/bus_admin.h"

struct bus_member;

struct bus_member_options {
	const char *group;
	const char *const *topics; /* NULL-terminated */
	size_t batch_max;
	bool mixed; /* a batch may be of several partitions, one after the other */
	int64_t linger_ms;
	int64_t handle_timeout_ms; /* a batch that is out for much longer loses its lease */
	int64_t lease_ms;
};

struct bus_batch {
	struct bus_message *messages;
	size_t n;
	unsigned failures; /* pauses of its partition since the last batch that settled */
	bool is_retry;     /* one message that waited in .retry */
	bool is_suspect;   /* it has ended its reader so often that it is put aside unhandled */
	void *from;        /* the driver's */
};

/* A message of a settled batch that goes to .retry (due_in_ms from now) or, `dead`, to .dlq. */
struct bus_aside {
	size_t index;
	bool dead;
	int64_t due_in_ms;
	const char *error;
};

struct bus_driver {
	const char *scheme; /* of the URL, "pg" */
	enum status (*open)(const char *address, const char *password, void **ret_driver,
			    struct err *err);
	void (*close)(void *driver);
	enum status (*produce)(void *driver, struct deadline deadline,
			       const struct bus_message *messages, size_t n, struct err *err);

	enum status (*join)(void *driver, const struct bus_member_options *opts,
			    struct bus_member **ret_member, struct err *err);
	/*
	 * Waits for a batch until the deadline: NOT_FOUND when there was none, CANCELLED after
	 * interrupt(). Other errors: nothing was taken; the caller waits a little and asks again.
	 */
	enum status (*next)(struct bus_member *member, struct deadline deadline,
			    struct arena *arena, struct bus_batch *ret_batch, struct err *err);
	/*
	 * The first n messages are done, those of `asides` by going elsewhere, which is durable
	 * before the position moves. ABORTED: a partition has another owner by now, who gets its
	 * messages again; the others are settled. The batch is over whatever the outcome; what was
	 * not settled comes again.
	 */
	enum status (*settle)(struct bus_member *member, struct bus_batch *batch, size_t n,
			      const struct bus_aside *asides, size_t nasides, struct err *err);
	/* Nothing is done; the partition rests for so long. */
	void (*pause)(struct bus_member *member, struct bus_batch *batch, int64_t ms);
	/* All next() return CANCELLED from now on. */
	void (*interrupt)(struct bus_member *member);
	/* Gives the partitions back and frees the member; no batch is out. */
	void (*leave)(struct bus_member *member);

	const struct bus_admin_driver *admin;
};

/* The one array of drivers, ended by NULL: bus.c. */
extern const struct bus_driver *const bus_drivers[];
extern const struct bus_driver bus_pg_driver;

/* consumer.c: what a member still has to read of a topic, for the metric. */
void bus_show_lag(const char *group, const char *topic, int64_t lag);
/* For the other files of libcommon/bus. */
const struct bus_driver *bus_driver_of(const struct bus *bus);
void *bus_self(const struct bus *bus);

#endif
