/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/crashpoint.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/client/user_client.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/crypto/secret.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/principal.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/store/pg.h"
#include "libcommon/store/redis.h"
#include "services/auth/auth_config.h"
#include "services/auth/auth_copy.h"
#include "services/auth/auth_janitor.h"
#include "services/auth/auth_keys.h"
#include "services/auth/auth_oidc.h"
#include "services/auth/auth_token.h"

#define SECRET_BYTES 32
#define REDIS_POOL 8
/* Redis is only a copy: a call does not wait for it longer than this. */
#define COPY_TIMEOUT_MS 500

struct auth {
	const struct auth_config *config;
	bool development;
	struct secret *secret;
	struct pg_pool *pool;
	struct redis *redis;
	struct auth_store *store;
	struct auth_oidc *oidc;
	struct auth_keys *keys;
	struct user_client *users;
	struct auth_janitor *janitor;
};

static struct metric m_sign_ins =
	METRIC_COUNTER("auth_sign_ins_total", "Sign-ins by identity provider and outcome.",
		       "provider", "outcome");
static struct metric m_refreshes =
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
	st = auth_oidc_open(cfg->issuers, &auth->oidc, err);
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
	auth->users = user_client_open(cfg->user_target, NULL);
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
	metric_register(&m_sign_ins);
	metric_register(&m_refreshes);
	metric_register(&m_copies);
	auth->config = config;
	auth->development = strcmp(config->service.environment, "development") == 0;
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

/* The internal text stays for the log; the client gets `text` and the reason. */
static enum status
answer(struct err *err, enum status st, const char *reason, const char *text)
{
	err->status = st;
	err->reason = reason;
	snprintf(err->public_text, sizeof(err->public_text), "%s", text);
	return st;
}

static enum status
refresh_refused(struct err *err, const char *why)
{
	(void)err_set(err, STATUS_UNAUTHENTICATED, "refresh token: %s", why);
	return answer(err, STATUS_UNAUTHENTICATED, "REFRESH_TOKEN_INVALID",
		      "The refresh token is not valid any more; sign in again.");
}

static struct rpc_call_options
rpc_options(const struct auth_request *req)
{
	return (struct rpc_call_options){ .deadline = req->store.deadline,
					  .trace = req->trace,
					  .request_id = req->request_id };
}

static char *
hash_of(struct auth *auth, struct arena *arena, const char *what, struct slice value)
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
	st = auth_copy_put(auth->redis, deadline, call->arena, session, call->now_ms, &err);
	if (st == STATUS_OK)
		st = auth_store_copied(auth->store, call, session, &err);
	metric_add(metric_series(&m_copies, st == STATUS_OK ? "ok" : "failed"), 1);
	if (st != STATUS_OK)
		log_warn_err("session_copy_failed", &err);
	return st == STATUS_OK;
}

static void
show_all(struct auth *auth, const struct auth_call *call, const struct auth_sessions *sessions)
{
	for (size_t i = 0; i < sessions->n; i++)
		auth_show(auth, call, &sessions->items[i]);
}

/* The access token of a session as it is now; the refresh token is the caller's. */
static enum status
grant(struct auth *auth, const struct auth_request *req, const struct auth_session *session,
      Fit__User__V1__User *user, const char *refresh_token, struct auth_grant *ret_grant,
      struct err *err)
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
		.ip_hash = hash_of(auth, arena, "ip", req->client_ip),
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

/* ---- signing in ---- */

