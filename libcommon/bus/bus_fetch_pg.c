/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_fetch_pg.c - batches out to the workers and back.
 *
 * A commit of a position need not be durable at once: if the server forgets it, messages come
 * again, which they may anyway. What goes to .retry or .dlq is durable in the transaction that
 * moves the position past it.
 *
 * A retry is taken by counting the attempt before it is made, and by putting its time off for as
 * long as a handler may take: who dies over it has used an attempt up, and somebody else gets it
 * then.
 */
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/observe/log.h"

#define RETRY_HOLD_TIMEOUTS 3
#define ERROR_MAX 400

static const char sql_fetch[] =
	"SELECT \"offset\", id, key, type, source, time, traceparent, value FROM"
	" (SELECT *, sum(length(value)) OVER (ORDER BY \"offset\") AS bytes FROM"
	" (SELECT * FROM log WHERE topic_id = $1 AND part = $2 AND \"offset\" >= $3"
	" ORDER BY \"offset\" LIMIT $4) a) b"
	" WHERE bytes - length(value) < $5 ORDER BY \"offset\"";
static const char sql_mark[] =
	"UPDATE group_partition SET mark_offset = $6, mark_n = $7, mark_count ="
	" CASE WHEN mark_offset = $6 AND mark_n = $7 THEN mark_count + 1 ELSE 1 END"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4 AND epoch = $5"
	" RETURNING mark_count";
static const char sql_unmark[] =
	"UPDATE group_partition SET mark_count = greatest(mark_count - 1, 0)"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4 AND epoch = $5";
static const char sql_commit_lazily[] =
	"WITH s AS (SELECT set_config('synchronous_commit', 'off', true))"
	" UPDATE group_partition SET committed = $6, mark_offset = NULL, mark_count = 0 FROM s"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4 AND epoch = $5";
/* First in its transaction, which must not outlive a process that freezes in it. */
static const char sql_commit[] =
	"WITH s AS (SELECT set_config('idle_in_transaction_session_timeout', '5000', true))"
	" UPDATE group_partition SET committed = $6, mark_offset = NULL, mark_count = 0 FROM s"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4 AND epoch = $5";
static const char sql_retry_add[] =
	"INSERT INTO retry (grp, topic_id, part, \"offset\", id, key, type, source, time,"
	" traceparent, value, attempt, due_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
	" $10, $11, $12, clock_timestamp() + make_interval(secs => $14 / 1000.0), $13)";
static const char sql_dlq_add[] =
	"INSERT INTO dlq (grp, topic_id, part, \"offset\", id, key, type, source, time,"
	" traceparent, value, attempt, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
	" $11, $12, $13)";
static const char sql_retry_take[] =
	"UPDATE retry SET attempt = attempt + 1,"
	" due_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)"
	" WHERE seq = (SELECT seq FROM retry WHERE grp = $1 AND due_at <= clock_timestamp()"
	" AND topic_id = ANY($2::int[]) ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
	" RETURNING \"offset\", id, key, type, source, time, traceparent, value, seq, attempt, error,"
	" topic_id, part";
static const char sql_retry_done[] = "DELETE FROM retry WHERE seq = $1 AND attempt = $2";
static const char sql_retry_again[] =
	"UPDATE retry SET error = $3, due_at = clock_timestamp() + make_interval(secs => $4 / 1000.0)"
	" WHERE seq = $1 AND attempt = $2";
static const char sql_retry_pause[] =
	"UPDATE retry SET attempt = attempt - 1,"
	" due_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)"
	" WHERE seq = $1 AND attempt = $2";
static const char sql_retry_dead[] =
	"WITH d AS (DELETE FROM retry WHERE seq = $1 AND attempt = $2 RETURNING *)"
	" INSERT INTO dlq (grp, topic_id, part, \"offset\", id, key, type, source, time,"
	" traceparent, value, attempt, error) SELECT grp, topic_id, part, \"offset\", id, key, type,"
	" source, time, traceparent, value, attempt, $3 FROM d";

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

/* ---- which partition is next ---- */

