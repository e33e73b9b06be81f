/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/pipeline.h"

#include <string.h>

#include "gateway/call.h"
#include "gateway/gateway_config.h"
#include "gateway/gateway_loop.h"
#include "gateway/problem.h"
#include "gateway/transcode.h"
#include "gateway/upstream_call.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/uuid.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/runtime/loop.h"

#define IDEMPOTENCY_KEY_MAX 255
#define IF_MATCH_MAX 64
#define BODY_MAX_ANONYMOUS 65536

/* NEXT: the next stage. WAIT: resume() will be called. DONE: the exchange is answered, the call is
 * gone. */
enum verdict { NEXT, WAIT, DONE };

static void resume(struct call *call);

/* ---- ids and trace ---- */

static bool
is_request_id(struct slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return id.n > 0 && id.n <= CALL_REQUEST_ID_MAX;
}

/* A random UUID from the loop's generator: an id for people to quote, not a secret. */
static void
mint_request_id(struct call *call)
{
	uint64_t bits[2] = { rng_seeded_next(&call->gl->rng), rng_seeded_next(&call->gl->rng) };
	struct uuid id;

	memcpy(id.b, bits, sizeof(id.b));
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x40);
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
	uuid_format(&id, call->request_id);
}

static enum verdict
stage_begin(struct call *call)
{
	struct slice id = exchange_header(call->ex, SLICE_LIT("x-request-id"));
	struct slice parent = exchange_header(call->ex, SLICE_LIT("traceparent"));
	struct trace trace;

	if (is_request_id(id)) {
		memcpy(call->request_id, id.p, id.n);
		call->request_id[id.n] = '\0';
	} else {
		mint_request_id(call);
	}
	if (parent.n > 0 && trace_parse(parent, &trace))
		call->trace = trace_child(&trace);
	else
		trace_new(&call->trace);
	return NEXT;
}

/* ---- CORS ---- */

static enum verdict
stage_cors(struct call *call)
{
	const struct gateway_config *config = call->gl->gateway->config;
	struct slice origin = exchange_header(call->ex, SLICE_LIT("origin"));

	if (origin.n == 0)
		return NEXT;
	for (size_t i = 0; i < config->norigins; i++) {
		if (slice_eq(origin, config->origins[i]))
			call->origin = config->origins[i];
	}
	if (call->ex->method != HTTP_OPTIONS ||
	    exchange_header(call->ex, SLICE_LIT("access-control-request-method")).n == 0)
		return NEXT;
	if (call->origin.n > 0)
		strbuf_adds(&call->extra,
			    "Access-Control-Allow-Methods: GET,POST,PUT,DELETE,PATCH\r\n"
			    "Access-Control-Allow-Headers: "
			    "Content-Type,Authorization,Idempotency-Key,If-Match,"
			    "If-None-Match,Last-Event-ID,X-Request-ID,traceparent\r\n"
			    "Access-Control-Max-Age: 600\r\n");
	call_reply(call, 204, NULL, SLICE_NONE);
	return DONE;
}

/* ---- what an address may do before anything is looked at ---- */

static enum verdict
stage_address(struct call *call)
{
	const struct gateway_config *config = call->gl->gateway->config;
	struct slice client = slice_str(call->client);

	for (size_t i = 0; i < config->nip_exempt; i++) {
		if (slice_eq(client, config->ip_exempt[i]))
			return NEXT;
	}
	struct gcra_result r = admit_local(call->gl->admit, slice_str(call->client_key),
					   SLICE_LIT("address"), &config->ip_rate);
	if (r.allowed)
		return NEXT;
	call_problem(call, 429, "RATE_LIMITED", "Too many requests from this address.", NULL);
	return DONE;
}

/* ---- route ---- */

static void
add_allow(struct call *call)
{
	const char *sep = "Allow: ";

	for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
		if (call->match.allowed & 1u << m || m == HTTP_OPTIONS) {
			strbuf_adds(&call->extra, sep);
			strbuf_adds(&call->extra, http_method_name((enum http_method)m));
			sep = ", ";
		}
	}
	strbuf_adds(&call->extra, "\r\n");
}

static enum verdict
stage_route(struct call *call)
{
	switch (router_find(routes_router(call->gl->gateway->routes), call->ex->method,
			    call->ex->path, &call->match)) {
	case ROUTER_FOUND:
		call->route = call->match.target;
		if (call->route->serve == NULL)
			return NEXT;
		call->route->serve(call);
		return DONE;
	case ROUTER_NO_METHOD:
		add_allow(call);
		if (call->ex->method == HTTP_OPTIONS)
			call_reply(call, 204, NULL, SLICE_NONE);
		else
			call_problem(call, 405, NULL, "This resource has no such method.", NULL);
		return DONE;
	case ROUTER_NO_PATH:
		break;
	}
	call_problem(call, 404, NULL, "There is no such resource.", NULL);
	return DONE;
}

/* ---- who ---- */

