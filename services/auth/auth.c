/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/client/user_client.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/crypto/secret.h"
#include "libcommon/observe/log.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/redis.h"
#include "services/auth/auth_config.h"
#include "services/auth/auth_copy.h"
#include "services/auth/auth_internal.h"
#include "services/auth/auth_janitor.h"
#include "services/auth/auth_keys.h"
#include "services/auth/auth_oidc.h"
#include "services/auth/auth_token.h"

#define SECRET_BYTES 32
#define REDIS_POOL 8
/* Redis is only a copy: a call does not wait for it longer than this. */
#define COPY_TIMEOUT_MS 500
/* Nor for the user service, where the session itself is known. */
#define ACCOUNT_TIMEOUT_MS 1000

struct metric auth_metric_sign_ins =
	METRIC_COUNTER("auth_sign_ins_total", "Sign-ins by identity provider and outcome.",
		       "provider", "outcome");
struct metric auth_metric_refreshes =
	METRIC_COUNTER("auth_refreshes_total", "Refreshes by outcome.", "outcome");
static struct metric m_copies =
	METRIC_COUNTER("auth_session_copies_total", "Session copies written to Redis, by outcome.",
		       "outcome");

/* ---- opening and closing ---- */

static enum status
open_parts(struct auth *auth, struct err *err)
{
	const struct auth_config *cfg = auth->config;
	const struct service_config *common = &cfg->service;
	enum status st;

	if (common->redis_url == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "FIT_REDIS_SESSION_URL: is not set");
	st = secret_from_hex(slice_str(cfg->secret), SECRET_BYTES, &auth->secret, err);
	if (st != STATUS_OK)
		return err_context(err, "FIT_AUTH_SECRET");
	st = auth_oidc_open(cfg->issuers, auth->production, &auth->oidc, err);
	if (st != STATUS_OK)
		return err_context(err, "FIT_AUTH_ISSUERS");
	st = auth_keys_open(cfg->keys_dir, &auth->keys, err);
	if (st != STATUS_OK)
		return err_context(err, "FIT_AUTH_KEYS_DIR");
	st = redis_open(common->redis_url, REDIS_POOL, &auth->redis, err);
	if (st == STATUS_OK)
		st = service_pg_open(common, "auth", &auth->pool, err);
	if (st != STATUS_OK)
		return st;
	auth->store = auth_store_new(auth->pool);
	auth->users = user_client_open(cfg->user_target, service_tls_client());
	auth->janitor = auth_janitor_start(auth);
	return STATUS_OK;
}

enum status
auth_open(const struct auth_config *config, struct auth **ret_auth, struct err *err)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	enum status st;

	if (auth == NULL)
		panic("no memory for the service");
	metric_register(&auth_metric_sign_ins);
	metric_register(&auth_metric_refreshes);
	metric_register(&m_copies);
	auth->config = config;
	auth->development = strcmp(config->service.environment, "development") == 0;
	auth->production = strcmp(config->service.environment, "production") == 0;
	st = open_parts(auth, err);
	if (st != STATUS_OK) {
		auth_close(auth);
		return st;
	}
	*ret_auth = auth;
	return STATUS_OK;
}

void
auth_close(struct auth *auth)
{
	if (auth == NULL)
		return;
	auth_janitor_stop(auth->janitor); /* first: it uses the others */
	if (auth->users != NULL)
		user_client_close(auth->users);
	auth_store_free(auth->store);
	if (auth->pool != NULL)
		pg_pool_close(auth->pool);
	if (auth->redis != NULL)
		redis_close(auth->redis);
	auth_keys_close(auth->keys);
	auth_oidc_close(auth->oidc);
	secret_free(auth->secret);
	free(auth);
}

enum status
auth_ready(struct auth *auth, struct deadline deadline, struct err *err)
{
	return pg_ping(auth->pool, deadline, err);
}

struct auth_store *
auth_get_store(struct auth *auth)
{
	return auth->store;
}

struct auth_keys *
auth_get_keys(struct auth *auth)
{
	return auth->keys;
}

struct auth_oidc *
auth_get_oidc(struct auth *auth)
{
	return auth->oidc;
}

/* ---- helpers ---- */

enum status
auth_answer(struct err *err, enum status st, const char *reason, const char *text)
{
	err->status = st;
	err->reason = reason;
	snprintf(err->public_text, sizeof(err->public_text), "%s", text);
	return st;
}

struct rpc_call_options
auth_rpc_options(const struct auth_request *req)
{
	return (struct rpc_call_options){ .deadline = req->store.deadline,
					  .trace = req->trace,
					  .request_id = req->request_id };
}

char *
auth_hash_of(struct auth *auth, struct arena *arena, const char *what, struct slice value)
{
	char *text;

	if (value.n == 0)
		return NULL;
	text = arena_alloc(arena, AUTH_HASH_TEXT_SIZE);
	auth_hash_text(secret_slice(auth->secret), what, value, text);
	return text;
}

