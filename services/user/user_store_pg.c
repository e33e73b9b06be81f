/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/wrappers.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/store/pg.h"
#include "services/user/user_events.h"
#include "services/user/user_preferences.h"
#include "services/user/user_store.h"
#include "services/user/user_store_impl.h"
#include "services/user/user_vault.h"

/* clang-format off: statements are broken where SQL is, not where a line is full */
static const char sql_find[] =
	"SELECT" USER_COLUMNS "FROM users WHERE id = $1 AND deleted_at IS NULL";
static const char sql_find_for_update[] =
	"SELECT" USER_COLUMNS "FROM users WHERE id = $1 AND deleted_at IS NULL"
	" FOR NO KEY UPDATE";
static const char sql_access[] = "SELECT is_active, role, subscription_tier FROM users"
				 " WHERE id = $1 AND deleted_at IS NULL";
static const char sql_key[] = "SELECT wrapped_key FROM users WHERE id = $1 AND deleted_at IS NULL";
static const char sql_update_profile[] =
	"UPDATE users SET display_name = $2, profile_image_url = $3, fitness_level = $4,"
	" goals = coalesce($5::jsonb->'goals', '[]'),"
	" limitations = coalesce($5::jsonb->'limitations', '[]'),"
	" wrapped_key = $6, version = $7, rev = $8, updated_at = $9"
	" WHERE id = $1";
/* What a newer version stored beside the members that this one knows stays. */
static const char sql_update_preferences[] =
	"UPDATE users SET preferences = (preferences - $7::text[]) || $2, wrapped_key = $3,"
	" preferences_version = $4, preferences_rev = $5, updated_at = $6"
	" WHERE id = $1";
static const char sql_update_state[] =
	"UPDATE users SET is_active = $2, deletion_requested_at = $3, role = $4, wrapped_key = $5,"
	" version = $6, rev = $7, updated_at = $8"
	" WHERE id = $1";
/* The key's number is bytes 2 to 5; index users_wrapped_by. */
static const char sql_stale_keys[] =
	"SELECT id, wrapped_key FROM users WHERE substr(wrapped_key, 2, 4) < $1"
	" ORDER BY substr(wrapped_key, 2, 4) LIMIT $2";
static const char sql_replace_key[] =
	"UPDATE users SET wrapped_key = $3 WHERE id = $1 AND wrapped_key = $2";
/* clang-format on */

struct user_store *
user_store_new(struct pg_pool *pool, struct user_vault *vault)
{
	struct user_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		panic("user: no memory");
	store->pool = pool;
	store->vault = vault;
	return store;
}

void
user_store_free(struct user_store *store)
{
	free(store);
}

enum status
user_store_ping(struct user_store *store, struct deadline deadline, struct err *err)
{
	return pg_ping(store->pool, deadline, err);
}

/* ---- rows ---- */

static bool
read_index(struct slice bytes, uint8_t ret_index[BLIND_INDEX_SIZE])
{
	if (bytes.n != BLIND_INDEX_SIZE)
		return false;
	memcpy(ret_index, bytes.p, BLIND_INDEX_SIZE);
	return true;
}

static enum status
read_sealed(struct user_store *store, const struct pg_result *res, int i, struct arena *arena,
	    struct user_row *row, struct err *err)
{
	enum status st = user_vault_unseal(store->vault, &row->key, USER_COLUMN_EMAIL,
					   pg_get_bytes(res, i, 1), arena, &row->email, err);

	if (st == STATUS_OK)
		st = user_vault_unseal(store->vault, &row->key, USER_COLUMN_DISPLAY_NAME,
				       pg_get_bytes(res, i, 3), arena, &row->profile->display_name,
				       err);
	return st;
}

enum status
user_row_read(struct user_store *store, const struct pg_result *res, int i, struct arena *arena,
	      struct user_row **ret_row, struct err *err)
{
	struct user_row *row = ARENA_NEW(arena, struct user_row);
	struct slice wrapped = pg_get_bytes(res, i, 17);
	Fit__User__V1__Preferences *preferences;
	enum status st;

