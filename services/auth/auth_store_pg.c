/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order of locks: the user's (sign-in only), the token's row, the session's row, the subject's
 * counter (in pg_tx_outbox).
 * What goes through several sessions of a user may still meet another such call half-way;
 * PostgreSQL then aborts one and pg_transaction runs it again.
 */
#include "services/auth/auth_store.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/store/pg.h"
#include "services/auth/auth_events.h"

/* An access token's iat may be at most so far ahead of the clock (the verifier's skew is 30 s). */
#define IAT_AHEAD_MAX_S 20

#define COLS(t)                                                                                    \
	t "id, " t "user_id, " t "device_hash, " t "device_name, " t "platform, " t "provider, " t \
	  "role, " t "tier, " t "permissions, " t "last_iat, " t "created_at, " t                  \
	  "last_used_at, " t "expires_at, " t "ends_at, " t "revoked_at, " t "change"
#define NCOLS 16

/* Sign-ins of one user go one after another: each sees what the one before left. */
static const char sql_lock_user[] = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))";
static const char sql_insert_session[] =
	"INSERT INTO sessions (id, user_id, device_hash, device_name, platform, provider, role, "
	"tier,"
	" permissions, last_iat, created_at, last_used_at, expires_at, ends_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
static const char sql_insert_token[] =
	"INSERT INTO refresh_tokens (hash, session_id, number, issued_at, expires_at)"
	" VALUES ($1, $2, $3, $4, $5)";
static const char sql_device_known[] =
	"SELECT EXISTS (SELECT 1 FROM sessions WHERE user_id = $1 AND device_hash = $2)";
/* Also one that has expired: its row would stand in the way of the unique index. */
static const char sql_end_device[] =
	"UPDATE sessions SET revoked_at = $3, revoked_why = 'replaced', change = change + 1"
	" WHERE user_id = $1 AND device_hash = $2 AND revoked_at IS NULL RETURNING " COLS("");
static const char sql_end_excess[] =
	"UPDATE sessions SET revoked_at = $2, revoked_why = 'too_many', change = change + 1"
	" WHERE user_id = $1 AND id IN (SELECT id FROM sessions"
	" WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2"
	" ORDER BY last_used_at DESC, id OFFSET $3) RETURNING " COLS("");
static const char sql_end_one[] =
	"UPDATE sessions SET revoked_at = $3, revoked_why = $4, change = change + 1"
	" WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING " COLS("");
static const char sql_end_all[] =
	"UPDATE sessions SET revoked_at = $2, revoked_why = $3, change = change + 1"
	" WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING " COLS("");
static const char sql_find_refresh[] = "SELECT " COLS(
	"s.") ", t.used_at IS NOT NULL, t.expires_at"
	      " FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1";
static const char sql_use_token[] =
	"UPDATE refresh_tokens SET used_at = $2, used_by = $3, successor_hash = $4, successor = $5"
	" WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING session_id, number";
static const char sql_touch_session[] =
	"UPDATE sessions SET last_iat = GREATEST($3, last_iat + 1), role = $4, tier = $5, "
	"permissions = $6,"
	" last_used_at = $2, expires_at = LEAST($7, ends_at), change = change + 1"
	" WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING " COLS("");
static const char sql_lock_used[] =
	"SELECT " COLS("s.") ", t.used_at, t.used_by, t.successor,"
			     " n.hash IS NOT NULL AND n.used_at IS NULL"
			     " FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id"
			     " LEFT JOIN refresh_tokens n ON n.hash = t.successor_hash"
			     " WHERE t.hash = $1 AND t.used_at IS NOT NULL FOR UPDATE OF s";
static const char sql_get[] = "SELECT " COLS("") " FROM sessions WHERE user_id = $1 AND id = $2";
static const char sql_list_first[] = "SELECT " COLS(
	"") " FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2"
	    " ORDER BY created_at DESC, id DESC LIMIT $3";
