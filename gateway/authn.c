/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/authn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_config.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/lru.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/digest.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/observe/log.h"
#include "libcommon/observe/metrics.h"
#include "libcommon/rpc/pb_wire.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/runtime/loop.h"

#define GET_JWKS "/fit.auth.v1.AuthService/GetJwks"
#define RESOLVE_SESSION "/fit.auth.v1.AuthService/ResolveSession"
#define KEYS_EVERY_MS 60000
#define KEYS_RETRY_MS 1000    /* while there are none */
#define KEYS_UNKNOWN_MS 10000 /* between fetches that an unknown kid causes */
#define KEYS_TIMEOUT_MS 5000
#define WAITERS_MAX 1000
#define SESSION_CACHE 10000
#define SESSION_CACHE_MS 5000
#define RESOLVE_MS 3000

TAILQ_HEAD(wait_list, authn_wait);

struct authn {
	const struct gateway_config *config;
	struct loop *loop;
	struct rpc_channel *auth;
	struct jwks *keys;
	atomic_uint *have_keys;
	struct strbuf keys_json, fetched;
	struct rpc_client_call *fetching;
	struct loop_timer *timer;
	int64_t fetched_ms;
	struct wait_list waiting;
	unsigned nwaiting;
	struct lru *tokens, *sessions;
	struct metric_series *token_hit, *token_verified, *token_refused;
};

static struct metric m_tokens =
	METRIC_COUNTER("gateway_tokens_total", "Access tokens looked at, by outcome.", "outcome");
static struct metric m_keys =
	METRIC_COUNTER("gateway_jwks_fetches_total", "Fetches of the key set.", "outcome");

static void fetch_keys(void *arg);

struct authn *
authn_new(struct loop *loop, const struct gateway_config *config, struct rpc_channel *auth,
	  atomic_uint *have_keys)
{
	struct authn *authn = calloc(1, sizeof(*authn));

	if (authn == NULL)
		panic("authn: no memory");
	authn->config = config;
	authn->loop = loop;
	authn->auth = auth;
	authn->have_keys = have_keys;
	authn->tokens = lru_new((size_t)config->token_cache, free);
	authn->sessions = lru_new(SESSION_CACHE, free);
	TAILQ_INIT(&authn->waiting);
	metric_register(&m_tokens);
	metric_register(&m_keys);
	authn->token_hit = metric_series(&m_tokens, "cached");
	authn->token_verified = metric_series(&m_tokens, "verified");
	authn->token_refused = metric_series(&m_tokens, "refused");
	authn->timer = loop_timer_new(loop, fetch_keys, authn);
	if (auth != NULL)
		loop_timer_start(authn->timer, 0);
	return authn;
}

void
authn_free(struct authn *authn)
{
	if (authn == NULL)
		return;
	if (authn->fetching != NULL)
		rpc_client_call_cancel(authn->fetching);
	loop_timer_free(authn->timer);
	jwks_unref(authn->keys);
	strbuf_fini(&authn->keys_json);
	strbuf_fini(&authn->fetched);
	lru_free(authn->tokens);
	lru_free(authn->sessions);
	free(authn);
}

/* ---- keys ---- */

static void
on_keys_message(struct rpc_client_call *call, struct slice wire, void *arg)
{
	struct authn *authn = arg;
	struct pb_reader r = pb_reader(wire);

	(void)call;
	while (pb_next(&r)) {
		if (r.field == 1 && r.type == PB_BYTES) {
			strbuf_reset(&authn->fetched);
			strbuf_add_slice(&authn->fetched, r.bytes);
		}
	}
}

static void
take_keys(struct authn *authn)
{
	struct jwks *keys;
	struct err err;

	if (slice_eq(strbuf_slice(&authn->fetched), strbuf_slice(&authn->keys_json)))
		return;
	err_init(&err);
	if (jwks_parse(strbuf_slice(&authn->fetched), &keys, &err) != STATUS_OK) {
		log_error_err("jwks_malformed", &err);
		return;
	}
	if (authn->keys == NULL)
		atomic_fetch_add(authn->have_keys, 1);
	jwks_unref(authn->keys);
	authn->keys = keys;
	strbuf_reset(&authn->keys_json);
	strbuf_add_slice(&authn->keys_json, strbuf_slice(&authn->fetched));
	/* What a key that is gone has signed is void. */
	lru_free(authn->tokens);
	authn->tokens = lru_new((size_t)authn->config->token_cache, free);
	log_info("jwks_loaded", LOG_INT("keys", jwks_count(keys)));
}

