/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox: adding, listing, reading. Deliveries are in notification_delivery_pg.c. */
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/rpc/pb_time.h"
#include "libcommon/store/pg.h"
#include "services/notification/notification_draft.h"
#include "services/notification/notification_kinds.h"
#include "services/notification/notification_prefs.h"
#include "services/notification/notification_store.h"

#define SYNC_KIND "notification"
/* In the order of read_row. */
#define COLUMNS                                                                                    \
	"id, kind, importance, title, body, parameters, group_key, sequence, occurred_at, read_at"
#define NCOLUMNS 10

/* clang-format off: statements are broken where SQL is, not where a line is full */
static const char sql_lock[] =
	"INSERT INTO inbox (user_id) VALUES ($1)"
	" ON CONFLICT (user_id) DO UPDATE SET last_sequence = inbox.last_sequence";
static const char sql_week[] =
	"INSERT INTO training_weeks (user_id, week)"
	" VALUES ($1, date_trunc('week', $2::timestamptz AT TIME ZONE $3)::date)"
	" ON CONFLICT DO NOTHING";
/* Weeks in a row that end with this one; nothing when a later one is known. */
static const char sql_streak[] =
	"WITH this AS (SELECT date_trunc('week', $2::timestamptz AT TIME ZONE $3)::date AS week)"
	" SELECT count(*) FROM (SELECT t.week, this.week AS last,"
	" row_number() OVER (ORDER BY t.week DESC) AS n"
	" FROM training_weeks t, this WHERE t.user_id = $1) AS w"
	" WHERE w.week = w.last - 7 * (w.n - 1)::int";
static const char sql_add[] =
	"INSERT INTO notifications (id, user_id, sequence, event_id, kind, importance, title, body,"
	" parameters, group_key, occurred_at, rev)"
	" SELECT $2, user_id, last_sequence + 1, $3, $4, $5, $6, $7, $8::text[], $9, $10, 0"
	" FROM inbox WHERE user_id = $1 ON CONFLICT (event_id, kind) DO NOTHING";
static const char sql_added[] =
	"WITH entry AS (UPDATE notifications SET rev = $3 WHERE user_id = $1 AND id = $2)"
	" UPDATE inbox SET last_sequence = last_sequence + 1, unread = unread + 1, rev = $3"
	" WHERE user_id = $1";
/* The later one speaks for those of its key that nobody has taken yet … */
static const char sql_collapse[] =
	"UPDATE deliveries SET state = 'skipped', error = 'a later one', done_at = now()"
	" WHERE user_id = $1 AND channel = $2 AND collapse = $3 AND state = 'waiting'"
	" AND attempts = 0";
/* … and is not needed when one is out or on its way. */
static const char sql_add_delivery[] =
	"INSERT INTO deliveries (notification_id, user_id, channel, due_at, collapse)"
	" SELECT $2, $1, $3, CASE WHEN $4::text IS NULL THEN now()"
	" ELSE quiet_until(now(), $4::text, $5::text::time, $6::text::time) END, $7"
	" WHERE NOT EXISTS (SELECT FROM deliveries WHERE user_id = $1 AND channel = $3"
	" AND collapse = $7 AND attempts > 0)";
static const char sql_list[] =
	"SELECT " COLUMNS " FROM notifications WHERE user_id = $1 AND sequence < $2"
	" AND deleted_at IS NULL ORDER BY sequence DESC LIMIT $3";
static const char sql_list_unread[] =
	"SELECT " COLUMNS " FROM notifications WHERE user_id = $1 AND sequence < $2"
	" AND read_at IS NULL AND deleted_at IS NULL ORDER BY sequence DESC LIMIT $3";
static const char sql_state[] =
	"SELECT last_sequence, unread::bigint, rev FROM inbox WHERE user_id = $1";
static const char sql_find[] =
	"SELECT " COLUMNS " FROM notifications WHERE user_id = $1 AND id = $2"
	" AND deleted_at IS NULL";
