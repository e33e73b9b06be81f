/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - what the service does, between its handlers (auth_rpc.c) and its stores.
 *
 *	st = auth_sign_in(auth, &req, &in, &grant, &err);        ID token in, our tokens out
 *	st = auth_refresh(auth, &req, token, &grant, &err);
 *
 * A change is committed to PostgreSQL first; then its copy goes to Redis. Where that fails, the
 * call still succeeds and the janitor brings the copy up to date (auth_janitor.h), so Redis can
 * lag but not lie for long.
 *
 * Ownership: results live in the call's arena. Threads: any worker.
 * Errors:    UNAUTHENTICATED with a reason of fit.api.v1.Reason; PERMISSION_DENIED
 *            ACCOUNT_INACTIVE; those of the stores and of the user service.
 */
#ifndef FIT_AUTH_AUTH_H
#define FIT_AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "fit/user/v1/user.pb-c.h"
#include "libcommon/observe/trace.h"
#include "services/auth/auth_store.h"

struct auth;
struct auth_config;
struct auth_keys;
struct auth_oidc;
struct redis;

/* Who asks, beside the deadline and the arena of the store's call. */
struct auth_request {
	struct auth_call store;
	const struct trace *trace;
	const char *request_id;
	struct slice client_ip, user_agent;
};

struct auth_sign_in {
	bool apple;
	struct slice token;
	const char *device_id, *device_name, *platform; /* "" when not given */
};

/* What somebody gets who signed in or refreshed. */
struct auth_grant {
	char *access_token;
	char *refresh_token;
	int64_t expires_in_s;
	Fit__User__V1__User *user;
};

enum status auth_open(const struct auth_config *config, struct auth **ret_auth,
		      struct err *err) MUST_CHECK;
void auth_close(struct auth *auth);
/* PostgreSQL answers. Redis and the identity providers may be away. */
enum status auth_ready(struct auth *auth, struct deadline deadline, struct err *err) MUST_CHECK;

enum status auth_sign_in(struct auth *auth, const struct auth_request *req,
			 const struct auth_sign_in *in, struct auth_grant *ret_grant,
			 struct err *err) MUST_CHECK;
enum status auth_refresh(struct auth *auth, const struct auth_request *req, struct slice token,
			 struct auth_grant *ret_grant, struct err *err) MUST_CHECK;
/* One session, or with session NULL all; ended before is fine. NOT_FOUND: not this user's. */
enum status auth_end(struct auth *auth, const struct auth_request *req, const struct uuid *user,
		     const struct uuid *session, enum auth_end why, struct err *err) MUST_CHECK;
enum status auth_list(struct auth *auth, const struct auth_request *req, const struct uuid *user,
		      int64_t after_ms, const struct uuid *after_id, int64_t limit,
		      struct auth_sessions *ret_sessions, struct err *err) MUST_CHECK;
/* *ret_active false: revoked, expired or unknown. */
enum status auth_resolve(struct auth *auth, const struct auth_request *req, const struct uuid *user,
			 const struct uuid *session, bool *ret_active,
			 struct auth_session *ret_session, struct err *err) MUST_CHECK;

/* The parts that the janitor keeps in order. */
struct auth_store *auth_get_store(struct auth *auth);
struct auth_keys *auth_get_keys(struct auth *auth);
struct auth_oidc *auth_get_oidc(struct auth *auth);
/*
 * Shows a session to Redis and notes that in the store; a failure is logged and left to the
 * janitor.
 */
bool auth_show(struct auth *auth, const struct auth_call *call, const struct auth_session *session);

#endif
