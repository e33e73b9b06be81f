/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - read, produce, mark; again.
 *
 * A relay that was paused beyond its lease may send what another one has sent since: events come
 * twice then, under the same ids, and the first time in order. The produce's deadline ends before
 * the lease does.
 */
#include "libcommon/bus/relay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/base/rng.h"
#include "libcommon/bus/relay_store.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"

#define BATCH_MAX 500
#define CALL_MS 5000
#define RENEWALS 3     /* in the time of a lease */
#define LEASE_MARGIN 6 /* a part of it */
#define POLL_MS 1000   /* hints come in between */
#define GAP_MS 5       /* between two reads: what comes meanwhile goes together */
#define AGE_MS 2000
#define PURGE_MS 60000
#define BACK_OFF_MS_MIN 100
#define BACK_OFF_MS_MAX 10000
#define ARENA_BYTES (64 << 20)

struct relay {
	struct pg_pool *pg;
	struct bus *bus;
	char *source;
	struct uuid id;
	struct arena *arena;
	struct relay_shards shards;
	int64_t lease_ms, renewed_ms; /* the lease counts from there */
	int64_t aged_ms, purged_ms;
	int64_t back_off_ms; /* 0: all is well */
	struct metric_series *m_sent, *m_refused, *m_failed, *m_age, *m_shards;
	pthread_t thread;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	bool woken, stopping, ended;
};

static struct metric m_events =
	METRIC_COUNTER("relay_events_total", "Outbox events by outcome.", "outcome");
static struct metric m_failures =
	METRIC_COUNTER("relay_failures_total", "Batches that could not be sent or marked.");
static struct metric m_age = METRIC_GAUGE("relay_oldest_unsent_seconds",
					  "Age of the oldest event that waits in the outbox.");
static struct metric m_shards =
	METRIC_GAUGE("relay_shards", "Shards of the outbox that this relay carries.");

/* ---- a batch ---- */

struct sending {
	struct relay *relay;
	struct bus_message *messages;
	const struct bus_message **sent; /* acknowledged by the bus */
	size_t nsent;
	struct deadline deadline;
};

/* A refused batch is halved until the event that is refused alone is found. */
static enum status
send_range(struct sending *s, size_t first, size_t n, struct err *err)
{
	struct relay *r = s->relay;
	enum status st = bus_produce(r->bus, s->deadline, &s->messages[first], n, err);

	if (st == STATUS_OK) {
		for (size_t i = first; i < first + n; i++)
			s->sent[s->nsent++] = &s->messages[i];
		return STATUS_OK;
	}
	if (st != STATUS_INVALID_ARGUMENT)
		return st;
	if (n > 1) {
		st = send_range(s, first, n / 2, err);
		return st == STATUS_OK ? send_range(s, first + n / 2, n - n / 2, err) : st;
	}
	char id[UUID_TEXT_SIZE];
	uuid_format(&s->messages[first].id, id);
	log_error_err("relay_event_refused", err, LOG_STR("id", id),
		      LOG_STR("topic", s->messages[first].topic),
		      LOG_STR("type", s->messages[first].type));
	metric_add(r->m_refused, 1);
	return relay_store_refuse(r->pg, deadline_in(CALL_MS), &s->messages[first].id, r->arena,
				  err);
}

/* *ret_n: how many were read. */
static enum status
carry_batch(struct relay *r, size_t *ret_n, struct err *err)
{
	struct sending s = { .relay = r };
	struct err failed;
	size_t n;

	s.deadline =
		deadline_min(deadline_in(CALL_MS), (struct deadline){ r->renewed_ms + r->lease_ms -
								      r->lease_ms / LEASE_MARGIN });
	enum status st = relay_store_read(r->pg, s.deadline, &r->shards, r->source, BATCH_MAX,
					  r->arena, &s.messages, &n, err);
	if (st != STATUS_OK)
		return st;
	*ret_n = n;
	if (n == 0)
		return STATUS_OK;
	CRASH_POINT("relay.after_read");
	s.sent = ARENA_ARRAY(r->arena, const struct bus_message *, n);
	st = send_range(&s, 0, n, err);
	CRASH_POINT("relay.after_produce");
	if (s.nsent == 0)
		return st;
	err_init(&failed);
	/* Also when the rest could not be sent. */
	if (relay_store_mark(r->pg, deadline_in(CALL_MS), s.sent, s.nsent, r->arena, &failed) !=
	    STATUS_OK) {
		if (st == STATUS_OK && err != NULL)
			*err = failed;
		return st == STATUS_OK ? failed.status : st;
	}
	CRASH_POINT("relay.after_mark");
	metric_add(r->m_sent, (int64_t)s.nsent);
	return st;
}

/* ---- the loop ---- */

static enum status
renew_if_due(struct relay *r, struct err *err)
{
	int64_t now = clock_mono_ms();

	if (r->renewed_ms != 0 && now - r->renewed_ms < r->lease_ms / RENEWALS)
		return STATUS_OK;
	enum status st = relay_store_renew(r->pg, deadline_in(CALL_MS), &r->id, r->lease_ms,
					   r->arena, &r->shards, err);
	if (st == STATUS_OK) {
		r->renewed_ms = now;
		metric_set(r->m_shards, r->shards.n);
	}
	return st;
}