bool
auth_show(struct auth *auth, const struct auth_call *call, const struct auth_session *session)
{
	struct deadline deadline = deadline_min(call->deadline, deadline_in(COPY_TIMEOUT_MS));
	struct err err;
	enum status st;

	err_init(&err);
	st = auth_copy_put(auth->redis, deadline, call->arena, session,
			   auth->config->recheck_s * 1000, call->now_ms, &err);
	CRASH_POINT("auth.show.after_copy");
	if (st == STATUS_OK)
		st = auth_store_copied(auth->store, call, session, &err);
	metric_add(metric_series(&m_copies, st == STATUS_OK ? "ok" : "failed"), 1);
	if (st != STATUS_OK)
		log_warn_err("session_copy_failed", &err);
	return st == STATUS_OK;
}

bool
auth_show_all(struct auth *auth, const struct auth_call *call, const struct auth_sessions *sessions)
{
	for (size_t i = 0; i < sessions->n; i++) {
		if (!auth_show(auth, call, &sessions->items[i]))
			return false;
	}
	return true;
}

enum status
auth_make_grant(struct auth *auth, const struct auth_request *req,
		const struct auth_session *session, Fit__User__V1__User *user,
		const char *refresh_token, struct auth_grant *ret_grant, struct err *err)
{
	struct arena *arena = req->store.arena;
	struct strbuf claims = STRBUF_ARENA(arena), token = STRBUF_ARENA(arena);
	struct auth_claims c = {
		.issuer = auth->config->jwt_issuer,
		.audience = auth->config->jwt_audience,
		.user = session->user,
		.session = session->id,
		.email = user->email,
		.role = session->access.role,
		.tier = session->access.tier,
		.permissions = session->access.permissions,
		.npermissions = session->access.npermissions,
		.device_hash = session->device_hash,
		.ip_hash = auth_hash_of(auth, arena, "ip", req->client_ip),
		.iat_s = session->last_iat_s,
		.exp_s = session->last_iat_s + auth->config->access_ttl_s,
	};
	struct auth_key_set *keys = auth_keys_current(auth->keys);
	enum status st;

	auth_claims_write(&c, &claims);
	st = jwt_sign(auth_key_set_signer(keys), "at+jwt", strbuf_slice(&claims), &token, err);
	auth_key_set_unref(keys);
	if (st != STATUS_OK)
		return st;
	ret_grant->access_token = token.buf;
	ret_grant->refresh_token = arena_strdup(arena, refresh_token);
	ret_grant->expires_in_s = c.exp_s - req->store.now_ms / 1000;
	ret_grant->user = user;
	return STATUS_OK;
}

/* ---- sessions ---- */

enum status
auth_end(struct auth *auth, const struct auth_request *req, const struct uuid *user,
	 const struct uuid *session, enum auth_end why, struct err *err)
{
	const struct auth_call *call = &req->store;
	struct auth_sessions ended;
	struct auth_session old;
	enum status st;

	if (session == NULL)
		st = auth_store_end_all(auth->store, call, user, why, &ended, err);
	else
		st = auth_store_end(auth->store, call, user, session, why, &ended, err);
	if (st != STATUS_OK)
		return st;
	(void)auth_show_all(auth, call, &ended);
	if (session != NULL && ended.n == 0) /* ended before, or nobody's */
		return auth_store_get(auth->store, call, user, session, &old, err);
	return STATUS_OK;
}

enum status
auth_list(struct auth *auth, const struct auth_request *req, const struct uuid *user,
	  int64_t after_ms, const struct uuid *after_id, int64_t limit,
	  struct auth_sessions *ret_sessions, struct err *err)
{
	return auth_store_list(auth->store, &req->store, user, after_ms, after_id, limit,
			       ret_sessions, err);
}

/*
 * What the account allows may have changed since the tokens were made. Without the user service a
 * session goes on as it was: to sign everybody out is worse than to learn of a change late.
 */
static void
look_at_account(struct auth *auth, const struct auth_request *req, struct auth_session *session,
		bool *active)
{
	struct auth_request brief = *req;
	struct err err;
	enum status st;

	brief.store.deadline = deadline_min(req->store.deadline, deadline_in(ACCOUNT_TIMEOUT_MS));
	err_init(&err);
	st = auth_fresh_access(auth, &brief, session, &session->access, &err);
	if (st == STATUS_PERMISSION_DENIED)
		*active = false;
	else if (st != STATUS_OK)
		log_warn_err("account_check_failed", &err);
}

enum status
auth_resolve(struct auth *auth, const struct auth_request *req, const struct uuid *user,
	     const struct uuid *session, bool *ret_active, struct auth_session *ret_session,
	     struct err *err)
{
	struct deadline deadline;
	struct err copy_err;
	enum status st = auth_store_get(auth->store, &req->store, user, session, ret_session, err);

	if (st == STATUS_NOT_FOUND) {
		*ret_active = false;
		return STATUS_OK;
	}
	if (st != STATUS_OK)
		return st;
	*ret_active = auth_session_live(ret_session, req->store.now_ms);
	if (*ret_active) {
		look_at_account(auth, req, ret_session, ret_active);
		if (!*ret_active)
			return STATUS_OK;
	}
	err_init(&copy_err);
	deadline = deadline_min(req->store.deadline, deadline_in(COPY_TIMEOUT_MS));
	if (auth_copy_put(auth->redis, deadline, req->store.arena, ret_session,
			  auth->config->recheck_s * 1000, req->store.now_ms,
			  &copy_err) != STATUS_OK)
		log_debug("session_copy_failed", LOG_STR("error", copy_err.text));
	return STATUS_OK;
}