static const char sql_list_after[] = "SELECT " COLS(
	"") " FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2"
	    " AND (created_at, id) < ($4, $5) ORDER BY created_at DESC, id DESC LIMIT $3";
static const char sql_copied[] =
	"UPDATE sessions SET copied = GREATEST(copied, $3) WHERE user_id = $1 AND id = $2";
static const char sql_uncopied[] =
	"SELECT " COLS("") " FROM sessions WHERE copied < change ORDER BY id LIMIT $1";
static const char sql_sweep_sessions[] =
	"DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1"
	" ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
static const char sql_sweep_tokens[] = "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM "
				       "refresh_tokens WHERE expires_at < $1"
				       " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

struct auth_store {
	struct pg_pool *pool;
};

struct auth_store *
auth_store_new(struct pg_pool *pool)
{
	struct auth_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		panic("no memory for the session store");
	store->pool = pool;
	return store;
}

void
auth_store_free(struct auth_store *store)
{
	free(store);
}

/* ---- rows ---- */

static void
read_session(const struct pg_result *res, int row, struct arena *arena, struct auth_session *ret)
{
	struct auth_session s = { 0 };

	s.id = pg_get_uuid(res, row, 0);
	s.user = pg_get_uuid(res, row, 1);
	s.device_hash = pg_is_null(res, row, 2) ? NULL : pg_text(res, row, 2);
	s.device_name = pg_text(res, row, 3);
	s.platform = pg_text(res, row, 4);
	s.provider = pg_text(res, row, 5);
	s.access.role = pg_text(res, row, 6);
	s.access.tier = pg_text(res, row, 7);
	s.access.npermissions = pg_get_strings(res, row, 8, arena, &s.access.permissions);
	s.last_iat_s = pg_get_int(res, row, 9);
	s.created_ms = pg_get_time(res, row, 10);
	s.last_used_ms = pg_get_time(res, row, 11);
	s.expires_ms = pg_get_time(res, row, 12);
	s.ends_ms = pg_get_time(res, row, 13);
	s.revoked_ms = pg_is_null(res, row, 14) ? 0 : pg_get_time(res, row, 14);
	s.change = pg_get_int(res, row, 15);
	*ret = s;
}

/* Appends all rows; `list` is arena memory that may move. */
static void
append_sessions(const struct pg_result *res, struct arena *arena, struct auth_sessions *list)
{
	size_t rows = (size_t)pg_rows(res);
	struct auth_session *items = ARENA_ARRAY(arena, struct auth_session, list->n + rows + 1);

	if (list->n > 0)
		memcpy(items, list->items, list->n * sizeof(*items));
	for (size_t i = 0; i < rows; i++)
		read_session(res, (int)i, arena, &items[list->n + i]);
	list->items = items;
	list->n += rows;
}

static struct slice
hash_slice(const uint8_t hash[DIGEST_SHA256_SIZE])
{
	return slice_make(hash, DIGEST_SHA256_SIZE);
}

static const char *
end_name(enum auth_end why)
{
	static const char *const names[] = {
		[AUTH_END_SIGN_OUT] = "sign_out", [AUTH_END_BY_USER] = "by_user",
		[AUTH_END_REPLACED] = "replaced", [AUTH_END_INACTIVE] = "inactive",
		[AUTH_END_TOO_MANY] = "too_many", [AUTH_END_REUSE] = "refresh_reuse",
	};

	return names[why];
}

static enum status
run(struct auth_store *store, const struct auth_call *call, pg_tx_fn fn, void *arg, struct err *err)
{
	struct pg_tx_options opts = { .deadline = call->deadline, .arena = call->arena };

	return pg_transaction(store->pool, &opts, fn, arg, err);
}

/* ---- opening ---- */

struct open_ctx {
	const struct auth_call *call;
	const struct auth_new_session *new_session;
	struct auth_sessions ended;
};