/* The time at which a partition may go out; INT64_MAX: not before something happens. */
static int64_t
ready_at(const struct bus_member *m, const struct bus_pg_part *p)
{
	if (p->state != PART_FREE || p->give_back || p->head <= p->position)
		return INT64_MAX;
	/* What goes out with care has been waiting. */
	bool full =
		p->head - p->position >= (int64_t)m->batch_max || p->position < p->careful_until;
	int64_t at = full ? 0 : p->filled_ms + m->linger_ms;

	return at > p->rest_until_ms ? at : p->rest_until_ms;
}

/* The next one that may go out now, in turn; else NULL, and when one will. */
static struct bus_pg_part *
pick(struct bus_member *m, int64_t now, int64_t *ret_at)
{
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < m->nparts; i++) {
		struct bus_pg_part *p = &m->parts[(m->cursor + i) % m->nparts];
		int64_t at = ready_at(m, p);

		if (at <= now) {
			m->cursor = (size_t)(p - m->parts) + 1;
			return p;
		}
		earliest = at < earliest ? at : earliest;
	}
	*ret_at = earliest;
	return NULL;
}

/* ---- fetching ---- */

static void
ask_for_sync(struct bus_member *m)
{
	m->sync_wanted = true;
	pthread_cond_signal(&m->todo);
}

/* Somebody else has it, or will; under the mutex. */
static void
lose(struct bus_member *m, struct bus_pg_part *p)
{
	p->state = PART_FOREIGN;
	ask_for_sync(m);
}

/* A batch came back: at rest again, unless its partition was lost meanwhile. */
static void
come_back(struct bus_member *m, struct bus_pg_part *p)
{
	if (p->state == PART_LOST) {
		lose(m, p);
		return;
	}
	p->state = PART_FREE;
	p->filled_ms = p->head > p->position ? clock_mono_ms() : 0;
	pthread_cond_signal(&m->work);
}

/* A batch under suspicion: marked; a single message is put aside when marks were left often enough.
 */
static enum status
mark(struct bus_member *m, struct bus_pg_part *p, int64_t epoch, struct arena *arena,
     struct bus_batch *batch, struct err *err)
{
	struct bus_pg_out *out = batch->from;
	struct pg_result *res;
	enum status st =
		pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_mark,
			 PG_ARGS(pg_str(m->group), pg_int(p->topic->id), pg_int(p->part),
				 pg_uuid(&m->id), pg_int(epoch), pg_int(batch->messages[0].offset),
				 pg_int((int64_t)batch->n)),
			 arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_set(err, STATUS_ABORTED, "group %s: the partition has another owner",
			       m->group);
	out->is_marked = true;
	batch->is_suspect = batch->n == 1 && pg_get_int(res, 0, 0) > BUS_PG_CRASHES_MAX;
	return STATUS_OK;
}

/* `p` is out; fills the batch. */
static enum status
fetch(struct bus_member *m, struct bus_pg_part *p, int64_t position, int64_t max, bool careful,
      struct arena *arena, struct bus_batch *batch, struct err *err)
{
	struct bus_pg_out *out = ARENA_NEW(arena, struct bus_pg_out);
	struct pg_result *res;
	enum status st = pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_fetch,
				  PG_ARGS(pg_int(p->topic->id), pg_int(p->part), pg_int(position),
					  pg_int(max), pg_int(BUS_PG_FETCH_BYTES)),
				  arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*out = (struct bus_pg_out){ .part = p, .epoch = p->epoch };
	*batch = (struct bus_batch){ .n = (size_t)pg_rows(res),
				     .failures = p->failures,
				     .from = out };
	batch->messages = ARENA_ARRAY(arena, struct bus_message, batch->n + 1);
	for (size_t i = 0; i < batch->n; i++) {
		bus_pg_read_message(res, (int)i, 0, &batch->messages[i]);
		batch->messages[i].topic = p->topic->name;
		batch->messages[i].partition = (int32_t)p->part;
	}
	return batch->n > 0 && careful ? mark(m, p, out->epoch, arena, batch, err) : STATUS_OK;
}

/* Takes `p` out and fills the batch; NOT_FOUND: there was nothing after all. Under the mutex, which
 * it gives up. */
