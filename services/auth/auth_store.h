/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_store.h - sessions and their lines of refresh tokens in PostgreSQL, schema "auth".
 *
 * Each function that changes something is one transaction, with its event in the outbox; a
 * session that it returns still has to be shown to Redis (auth_copy.h) and then marked by
 * auth_store_copied. Times are milliseconds since 1970 from the caller's clock, so that one call
 * sees one "now".
 *
 * Ownership: what is returned lives in the arena. Threads: any.
 * Errors:    those of pg.h. NOT_FOUND also for somebody else's session.
 */
#ifndef FIT_AUTH_STORE_H
#define FIT_AUTH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "libcommon/crypto/digest.h"

struct auth_store;
struct pg_pool;

/* Role and what comes with it, as user said last. */
struct auth_access {
	const char *role, *tier;
	char **permissions;
	size_t npermissions;
};

struct auth_session {
	struct uuid id, user;
	const char *device_hash; /* NULL: the app gave no id */
	const char *device_name, *platform, *provider;
	struct auth_access access;
	int64_t last_iat_s;
	int64_t created_ms, last_used_ms, expires_ms, ends_ms;
	int64_t revoked_ms; /* 0: live */
	int64_t change;     /* for auth_store_copied */
};

struct auth_sessions {
	struct auth_session *items;
	size_t n;
};

/*
 * What a call needs besides its object: who waits how long, where results live, the caller's
 * trace.
 */
struct auth_call {
	struct deadline deadline;
	struct arena *arena;
	int64_t now_ms;
	const char *traceparent; /* or NULL */
};

enum auth_end {
	AUTH_END_SIGN_OUT,
	AUTH_END_BY_USER,
	AUTH_END_REPLACED,
	AUTH_END_INACTIVE,
	AUTH_END_TOO_MANY,
	AUTH_END_REUSE
};

/* `pool` is borrowed. */
struct auth_store *auth_store_new(struct pg_pool *pool);
void auth_store_free(struct auth_store *store);

static inline bool
auth_session_live(const struct auth_session *s, int64_t now_ms)
{
	return s->revoked_ms == 0 && s->expires_ms > now_ms;
}

/*
 * Opens a session with its first refresh token. A live session of the same device ends
 * (REPLACED), and so do those unused for longest above `max` (TOO_MANY): *ret_ended, at most
 * `max` of them.
 */
struct auth_new_session {
	struct auth_session session; /* id … ends_ms filled by the caller */
	uint8_t refresh_hash[DIGEST_SHA256_SIZE];
	bool first_sign_in;
	int64_t max;
};
enum status auth_store_open_session(struct auth_store *store, const struct auth_call *call,
				    const struct auth_new_session *new_session,
				    struct auth_sessions *ret_ended, struct err *err) MUST_CHECK;

/* Where a refresh token stands. */
enum auth_refresh_state {
	AUTH_REFRESH_LIVE, /* unused, session live */
	AUTH_REFRESH_USED, /* used before, session live */
	AUTH_REFRESH_DEAD, /* expired, or the session ended */
};
/* NOT_FOUND: no such token. */
enum status auth_store_find_refresh(struct auth_store *store, const struct auth_call *call,
				    const uint8_t hash[DIGEST_SHA256_SIZE],
				    enum auth_refresh_state *ret_state,
				    struct auth_session *ret_session, struct err *err) MUST_CHECK;

struct auth_rotation {
	const uint8_t *hash;      /* of the token that is used up */
	const uint8_t *next_hash; /* of its successor */
	struct slice sealed_next;
	struct slice client; /* what the client looks like, to know it again */
	struct auth_access access;
	int64_t idle_ms; /* the session now lives so long, but not beyond its end */
};
/*
 * Compare-and-set: uses the token up and makes its successor. *ret_won false: another call used
 * it first, or the session ended; nothing was changed. RESOURCE_EXHAUSTED: refreshed so often
 * that iat would run away.
 */
enum status auth_store_rotate(struct auth_store *store, const struct auth_call *call,
			      const struct auth_rotation *rotation, bool *ret_won,
			      struct auth_session *ret_session, struct err *err) MUST_CHECK;

/*
 * A used token came again. Within grace_ms, from the client that used it, and with its successor
 * unused, it is a repeated request: *ret_sealed is the sealed successor. Otherwise somebody has
 * a copy: the session ends with the event refresh_reuse_detected, and *ret_sealed is SLICE_NONE.
 */
enum status auth_store_settle_used(struct auth_store *store, const struct auth_call *call,
				   const uint8_t hash[DIGEST_SHA256_SIZE], struct slice client,
				   int64_t grace_ms, struct slice *ret_sealed,
				   struct auth_session *ret_session, struct err *err) MUST_CHECK;

enum status auth_store_get(struct auth_store *store, const struct auth_call *call,
			   const struct uuid *user, const struct uuid *id,
			   struct auth_session *ret_session, struct err *err) MUST_CHECK;
/* Live ones, newest first, after (created_ms, id) when after_ms is not 0. */
enum status auth_store_list(struct auth_store *store, const struct auth_call *call,
			    const struct uuid *user, int64_t after_ms, const struct uuid *after_id,
			    int64_t limit, struct auth_sessions *ret_sessions,
			    struct err *err) MUST_CHECK;

/* Ends one session; one that ended before stays as it is (n == 0). */
enum status auth_store_end(struct auth_store *store, const struct auth_call *call,
			   const struct uuid *user, const struct uuid *id, enum auth_end why,
			   struct auth_sessions *ret_ended, struct err *err) MUST_CHECK;
enum status auth_store_end_all(struct auth_store *store, const struct auth_call *call,
			       const struct uuid *user, enum auth_end why,
			       struct auth_sessions *ret_ended, struct err *err) MUST_CHECK;

/* The copy in Redis shows this state of the session now. */
enum status auth_store_copied(struct auth_store *store, const struct auth_call *call,
			      const struct auth_session *session, struct err *err) MUST_CHECK;
/* Sessions whose copy is behind. */
enum status auth_store_uncopied(struct auth_store *store, const struct auth_call *call,
				int64_t limit, struct auth_sessions *ret_sessions,
				struct err *err) MUST_CHECK;
/*
 * Deletes up to `limit` sessions (with their tokens) and as many tokens that ended before
 * `before_ms`.
 */
enum status auth_store_sweep(struct auth_store *store, const struct auth_call *call,
			     int64_t before_ms, int64_t limit, int64_t *ret_deleted,
			     struct err *err) MUST_CHECK;

#endif
