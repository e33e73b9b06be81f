/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_messenger.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/crashpoint.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "services/notification/notification_draft.h"
#include "services/notification/notification_prefs.h"
#include "services/notification/notification_sender.h"
#include "services/notification/notification_store.h"

#define TICK_MS 1000
#define TAKE_AT_ONCE 50
#define STEP_MS 5000
/* From asking what the user wants to the sender's answer; then a step to note the outcome. */
#define DELIVERY_MS 10000
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 300000
#define SWEEP_EVERY_MS 60000
#define SWEEP_AT_ONCE 200
#define SWEEP_BUDGET_MS 500
#define ARENA_CAP (8 << 20)

struct notification_messenger {
	struct pg_pool *pool;
	struct notification_prefs *prefs;
	struct notification_sender *senders[NOTIFICATION_SENDERS_MAX];
	size_t nsenders;
	int64_t lease_ms, keep_days;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool woken, stop;
};

static struct metric m_deliveries =
	METRIC_COUNTER("notification_deliveries_total", "Deliveries by channel and outcome.",
		       "channel", "outcome");

static struct notification_sender *
find_sender(struct notification_messenger *m, const char *channel)
{
	for (size_t i = 0; i < m->nsenders; i++) {
		if (strcmp(m->senders[i]->channel, channel) == 0)
			return m->senders[i];
	}
	return NULL;
}

static bool
is_passing(enum status st)
{
	return st == STATUS_UNAVAILABLE || st == STATUS_DEADLINE_EXCEEDED || st == STATUS_ABORTED ||
	       st == STATUS_RESOURCE_EXHAUSTED || st == STATUS_CANCELLED;
}

static enum status
send_one(struct notification_messenger *m, struct notification_sender *sender,
	 const struct notification_delivery *d, struct deadline deadline, struct arena *arena,
	 struct err *err)
{
	struct notification_contact contact = { NULL, NULL };
	enum status st = STATUS_OK;

	if (sender->needs_address)
		st = notification_prefs_contact(m->prefs, deadline, &d->user, arena, &contact, err);
	if (st != STATUS_OK)
		return st;
	st = sender->send(sender,
			  &(struct notification_letter){ .event = d->event,
							 .user = d->user,
							 .kind = d->kind,
							 .importance = d->importance,
							 .title = d->title,
							 .body = d->body,
							 .group = d->group,
							 .parameters = d->parameters,
							 .nparameters = d->nparameters,
							 .time_ms = d->time_ms,
							 .address = contact.email,
							 .name = contact.name },
			  deadline, err);
	if (st == STATUS_OK)
		CRASH_POINT("notification.delivery.after_send");
	return st;
}

/* Back-off, doubling from a second. */
static enum status
try_again(struct notification_messenger *m, const struct notification_delivery *d,
	  const struct err *why, struct arena *arena, struct err *err)
{
	int64_t delay_ms = BACKOFF_MIN_MS;

	for (int64_t i = 1; i < d->attempts && delay_ms < BACKOFF_MAX_MS; i++)
		delay_ms *= 2;
	return notification_store_again(m->pool, deadline_in(STEP_MS), d, delay_ms, why->text,
					arena, err);
}

static enum status
end(struct notification_messenger *m, const struct notification_delivery *d,
    enum notification_outcome outcome, const char *why, struct arena *arena, struct err *err)
{
	static const char *const names[] = { "sent", "skipped", "failed" };
	bool mine = false;
	enum status st = notification_store_done(m->pool, deadline_in(STEP_MS), d, outcome, why,
						 arena, &mine, err);

	if (mine)
		metric_add(metric_series(&m_deliveries, d->channel, names[outcome]), 1);
	return st;
}

/* By what the user wants now, and the time it is. */
static bool
is_wanted(const struct notification_delivery *d, const struct notification_wants *wants)
{
	const struct notification_kind *kind = notification_kind_find(d->kind);
	unsigned bit = strcmp(d->channel, "push") == 0 ? NOTIFICATION_PUSH : NOTIFICATION_MAIL;

	if (kind == NULL) /* a newer version's, which knows more of it */
		return wants->active && !(wants->channels_off & bit);
	return (notification_channels(kind, wants, d->time_ms) & bit) != 0;
}

static enum status
deliver(struct notification_messenger *m, const struct notification_delivery *d,
	struct arena *arena, struct err *err)
{
	struct notification_sender *sender = find_sender(m, d->channel);
	struct deadline deadline = deadline_in(DELIVERY_MS);
	struct notification_wants wants;
	struct err why;
	enum status st;
	bool quiet;

	if (sender == NULL || (sender->skip_read && d->read))
		return end(m, d, NOTIFICATION_SKIPPED, sender == NULL ? "no sender" : "read", arena,
			   err);
	err_init(&why);
	st = notification_prefs_find(m->prefs, deadline_in(STEP_MS), &d->user, arena, &wants, &why);
	if (st == STATUS_NOT_FOUND || (st == STATUS_OK && !is_wanted(d, &wants)))
		return end(m, d, NOTIFICATION_SKIPPED, "not wanted", arena, err);
	if (st == STATUS_OK) {
		st = notification_store_postpone(m->pool, deadline, d, &wants, arena, &quiet, err);
		if (st != STATUS_OK || quiet)
			return st;
		st = send_one(m, sender, d, deadline, arena, &why);
	}
	if (st == STATUS_OK)
		return end(m, d, NOTIFICATION_SENT, NULL, arena, err);
	if (is_passing(st) && d->attempts < NOTIFICATION_ATTEMPTS_MAX)
		return try_again(m, d, &why, arena, err);
	log_warn_err("delivery_failed", &why, LOG_STR("channel", d->channel),
		     LOG_STR("kind", d->kind));
	return end(m, d, NOTIFICATION_FAILED, why.text, arena, err);
}