static void
on_keys_end(struct rpc_client_call *call, enum status status, const struct err *err, void *arg)
{
	struct authn *authn = arg;
	struct authn_wait *wait;

	(void)call;
	authn->fetching = NULL;
	if (status == STATUS_OK)
		take_keys(authn);
	else
		log_warn_err("jwks_fetch_failed", err);
	metric_add(metric_series(&m_keys, status == STATUS_OK ? "ok" : "failed"), 1);
	loop_timer_start(authn->timer, authn->keys != NULL ? KEYS_EVERY_MS : KEYS_RETRY_MS);
	/* Who comes to wait during this waits for the next fetch. */
	for (unsigned n = authn->nwaiting; n > 0 && (wait = TAILQ_FIRST(&authn->waiting)) != NULL;
	     n--) {
		authn_wait_cancel(authn, wait);
		wait->fn(wait->arg);
	}
}

static void
fetch_keys(void *arg)
{
	static const struct rpc_client_events events = { .on_message = on_keys_message,
							 .on_end = on_keys_end };
	struct authn *authn = arg;
	struct rpc_call_options opts = { .deadline = deadline_in(KEYS_TIMEOUT_MS) };

	if (authn->fetching != NULL)
		return;
	authn->fetched_ms = clock_mono_ms();
	authn->fetching =
		rpc_channel_start(authn->auth, GET_JWKS, &opts, SLICE_NONE, &events, authn);
}

bool
authn_wait_keys(struct authn *authn, struct authn_wait *wait)
{
	if (authn->auth == NULL || authn->nwaiting == WAITERS_MAX)
		return false;
	if (authn->fetching == NULL) {
		if (clock_mono_ms() - authn->fetched_ms < KEYS_UNKNOWN_MS)
			return false;
		fetch_keys(authn);
	}
	TAILQ_INSERT_TAIL(&authn->waiting, wait, link);
	authn->nwaiting++;
	return true;
}

void
authn_wait_cancel(struct authn *authn, struct authn_wait *wait)
{
	if (wait->link.tqe_prev == NULL)
		return;
	TAILQ_REMOVE(&authn->waiting, wait, link);
	wait->link.tqe_prev = NULL;
	authn->nwaiting--;
}

/* ---- tokens ---- */

static enum status COLD
refuse(struct authn *authn, struct err *err, enum status status)
{
	const char *reason = err->reason;

	metric_add(authn->token_refused, 1);
	if (status == STATUS_UNAUTHENTICATED) {
		char text[ERR_TEXT_MAX];
		snprintf(text, sizeof(text), "%s", err->text);
		err_public(err, status, "The access token is not valid.");
		snprintf(err->text, sizeof(err->text), "%s", text);
		err_reason(err, reason != NULL ? reason : "TOKEN_INVALID");
	}
	return status;
}

static enum status
verify(struct authn *authn, struct slice bearer, struct arena *arena, struct authn_token *ret_token,
       struct err *err)
{
	struct jwt_rules rules = {
		.typ = "at+jwt",
		.issuer = authn->config->jwt_issuer,
		.audience = authn->config->jwt_audience,
		.alg = "ES256",
		.now_s = clock_wall_ms() / 1000,
	};
	struct jwt_claims claims;
	struct uuid user, session;

	if (authn->keys == NULL)
		return err_public(err, STATUS_UNAVAILABLE,
				  "Signing in is not possible at the moment.");
	enum status st = jwt_verify(authn->keys, bearer, &rules, arena, &claims, err);
	if (st != STATUS_OK)
		return st;
	if (!uuid_parse(claims.sub, &user) ||
	    !uuid_parse(jwt_claim_string(&claims, "sid"), &session))
		return err_set(err, STATUS_UNAUTHENTICATED, "sub or sid is not a UUID");
	uuid_format(&user, ret_token->user_id);
	uuid_format(&session, ret_token->session_id);
	ret_token->iat_s = claims.iat;
	ret_token->exp_s = claims.exp;
	return STATUS_OK;
}

