/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_fetch_pg.c - batches out to the workers; bus_settle_pg.c has their way back.
 *
 * A batch is of one partition, or, for a group that can take it, of all partitions that have
 * something, one after the other: what lingers in the others goes along with the first one that is
 * due. A partition that is read with care goes alone.
 *
 * A retry is taken by counting the attempt before it is made, and by putting its time off for as
 * long as a handler may take: who dies over it has used an attempt up, and somebody else gets it
 * then.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/observe/log.h"

#define RETRY_HOLD_TIMEOUTS 3

/* By partition: topic, number, from where, how many at most. */
static const char sql_fetch[] =
	"SELECT n, \"offset\", id, key, type, source, time, traceparent, value FROM"
	" (SELECT *, sum(length(value)) OVER (ORDER BY n, \"offset\") AS bytes FROM"
	" (SELECT v.n, l.* FROM unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[])"
	" WITH ORDINALITY AS v (topic_id, part, position, max, n) CROSS JOIN LATERAL"
	" (SELECT * FROM log WHERE topic_id = v.topic_id AND part = v.part"
	" AND \"offset\" >= v.position ORDER BY \"offset\" LIMIT v.max) l) a) b"
	" WHERE bytes - length(value) < $5 ORDER BY n, \"offset\"";
static const char sql_mark[] =
	"UPDATE group_partition SET mark_offset = $6, mark_n = $7, mark_count ="
	" CASE WHEN mark_offset = $6 AND mark_n = $7 THEN mark_count + 1 ELSE 1 END"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4 AND epoch = $5"
	" RETURNING mark_count";
static const char sql_retry_take[] =
	"UPDATE retry SET attempt = attempt + 1,"
	" due_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)"
	" WHERE seq = (SELECT seq FROM retry WHERE grp = $1 AND due_at <= clock_timestamp()"
	" AND topic_id = ANY($2::int[]) ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
	" RETURNING \"offset\", id, key, type, source, time, traceparent, value, seq, attempt, error,"
	" topic_id, part";

void
bus_pg_read_message(const struct pg_result *res, int row, int col, struct bus_message *ret_message)
{
	*ret_message = (struct bus_message){
		.offset = pg_get_int(res, row, col),
		.id = pg_get_uuid(res, row, col + 1),
		.key = pg_get_bytes(res, row, col + 2),
		.type = pg_text(res, row, col + 3),
		.source = pg_text(res, row, col + 4),
		.time_ms = pg_get_time(res, row, col + 5),
		.traceparent = pg_is_null(res, row, col + 6) ? NULL : pg_text(res, row, col + 6),
		.value = pg_get_bytes(res, row, col + 7),
	};
}

/* ---- which partitions are next ---- */

static bool
has_something(const struct bus_pg_part *p)
{
	return p->state == PART_FREE && !p->give_back && !p->leaving && p->head > p->position;
}

static bool
is_careful(const struct bus_pg_part *p)
{
	return p->position < p->careful_until;
}

/* The time at which a partition may go out; INT64_MAX: not before something happens. */
static int64_t
ready_at(const struct bus_member *m, const struct bus_pg_part *p)
{
	if (!has_something(p))
		return INT64_MAX;
	/* What goes out with care has been waiting. */
	bool full = p->head - p->position >= (int64_t)m->batch_max || is_careful(p);
	int64_t at = full ? 0 : p->filled_ms + m->linger_ms;

	return at > p->rest_until_ms ? at : p->rest_until_ms;
}

/* Notes what of `p` goes along, while there is room; what is left of it. */
static int64_t
add_piece(struct bus_pg_out *out, struct bus_pg_part *p, int64_t room)
{
	int64_t max = p->head - p->position;

	if (is_careful(p) && p->careful_until - p->position < max)
		max = p->careful_until - p->position;
	if (is_careful(p) && p->careful_n < max)
		max = p->careful_n;
	max = max < room ? max : room;
	out->pieces[out->npieces++] = (struct bus_pg_piece){
		.part = p, .epoch = p->epoch, .position = p->position, .head = p->head, .max = max
	};
	p->state = PART_OUT;
	p->out_ms = clock_mono_ms();
	return room - max;
}

/* Takes those out that may go now, in turn; else false, and when one may. Under the mutex. */
static bool
pick(struct bus_member *m, int64_t now, struct bus_pg_out *out, int64_t *ret_at)
{
	int64_t earliest = INT64_MAX, room = (int64_t)m->batch_max;
	size_t start = m->cursor, i = 0;

	for (; i < m->nparts && out->npieces == 0; i++) {
		struct bus_pg_part *p = &m->parts[(start + i) % m->nparts];
		int64_t at = ready_at(m, p);

		if (at <= now) {
			out->is_marked = is_careful(p);
			room = add_piece(out, p, room);
		}
		earliest = at < earliest ? at : earliest;
	}
	*ret_at = earliest;
	if (out->npieces == 0)
		return false;
	for (; m->mixed && !out->is_marked && i < m->nparts && room > 0; i++) {
		struct bus_pg_part *p = &m->parts[(start + i) % m->nparts];

		if (has_something(p) && p->rest_until_ms <= now && !is_careful(p))
			room = add_piece(out, p, room);
	}
	m->cursor = (start + i) % m->nparts;
	return true;
}

