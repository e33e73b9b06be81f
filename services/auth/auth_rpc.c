/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_rpc.h"

#include <string.h>

#include "fit/auth/v1/auth.pb-c.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_time.h"
#include "libcommon/rpc/rpc_meta.h"
#include "libcommon/rpc/rpc_server.h"
#include "services/auth/auth.h"
#include "services/auth/auth_keys.h"

#define PAGE_DEFAULT 50
#define PAGE_TOKEN_BYTES (8 + 16) /* created_ms, session id */

static struct auth_request
request_of(struct rpc_call *call)
{
	struct auth_request req = { 0 };
	const struct trace *trace = rpc_call_trace(call);

	req.store.deadline = rpc_call_deadline(call);
	req.store.arena = rpc_call_arena(call);
	req.store.now_ms = clock_wall_ms();
	if (trace != NULL) {
		char *text = arena_alloc(req.store.arena, TRACE_PARENT_SIZE);

		trace_format(trace, text);
		req.store.traceparent = text;
	}
	req.trace = trace;
	req.request_id = rpc_call_request_id(call);
	req.client_ip = rpc_call_metadata(call, RPC_META_CLIENT_IP);
	req.user_agent = rpc_call_metadata(call, RPC_META_USER_AGENT);
	return req;
}

static void
fill_reply(const struct auth_grant *grant, Fit__Auth__V1__SignInReply *res)
{
	static char bearer[] = "Bearer";

	res->access_token = grant->access_token;
	res->refresh_token = grant->refresh_token;
	res->token_type = bearer;
	res->expires_in = (int32_t)grant->expires_in_s;
	res->user = grant->user;
}

/* ---- signing in and out ---- */

static enum status
sign_in(struct rpc_call *call, bool apple, const void *request, void *reply, struct err *err)
{
	const Fit__Auth__V1__SignInRequest *ask = request;
	const Fit__Auth__V1__Device *device = ask->device;
	struct auth_request req = request_of(call);
	struct auth_sign_in in = { .apple = apple,
				   .token = slice_str(ask->token),
				   .device_id = device != NULL ? device->id : "",
				   .device_name = device != NULL ? device->name : "",
				   .platform = device != NULL ? device->platform : "" };
	struct auth_grant grant;
	enum status st = auth_sign_in(rpc_call_service(call), &req, &in, &grant, err);

	if (st == STATUS_OK)
		fill_reply(&grant, reply);
	return st;
}

static enum status
on_sign_in_with_google(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	return sign_in(call, false, request, reply, err);
}

static enum status
on_sign_in_with_apple(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	return sign_in(call, true, request, reply, err);
}

static enum status
on_refresh_tokens(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Auth__V1__RefreshRequest *ask = request;
	struct auth_request req = request_of(call);
	struct auth_grant grant;
	enum status st = auth_refresh(rpc_call_service(call), &req, slice_str(ask->refresh_token),
				      &grant, err);

	if (st == STATUS_OK)
		fill_reply(&grant, reply);
	return st;
}

static enum status
on_sign_out(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const struct principal *who = rpc_call_principal(call);
	struct auth_request req = request_of(call);

	(void)request, (void)reply;
	return auth_end(rpc_call_service(call), &req, &who->user_id, &who->session_id,
			AUTH_END_SIGN_OUT, err);
}

static enum status
on_sign_out_all(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	struct auth_request req = request_of(call);

	(void)request, (void)reply;
	return auth_end(rpc_call_service(call), &req, &rpc_call_principal(call)->user_id, NULL,
			AUTH_END_BY_USER, err);
}

/* ---- devices ---- */

static char *
page_token(struct arena *arena, const struct auth_session *last)
{
	struct strbuf text = STRBUF_ARENA(arena);
	uint8_t bytes[PAGE_TOKEN_BYTES];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(last->created_ms >> (56 - 8 * i));
	memcpy(bytes + 8, last->id.b, sizeof(last->id.b));
	codec_base64url_encode(&text, bytes, sizeof(bytes));
	return text.buf;
}

static bool
read_page_token(const char *text, int64_t *ret_ms, struct uuid *ret_id)
{
	uint8_t bytes[PAGE_TOKEN_BYTES + 3];
	uint64_t ms = 0;
	size_t n;

	if (strlen(text) != PAGE_TOKEN_BYTES / 3 * 4 ||
	    !codec_base64url_decode(slice_str(text), bytes, &n) || n != PAGE_TOKEN_BYTES)
		return false;
	for (int i = 0; i < 8; i++)
		ms = ms << 8 | bytes[i];
	*ret_ms = (int64_t)ms;
	memcpy(ret_id->b, bytes + 8, sizeof(ret_id->b));
	/* A time that the database can take. */
	return *ret_ms > 0 && *ret_ms < INT64_C(253402300800000);
}

