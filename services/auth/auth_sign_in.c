/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_internal.h"

#include "libcommon/base/crashpoint.h"
#include "libcommon/client/user_client.h"
#include "libcommon/observe/log.h"
#include "services/auth/auth_config.h"
#include "services/auth/auth_oidc.h"
#include "services/auth/auth_token.h"

static enum status
find_user(struct auth *auth, const struct auth_request *req, const struct auth_identity *who,
	  Fit__User__V1__FindOrCreateUserResponse **ret_found, struct err *err)
{
	Fit__User__V1__FindOrCreateUserRequest ask;
	struct rpc_call_options opts = auth_rpc_options(req);
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
		return auth_answer(err, STATUS_PERMISSION_DENIED, "ACCOUNT_INACTIVE",
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
	s->device_hash = auth_hash_of(auth, req->store.arena, "device", slice_str(in->device_id));
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
		return auth_answer(err, st, "ID_TOKEN_INVALID",
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
	if (auth_show_all(auth, call, &ended))
		auth_show(auth, call, &fresh.session);
	return auth_make_grant(auth, req, &fresh.session, found->user, refresh, ret_grant, err);
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

	metric_add(metric_series(&auth_metric_sign_ins, who.provider, outcome), 1);
	if (st == STATUS_UNAUTHENTICATED)
		log_info("sign_in_refused", LOG_STR("provider", who.provider),
			 LOG_STR("why", err->text));
	return st;
}
