/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - an event loop that belongs to one thread: libevent base, mailbox, timers.
 *
 *	struct loop *loop = loop_new("io-0");
 *	loop_start(loop);                        runs on a thread of its own
 *	loop_post(loop, on_message, arg);        from any thread: runs on the loop's thread
 *	loop_stop(loop); loop_free(loop);
 *
 * Ownership: caller owns the loop; `arg` belongs to the posted function. Messages still in the
 *            mailbox at loop_free are run first, so that nothing leaks.
 * Threads:   loop_post and loop_stop: any. The rest: the loop's own (ASSERT_LOOP), or any thread
 *            while the loop does not run.
 * Limits:    the mailbox is unbounded by design; every producer is bounded elsewhere (work pool,
 *            calls in flight).
 */
#ifndef FIT_RUNTIME_LOOP_H
#define FIT_RUNTIME_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

struct event_base;
struct loop;
struct loop_timer;

typedef void (*loop_fn)(void *arg);

struct loop *loop_new(const char *name);
/* Runs on the calling thread until loop_stop. */
void loop_run(struct loop *loop); /* a loop_stop that came first ends it at once */
/* Runs on a new thread named after the loop. */
void loop_start(struct loop *loop);
/* Asks the loop to end; joins the thread if loop_start made one and the caller is another. */
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

struct event_base *loop_base(struct loop *loop);
void loop_post(struct loop *loop, loop_fn fn, void *arg);
bool loop_is_current(const struct loop *loop);
/* Runs fn once per turn, after the turn's events, if asked in that turn (write coalescing). */
void loop_defer(struct loop *loop, loop_fn fn, void *arg);

/* One-shot timer, never early; re-arm with loop_timer_start (moves the expiry). */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg);
void loop_timer_start(struct loop_timer *timer, int64_t ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

#define ASSERT_LOOP(loop)                                                                          \
	do {                                                                                       \
		if (UNLIKELY(!loop_is_current(loop)))                                              \
			panic("%s: not on its loop's thread", __func__);                           \
	} while (0)

#endif
