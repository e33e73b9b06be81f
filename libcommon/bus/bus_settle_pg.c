/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus_settle_pg.c - batches back from the workers.
 *
 * A commit of positions need not be durable at once: if the server forgets it, messages come again,
 * which they may anyway. What goes to .retry or .dlq is durable in the transaction that moves the
 * position past it. A batch of several partitions is settled as a whole, but for those that were
 * lost meanwhile: their messages, good and bad, are their new owner's.
 */
#include "libcommon/base/strbuf.h"
#include "libcommon/bus/bus_pg_private.h"
#include "libcommon/observe/log.h"

static const char sql_unmark[] =
	"UPDATE group_partition SET mark_count = greatest(mark_count - 1, 0)"
	" WHERE grp = $1 AND topic_id = $2 AND part = $3 AND owner = $4 AND epoch = $5";
/* $1 group, $2 member; the rest by partition. */
#define COMMIT                                                                                      \
	" UPDATE group_partition p SET committed = v.committed, mark_offset = NULL, mark_count = 0" \
	" FROM s, unnest($3::int[], $4::int[], $5::bigint[], $6::bigint[])"                         \
	" AS v (topic_id, part, epoch, committed) WHERE p.grp = $1 AND p.owner = $2"                \
	" AND p.topic_id = v.topic_id AND p.part = v.part AND p.epoch = v.epoch"                    \
	" RETURNING p.topic_id, p.part"

static const char sql_commit_lazily[] =
	"WITH s AS (SELECT set_config('synchronous_commit', 'off', true))" COMMIT;
/* First in its transaction, which must not outlive a process that freezes in it. */
static const char sql_commit[] =
	"WITH s AS (SELECT set_config('idle_in_transaction_session_timeout', '5000', true))" COMMIT;
static const char sql_retry_add[] =
	"INSERT INTO retry (grp, topic_id, part, \"offset\", id, key, type, source, time,"
	" traceparent, value, attempt, due_at, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
	" $10, $11, $12, clock_timestamp() + make_interval(secs => $14 / 1000.0), $13)";
static const char sql_dlq_add[] =
	"INSERT INTO dlq (grp, topic_id, part, \"offset\", id, key, type, source, time,"
	" traceparent, value, attempt, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
	" $11, $12, $13)";
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

/* ---- partitions ---- */

struct settle {
	struct bus_member *member;
	struct bus_pg_out *out;
	const struct bus_batch *batch;
	size_t n;
	const struct bus_aside *asides;
	size_t nasides;
};

/* How many messages of a piece are among the first n of the batch. */
static size_t
done_of(const struct settle *s, const struct bus_pg_piece *piece)
{
	size_t left = s->n > piece->first ? s->n - piece->first : 0;

	return left < piece->n ? left : piece->n;
}

/* Its arguments: those pieces of which something is done. Finds out which are still ours. */
static enum status
commit(const struct settle *s, struct pg_tx *tx, struct arena *arena, struct err *err)
{
	struct bus_member *m = s->member;
	struct strbuf columns[4] = { STRBUF_ARENA(arena), STRBUF_ARENA(arena), STRBUF_ARENA(arena),
				     STRBUF_ARENA(arena) };
	struct pg_result *res;
	enum status st;

	for (size_t i = 0; i < s->out->npieces; i++) {
		const struct bus_pg_piece *piece = &s->out->pieces[i];
		size_t done = done_of(s, piece);

		if (done == 0)
			break;
		const int64_t row[4] = { piece->part->topic->id, piece->part->part, piece->epoch,
					 s->batch->messages[piece->first + done - 1].offset + 1 };
		for (size_t c = 0; c < ARRAY_LEN(row); c++)
			strbuf_addf(&columns[c], "%s%lld", i > 0 ? "," : "{", (long long)row[c]);
	}
	for (size_t c = 0; c < ARRAY_LEN(columns); c++)
		strbuf_addch(&columns[c], '}');
	const struct pg_arg args[] = { pg_str(m->group),       pg_uuid(&m->id),
				       pg_str(columns[0].buf), pg_str(columns[1].buf),
				       pg_str(columns[2].buf), pg_str(columns[3].buf) };
	st = tx != NULL ? pg_tx_query(tx, sql_commit, args, ARRAY_LEN(args), &res, err)
			: pg_query(m->bus->pool, deadline_in(BUS_PG_CALL_MS), sql_commit_lazily,
				   args, ARRAY_LEN(args), arena, &res, err);
	if (st != STATUS_OK)
		return st;
	for (size_t i = 0; i < s->out->npieces; i++) {
		struct bus_pg_piece *piece = &s->out->pieces[i];

		piece->is_settled = false;
		for (int r = 0; r < pg_rows(res) && !piece->is_settled; r++)
			piece->is_settled = pg_get_int(res, r, 0) == piece->part->topic->id &&
					    pg_get_int(res, r, 1) == piece->part->part;
	}
	return STATUS_OK;
}

