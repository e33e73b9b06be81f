/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_group_pg.c - how the members of a group share partitions.
 *
 * Each member has a lease (a row with an end) that it renews, and a thread that does so. There is
 * no leader: whoever renews also takes out members whose lease has ended, counts its own share of
 * each topic from the list of members, gives back what is too much and takes what nobody holds. All
 * of it happens under the lock of the group's row, so that two do not take the same; shares follow
 * from the list alone, so that all members agree on them.
 *
 * What a pause of a process can do: it is taken for dead, its partitions go to others under a
 * higher epoch, and when it wakes it still handles its batch, whose commit is refused. So a message
 * may be handled twice, at the same time even; the handler's own transaction (consumer_seen)
 * decides.
 *
 * A partition whose owner died without giving it back is read with care: what its batch can have
 * held (and no more, for care means small batches that do not wait for company), in CAREFUL_PARTS
 * parts, each with a mark (offset and length) before it is handled. Mostly nothing in it was to
 * blame, and that is all it costs. If a reader dies again, its mark tells the part, which is parted
 * in turn; so a message that ends its readers is alone after log16(batch) deaths, and is put aside
 * after BUS_PG_CRASHES_MAX more.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/observe/log.h"

#define HANDLE_TIMEOUTS 3 /* a batch that is out for longer costs the member its lease */
#define CAREFUL_PARTS 16

/* A process that freezes in here must not hold the lock for longer than its lease. */
static const char sql_lock_group[] =
	"SELECT set_config('idle_in_transaction_session_timeout', $2::bigint::text, true)"
	" FROM consumer_group WHERE name = $1 FOR UPDATE";
static const char sql_expire[] =
	"DELETE FROM group_member WHERE grp = $1 AND lease_until < clock_timestamp()";
static const char sql_renew[] =
	"INSERT INTO group_member (grp, member, topics, lease_until)"
	" VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4 / 1000.0))"
	" ON CONFLICT (grp, member) DO UPDATE SET lease_until = excluded.lease_until";
static const char sql_ranks[] =
	"SELECT t.id, count(*), count(*) FILTER (WHERE m.member < $2)"
	" FROM topic t JOIN group_member m ON m.grp = $1 AND t.name = ANY(m.topics)"
	" WHERE t.id = ANY($3::int[]) GROUP BY t.id";
static const char sql_parts[] =
	"SELECT h.topic_id, h.part, h.next_offset, coalesce(p.committed, 0), coalesce(p.epoch, 0),"
	" coalesce(p.owner = $2, false), p.owner IS NULL OR m.member IS NULL,"
	" p.owner IS NOT NULL AND m.member IS NULL"
	" FROM partition_head h"
	" LEFT JOIN group_partition p ON p.grp = $1 AND p.topic_id = h.topic_id AND p.part = h.part"
	" LEFT JOIN group_member m ON m.grp = $1 AND m.member = p.owner"
	" WHERE h.topic_id = ANY($3::int[]) ORDER BY h.topic_id, h.part";
static const char sql_take[] =
	"INSERT INTO group_partition AS p (grp, topic_id, part, owner, epoch)"
	" VALUES ($1, $2, $3, $4, 1) ON CONFLICT (grp, topic_id, part)"
	" DO UPDATE SET owner = excluded.owner, epoch = p.epoch + 1"
	" RETURNING epoch, committed, coalesce(mark_offset, 0),"
	" CASE WHEN mark_offset IS NOT NULL AND mark_count > 0 THEN mark_n ELSE 0 END";
static const char sql_give_back[] =
	"UPDATE group_partition SET owner = NULL"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4";

/* ---- a renewal ---- */

/* A partition as the group's tables show it, and what this renewal makes of it. */
struct seen {
	int64_t topic_id, part, head, committed, epoch;
	int64_t mark, mark_n; /* of one that was taken; mark_n 0: there is none */
	bool mine, is_free, is_orphan;
	bool taken, given_back;
	bool leaving; /* given back as soon as it is at rest */
};

struct sync {
	struct bus_member *member;
	struct seen *seen;
	size_t n;
	int64_t ranks[BUS_PG_TOPICS_MAX][2]; /* of member->topics: members, those before us */
	const bool *at_rest;                 /* per partition: may be given back */
};

enum status
bus_pg_lock_group(struct pg_tx *tx, const struct bus_member *m, struct err *err)
{
	return pg_tx_query(tx, sql_lock_group, PG_ARGS(pg_str(m->group), pg_int(m->lease_ms)), NULL,
			   err);
}