/* Runs an UPDATE … RETURNING sessions and writes one event for each row. */
static enum status
end_rows(struct pg_tx *tx, const struct auth_call *call, const char *sql, const struct pg_arg *args,
	 size_t nargs, enum auth_end why, struct auth_sessions *list, struct err *err)
{
	struct pg_result *res;
	size_t from = list->n;
	enum status st = pg_tx_query(tx, sql, args, nargs, &res, err);

	if (st != STATUS_OK)
		return st;
	append_sessions(res, pg_tx_arena(tx), list);
	for (size_t i = from; st == STATUS_OK && i < list->n; i++)
		st = auth_event_ended(tx, &list->items[i].user, &list->items[i].id, why,
				      call->traceparent, err);
	return st;
}

static enum status
insert_token(struct pg_tx *tx, const uint8_t *hash, const struct uuid *session, int64_t number,
	     int64_t now_ms, int64_t expires_ms, struct err *err)
{
	return pg_tx_query(tx, sql_insert_token,
			   PG_ARGS(pg_bytes(hash_slice(hash)), pg_uuid(session), pg_int(number),
				   pg_time(now_ms), pg_time(expires_ms)),
			   NULL, err);
}

/* Before the new session is there. A device without an id is never known. */
static enum status
device_known(struct pg_tx *tx, const struct auth_session *s, bool *ret_known, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_device_known,
				     PG_ARGS(pg_uuid(&s->user), pg_str(s->device_hash)), &res, err);

	if (st == STATUS_OK)
		*ret_known = pg_get_bool(res, 0, 0);
	return st;
}

static enum status
on_open(struct pg_tx *tx, void *arg, struct err *err)
{
	struct open_ctx *ctx = arg;
	const struct auth_session *s = &ctx->new_session->session;
	int64_t now_ms = ctx->call->now_ms;
	char user[UUID_TEXT_SIZE];
	bool known = false;
	enum status st;

	ctx->ended = (struct auth_sessions){ 0 };
	uuid_format(&s->user, user);
	st = pg_tx_query(tx, sql_lock_user, PG_ARGS(pg_str(user)), NULL, err);
	if (st == STATUS_OK)
		st = device_known(tx, s, &known, err);
	if (st == STATUS_OK && s->device_hash != NULL)
		st = end_rows(tx, ctx->call, sql_end_device,
			      PG_ARGS(pg_uuid(&s->user), pg_str(s->device_hash), pg_time(now_ms)),
			      AUTH_END_REPLACED, &ctx->ended, err);
	if (st == STATUS_OK)
		st = end_rows(tx, ctx->call, sql_end_excess,
			      PG_ARGS(pg_uuid(&s->user), pg_time(now_ms),
				      pg_int(ctx->new_session->max - 1)),
			      AUTH_END_TOO_MANY, &ctx->ended, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_insert_session,
				 PG_ARGS(pg_uuid(&s->id), pg_uuid(&s->user), pg_str(s->device_hash),
					 pg_str(s->device_name), pg_str(s->platform),
					 pg_str(s->provider), pg_str(s->access.role),
					 pg_str(s->access.tier),
					 pg_strings(s->access.permissions, s->access.npermissions),
					 pg_int(s->last_iat_s), pg_time(s->created_ms),
					 pg_time(s->last_used_ms), pg_time(s->expires_ms),
					 pg_time(s->ends_ms)),
				 NULL, err);
	if (st == STATUS_OK)
		st = insert_token(tx, ctx->new_session->refresh_hash, &s->id, 1, now_ms,
				  s->expires_ms, err);
	if (st == STATUS_OK)
		st = auth_event_signed_in(tx, s, ctx->new_session->first_sign_in, known,
					  ctx->call->traceparent, err);
	return st;
}

