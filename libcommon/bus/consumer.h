/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.h - a member of a consumer group: batches in, offsets out, poison aside.
 *
 *	static const struct consumer_def inbox = {
 *		.group = "notification",
 *		.topics = (const char *const[]){ "fit.workout.v1", "fit.user.v1", NULL },
 *		.handle = on_events,
 *		.batch_max = 500,
 *		.linger_ms = 50,
 *		.attempts_max = 5,
 *	};
 *
 * handle() gets one or more messages of one partition, in order (`mixed`: of several, each in order
 * and in one piece), and returns for all of them:
 *
 * - OK: all applied (effect and event ids committed together by the handler). The offset is
 *   committed.
 * - UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, RESOURCE_EXHAUSTED: the world is away. The partition
 *   pauses with back-off (jitter, 100 ms … 30 s) and the messages come again.
 * - Anything else: one of them is bad. They come again in halves; the one that fails alone goes to
 *   `.retry` with back-off and, after attempts_max, to `.dlq` with the error. It never blocks its
 *   partition.
 *
 * A message that ends the process goes to `.dlq` too. After an unclean end the driver hands out
 * what may have been to blame in ever smaller parts, each marked before it is handled, and puts the
 * message aside that was left alone under its mark three times.
 *
 * The contract of exactly-once effects: the handler stores the effect and the event id in one
 * transaction (consumer_seen() answers whether it was applied before), or writes
 * idempotently.
 *
 * Ownership: messages are valid until handle returns.
 * Threads:   `threads` of them, each with one batch at a time, all ended by consumer_stop within
 *            its grace; a handler in flight finishes first.
 * Errors:    consumer_start: INVALID_ARGUMENT for an unknown topic, too many threads; those of
 *            the driver.
 */
#ifndef FIT_BUS_CONSUMER_H
#define FIT_BUS_CONSUMER_H

#include <stdbool.h>

#include "libcommon/base/arena.h"
#include "libcommon/bus/bus.h"

struct consumer;
struct pg_tx;

typedef enum status (*consumer_fn)(void *ctx, const struct bus_message *messages, size_t n,
				   struct arena *arena, struct deadline deadline, struct err *err);

struct consumer_def {
	const char *group;
	const char *const *topics; /* NULL-terminated; their .retry companions are read too */
	consumer_fn handle;
	size_t batch_max; /* 0: 200 */
	bool mixed;       /* one call may get messages of several partitions, one after the other */
	int64_t linger_ms;         /* wait for a fuller batch; 0: none */
	unsigned attempts_max;     /* 0: 5 */
	unsigned threads;          /* 0: 1 */
	int64_t handle_timeout_ms; /* 0: 10000 */
	int64_t retry_ms; /* before the second attempt, then 4 times as long each; 0: 1000 */
};

enum status consumer_start(struct bus *bus, const struct consumer_def *def, void *ctx,
			   struct consumer **ret_consumer, struct err *err) MUST_CHECK;
/* No new batches; waits for the one in flight, commits, leaves the group. False when the deadline
 * passed first. */
bool consumer_stop(struct consumer *consumer, struct deadline deadline);
void consumer_free(struct consumer *consumer);

/* Inside a transaction of the handler's own database: true when this group has applied the event
 * before; else records it. */
enum status consumer_seen(struct pg_tx *tx, const char *group, const struct uuid *id,
			  bool *ret_seen, struct err *err) MUST_CHECK;

#endif
