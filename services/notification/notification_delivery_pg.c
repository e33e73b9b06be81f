/* SPDX-License-Identifier: Apache-2.0 */
/* What push and mail have to deliver. */
#include "libcommon/base/arena.h"
#include "libcommon/store/pg.h"
#include "services/notification/notification_prefs.h"
#include "services/notification/notification_store.h"

/* clang-format off: statements are broken where SQL is, not where a line is full */
static const char sql_take[] =
	"WITH taken AS (UPDATE deliveries SET attempts = attempts + 1,"
	" due_at = now() + $2 * interval '1 millisecond'"
	" WHERE (notification_id, channel) IN (SELECT notification_id, channel FROM deliveries"
	" WHERE state = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT $1"
	" FOR UPDATE SKIP LOCKED)"
	" RETURNING notification_id, user_id, channel, attempts)"
	" SELECT t.notification_id, t.user_id, n.event_id, t.channel, n.kind, n.importance, n.title,"
	" n.body, n.group_key, n.parameters, n.occurred_at, t.attempts::bigint,"
	" n.read_at IS NOT NULL OR n.deleted_at IS NOT NULL"
	" FROM taken t JOIN notifications n ON n.id = t.notification_id AND n.user_id = t.user_id";
/*
 * Attempts are the fence: whoever takes a delivery counts, and only what this take counted is taken
 * back, so nobody who lost his lease sees his number on a row that is another's.
 */
#define HELD " WHERE user_id = $1 AND notification_id = $2 AND channel = $3 AND attempts = $4"
static const char sql_done[] = "UPDATE deliveries SET state = $5, error = $6, done_at = now()" HELD
			       " AND state = 'waiting'";
static const char sql_again[] =
	"UPDATE deliveries SET due_at = now() + $5 * interval '1 millisecond', error = $6" HELD
	" AND state = 'waiting'";
static const char sql_give_back[] =
	"UPDATE deliveries d SET due_at = now(), attempts = d.attempts - 1"
	" FROM unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::text[], $4::text[]::integer[])"
	" AS t (user_id, notification_id, channel, attempts)"
	" WHERE d.user_id = t.user_id AND d.notification_id = t.notification_id"
	" AND d.channel = t.channel AND d.attempts = t.attempts AND d.state = 'waiting'";
/* Waiting is no attempt. */
static const char sql_postpone[] =
	"WITH quiet AS (SELECT quiet_until(now(), $5, $6::text::time, $7::text::time) AS until),"
	" moved AS (UPDATE deliveries SET due_at = until, attempts = attempts - 1 FROM quiet" HELD
	" AND until > now())"
	" SELECT until > now() FROM quiet";
/* One process sweeps at a time. */
static const char sql_sweep_lock[] =
	"SELECT pg_try_advisory_xact_lock(hashtextextended('notification.sweep', 0))";
static const char sql_old[] =
	"SELECT user_id, id FROM (SELECT user_id, id FROM notifications"
	" WHERE created_at < now() - $1 * interval '1 day' ORDER BY created_at LIMIT $2) AS old"
	" ORDER BY user_id";
/* A stream lives for a day at most. */
static const char sql_forget_sessions[] =
	"DELETE FROM ended_sessions WHERE (user_id, session_id) IN (SELECT user_id, session_id"
	" FROM ended_sessions WHERE ended_at < now() - interval '2 days'"
	" ORDER BY ended_at LIMIT 50 * $1)";
/* In the order in which whoever locks many inboxes locks them. */
static const char sql_lock_many[] =
	"SELECT FROM inbox WHERE user_id = ANY ($1::text[]::uuid[]) ORDER BY user_id FOR UPDATE";