static bool
needs_user(const struct call *call)
{
	return call->route->rule->method->policy.audience != SCHEMA_PUBLIC;
}

static void
on_keys(void *arg)
{
	/* The same stage again: with the new keys, and no second wait. */
	struct call *call = arg;

	call->stage--;
	resume(call);
}

/* The access token as sent; n == 0: none. */
static struct slice
bearer_of(const struct exchange *ex)
{
	struct slice value = exchange_header(ex, SLICE_LIT("authorization"));

	if (value.n < 7 || !http_name_eq(slice_make(value.p, 7), SLICE_LIT("bearer ")))
		return SLICE_NONE;
	return http_trim(slice_make(value.p + 7, value.n - 7));
}

static enum verdict
stage_token(struct call *call)
{
	struct slice bearer = bearer_of(call->ex);
	struct err err;

	if (!needs_user(call))
		return NEXT;
	if (bearer.n == 0) {
		call_problem(call, 401, "TOKEN_MISSING", "Sign in: this needs an access token.",
			     NULL);
		return DONE;
	}
	err_init(&err);
	if (authn_token(call->gl->authn, bearer, call->ex->arena, &call->token, &err) == STATUS_OK)
		return NEXT;
	if (err.reason != NULL && strcmp(err.reason, "KEY_UNKNOWN") == 0) {
		call->wait.fn = on_keys;
		call->wait.arg = call;
		if (!call->waited && authn_wait_keys(call->gl->authn, &call->wait)) {
			call->waited = true;
			return WAIT;
		}
		err_reason(&err, "TOKEN_INVALID");
	}
	log_debug("token_refused", LOG_STR("why", err.text),
		  LOG_STR("requestId", call->request_id));
	call_fail(call, &err);
	return DONE;
}

/* ---- limit and session ---- */

/* The session decides whether the token is still good, and makes the principal. */
static enum verdict
enter(struct call *call, const struct authn_session *session)
{
	const char *permission = call->route->rule->method->policy.permission;
	struct principal principal;
	struct err err;

	err_init(&err);
	if (authn_session_check(session, &call->token, &principal, &err) != STATUS_OK) {
		call_fail(call, &err);
		return DONE;
	}
	if (permission[0] != '\0' && !principal_may(&principal, permission)) {
		call_problem(call, 403, NULL, "Your role does not allow this.", NULL);
		return DONE;
	}
	call->principal = STRBUF_ARENA(call->ex->arena);
	strbuf_grow(&call->principal, 128);
	principal_encode(&principal, &call->principal);
	return NEXT;
}

static void
on_session(const struct authn_session *session, void *arg)
{
	struct call *call = arg;

	call->rpc = NULL;
	if (session == NULL && call->due != NULL &&
	    authn_session_stretch(call->gl->authn, &call->token, call->due))
		session = call->due;
	if (session == NULL) {
		call_problem(call, 503, NULL, "Your session cannot be checked at the moment.",
			     NULL);
		return;
	}
	if (enter(call, session) == NEXT)
		resume(call);
}

/*
 * The copy in Redis, else auth, which writes the copy anew. What auth said a moment ago counts only
 * while Redis is away (a session that was revoked since may so be good for up to five seconds
 * more), and while a copy is due: one request asks, the others go on.
 */
static enum verdict
find_session(struct call *call, const struct admit_reply *reply)
{
	const struct authn_session *recent = NULL;
	struct authn_session session;

	if (reply->session == ADMIT_FOUND && authn_session_parse(reply->session_value, &session)) {
		if (!authn_session_due(&session))
			return enter(call, &session);
		call->due = arena_memdup(call->ex->arena, &session, sizeof(session));
	}
	if (call->due != NULL || reply->session == ADMIT_UNKNOWN)
		recent = authn_session_recent(call->gl->authn, &call->token);
	if (recent != NULL)
		return enter(call, recent);
	call->rpc = authn_session_resolve(call->gl->authn, &call->token, call->request_id,
					  call->ex->arena, on_session, call);
	return WAIT;
}

static enum verdict
on_admit_reply(struct call *call, const struct admit_reply *reply)
{
	call->rate = call->route->rate;
	call->limit = reply->limit;
	if (!call->limit.allowed) {
		call_problem(call, 429, "RATE_LIMITED", NULL, NULL);
		return DONE;
	}
	return needs_user(call) ? find_session(call, reply) : NEXT;
}

static void
on_admitted(const struct admit_reply *reply, void *arg)
{
	struct call *call = arg;

	call->admitting = NULL;
	if (on_admit_reply(call, reply) == NEXT)
		resume(call);
}

static enum verdict
stage_admit(struct call *call)
{
	bool user = needs_user(call);
	struct admit_request req = {
		.key = slice_str(user ? call->token.user_id : call->client_key),
		.session_id = user ? slice_str(call->token.session_id) : SLICE_NONE,
		.rate = call->route->rate,
	};
	struct admit_reply reply;

	call->admitting = admit_start(call->gl->admit, &req, &reply, on_admitted, call);
	return call->admitting != NULL ? WAIT : on_admit_reply(call, &reply);
}

