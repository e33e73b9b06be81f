/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_member_pg.c - a member of a group: joins, has a thread that renews and looks what there is,
 * leaves. What a renewal does: bus_group_pg.c.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/observe/log.h"

#define RENEWALS 3       /* in the time of a lease */
#define SYNC_GAP_MS 50   /* between two that were asked for */
#define POLL_MS 1000     /* hints come in between */
#define POLL_DEAF_MS 100 /* no hint can come */

static const char sql_make_group[] =
	"INSERT INTO consumer_group (name) VALUES ($1) ON CONFLICT DO NOTHING";
static const char sql_give_back_all[] =
	"UPDATE group_partition SET owner = NULL WHERE grp = $1 AND owner = $2";
static const char sql_leave[] = "DELETE FROM group_member WHERE grp = $1 AND member = $2";
static const char sql_heads[] =
	"SELECT topic_id, part, next_offset, (SELECT (extract(epoch FROM min(due_at) -"
	" clock_timestamp()) * 1000)::bigint FROM retry WHERE grp = $2 AND topic_id = ANY($1::int[]))"
	" FROM partition_head WHERE topic_id = ANY($1::int[]) ORDER BY topic_id, part";

/* ---- heads ---- */

static void
show_lag(struct bus_member *m)
{
	for (size_t t = 0; t < m->ntopics; t++) {
		int64_t lag = 0;

		for (size_t i = 0; i < m->nparts; i++) {
			const struct bus_pg_part *p = &m->parts[i];

			if (p->topic == m->topics[t] && p->state != PART_FOREIGN)
				lag += p->head - p->position;
		}
		bus_show_lag(m->group, m->topics[t]->name, lag);
	}
}

static enum status
read_heads(struct bus_member *m, struct arena *arena, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_heads,
			 PG_ARGS(pg_str(m->topic_ids), pg_str(m->group)), arena, &res, err);

	if (st != STATUS_OK)
		return st;
	int64_t now = clock_mono_ms();
	pthread_mutex_lock(&m->mutex);
	for (int i = 0; i < pg_rows(res) && (size_t)i < m->nparts; i++) {
		struct bus_pg_part *p = &m->parts[i];
		int64_t head = pg_get_int(res, i, 2);

		if (head > p->head)
			p->head = head;
		if (p->state == PART_FREE && p->head > p->position && p->filled_ms == 0)
			p->filled_ms = now;
		m->retry_due_ms = pg_is_null(res, i, 3) ? INT64_MAX : now + pg_get_int(res, i, 3);
	}
	show_lag(m);
	pthread_cond_broadcast(&m->work);
	pthread_mutex_unlock(&m->mutex);
	return STATUS_OK;
}

/* ---- the member's thread ---- */

static int64_t
poll_ms(const struct bus_member *m)
{
	return pg_listen_is_connected(m->bus->listen) ? POLL_MS : POLL_DEAF_MS;
}

static void *
member_main(void *arg)
{
	struct bus_member *m = arg;
	struct arena *arena = arena_new(4 << 20);
	int64_t synced = clock_mono_ms(), polled = 0;
	struct err err;

	pthread_setname_np(pthread_self(), "bus-member");
	pthread_mutex_lock(&m->mutex);
	while (!m->leaving) {
		int64_t now = clock_mono_ms();
		unsigned hints = atomic_exchange(&m->hints, 0);

		m->sync_wanted = m->sync_wanted || (hints & BUS_PG_WAKE_GROUP) != 0;
		int64_t sync_at = synced + (m->sync_wanted ? SYNC_GAP_MS : m->lease_ms / RENEWALS);
		int64_t poll_at = (hints & BUS_PG_WAKE_DATA) != 0 ? now : polled + poll_ms(m);
		if (now < sync_at && now < poll_at) {
			struct timespec until =
				bus_pg_timespec(sync_at < poll_at ? sync_at : poll_at);

			pthread_cond_timedwait(&m->todo, &m->mutex, &until);
			continue;
		}
		bool is_sync = now >= sync_at;
		if (is_sync)
			m->sync_wanted = false;
		pthread_mutex_unlock(&m->mutex);
		err_init(&err);
		enum status st = is_sync ? bus_pg_sync(m, arena, &err) : STATUS_OK;
		if (st == STATUS_OK)
			st = read_heads(m, arena, &err);
		arena_reset(arena);
		if (st != STATUS_OK)
			log_warn_err("bus_member_failed", &err, LOG_STR("group", m->group));
		polled = clock_mono_ms();
		if (is_sync)
			synced = polled;
		pthread_mutex_lock(&m->mutex);
	}
	pthread_mutex_unlock(&m->mutex);
	arena_free(arena);
	return NULL;
}

/* ---- joining and leaving ---- */

static char *
copy(const char *s)
{
	char *p = strdup(s);

	if (p == NULL)
		panic("bus: no memory");
	return p;
}

static enum status
find_topics(struct bus_member *m, const char *const *names, struct err *err)
{
	struct strbuf ids = STRBUF_INIT;
	enum status st = STATUS_OK;

	for (size_t i = 0; names[i] != NULL && st == STATUS_OK; i++) {
		if (i == BUS_PG_TOPICS_MAX)
			st = err_set(err, STATUS_INVALID_ARGUMENT, "bus: more than %d topics",
				     BUS_PG_TOPICS_MAX);
		else
			st = bus_pg_find_topic(m->bus, deadline_in(BUS_PG_CALL_MS), names[i],
					       &m->topics[i], err);
		if (st != STATUS_OK)
			break;
		m->topic_names[i] = copy(names[i]);
		m->ntopics = i + 1;
		m->nparts += (size_t)m->topics[i]->partitions;
		strbuf_addf(&ids, "%s%lld", i > 0 ? "," : "{", (long long)m->topics[i]->id);
	}
	strbuf_addch(&ids, '}');
	m->topic_ids = ids.buf;
	return st;
}

