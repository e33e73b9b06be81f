/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workpool.c - one lock, a FIFO per class, workers woken singly and last-in first-out (the
 * worker that slept shortest has the warmest caches).
 *
 * A job is runnable when its class runs fewer jobs than it may. Invariant, while nobody holds
 * the lock: for each runnable job there is a worker that is awake and will look for work, or
 * all workers are busy. So submit wakes one worker when its job is runnable, and a worker that
 * ends a job looks again before it sleeps; nothing else needs to wake anybody.
 *
 * Job records are allocated once: a submit touches no allocator.
 */
#include "libcommon/runtime/workpool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libcommon/base/status.h"
#include "libcommon/runtime/cpus.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (2 * 1024 * 1024) /* instrumented frames are larger */
#else
#define STACK_SIZE (512 * 1024)
#endif
#define WORKERS_MAX 1024

struct job {
	struct job *next;
	workpool_fn fn;
	void *arg;
};

struct class
{
	char name[32];
	unsigned running, running_max;
	size_t waiting, waiting_max;
	struct job *head, *tail;
};

struct worker {
	struct workpool *pool;
	struct worker *next_idle;
	bool called; /* taken off the idle list: look for work */
	pthread_cond_t wake;
	pthread_t thread;
	unsigned number;
};

struct workpool {
	char name[12];
	pthread_mutex_t lock;
	pthread_cond_t quiet; /* nothing waits and nothing runs */
	struct worker *idle;
	struct job *free_jobs;
	size_t queued;
	unsigned busy;
	unsigned next_class; /* where the round-robin goes on */
	bool draining, stopping;
	unsigned long long done, refused;
	unsigned nclasses, nworkers;
	struct class *classes;
	struct job *jobs;
	struct worker workers[];
};

static _Thread_local bool is_worker;

unsigned
workpool_cpus(void)
{
	return cpus_available();
}

unsigned
workpool_default_workers(void)
{
	unsigned cpus = workpool_cpus();

	/* cpus >= 1, so the lower clamp of 16 holds by itself. */
	return cpus > 16 ? 256 : 16 * cpus;
}

bool
workpool_is_worker(void)
{
	return is_worker;
}

/* The oldest job of the next class, in turn, that may run one more. */
static struct job *
take_job(struct workpool *wp, struct class **ret_class)
{
	for (unsigned i = 0; i < wp->nclasses; i++) {
		struct class *c = &wp->classes[(wp->next_class + i) % wp->nclasses];
		if (c->head == NULL || c->running >= c->running_max)
			continue;
		struct job *job = c->head;
		c->head = job->next;
		c->waiting--;
		c->running++;
		wp->queued--;
		wp->busy++;
		wp->next_class = (unsigned)(c - wp->classes) + 1;
		*ret_class = c;
		return job;
	}
	return NULL;
}

static void
run_job(struct workpool *wp, struct job *job, struct class *c)
{
	workpool_fn fn = job->fn;
	void *arg = job->arg;

	job->next = wp->free_jobs;
	wp->free_jobs = job;
	pthread_mutex_unlock(&wp->lock);
	fn(arg);
	pthread_mutex_lock(&wp->lock);
	c->running--;
	wp->busy--;
	wp->done++;
	if (wp->queued == 0 && wp->busy == 0)
		pthread_cond_broadcast(&wp->quiet);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct workpool *wp = w->pool;
	struct class *c;
	char name[16];

	snprintf(name, sizeof(name), "%s-%u", wp->name, w->number);
	pthread_setname_np(pthread_self(), name);
	is_worker = true;

	pthread_mutex_lock(&wp->lock);
	for (;;) {
		struct job *job = take_job(wp, &c);
		if (job != NULL) {
			run_job(wp, job, c);
			continue;
		}
		if (wp->stopping)
			break;
		w->called = false;
		w->next_idle = wp->idle;
		wp->idle = w;
		while (!w->called)
			pthread_cond_wait(&w->wake, &wp->lock);
	}
	pthread_mutex_unlock(&wp->lock);
	return NULL;
}

static void
call_one(struct workpool *wp)
{
	struct worker *w = wp->idle;

	if (w == NULL)
		return;
	wp->idle = w->next_idle;
	w->called = true;
	pthread_cond_signal(&w->wake);
}

static unsigned
share(unsigned long long whole, unsigned percent)
{
	unsigned long long n = whole * percent / 100;

	return n < 1 ? 1 : (unsigned)n;
}

static void
class_init(struct class *c, const char *name, unsigned percent, unsigned workers, size_t queue_max)
{
	if (percent < 1 || percent > 100)
		panic("workpool: class %s: %u percent (1..100)", name, percent);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->running_max = share(workers, percent);
	c->waiting_max = share(queue_max, percent);
}

