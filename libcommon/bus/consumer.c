/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.c - the loop around a handler, the same for every driver.
 *
 * A batch that fails for good is halved until the message that fails alone is found: a good half is
 * applied once more than it had to be at most, which the handler's idempotency covers. So one bad
 * message among n costs about 2 log2(n) calls, and the n - 1 others are applied.
 */
#include "libcommon/bus/consumer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/base/rng.h"
#include "libcommon/bus/bus_driver.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"

#define BATCH_MAX 200
#define ATTEMPTS_MAX 5
#define HANDLE_MS 10000
#define RETRY_MS 1000
#define RETRY_MS_MAX (INT64_C(600) * 1000)
#define PAUSE_MS_MIN 100
#define PAUSE_MS_MAX 30000
#define NEXT_MS 60000
#define ERROR_NAP_MS 500
#define BATCH_ARENA (64 << 20)
#define HANDLER_ARENA (64 << 20)
#define THREADS_MAX 64

struct consumer {
	const struct bus_driver *driver;
	struct bus_member *member;
	struct consumer_def def; /* defaults filled in */
	void *ctx;
	pthread_t *threads;
	struct metric_series *m_seconds, *m_pauses;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	unsigned running;
	bool stopping;
};

/* What one batch came to. */
struct work {
	struct consumer *consumer;
	struct bus_batch *batch;
	struct arena *arena, *scratch; /* as long as the batch; of one call of the handler */
	struct bus_aside *asides;
	size_t nasides;
	size_t done; /* messages from the first on that are finished */
};

static struct metric m_messages =
	METRIC_COUNTER("consumer_messages_total", "Messages by what became of them.", "group",
		       "topic", "outcome");
static struct metric m_lag =
	METRIC_GAUGE("consumer_lag", "Messages that this member's partitions still hold.", "group",
		     "topic");
static struct metric m_delay =
	METRIC_HISTOGRAM("consumer_delay_seconds", "From an event's time to its handling.", "group",
			 "topic");
static struct metric m_seconds =
	METRIC_HISTOGRAM("consumer_handle_seconds", "One call of the handler.", "group");
static struct metric m_pauses =
	METRIC_COUNTER("consumer_pauses_total", "Batches put off because the world was away.",
		       "group");

void
bus_show_lag(const char *group, const char *topic, int64_t lag)
{
	metric_set(metric_series(&m_lag, group, topic), (double)lag);
}

/* What became of message i; *a: the first of the asides, which are in order, that is not before it.
 */
static const char *
outcome_of(const struct work *w, size_t i, size_t *a)
{
	while (*a < w->nasides && w->asides[*a].index < i)
		++*a;
	if (*a == w->nasides || w->asides[*a].index != i)
		return "handled";
	return w->asides[*a].dead ? "dead" : "retried";
}

static void
count(const struct work *w)
{
	const struct bus_message *messages = w->batch->messages;
	size_t a = 0;

	for (size_t i = 0, run; i < w->done; i += run) {
		const char *outcome = outcome_of(w, i, &a);

		for (run = 1;
		     i + run < w->done && strcmp(messages[i].topic, messages[i + run].topic) == 0 &&
		     strcmp(outcome, outcome_of(w, i + run, &a)) == 0;
		     run++)
			;
		metric_add(metric_series(&m_messages, w->consumer->def.group, messages[i].topic,
					 outcome),
			   (int64_t)run);
	}
}

/* The world is away: the message is not to blame. */
static bool
is_transient(enum status st)
{
	return st == STATUS_UNAVAILABLE || st == STATUS_DEADLINE_EXCEEDED || st == STATUS_ABORTED ||
	       st == STATUS_RESOURCE_EXHAUSTED || st == STATUS_CANCELLED;
}

/* base * factor^n, at most max, less a random part of up to a half. */
static int64_t
back_off(int64_t base, unsigned factor, unsigned n, int64_t max)
{
	int64_t ms = base;

	while (n-- > 0 && ms < max)
		ms *= factor;
	ms = ms < max ? ms : max;
	return ms - (int64_t)rng_below((uint32_t)(ms / 2) + 1);
}

/* ---- one batch ---- */