/* In the order of sql_parts and sql_heads: by id of the topic, then by number. */
static void
make_parts(struct bus_member *m)
{
	size_t n = 0;
	int64_t last = INT64_MIN;

	m->parts = calloc(m->nparts + 1, sizeof(*m->parts));
	if (m->parts == NULL)
		panic("bus: no memory");
	for (size_t t = 0; t < m->ntopics; t++) {
		const struct bus_pg_topic *next = NULL;

		for (size_t i = 0; i < m->ntopics; i++)
			if (m->topics[i]->id > last &&
			    (next == NULL || m->topics[i]->id < next->id))
				next = m->topics[i];
		if (next == NULL)
			break;
		for (int64_t p = 0; p < next->partitions; p++)
			m->parts[n++] = (struct bus_pg_part){ .topic = next, .part = p };
		last = next->id;
	}
}

static void
free_member(struct bus_member *m)
{
	for (size_t i = 0; i < m->ntopics; i++)
		free(m->topic_names[i]);
	free(m->topic_ids);
	free(m->parts);
	free(m->group);
	pthread_mutex_destroy(&m->mutex);
	pthread_cond_destroy(&m->work);
	pthread_cond_destroy(&m->todo);
	free(m);
}

static struct bus_member *
new_member(struct bus_pg *bus, const struct bus_member_options *opts)
{
	struct bus_member *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;

	if (m == NULL)
		panic("bus: no memory");
	m->bus = bus;
	m->id = uuid_v7();
	m->group = copy(opts->group);
	m->batch_max = opts->batch_max;
	m->linger_ms = opts->linger_ms;
	m->mixed = opts->mixed;
	m->handle_timeout_ms = opts->handle_timeout_ms;
	m->lease_ms = opts->lease_ms;
	m->retry_due_ms = INT64_MAX;
	pthread_mutex_init(&m->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->work, &attr);
	pthread_cond_init(&m->todo, &attr);
	pthread_condattr_destroy(&attr);
	return m;
}

static void
start_member(struct bus_member *m)
{
	struct bus_pg *bus = m->bus;

	pthread_mutex_lock(&bus->mutex);
	m->next = bus->members;
	bus->members = m;
	pthread_mutex_unlock(&bus->mutex);
	if (pthread_create(&m->thread, NULL, member_main, m) != 0)
		fatal("bus: cannot start a thread");
}

enum status
bus_pg_join(void *driver, const struct bus_member_options *opts, struct bus_member **ret_member,
	    struct err *err)
{
	struct bus_pg *bus = driver;
	struct bus_member *m = new_member(bus, opts);
	struct arena *arena = arena_new(4 << 20);
	enum status st = find_topics(m, opts->topics, err);

	if (st == STATUS_OK)
		st = pg_query(bus->pool, deadline_in(BUS_PG_CALL_MS), sql_make_group,
			      PG_ARGS(pg_str(m->group)), arena, NULL, err);
	if (st == STATUS_OK) {
		make_parts(m);
		st = bus_pg_sync(m, arena, err);
	}
	arena_free(arena);
	if (st != STATUS_OK) {
		free_member(m);
		return st;
	}
	start_member(m);
	*ret_member = m;
	return STATUS_OK;
}

void
bus_pg_interrupt(struct bus_member *m)
{
	pthread_mutex_lock(&m->mutex);
	m->interrupted = true;
	pthread_cond_broadcast(&m->work);
	pthread_mutex_unlock(&m->mutex);
}

static enum status
on_leave(struct pg_tx *tx, void *arg, struct err *err)
{
	struct bus_member *m = arg;
	enum status st = bus_pg_lock_group(tx, m, err);

	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_give_back_all, PG_ARGS(pg_str(m->group), pg_uuid(&m->id)),
				 NULL, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_leave, PG_ARGS(pg_str(m->group), pg_uuid(&m->id)), NULL,
				 err);
	return st;
}

void
bus_pg_leave(struct bus_member *m)
{
	struct arena *arena = arena_new(1 << 18);
	struct pg_tx_options opts = { .deadline = deadline_in(BUS_PG_CALL_MS), .arena = arena };
	struct bus_member **link = &m->bus->members;
	struct err err;

	err_init(&err);
	pthread_mutex_lock(&m->mutex);
	m->leaving = true;
	pthread_cond_signal(&m->todo);
	pthread_mutex_unlock(&m->mutex);
	pthread_join(m->thread, NULL);
	pthread_mutex_lock(&m->bus->mutex);
	while (*link != m)
		link = &(*link)->next;
	*link = m->next;
	pthread_mutex_unlock(&m->bus->mutex);
	/* Else the lease's end does it. */
	if (pg_transaction(m->bus->pool, &opts, on_leave, m, &err) != STATUS_OK)
		log_warn_err("bus_leave_failed", &err, LOG_STR("group", m->group));
	else
		bus_pg_wake(m->bus, BUS_PG_WAKE_GROUP);
	arena_free(arena);
	free_member(m);
}