	row->id = pg_get_uuid(res, i, 0);
	row->key = (struct envelope_key){
		row->id, slice_make(arena_memdup(arena, wrapped.p, wrapped.n), wrapped.n)
	};
	(void)read_index(pg_get_bytes(res, i, 2), row->email_bidx);
	row->has_google_id = read_index(pg_get_bytes(res, i, 11), row->google_bidx);
	st = user_vault_from_json(&fit__user__v1__profile__descriptor, pg_get_bytes(res, i, 6),
				  arena, &row->profile, err);
	if (st == STATUS_OK)
		st = user_vault_from_json(&fit__user__v1__preferences__descriptor,
					  pg_get_bytes(res, i, 7), arena, &preferences, err);
	if (st == STATUS_OK)
		st = read_sealed(store, res, i, arena, row, err);
	if (st != STATUS_OK)
		return st;
	row->profile->profile_image_url = arena_strdup(arena, pg_text(res, i, 4));
	row->profile->fitness_level = arena_strdup(arena, pg_text(res, i, 5));
	row->preferences = user_preferences_normal(arena, preferences);
	row->role = arena_strdup(arena, pg_text(res, i, 8));
	row->tier = arena_strdup(arena, pg_text(res, i, 9));
	row->is_active = pg_get_bool(res, i, 10);
	row->deletion_requested_ms = pg_get_time(res, i, 12);
	row->created_ms = pg_get_time(res, i, 13);
	row->updated_ms = pg_get_time(res, i, 14);
	row->version = pg_get_int(res, i, 15);
	row->preferences_version = pg_get_int(res, i, 16);
	*ret_row = row;
	return STATUS_OK;
}

static struct pg_arg
time_or_null(int64_t ms)
{
	return ms != 0 ? pg_time(ms) : pg_null();
}

static enum status
write_profile(struct user_store *store, struct pg_tx *tx, struct user_row *row, int64_t rev,
	      struct err *err)
{
	struct arena *arena = pg_tx_arena(tx);
	Fit__User__V1__Profile lists = *row->profile;
	const char *level = row->profile->fitness_level;
	struct slice name, json;
	enum status st;

	/* Only the lists become JSON: the rest has columns, and the name must not be in it. */
	lists.display_name = lists.profile_image_url = lists.fitness_level = NULL;
	st = user_vault_to_json(&lists.base, arena, &json, err);
	if (st == STATUS_OK)
		st = user_vault_seal(store->vault, &row->key, USER_COLUMN_DISPLAY_NAME,
				     row->profile->display_name, arena, &name, err);
	if (st != STATUS_OK)
		return st;
	row->version++;
	return pg_tx_query(tx, sql_update_profile,
			   PG_ARGS(pg_uuid(&row->id), pg_bytes(name),
				   pg_str(row->profile->profile_image_url),
				   pg_str(*level != '\0' ? level : NULL), pg_jsonb(json),
				   pg_bytes(row->key.wrapped), pg_int(row->version), pg_int(rev),
				   pg_time(row->updated_ms)),
			   NULL, err);
}

static enum status
write_preferences(struct pg_tx *tx, struct user_row *row, int64_t rev, struct err *err)
{
	Fit__User__V1__Preferences *chosen =
		user_preferences_chosen(pg_tx_arena(tx), row->preferences);
	struct slice json;
	enum status st = user_vault_to_json(&chosen->base, pg_tx_arena(tx), &json, err);

	if (st != STATUS_OK)
		return st;
	row->preferences_version++;
	return pg_tx_query(tx, sql_update_preferences,
			   PG_ARGS(pg_uuid(&row->id), pg_jsonb(json), pg_bytes(row->key.wrapped),
				   pg_int(row->preferences_version), pg_int(rev),
				   pg_time(row->updated_ms),
				   pg_strings(user_preferences_members, user_preferences_nmembers)),
			   NULL, err);
}