static enum status
keep_house(struct relay *r, struct err *err)
{
	int64_t now = clock_mono_ms(), age;
	enum status st = STATUS_OK;

	if (now - r->aged_ms >= AGE_MS) {
		r->aged_ms = now;
		st = relay_store_age(r->pg, deadline_in(CALL_MS), r->arena, &age, err);
		if (st == STATUS_OK)
			metric_set(r->m_age, (double)age / 1000);
	}
	if (st == STATUS_OK && now - r->purged_ms >= PURGE_MS) {
		r->purged_ms = now;
		st = relay_store_purge(r->pg, deadline_in(CALL_MS), r->arena, err);
	}
	return st;
}

/* Sleeps until `ms` have passed, or a hint (unless `deaf`), or the end; true at the end. */
static bool
rest(struct relay *r, int64_t ms, bool deaf)
{
	int64_t until = clock_mono_ms() + ms;
	struct timespec ts = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	int rc = 0;

	pthread_mutex_lock(&r->mutex);
	while (!r->stopping && (deaf || !r->woken) && rc == 0)
		rc = pthread_cond_timedwait(&r->changed, &r->mutex, &ts);
	if (!deaf)
		r->woken = false;
	bool stopping = r->stopping;
	pthread_mutex_unlock(&r->mutex);
	return stopping;
}

/* One turn; how long to rest before the next, without hints when *ret_deaf. */
static int64_t
turn(struct relay *r, bool *ret_deaf)
{
	size_t n = 0;
	struct err err;

	err_init(&err);
	arena_reset(r->arena);
	enum status st = renew_if_due(r, &err);
	if (st == STATUS_OK && r->shards.n > 0)
		st = carry_batch(r, &n, &err);
	if (st == STATUS_OK)
		st = keep_house(r, &err);
	*ret_deaf = st != STATUS_OK;
	if (st != STATUS_OK) {
		if (r->back_off_ms == 0)
			log_warn_err("relay_failed", &err);
		metric_add(r->m_failed, 1);
		r->back_off_ms = r->back_off_ms == 0 ? BACK_OFF_MS_MIN : r->back_off_ms * 2;
		if (r->back_off_ms > BACK_OFF_MS_MAX)
			r->back_off_ms = BACK_OFF_MS_MAX;
		return r->back_off_ms - (int64_t)rng_below((uint32_t)r->back_off_ms / 2);
	}
	r->back_off_ms = 0;
	return n == BATCH_MAX ? 0 : POLL_MS;
}

static void *
relay_main(void *arg)
{
	struct relay *r = arg;
	bool deaf = true, ending = false;
	struct err err;

	pthread_setname_np(pthread_self(), "relay");
	while (!ending) {
		int64_t ms = turn(r, &deaf);

		ending = rest(r, ms, deaf);
		if (!ending && !deaf && ms > 0)
			ending = rest(r, GAP_MS, true);
	}
	err_init(&err);
	arena_reset(r->arena);
	/* Else the lease's end does it. */
	if (relay_store_leave(r->pg, deadline_in(CALL_MS), &r->id, r->arena, &err) != STATUS_OK)
		log_warn_err("relay_leave_failed", &err);
	pthread_mutex_lock(&r->mutex);
	r->ended = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	return NULL;
}

/* ---- start and stop ---- */

static void
register_metrics(struct relay *r)
{
	metric_register(&m_events);
	metric_register(&m_failures);
	metric_register(&m_age);
	metric_register(&m_shards);
	r->m_sent = metric_series(&m_events, "sent");
	r->m_refused = metric_series(&m_events, "refused");
	r->m_failed = metric_single(&m_failures);
	r->m_age = metric_single(&m_age);
	r->m_shards = metric_single(&m_shards);
}

static void
free_relay(struct relay *r)
{
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->mutex);
	arena_free(r->arena);
	free(r->source);
	free(r);
}

enum status
relay_start(struct pg_pool *pg, struct bus *bus, const char *source, struct relay **ret_relay,
	    struct err *err)
{
	struct relay *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r == NULL || (r->source = strdup(source)) == NULL)
		panic("relay: no memory");
	r->pg = pg;
	r->bus = bus;
	r->lease_ms = bus_lease(bus);
	r->id = uuid_v7();
	r->arena = arena_new(ARENA_BYTES);
	pthread_mutex_init(&r->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	register_metrics(r);
	/* Here, so that a schema without the tables shows at start. */
	enum status st = renew_if_due(r, err);
	if (st != STATUS_OK) {
		free_relay(r);
		return st;
	}
	if (pthread_create(&r->thread, NULL, relay_main, r) != 0)
		fatal("relay: cannot start a thread");
	*ret_relay = r;
	return STATUS_OK;
}

void
relay_wake(struct relay *r)
{
	pthread_mutex_lock(&r->mutex);
	if (!r->woken) {
		r->woken = true;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->mutex);
}

bool
relay_stop(struct relay *r, struct deadline deadline)
{
	struct timespec ts = { .tv_sec = deadline.at_ms / 1000,
			       .tv_nsec = deadline.at_ms % 1000 * 1000000 };
	int rc = 0;

	pthread_mutex_lock(&r->mutex);
	r->stopping = true;
	pthread_cond_broadcast(&r->changed);
	while (!r->ended && rc == 0)
		rc = pthread_cond_timedwait(&r->changed, &r->mutex, &ts);
	bool ended = r->ended;
	pthread_mutex_unlock(&r->mutex);
	if (ended)
		pthread_join(r->thread, NULL);
	return ended;
}

void
relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	if (!r->ended)
		panic("relay: freed before it was stopped");
	free_relay(r);
}
