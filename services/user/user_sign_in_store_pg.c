/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_sign_in_store_pg.c - whose account a provider's statement belongs to.
 *
 * Most sign-ins find an account that needs no change: one indexed read. The rest is one
 * transaction, in which an account is found by subject, else by verified address, else
 * inserted. Two first sign-ins at once meet at the unique indexes: the later INSERT waits for
 * the earlier one, does nothing, and the look-up that follows finds the account (READ COMMITTED
 * sees what was committed meanwhile).
 *
 * An address that the provider did not verify neither links nor creates: else somebody could
 * take an address in advance, and its owner would later be linked to an account that a stranger
 * can enter. Nor does an address whose account the provider knows under another subject:
 * providers give addresses to new people.
 */
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/store/pg.h"
#include "services/user/user_events.h"
#include "services/user/user_store.h"
#include "services/user/user_store_impl.h"
#include "services/user/user_vault.h"

#define ATTEMPTS 3

/* clang-format off: statements are broken where SQL is, not where a line is full */
static const char sql_by_subject[] =
	"SELECT" USER_COLUMNS "FROM users WHERE google_bidx = $1 AND deleted_at IS NULL";
static const char sql_by_subject_for_update[] =
	"SELECT" USER_COLUMNS "FROM users WHERE google_bidx = $1 AND deleted_at IS NULL"
	" FOR UPDATE";
static const char sql_by_email_for_update[] =
	"SELECT" USER_COLUMNS "FROM users WHERE email_bidx = $1 AND deleted_at IS NULL"
	" FOR UPDATE";
static const char sql_insert[] =
	"INSERT INTO users (id, email, email_bidx, google_id, google_bidx, display_name,"
	" profile_image_url, role, wrapped_key, created_at, updated_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)"
	" ON CONFLICT DO NOTHING RETURNING" USER_COLUMNS;
static const char sql_set_rev[] = "UPDATE users SET rev = $2, preferences_rev = $2 WHERE id = $1";
static const char sql_link[] = "UPDATE users SET google_id = $2, google_bidx = $3 WHERE id = $1";
static const char sql_set_email[] =
	"UPDATE users SET email = $2, email_bidx = $3 WHERE id = $1"
	" AND NOT EXISTS (SELECT FROM users WHERE email_bidx = $3 AND id <> $1)";
/* clang-format on */

struct sign_in_ctx {
	struct user_store *store;
	const struct user_call *call;
	const struct user_sign_in *in;
	uint8_t subject_bidx[BLIND_INDEX_SIZE];
	uint8_t email_bidx[BLIND_INDEX_SIZE];
	struct user_signed_in out;
};

static enum status
refuse(struct err *err, const char *reason, const char *text)
{
	enum status st = err_public(err, STATUS_PERMISSION_DENIED, "%s", text);

	(void)err_reason(err, reason);
	return st;
}

/* What a sign-in does to an account that was found. */
static bool
may_restore(const struct sign_in_ctx *c, const struct user_row *row)
{
	return row->deletion_requested_ms != 0 &&
	       clock_wall_ms() < row->deletion_requested_ms + c->in->grace_ms;
}

static bool
email_changed(const struct sign_in_ctx *c, const struct user_row *row)
{
	return c->in->email_verified &&
	       memcmp(row->email_bidx, c->email_bidx, BLIND_INDEX_SIZE) != 0;
}

static bool
role_changed(const struct sign_in_ctx *c, const struct user_row *row)
{
	return c->in->role != NULL && strcmp(row->role, c->in->role) != 0;
}

static enum status
read_one(struct sign_in_ctx *c, const struct pg_result *res, struct arena *arena,
	 struct user_row **ret_row, struct err *err)
{
	if (pg_rows(res) == 0) {
		*ret_row = NULL;
		return STATUS_OK;
	}
	return user_row_read(c->store, res, 0, arena, ret_row, err);
}

/* ---- changes ---- */

static enum status
change_email(struct sign_in_ctx *c, struct pg_tx *tx, struct user_row *row, struct err *err)
{
	static char name[] = "email";
	static char *const names[] = { name };
	struct user_edit edit = { .what = USER_EDIT_STATE };
	struct pg_result *res;
	struct slice sealed;
	enum status st;

	st = user_vault_seal(c->store->vault, &row->key, USER_COLUMN_EMAIL, c->in->email,
			     pg_tx_arena(tx), &sealed, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_set_email,
				 PG_ARGS(pg_uuid(&row->id), pg_bytes(sealed),
					 pg_bytes(slice_make(c->email_bidx, BLIND_INDEX_SIZE))),
				 &res, err);
	/* Another account has the address: both stay as they are. */
	if (st != STATUS_OK || pg_affected(res) == 0)
		return st;
	row->email = arena_strdup(pg_tx_arena(tx), c->in->email);
	edit.event = user_event_profile_changed(pg_tx_arena(tx), names, 1);
	return user_row_write(c->store, tx, row, &edit, c->call->traceparent, err);
}