static enum status
find_user(struct auth *auth, const struct auth_request *req, const struct auth_identity *who,
	  Fit__User__V1__FindOrCreateUserResponse **ret_found, struct err *err)
{
	Fit__User__V1__FindOrCreateUserRequest ask;
	struct rpc_call_options opts = rpc_options(req);
	struct arena *arena = req->store.arena;
	enum status st;

	fit__user__v1__find_or_create_user_request__init(&ask);
	ask.issuer = arena_strdup(arena, who->issuer);
	ask.subject = arena_strdup(arena, who->subject);
	ask.email = arena_strdup(arena, who->email);
	ask.email_verified = true;
	ask.display_name = arena_strdup(arena, who->name);
	ask.picture_url = arena_strdup(arena, who->picture);
	if (auth->development)
		ask.role_hint = arena_strdup(arena, who->fit_role);
	st = user_client_find_or_create(auth->users, &opts, &ask, arena, ret_found, err);
	if (st != STATUS_OK)
		return err_context(err, "FindOrCreateUser");
	if ((*ret_found)->user == NULL)
		return err_set(err, STATUS_INTERNAL, "FindOrCreateUser: no user in the reply");
	if (!(*ret_found)->user->is_active)
		return answer(err, STATUS_PERMISSION_DENIED, "ACCOUNT_INACTIVE",
			      "The account is deactivated.");
	return STATUS_OK;
}

static enum status
new_session(struct auth *auth, const struct auth_request *req, const struct auth_sign_in *in,
	    const char *provider, const Fit__User__V1__FindOrCreateUserResponse *found,
	    struct auth_new_session *ret, struct err *err)
{
	struct auth_session *s = &ret->session;
	int64_t now_ms = req->store.now_ms;

	if (!uuid_parse_str(found->user->id, &s->user))
		return err_set(err, STATUS_INTERNAL, "FindOrCreateUser: \"%s\" is not a UUID",
			       found->user->id);
	s->id = uuid_v7();
	s->device_hash = hash_of(auth, req->store.arena, "device", slice_str(in->device_id));
	s->device_name = in->device_name;
	s->platform = in->platform;
	s->provider = provider;
	s->access.role = found->role;
	s->access.tier = found->user->subscription_tier;
	s->access.permissions = found->permissions;
	s->access.npermissions = found->n_permissions;
	s->last_iat_s = now_ms / 1000;
	s->created_ms = s->last_used_ms = now_ms;
	s->ends_ms = now_ms + auth->config->session_max_s * 1000;
	s->expires_ms = now_ms + auth->config->refresh_idle_s * 1000;
	if (s->expires_ms > s->ends_ms)
		s->expires_ms = s->ends_ms;
	s->change = 1;
	ret->first_sign_in = found->created;
	ret->max = auth->config->sessions_max;
	return STATUS_OK;
}

static enum status
sign_in(struct auth *auth, const struct auth_request *req, const struct auth_sign_in *in,
	struct auth_identity *ret_who, struct auth_grant *ret_grant, struct err *err)
{
	const struct auth_call *call = &req->store;
	Fit__User__V1__FindOrCreateUserResponse *found;
	struct auth_new_session fresh = { 0 };
	struct auth_sessions ended;
	char refresh[AUTH_REFRESH_TEXT_SIZE];
	enum status st;

	st = auth_oidc_verify(auth->oidc, in->apple, in->token, call->now_ms / 1000, call->deadline,
			      call->arena, ret_who, err);
	if (st == STATUS_UNAUTHENTICATED)
		return answer(err, st, "ID_TOKEN_INVALID",
			      "The identity provider's token was not accepted.");
	if (st == STATUS_OK)
		st = find_user(auth, req, ret_who, &found, err);
	if (st == STATUS_OK)
		st = new_session(auth, req, in, ret_who->provider, found, &fresh, err);
	if (st != STATUS_OK)
		return st;
	auth_refresh_new(refresh);
	if (!auth_refresh_hash(slice_str(refresh), fresh.refresh_hash))
		panic("a new refresh token does not look like one");
	st = auth_store_open_session(auth->store, call, &fresh, &ended, err);
	if (st != STATUS_OK)
		return st;
	CRASH_POINT("auth.sign_in.after_commit");
	show_all(auth, call, &ended);
	auth_show(auth, call, &fresh.session);
	return grant(auth, req, &fresh.session, found->user, refresh, ret_grant, err);
}

enum status
auth_sign_in(struct auth *auth, const struct auth_request *req, const struct auth_sign_in *in,
	     struct auth_grant *ret_grant, struct err *err)
{
	struct auth_identity who = { .provider = "unknown" };
	enum status st = sign_in(auth, req, in, &who, ret_grant, err);
	const char *outcome = st == STATUS_OK                ? "ok"
			      : st == STATUS_UNAUTHENTICATED ? "refused"
							     : "failed";

