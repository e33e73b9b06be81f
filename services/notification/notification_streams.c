/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_streams.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

#include "fit/notification/v1/notification.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/rng.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/rpc_server.h"
#include "services/notification/notification_store.h"

#define BATCH 200
#define ROUND_ARENA (16 << 20)
#define QUERY_MS 5000
/* A stream ends so long before its call's deadline would cut it. */
#define BEFORE_DEADLINE_MS 2000

/* Who holds a stream. All but `cursor` … `ended` is guarded by the lock; those are the thread's.
 */
enum stream_state {
	STREAM_IDLE,   /* the map */
	STREAM_QUEUED, /* the map and the queue: somebody has to look */
	STREAM_TAKEN,  /* the thread, off the lock; it also ends the call if on_cancel came */
	STREAM_ENDING, /* the thread, in rpc_stream_finish */
};

struct stream {
	struct notification_streams *streams;
	struct rpc_stream *rpc;
	struct uuid user, session;
	struct stream *next_of_user;
	LIST_ENTRY(stream) all;
	TAILQ_ENTRY(stream) queued;
	enum stream_state state;
	bool cancelled;
	bool again;   /* hinted at while taken */
	bool blocked; /* its queue is full; on_drain clears it */
	int64_t end_ms;
	/* the thread's */
	int64_t cursor, seen_unread;
	bool greeted, ended; /* ended: its session has */
};

struct notification_streams {
	struct pg_pool *pool;
	int64_t poll_ms, life_ms;
	size_t max;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct hashmap *users; /* 16 bytes of an id -> first struct stream of that user */
	LIST_HEAD(, stream) all;
	TAILQ_HEAD(stream_queue, stream) queue;
	size_t n;
	bool draining, stopping;
};

static struct metric m_open = METRIC_GAUGE("notification_streams_open", "Open inbox streams.");
static struct metric m_sent =
	METRIC_COUNTER("notification_stream_events_total", "Events sent on inbox streams.");

/* ---- the map; under the lock ---- */

static struct slice
key_of(const struct uuid *user)
{
	return slice_make(user->b, sizeof(user->b));
}

static void
link_stream(struct notification_streams *streams, struct stream *s)
{
	s->next_of_user = hashmap_get(streams->users, key_of(&s->user));
	hashmap_put(streams->users, key_of(&s->user), s);
	LIST_INSERT_HEAD(&streams->all, s, all);
	metric_set(metric_single(&m_open), (double)++streams->n);
}

static void
unlink_stream(struct notification_streams *streams, struct stream *s)
{
	struct stream *first = hashmap_get(streams->users, key_of(&s->user));

	if (first == s) {
		/* The key lives in the entry: the map must not keep it. */
		hashmap_remove(streams->users, key_of(&s->user));
		if (s->next_of_user != NULL)
			hashmap_put(streams->users, key_of(&s->next_of_user->user),
				    s->next_of_user);
	} else {
		while (first->next_of_user != s)
			first = first->next_of_user;
		first->next_of_user = s->next_of_user;
	}
	LIST_REMOVE(s, all);
	metric_set(metric_single(&m_open), (double)--streams->n);
}

static void
queue_stream(struct notification_streams *streams, struct stream *s)
{
	if (s->state == STREAM_TAKEN)
		s->again = true;
	if (s->state != STREAM_IDLE || s->blocked)
		return;
	s->state = STREAM_QUEUED;
	TAILQ_INSERT_TAIL(&streams->queue, s, queued);
	pthread_cond_signal(&streams->wake);
}

/* ---- what the call tells; I/O threads ---- */

static void
on_cancel(void *arg)
{
	struct stream *s = arg;
	struct notification_streams *streams = s->streams;
	bool mine;

	pthread_mutex_lock(&streams->lock);
	s->cancelled = true;
	mine = s->state == STREAM_IDLE || s->state == STREAM_QUEUED;
	if (mine) {
		if (s->state == STREAM_QUEUED)
			TAILQ_REMOVE(&streams->queue, s, queued);
		unlink_stream(streams, s);
	}
	pthread_mutex_unlock(&streams->lock);
	if (mine) {
		rpc_stream_finish(s->rpc, STATUS_CANCELLED, NULL);
		free(s);
	}
}

static void
on_drain(void *arg)
{
	struct stream *s = arg;

	pthread_mutex_lock(&s->streams->lock);
	s->blocked = false;
	queue_stream(s->streams, s);
	pthread_mutex_unlock(&s->streams->lock);
}

/* ---- sending; the thread ---- */

