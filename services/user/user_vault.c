/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user_vault.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/aead.h"
#include "libcommon/crypto/keyring.h"
#include "libcommon/crypto/secret.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/schema/schema.h"
#include "services/user/user_config.h"
#include "services/user/user_identity.h"

struct user_vault {
	struct keyring *ring;
	struct envelope *envelope;
	struct secret *index_key;
};

static struct metric cache_hits =
	METRIC_GAUGE("cache_hit_ratio", "Share of look-ups that a cache answered.", "cache_type");

static void
on_collect(void *arg)
{
	struct user_vault *vault = arg;
	struct envelope_stats stats = envelope_stats(vault->envelope);
	uint64_t all = stats.hits + stats.misses;

	metric_set(metric_series(&cache_hits, "data_key"),
		   all > 0 ? (double)stats.hits / (double)all : 0);
}

enum status
user_vault_open(const struct user_config *cfg, struct user_vault **ret_vault, struct err *err)
{
	struct user_vault *vault = calloc(1, sizeof(*vault));
	enum status st;

	if (vault == NULL)
		panic("user: no memory");
	st = secret_from_hex(slice_str(cfg->blind_index_key), BLIND_INDEX_SIZE, &vault->index_key,
			     err);
	if (st != STATUS_OK)
		(void)err_context(err, "FIT_BLIND_INDEX_KEY");
	if (st == STATUS_OK) {
		st = keyring_open(cfg->kek_dir, (uint32_t)cfg->kek_active, &vault->ring, err);
		if (st != STATUS_OK)
			(void)err_context(err, "FIT_KEK_DIR");
	}
	if (st != STATUS_OK) {
		user_vault_close(vault);
		return st;
	}
	vault->envelope =
		envelope_new(vault->ring, (size_t)cfg->key_cache, cfg->key_cache_ttl_s * 1000);
	metric_register(&cache_hits);
	metrics_on_collect(on_collect, vault);
	*ret_vault = vault;
	return STATUS_OK;
}

void
user_vault_close(struct user_vault *vault)
{
	if (vault == NULL)
		return;
	if (vault->envelope != NULL)
		metrics_off_collect(on_collect, vault);
	envelope_free(vault->envelope);
	keyring_close(vault->ring);
	secret_free(vault->index_key);
	free(vault);
}

/* ---- sealed columns ---- */

enum status
user_vault_new_key(struct user_vault *vault, const struct uuid *owner, struct arena *arena,
		   struct envelope_key *ret_key, struct err *err)
{
	struct strbuf wrapped = STRBUF_ARENA(arena);
	enum status st = envelope_new_key(vault->envelope, owner, &wrapped, err);

	if (st == STATUS_OK)
		*ret_key = (struct envelope_key){ *owner, strbuf_slice(&wrapped) };
	return st;
}

uint32_t
user_vault_active_kek(const struct user_vault *vault)
{
	return keyring_active(vault->ring);
}

enum status
user_vault_fresh_key(struct user_vault *vault, const struct envelope_key *key, struct arena *arena,
		     struct envelope_key *ret_key, struct err *err)
{
	struct strbuf wrapped = STRBUF_ARENA(arena);
	enum status st;

	if (!envelope_is_stale(vault->envelope, key->wrapped)) {
		*ret_key = *key;
		return STATUS_OK;
	}
	st = envelope_rewrap(vault->envelope, key, &wrapped, err);
	if (st == STATUS_OK)
		*ret_key = (struct envelope_key){ key->owner, strbuf_slice(&wrapped) };
	return st;
}

enum status
user_vault_seal(struct user_vault *vault, const struct envelope_key *key, const char *column,
		const char *text, struct arena *arena, struct slice *ret_sealed, struct err *err)
{
	const struct aead_place place = { "users", column, key->owner };
	struct strbuf sealed = STRBUF_ARENA(arena);
	enum status st = envelope_seal(vault->envelope, key, &place, slice_str(text), &sealed, err);

	if (st == STATUS_OK)
		*ret_sealed = strbuf_slice(&sealed);
	return st;
}

