/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authn.h - who is calling: access tokens, the keys they are checked with, and the sessions
 * behind them.
 *
 *	st = authn_token(authn, bearer, arena, &token, &err);    cache, else ES256, auth's keys
 *	ok = authn_session_parse(value, &session);               the copy in Redis
 *	st = authn_session_check(&session, &token, &principal, &err);
 *
 * A verified token is remembered under its SHA-256 until it expires (one hash instead of 60 us
 * of P-256); the cache is emptied when the key set changes. The key set is fetched from auth at
 * start, every minute, and when a token names a key that is not there: one fetch at a time and
 * at most one in ten seconds, however many such tokens come. A token alone admits nobody: the
 * session says whether it is still good, and with which role. It comes from Redis (admit.h), or
 * from auth, remembered for at most five seconds.
 *
 * Ownership:  one per loop. Threads: the loop's.
 * Errors:     UNAUTHENTICATED (reason TOKEN_INVALID), UNAVAILABLE when there are no keys or
 *             auth does not answer.
 */
#ifndef FIT_GATEWAY_AUTHN_H
#define FIT_GATEWAY_AUTHN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "libcommon/rpc/principal.h"

struct arena;
struct authn;
struct gateway_config;
struct loop;
struct rpc_channel;
struct rpc_client_call;
struct trace;

struct authn_token {
	char user_id[UUID_TEXT_SIZE], session_id[UUID_TEXT_SIZE]; /* lower-case UUIDs */
	int64_t iat_s, exp_s;
};

struct authn_session {
	bool active;
	int64_t exp_ms, min_iat_s;
	char role[16], tier[16];
	size_t npermissions;
	char permissions[PRINCIPAL_PERMISSIONS_MAX][48];
};

/* auth: the channel to auth; NULL: nobody can sign in. *have_keys is counted up with the first
 * keys. */
struct authn *authn_new(struct loop *loop, const struct gateway_config *config,
			struct rpc_channel *auth, atomic_uint *have_keys);
void authn_free(struct authn *authn);

/* err's reason is "KEY_UNKNOWN" when waiting for fresh keys may help. */
enum status authn_token(struct authn *authn, struct slice bearer, struct arena *arena,
			struct authn_token *ret_token, struct err *err) MUST_CHECK;

/* ---- waiting for fresh keys ---- */
struct authn_wait {
	TAILQ_ENTRY(authn_wait) link;
	void (*fn)(void *arg); /* try the token again, once */
	void *arg;
};
/* False: no fetch may be started now. */
bool authn_wait_keys(struct authn *authn, struct authn_wait *wait);
void authn_wait_cancel(struct authn *authn, struct authn_wait *wait);

/* ---- sessions ---- */
/* "v1|<exp_ms>|<min_iat_s>|<role>|<tier>|<perm,perm>" */
bool authn_session_parse(struct slice value, struct authn_session *ret_session) MUST_CHECK;
enum status authn_session_check(const struct authn_session *session,
				const struct authn_token *token, struct principal *ret_principal,
				struct err *err) MUST_CHECK;
/* A copy that was active when it was written, but by now has to be asked about again. */
bool authn_session_due(const struct authn_session *session);
/*
 * Auth does not answer: a copy that is due goes on as it was for AUTHN_STALE_MS beyond its time,
 * and is remembered as if auth had said it. False when it is older.
 */
#define AUTHN_STALE_MS 3600000
bool authn_session_stretch(struct authn *authn, const struct authn_token *token,
			   struct authn_session *session);
/* What auth said in the last five seconds, or NULL. Valid until the next call. */
const struct authn_session *authn_session_recent(struct authn *authn,
						 const struct authn_token *token);
/* Asks auth; session is NULL when it did not answer. Cancel with rpc_client_call_cancel. */
typedef void (*authn_session_fn)(const struct authn_session *session, void *arg);
struct rpc_client_call *authn_session_resolve(struct authn *authn, const struct authn_token *token,
					      const char *request_id, struct arena *arena,
					      authn_session_fn fn, void *arg);

#endif