	metric_add(metric_series(&m_sign_ins, who.provider, outcome), 1);
	if (st == STATUS_UNAUTHENTICATED)
		log_info("sign_in_refused", LOG_STR("provider", who.provider),
			 LOG_STR("why", err->text));
	return st;
}

/* ---- refreshing ---- */

/* The account as it is now; an inactive one ends the session. */
static enum status
fresh_access(struct auth *auth, const struct auth_request *req, const struct auth_session *session,
	     struct auth_access *ret_access, struct err *err)
{
	Fit__User__V1__GetUserAccessRequest ask;
	Fit__User__V1__GetUserAccessResponse *res;
	struct rpc_call_options opts = rpc_options(req);
	char id[UUID_TEXT_SIZE];
	enum status st;

	fit__user__v1__get_user_access_request__init(&ask);
	uuid_format(&session->user, id);
	ask.user_id = id;
	st = user_client_get_access(auth->users, &opts, &ask, req->store.arena, &res, err);
	if (st != STATUS_OK && st != STATUS_NOT_FOUND)
		return err_context(err, "GetUserAccess");
	if (st == STATUS_NOT_FOUND || !res->active) {
		st = auth_end(auth, req, &session->user, NULL, AUTH_END_INACTIVE, err);
		if (st != STATUS_OK)
			return st;
		(void)err_set(err, STATUS_PERMISSION_DENIED, "the account is not active");
		return answer(err, STATUS_PERMISSION_DENIED, "ACCOUNT_INACTIVE",
			      "The account is deactivated.");
	}
	*ret_access = (struct auth_access){ .role = res->role,
					    .tier = res->tier,
					    .permissions = res->permissions,
					    .npermissions = res->n_permissions };
	return STATUS_OK;
}

/* The profile, asked for in the user's own name. */
static enum status
get_user(struct auth *auth, const struct auth_request *req, const struct auth_session *session,
	 Fit__User__V1__User **ret_user, struct err *err)
{
	struct principal principal = { .present = true,
				       .user_id = session->user,
				       .session_id = session->id };
	struct strbuf wire = STRBUF_ARENA(req->store.arena);
	struct rpc_call_options opts = rpc_options(req);

	snprintf(principal.role, sizeof(principal.role), "%s", session->access.role);
	snprintf(principal.tier, sizeof(principal.tier), "%s", session->access.tier);
	principal_encode(&principal, &wire);
	opts.principal = strbuf_slice(&wire);
	if (user_client_get_user(auth->users, &opts, req->store.arena, ret_user, err) != STATUS_OK)
		return err_context(err, "GetUser");
	return STATUS_OK;
}

/*
 * A token that was used before: the same successor for a repeated request, the end for anything
 * else.
 */
static enum status
settle(struct auth *auth, const struct auth_request *req, struct slice token,
       const uint8_t hash[DIGEST_SHA256_SIZE], struct slice client,
       struct auth_session *ret_session, struct strbuf *ret_next, struct err *err)
{
	const struct auth_call *call = &req->store;
	struct slice sealed;
	enum status st = auth_store_settle_used(auth->store, call, hash, client,
						auth->config->refresh_grace_s * 1000, &sealed,
						ret_session, err);

	if (st == STATUS_NOT_FOUND)
		return refresh_refused(err, "gone");
	if (st != STATUS_OK)
		return st;
	if (sealed.n > 0)
		return auth_refresh_unseal(token, &ret_session->id, sealed, ret_next, err);
	auth_show(auth, call, ret_session);
	log_warn("refresh_reuse_detected");
	return refresh_refused(err, "used before");
}

