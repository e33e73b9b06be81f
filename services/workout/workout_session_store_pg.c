/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session documents as JSONB. The columns beside the document are what it is looked up by, and what
 * is newer than it: the version and the times of the last change are not in the document's text but
 * added when it is read.
 */
#include <stdlib.h>
#include <string.h>

#include "services/workout/workout_derived.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_page_pg.h"
#include "services/workout/workout_session_store.h"

struct store_pg {
	struct workout_session_store base;
	struct pg_pool *pool;
};

/* One document. */
#define DOCUMENT_BYTES_MAX (1536 << 10)

#define COLUMNS                                                                                    \
	"SELECT id, document, version, created_at, updated_at, started_at FROM workout_sessions"
static const char sql_find[] = COLUMNS " WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL";
static const char sql_lock[] =
	COLUMNS " WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE";
static const char sql_list[] = WORKOUT_PAGE_SQL(
	"id, document, version, created_at, updated_at, started_at",
	"SELECT id, document, version, created_at, updated_at, started_at,"
	" octet_length(document::text) AS bytes FROM workout_sessions"
	" WHERE user_id = $1 AND deleted_at IS NULL AND ($2 OR (started_at, id) < ($3, $4))"
	" AND ($5::timestamptz IS NULL OR started_at >= $5::timestamptz)"
	" AND ($6::timestamptz IS NULL OR started_at < $6::timestamptz) AND ($7::text = '' "
	"OR status = $7::text)"
	" AND ($8::text = '' OR exercise_ids ? $8::text)"
	" ORDER BY started_at DESC, id DESC LIMIT $9",
	"started_at DESC, id DESC", "$10");
static const char sql_count[] = "SELECT count(*) FROM workout_sessions WHERE user_id = $1";
static const char sql_insert[] = "INSERT INTO workout_sessions (id, user_id, plan_id, status, "
				 "started_at, completed_at, version, document, created_at,"
				 " updated_at, rev) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $8, "
				 "$9) ON CONFLICT (id) DO NOTHING";
static const char sql_update[] =
	"UPDATE workout_sessions SET plan_id = $3, status = $4, started_at = $5, completed_at = "
	"$6, document = $7,"
	" version = $8, updated_at = $9, rev = $10 WHERE user_id = $1 AND id = $2";
static const char sql_delete[] =
	"UPDATE workout_sessions SET deleted_at = $3, updated_at = $3, rev = $4,"
	" version = version + 1 WHERE user_id = $1 AND id = $2";

static enum status
get_session(const struct pg_result *res, int row, struct arena *arena, session_doc **ret_session,
	    struct err *err)
{
	session_doc *s;
	void *message;
	enum status st = workout_doc_decode(&fit__workout__v1__session__descriptor,
					    pg_get_bytes(res, row, 1), arena, &message, err);

	if (st != STATUS_OK)
		return st;
	s = message;
	s->version = (uint32_t)pg_get_int(res, row, 2);
	s->created_at = pb_time_new(arena, pg_get_time(res, row, 3));
	s->updated_at = pb_time_new(arena, pg_get_time(res, row, 4));
	*ret_session = s;
	return STATUS_OK;
}

static enum status
encode(const session_doc *session, struct arena *arena, struct slice *ret_json, struct err *err)
{
	session_doc doc = *session;
	enum status st;

	doc.version = 0;
	doc.created_at = doc.updated_at = NULL;
	st = workout_doc_encode(&doc.base, arena, ret_json, err);
	if (st == STATUS_OK && ret_json->n > DOCUMENT_BYTES_MAX) {
		err_public(err, STATUS_FAILED_PRECONDITION,
			   "The session's document would be larger than %d KiB.",
			   DOCUMENT_BYTES_MAX >> 10);
		return err_reason(err, "QUOTA_EXCEEDED");
	}
	return st;
}

/* ---- change ---- */

struct change {
	const struct workout_scope *scope;
	const struct uuid *id;
	const struct workout_session_change *change;
	bool raced;             /* the id was taken after we had looked */
	struct pg_result *sets; /* rows of session_sets before the change */
};

static struct pg_arg
time_or_null(const Google__Protobuf__Timestamp *time)
{
	return time != NULL ? pg_time(pb_time_ms(time)) : pg_null();
}