/* "default" comes first, also when the caller's table does not name it. */
static void
init_classes(struct workpool *wp, size_t queue_max, const struct workpool_class *classes,
	     unsigned nclasses)
{
	wp->classes = calloc(nclasses + 1, sizeof(*wp->classes));
	if (wp->classes == NULL)
		panic("workpool: no memory");
	class_init(&wp->classes[0], "default", 100, wp->nworkers, queue_max);
	wp->nclasses = 1;
	for (unsigned i = 0; i < nclasses; i++) {
		unsigned at = strcmp(classes[i].name, "default") == 0 ? 0 : wp->nclasses++;
		class_init(&wp->classes[at], classes[i].name, classes[i].percent, wp->nworkers,
			   queue_max);
	}
}

static void
start_worker(struct workpool *wp, unsigned number, const pthread_attr_t *attr)
{
	struct worker *w = &wp->workers[number];

	w->pool = wp;
	w->number = number;
	pthread_cond_init(&w->wake, NULL);
	int rc = pthread_create(&w->thread, attr, worker_main, w);
	if (rc != 0)
		fatal("workpool %s: cannot start worker %u of %u: %s", wp->name, number + 1,
		      wp->nworkers, strerror(rc));
}

struct workpool *
workpool_new(const char *name, unsigned workers, size_t queue_max,
	     const struct workpool_class *classes, unsigned nclasses)
{
	pthread_condattr_t monotonic;
	pthread_attr_t attr;
	sigset_t all, old;

	if (workers < 1 || workers > WORKERS_MAX || queue_max < 1 || queue_max > 1u << 20)
		panic("workpool %s: %u workers (1..%d), queue of %zu", name, workers, WORKERS_MAX,
		      queue_max);
	struct workpool *wp = calloc(1, sizeof(*wp) + workers * sizeof(wp->workers[0]));
	if (wp == NULL)
		panic("workpool: no memory");
	wp->nworkers = workers;
	snprintf(wp->name, sizeof(wp->name), "%s", name);
	wp->jobs = calloc(queue_max, sizeof(*wp->jobs));
	if (wp->jobs == NULL)
		panic("workpool: no memory");
	for (size_t i = queue_max; i-- > 0;) {
		wp->jobs[i].next = wp->free_jobs;
		wp->free_jobs = &wp->jobs[i];
	}
	init_classes(wp, queue_max, classes, nclasses);

	pthread_mutex_init(&wp->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&wp->quiet, &monotonic);
	pthread_condattr_destroy(&monotonic);

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < workers; i++)
		start_worker(wp, i, &attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return wp;
}

unsigned
workpool_class_find(const struct workpool *wp, const char *name)
{
	for (unsigned i = 0; name != NULL && i < wp->nclasses; i++) {
		if (strcmp(wp->classes[i].name, name) == 0)
			return i;
	}
	return 0;
}

bool
workpool_submit(struct workpool *wp, unsigned class_index, workpool_fn fn, void *arg)
{
	struct class *c = &wp->classes[class_index < wp->nclasses ? class_index : 0];

	pthread_mutex_lock(&wp->lock);
	struct job *job = wp->free_jobs;
	if (wp->draining || job == NULL || c->waiting >= c->waiting_max) {
		wp->refused++;
		pthread_mutex_unlock(&wp->lock);
		return false;
	}
	wp->free_jobs = job->next;
	*job = (struct job){ .fn = fn, .arg = arg };
	if (c->head == NULL)
		c->head = job;
	else
		c->tail->next = job;
	c->tail = job;
	c->waiting++;
	wp->queued++;
	if (c->running < c->running_max)
		call_one(wp);
	pthread_mutex_unlock(&wp->lock);
	return true;
}

/* `ms` from now, on the real clock. */
static struct timespec
real_time_in(int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000L;
	}
	return ts;
}

bool
workpool_drain(struct workpool *wp, struct deadline deadline)
{
	struct timespec until = real_time_in(deadline_left_ms(deadline));
	int rc = 0;

	pthread_mutex_lock(&wp->lock);
	wp->draining = true;
	while ((wp->queued > 0 || wp->busy > 0) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&wp->quiet, &wp->lock, &until);
	bool quiet = wp->queued == 0 && wp->busy == 0;
	pthread_mutex_unlock(&wp->lock);
	return quiet;
}

void
workpool_free(struct workpool *wp)
{
	if (wp == NULL)
		return;
	pthread_mutex_lock(&wp->lock);
	wp->draining = wp->stopping = true;
	while (wp->idle != NULL)
		call_one(wp);
	pthread_mutex_unlock(&wp->lock);
	for (unsigned i = 0; i < wp->nworkers; i++) {
		pthread_join(wp->workers[i].thread, NULL);
		pthread_cond_destroy(&wp->workers[i].wake);
	}
	pthread_cond_destroy(&wp->quiet);
	pthread_mutex_destroy(&wp->lock);
	free(wp->classes);
	free(wp->jobs);
	free(wp);
}

void
workpool_stats(struct workpool *wp, struct workpool_stats *ret_stats)
{
	pthread_mutex_lock(&wp->lock);
	*ret_stats = (struct workpool_stats){
		.workers = wp->nworkers,
		.busy = wp->busy,
		.queued = wp->queued,
		.done = wp->done,
		.refused = wp->refused,
	};
	pthread_mutex_unlock(&wp->lock);
}