static void
put_aside(struct work *w, size_t index, bool dead, const char *error)
{
	const struct consumer_def *def = &w->consumer->def;
	const struct bus_message *m = &w->batch->messages[index];
	char id[UUID_TEXT_SIZE];

	dead = dead || m->attempt + 1 >= def->attempts_max;
	w->asides[w->nasides++] = (struct bus_aside){
		.index = index,
		.dead = dead,
		.due_in_ms = back_off(def->retry_ms, 4, m->attempt, RETRY_MS_MAX),
		.error = arena_strdup(w->arena, error),
	};
	w->done = index + 1;
	uuid_format(&m->id, id);
	log_warn(dead ? "message_dead" : "message_retried", LOG_STR("group", def->group),
		 LOG_STR("topic", m->topic), LOG_STR("type", m->type), LOG_STR("id", id),
		 LOG_INT("partition", m->partition), LOG_INT("offset", m->offset),
		 LOG_INT("attempt", m->attempt + 1), LOG_STR("error", error));
}

static enum status
call_handler(struct work *w, const struct bus_message *messages, size_t n, struct err *err)
{
	struct consumer *c = w->consumer;
	int64_t start = clock_mono_ns();

	metric_observe(metric_series(&m_delay, c->def.group, messages[0].topic),
		       (double)(clock_wall_ms() - messages[0].time_ms) / 1000);
	arena_reset(w->scratch);
	enum status st = c->def.handle(c->ctx, messages, n, w->scratch,
				       deadline_in(c->def.handle_timeout_ms), err);
	metric_observe(c->m_seconds, (double)(clock_mono_ns() - start) / 1e9);
	return st;
}

/* OK: all of them are applied or put aside; else (transient) those before w->done. */
static enum status
apply(struct work *w, size_t first, size_t n, struct err *err)
{
	char error[ERR_TEXT_MAX + 32];

	err_init(err);
	enum status st = call_handler(w, &w->batch->messages[first], n, err);
	if (st == STATUS_OK) {
		w->done = first + n;
		return STATUS_OK;
	}
	if (is_transient(st))
		return st;
	if (n > 1) {
		st = apply(w, first, n / 2, err);
		return st == STATUS_OK ? apply(w, first + n / 2, n - n / 2, err) : st;
	}
	snprintf(error, sizeof(error), "%s: %s", status_name(st), err->text);
	put_aside(w, first, false, error);
	return STATUS_OK;
}

static void
settle(struct work *w)
{
	struct consumer *c = w->consumer;
	struct err err;

	err_init(&err);
	CRASH_POINT("consumer.before_commit");
	enum status st =
		c->driver->settle(c->member, w->batch, w->done, w->asides, w->nasides, &err);
	CRASH_POINT("consumer.after_commit");
	if (st != STATUS_OK) {
		/* They come again, here or at the partition's new owner. */
		log_warn_err("consumer_commit_failed", &err, LOG_STR("group", c->def.group));
		return;
	}
	count(w);
}

static void
handle_batch(struct work *w)
{
	struct consumer *c = w->consumer;
	const struct bus_message *first = &w->batch->messages[0];
	enum status st = STATUS_OK;
	struct err err;

	err_init(&err);
	w->asides = ARENA_ARRAY(w->arena, struct bus_aside, w->batch->n);
	if (w->batch->is_suspect) {
		put_aside(w, 0, true, "ended the process that handled it, again and again");
	} else if (w->batch->is_retry && first->attempt >= c->def.attempts_max) {
		/* Its last attempt did not come back to say so. */
		put_aside(w, 0, true, "ended the process that handled it");
	} else {
		CRASH_POINT("consumer.before_handle");
		st = apply(w, 0, w->batch->n, &err);
		CRASH_POINT("consumer.after_handle");
	}
	if (st == STATUS_OK || w->done > 0) {
		settle(w);
		return;
	}
	int64_t ms = back_off(PAUSE_MS_MIN, 2, w->batch->failures, PAUSE_MS_MAX);
	if (w->batch->failures == 0)
		log_warn_err("consumer_paused", &err, LOG_STR("group", c->def.group),
			     LOG_STR("topic", first->topic), LOG_INT("partition", first->partition),
			     LOG_INT("ms", ms));
	metric_add(c->m_pauses, 1);
	c->driver->pause(c->member, w->batch, ms);
}

/* ---- threads ---- */

static bool
is_stopping(struct consumer *c)
{
	pthread_mutex_lock(&c->mutex);
	bool stopping = c->stopping;
	pthread_mutex_unlock(&c->mutex);
	return stopping;
}

static void
nap(struct consumer *c)
{
	int64_t until = clock_mono_ms() + ERROR_NAP_MS;
	struct timespec ts = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	pthread_mutex_lock(&c->mutex);
	if (!c->stopping)
		pthread_cond_timedwait(&c->changed, &c->mutex, &ts);
	pthread_mutex_unlock(&c->mutex);
}