/* False: nothing more now, the queue is full or the peer gone. */
static bool
send_event(struct stream *s, Fit__Notification__V1__InboxEvent *event)
{
	enum status st;
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)s->cursor);
	event->event_id = id;
	st = rpc_stream_send(s->rpc, &event->base);
	if (st == STATUS_RESOURCE_EXHAUSTED) {
		pthread_mutex_lock(&s->streams->lock);
		s->blocked = true;
		pthread_mutex_unlock(&s->streams->lock);
	}
	if (st == STATUS_OK)
		metric_add(metric_single(&m_sent), 1);
	return st == STATUS_OK;
}

static bool
send_state(struct stream *s, const struct notification_state *state)
{
	Fit__Notification__V1__InboxEvent event;
	Fit__Notification__V1__InboxState inbox;

	fit__notification__v1__inbox_event__init(&event);
	fit__notification__v1__inbox_state__init(&inbox);
	inbox.unread_count = (uint32_t)state->unread;
	event.type_case = FIT__NOTIFICATION__V1__INBOX_EVENT__TYPE_INBOX;
	event.inbox = &inbox;
	if (!send_event(s, &event))
		return false;
	s->greeted = true;
	s->seen_unread = state->unread;
	return true;
}

static bool
send_entry(struct stream *s, const struct notification_found *found)
{
	Fit__Notification__V1__InboxEvent event;
	int64_t before = s->cursor;

	fit__notification__v1__inbox_event__init(&event);
	event.type_case = FIT__NOTIFICATION__V1__INBOX_EVENT__TYPE_NOTIFICATION;
	event.notification = found->notification;
	s->cursor = found->sequence;
	if (send_event(s, &event))
		return true;
	s->cursor = before;
	return false;
}

/* ---- a round: many streams, two statements ---- */

struct round {
	struct arena *arena;
	struct stream *streams[BATCH];
	struct notification_state states[BATCH];
	bool held[BATCH]; /* no more to it in this round */
	size_t n;
};

static enum status
send_entries(struct notification_streams *streams, struct round *r, struct deadline deadline,
	     struct err *err)
{
	struct notification_cursor cursors[BATCH];
	size_t at[BATCH], got[BATCH] = { 0 }, n = 0, nfound;
	struct notification_found *found;
	enum status st;

	for (size_t i = 0; i < r->n; i++) {
		const struct stream *s = r->streams[i];

		if (r->held[i] || s->cursor >= r->states[i].last_sequence)
			continue;
		cursors[n] = (struct notification_cursor){ s->user, s->cursor };
		at[n++] = i;
	}
	if (n == 0)
		return STATUS_OK;
	st = notification_store_after(streams->pool, deadline, cursors, n, r->arena, &found,
				      &nfound, err);
	for (size_t i = 0; st == STATUS_OK && i < nfound; i++) {
		size_t place = at[found[i].cursor];

		if (!r->held[place])
			r->held[place] = !send_entry(r->streams[place], &found[i]);
		if (++got[found[i].cursor] == NOTIFICATION_STORE_STEP) {
			pthread_mutex_lock(&streams->lock);
			r->streams[place]->again = true;
			pthread_mutex_unlock(&streams->lock);
		}
	}
	/* Entries that are gone (deleted by age) leave no hole in front of the cursor. */
	for (size_t i = 0; st == STATUS_OK && i < n; i++) {
		struct stream *s = r->streams[at[i]];

		if (!r->held[at[i]] && got[i] < NOTIFICATION_STORE_STEP &&
		    s->cursor < r->states[at[i]].last_sequence)
			s->cursor = r->states[at[i]].last_sequence;
	}
	return st;
}

static enum status
serve(struct notification_streams *streams, struct round *r, struct err *err)
{
	struct deadline deadline = deadline_in(QUERY_MS);
	struct notification_reader readers[BATCH];
	bool ended[BATCH];
	enum status st;

	for (size_t i = 0; i < r->n; i++)
		readers[i] =
			(struct notification_reader){ r->streams[i]->user, r->streams[i]->session };
	st = notification_store_states(streams->pool, deadline, readers, r->n, r->arena, r->states,
				       ended, err);
	for (size_t i = 0; st == STATUS_OK && i < r->n; i++) {
		struct stream *s = r->streams[i];

		/* A cursor beyond the end is none of this inbox's. */
		if (s->cursor < 0 || s->cursor > r->states[i].last_sequence)
			s->cursor = r->states[i].last_sequence;
		s->ended = ended[i];
		r->held[i] = s->ended || (!s->greeted && !send_state(s, &r->states[i]));
	}
	if (st == STATUS_OK)
		st = send_entries(streams, r, deadline, err);
	for (size_t i = 0; st == STATUS_OK && i < r->n; i++) {
		if (!r->held[i] && r->streams[i]->seen_unread != r->states[i].unread)
			(void)send_state(r->streams[i], &r->states[i]);
	}
	return st;
}