static enum status
write_session(struct pg_tx *tx, struct change *c, session_doc *s, bool is_new, struct err *err)
{
	const struct workout_scope *scope = c->scope;
	int64_t now = clock_wall_ms(), rev;
	struct pg_arg plan = pg_null();
	struct pg_result *res;
	struct slice json;
	struct uuid plan_id;
	enum status st;

	if (!is_new) {
		s->version++;
		s->updated_at = pb_time_new(scope->arena, now);
	}
	if (uuid_parse_str(s->plan_id, &plan_id))
		plan = pg_uuid(&plan_id);
	st = encode(s, scope->arena, &json, err);
	if (st == STATUS_OK)
		st = pg_tx_sync(tx, &scope->owner, "session", c->id, false, &rev, err);
	if (st != STATUS_OK)
		return st;
	if (!is_new)
		return pg_tx_exec(tx, sql_update,
				  PG_ARGS(pg_uuid(&scope->owner), pg_uuid(c->id), plan,
					  pg_str(s->status), time_or_null(s->started_at),
					  time_or_null(s->completed_at), pg_jsonb(json),
					  pg_int(s->version), pg_time(now), pg_int(rev)),
				  err);
	st = pg_tx_query(tx, sql_insert,
			 PG_ARGS(pg_uuid(c->id), pg_uuid(&scope->owner), plan, pg_str(s->status),
				 time_or_null(s->started_at), time_or_null(s->completed_at),
				 pg_jsonb(json), time_or_null(s->created_at), pg_int(rev)),
			 &res, err);
	if (st == STATUS_OK && pg_affected(res) == 0) {
		c->raced = true;
		err_public(err, STATUS_ALREADY_EXISTS, "This id is taken.");
		return err_reason(err, "ID_TAKEN");
	}
	return st;
}

static enum status
delete_session(struct pg_tx *tx, const struct change *c, struct err *err)
{
	int64_t rev;
	enum status st = pg_tx_sync(tx, &c->scope->owner, "session", c->id, true, &rev, err);

	if (st == STATUS_OK)
		st = pg_tx_exec(tx, sql_delete,
				PG_ARGS(pg_uuid(&c->scope->owner), pg_uuid(c->id),
					pg_time(clock_wall_ms()), pg_int(rev)),
				err);
	return st;
}

static enum status
too_many(struct err *err)
{
	err_public(err, STATUS_FAILED_PRECONDITION, "You have %d sessions, the most there can be.",
		   WORKOUT_SESSIONS_MAX);
	return err_reason(err, "QUOTA_EXCEEDED");
}

/* Everything that a change reads, in one round trip: document, the owner's numbers, rows of sets.
 */
static enum status
load(struct pg_tx *tx, struct change *c, session_doc **ret_session, struct err *err)
{
	const struct uuid *owner = &c->scope->owner;
	struct pg_result *res, *count;
	enum status st =
		pg_tx_ask(tx, sql_lock, PG_ARGS(pg_uuid(owner), pg_uuid(c->id)), &res, err);

	if (st == STATUS_OK && c->change->create)
		st = pg_tx_ask(tx, sql_count, PG_ARGS(pg_uuid(owner)), &count, err);
	if (st == STATUS_OK)
		st = pg_tx_lock_subject(tx, owner, err);
	if (st == STATUS_OK)
		st = workout_derived_ask(tx, owner, c->id, &c->sets, err);
	if (st == STATUS_OK)
		st = pg_tx_settle(tx, err);
	*ret_session = NULL;
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 1)
		st = get_session(res, 0, c->scope->arena, ret_session, err);
	else if (!c->change->create)
		st = err_public(err, STATUS_NOT_FOUND, "There is no such session.");
	else if (pg_get_int(count, 0, 0) >= WORKOUT_SESSIONS_MAX)
		st = too_many(err);
	if (st != STATUS_OK || *ret_session == NULL || !c->change->versioned ||
	    (*ret_session)->version == c->change->version)
		return st;
	err_public(err, STATUS_FAILED_PRECONDITION, "The session is at version %u.",
		   (*ret_session)->version);
	return err_reason(err, "ETAG_MISMATCH");
}

