/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_admin.h - looking at the bus and repairing it: lag, tail, rewind, dead letters; for fitctl
 * and tests.
 *
 *	st = bus_lag(bus, deadline, arena, &rows, &n, &err);
 *	st = bus_dlq_list(bus, deadline, "notification", 0, 50, arena, &dead, &n, &err);
 *	st = bus_dlq_replay(bus, deadline, seq, &err);
 *
 * A replay goes to the group that the message failed in, and no other.
 *
 * Ownership: results live in the arena.
 * Threads:   any.
 * Errors:    NOT_FOUND (no such dead letter, topic or group), others as bus.h; UNIMPLEMENTED where
 *            a driver has other tools for it.
 */
#ifndef FIT_BUS_BUS_ADMIN_H
#define FIT_BUS_BUS_ADMIN_H

#include "libcommon/base/arena.h"
#include "libcommon/bus/bus.h"

#define BUS_LIST_MAX 1000

/* A partition as a group sees it. */
struct bus_lag {
	const char *group, *topic, *owner; /* owner "": nobody reads it now */
	int32_t partition;
	int64_t committed, head; /* next offset to read, to write */
	int64_t retries;         /* of the whole group and topic, shown with partition 0 */
};

struct bus_dead {
	int64_t seq; /* what replay and drop name */
	int64_t dead_ms;
	struct bus_message message; /* attempt, error, group are set */
};

/* The newest: from then on. */
#define BUS_FROM_END INT64_MAX

struct bus_admin_driver {
	enum status (*migrate)(const char *owner_address, const char *password,
			       struct deadline deadline, struct err *err);
	enum status (*lag)(void *driver, struct deadline deadline, struct arena *arena,
			   struct bus_lag **ret_rows, size_t *ret_n, struct err *err);
	enum status (*tail)(void *driver, struct deadline deadline, const char *topic,
			    int32_t partition, int64_t *offset, size_t max, struct arena *arena,
			    struct bus_message **ret_messages, size_t *ret_n, struct err *err);
	enum status (*partitions)(void *driver, struct deadline deadline, const char *topic,
				  int32_t *ret_n, struct err *err);
	enum status (*rewind)(void *driver, struct deadline deadline, const char *group,
			      const char *topic, struct err *err);
	enum status (*dlq_list)(void *driver, struct deadline deadline, const char *group,
				int64_t after, size_t max, struct arena *arena,
				struct bus_dead **ret_rows, size_t *ret_n, struct err *err);
	enum status (*dlq_replay)(void *driver, struct deadline deadline, int64_t seq,
				  struct err *err);
	enum status (*dlq_drop)(void *driver, struct deadline deadline, int64_t seq,
				struct err *err);
};

/* Makes or updates what the driver keeps, as the owner: url "pg:<libpq URI of the owner>". */
enum status bus_migrate(const char *owner_url, const char *password, struct deadline deadline,
			struct err *err) MUST_CHECK;
enum status bus_lag(struct bus *bus, struct deadline deadline, struct arena *arena,
		    struct bus_lag **ret_rows, size_t *ret_n, struct err *err) MUST_CHECK;
enum status bus_partitions(struct bus *bus, struct deadline deadline, const char *topic,
			   int32_t *ret_n, struct err *err) MUST_CHECK;
/* At most `max` messages from *offset on, which moves behind them; BUS_FROM_END only sets it.
 * Outside of any group. */
enum status bus_tail(struct bus *bus, struct deadline deadline, const char *topic,
		     int32_t partition, int64_t *offset, size_t max, struct arena *arena,
		     struct bus_message **ret_messages, size_t *ret_n, struct err *err) MUST_CHECK;
/* The group reads the topic again from the oldest message that is kept; its members notice by
 * themselves. */
enum status bus_rewind(struct bus *bus, struct deadline deadline, const char *group,
		       const char *topic, struct err *err) MUST_CHECK;
/* Oldest first, with seq > after; group NULL: all. */
enum status bus_dlq_list(struct bus *bus, struct deadline deadline, const char *group,
			 int64_t after, size_t max, struct arena *arena, struct bus_dead **ret_rows,
			 size_t *ret_n, struct err *err) MUST_CHECK;
/* The message is due at once in its group, with attempts counted anew. */
enum status bus_dlq_replay(struct bus *bus, struct deadline deadline, int64_t seq,
			   struct err *err) MUST_CHECK;
enum status bus_dlq_drop(struct bus *bus, struct deadline deadline, int64_t seq,
			 struct err *err) MUST_CHECK;

#endif
