/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_inbox.h - the consumer: events in, entries of inboxes out, each exactly once.
 *
 *	.consumers = { &notification_inbox_consumer, NULL }      ctx: struct notification_service
 *
 * A batch is one transaction. An entry is unique by event and kind, and its id is made of both, so
 * that a batch that comes again (after a crash, a lost answer, a rebalance) changes nothing: no
 * record of applied ids is needed beside the entries. What a user has muted, or an event that says
 * nothing, leaves nothing.
 *
 * The end of a sign-in is noted beside the entries, for the streams of all replicas.
 *
 * Users are locked in the order of their ids, so that two batches cannot hold each other up.
 *
 * Ownership: messages are borrowed for the call. Threads: one per owned set of partitions.
 * Errors:    UNAVAILABLE and the like while PostgreSQL or the user service is away;
 *            INVALID_ARGUMENT for an event that is none.
 */
#ifndef FIT_NOTIFICATION_INBOX_H
#define FIT_NOTIFICATION_INBOX_H

#include <stddef.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/bus/consumer.h"

struct arena;

extern const struct consumer_def notification_inbox_consumer;

/* The consumer's handler; ctx is a struct notification_service. */
enum status notification_inbox_apply(void *ctx, const struct bus_message *messages, size_t n,
				     struct arena *arena, struct deadline deadline,
				     struct err *err);

#endif
