/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workpool.h - bounded pool of worker threads that may block, with concurrency classes.
 *
 *	struct workpool *wp = workpool_new("work", workpool_default_workers(), 2048, classes, n);
 *	if (!workpool_submit(wp, class, on_job, job))
 *		… answer UNAVAILABLE at the door …
 *	workpool_drain(wp, deadline_in(10000)); workpool_free(wp);
 *
 * A class limits how many of its jobs run at once and how many may wait, so that a slow class
 * cannot take all workers. Class 0 always exists ("default").
 *
 * Ownership: a submitted job's argument belongs to the job. Threads: submit from any thread; it
 * never blocks. Errors: submit returns false when queue or class is full, or while draining.
 */
#ifndef FIT_RUNTIME_WORKPOOL_H
#define FIT_RUNTIME_WORKPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

struct workpool;
typedef void (*workpool_fn)(void *arg);

struct workpool_class {
	const char *name;
	unsigned percent; /* 1..100, of workers (running) and queue_max (waiting); at least one each
			   */
};

/* clamp(16, 16 x cpus, 256); cpus from the cgroup quota, else the affinity mask. */
unsigned workpool_default_workers(void);
unsigned workpool_cpus(void);

struct workpool *workpool_new(const char *name, unsigned workers, size_t queue_max,
			      const struct workpool_class *classes, unsigned nclasses);
/* Index of the class called `name` ("default" and unknown names: 0). */
unsigned workpool_class_find(const struct workpool *wp, const char *name);
bool workpool_submit(struct workpool *wp, unsigned class_index, workpool_fn fn,
		     void *arg) MUST_CHECK;
/* No new jobs; waits until queued and running ones end. False when the deadline passed first. */
bool workpool_drain(struct workpool *wp, struct deadline deadline);
/* Runs what is still queued, joins the workers: after a drain that failed, a stuck job holds it. */
void workpool_free(struct workpool *wp);

bool workpool_is_worker(void);
#define ASSERT_WORKER()                                                                            \
	do {                                                                                       \
		if (UNLIKELY(!workpool_is_worker()))                                               \
			panic("%s: not on a worker thread", __func__);                             \
	} while (0)

struct workpool_stats {
	unsigned workers, busy;
	size_t queued;
	unsigned long long done, refused;
};
void workpool_stats(struct workpool *wp, struct workpool_stats *ret_stats);

#endif