static const char sql_read[] =
	"UPDATE notifications SET read_at = now(), rev = $3 WHERE user_id = $1 AND id = $2"
	" RETURNING " COLUMNS;
static const char sql_first_unread[] =
	"SELECT id FROM notifications WHERE user_id = $1 AND read_at IS NULL"
	" AND deleted_at IS NULL AND sequence <= $2 ORDER BY sequence LIMIT 1";
/* The sync row of the first is there already: it gave the revision. */
static const char sql_read_all[] =
	"WITH marked AS (UPDATE notifications SET read_at = now(), rev = $3"
	" WHERE user_id = $1 AND read_at IS NULL AND deleted_at IS NULL AND sequence <= $2"
	" RETURNING id),"
	" traces AS (INSERT INTO sync_change (user_id, rev, kind, id, deleted)"
	" SELECT $1, $3, '" SYNC_KIND "', id, false FROM marked ON CONFLICT DO NOTHING)"
	" SELECT count(*) FROM marked";
static const char sql_count_unread[] =
	"UPDATE inbox SET rev = $2, unread = (SELECT count(*) FROM notifications"
	" WHERE user_id = $1 AND read_at IS NULL AND deleted_at IS NULL)"
	" WHERE user_id = $1 RETURNING unread::bigint";
static const char sql_end_session[] =
	"INSERT INTO ended_sessions (user_id, session_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
static const char sql_states[] =
	"SELECT r.place, i.last_sequence, i.unread::bigint, i.rev, e.session_id IS NOT NULL"
	" FROM unnest($1::text[]::uuid[], $2::text[]::uuid[])"
	" WITH ORDINALITY AS r (user_id, session_id, place)"
	" LEFT JOIN inbox i USING (user_id) LEFT JOIN ended_sessions e USING (user_id, session_id)";
static const char sql_after[] =
	"SELECT n.*, c.place FROM unnest($1::text[]::uuid[], $2::text[]::bigint[])"
	" WITH ORDINALITY AS c (user_id, after, place) CROSS JOIN LATERAL (SELECT " COLUMNS
	" FROM notifications WHERE user_id = c.user_id AND sequence > c.after"
	" AND deleted_at IS NULL ORDER BY sequence LIMIT $3) AS n"
	" ORDER BY c.place, n.sequence";
/* clang-format on */

/* ---- rows ---- */

static void
read_parameters(struct arena *arena, char **pairs, size_t n,
		Fit__Notification__V1__Notification *out)
{
	out->n_parameters = n / 2;
	out->parameters =
		ARENA_ARRAY(arena, Fit__Notification__V1__Notification__ParametersEntry *, n / 2);
	for (size_t i = 0; i < n / 2; i++) {
		out->parameters[i] = pb_arena_new(
			arena, &fit__notification__v1__notification__parameters_entry__descriptor);
		out->parameters[i]->key = pairs[2 * i];
		out->parameters[i]->value = pairs[2 * i + 1];
	}
}

static Fit__Notification__V1__Notification *
read_row(const struct pg_result *res, int row, struct arena *arena)
{
	Fit__Notification__V1__Notification *n =
		pb_arena_new(arena, &fit__notification__v1__notification__descriptor);
	struct uuid id = pg_get_uuid(res, row, 0);
	char **pairs;
	size_t npairs = pg_get_strings(res, row, 5, arena, &pairs);

	n->id = uuid_text(arena, &id);
	n->kind = arena_strdup(arena, pg_text(res, row, 1));
	n->importance = arena_strdup(arena, pg_text(res, row, 2));
	n->title = arena_strdup(arena, pg_text(res, row, 3));
	n->body = arena_strdup(arena, pg_text(res, row, 4));
	read_parameters(arena, pairs, npairs, n);
	n->group = arena_strdup(arena, pg_text(res, row, 6));
	n->sequence = pg_get_int(res, row, 7);
	n->time = pb_time_new(arena, pg_get_time(res, row, 8));
	if (!pg_is_null(res, row, 9))
		n->read_at = pb_time_new(arena, pg_get_time(res, row, 9));
	return n;
}