static enum status
rotate(struct auth *auth, const struct auth_request *req, struct slice token,
       const uint8_t hash[DIGEST_SHA256_SIZE], struct slice client, struct auth_session *session,
       struct strbuf *ret_next, struct err *err)
{
	const struct auth_call *call = &req->store;
	struct auth_rotation rotation = { .hash = hash,
					  .client = client,
					  .idle_ms = auth->config->refresh_idle_s * 1000 };
	struct strbuf sealed = STRBUF_ARENA(call->arena);
	uint8_t next_hash[DIGEST_SHA256_SIZE];
	char next[AUTH_REFRESH_TEXT_SIZE];
	bool won;
	enum status st = fresh_access(auth, req, session, &rotation.access, err);

	if (st != STATUS_OK)
		return st;
	auth_refresh_new(next);
	if (!auth_refresh_hash(slice_str(next), next_hash))
		panic("a new refresh token does not look like one");
	st = auth_refresh_seal(token, &session->id, slice_str(next), &sealed, err);
	if (st != STATUS_OK)
		return st;
	rotation.next_hash = next_hash;
	rotation.sealed_next = strbuf_slice(&sealed);
	st = auth_store_rotate(auth->store, call, &rotation, &won, session, err);
	if (st != STATUS_OK)
		return st;
	if (!won)
		return settle(auth, req, token, hash, client, session, ret_next, err);
	strbuf_adds(ret_next, next);
	auth_show(auth, call, session);
	return STATUS_OK;
}

static enum status
refresh(struct auth *auth, const struct auth_request *req, struct slice token,
	struct auth_grant *ret_grant, struct err *err)
{
	const struct auth_call *call = &req->store;
	uint8_t hash[DIGEST_SHA256_SIZE], client_hash[DIGEST_SHA256_SIZE];
	struct slice client = slice_make(client_hash, sizeof(client_hash));
	struct strbuf next = STRBUF_ARENA(call->arena);
	struct auth_session session;
	enum auth_refresh_state state;
	Fit__User__V1__User *user;
	enum status st;

	if (!auth_refresh_hash(token, hash))
		return refresh_refused(err, "not of our form");
	digest_hmac_sha256(secret_slice(auth->secret), req->user_agent, client_hash);
	st = auth_store_find_refresh(auth->store, call, hash, &state, &session, err);
	if (st == STATUS_NOT_FOUND)
		return refresh_refused(err, "unknown");
	if (st != STATUS_OK)
		return st;
	if (state == AUTH_REFRESH_DEAD)
		return refresh_refused(err, "expired, or its session has ended");
	if (state == AUTH_REFRESH_USED)
		st = settle(auth, req, token, hash, client, &session, &next, err);
	else
		st = rotate(auth, req, token, hash, client, &session, &next, err);
	if (st == STATUS_OK)
		st = get_user(auth, req, &session, &user, err);
	if (st == STATUS_OK)
		st = grant(auth, req, &session, user, strbuf_cstr(&next), ret_grant, err);
	return st;
}

enum status
auth_refresh(struct auth *auth, const struct auth_request *req, struct slice token,
	     struct auth_grant *ret_grant, struct err *err)
{
	enum status st = refresh(auth, req, token, ret_grant, err);

	metric_add(metric_series(&m_refreshes, st == STATUS_OK                ? "ok"
					       : st == STATUS_UNAUTHENTICATED ? "refused"
									      : "failed"),
		   1);
	return st;
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
	show_all(auth, call, &ended);
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

enum status
auth_resolve(struct auth *auth, const struct auth_request *req, const struct uuid *user,
	     const struct uuid *session, bool *ret_active, struct auth_session *ret_session,
	     struct err *err)
{
	struct deadline deadline = deadline_min(req->store.deadline, deadline_in(COPY_TIMEOUT_MS));
	struct err copy_err;
	enum status st = auth_store_get(auth->store, &req->store, user, session, ret_session, err);

	if (st == STATUS_NOT_FOUND) {
		*ret_active = false;
		return STATUS_OK;
	}
	if (st != STATUS_OK)
		return st;
	*ret_active = auth_session_live(ret_session, req->store.now_ms);
	err_init(&copy_err);
	if (auth_copy_put(auth->redis, deadline, req->store.arena, ret_session, req->store.now_ms,
			  &copy_err) != STATUS_OK)
		log_debug("session_copy_failed", LOG_STR("error", copy_err.text));
	return STATUS_OK;
}