static enum status
read_ranks(struct pg_tx *tx, struct sync *s, struct err *err)
{
	struct bus_member *m = s->member;
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_ranks,
			    PG_ARGS(pg_str(m->group), pg_uuid(&m->id), pg_str(m->topic_ids)), &res,
			    err);

	for (size_t t = 0; st == STATUS_OK && t < m->ntopics; t++) {
		s->ranks[t][0] = 1;
		s->ranks[t][1] = 0;
		for (int i = 0; i < pg_rows(res); i++) {
			if (pg_get_int(res, i, 0) != m->topics[t]->id)
				continue;
			s->ranks[t][0] = pg_get_int(res, i, 1);
			s->ranks[t][1] = pg_get_int(res, i, 2);
		}
	}
	return st;
}

static enum status
read_parts(struct pg_tx *tx, struct sync *s, struct err *err)
{
	struct bus_member *m = s->member;
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_parts,
			    PG_ARGS(pg_str(m->group), pg_uuid(&m->id), pg_str(m->topic_ids)), &res,
			    err);

	if (st != STATUS_OK)
		return st;
	if ((size_t)pg_rows(res) != m->nparts)
		return err_set(err, STATUS_INTERNAL, "bus: %d partitions where there were %zu",
			       pg_rows(res), m->nparts);
	s->n = m->nparts;
	s->seen = ARENA_ARRAY(pg_tx_arena(tx), struct seen, s->n);
	for (int i = 0; i < (int)s->n; i++)
		s->seen[i] = (struct seen){ .topic_id = pg_get_int(res, i, 0),
					    .part = pg_get_int(res, i, 1),
					    .head = pg_get_int(res, i, 2),
					    .committed = pg_get_int(res, i, 3),
					    .epoch = pg_get_int(res, i, 4),
					    .mine = pg_get_bool(res, i, 5),
					    .is_free = pg_get_bool(res, i, 6),
					    .is_orphan = pg_get_bool(res, i, 7) };
	return STATUS_OK;
}

/* Rotated by the topic, so that the member that is first does not get the odd one of each. */
static int64_t
quota(const struct sync *s, size_t t)
{
	int64_t total = s->member->topics[t]->partitions, n = s->ranks[t][0];
	int64_t rank = (s->ranks[t][1] + (int64_t)t) % n;

	return total / n + (rank < total % n);
}

static enum status
take(struct pg_tx *tx, struct sync *s, struct seen *p, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_take,
				     PG_ARGS(pg_str(s->member->group), pg_int(p->topic_id),
					     pg_int(p->part), pg_uuid(&s->member->id)),
				     &res, err);

	if (st != STATUS_OK)
		return st;
	p->epoch = pg_get_int(res, 0, 0);
	p->committed = pg_get_int(res, 0, 1);
	p->mark = pg_get_int(res, 0, 2);
	p->mark_n = pg_get_int(res, 0, 3);
	p->mine = p->taken = true;
	return STATUS_OK;
}

static enum status
give_back(struct pg_tx *tx, struct sync *s, struct seen *p, struct err *err)
{
	p->given_back = true;
	return pg_tx_query(tx, sql_give_back,
			   PG_ARGS(pg_str(s->member->group), pg_int(p->topic_id), pg_int(p->part),
				   pg_uuid(&s->member->id)),
			   NULL, err);
}

/* One topic: down to the quota, or up to it. */
static enum status
balance(struct pg_tx *tx, struct sync *s, size_t t, struct err *err)
{
	int64_t id = s->member->topics[t]->id, mine = 0, want = quota(s, t);
	enum status st = STATUS_OK;

	for (size_t i = 0; i < s->n; i++)
		mine += s->seen[i].topic_id == id && s->seen[i].mine;
	for (size_t i = 0; i < s->n && st == STATUS_OK && mine != want; i++) {
		struct seen *p = &s->seen[i];

		if (p->topic_id != id)
			continue;
		if (mine > want && p->mine && s->at_rest[i]) {
			st = give_back(tx, s, p, err);
			mine--;
		} else if (mine < want && p->is_free && !p->mine) {
			st = take(tx, s, p, err);
			mine++;
		}
	}
	for (size_t i = 0; i < s->n && mine > want; i++) {
		struct seen *p = &s->seen[i];

		p->leaving = p->topic_id == id && p->mine && !p->given_back;
		mine -= p->leaving;
	}
	return st;
}