/* ---- adding ---- */

enum status
notification_store_lock(struct pg_tx *tx, const struct uuid *user, struct err *err)
{
	return pg_tx_query(tx, sql_lock, PG_ARGS(pg_uuid(user)), NULL, err);
}

enum status
notification_store_week(struct pg_tx *tx, const struct uuid *user, int64_t completed_ms,
			const char *zone, int64_t *ret_weeks, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_week,
			    PG_ARGS(pg_uuid(user), pg_time(completed_ms), pg_str(zone)), &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_affected(res) == 0) {
		*ret_weeks = 0;
		return STATUS_OK;
	}
	st = pg_tx_query(tx, sql_streak,
			 PG_ARGS(pg_uuid(user), pg_time(completed_ms), pg_str(zone)), &res, err);
	if (st == STATUS_OK)
		*ret_weeks = pg_get_int(res, 0, 0);
	return st;
}

static enum status
add_deliveries(struct pg_tx *tx, const struct notification_draft *d, const struct uuid *id,
	       const struct notification_wants *wants, struct err *err)
{
	static const struct {
		unsigned bit;
		const char *name;
	} channels[] = { { NOTIFICATION_PUSH, "push" }, { NOTIFICATION_MAIL, "mail" } };
	const char *zone = wants->quiet ? wants->zone : NULL;
	enum status st = STATUS_OK;

	for (size_t i = 0; i < ARRAY_LEN(channels) && st == STATUS_OK; i++) {
		if (!(d->channels & channels[i].bit))
			continue;
		if (d->collapse != NULL)
			st = pg_tx_query(tx, sql_collapse,
					 PG_ARGS(pg_uuid(&d->user), pg_str(channels[i].name),
						 pg_str(d->collapse)),
					 NULL, err);
		if (st == STATUS_OK)
			st = pg_tx_query(tx, sql_add_delivery,
					 PG_ARGS(pg_uuid(&d->user), pg_uuid(id),
						 pg_str(channels[i].name), pg_str(zone),
						 pg_str(zone != NULL ? wants->quiet_start : NULL),
						 pg_str(zone != NULL ? wants->quiet_end : NULL),
						 pg_str(d->collapse)),
					 NULL, err);
	}
	return st;
}

enum status
notification_store_add(struct pg_tx *tx, const struct notification_draft *d,
		       const struct notification_wants *wants, bool *ret_added, struct err *err)
{
	const struct notification_kind *kind = &notification_kinds[d->id];
	const struct uuid id = uuid_v5(d->event, slice_str(kind->name));
	struct pg_result *res;
	enum status st;
	int64_t rev;

	st = pg_tx_query(tx, sql_add,
			 PG_ARGS(pg_uuid(&d->user), pg_uuid(&id), pg_uuid(&d->event),
				 pg_str(kind->name), pg_str(kind->importance), pg_str(d->title),
				 pg_str(d->body), pg_strings(d->params.pairs, 2 * d->params.n),
				 pg_str(d->group), pg_time(d->time_ms)),
			 &res, err);
	if (st != STATUS_OK)
		return st;
	*ret_added = pg_affected(res) > 0;
	if (!*ret_added)
		return STATUS_OK;
	st = pg_tx_sync(tx, &d->user, SYNC_KIND, &id, false, &rev, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_added,
				 PG_ARGS(pg_uuid(&d->user), pg_uuid(&id), pg_int(rev)), NULL, err);
	return st == STATUS_OK ? add_deliveries(tx, d, &id, wants, err) : st;
}

/* ---- for clients ---- */