enum status
auth_store_open_session(struct auth_store *store, const struct auth_call *call,
			const struct auth_new_session *new_session, struct auth_sessions *ret_ended,
			struct err *err)
{
	struct open_ctx ctx = { .call = call, .new_session = new_session };
	enum status st = run(store, call, on_open, &ctx, err);

	if (st == STATUS_OK)
		*ret_ended = ctx.ended;
	return st;
}

/* ---- refreshing ---- */

enum status
auth_store_find_refresh(struct auth_store *store, const struct auth_call *call,
			const uint8_t hash[DIGEST_SHA256_SIZE], enum auth_refresh_state *ret_state,
			struct auth_session *ret_session, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(store->pool, call->deadline, sql_find_refresh,
				  PG_ARGS(pg_bytes(hash_slice(hash))), call->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_set(err, STATUS_NOT_FOUND, "no such refresh token");
	read_session(res, 0, call->arena, ret_session);
	if (!auth_session_live(ret_session, call->now_ms) ||
	    pg_get_time(res, 0, NCOLS + 1) <= call->now_ms)
		*ret_state = AUTH_REFRESH_DEAD;
	else
		*ret_state = pg_get_bool(res, 0, NCOLS) ? AUTH_REFRESH_USED : AUTH_REFRESH_LIVE;
	return STATUS_OK;
}

struct rotate_ctx {
	const struct auth_call *call;
	const struct auth_rotation *rotation;
	bool lost;
	struct auth_session session;
};

static enum status
on_rotate(struct pg_tx *tx, void *arg, struct err *err)
{
	struct rotate_ctx *ctx = arg;
	const struct auth_rotation *r = ctx->rotation;
	int64_t now_ms = ctx->call->now_ms, now_s = now_ms / 1000;
	struct pg_result *token, *res;
	struct uuid id;
	enum status st;

	ctx->lost = false;
	st = pg_tx_query(tx, sql_use_token,
			 PG_ARGS(pg_bytes(hash_slice(r->hash)), pg_time(now_ms),
				 pg_bytes(r->client), pg_bytes(hash_slice(r->next_hash)),
				 pg_bytes(r->sealed_next)),
			 &token, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(token) == 0) {
		ctx->lost = true;
		return STATUS_OK;
	}
	id = pg_get_uuid(token, 0, 0);
	st = pg_tx_query(tx, sql_touch_session,
			 PG_ARGS(pg_uuid(&id), pg_time(now_ms), pg_int(now_s),
				 pg_str(r->access.role), pg_str(r->access.tier),
				 pg_strings(r->access.permissions, r->access.npermissions),
				 pg_time(now_ms + r->idle_ms)),
			 &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0) {
		/* The session ended meanwhile; rolling back leaves the token as it was. */
		ctx->lost = true;
		return err_set(err, STATUS_FAILED_PRECONDITION, "the session has ended");
	}
	read_session(res, 0, pg_tx_arena(tx), &ctx->session);
	if (ctx->session.last_iat_s > now_s + IAT_AHEAD_MAX_S) {
		(void)err_public(err, STATUS_RESOURCE_EXHAUSTED, "Refreshed too often.");
		err->retry_after_ms =
			(uint32_t)(ctx->session.last_iat_s - now_s - IAT_AHEAD_MAX_S) * 1000;
		return STATUS_RESOURCE_EXHAUSTED;
	}
	return insert_token(tx, r->next_hash, &id, pg_get_int(token, 0, 1) + 1, now_ms,
			    ctx->session.expires_ms, err);
}

enum status
auth_store_rotate(struct auth_store *store, const struct auth_call *call,
		  const struct auth_rotation *rotation, bool *ret_won,
		  struct auth_session *ret_session, struct err *err)
{
	struct rotate_ctx ctx = { .call = call, .rotation = rotation };
	enum status st = run(store, call, on_rotate, &ctx, err);

	if (ctx.lost && (st == STATUS_OK || st == STATUS_FAILED_PRECONDITION)) {
		*ret_won = false;
		return STATUS_OK;
	}
	if (st != STATUS_OK)
		return st;
	CRASH_POINT("auth.refresh.after_commit");
	*ret_won = true;
	*ret_session = ctx.session;
	return STATUS_OK;
}

struct settle_ctx {
	const struct auth_call *call;
	struct slice hash, client;
	int64_t grace_ms;
	struct slice sealed;
	struct auth_session session;
};

static enum status
on_settle(struct pg_tx *tx, void *arg, struct err *err)
{
	struct settle_ctx *ctx = arg;
	struct auth_sessions ended = { 0 };
	struct pg_result *res;
	enum status st;

	ctx->sealed = SLICE_NONE;
	st = pg_tx_query(tx, sql_lock_used, PG_ARGS(pg_bytes(ctx->hash)), &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_set(err, STATUS_NOT_FOUND, "no such used refresh token");
	read_session(res, 0, pg_tx_arena(tx), &ctx->session);
	if (!auth_session_live(&ctx->session, ctx->call->now_ms))
		return STATUS_OK;
	if (ctx->call->now_ms - pg_get_time(res, 0, NCOLS) <= ctx->grace_ms &&
	    slice_eq(pg_get_bytes(res, 0, NCOLS + 1), ctx->client) &&
	    pg_get_bool(res, 0, NCOLS + 3)) {
		ctx->sealed = pg_get_bytes(res, 0, NCOLS + 2);
		return STATUS_OK;
	}
	st = end_rows(tx, ctx->call, sql_end_one,
		      PG_ARGS(pg_uuid(&ctx->session.user), pg_uuid(&ctx->session.id),
			      pg_time(ctx->call->now_ms), pg_str(end_name(AUTH_END_REUSE))),
		      AUTH_END_REUSE, &ended, err);
	if (st == STATUS_OK && ended.n > 0)
		ctx->session = ended.items[0];
	return st;
}

enum status
auth_store_settle_used(struct auth_store *store, const struct auth_call *call,
		       const uint8_t hash[DIGEST_SHA256_SIZE], struct slice client,
		       int64_t grace_ms, struct slice *ret_sealed, struct auth_session *ret_session,
		       struct err *err)
{
	struct settle_ctx ctx = {
		.call = call, .hash = hash_slice(hash), .client = client, .grace_ms = grace_ms
	};
	enum status st = run(store, call, on_settle, &ctx, err);

	if (st != STATUS_OK)
		return st;
	*ret_sealed = ctx.sealed;
	*ret_session = ctx.session;
	return STATUS_OK;
}

/* ---- looking and ending ---- */

enum status
auth_store_get(struct auth_store *store, const struct auth_call *call, const struct uuid *user,
	       const struct uuid *id, struct auth_session *ret_session, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(store->pool, call->deadline, sql_get,
				  PG_ARGS(pg_uuid(user), pg_uuid(id)), call->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_set(err, STATUS_NOT_FOUND, "no such session");
	read_session(res, 0, call->arena, ret_session);
	return STATUS_OK;
}

enum status
auth_store_list(struct auth_store *store, const struct auth_call *call, const struct uuid *user,
		int64_t after_ms, const struct uuid *after_id, int64_t limit,
		struct auth_sessions *ret_sessions, struct err *err)
{
	struct auth_sessions list = { 0 };
	struct pg_result *res;
	enum status st;

	if (after_ms == 0)
		st = pg_query(store->pool, call->deadline, sql_list_first,
			      PG_ARGS(pg_uuid(user), pg_time(call->now_ms), pg_int(limit)),
			      call->arena, &res, err);
	else
		st = pg_query(store->pool, call->deadline, sql_list_after,
			      PG_ARGS(pg_uuid(user), pg_time(call->now_ms), pg_int(limit),
				      pg_time(after_ms), pg_uuid(after_id)),
			      call->arena, &res, err);
	if (st != STATUS_OK)
		return st;
	append_sessions(res, call->arena, &list);
	*ret_sessions = list;
	return STATUS_OK;
}

struct end_ctx {
	const struct auth_call *call;
	const struct uuid *user, *id; /* id NULL: all */
	enum auth_end why;
	struct auth_sessions ended;
};

static enum status
on_end(struct pg_tx *tx, void *arg, struct err *err)
{
	struct end_ctx *ctx = arg;
	enum status st;

	ctx->ended = (struct auth_sessions){ 0 };
	if (ctx->id != NULL)
		return end_rows(tx, ctx->call, sql_end_one,
				PG_ARGS(pg_uuid(ctx->user), pg_uuid(ctx->id),
					pg_time(ctx->call->now_ms), pg_str(end_name(ctx->why))),
				ctx->why, &ctx->ended, err);
	st = end_rows(tx, ctx->call, sql_end_all,
		      PG_ARGS(pg_uuid(ctx->user), pg_time(ctx->call->now_ms),
			      pg_str(end_name(ctx->why))),
		      ctx->why, &ctx->ended, err);
	if (st == STATUS_OK && ctx->why == AUTH_END_BY_USER && ctx->ended.n > 0)
		st = auth_event_all_ended(tx, ctx->user, ctx->ended.n, ctx->call->traceparent, err);
	return st;
}

static enum status
end_sessions(struct auth_store *store, struct end_ctx *ctx, struct auth_sessions *ret_ended,
	     struct err *err)
{
	enum status st = run(store, ctx->call, on_end, ctx, err);

	if (st != STATUS_OK)
		return st;
	CRASH_POINT("auth.end.after_commit");
	*ret_ended = ctx->ended;
	return STATUS_OK;
}

enum status
auth_store_end(struct auth_store *store, const struct auth_call *call, const struct uuid *user,
	       const struct uuid *id, enum auth_end why, struct auth_sessions *ret_ended,
	       struct err *err)
{
	return end_sessions(store,
			    &(struct end_ctx){ .call = call, .user = user, .id = id, .why = why },
			    ret_ended, err);
}

enum status
auth_store_end_all(struct auth_store *store, const struct auth_call *call, const struct uuid *user,
		   enum auth_end why, struct auth_sessions *ret_ended, struct err *err)
{
	return end_sessions(store, &(struct end_ctx){ .call = call, .user = user, .why = why },
			    ret_ended, err);
}

/* ---- upkeep ---- */

enum status
auth_store_copied(struct auth_store *store, const struct auth_call *call,
		  const struct auth_session *session, struct err *err)
{
	return pg_query(store->pool, call->deadline, sql_copied,
			PG_ARGS(pg_uuid(&session->user), pg_uuid(&session->id),
				pg_int(session->change)),
			call->arena, NULL, err);
}

enum status
auth_store_uncopied(struct auth_store *store, const struct auth_call *call, int64_t limit,
		    struct auth_sessions *ret_sessions, struct err *err)
{
	struct auth_sessions list = { 0 };
	struct pg_result *res;
	enum status st = pg_query(store->pool, call->deadline, sql_uncopied, PG_ARGS(pg_int(limit)),
				  call->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	append_sessions(res, call->arena, &list);
	*ret_sessions = list;
	return STATUS_OK;
}

enum status
auth_store_sweep(struct auth_store *store, const struct auth_call *call, int64_t before_ms,
		 int64_t limit, int64_t *ret_deleted, struct err *err)
{
	static const char *const statements[] = { sql_sweep_sessions, sql_sweep_tokens };
	int64_t deleted = 0;

	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		struct pg_result *res;
		enum status st = pg_query(store->pool, call->deadline, statements[i],
					  PG_ARGS(pg_time(before_ms), pg_int(limit)), call->arena,
					  &res, err);

		if (st != STATUS_OK)
			return st;
		deleted += pg_affected(res);
	}
	*ret_deleted = deleted;
	return STATUS_OK;
}