static void *
worker_main(void *arg)
{
	struct consumer *c = arg;
	struct arena *arena = arena_new(BATCH_ARENA), *scratch = arena_new(HANDLER_ARENA);
	struct err err;

	pthread_setname_np(pthread_self(), "consumer");
	while (!is_stopping(c)) {
		struct bus_batch batch;

		arena_reset(arena);
		err_init(&err);
		enum status st =
			c->driver->next(c->member, deadline_in(NEXT_MS), arena, &batch, &err);
		if (st == STATUS_OK) {
			handle_batch(&(struct work){ .consumer = c,
						     .batch = &batch,
						     .arena = arena,
						     .scratch = scratch });
		} else if (st != STATUS_NOT_FOUND && st != STATUS_CANCELLED) {
			log_warn_err("consumer_fetch_failed", &err, LOG_STR("group", c->def.group));
			nap(c);
		}
	}
	arena_free(scratch);
	arena_free(arena);
	pthread_mutex_lock(&c->mutex);
	c->running--;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

/* ---- start and stop ---- */

static void
fill_in(struct consumer_def *def)
{
	def->batch_max = def->batch_max > 0 ? def->batch_max : BATCH_MAX;
	def->attempts_max = def->attempts_max > 0 ? def->attempts_max : ATTEMPTS_MAX;
	def->threads = def->threads > 0 ? def->threads : 1;
	def->handle_timeout_ms = def->handle_timeout_ms > 0 ? def->handle_timeout_ms : HANDLE_MS;
	def->retry_ms = def->retry_ms > 0 ? def->retry_ms : RETRY_MS;
}

static void
register_metrics(struct consumer *c)
{
	metric_register(&m_messages);
	metric_register(&m_lag);
	metric_register(&m_delay);
	metric_register(&m_seconds);
	metric_register(&m_pauses);
	c->m_seconds = metric_series(&m_seconds, c->def.group);
	c->m_pauses = metric_series(&m_pauses, c->def.group);
}

static void
free_consumer(struct consumer *c)
{
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c->threads);
	free(c);
}

enum status
consumer_start(struct bus *bus, const struct consumer_def *def, void *ctx,
	       struct consumer **ret_consumer, struct err *err)
{
	pthread_condattr_t attr;

	if (def->threads > THREADS_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "consumer %s: %u threads, at most %d",
			       def->group, def->threads, THREADS_MAX);
	struct consumer *c = calloc(1, sizeof(*c));
	if (c == NULL)
		panic("consumer: no memory");
	c->driver = bus_driver_of(bus);
	c->def = *def;
	c->ctx = ctx;
	fill_in(&c->def);
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	register_metrics(c);
	struct bus_member_options opts = { .group = c->def.group,
					   .topics = c->def.topics,
					   .batch_max = c->def.batch_max,
					   .mixed = c->def.mixed,
					   .linger_ms = c->def.linger_ms,
					   .handle_timeout_ms = c->def.handle_timeout_ms,
					   .lease_ms = bus_lease(bus) };
	enum status st = c->driver->join(bus_self(bus), &opts, &c->member, err);
	if (st != STATUS_OK) {
		free_consumer(c);
		return st;
	}
	c->threads = calloc(c->def.threads, sizeof(*c->threads));
	if (c->threads == NULL)
		panic("consumer: no memory");
	c->running = c->def.threads;
	for (unsigned i = 0; i < c->def.threads; i++)
		if (pthread_create(&c->threads[i], NULL, worker_main, c) != 0)
			fatal("consumer: cannot start a thread");
	*ret_consumer = c;
	return STATUS_OK;
}

bool
consumer_stop(struct consumer *c, struct deadline deadline)
{
	struct timespec ts = { .tv_sec = deadline.at_ms / 1000,
			       .tv_nsec = deadline.at_ms % 1000 * 1000000 };
	int rc = 0;

	pthread_mutex_lock(&c->mutex);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	c->driver->interrupt(c->member);
	pthread_mutex_lock(&c->mutex);
	while (c->running > 0 && rc == 0)
		rc = pthread_cond_timedwait(&c->changed, &c->mutex, &ts);
	bool ended = c->running == 0;
	pthread_mutex_unlock(&c->mutex);
	if (!ended)
		return false;
	for (unsigned i = 0; i < c->def.threads; i++)
		pthread_join(c->threads[i], NULL);
	c->driver->leave(c->member);
	c->member = NULL;
	return true;
}

void
consumer_free(struct consumer *c)
{
	if (c == NULL)
		return;
	if (c->member != NULL)
		panic("consumer %s: freed before it was stopped", c->def.group);
	free_consumer(c);
}