enum status
authn_token(struct authn *authn, struct slice bearer, struct arena *arena,
	    struct authn_token *ret_token, struct err *err)
{
	uint8_t id[DIGEST_SHA256_SIZE];
	int64_t now = clock_mono_ms();

	if (bearer.n > JWT_MAX) {
		err_set(err, STATUS_UNAUTHENTICATED, "token of %zu bytes", bearer.n);
		return refuse(authn, err, STATUS_UNAUTHENTICATED);
	}
	digest_sha256(bearer, id);
	struct authn_token *known = lru_get(authn->tokens, slice_make(id, sizeof(id)), now);
	if (known != NULL) {
		metric_add(authn->token_hit, 1);
		*ret_token = *known;
		return STATUS_OK;
	}
	enum status st = verify(authn, bearer, arena, ret_token, err);
	if (st != STATUS_OK)
		return refuse(authn, err, st);
	metric_add(authn->token_verified, 1);
	known = malloc(sizeof(*known));
	if (known == NULL)
		panic("authn: no memory");
	*known = *ret_token;
	int64_t left_ms = ret_token->exp_s * 1000 - clock_wall_ms();
	if (left_ms > 0)
		lru_put(authn->tokens, slice_make(id, sizeof(id)), known, now + left_ms);
	else
		free(known);
	return STATUS_OK;
}

/* ---- sessions ---- */

static bool
cut(struct slice *rest, char sep, struct slice *ret_part)
{
	const char *at = rest->n > 0 ? memchr(rest->p, sep, rest->n) : NULL;
	size_t n = at != NULL ? (size_t)(at - rest->p) : rest->n;

	*ret_part = slice_make(rest->p, n);
	size_t used = at != NULL ? n + 1 : n;
	*rest = slice_make(rest->p + used, rest->n - used);
	return at != NULL;
}