static enum status
on_change(struct pg_tx *tx, void *arg, struct err *err)
{
	struct change *c = arg;
	const struct workout_scope *scope = c->scope;
	struct workout_events events = WORKOUT_EVENTS(scope->arena);
	struct workout_session_outcome outcome = { 0 };
	enum workout_session_verdict verdict = WORKOUT_SESSION_KEEP;
	session_doc *session;
	bool is_new;
	enum status st;

	c->raced = false;
	st = load(tx, c, &session, err);
	if (st != STATUS_OK)
		return st;
	is_new = session == NULL;
	st = c->change->apply(c->change->arg, &session, &events, &verdict, err);
	if (st == STATUS_OK && verdict == WORKOUT_SESSION_WRITE)
		st = write_session(tx, c, session, is_new, err);
	else if (st == STATUS_OK && verdict == WORKOUT_SESSION_DELETE)
		st = delete_session(tx, c, err);
	if (st == STATUS_OK && verdict != WORKOUT_SESSION_KEEP)
		st = workout_derived_project(tx, &scope->owner, c->id, c->sets,
					     verdict == WORKOUT_SESSION_WRITE ? session : NULL,
					     &events, &outcome, err);
	if (st == STATUS_OK)
		st = workout_events_write(&events, tx, &scope->owner, scope->traceparent, err);
	if (st != STATUS_OK)
		return st;
	outcome.session = session;
	if (c->change->reply != NULL)
		c->change->reply(c->change->arg, &outcome);
	return STATUS_OK;
}

static enum status
change_pg(struct workout_session_store *store, const struct workout_scope *scope,
	  const struct uuid *id, const struct workout_session_change *change, struct err *err)
{
	struct store_pg *s = container_of(store, struct store_pg, base);
	const struct pg_tx_options opts = { .deadline = scope->deadline,
					    .arena = scope->arena,
					    .idem = scope->idem };
	struct change c = { .scope = scope, .id = id, .change = change };
	enum status st = pg_transaction(s->pool, &opts, on_change, &c, err);

	/* It may have been this same request on another connection: look once more. */
	if (st == STATUS_ALREADY_EXISTS && c.raced)
		st = pg_transaction(s->pool, &opts, on_change, &c, err);
	return st;
}

/* ---- reads ---- */

static enum status
find_pg(struct workout_session_store *store, const struct workout_scope *scope,
	const struct uuid *id, session_doc **ret_session, struct err *err)
{
	struct store_pg *s = container_of(store, struct store_pg, base);
	struct pg_result *res;
	enum status st =
		pg_query(s->pool, scope->deadline, sql_find,
			 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such session.");
	return get_session(res, 0, scope->arena, ret_session, err);
}

static enum status
list_pg(struct workout_session_store *store, const struct workout_scope *scope,
	const struct workout_session_filter *f, const struct workout_page *page,
	session_doc ***ret_list, size_t *ret_n, char **ret_next, struct err *err)
{
	struct store_pg *s = container_of(store, struct store_pg, base);
	size_t n, total, i;
	struct pg_result *res;
	session_doc **list;
	enum status st =
		pg_query(s->pool, scope->deadline, sql_list,
			 PG_ARGS(pg_uuid(&scope->owner), pg_bool(page->first), pg_time(page->key),
				 pg_uuid(&page->id), f->has_from ? pg_time(f->from_ms) : pg_null(),
				 f->has_to ? pg_time(f->to_ms) : pg_null(), pg_str(f->status),
				 pg_str(f->exercise_id), pg_int(page->limit + 1),
				 pg_int(WORKOUT_PAGE_BYTES)),
			 scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	n = (size_t)pg_rows(res);
	list = ARENA_ARRAY(scope->arena, session_doc *, n + 1);
	*ret_next = workout_pb_text(scope->arena, "");
	total = n > 0 ? (size_t)pg_get_int(res, 0, 6) : 0;
	for (i = 0; i < n && i < page->limit; i++) {
		st = get_session(res, (int)i, scope->arena, &list[i], err);
		if (st != STATUS_OK)
			return st;
	}
	if (i < total) {
		struct uuid last = pg_get_uuid(res, (int)i - 1, 0);

		*ret_next = workout_page_next(page, scope->arena, pg_get_time(res, (int)i - 1, 5),
					      &last);
	}
	*ret_list = list;
	*ret_n = i;
	return STATUS_OK;
}

static void
close_pg(struct workout_session_store *store)
{
	free(container_of(store, struct store_pg, base));
}

static const struct workout_session_driver driver_pg = {
	.name = "pg",
	.change = change_pg,
	.find = find_pg,
	.list = list_pg,
	.close = close_pg,
};

struct workout_session_store *
workout_session_store_pg_open(struct pg_pool *pool)
{
	struct store_pg *s = calloc(1, sizeof(*s));

	if (s == NULL)
		panic("no memory for the session store");
	s->base.driver = &driver_pg;
	s->pool = pool;
	return &s->base;
}