/* ---- fetching ---- */

static void
ask_for_sync(struct bus_member *m)
{
	m->sync_wanted = true;
	pthread_cond_signal(&m->todo);
}

void
bus_pg_come_back(struct bus_member *m, struct bus_pg_part *p)
{
	if (p->state == PART_LOST) {
		/* Somebody else has it, or will. */
		p->state = PART_FOREIGN;
		ask_for_sync(m);
		return;
	}
	if (p->leaving)
		ask_for_sync(m);
	p->state = PART_FREE;
	p->filled_ms = p->head > p->position ? clock_mono_ms() : 0;
	pthread_cond_signal(&m->work);
}

/* A batch under suspicion: marked; a single message is put aside when marks were left often enough.
 */
static enum status
mark(struct bus_member *m, const struct bus_pg_piece *piece, struct arena *arena,
     struct bus_batch *batch, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_mark,
			 PG_ARGS(pg_str(m->group), pg_int(piece->part->topic->id),
				 pg_int(piece->part->part), pg_uuid(&m->id), pg_int(piece->epoch),
				 pg_int(batch->messages[0].offset), pg_int((int64_t)batch->n)),
			 arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_set(err, STATUS_ABORTED, "group %s: the partition has another owner",
			       m->group);
	batch->is_suspect = batch->n == 1 && pg_get_int(res, 0, 0) > BUS_PG_CRASHES_MAX;
	return STATUS_OK;
}

static void
read_batch(const struct pg_result *res, struct bus_pg_out *out, struct arena *arena,
	   struct bus_batch *batch)
{
	*batch = (struct bus_batch){ .n = (size_t)pg_rows(res), .from = out };
	batch->messages = ARENA_ARRAY(arena, struct bus_message, batch->n + 1);
	for (size_t i = 0; i < batch->n; i++) {
		struct bus_pg_piece *piece = &out->pieces[pg_get_int(res, (int)i, 0) - 1];

		if (piece->n++ == 0)
			piece->first = i;
		bus_pg_read_message(res, (int)i, 1, &batch->messages[i]);
		batch->messages[i].topic = piece->part->topic->name;
		batch->messages[i].partition = (int32_t)piece->part->part;
	}
}

/* A loss: whoever runs this must hear of it. */
static void
tell_expired(const struct bus_member *m, const struct bus_pg_piece *piece, int64_t until)
{
	if (until <= piece->position)
		return;
	log_warn("bus_messages_expired", LOG_STR("group", m->group),
		 LOG_STR("topic", piece->part->topic->name),
		 LOG_INT("partition", piece->part->part), LOG_INT("offset", piece->position),
		 LOG_INT("messages", until - piece->position));
}

static enum status
fetch(struct bus_member *m, struct bus_pg_out *out, struct arena *arena, struct bus_batch *batch,
      struct err *err)
{
	struct strbuf columns[4] = { STRBUF_ARENA(arena), STRBUF_ARENA(arena), STRBUF_ARENA(arena),
				     STRBUF_ARENA(arena) };
	struct pg_result *res;

	for (size_t i = 0; i < out->npieces; i++) {
		const struct bus_pg_piece *piece = &out->pieces[i];
		const int64_t row[4] = { piece->part->topic->id, piece->part->part, piece->position,
					 piece->max };

		for (size_t c = 0; c < ARRAY_LEN(row); c++)
			strbuf_addf(&columns[c], "%s%lld", i > 0 ? "," : "{", (long long)row[c]);
	}
	for (size_t c = 0; c < ARRAY_LEN(columns); c++)
		strbuf_addch(&columns[c], '}');
	enum status st = pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_fetch,
				  PG_ARGS(pg_str(columns[0].buf), pg_str(columns[1].buf),
					  pg_str(columns[2].buf), pg_str(columns[3].buf),
					  pg_int(BUS_PG_FETCH_BYTES)),
				  arena, &res, err);
	if (st != STATUS_OK)
		return st;
	read_batch(res, out, arena, batch);
	for (size_t i = 0; i < out->npieces; i++)
		if (out->pieces[i].n > 0)
			tell_expired(m, &out->pieces[i],
				     batch->messages[out->pieces[i].first].offset);
	return batch->n > 0 && out->is_marked ? mark(m, &out->pieces[0], arena, batch, err)
					      : STATUS_OK;
}

/* Pieces that got no message go back: the retention took it, or there was no room left. Under the
 * mutex. */
