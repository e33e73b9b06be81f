/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_trace.c - the traces a change leaves beside itself: events (outbox) and revisions
 * (sync_change).
 *
 * Both take numbers from the subject's row in subject_counter. The first of them in a
 * transaction locks the row and takes its number in one statement (or pg_tx_lock_subject has locked
 * it before, and no number is taken); whatever is numbered after it is counted here, and the row
 * gets the final values in the round trip of the COMMIT. Since the lock is held until then, numbers
 * follow commit order, and a rollback leaves no gap. Subjects are locked in the order of the calls;
 * two transactions that take two subjects crosswise deadlock, which PostgreSQL detects and
 * pg_transaction repeats.
 *
 * Rows are queued, not waited for: they travel with the next statement or the COMMIT.
 */
#include <string.h>

#include "libcommon/store/pg_internal.h"

static const char sql_lock_subject[] =
	"INSERT INTO subject_counter AS c (subject, sequence, rev) VALUES ($1, $2, $3)"
	" ON CONFLICT (subject) DO UPDATE SET sequence = c.sequence + $2, rev = c.rev + $3"
	" RETURNING sequence, rev";
static const char sql_update_subject[] =
	"UPDATE subject_counter SET sequence = $2, rev = $3 WHERE subject = $1";
static const char sql_insert_change[] =
	"INSERT INTO sync_change (user_id, rev, kind, id, deleted) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (user_id, rev, kind, id) DO UPDATE SET deleted = excluded.deleted";
static const char sql_insert_event[] =
	"INSERT INTO outbox (id, topic, type, subject, sequence, payload, traceparent, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

static struct pg_subject *
find_subject(const struct pg_tx *tx, const struct uuid *id)
{
	struct pg_subject *s = tx->subjects;

	while (s != NULL && !uuid_eq(&s->id, id))
		s = s->next;
	return s;
}

static enum status
ask_subject(struct pg_tx *tx, const struct uuid *id, int sequence, int rev,
	    struct pg_subject **ret_subject, struct err *err)
{
	struct pg_result *asked;
	enum status st =
		pg_tx_ask(tx, sql_lock_subject, PG_ARGS(pg_uuid(id), pg_int(sequence), pg_int(rev)),
			  &asked, err);

	if (st != STATUS_OK)
		return st;
	struct pg_subject *s = ARENA_NEW(tx->arena, struct pg_subject);
	*s = (struct pg_subject){ .next = tx->subjects, .id = *id, .asked = asked };
	tx->subjects = *ret_subject = s;
	return STATUS_OK;
}

/* What the lock's statement answered. */
static enum status
read_subject(struct pg_tx *tx, struct pg_subject *s, struct err *err)
{
	if (s->asked == NULL)
		return STATUS_OK;
	enum status st = pg_result_is_there(s->asked) ? STATUS_OK : pg_tx_flush(tx, err);
	if (st != STATUS_OK)
		return st;
	s->sequence = pg_get_int(s->asked, 0, 0);
	s->rev = pg_get_int(s->asked, 0, 1);
	s->asked = NULL;
	return STATUS_OK;
}

enum status
pg_tx_lock_subject(struct pg_tx *tx, const struct uuid *subject, struct err *err)
{
	struct pg_subject *s = find_subject(tx, subject);

	return s != NULL ? STATUS_OK : ask_subject(tx, subject, 0, 0, &s, err);
}

/* The subject with `sequence` events and `rev` revisions more than before. */
static enum status
count_subject(struct pg_tx *tx, const struct uuid *id, int sequence, int rev,
	      struct pg_subject **ret_subject, struct err *err)
{
	struct pg_subject *s = find_subject(tx, id);
	bool is_locked = s != NULL;
	enum status st = STATUS_OK;

	if (!is_locked)
		st = ask_subject(tx, id, sequence, rev, &s, err);
	if (st == STATUS_OK)
		st = read_subject(tx, s, err);
	if (st != STATUS_OK)
		return st;
	if (is_locked) {
		s->sequence += sequence;
		s->rev += rev;
		s->dirty = true;
	}
	*ret_subject = s;
	return STATUS_OK;
}

enum status
pg_tx_queue_subjects(struct pg_tx *tx, struct err *err)
{
	enum status st = STATUS_OK;

	for (struct pg_subject *s = tx->subjects; s != NULL && st == STATUS_OK; s = s->next)
		if (s->dirty)
			st = pg_tx_queue(tx, sql_update_subject,
					 PG_ARGS(pg_uuid(&s->id), pg_int(s->sequence),
						 pg_int(s->rev)),
					 NULL, err);
	return st;
}

enum status
pg_tx_sync(struct pg_tx *tx, const struct uuid *user, const char *kind, const struct uuid *id,
	   bool deleted, int64_t *ret_rev, struct err *err)
{
	struct pg_subject *s = find_subject(tx, user);
	enum status st = STATUS_OK;

	if (s == NULL || !s->rev_taken)
		st = count_subject(tx, user, 0, 1, &s, err);
	if (st != STATUS_OK)
		return st;
	s->rev_taken = true;
	st = pg_tx_queue(tx, sql_insert_change,
			 PG_ARGS(pg_uuid(user), pg_int(s->rev), pg_str(kind), pg_uuid(id),
				 pg_bool(deleted)),
			 NULL, err);
	if (st == STATUS_OK && ret_rev != NULL)
		*ret_rev = s->rev;
	return st;
}

enum status
pg_tx_outbox(struct pg_tx *tx, const struct pg_event *event, struct err *err)
{
	struct pg_subject *s;
	struct uuid id = uuid_v7();
	int64_t now = clock_wall_ms();
	enum status st = count_subject(tx, &event->subject, 1, 0, &s, err);

	if (st != STATUS_OK)
		return st;
	/* The message is the caller's, who lent it to be completed. */
	if (event->set_envelope != NULL)
		event->set_envelope((ProtobufCMessage *)(uintptr_t)event->message, &id, s->sequence,
				    now);
	size_t n = protobuf_c_message_get_packed_size(event->message);
	uint8_t *payload = arena_try_alloc(tx->arena, n + 1);
	if (payload == NULL)
		return err_set(err, STATUS_RESOURCE_EXHAUSTED, "outbox: event %s of %zu bytes",
			       event->type, n);
	protobuf_c_message_pack(event->message, payload);
	tx->has_events = true;
	return pg_tx_queue(tx, sql_insert_event,
			   PG_ARGS(pg_uuid(&id), pg_str(event->topic), pg_str(event->type),
				   pg_uuid(&event->subject), pg_int(s->sequence),
				   pg_bytes(slice_make(payload, n)), pg_str(event->traceparent),
				   pg_time(now)),
			   NULL, err);
}