static const char sql_delete[] =
	"WITH old AS (SELECT * FROM unnest($1::text[]::uuid[], $2::text[]::uuid[],"
	" $3::text[]::bigint[]) AS old (user_id, id, rev)),"
	" gone AS (DELETE FROM notifications n USING old WHERE n.user_id = old.user_id"
	" AND n.id = old.id RETURNING n.user_id, old.rev,"
	" n.read_at IS NULL AND n.deleted_at IS NULL AS unread),"
	" counts AS (SELECT user_id, rev, count(*) FILTER (WHERE unread) AS unread FROM gone"
	" GROUP BY user_id, rev)"
	" UPDATE inbox i SET rev = c.rev, unread = i.unread - c.unread FROM counts c"
	" WHERE i.user_id = c.user_id";
/* clang-format on */

enum status
notification_store_take(struct pg_pool *pool, struct deadline deadline, unsigned limit,
			int64_t lease_ms, struct arena *arena,
			struct notification_delivery **ret_list, size_t *ret_n, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(pool, deadline, sql_take,
				  PG_ARGS(pg_int(limit), pg_int(lease_ms)), arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	*ret_list = ARENA_ARRAY(arena, struct notification_delivery, *ret_n);
	for (int i = 0; i < pg_rows(res); i++) {
		struct notification_delivery *d = &(*ret_list)[i];

		*d = (struct notification_delivery){
			.notification = pg_get_uuid(res, i, 0),
			.user = pg_get_uuid(res, i, 1),
			.event = pg_get_uuid(res, i, 2),
			.channel = pg_text(res, i, 3),
			.kind = pg_text(res, i, 4),
			.importance = pg_text(res, i, 5),
			.title = pg_text(res, i, 6),
			.body = pg_text(res, i, 7),
			.group = pg_text(res, i, 8),
			.time_ms = pg_get_time(res, i, 10),
			.attempts = pg_get_int(res, i, 11),
			.read = pg_get_bool(res, i, 12),
		};
		d->nparameters = pg_get_strings(res, i, 9, arena, &d->parameters);
	}
	return STATUS_OK;
}

#define HELD_ARGS(D, ...)                                                                          \
	PG_ARGS(pg_uuid(&(D)->user), pg_uuid(&(D)->notification), pg_str((D)->channel),            \
		pg_int((D)->attempts), __VA_ARGS__)

enum status
notification_store_give_back(struct pg_pool *pool, struct deadline deadline,
			     const struct notification_delivery *list, size_t n,
			     struct arena *arena, struct err *err)
{
	char **users = ARENA_ARRAY(arena, char *, n), **ids = ARENA_ARRAY(arena, char *, n);
	char **channels = ARENA_ARRAY(arena, char *, n), **attempts = ARENA_ARRAY(arena, char *, n);

	for (size_t i = 0; i < n; i++) {
		users[i] = uuid_text(arena, &list[i].user);
		ids[i] = uuid_text(arena, &list[i].notification);
		channels[i] = arena_strdup(arena, list[i].channel);
		attempts[i] = arena_printf(arena, "%lld", (long long)list[i].attempts);
	}
	return pg_query(pool, deadline, sql_give_back,
			PG_ARGS(pg_strings(users, n), pg_strings(ids, n), pg_strings(channels, n),
				pg_strings(attempts, n)),
			arena, NULL, err);
}

enum status
notification_store_done(struct pg_pool *pool, struct deadline deadline,
			const struct notification_delivery *d, enum notification_outcome outcome,
			const char *error, struct arena *arena, bool *ret_mine, struct err *err)
{
	static const char *const names[] = { [NOTIFICATION_SENT] = "sent",
					     [NOTIFICATION_SKIPPED] = "skipped",
					     [NOTIFICATION_FAILED] = "failed" };
	struct pg_result *res;
	enum status st =
		pg_query(pool, deadline, sql_done,
			 HELD_ARGS(d, pg_str(names[outcome]), pg_str(error)), arena, &res, err);

	if (st == STATUS_OK)
		*ret_mine = pg_affected(res) > 0;
	return st;
}

enum status
notification_store_again(struct pg_pool *pool, struct deadline deadline,
			 const struct notification_delivery *d, int64_t delay_ms, const char *error,
			 struct arena *arena, struct err *err)
{
	return pg_query(pool, deadline, sql_again, HELD_ARGS(d, pg_int(delay_ms), pg_str(error)),
			arena, NULL, err);
}

enum status
notification_store_postpone(struct pg_pool *pool, struct deadline deadline,
			    const struct notification_delivery *d,
			    const struct notification_wants *wants, struct arena *arena,
			    bool *ret_quiet, struct err *err)
{
	struct pg_result *res;
	enum status st;

	if (!wants->quiet) {
		*ret_quiet = false;
		return STATUS_OK;
	}
	st = pg_query(pool, deadline, sql_postpone,
		      HELD_ARGS(d, pg_str(wants->zone), pg_str(wants->quiet_start),
				pg_str(wants->quiet_end)),
		      arena, &res, err);
	if (st == STATUS_OK)
		*ret_quiet = pg_get_bool(res, 0, 0);
	return st;
}

/* ---- age ---- */

struct sweep_ctx {
	int64_t keep_days;
	unsigned limit;
	size_t n;
};

static enum status
sweep_entries(struct pg_tx *tx, const struct pg_result *res, struct err *err)
{
	struct arena *arena = pg_tx_arena(tx);
	size_t n = (size_t)pg_rows(res);
	char **users = ARENA_ARRAY(arena, char *, n), **ids = ARENA_ARRAY(arena, char *, n);
	char **revs = ARENA_ARRAY(arena, char *, n);
	enum status st;

	for (size_t i = 0; i < n; i++) {
		struct uuid user = pg_get_uuid(res, (int)i, 0), id = pg_get_uuid(res, (int)i, 1);

		users[i] = uuid_text(arena, &user);
		ids[i] = uuid_text(arena, &id);
	}
	st = pg_tx_query(tx, sql_lock_many, PG_ARGS(pg_strings(users, n)), NULL, err);
	for (size_t i = 0; st == STATUS_OK && i < n; i++) {
		struct uuid user = pg_get_uuid(res, (int)i, 0), id = pg_get_uuid(res, (int)i, 1);
		int64_t rev;

		st = pg_tx_sync(tx, &user, "notification", &id, true, &rev, err);
		if (st == STATUS_OK)
			revs[i] = arena_printf(arena, "%lld", (long long)rev);
	}
	if (st != STATUS_OK)
		return st;
	return pg_tx_query(tx, sql_delete,
			   PG_ARGS(pg_strings(users, n), pg_strings(ids, n), pg_strings(revs, n)),
			   NULL, err);
}

static enum status
on_sweep(struct pg_tx *tx, void *arg, struct err *err)
{
	struct sweep_ctx *ctx = arg;
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_sweep_lock, NULL, 0, &res, err);

	ctx->n = 0;
	if (st != STATUS_OK || !pg_get_bool(res, 0, 0))
		return st;
	st = pg_tx_query(tx, sql_forget_sessions, PG_ARGS(pg_int(ctx->limit)), NULL, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_old, PG_ARGS(pg_int(ctx->keep_days), pg_int(ctx->limit)),
				 &res, err);
	if (st != STATUS_OK || pg_rows(res) == 0)
		return st;
	ctx->n = (size_t)pg_rows(res);
	return sweep_entries(tx, res, err);
}

enum status
notification_store_sweep(struct pg_pool *pool, struct deadline deadline, int64_t keep_days,
			 unsigned limit, struct arena *arena, size_t *ret_n, struct err *err)
{
	const struct pg_tx_options opts = { .deadline = deadline, .arena = arena };
	struct sweep_ctx ctx = { .keep_days = keep_days, .limit = limit };
	enum status st = pg_transaction(pool, &opts, on_sweep, &ctx, err);

	if (st == STATUS_OK)
		*ret_n = ctx.n;
	return st;
}