static void
drop_empty(struct bus_member *m, struct bus_pg_out *out, bool is_empty)
{
	size_t n = 0, last = 0;

	for (size_t i = 0; i < out->npieces; i++)
		if (out->pieces[i].n > 0)
			last = i;
	for (size_t i = 0; i < out->npieces; i++) {
		struct bus_pg_piece *piece = &out->pieces[i];
		struct bus_pg_part *p = piece->part;

		if (piece->n > 0) {
			out->pieces[n++] = *piece;
			continue;
		}
		if (is_empty || i < last) {
			tell_expired(m, piece, piece->head);
			p->position = piece->head;
		}
		bus_pg_come_back(m, p);
	}
	out->npieces = n;
}

/* Fills the batch with what was picked; NOT_FOUND: there was nothing after all. Under the mutex,
 * which it gives up. */
static enum status
fetch_parts(struct bus_member *m, struct bus_pg_out *out, struct arena *arena,
	    struct bus_batch *batch, struct err *err)
{
	pthread_mutex_unlock(&m->mutex);
	enum status st = fetch(m, out, arena, batch, err);
	pthread_mutex_lock(&m->mutex);
	if (st != STATUS_OK) {
		for (size_t i = 0; i < out->npieces; i++) {
			if (st == STATUS_ABORTED)
				out->pieces[i].part->state = PART_LOST;
			bus_pg_come_back(m, out->pieces[i].part);
		}
		return st;
	}
	drop_empty(m, out, batch->n == 0);
	for (size_t i = 0; i < out->npieces; i++)
		if (out->pieces[i].part->failures > batch->failures)
			batch->failures = out->pieces[i].part->failures;
	return batch->n > 0 ? STATUS_OK : err_set(err, STATUS_NOT_FOUND, "bus: no messages");
}

/* NOT_FOUND: none is due. Under the mutex, which it gives up. */
static enum status
fetch_retry(struct bus_member *m, struct arena *arena, struct bus_batch *batch, struct err *err)
{
	struct bus_pg_out *out = ARENA_NEW(arena, struct bus_pg_out);
	struct pg_result *res;

	m->retry_out_ms = clock_mono_ms();
	pthread_mutex_unlock(&m->mutex);
	enum status st = pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_retry_take,
				  PG_ARGS(pg_str(m->group), pg_str(m->topic_ids),
					  pg_int(RETRY_HOLD_TIMEOUTS * m->handle_timeout_ms)),
				  arena, &res, err);
	if (st == STATUS_OK && pg_rows(res) == 0)
		st = err_set(err, STATUS_NOT_FOUND, "bus: no retry is due");
	if (st == STATUS_OK) {
		struct bus_message *msg = ARENA_NEW(arena, struct bus_message);

		bus_pg_read_message(res, 0, 0, msg);
		msg->topic = bus_pg_topic_name(m->bus, pg_get_int(res, 0, 11));
		msg->partition = (int32_t)pg_get_int(res, 0, 12);
		msg->attempt = (unsigned)pg_get_int(res, 0, 9) - 1;
		msg->error = pg_text(res, 0, 10);
		msg->group = m->group;
		*out = (struct bus_pg_out){ .seq = pg_get_int(res, 0, 8),
					    .attempt = pg_get_int(res, 0, 9) };
		*batch = (struct bus_batch){
			.messages = msg, .n = 1, .is_retry = true, .from = out
		};
	}
	pthread_mutex_lock(&m->mutex);
	if (st != STATUS_OK)
		m->retry_out_ms = 0;
	/* There may be another one: it is asked for when this one is back. */
	if (st == STATUS_NOT_FOUND)
		m->retry_due_ms = INT64_MAX;
	return st;
}

enum status
bus_pg_next(struct bus_member *m, struct deadline deadline, struct arena *arena,
	    struct bus_batch *ret_batch, struct err *err)
{
	struct bus_pg_out *out = ARENA_NEW(arena, struct bus_pg_out);
	enum status st = STATUS_NOT_FOUND;
	int64_t at = INT64_MAX;

	out->pieces = ARENA_ARRAY(arena, struct bus_pg_piece, m->nparts + 1);
	pthread_mutex_lock(&m->mutex);
	while (st == STATUS_NOT_FOUND) {
		int64_t now = clock_mono_ms();

		if (m->interrupted) {
			st = err_set(err, STATUS_CANCELLED, "bus: interrupted");
		} else if (m->retry_out_ms == 0 && m->retry_due_ms <= now) {
			st = fetch_retry(m, arena, ret_batch, err);
		} else if (pick(m, now, out, &at)) {
			st = fetch_parts(m, out, arena, ret_batch, err);
		} else if (deadline_left_ms(deadline) == 0) {
			err_set(err, STATUS_NOT_FOUND, "bus: nothing in time");
			break;
		} else {
			if (m->retry_out_ms == 0 && m->retry_due_ms < at)
				at = m->retry_due_ms;
			struct timespec until =
				bus_pg_timespec(at < deadline.at_ms ? at : deadline.at_ms);
			pthread_cond_timedwait(&m->work, &m->mutex, &until);
		}
	}
	pthread_mutex_unlock(&m->mutex);
	return st;
}