/* ---- the request ---- */

static bool
is_visible(struct slice s, size_t max)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	}
	return s.n > 0 && s.n <= max;
}

static enum verdict
stage_preconditions(struct call *call)
{
	const struct schema_policy *policy = &call->route->rule->method->policy;

	call->idempotency_key = exchange_header(call->ex, SLICE_LIT("idempotency-key"));
	call->if_match = exchange_header(call->ex, SLICE_LIT("if-match"));
	if (call->idempotency_key.p != NULL &&
	    !is_visible(call->idempotency_key, IDEMPOTENCY_KEY_MAX)) {
		call_problem(call, 400, NULL,
			     "Idempotency-Key must be 1 to 255 visible ASCII characters.", NULL);
		return DONE;
	}
	if (call->if_match.p != NULL && !is_visible(call->if_match, IF_MATCH_MAX)) {
		call_problem(call, 400, NULL, "If-Match must be one entity tag.", NULL);
		return DONE;
	}
	if (policy->if_match && call->if_match.p == NULL) {
		call_problem(call, 428, "ETAG_REQUIRED",
			     "Send If-Match with the ETag that you changed.", NULL);
		return DONE;
	}
	return NEXT;
}

static enum verdict
stage_transcode(struct call *call)
{
	struct err err;

	call->wire = STRBUF_ARENA(call->ex->arena);
	strbuf_grow(&call->wire, call->ex->body.n + call->ex->query.n + 128);
	err_init(&err);
	if (transcode_request(call->route->rule, call->match.params, call->ex, &call->wire, &err) ==
	    STATUS_OK)
		return NEXT;
	if (err.reason != NULL && strcmp(err.reason, TRANSCODE_MEDIA_TYPE) == 0)
		call_problem(call, 415, NULL, NULL, &err);
	else
		call_fail(call, &err);
	return DONE;
}

static enum verdict
stage_upstream(struct call *call)
{
	upstream_call_start(call);
	return WAIT;
}

static enum verdict (*const stages[])(struct call *call) = {
	stage_begin, stage_cors,          stage_address,   stage_route,    stage_token,
	stage_admit, stage_preconditions, stage_transcode, stage_upstream,
};

/* From the stage that is due. */
static void
run(struct call *call)
{
	while (stages[call->stage](call) == NEXT)
		call->stage++;
}

/* The stage that waited is done. */
static void
resume(struct call *call)
{
	call->stage++;
	run(call);
}

/* ---- what a front calls ---- */

static void
on_cancel(struct exchange *ex)
{
	struct call *call = ex->handler_data;

	if (call->admitting != NULL)
		admit_cancel(call->admitting);
	authn_wait_cancel(call->gl->authn, &call->wait);
	if (call->rpc != NULL)
		rpc_client_call_cancel(call->rpc);
	loop_timer_free(call->heartbeat);
	call_done(call, 499, call->streamed);
}

static void
on_request(struct exchange *ex, void *arg)
{
	struct call *call = ARENA_NEW(ex->arena, struct call);

	call->gl = arg;
	call->ex = ex;
	call->extra = STRBUF_ARENA(ex->arena);
	ex->handler_data = call;
	ex->on_cancel = on_cancel;
	client_address_find(&call->gl->gateway->config->proxies, ex->peer, ex->fields, ex->nfields,
			    call->client);
	client_address_key(call->client, call->client_key);
	run(call);
}

/* A body is read before it is decided what its sender may; a large one only from who has a token.
 */
static bool
has_token(struct gateway_loop *gl, const struct exchange *ex)
{
	struct slice bearer = bearer_of(ex);
	struct authn_token token;
	struct err err;

	err_init(&err);
	return bearer.n > 0 && authn_token(gl->authn, bearer, ex->arena, &token, &err) == STATUS_OK;
}

static size_t
body_limit(const struct exchange *ex, void *arg)
{
	struct gateway_loop *gl = arg;
	struct router_match match;

	if (router_find(routes_router(gl->gateway->routes), ex->method, ex->path, &match) !=
	    ROUTER_FOUND)
		return BODY_MAX_ANONYMOUS;
	const struct route *route = match.target;
	bool user = route->rule != NULL && route->rule->method->policy.audience != SCHEMA_PUBLIC;
	if (route->body_max <= BODY_MAX_ANONYMOUS || (user && has_token(gl, ex)))
		return route->body_max;
	return BODY_MAX_ANONYMOUS | (user ? EXCHANGE_STRANGER : 0);
}

static void
on_refused(unsigned status, const char *detail, const char *peer, void *arg)
{
	struct gateway_loop *gl = arg;

	(void)peer;
	routes_observe(gl->gateway->routes, NULL, status, 0);
	log_info("request_refused", LOG_INT("status", status),
		 LOG_STR("why", detail != NULL ? detail : ""));
}

const struct exchange_handler pipeline_handler = { on_request, body_limit, on_refused };