enum status
user_vault_unseal(struct user_vault *vault, const struct envelope_key *key, const char *column,
		  struct slice sealed, struct arena *arena, char **ret_text, struct err *err)
{
	const struct aead_place place = { "users", column, key->owner };
	struct strbuf text = STRBUF_ARENA(arena);
	enum status st = envelope_unseal(vault->envelope, key, &place, sealed, &text, err);

	if (st == STATUS_OK)
		*ret_text = text.buf;
	return st;
}

static struct aead_place
reply_place(const struct uuid *owner)
{
	return (struct aead_place){ "idempotency", "reply", *owner };
}

enum status
user_vault_seal_bytes(struct user_vault *vault, const struct envelope_key *key, struct slice bytes,
		      struct arena *arena, struct slice *ret_sealed, struct err *err)
{
	const struct aead_place place = reply_place(&key->owner);
	struct strbuf sealed = STRBUF_ARENA(arena);
	enum status st = envelope_seal(vault->envelope, key, &place, bytes, &sealed, err);

	if (st == STATUS_OK)
		*ret_sealed = strbuf_slice(&sealed);
	return st;
}

enum status
user_vault_unseal_bytes(struct user_vault *vault, const struct envelope_key *key,
			struct slice sealed, struct arena *arena, struct slice *ret_bytes,
			struct err *err)
{
	const struct aead_place place = reply_place(&key->owner);
	struct strbuf bytes = STRBUF_ARENA(arena);
	enum status st = envelope_unseal(vault->envelope, key, &place, sealed, &bytes, err);

	if (st == STATUS_OK)
		*ret_bytes = strbuf_slice(&bytes);
	return st;
}

void
user_vault_email_index(const struct user_vault *vault, const char *normalised,
		       uint8_t ret_index[BLIND_INDEX_SIZE])
{
	user_email_index(secret_slice(vault->index_key), normalised, ret_index);
}

void
user_vault_subject_index(const struct user_vault *vault, const char *issuer, const char *subject,
			 uint8_t ret_index[BLIND_INDEX_SIZE])
{
	user_subject_index(secret_slice(vault->index_key), issuer, subject, ret_index);
}

/* ---- typed JSON ---- */

static const struct schema_message *
described(const ProtobufCMessageDescriptor *type)
{
	const struct schema_message *m = schema_message(schema_builtin(), slice_str(type->name));

	if (m == NULL)
		panic("user: the schema has no %s", type->name);
	return m;
}

enum status
user_vault_to_json(const ProtobufCMessage *message, struct arena *arena, struct slice *ret_json,
		   struct err *err)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	struct strbuf json = STRBUF_ARENA(arena);
	uint8_t *wire = arena_alloc(arena, n + 1);
	enum status st;

	protobuf_c_message_pack(message, wire);
	st = schema_json_encode(described(message->descriptor), slice_make(wire, n), false, &json,
				err);
	if (st == STATUS_OK)
		*ret_json = strbuf_slice(&json);
	return st;
}

enum status
user_vault_from_json(const ProtobufCMessageDescriptor *type, struct slice json, struct arena *arena,
		     void *ret_message, struct err *err)
{
	/* A newer version of this service may have stored members that this one has not heard of.
	 */
	const struct schema_json_opts opts = { .ignore_unknown = true };
	struct strbuf wire = STRBUF_ARENA(arena);
	enum status st = schema_json_decode(described(type), json, &opts, &wire, err);

	if (st == STATUS_OK)
		st = pb_arena_unpack(arena, type, strbuf_slice(&wire), ret_message, err);
	if (st == STATUS_OK)
		return STATUS_OK;
	/* What is stored was checked when it came: this is our fault, not the caller's. */
	return err_set(err, STATUS_DATA_LOSS, "the stored %s can't be read", type->name);
}