static bool
is_stopping(struct notification_messenger *m)
{
	bool stop;

	pthread_mutex_lock(&m->lock);
	stop = m->stop;
	pthread_mutex_unlock(&m->lock);
	return stop;
}

/*
 * What is due; *ret_more: there may be more. None is begun that could outlast the lease: what is
 * left then goes back at once, for whoever is next.
 */
static enum status
deliver_due(struct notification_messenger *m, struct arena *arena, bool *ret_more, struct err *err)
{
	struct deadline lease = deadline_in(m->lease_ms - DELIVERY_MS - STEP_MS);
	struct notification_delivery *list;
	size_t n, i;
	struct err given_back;
	enum status st = notification_store_take(m->pool, deadline_in(STEP_MS), TAKE_AT_ONCE,
						 m->lease_ms, arena, &list, &n, err);

	if (st != STATUS_OK)
		return st;
	for (i = 0; i < n && st == STATUS_OK && deadline_left_ms(lease) > 0 && !is_stopping(m); i++)
		st = deliver(m, &list[i], arena, err);
	*ret_more = st == STATUS_OK && (n == TAKE_AT_ONCE || i < n);
	/* What was not begun need not wait for the lease's end; should this fail, it does. */
	err_init(&given_back);
	if (i < n && notification_store_give_back(m->pool, deadline_in(STEP_MS), list + i, n - i,
						  arena, &given_back) != STATUS_OK)
		log_warn_err("deliveries_not_given_back", &given_back);
	return st;
}

/* False: stop. */
static bool
wait_tick(struct notification_messenger *m)
{
	struct timespec at;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += TICK_MS / 1000;
	pthread_mutex_lock(&m->lock);
	while (!m->stop && !m->woken && pthread_cond_timedwait(&m->wake, &m->lock, &at) == 0)
		;
	m->woken = false;
	stop = m->stop;
	pthread_mutex_unlock(&m->lock);
	return !stop;
}

static void
note_failure(enum status st, const char *task, const struct err *err, bool *failing)
{
	if (st != STATUS_OK && !*failing)
		log_error_err("messenger_failed", err, LOG_STR("task", task));
	*failing = st != STATUS_OK;
}

/* Old entries, for as long as there is a batch of them and the budget lasts; *ret_more: it did not.
 */
static enum status
sweep(struct notification_messenger *m, struct arena *arena, bool *ret_more, struct err *err)
{
	struct deadline budget = deadline_in(SWEEP_BUDGET_MS);
	enum status st;
	size_t n = 0;

	do {
		arena_reset(arena);
		st = notification_store_sweep(m->pool, deadline_in(STEP_MS), m->keep_days,
					      SWEEP_AT_ONCE, arena, &n, err);
	} while (st == STATUS_OK && n == SWEEP_AT_ONCE && deadline_left_ms(budget) > 0);
	*ret_more = st == STATUS_OK && n == SWEEP_AT_ONCE;
	return st;
}

static void *
messenger_main(void *arg)
{
	struct notification_messenger *m = arg;
	bool failing = false, sweep_failing = false;
	int64_t sweep_at_ms = 0;

	do {
		struct arena *arena = arena_new(ARENA_CAP);
		bool more = false, more_old = false;
		struct err err;

		err_init(&err);
		note_failure(deliver_due(m, arena, &more, &err), "deliver", &err, &failing);
		if (clock_mono_ms() >= sweep_at_ms) {
			note_failure(sweep(m, arena, &more_old, &err), "sweep", &err,
				     &sweep_failing);
			if (!more_old)
				sweep_at_ms = clock_mono_ms() + SWEEP_EVERY_MS;
		}
		arena_free(arena);
		if (more || more_old)
			notification_messenger_wake(m);
	} while (wait_tick(m));
	return NULL;
}

struct notification_messenger *
notification_messenger_start(struct pg_pool *pool, struct notification_prefs *prefs,
			     struct notification_sender *const *senders, size_t n, int64_t lease_ms,
			     int64_t keep_days)
{
	struct notification_messenger *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;

	if (m == NULL)
		panic("notification: no memory");
	if (n > NOTIFICATION_SENDERS_MAX)
		panic("notification: %zu senders, at most %d", n, NOTIFICATION_SENDERS_MAX);
	m->pool = pool;
	m->prefs = prefs;
	memcpy(m->senders, senders, n * sizeof(*senders));
	m->nsenders = n;
	m->lease_ms = lease_ms;
	m->keep_days = keep_days;
	metric_register(&m_deliveries);
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&m->thread, NULL, messenger_main, m) != 0)
		fatal("cannot start the messenger's thread");
	pthread_setname_np(m->thread, "messenger");
	return m;
}

void
notification_messenger_stop(struct notification_messenger *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->thread, NULL);
	for (size_t i = 0; i < m->nsenders; i++)
		m->senders[i]->close(m->senders[i]);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void
notification_messenger_wake(struct notification_messenger *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->woken = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}
