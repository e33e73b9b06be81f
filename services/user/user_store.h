/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_store.h - users in PostgreSQL (schema fitness_core): each call is one statement or one
 * transaction.
 *
 *	st = user_store_find(store, deadline, &owner, arena, &row, err);
 *
 *	static enum status
 *	on_edit(struct user_row *row, void *arg, struct user_edit *edit, struct err *err)
 *	{ row->profile = …; edit->what = USER_EDIT_PROFILE; edit->event = …; return STATUS_OK; }
 *	st = user_store_edit(store, &call, &owner, on_edit, &patch, &row, err);
 *
 * An edit locks the row, lets on_edit change its copy, and writes the changed part with new
 * version and revision, its event, its sync row and the stored reply, in one transaction.
 * on_edit may run again after a serialization failure, on a fresh copy; it has no effect
 * outside its arguments.
 *
 * Ownership: rows live in the arena. Threads: any worker.
 * Errors:    NOT_FOUND: no such user; DATA_LOSS: a sealed column does not open; those of pg.h.
 */
#ifndef FIT_USER_STORE_H
#define FIT_USER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "fit/user/v1/event.pb-c.h"
#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "libcommon/crypto/blind_index.h"
#include "libcommon/crypto/envelope.h"
#include "libcommon/store/pg.h"

struct arena;
struct pg_pool;
struct user_store;
struct user_vault;

struct user_row {
	struct uuid id;
	char *email;
	uint8_t email_bidx[BLIND_INDEX_SIZE];
	uint8_t google_bidx[BLIND_INDEX_SIZE]; /* zero without has_google_id */
	Fit__User__V1__Profile *profile;
	Fit__User__V1__Preferences *preferences; /* normal, see user_preferences.h */
	char *role, *tier;
	bool is_active;
	bool has_google_id;
	int64_t deletion_requested_ms; /* 0: not requested */
	int64_t created_ms, updated_ms;
	int64_t version, preferences_version;
	struct envelope_key key;
};

/* Borrows both. */
struct user_store *user_store_new(struct pg_pool *pool, struct user_vault *vault);
void user_store_free(struct user_store *store);
enum status user_store_ping(struct user_store *store, struct deadline deadline,
			    struct err *err) MUST_CHECK;

enum status user_store_find(struct user_store *store, struct deadline deadline,
			    const struct uuid *owner, struct arena *arena,
			    struct user_row **ret_row, struct err *err) MUST_CHECK;

struct user_access {
	bool active;
	char *role, *tier;
};
/* Opens nothing sealed. */
enum status user_store_access(struct user_store *store, struct deadline deadline,
			      const struct uuid *owner, struct arena *arena,
			      struct user_access *ret_access, struct err *err) MUST_CHECK;

/*
 * Wraps anew up to USER_REWRAP_BATCH data keys that an older key-encryption key than the active
 * one wraps. *ret_n: how many it found; 0: none is left.
 */
#define USER_REWRAP_BATCH 200
enum status user_store_rewrap_batch(struct user_store *store, struct deadline deadline,
				    struct arena *arena, size_t *ret_n, struct err *err) MUST_CHECK;

/* What a changing call brings along. */
struct user_call {
	struct deadline deadline;
	struct arena *arena;
	const char *traceparent; /* or NULL */
	struct pg_idem idem;     /* key.n == 0: none; its reply is the one below, sealed */
	ProtobufCMessage *reply; /* or NULL; filled before the commit */
	void (*fill)(struct arena *arena, const struct user_row *row, ProtobufCMessage *reply);
};

enum user_edit_what {
	USER_EDIT_NOTHING,
	USER_EDIT_PROFILE,     /* row->profile */
	USER_EDIT_PREFERENCES, /* row->preferences */
	USER_EDIT_STATE,       /* is_active, deletion_requested_ms, role */
};

struct user_edit {
	enum user_edit_what what;
	Fit__User__V1__Event *event;
};

typedef enum status (*user_edit_fn)(struct user_row *row, void *arg, struct arena *arena,
				    struct user_edit *edit, struct err *err);

/* *ret_row is the row as it is after the call; NULL when a stored reply was replayed. */
enum status user_store_edit(struct user_store *store, const struct user_call *call,
			    const struct uuid *owner, user_edit_fn on_edit, void *arg,
			    struct user_row **ret_row, struct err *err) MUST_CHECK;

/* ---- signing in ---- */

struct user_sign_in {
	const char *issuer, *subject;
	const char *email;        /* as the provider sent it */
	const char *email_normal; /* normalised */
	bool email_verified;
	const char *display_name, *picture_url; /* clean; for a new user */
	const char *role;                       /* to be given, or NULL */
	int64_t grace_ms;
};

struct user_signed_in {
	struct user_row *row;
	bool created;
	bool restored;
};

/*
 * By issuer and subject, else by a verified address, else a new user. Many at once for the same
 * person end up with one user. PERMISSION_DENIED with a reason: the address is not verified, it
 * belongs to a user whom the provider knows under another subject, or the account is closed.
 */
enum status user_store_sign_in(struct user_store *store, const struct user_call *call,
			       const struct user_sign_in *in, struct user_signed_in *ret_user,
			       struct err *err) MUST_CHECK;

#endif
