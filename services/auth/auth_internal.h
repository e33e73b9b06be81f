/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_internal.h - what the files of auth.h share: auth.c, auth_sign_in.c, auth_refresh.c.
 *
 * Ownership: auth_open makes it and auth_close frees all parts; `config` is borrowed from
 *            service_main. What the helpers return lives in the arena of call or request.
 * Threads:   any worker, and the janitor's: the struct is not written to after auth_open.
 * Errors:    those of auth.h.
 */
#ifndef FIT_AUTH_INTERNAL_H
#define FIT_AUTH_INTERNAL_H

#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/rpc_client.h"
#include "services/auth/auth.h"

struct auth_janitor;
struct pg_pool;
struct secret;
struct user_client;

struct auth {
	const struct auth_config *config;
	bool development, production;
	struct secret *secret;
	struct pg_pool *pool;
	struct redis *redis;
	struct auth_store *store;
	struct auth_oidc *oidc;
	struct auth_keys *keys;
	struct user_client *users;
	struct auth_janitor *janitor;
};

extern struct metric auth_metric_sign_ins, auth_metric_refreshes;

/* The internal text stays for the log; the client gets `text` and the reason. Returns `st`. */
enum status auth_answer(struct err *err, enum status st, const char *reason, const char *text);
struct rpc_call_options auth_rpc_options(const struct auth_request *req);
/* Keyed hash in the arena; NULL for an empty value. */
char *auth_hash_of(struct auth *auth, struct arena *arena, const char *what, struct slice value);
/* The account as it is now; of one that is not active all sessions end: PERMISSION_DENIED. */
enum status auth_fresh_access(struct auth *auth, const struct auth_request *req,
			      const struct auth_session *session, struct auth_access *ret_access,
			      struct err *err) MUST_CHECK;
/* Stops at the first failure: a Redis that does not answer costs a call its timeout once. */
bool auth_show_all(struct auth *auth, const struct auth_call *call,
		   const struct auth_sessions *sessions);
/* The access token of a session as it is now; the refresh token is the caller's. */
enum status auth_make_grant(struct auth *auth, const struct auth_request *req,
			    const struct auth_session *session, Fit__User__V1__User *user,
			    const char *refresh_token, struct auth_grant *ret_grant,
			    struct err *err) MUST_CHECK;

#endif
