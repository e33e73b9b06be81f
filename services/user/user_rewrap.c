/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_rewrap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "libcommon/base/arena.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "services/user/user_store.h"

#define BATCH_MS 10000
#define PAUSE_MS 20 /* between batches: other work comes first */
#define AFTER_FAILURE_MS 30000

struct user_rewrap {
	struct user_store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping; /* under lock */
};

static struct metric rewrapped =
	METRIC_COUNTER("user_keys_rewrapped_total",
		       "Data keys that were brought under the active key-encryption key.");

/* True when it is time to stop. */
static bool
pause_ms(struct user_rewrap *rewrap, int64_t ms)
{
	struct timespec until;
	bool stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&rewrap->lock);
	while (!rewrap->stopping &&
	       pthread_cond_timedwait(&rewrap->wake, &rewrap->lock, &until) == 0)
		;
	stopping = rewrap->stopping;
	pthread_mutex_unlock(&rewrap->lock);
	return stopping;
}

static void *
run(void *arg)
{
	struct user_rewrap *rewrap = arg;
	struct arena *arena = arena_new(4 << 20);
	size_t n = 0, total = 0;
	bool stop = false;
	enum status st;
	struct err err;

	do {
		err_init(&err);
		arena_reset(arena);
		st = user_store_rewrap_batch(rewrap->store, deadline_in(BATCH_MS), arena, &n, &err);
		if (st == STATUS_OK) {
			total += n;
			metric_add(metric_single(&rewrapped), (int64_t)n);
		} else {
			log_warn_err("user_rewrap_failed", &err);
		}
		if (st != STATUS_OK || n > 0)
			stop = pause_ms(rewrap, st == STATUS_OK ? PAUSE_MS : AFTER_FAILURE_MS);
	} while (!stop && (st != STATUS_OK || n > 0));
	if (total > 0)
		log_info("user_keys_rewrapped", LOG_INT("keys", total), LOG_BOOL("all", !stop));
	arena_free(arena);
	return NULL;
}

struct user_rewrap *
user_rewrap_start(struct user_store *store)
{
	struct user_rewrap *rewrap = calloc(1, sizeof(*rewrap));
	pthread_condattr_t attr;

	if (rewrap == NULL)
		panic("user: no memory");
	metric_register(&rewrapped);
	rewrap->store = store;
	pthread_mutex_init(&rewrap->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&rewrap->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&rewrap->thread, NULL, run, rewrap) != 0)
		fatal("user: no thread can be made");
	return rewrap;
}

void
user_rewrap_stop(struct user_rewrap *rewrap)
{
	if (rewrap == NULL)
		return;
	pthread_mutex_lock(&rewrap->lock);
	rewrap->stopping = true;
	pthread_cond_signal(&rewrap->wake);
	pthread_mutex_unlock(&rewrap->lock);
	pthread_join(rewrap->thread, NULL);
	pthread_cond_destroy(&rewrap->wake);
	pthread_mutex_destroy(&rewrap->lock);
	free(rewrap);
}
