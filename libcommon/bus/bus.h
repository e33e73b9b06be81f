/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.h - topics with partitions, keys, groups and offsets: what Kafka offers, over a driver.
 *
 *	st = bus_open("pg:postgresql://fit_bus@127.0.0.1:7432/fitness", password, &bus, &err);
 *	st = bus_produce(bus, deadline, messages, n, &err);
 *
 * A message is an event: key = user id, value = protobuf fit.<service>.v1.Event, CloudEvents 1.0
 * attributes beside it (ce_id, ce_type, ce_source, ce_time, traceparent), as headers in Kafka and
 * columns in PostgreSQL.
 *
 * Promise: at least once; in order per key and topic, except for what took a detour over `.retry`.
 * Every consumer applies an id once. A produce that was acknowledged is durable; one whose answer
 * was lost may be there twice, under the same id.
 *
 * Ownership: a bus is shared by a process.
 * Threads:   any.
 * Errors:    UNAVAILABLE (driver away, try again), RESOURCE_EXHAUSTED (bounded buffers full),
 *            INVALID_ARGUMENT (unknown topic, too large: BUS_VALUE_MAX).
 */
#ifndef FIT_BUS_BUS_H
#define FIT_BUS_BUS_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

#define BUS_VALUE_MAX (256 * 1024)
#define BUS_KEY_MAX 64
#define BUS_BATCH_MAX 1000 /* messages of one bus_produce */
#define BUS_LEASE_MS 6000

struct bus;

struct bus_message {
	const char *topic; /* "fit.workout.v1", "….retry", "….dlq" */
	struct slice key;  /* user id, 16 bytes of the UUID */
	struct slice value;
	struct uuid id;          /* ce_id: identity for de-duplication */
	const char *type;        /* ce_type: oneof member, "plan_created" */
	const char *source;      /* ce_source: "workout" */
	int64_t time_ms;         /* ce_time */
	const char *traceparent; /* or NULL */
	/* Given by the bus to consumers. */
	int32_t partition;
	int64_t offset;
	unsigned attempt;  /* 0 at first; counts detours over .retry */
	const char *error; /* of .retry and .dlq messages: why the last attempt failed */
	const char *group; /* of .retry and .dlq: the consumer group that it failed in */
};

/* url "pg:<libpq URI>"; "kafka:…" joins later. */
enum status bus_open(const char *url, const char *password, struct bus **ret_bus,
		     struct err *err) MUST_CHECK;
void bus_close(struct bus *bus);
/*
 * How long a consumer or relay may be silent before others take over what it reads or carries, from
 * 1 s on; BUS_LEASE_MS when never set. For those that start afterwards. Shorter: less waiting after
 * a crash, and more false alarms on a machine that stalls, which cost repeats.
 */
void bus_set_lease(struct bus *bus, int64_t ms);
int64_t bus_lease(const struct bus *bus);
/* All or nothing; in order per key. */
enum status bus_produce(struct bus *bus, struct deadline deadline,
			const struct bus_message *messages, size_t n, struct err *err) MUST_CHECK;

#endif