static enum status
write_state(struct pg_tx *tx, struct user_row *row, int64_t rev, struct err *err)
{
	row->version++;
	return pg_tx_query(tx, sql_update_state,
			   PG_ARGS(pg_uuid(&row->id), pg_bool(row->is_active),
				   time_or_null(row->deletion_requested_ms), pg_str(row->role),
				   pg_bytes(row->key.wrapped), pg_int(row->version), pg_int(rev),
				   pg_time(row->updated_ms)),
			   NULL, err);
}

enum status
user_row_write(struct user_store *store, struct pg_tx *tx, struct user_row *row,
	       const struct user_edit *edit, const char *traceparent, struct err *err)
{
	const char *kind = edit->what == USER_EDIT_PREFERENCES ? "preferences" : "user";
	enum status st;
	int64_t rev;

	if (edit->what == USER_EDIT_NOTHING)
		return STATUS_OK;
	/* A write is the occasion to leave an old key-encryption key behind. */
	st = user_vault_fresh_key(store->vault, &row->key, pg_tx_arena(tx), &row->key, err);
	if (st == STATUS_OK)
		st = pg_tx_sync(tx, &row->id, kind, &row->id, false, &rev, err);
	if (st != STATUS_OK)
		return st;
	row->updated_ms = clock_wall_ms();
	if (edit->what == USER_EDIT_PROFILE)
		st = write_profile(store, tx, row, rev, err);
	else if (edit->what == USER_EDIT_PREFERENCES)
		st = write_preferences(tx, row, rev, err);
	else
		st = write_state(tx, row, rev, err);
	if (st == STATUS_OK && edit->event != NULL)
		st = user_events_emit(tx, &row->id, edit->event, traceparent, err);
	return st;
}

/* ---- calls ---- */