static enum status
update_found(struct sign_in_ctx *c, struct pg_tx *tx, struct user_row *row, struct err *err)
{
	struct user_edit edit = { .what = USER_EDIT_NOTHING };
	enum status st;

	if (!row->is_active && !may_restore(c, row))
		return refuse(err, "ACCOUNT_INACTIVE", "This account is closed.");
	if (role_changed(c, row)) {
		row->role = arena_strdup(pg_tx_arena(tx), c->in->role);
		edit.what = USER_EDIT_STATE;
	}
	if (!row->is_active) {
		row->is_active = true;
		row->deletion_requested_ms = 0;
		edit.what = USER_EDIT_STATE;
		edit.event = user_event_restored(pg_tx_arena(tx));
		c->out.restored = true;
	}
	st = user_row_write(c->store, tx, row, &edit, c->call->traceparent, err);
	if (st == STATUS_OK && email_changed(c, row))
		st = change_email(c, tx, row, err);
	c->out.row = row;
	return st;
}

static enum status
seal_subject(struct sign_in_ctx *c, const struct envelope_key *key, struct arena *arena,
	     struct slice *ret_sealed, struct err *err)
{
	return user_vault_seal(c->store->vault, key, USER_COLUMN_GOOGLE_ID, c->in->subject, arena,
			       ret_sealed, err);
}

static enum status
link_by_email(struct sign_in_ctx *c, struct pg_tx *tx, struct user_row *row, struct err *err)
{
	struct slice sealed;
	enum status st;

	/* It may have been made, under our subject, since the look-up by subject. */
	if (row->has_google_id && memcmp(row->google_bidx, c->subject_bidx, BLIND_INDEX_SIZE) == 0)
		return update_found(c, tx, row, err);
	if (row->has_google_id)
		return refuse(err, "ID_TOKEN_INVALID",
			      "This e-mail address belongs to an account of another identity.");
	st = seal_subject(c, &row->key, pg_tx_arena(tx), &sealed, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_link,
				 PG_ARGS(pg_uuid(&row->id), pg_bytes(sealed),
					 pg_bytes(slice_make(c->subject_bidx, BLIND_INDEX_SIZE))),
				 NULL, err);
	return st == STATUS_OK ? update_found(c, tx, row, err) : st;
}

static enum status
insert_row(struct sign_in_ctx *c, struct pg_tx *tx, const struct uuid *id,
	   struct pg_result **ret_result, struct err *err)
{
	struct arena *arena = pg_tx_arena(tx);
	struct slice email, subject, name;
	struct envelope_key key;
	enum status st;

	st = user_vault_new_key(c->store->vault, id, arena, &key, err);
	if (st == STATUS_OK)
		st = user_vault_seal(c->store->vault, &key, USER_COLUMN_EMAIL, c->in->email, arena,
				     &email, err);
	if (st == STATUS_OK)
		st = seal_subject(c, &key, arena, &subject, err);
	if (st == STATUS_OK)
		st = user_vault_seal(c->store->vault, &key, USER_COLUMN_DISPLAY_NAME,
				     c->in->display_name, arena, &name, err);
	if (st != STATUS_OK)
		return st;
	return pg_tx_query(tx, sql_insert,
			   PG_ARGS(pg_uuid(id), pg_bytes(email),
				   pg_bytes(slice_make(c->email_bidx, BLIND_INDEX_SIZE)),
				   pg_bytes(subject),
				   pg_bytes(slice_make(c->subject_bidx, BLIND_INDEX_SIZE)),
				   pg_bytes(name), pg_str(c->in->picture_url),
				   pg_str(c->in->role != NULL ? c->in->role : "user"),
				   pg_bytes(key.wrapped), pg_time(clock_wall_ms())),
			   ret_result, err);
}