static const struct bus_pg_piece *
piece_of(const struct settle *s, size_t index)
{
	const struct bus_pg_piece *piece = s->out->pieces;

	while (index >= piece->first + piece->n)
		piece++;
	return piece;
}

static enum status
put_aside(struct pg_tx *tx, const struct settle *s, const struct bus_aside *aside, struct err *err)
{
	const struct bus_message *msg = &s->batch->messages[aside->index];
	const struct bus_pg_piece *piece = piece_of(s, aside->index);
	const struct bus_pg_part *p = piece->part;
	const struct pg_arg args[] = {
		pg_str(s->member->group), pg_int(p->topic->id),     pg_int(p->part),
		pg_int(msg->offset),      pg_uuid(&msg->id),        pg_bytes(msg->key),
		pg_str(msg->type),        pg_str(msg->source),      pg_time(msg->time_ms),
		pg_str(msg->traceparent), pg_bytes(msg->value),     pg_int(1),
		pg_str(aside->error),     pg_int(aside->due_in_ms),
	};

	if (!piece->is_settled)
		return STATUS_OK;
	return aside->dead ? pg_tx_query(tx, sql_dlq_add, args, 13, NULL, err)
			   : pg_tx_query(tx, sql_retry_add, args, 14, NULL, err);
}

static enum status
on_settle(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct settle *s = arg;
	enum status st = commit(s, tx, pg_tx_arena(tx), err);

	for (size_t i = 0; i < s->nasides && st == STATUS_OK; i++)
		st = put_aside(tx, s, &s->asides[i], err);
	return st;
}

static enum status
settle_parts(struct settle *s, struct arena *arena, struct err *err)
{
	struct pg_tx_options opts = { .deadline = deadline_in(BUS_PG_CALL_MS), .arena = arena };
	enum status st;

	if (s->n == 0)
		return STATUS_OK;
	if (s->nasides > 0)
		st = pg_transaction(s->member->bus->pool, &opts, on_settle, s, err);
	else
		st = commit(s, NULL, arena, err);
	/* What a transaction found out is void when it did not commit. */
	for (size_t i = 0; i < s->out->npieces && st != STATUS_OK; i++)
		s->out->pieces[i].is_settled = false;
	for (size_t i = 0; i < s->out->npieces && st == STATUS_OK; i++)
		if (done_of(s, &s->out->pieces[i]) > 0 && !s->out->pieces[i].is_settled)
			st = err_set(err, STATUS_ABORTED,
				     "group %s: the partition has another owner", s->member->group);
	return st;
}

/* Under the mutex. */
static void
piece_came_back(const struct settle *s, const struct bus_pg_piece *piece)
{
	struct bus_pg_part *p = piece->part;
	size_t done = done_of(s, piece);

	if (done > 0 && piece->is_settled && p->state == PART_OUT) {
		p->position = s->batch->messages[piece->first + done - 1].offset + 1;
		p->failures = 0;
	}
	bus_pg_come_back(s->member, p);
}

/* ---- retries ---- */

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
	if (st == STATUS_OK && pg_affected(res) != 1)
		return err_set(err, STATUS_ABORTED, "group %s: the retry was taken by another one",
			       s->member->group);
	return st;
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

/* ---- both ---- */

enum status
bus_pg_settle(struct bus_member *m, struct bus_batch *batch, size_t n,
	      const struct bus_aside *asides, size_t nasides, struct err *err)
{
	struct bus_pg_out *out = batch->from;
	struct settle s = { m, out, batch, n, asides, nasides };
	struct arena *arena = arena_new(1 << 20);
	enum status st =
		batch->is_retry ? settle_retry(&s, arena, err) : settle_parts(&s, arena, err);

	arena_free(arena);
	if (batch->is_retry) {
		retry_came_back(m);
		return st;
	}
	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < out->npieces; i++) {
		const struct bus_pg_piece *piece = &out->pieces[i];

		if (st == STATUS_ABORTED && done_of(&s, piece) > 0 && !piece->is_settled)
			piece->part->state = PART_LOST;
		piece_came_back(&s, piece);
	}
	/* It is written down that they wait: the next look finds when. */
	if (st == STATUS_OK && nasides > 0)
		atomic_fetch_or(&m->hints, BUS_PG_WAKE_DATA);
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
			      PG_ARGS(pg_str(m->group), pg_int(out->pieces[0].part->topic->id),
				      pg_int(out->pieces[0].part->part), pg_uuid(&m->id),
				      pg_int(out->pieces[0].epoch)),
			      arena, NULL, &err);
	if (st != STATUS_OK)
		log_warn_err("bus_pause_failed", &err, LOG_STR("group", m->group));
	arena_free(arena);
	if (batch->is_retry) {
		retry_came_back(m);
		return;
	}
	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < out->npieces; i++) {
		out->pieces[i].part->failures++;
		out->pieces[i].part->rest_until_ms = clock_mono_ms() + ms;
		bus_pg_come_back(m, out->pieces[i].part);
	}
	pthread_mutex_unlock(&m->mutex);
}
