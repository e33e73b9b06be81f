/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_queue.h - the calls in flight on one asynchronous connection; of redis_async.c alone.
 *
 * Replies come in the order of commands, so what is expected is a ring of (call, command). Calls
 * are also kept in order of expiry until they are answered. A call lives until its last reply has
 * come or the connection is gone, also when its deadline answered it before.
 *
 * Ownership: the queue owns the calls, and keeps a few for reuse. Threads: one.
 */
#ifndef FIT_STORE_REDIS_QUEUE_H
#define FIT_STORE_REDIS_QUEUE_H

#include "libcommon/base/arena.h"
#include "libcommon/store/redis_async.h"

/* A command that is an EVALSHA of a known script: what is needed to repeat it as EVAL. */
struct redis_repeat {
	const struct redis_script *script; /* NULL: it is something else */
	struct slice rest;                 /* the wire form of what follows the sha */
	int argc;
};

struct redis_pending {
	/* By expiry, while not answered; by `next` alone among the refused and the spare. */
	struct redis_pending *prev, *next;
	redis_async_fn fn;
	void *arg;
	int64_t due_ms;
	unsigned ncmds, nmissing; /* replies still to come */
	bool answered;
	struct arena *arena; /* of the replies and of what a repetition needs */
	struct redis_value values[REDIS_ASYNC_CMDS_MAX];
	struct redis_repeat repeats[REDIS_ASYNC_CMDS_MAX];
};

struct redis_expected {
	struct redis_pending *call;
	unsigned index; /* of the command */
};

/* All zero is an empty queue. */
struct redis_queue {
	struct redis_expected *ring;
	size_t ring_cap, ring_head, ring_len;
	struct redis_pending *first, *last; /* by expiry */
	struct redis_pending *spare;
	unsigned nspare, ncalls;
};

/* No call may be left. */
void redis_queue_fini(struct redis_queue *queue);
struct redis_pending *redis_queue_add(struct redis_queue *queue);
void redis_queue_end(struct redis_queue *queue, struct redis_pending *call);

/* Into and out of the order of expiry. */
void redis_queue_expires(struct redis_queue *queue, struct redis_pending *call);
void redis_queue_answered(struct redis_queue *queue, struct redis_pending *call);

/* Into and out of the ring, which is not empty for the latter. */
void redis_queue_expect(struct redis_queue *queue, struct redis_pending *call, unsigned index);
struct redis_expected redis_queue_next(struct redis_queue *queue);

/* redis_script.c: the scripts that redis_script_init has seen, linked by `next`. Any thread. */
const struct redis_script *redis_script_first(void);
const struct redis_script *redis_script_find(const char *sha1);

#endif