static enum status
fetch_part(struct bus_member *m, struct bus_pg_part *p, struct arena *arena,
	   struct bus_batch *batch, struct err *err)
{
	int64_t position = p->position, head = p->head;
	bool careful = position < p->careful_until;
	int64_t max = (int64_t)m->batch_max;

	if (careful)
		max = p->careful_until - position < p->careful_n ? p->careful_until - position
								 : p->careful_n;

	p->state = PART_OUT;
	p->out_ms = clock_mono_ms();
	pthread_mutex_unlock(&m->mutex);
	enum status st = fetch(m, p, position, max, careful, arena, batch, err);
	pthread_mutex_lock(&m->mutex);
	if (st == STATUS_OK && batch->n > 0)
		return STATUS_OK;
	if (st == STATUS_OK) {
		/* The retention took what was there. */
		p->position = p->position > head ? p->position : head;
		st = err_set(err, STATUS_NOT_FOUND, "bus: no messages from %lld on",
			     (long long)position);
	}
	if (st == STATUS_ABORTED)
		p->state = PART_LOST;
	come_back(m, p);
	return st;
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
	enum status st = STATUS_NOT_FOUND;
	int64_t at = INT64_MAX;

	pthread_mutex_lock(&m->mutex);
	while (st == STATUS_NOT_FOUND) {
		int64_t now = clock_mono_ms();
		struct bus_pg_part *p;

		if (m->interrupted) {
			st = err_set(err, STATUS_CANCELLED, "bus: interrupted");
		} else if (m->retry_out_ms == 0 && m->retry_due_ms <= now) {
			st = fetch_retry(m, arena, ret_batch, err);
		} else if ((p = pick(m, now, &at)) != NULL) {
			st = fetch_part(m, p, arena, ret_batch, err);
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

/* ---- settling ---- */

struct settle {
	struct bus_member *member;
	const struct bus_pg_out *out;
	const struct bus_batch *batch;
	size_t n;
	const struct bus_aside *asides;
	size_t nasides;
};

static enum status
check_owned(int64_t affected, const struct bus_member *m, struct err *err)
{
	return affected == 1 ? STATUS_OK
			     : err_set(err, STATUS_ABORTED,
				       "group %s: the partition has another owner", m->group);
}

#define COMMIT_ARGS(m, out, offset)                                                                \
	PG_ARGS(pg_str((m)->group), pg_int((out)->part->topic->id), pg_int((out)->part->part),     \
		pg_uuid(&(m)->id), pg_int((out)->epoch), pg_int(offset))

static enum status
put_aside(struct pg_tx *tx, const struct settle *s, const struct bus_aside *aside, struct err *err)
{
	const struct bus_message *msg = &s->batch->messages[aside->index];
	const struct bus_pg_part *p = s->out->part;
	const struct pg_arg args[] = {
		pg_str(s->member->group), pg_int(p->topic->id),     pg_int(p->part),
		pg_int(msg->offset),      pg_uuid(&msg->id),        pg_bytes(msg->key),
		pg_str(msg->type),        pg_str(msg->source),      pg_time(msg->time_ms),
		pg_str(msg->traceparent), pg_bytes(msg->value),     pg_int(1),
		pg_str(aside->error),     pg_int(aside->due_in_ms),
	};

	return aside->dead ? pg_tx_query(tx, sql_dlq_add, args, 13, NULL, err)
			   : pg_tx_query(tx, sql_retry_add, args, 14, NULL, err);
}

static enum status
on_settle(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct settle *s = arg;
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_commit,
			    COMMIT_ARGS(s->member, s->out, s->batch->messages[s->n - 1].offset + 1),
			    &res, err);

	if (st == STATUS_OK)
		st = check_owned(pg_affected(res), s->member, err);
	for (size_t i = 0; i < s->nasides && st == STATUS_OK; i++)
		st = put_aside(tx, s, &s->asides[i], err);
	return st;
}

static enum status
settle_part(struct settle *s, struct arena *arena, struct err *err)
{
	struct pg_tx_options opts = { .deadline = deadline_in(BUS_PG_CALL_MS), .arena = arena };
	struct pg_result *res;

	if (s->n == 0)
		return STATUS_OK;
	if (s->nasides > 0)
		return pg_transaction(s->member->bus->pool, &opts, on_settle, s, err);
	enum status st =
		pg_query(s->member->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_commit_lazily,
			 COMMIT_ARGS(s->member, s->out, s->batch->messages[s->n - 1].offset + 1),
			 arena, &res, err);
	return st == STATUS_OK ? check_owned(pg_affected(res), s->member, err) : st;
}

static enum status
settle_retry(struct settle *s, struct arena *arena, struct err *err)
{
	struct pg_pool *pool = s->member->bus->pool;
	struct deadline deadline = deadline_in(BUS_PG_CALL_MS);
	struct pg_arg seq = pg_int(s->out->seq), attempt = pg_int(s->out->attempt);
	struct pg_result *res;
	enum status st;

	if (s->nasides == 0)
		st = pg_query(pool, deadline, sql_retry_done, PG_ARGS(seq, attempt), arena, &res,
			      err);
	else if (s->asides[0].dead)
		st = pg_query(pool, deadline, sql_retry_dead,
			      PG_ARGS(seq, attempt, pg_str(s->asides[0].error)), arena, &res, err);
	else
		st = pg_query(pool, deadline, sql_retry_again,
			      PG_ARGS(seq, attempt, pg_str(s->asides[0].error),
				      pg_int(s->asides[0].due_in_ms)),
			      arena, &res, err);
	return st == STATUS_OK ? check_owned(pg_affected(res), s->member, err) : st;
}

static void
retry_came_back(struct bus_member *m)
{
	pthread_mutex_lock(&m->mutex);
	m->retry_out_ms = 0;
	m->retry_due_ms = 0; /* perhaps there is one more */
	pthread_cond_signal(&m->work);
	pthread_mutex_unlock(&m->mutex);
}

enum status
bus_pg_settle(struct bus_member *m, struct bus_batch *batch, size_t n,
	      const struct bus_aside *asides, size_t nasides, struct err *err)
{
	struct bus_pg_out *out = batch->from;
	struct settle s = { m, out, batch, n, asides, nasides };
	struct arena *arena = arena_new(1 << 20);
	enum status st =
		batch->is_retry ? settle_retry(&s, arena, err) : settle_part(&s, arena, err);

	arena_free(arena);
	if (batch->is_retry) {
		retry_came_back(m);
		return st;
	}
	pthread_mutex_lock(&m->mutex);
	if (st == STATUS_ABORTED)
		out->part->state = PART_LOST;
	if (st == STATUS_OK && out->part->state == PART_OUT && n > 0) {
		out->part->position = batch->messages[n - 1].offset + 1;
		out->part->failures = 0;
	}
	/* It is written down that they wait: the next look finds when. */
	if (st == STATUS_OK && nasides > 0)
		atomic_fetch_or(&m->hints, BUS_PG_WAKE_DATA);
	come_back(m, out->part);
	pthread_mutex_unlock(&m->mutex);
	return st;
}

void
bus_pg_pause(struct bus_member *m, struct bus_batch *batch, int64_t ms)
{
	struct bus_pg_out *out = batch->from;
	struct arena *arena = arena_new(1 << 16);
	struct err err;
	enum status st = STATUS_OK;

	err_init(&err);
	if (batch->is_retry)
		st = pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_retry_pause,
			      PG_ARGS(pg_int(out->seq), pg_int(out->attempt), pg_int(ms)), arena,
			      NULL, &err);
	else if (out->is_marked) /* it did not end us */
		st = pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_unmark,
			      PG_ARGS(pg_str(m->group), pg_int(out->part->topic->id),
				      pg_int(out->part->part), pg_uuid(&m->id), pg_int(out->epoch)),
			      arena, NULL, &err);
	if (st != STATUS_OK)
		log_warn_err("bus_pause_failed", &err, LOG_STR("group", m->group));
	arena_free(arena);
	if (batch->is_retry) {
		retry_came_back(m);
		return;
	}
	pthread_mutex_lock(&m->mutex);
	out->part->failures++;
	out->part->rest_until_ms = clock_mono_ms() + ms;
	come_back(m, out->part);
	pthread_mutex_unlock(&m->mutex);
}
