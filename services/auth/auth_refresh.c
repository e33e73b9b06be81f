/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_internal.h"

#include <stdio.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/client/user_client.h"
#include "libcommon/crypto/secret.h"
#include "libcommon/observe/log.h"
#include "libcommon/rpc/principal.h"
#include "services/auth/auth_config.h"
#include "services/auth/auth_token.h"

static enum status
refresh_refused(struct err *err, const char *why)
{
	(void)err_set(err, STATUS_UNAUTHENTICATED, "refresh token: %s", why);
	return auth_answer(err, STATUS_UNAUTHENTICATED, "REFRESH_TOKEN_INVALID",
			   "The refresh token is not valid any more; sign in again.");
}

enum status
auth_fresh_access(struct auth *auth, const struct auth_request *req,
		  const struct auth_session *session, struct auth_access *ret_access,
		  struct err *err)
{
	Fit__User__V1__GetUserAccessRequest ask;
	Fit__User__V1__GetUserAccessResponse *res;
	struct rpc_call_options opts = auth_rpc_options(req);
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
		return auth_answer(err, STATUS_PERMISSION_DENIED, "ACCOUNT_INACTIVE",
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
	struct rpc_call_options opts = auth_rpc_options(req);

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
					  .access = session->access,
					  .idle_ms = auth->config->refresh_idle_s * 1000 };
	struct strbuf sealed = STRBUF_ARENA(call->arena);
	uint8_t next_hash[DIGEST_SHA256_SIZE];
	char next[AUTH_REFRESH_TEXT_SIZE];
	bool won;
	enum status st;

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
		st = auth_fresh_access(auth, req, &session, &session.access, err);
	/* All that needs others comes before the token is used up. */
	if (st == STATUS_OK)
		st = get_user(auth, req, &session, &user, err);
	if (st == STATUS_OK && state == AUTH_REFRESH_LIVE)
		st = rotate(auth, req, token, hash, client, &session, &next, err);
	if (st == STATUS_OK)
		st = auth_make_grant(auth, req, &session, user, strbuf_cstr(&next), ret_grant, err);
	return st;
}

enum status
auth_refresh(struct auth *auth, const struct auth_request *req, struct slice token,
	     struct auth_grant *ret_grant, struct err *err)
{
	enum status st = refresh(auth, req, token, ret_grant, err);

	metric_add(metric_series(&auth_metric_refreshes, st == STATUS_OK                ? "ok"
							 : st == STATUS_UNAUTHENTICATED ? "refused"
											: "failed"),
		   1);
	return st;
}