/* *ret_created is false when somebody else was faster. */
static enum status
create(struct sign_in_ctx *c, struct pg_tx *tx, bool *ret_created, struct err *err)
{
	struct arena *arena = pg_tx_arena(tx);
	struct uuid id = uuid_v7();
	struct pg_result *res;
	struct user_row *row;
	enum status st;
	int64_t rev;

	st = insert_row(c, tx, &id, &res, err);
	if (st != STATUS_OK)
		return st;
	*ret_created = pg_rows(res) == 1;
	if (!*ret_created)
		return STATUS_OK;
	st = user_row_read(c->store, res, 0, arena, &row, err);
	if (st == STATUS_OK)
		st = pg_tx_sync(tx, &id, "user", &id, false, &rev, err);
	if (st == STATUS_OK)
		st = pg_tx_sync(tx, &id, "preferences", &id, false, &rev, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_set_rev, PG_ARGS(pg_uuid(&id), pg_int(rev)), NULL, err);
	if (st == STATUS_OK)
		st = user_events_emit(tx, &id, user_event_created(arena, row->role, row->tier),
				      c->call->traceparent, err);
	c->out.row = row;
	c->out.created = true;
	return st;
}

/* One look; *ret_settled is false when an insert lost the race. */
static enum status
settle(struct sign_in_ctx *c, struct pg_tx *tx, bool *ret_settled, struct err *err)
{
	struct pg_result *res;
	struct user_row *row;
	enum status st;

	*ret_settled = true;
	st = pg_tx_query(tx, sql_by_subject_for_update,
			 PG_ARGS(pg_bytes(slice_make(c->subject_bidx, BLIND_INDEX_SIZE))), &res,
			 err);
	if (st == STATUS_OK)
		st = read_one(c, res, pg_tx_arena(tx), &row, err);
	if (st != STATUS_OK)
		return st;
	if (row != NULL)
		return update_found(c, tx, row, err);
	if (!c->in->email_verified)
		return refuse(err, "ID_TOKEN_INVALID", "The e-mail address is not verified.");
	st = pg_tx_query(tx, sql_by_email_for_update,
			 PG_ARGS(pg_bytes(slice_make(c->email_bidx, BLIND_INDEX_SIZE))), &res, err);
	if (st == STATUS_OK)
		st = read_one(c, res, pg_tx_arena(tx), &row, err);
	if (st != STATUS_OK)
		return st;
	if (row != NULL)
		return link_by_email(c, tx, row, err);
	return create(c, tx, ret_settled, err);
}

static enum status
on_sign_in_tx(struct pg_tx *tx, void *arg, struct err *err)
{
	struct sign_in_ctx *c = arg;
	enum status st;
	bool settled;

	memset(&c->out, 0, sizeof(c->out));
	for (int i = 0; i < ATTEMPTS; i++) {
		st = settle(c, tx, &settled, err);
		if (st != STATUS_OK || settled)
			return st;
	}
	return err_set(err, STATUS_ABORTED, "sign-in: the account neither appears nor can be made");
}

/* The common case: known, active, nothing to change. */
static enum status
find_unchanged(struct sign_in_ctx *c, struct err *err)
{
	struct pg_result *res;
	struct user_row *row;
	enum status st;

	st = pg_query(c->store->pool, c->call->deadline, sql_by_subject,
		      PG_ARGS(pg_bytes(slice_make(c->subject_bidx, BLIND_INDEX_SIZE))),
		      c->call->arena, &res, err);
	if (st == STATUS_OK)
		st = read_one(c, res, c->call->arena, &row, err);
	if (st == STATUS_OK && row != NULL && row->is_active && !role_changed(c, row) &&
	    !email_changed(c, row))
		c->out.row = row;
	return st;
}

enum status
user_store_sign_in(struct user_store *store, const struct user_call *call,
		   const struct user_sign_in *in, struct user_signed_in *ret_user, struct err *err)
{
	const struct pg_tx_options opts = { .deadline = call->deadline, .arena = call->arena };
	struct sign_in_ctx c = { .store = store, .call = call, .in = in };
	enum status st;

	user_vault_subject_index(store->vault, in->issuer, in->subject, c.subject_bidx);
	user_vault_email_index(store->vault, in->email_normal, c.email_bidx);
	st = find_unchanged(&c, err);
	if (st != STATUS_OK || c.out.row != NULL)
		goto out;
	/* Somebody took the new address between our look and our update: now the look sees it. */
	for (int i = 0; i < ATTEMPTS; i++) {
		st = pg_transaction(store->pool, &opts, on_sign_in_tx, &c, err);
		if (st != STATUS_ALREADY_EXISTS)
			break;
	}
out:
	if (st == STATUS_OK)
		*ret_user = c.out;
	return st;
}
