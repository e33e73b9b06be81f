/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_streams.h - open inbox streams: each a cursor over the numbers of its user's
 * entries.
 *
 *	streams = notification_streams_new(pool, poll_ms, life_ms, max);
 *	st = notification_streams_open(streams, call, after, err);     in the handler
 *	notification_streams_hint(streams, &user);                             something may be new
 *
 * One thread serves all streams of the process. A stream that somebody hints at, and every
 * stream at each poll, is compared with its inbox (one statement for many), and gets what its
 * cursor has not seen. So a stream holds no state that another replica could not rebuild from
 * Last-Event-ID, hints are free to be lost, and an idle stream costs a row's look-up per poll.
 *
 * So does the end of a sign-in reach its streams: whoever looks finds it beside the inbox, and ends
 * the stream with UNAUTHENTICATED.
 *
 * A stream whose client reads slowly has a bounded queue; the cursor waits until it has drained. It
 * ends by itself after its life, with OK, and before a drain of the process; its client comes back.
 *
 * Ownership: borrows the pool. Threads: open: a worker; hint: any.
 * Errors:    RESOURCE_EXHAUSTED: `max` streams, or NOTIFICATION_STREAMS_PER_USER of this user,
 *            are open.
 */
#ifndef FIT_NOTIFICATION_STREAMS_H
#define FIT_NOTIFICATION_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

#define NOTIFICATION_STREAMS_PER_USER 16
/* The cursor of a client that has none: what is new from now on. */
#define NOTIFICATION_STREAMS_FROM_NOW (-1)

struct notification_streams;
struct pg_pool;
struct rpc_call;

struct notification_streams *notification_streams_new(struct pg_pool *pool, int64_t poll_ms,
						      int64_t life_ms, size_t max);
/* Ends all streams and refuses new ones. */
void notification_streams_drain(struct notification_streams *streams);
/* After a drain. */
void notification_streams_free(struct notification_streams *streams);
/* OK: the call is detached; return RPC_DETACHED. */
enum status notification_streams_open(struct notification_streams *streams, struct rpc_call *call,
				      int64_t after, struct err *err) MUST_CHECK;
void notification_streams_hint(struct notification_streams *streams, const struct uuid *user);

#endif