enum status
notification_store_list(struct pg_pool *pool, struct deadline deadline, const struct uuid *owner,
			bool unread_only, int64_t before, unsigned limit, struct arena *arena,
			Fit__Notification__V1__Notification ***ret_list, size_t *ret_n,
			struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(pool, deadline, unread_only ? sql_list_unread : sql_list,
				  PG_ARGS(pg_uuid(owner), pg_int(before > 0 ? before : INT64_MAX),
					  pg_int(limit)),
				  arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	*ret_list = ARENA_ARRAY(arena, Fit__Notification__V1__Notification *, *ret_n);
	for (int i = 0; i < pg_rows(res); i++)
		(*ret_list)[i] = read_row(res, i, arena);
	return STATUS_OK;
}

enum status
notification_store_state(struct pg_pool *pool, struct deadline deadline, const struct uuid *owner,
			 struct arena *arena, struct notification_state *ret_state, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(pool, deadline, sql_state, PG_ARGS(pg_uuid(owner)), arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_state = (struct notification_state){ 0 };
	if (pg_rows(res) > 0)
		*ret_state =
			(struct notification_state){ pg_get_int(res, 0, 0), pg_get_int(res, 0, 1),
						     pg_get_int(res, 0, 2) };
	return STATUS_OK;
}

struct read_ctx {
	const struct uuid *owner, *id;
	int64_t up_to;
	Fit__Notification__V1__Notification *notification;
	int64_t marked, unread;
};

static enum status
count_unread(struct pg_tx *tx, struct read_ctx *ctx, int64_t rev, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_count_unread,
				     PG_ARGS(pg_uuid(ctx->owner), pg_int(rev)), &res, err);

	if (st == STATUS_OK)
		ctx->unread = pg_get_int(res, 0, 0);
	return st;
}

static enum status
on_read(struct pg_tx *tx, void *arg, struct err *err)
{
	struct read_ctx *ctx = arg;
	struct pg_result *res;
	enum status st;
	int64_t rev;

	ctx->marked = 0;
	st = notification_store_lock(tx, ctx->owner, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_find, PG_ARGS(pg_uuid(ctx->owner), pg_uuid(ctx->id)), &res,
				 err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such notification.");
	ctx->notification = read_row(res, 0, pg_tx_arena(tx));
	if (ctx->notification->read_at != NULL)
		return STATUS_OK;
	st = pg_tx_sync(tx, ctx->owner, SYNC_KIND, ctx->id, false, &rev, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_read,
				 PG_ARGS(pg_uuid(ctx->owner), pg_uuid(ctx->id), pg_int(rev)), &res,
				 err);
	if (st != STATUS_OK)
		return st;
	ctx->notification = read_row(res, 0, pg_tx_arena(tx));
	ctx->marked = 1;
	return count_unread(tx, ctx, rev, err);
}

enum status
notification_store_read(struct pg_pool *pool, struct deadline deadline, const struct uuid *owner,
			const struct uuid *id, struct arena *arena,
			Fit__Notification__V1__Notification **ret_notification, bool *ret_changed,
			struct err *err)
{
	struct read_ctx ctx = { .owner = owner, .id = id };
	const struct pg_tx_options opts = { .deadline = deadline, .arena = arena };
	enum status st = pg_transaction(pool, &opts, on_read, &ctx, err);

	if (st != STATUS_OK)
		return st;
	*ret_notification = ctx.notification;
	*ret_changed = ctx.marked > 0;
	return STATUS_OK;
}

static enum status
on_read_all(struct pg_tx *tx, void *arg, struct err *err)
{
	struct read_ctx *ctx = arg;
	struct pg_result *res;
	struct uuid first;
	enum status st;
	int64_t rev;

	ctx->marked = 0;
	st = notification_store_lock(tx, ctx->owner, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_first_unread,
				 PG_ARGS(pg_uuid(ctx->owner), pg_int(ctx->up_to)), &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0) {
		st = pg_tx_query(tx, sql_state, PG_ARGS(pg_uuid(ctx->owner)), &res, err);
		if (st == STATUS_OK)
			ctx->unread = pg_get_int(res, 0, 1);
		return st;
	}
	first = pg_get_uuid(res, 0, 0);
	st = pg_tx_sync(tx, ctx->owner, SYNC_KIND, &first, false, &rev, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_read_all,
				 PG_ARGS(pg_uuid(ctx->owner), pg_int(ctx->up_to), pg_int(rev)),
				 &res, err);
	if (st != STATUS_OK)
		return st;
	ctx->marked = pg_get_int(res, 0, 0);
	return count_unread(tx, ctx, rev, err);
}

enum status
notification_store_read_all(struct pg_pool *pool, struct deadline deadline,
			    const struct uuid *owner, int64_t up_to, struct arena *arena,
			    int64_t *ret_marked, int64_t *ret_unread, struct err *err)
{
	struct read_ctx ctx = { .owner = owner, .up_to = up_to > 0 ? up_to : INT64_MAX };
	const struct pg_tx_options opts = { .deadline = deadline, .arena = arena };
	enum status st = pg_transaction(pool, &opts, on_read_all, &ctx, err);

	if (st != STATUS_OK)
		return st;
	*ret_marked = ctx.marked;
	*ret_unread = ctx.unread;
	return STATUS_OK;
}

/* ---- for streams ---- */

enum status
notification_store_end_session(struct pg_tx *tx, const struct uuid *user,
			       const struct uuid *session, struct err *err)
{
	return pg_tx_query(tx, sql_end_session, PG_ARGS(pg_uuid(user), pg_uuid(session)), NULL,
			   err);
}

enum status
notification_store_states(struct pg_pool *pool, struct deadline deadline,
			  const struct notification_reader *readers, size_t n, struct arena *arena,
			  struct notification_state *ret_states, bool *ret_ended, struct err *err)
{
	char **users = ARENA_ARRAY(arena, char *, n), **sessions = ARENA_ARRAY(arena, char *, n);
	struct pg_result *res;
	enum status st;

	for (size_t i = 0; i < n; i++) {
		users[i] = uuid_text(arena, &readers[i].user);
		sessions[i] = uuid_text(arena, &readers[i].session);
	}
	st = pg_query(pool, deadline, sql_states,
		      PG_ARGS(pg_strings(users, n), pg_strings(sessions, n)), arena, &res, err);
	for (int row = 0; st == STATUS_OK && row < pg_rows(res); row++) {
		size_t i = (size_t)pg_get_int(res, row, 0) - 1;

		ret_states[i] = (struct notification_state){ pg_get_int(res, row, 1),
							     pg_get_int(res, row, 2),
							     pg_get_int(res, row, 3) };
		ret_ended[i] = pg_get_bool(res, row, 4);
	}
	return st;
}

enum status
notification_store_after(struct pg_pool *pool, struct deadline deadline,
			 const struct notification_cursor *cursors, size_t n, struct arena *arena,
			 struct notification_found **ret_found, size_t *ret_n, struct err *err)
{
	char **ids = ARENA_ARRAY(arena, char *, n), **afters = ARENA_ARRAY(arena, char *, n);
	struct pg_result *res;
	enum status st;

	for (size_t i = 0; i < n; i++) {
		ids[i] = uuid_text(arena, &cursors[i].user);
		afters[i] = arena_printf(arena, "%lld", (long long)cursors[i].after);
	}
	st = pg_query(pool, deadline, sql_after,
		      PG_ARGS(pg_strings(ids, n), pg_strings(afters, n),
			      pg_int(NOTIFICATION_STORE_STEP)),
		      arena, &res, err);
	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	*ret_found = ARENA_ARRAY(arena, struct notification_found, *ret_n);
	for (int i = 0; i < pg_rows(res); i++) {
		Fit__Notification__V1__Notification *entry = read_row(res, i, arena);

		(*ret_found)[i] =
			(struct notification_found){ (size_t)pg_get_int(res, i, NCOLUMNS) - 1,
						     entry->sequence, entry };
	}
	return STATUS_OK;
}