/* ---- the thread ---- */

/* It is in no list, and the lock is not held: on_cancel may be waiting for it. */
static void
finish(struct stream *s, enum status status)
{
	struct err err;

	err_init(&err);
	if (status == STATUS_UNAUTHENTICATED)
		status = err_public(&err, status, "The session has ended.");
	rpc_stream_finish(s->rpc, status, status == STATUS_OK ? NULL : &err);
	free(s);
}

/* Gives the round's streams back to the map, or ends those that were cancelled meanwhile, and those
 * whose session has ended. */
static void
give_back(struct notification_streams *streams, struct round *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct stream *s = r->streams[i];
		bool end;

		pthread_mutex_lock(&streams->lock);
		enum status st = s->cancelled ? STATUS_CANCELLED
				 : s->ended   ? STATUS_UNAUTHENTICATED
					      : STATUS_OK;
		end = s->cancelled || s->ended || streams->draining;
		s->state = end ? STREAM_ENDING : STREAM_IDLE;
		if (end) {
			unlink_stream(streams, s);
		} else if (s->again) {
			/* Maybe on_drain came just before the stream was marked as blocked. */
			s->again = s->blocked = false;
			queue_stream(streams, s);
		}
		pthread_mutex_unlock(&streams->lock);
		if (end)
			finish(s, st);
	}
}

static void
take(struct notification_streams *streams, struct round *r)
{
	struct stream *s;

	for (r->n = 0; r->n < BATCH && (s = TAILQ_FIRST(&streams->queue)) != NULL; r->n++) {
		TAILQ_REMOVE(&streams->queue, s, queued);
		s->state = STREAM_TAKEN;
		s->again = false;
		r->streams[r->n] = s;
	}
}

/* One stream whose time is over, or any while draining; NULL: none. Under the lock; the caller
 * finishes it. */
static struct stream *
take_ended(struct notification_streams *streams)
{
	int64_t now_ms = clock_mono_ms();
	struct stream *s;

	LIST_FOREACH(s, &streams->all, all)
	{
		if (s->state != STREAM_IDLE && s->state != STREAM_QUEUED)
			continue;
		if (!streams->draining && s->end_ms > now_ms)
			continue;
		if (s->state == STREAM_QUEUED)
			TAILQ_REMOVE(&streams->queue, s, queued);
		s->state = STREAM_ENDING;
		unlink_stream(streams, s);
		return s;
	}
	return NULL;
}

static void
end_streams(struct notification_streams *streams)
{
	struct stream *s;

	for (;;) {
		pthread_mutex_lock(&streams->lock);
		s = take_ended(streams);
		pthread_mutex_unlock(&streams->lock);
		if (s == NULL)
			return;
		finish(s, STATUS_OK);
	}
}

static void
queue_all(struct notification_streams *streams)
{
	struct stream *s;

	pthread_mutex_lock(&streams->lock);
	LIST_FOREACH(s, &streams->all, all)
	queue_stream(streams, s);
	pthread_mutex_unlock(&streams->lock);
}

/* Until there is work, or the poll is due. False: the thread is to end. */
static bool
wait_work(struct notification_streams *streams, int64_t poll_at_ms, struct round *r)
{
	struct timespec at = { .tv_sec = poll_at_ms / 1000,
			       .tv_nsec = poll_at_ms % 1000 * 1000000 };
	bool go_on;

	pthread_mutex_lock(&streams->lock);
	while (!streams->stopping && !(streams->draining && streams->n > 0) &&
	       TAILQ_EMPTY(&streams->queue) &&
	       pthread_cond_timedwait(&streams->wake, &streams->lock, &at) == 0)
		;
	take(streams, r);
	go_on = !streams->stopping || streams->n > 0;
	pthread_mutex_unlock(&streams->lock);
	return go_on;
}

static void *
streams_main(void *arg)
{
	struct notification_streams *streams = arg;
	struct round r = { .arena = arena_new(ROUND_ARENA) };
	int64_t poll_at_ms = clock_mono_ms() + streams->poll_ms;
	bool failing = false;

	while (wait_work(streams, poll_at_ms, &r)) {
		struct err err;

		err_init(&err);
		if (r.n > 0) {
			bool failed = serve(streams, &r, &err) != STATUS_OK;

			/* The poll tries again. */
			if (failed && !failing)
				log_warn_err("streams_not_served", &err);
			failing = failed;
			give_back(streams, &r);
			arena_reset(r.arena);
		}
		if (clock_mono_ms() >= poll_at_ms || streams->draining) {
			end_streams(streams);
			queue_all(streams);
			poll_at_ms = clock_mono_ms() + streams->poll_ms;
		}
	}
	arena_free(r.arena);
	return NULL;
}

