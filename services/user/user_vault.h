/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_vault.h - the two ways in which a user is not stored as is: sealed columns and typed JSON.
 *
 *	st = user_vault_open(cfg, &vault, &err);
 *	st = user_vault_seal(vault, &key, USER_COLUMN_EMAIL, email, arena, &bytes, err);
 *	st = user_vault_to_json(&profile->base, arena, &json, err);
 *
 * Ownership: the vault owns key ring, envelope and blind index key; results live in the arena.
 * Threads:   any.
 * Errors:    FAILED_PRECONDITION at open names the setting; DATA_LOSS when a column does not
 *            open.
 */
#ifndef FIT_USER_VAULT_H
#define FIT_USER_VAULT_H

#include <protobuf-c/protobuf-c.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/crypto/blind_index.h"
#include "libcommon/crypto/envelope.h"

struct arena;
struct user_config;
struct user_vault;

#define USER_COLUMN_EMAIL "email"
#define USER_COLUMN_GOOGLE_ID "google_id"
#define USER_COLUMN_DISPLAY_NAME "display_name"

enum status user_vault_open(const struct user_config *cfg, struct user_vault **ret_vault,
			    struct err *err) MUST_CHECK;
void user_vault_close(struct user_vault *vault);

enum status user_vault_new_key(struct user_vault *vault, const struct uuid *owner,
			       struct arena *arena, struct envelope_key *ret_key,
			       struct err *err) MUST_CHECK;
/* Number of the key-encryption key that wraps new keys. */
uint32_t user_vault_active_kek(const struct user_vault *vault);
/* The key as it is, or, when an older key-encryption key wraps it, wrapped anew. */
enum status user_vault_fresh_key(struct user_vault *vault, const struct envelope_key *key,
				 struct arena *arena, struct envelope_key *ret_key,
				 struct err *err) MUST_CHECK;
enum status user_vault_seal(struct user_vault *vault, const struct envelope_key *key,
			    const char *column, const char *text, struct arena *arena,
			    struct slice *ret_sealed, struct err *err) MUST_CHECK;
enum status user_vault_unseal(struct user_vault *vault, const struct envelope_key *key,
			      const char *column, struct slice sealed, struct arena *arena,
			      char **ret_text, struct err *err) MUST_CHECK;

/* Bytes of the user's that are kept outside the table: replies for idempotency keys. */
enum status user_vault_seal_bytes(struct user_vault *vault, const struct envelope_key *key,
				  struct slice bytes, struct arena *arena, struct slice *ret_sealed,
				  struct err *err) MUST_CHECK;
enum status user_vault_unseal_bytes(struct user_vault *vault, const struct envelope_key *key,
				    struct slice sealed, struct arena *arena,
				    struct slice *ret_bytes, struct err *err) MUST_CHECK;

void user_vault_email_index(const struct user_vault *vault, const char *normalised,
			    uint8_t ret_index[BLIND_INDEX_SIZE]);
void user_vault_subject_index(const struct user_vault *vault, const char *issuer,
			      const char *subject, uint8_t ret_index[BLIND_INDEX_SIZE]);

/* A message as the proto3 JSON mapping has it, without what is default; and back. */
enum status user_vault_to_json(const ProtobufCMessage *message, struct arena *arena,
			       struct slice *ret_json, struct err *err) MUST_CHECK;
enum status user_vault_from_json(const ProtobufCMessageDescriptor *type, struct slice json,
				 struct arena *arena, void *ret_message,
				 struct err *err) MUST_CHECK;

#endif