static Fit__Auth__V1__Session *
session_message(struct arena *arena, const struct auth_session *s, const struct uuid *current)
{
	Fit__Auth__V1__Session *m = ARENA_NEW(arena, Fit__Auth__V1__Session);

	fit__auth__v1__session__init(m);
	m->id = arena_alloc(arena, UUID_TEXT_SIZE);
	uuid_format(&s->id, m->id);
	m->device_name = arena_strdup(arena, s->device_name);
	m->platform = arena_strdup(arena, s->platform);
	m->current = uuid_eq(&s->id, current);
	m->created_at = pb_time_new(arena, s->created_ms);
	m->last_used_at = pb_time_new(arena, s->last_used_ms);
	m->expires_at = pb_time_new(arena, s->expires_ms);
	return m;
}

static enum status
on_list_sessions(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Auth__V1__ListSessionsRequest *ask = request;
	Fit__Auth__V1__ListSessionsResponse *res = reply;
	const struct principal *who = rpc_call_principal(call);
	struct auth_request req = request_of(call);
	struct arena *arena = req.store.arena;
	size_t limit = ask->page_size > 0 ? (size_t)ask->page_size : PAGE_DEFAULT;
	struct auth_sessions list;
	struct uuid after_id = { 0 };
	int64_t after_ms = 0;
	enum status st;

	if (ask->page_token[0] != '\0' && !read_page_token(ask->page_token, &after_ms, &after_id)) {
		err_init(err);
		return err_add_field(err, "pageToken", "is not a token of this list");
	}
	/* One more than asked for tells whether there is a next page. */
	st = auth_list(rpc_call_service(call), &req, &who->user_id, after_ms, &after_id,
		       (int64_t)limit + 1, &list, err);
	if (st != STATUS_OK)
		return st;
	res->n_sessions = list.n < limit ? list.n : limit;
	res->sessions = ARENA_ARRAY(arena, Fit__Auth__V1__Session *, res->n_sessions + 1);
	for (size_t i = 0; i < res->n_sessions; i++)
		res->sessions[i] = session_message(arena, &list.items[i], &who->session_id);
	if (list.n > limit)
		res->next_page_token = page_token(arena, &list.items[limit - 1]);
	return STATUS_OK;
}

/* The schema check let only UUIDs through; this one is for the type. */
static enum status
parse_id(const char *text, const char *field, struct uuid *ret_id, struct err *err)
{
	if (uuid_parse_str(text, ret_id))
		return STATUS_OK;
	err_init(err);
	return err_add_field(err, field, "is not a UUID");
}

static enum status
on_revoke_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Auth__V1__RevokeSessionRequest *ask = request;
	struct auth_request req = request_of(call);
	struct uuid id;
	enum status st = parse_id(ask->session_id, "sessionId", &id, err);

	(void)reply;
	if (st != STATUS_OK)
		return st;
	return auth_end(rpc_call_service(call), &req, &rpc_call_principal(call)->user_id, &id,
			AUTH_END_BY_USER, err);
}

/* ---- for the gateway ---- */

static enum status
on_get_jwks(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	Fit__Auth__V1__GetJwksResponse *res = reply;
	struct auth_key_set *keys = auth_keys_current(auth_get_keys(rpc_call_service(call)));
	struct slice json = auth_key_set_jwks(keys);

	(void)request, (void)err;
	res->json.len = json.n;
	res->json.data = arena_memdup(rpc_call_arena(call), json.p, json.n);
	auth_key_set_unref(keys);
	return STATUS_OK;
}

static enum status
on_resolve_session(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Auth__V1__ResolveSessionRequest *ask = request;
	Fit__Auth__V1__ResolveSessionResponse *res = reply;
	struct auth_request req = request_of(call);
	struct auth_session session;
	struct uuid user, id;
	bool active;
	enum status st = parse_id(ask->user_id, "userId", &user, err);

	if (st == STATUS_OK)
		st = parse_id(ask->session_id, "sessionId", &id, err);
	if (st == STATUS_OK)
		st = auth_resolve(rpc_call_service(call), &req, &user, &id, &active, &session, err);
	if (st != STATUS_OK || !active)
		return st;
	res->active = true;
	res->exp_ms = session.expires_ms;
	res->min_iat_s = session.last_iat_s;
	res->role = arena_strdup(req.store.arena, session.access.role);
	res->tier = arena_strdup(req.store.arena, session.access.tier);
	res->permissions = session.access.permissions;
	res->n_permissions = session.access.npermissions;
	return STATUS_OK;
}

static const struct rpc_method methods[] = {
	{ "SignInWithGoogle", on_sign_in_with_google },
	{ "SignInWithApple", on_sign_in_with_apple },
	{ "RefreshTokens", on_refresh_tokens },
	{ "SignOut", on_sign_out },
	{ "SignOutAll", on_sign_out_all },
	{ "ListSessions", on_list_sessions },
	{ "RevokeSession", on_revoke_session },
	{ "GetJwks", on_get_jwks },
	{ "ResolveSession", on_resolve_session },
};

static const struct rpc_service service = { &fit__auth__v1__auth_service__descriptor, methods,
					    ARRAY_LEN(methods) };

const struct rpc_service *const auth_rpc_services[AUTH_RPC_NSERVICES] = { &service };