/* ---- beginning and end ---- */

struct notification_streams *
notification_streams_new(struct pg_pool *pool, int64_t poll_ms, int64_t life_ms, size_t max)
{
	struct notification_streams *streams = calloc(1, sizeof(*streams));
	pthread_condattr_t attr;

	if (streams == NULL)
		panic("notification: no memory");
	streams->pool = pool;
	streams->poll_ms = poll_ms;
	streams->life_ms = life_ms;
	streams->max = max;
	streams->users = hashmap_new();
	LIST_INIT(&streams->all);
	TAILQ_INIT(&streams->queue);
	metric_register(&m_open);
	metric_register(&m_sent);
	metric_set(metric_single(&m_open), 0);
	pthread_mutex_init(&streams->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&streams->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&streams->thread, NULL, streams_main, streams) != 0)
		fatal("cannot start the streams' thread");
	pthread_setname_np(streams->thread, "inbox-streams");
	return streams;
}

void
notification_streams_drain(struct notification_streams *streams)
{
	pthread_mutex_lock(&streams->lock);
	streams->draining = true;
	pthread_cond_signal(&streams->wake);
	pthread_mutex_unlock(&streams->lock);
}

void
notification_streams_free(struct notification_streams *streams)
{
	if (streams == NULL)
		return;
	pthread_mutex_lock(&streams->lock);
	streams->draining = streams->stopping = true;
	pthread_cond_signal(&streams->wake);
	pthread_mutex_unlock(&streams->lock);
	pthread_join(streams->thread, NULL);
	hashmap_free(streams->users);
	pthread_cond_destroy(&streams->wake);
	pthread_mutex_destroy(&streams->lock);
	free(streams);
}

static enum status
check_room(const struct notification_streams *streams, const struct uuid *user, struct err *err)
{
	const struct stream *s = hashmap_get(streams->users, key_of(user));
	unsigned of_user = 0;

	if (streams->draining)
		return err_public(err, STATUS_UNAVAILABLE, "The service is about to restart.");
	for (; s != NULL; s = s->next_of_user)
		of_user++;
	if (of_user >= NOTIFICATION_STREAMS_PER_USER)
		return err_public(err, STATUS_RESOURCE_EXHAUSTED,
				  "There are %u open streams of this inbox; close one.", of_user);
	if (streams->n >= streams->max)
		return err_public(err, STATUS_RESOURCE_EXHAUSTED,
				  "There are too many open streams at the moment.");
	return STATUS_OK;
}

enum status
notification_streams_open(struct notification_streams *streams, struct rpc_call *call,
			  int64_t after, struct err *err)
{
	const struct principal *who = rpc_call_principal(call);
	struct stream *s = calloc(1, sizeof(*s));
	const struct rpc_stream_events events = { on_cancel, on_drain, s };
	int64_t left_ms = deadline_left_ms(rpc_call_deadline(call)) - BEFORE_DEADLINE_MS;
	int64_t life_ms = streams->life_ms;
	enum status st;

	if (s == NULL)
		panic("notification: no memory");
	/* Streams that were opened at once do not end at once. */
	life_ms -= rng_below((uint32_t)(life_ms / 4 + 1));
	*s = (struct stream){ .streams = streams,
			      .user = who->user_id,
			      .session = who->session_id,
			      .cursor = after,
			      .end_ms = clock_mono_ms() + (left_ms < life_ms ? left_ms : life_ms) };
	pthread_mutex_lock(&streams->lock);
	st = check_room(streams, &s->user, err);
	if (st == STATUS_OK) {
		/* Under the lock: on_cancel may come at once, and waits for it. */
		s->rpc = rpc_call_detach(call, &events);
		link_stream(streams, s);
		queue_stream(streams, s);
	}
	pthread_mutex_unlock(&streams->lock);
	if (st != STATUS_OK)
		free(s);
	return st;
}

void
notification_streams_hint(struct notification_streams *streams, const struct uuid *user)
{
	pthread_mutex_lock(&streams->lock);
	for (struct stream *s = hashmap_get(streams->users, key_of(user)); s != NULL;
	     s = s->next_of_user)
		queue_stream(streams, s);
	pthread_mutex_unlock(&streams->lock);
}