static enum status
on_sync(struct pg_tx *tx, void *arg, struct err *err)
{
	struct sync *s = arg;
	struct bus_member *m = s->member;
	enum status st = bus_pg_lock_group(tx, m, err);

	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_expire, PG_ARGS(pg_str(m->group)), NULL, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_renew,
				 PG_ARGS(pg_str(m->group), pg_uuid(&m->id),
					 pg_strings(m->topic_names, m->ntopics),
					 pg_int(m->lease_ms)),
				 NULL, err);
	if (st == STATUS_OK)
		st = read_ranks(tx, s, err);
	if (st == STATUS_OK)
		st = read_parts(tx, s, err);
	for (size_t t = 0; t < m->ntopics && st == STATUS_OK; t++)
		st = balance(tx, s, t, err);
	return st;
}

/* ---- what a renewal changes here ---- */

/*
 * From an owner that died over the batch that it marked, or else over any that it can have had: of
 * what is there by now. A few at a time are not parted on mere suspicion.
 */
static void
take_care(struct bus_member *m, struct bus_pg_part *part, const struct seen *p)
{
	bool marked = p->mark_n > 0;
	int64_t n = marked ? p->mark_n : p->head - p->committed;
	int64_t least = marked ? 1 : CAREFUL_PARTS;

	if (n > (int64_t)m->batch_max)
		n = (int64_t)m->batch_max;
	part->careful_until = (marked ? p->mark : p->committed) + n;
	part->careful_n = n / CAREFUL_PARTS > least ? n / CAREFUL_PARTS : least;
}

static void
own(struct bus_member *m, struct bus_pg_part *part, const struct seen *p)
{
	part->epoch = p->epoch;
	part->position = part->careful_until = p->committed;
	if (p->taken && p->is_orphan)
		take_care(m, part, p);
	part->failures = 0;
	part->rest_until_ms = part->filled_ms = 0;
}

static void
apply_one(struct bus_member *m, struct bus_pg_part *part, const struct seen *p)
{
	bool mine = p->mine && !p->given_back;

	if (p->head > part->head)
		part->head = p->head;
	part->leaving = p->leaving;
	if (part->state == PART_LOST)
		return; /* the worker brings its batch back first */
	if (part->state == PART_FOREIGN) {
		if (mine) {
			own(m, part, p);
			part->state = PART_FREE;
		}
	} else if (!mine || p->epoch != part->epoch) {
		/* Taken while we slept, or sent back to the start by a rewind. */
		if (part->state == PART_OUT) {
			part->state = PART_LOST;
		} else {
			part->state = mine ? PART_FREE : PART_FOREIGN;
			own(m, part, p);
		}
	}
}

static bool
is_hung(const struct bus_member *m)
{
	int64_t since = clock_mono_ms() - HANDLE_TIMEOUTS * m->handle_timeout_ms;

	for (size_t i = 0; i < m->nparts; i++)
		if (m->parts[i].state == PART_OUT && m->parts[i].out_ms < since)
			return true;
	return m->retry_out_ms != 0 && m->retry_out_ms < since;
}

enum status
bus_pg_sync(struct bus_member *m, struct arena *arena, struct err *err)
{
	bool *at_rest = ARENA_ARRAY(arena, bool, m->nparts);
	struct sync s = { .member = m, .at_rest = at_rest };
	struct pg_tx_options opts = { .deadline = deadline_in(BUS_PG_CALL_MS), .arena = arena };
	bool changed = false;

	pthread_mutex_lock(&m->mutex);
	bool hung = is_hung(m);
	for (size_t i = 0; i < m->nparts; i++)
		at_rest[i] = m->parts[i].state == PART_FREE || m->parts[i].state == PART_FOREIGN;
	/* What may be given back must not go out meanwhile. */
	for (size_t i = 0; i < m->nparts; i++)
		m->parts[i].give_back = at_rest[i];
	pthread_mutex_unlock(&m->mutex);
	enum status st = hung ? err_set(err, STATUS_DEADLINE_EXCEEDED,
					"group %s: a handler does not return", m->group)
			      : pg_transaction(m->bus->pool, &opts, on_sync, &s, err);
	CRASH_POINT("consumer.after_sync");
	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < m->nparts; i++) {
		m->parts[i].give_back = false;
		if (st != STATUS_OK)
			continue;
		apply_one(m, &m->parts[i], &s.seen[i]);
		changed = changed || s.seen[i].taken || s.seen[i].given_back;
	}
	pthread_cond_broadcast(&m->work);
	pthread_mutex_unlock(&m->mutex);
	if (changed)
		bus_pg_wake(m->bus, BUS_PG_WAKE_GROUP);
	return st;
}