static bool
to_number(struct slice s, int64_t *ret)
{
	int64_t v = 0;

	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

static bool
to_text(struct slice s, char *ret, size_t size)
{
	if (s.n >= size)
		return false;
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
	return true;
}

static bool
add_permission(struct authn_session *session, struct slice name)
{
	if (name.n == 0)
		return true;
	if (session->npermissions == PRINCIPAL_PERMISSIONS_MAX)
		return false;
	return to_text(name, session->permissions[session->npermissions++],
		       sizeof(session->permissions[0]));
}

bool
authn_session_parse(struct slice value, struct authn_session *ret_session)
{
	struct slice version, exp, min_iat, role, tier, name;

	if (!cut(&value, '|', &version) || !slice_eq_str(version, "v1") ||
	    !cut(&value, '|', &exp) || !cut(&value, '|', &min_iat) || !cut(&value, '|', &role) ||
	    !cut(&value, '|', &tier))
		return false;
	ret_session->npermissions = 0;
	if (!to_number(exp, &ret_session->exp_ms) || !to_number(min_iat, &ret_session->min_iat_s) ||
	    !to_text(role, ret_session->role, sizeof(ret_session->role)) ||
	    !to_text(tier, ret_session->tier, sizeof(ret_session->tier)))
		return false;
	while (value.n > 0) {
		cut(&value, ',', &name);
		if (!add_permission(ret_session, name))
			return false;
	}
	ret_session->active = ret_session->exp_ms > 0;
	return true;
}

enum status
authn_session_check(const struct authn_session *session, const struct authn_token *token,
		    struct principal *ret_principal, struct err *err)
{
	if (!session->active || session->exp_ms <= clock_wall_ms() ||
	    token->iat_s < session->min_iat_s) {
		err_public(err, STATUS_UNAUTHENTICATED, "The session has ended; sign in again.");
		return err_reason(err, "TOKEN_INVALID");
	}
	struct principal *p = ret_principal;
	p->present = true;
	p->acting_for = (struct uuid){ 0 };
	if (!uuid_parse_str(token->user_id, &p->user_id) ||
	    !uuid_parse_str(token->session_id, &p->session_id))
		panic("authn: a token's ids are not UUIDs");
	memcpy(p->role, session->role, sizeof(p->role));
	memcpy(p->tier, session->tier, sizeof(p->tier));
	p->npermissions = session->npermissions;
	memcpy(p->permissions, session->permissions,
	       session->npermissions * sizeof(p->permissions[0]));
	return STATUS_OK;
}

bool
authn_session_due(const struct authn_session *session)
{
	return session->active && session->exp_ms <= clock_wall_ms();
}

/* Under user and session: a token may name a session that is not its user's. */
struct session_key {
	char text[2 * UUID_TEXT_SIZE];
};

static struct slice
session_key(struct session_key *key, const struct authn_token *token)
{
	snprintf(key->text, sizeof(key->text), "%s %s", token->user_id, token->session_id);
	return slice_str(key->text);
}

static void
remember_session(struct authn *authn, const struct authn_token *token,
		 const struct authn_session *session)
{
	struct session_key key;
	struct authn_session *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		panic("authn: no memory");
	*copy = *session;
	lru_put(authn->sessions, session_key(&key, token), copy,
		clock_mono_ms() + SESSION_CACHE_MS);
}

bool
authn_session_stretch(struct authn *authn, const struct authn_token *token,
		      struct authn_session *session)
{
	if (!session->active || session->exp_ms + AUTHN_STALE_MS <= clock_wall_ms())
		return false;
	session->exp_ms += AUTHN_STALE_MS;
	remember_session(authn, token, session);
	return true;
}

const struct authn_session *
authn_session_recent(struct authn *authn, const struct authn_token *token)
{
	struct session_key key;

	return lru_get(authn->sessions, session_key(&key, token), clock_mono_ms());
}

struct resolve {
	struct authn *authn;
	struct authn_session session;
	bool answered;
	struct authn_token token;
	authn_session_fn fn;
	void *arg;
};

static void
on_session_message(struct rpc_client_call *call, struct slice wire, void *arg)
{
	struct resolve *resolve = arg;
	struct authn_session *s = &resolve->session;
	struct pb_reader r = pb_reader(wire);
	bool fits = true;

	(void)call;
	while (pb_next(&r)) {
		if (r.field == 1 && r.type == PB_VARINT)
			s->active = r.number != 0;
		else if (r.field == 2 && r.type == PB_VARINT)
			s->exp_ms = (int64_t)r.number;
		else if (r.field == 3 && r.type == PB_VARINT)
			s->min_iat_s = (int64_t)r.number;
		else if (r.field == 4 && r.type == PB_BYTES)
			fits &= to_text(r.bytes, s->role, sizeof(s->role));
		else if (r.field == 5 && r.type == PB_BYTES)
			fits &= to_text(r.bytes, s->tier, sizeof(s->tier));
		else if (r.field == 6 && r.type == PB_BYTES)
			fits &= add_permission(s, r.bytes);
	}
	resolve->answered = fits && !r.broken;
}

static void
on_session_end(struct rpc_client_call *call, enum status status, const struct err *err, void *arg)
{
	struct resolve *resolve = arg;

	(void)call;
	if (status != STATUS_OK || !resolve->answered) {
		log_warn_err("session_resolve_failed", err);
		resolve->fn(NULL, resolve->arg);
		return;
	}
	remember_session(resolve->authn, &resolve->token, &resolve->session);
	resolve->fn(&resolve->session, resolve->arg);
}

struct rpc_client_call *
authn_session_resolve(struct authn *authn, const struct authn_token *token, const char *request_id,
		      struct arena *arena, authn_session_fn fn, void *arg)
{
	static const struct rpc_client_events events = { .on_message = on_session_message,
							 .on_end = on_session_end };
	struct rpc_call_options opts = { .deadline = deadline_in(RESOLVE_MS),
					 .request_id = request_id };
	struct resolve *resolve = ARENA_NEW(arena, struct resolve);
	struct strbuf wire = STRBUF_ARENA(arena);

	resolve->authn = authn;
	resolve->fn = fn;
	resolve->arg = arg;
	resolve->token = *token;
	pb_put_bytes(&wire, 1, slice_str(token->user_id));
	pb_put_bytes(&wire, 2, slice_str(token->session_id));
	return rpc_channel_start(authn->auth, RESOLVE_SESSION, &opts, strbuf_slice(&wire), &events,
				 resolve);
}