enum status
user_store_find(struct user_store *store, struct deadline deadline, const struct uuid *owner,
		struct arena *arena, struct user_row **ret_row, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(store->pool, deadline, sql_find, PG_ARGS(pg_uuid(owner)), arena,
				  &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such user.");
	return user_row_read(store, res, 0, arena, ret_row, err);
}

enum status
user_store_access(struct user_store *store, struct deadline deadline, const struct uuid *owner,
		  struct arena *arena, struct user_access *ret_access, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(store->pool, deadline, sql_access, PG_ARGS(pg_uuid(owner)), arena,
				  &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such user.");
	ret_access->active = pg_get_bool(res, 0, 0);
	ret_access->role = arena_strdup(arena, pg_text(res, 0, 1));
	ret_access->tier = arena_strdup(arena, pg_text(res, 0, 2));
	return STATUS_OK;
}

static enum status
rewrap_one(struct user_store *store, struct deadline deadline, const struct envelope_key *key,
	   struct arena *arena, struct err *err)
{
	struct envelope_key fresh;
	enum status st = user_vault_fresh_key(store->vault, key, arena, &fresh, err);

	if (st != STATUS_OK)
		return st;
	return pg_query(store->pool, deadline, sql_replace_key,
			PG_ARGS(pg_uuid(&key->owner), pg_bytes(key->wrapped),
				pg_bytes(fresh.wrapped)),
			arena, NULL, err);
}

enum status
user_store_rewrap_batch(struct user_store *store, struct deadline deadline, struct arena *arena,
			size_t *ret_n, struct err *err)
{
	uint32_t active = user_vault_active_kek(store->vault);
	const uint8_t number[4] = { (uint8_t)(active >> 24), (uint8_t)(active >> 16),
				    (uint8_t)(active >> 8), (uint8_t)active };
	struct pg_result *res;
	enum status st = pg_query(store->pool, deadline, sql_stale_keys,
				  PG_ARGS(pg_bytes(slice_make(number, sizeof(number))),
					  pg_int(USER_REWRAP_BATCH)),
				  arena, &res, err);

	for (int i = 0; st == STATUS_OK && i < pg_rows(res); i++) {
		const struct envelope_key key = { pg_get_uuid(res, i, 0), pg_get_bytes(res, i, 1) };

		st = rewrap_one(store, deadline, &key, arena, err);
	}
	if (st == STATUS_OK)
		*ret_n = (size_t)pg_rows(res);
	return st;
}

/* ---- edits ---- */

/*
 * A reply that is kept for the idempotency key holds what the columns hide, so it is sealed as
 * they are, and what the transaction stores is a BytesValue of the ciphertext. Without a reply
 * (204) there is nothing to hide.
 */
struct edit_ctx {
	struct user_store *store;
	const struct user_call *call;
	const struct uuid *owner;
	user_edit_fn on_edit;
	void *arg;
	struct user_row *row;
	Google__Protobuf__BytesValue kept;
};

static enum status
seal_reply(struct edit_ctx *c, struct arena *arena, struct err *err)
{
	size_t n = protobuf_c_message_get_packed_size(c->call->reply);
	uint8_t *wire = arena_alloc(arena, n + 1);
	struct slice sealed;
	enum status st;

	protobuf_c_message_pack(c->call->reply, wire);
	st = user_vault_seal_bytes(c->store->vault, &c->row->key, slice_make(wire, n), arena,
				   &sealed, err);
	if (st == STATUS_OK)
		c->kept.value = (ProtobufCBinaryData){ sealed.n, (uint8_t *)(uintptr_t)sealed.p };
	return st;
}

static enum status
unseal_reply(struct edit_ctx *c, struct err *err)
{
	struct slice sealed = slice_make(c->kept.value.data, c->kept.value.len), wire;
	ProtobufCMessage *reply = c->call->reply;
	struct arena *arena = c->call->arena;
	struct envelope_key key;
	struct pg_result *res;
	enum status st;
	void *message;

	st = pg_query(c->store->pool, c->call->deadline, sql_key, PG_ARGS(pg_uuid(c->owner)), arena,
		      &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such user.");
	key = (struct envelope_key){ *c->owner, pg_get_bytes(res, 0, 0) };
	st = user_vault_unseal_bytes(c->store->vault, &key, sealed, arena, &wire, err);
	if (st == STATUS_OK)
		st = pb_arena_unpack(arena, reply->descriptor, wire, &message, err);
	if (st == STATUS_OK)
		memcpy(reply, message, reply->descriptor->sizeof_message);
	return st;
}

static enum status
on_edit_tx(struct pg_tx *tx, void *arg, struct err *err)
{
	struct edit_ctx *c = arg;
	struct arena *arena = pg_tx_arena(tx);
	struct user_edit edit = { USER_EDIT_NOTHING, NULL };
	struct pg_result *res;
	enum status st;

	st = pg_tx_query(tx, sql_find_for_update, PG_ARGS(pg_uuid(c->owner)), &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such user.");
	st = user_row_read(c->store, res, 0, arena, &c->row, err);
	if (st == STATUS_OK)
		st = c->on_edit(c->row, c->arg, arena, &edit, err);
	if (st == STATUS_OK)
		st = user_row_write(c->store, tx, c->row, &edit, c->call->traceparent, err);
	if (st != STATUS_OK || c->call->reply == NULL)
		return st;
	c->call->fill(arena, c->row, c->call->reply);
	return c->call->idem.key.n > 0 ? seal_reply(c, arena, err) : STATUS_OK;
}

enum status
user_store_edit(struct user_store *store, const struct user_call *call, const struct uuid *owner,
		user_edit_fn on_edit, void *arg, struct user_row **ret_row, struct err *err)
{
	struct edit_ctx ctx = { store, call, owner, on_edit, arg };
	struct pg_idem idem = call->idem;
	const struct pg_tx_options opts = { .deadline = call->deadline,
					    .arena = call->arena,
					    .idem = &idem };
	enum status st;

	google__protobuf__bytes_value__init(&ctx.kept);
	idem.reply = call->reply != NULL ? &ctx.kept.base : NULL;
	st = pg_transaction(store->pool, &opts, on_edit_tx, &ctx, err);
	if (st == STATUS_OK && idem.replayed && call->reply != NULL)
		st = unseal_reply(&ctx, err);
	if (st == STATUS_OK)
		*ret_row = idem.replayed ? NULL : ctx.row;
	return st;
}
