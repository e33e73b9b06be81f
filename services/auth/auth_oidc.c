/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two locks per provider. `lock` guards the key set and is held for a few instructions.
 * `fetching` is held by the one thread that talks to the provider; others who need keys wait for
 * it, under their deadlines, and then look again, so that a burst of sign-ins (or of forged
 * kids) is one fetch.
 */
#include "services/auth/auth_oidc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "libcommon/base/arena.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/net/http_client.h"
#include "libcommon/observe/log.h"

#define FETCH_TIMEOUT_MS 5000
#define DISCOVERY_MAX 65536
#define JWKS_BYTES_MAX 65536
/* Renewal starts this long before keys stop being fresh, so that no sign-in waits for it. */
#define RENEW_EARLY_MS 15000

struct provider {
	char *name;
	char *issuer;
	const char *issuer_alt; /* into `issuer`, or NULL */
	char *audiences[OIDC_AUDIENCES_MAX];
	size_t naudiences;

	pthread_mutex_t fetching; /* taken before `lock` */
	pthread_mutex_t lock;
	struct jwks *keys; /* NULL until the first fetch succeeded */
	bool es256;        /* the provider says that it signs with ES256 too */
	int64_t fetched_ms, fresh_until_ms;
	int64_t tried_ms; /* last fetch, whatever came of it; 0: none */
};

struct auth_oidc {
	size_t n;
	struct provider providers[OIDC_PROVIDERS_MAX];
};

/* ---- configuration ---- */

static char *
copy_text(const char *p, size_t n)
{
	char *s = strndup(p, n);

	if (s == NULL)
		panic("no memory for an identity provider");
	return s;
}

/* Google signs tokens that name it with and without the scheme (its OpenID Connect guide). */
static const char *
other_spelling(const char *issuer)
{
	return strcmp(issuer, "https://accounts.google.com") == 0 ? issuer + strlen("https://")
								  : NULL;
}

static enum status
parse_audiences(struct provider *p, const char *text, size_t n, struct err *err)
{
	const char *end = text + n;

	while (text < end) {
		size_t len = strcspn(text, ",;");

		if (p->naudiences == OIDC_AUDIENCES_MAX)
			return err_set(err, STATUS_INVALID_ARGUMENT,
				       "issuer %s: more than %d audiences", p->name,
				       OIDC_AUDIENCES_MAX);
		if (len > 0)
			p->audiences[p->naudiences++] = copy_text(text, len);
		text += len + 1;
	}
	if (p->naudiences == 0)
		return err_set(err, STATUS_INVALID_ARGUMENT, "issuer %s: no audience", p->name);
	return STATUS_OK;
}

/* name=issuer|audience,audience */
static enum status
parse_entry(struct auth_oidc *oidc, const char *text, size_t n, struct err *err)
{
	const char *eq = memchr(text, '=', n);
	const char *bar = eq != NULL ? memchr(eq, '|', n - (size_t)(eq - text)) : NULL;
	struct provider *p = &oidc->providers[oidc->n];

	if (eq == NULL || bar == NULL || eq == text || bar == eq + 1)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "issuer \"%.*s\" is not name=issuer|audience,…", (int)n, text);
	if (oidc->n == OIDC_PROVIDERS_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "more than %d issuers",
			       OIDC_PROVIDERS_MAX);
	oidc->n++;
	pthread_mutex_init(&p->fetching, NULL);
	pthread_mutex_init(&p->lock, NULL);
	p->name = copy_text(text, (size_t)(eq - text));
	p->issuer = copy_text(eq + 1, (size_t)(bar - eq - 1));
	p->issuer_alt = other_spelling(p->issuer);
	if (!http_url_allowed(p->issuer))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "issuer %s: \"%s\" is neither https nor http on loopback", p->name,
			       p->issuer);
	return parse_audiences(p, bar + 1, n - (size_t)(bar + 1 - text), err);
}

enum status
auth_oidc_open(const char *issuers, struct auth_oidc **ret_oidc, struct err *err)
{
	struct auth_oidc *oidc = calloc(1, sizeof(*oidc));
	enum status st = STATUS_OK;

	if (oidc == NULL)
		panic("no memory for identity providers");
	for (const char *p = issuers; st == STATUS_OK && *p != '\0';) {
		size_t n = strcspn(p, ";");

		if (n > 0)
			st = parse_entry(oidc, p, n, err);
		p += n + (p[n] == ';');
	}
	if (st == STATUS_OK && oidc->n == 0)
		st = err_set(err, STATUS_INVALID_ARGUMENT, "no issuers");
	if (st != STATUS_OK) {
		auth_oidc_close(oidc);
		return st;
	}
	*ret_oidc = oidc;
	return STATUS_OK;
}

void
auth_oidc_close(struct auth_oidc *oidc)
{
	if (oidc == NULL)
		return;
	for (size_t i = 0; i < oidc->n; i++) {
		struct provider *p = &oidc->providers[i];

		for (size_t a = 0; a < p->naudiences; a++)
			free(p->audiences[a]);
		free(p->name);
		free(p->issuer);
		jwks_unref(p->keys);
		pthread_mutex_destroy(&p->lock);
		pthread_mutex_destroy(&p->fetching);
	}
	free(oidc);
}

/* ---- getting keys ---- */

static enum status
fetch_json(const char *url, size_t max_bytes, struct deadline deadline, struct arena *arena,
	   struct http_response *ret, struct err *err)
{
	struct http_request req = { .url = url, .deadline = deadline, .max_bytes = max_bytes };
	enum status st = http_client_fetch(&req, arena, ret, err);

	if (st == STATUS_OK && ret->status != 200)
		st = err_set(err, STATUS_UNAVAILABLE, "%s: HTTP status %ld", url, ret->status);
	return st;
}

static bool
lists(const json_t *array, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

/* The discovery document: it must say that it is this issuer's (Discovery 1.0 section 4.3). */
static enum status
discover(const struct provider *p, struct deadline deadline, struct arena *arena,
	 char **ret_jwks_uri, bool *ret_es256, struct err *err)
{
	const char *slash = p->issuer[strlen(p->issuer) - 1] == '/' ? "" : "/";
	char *url = arena_printf(arena, "%s%s.well-known/openid-configuration", p->issuer, slash);
	struct http_response res;
	const char *issuer, *uri;
	json_t *doc;
	enum status st;

	st = fetch_json(url, DISCOVERY_MAX, deadline, arena, &res, err);
	if (st != STATUS_OK)
		return st;
	doc = json_loadb(res.body.p, res.body.n, JSON_REJECT_DUPLICATES, NULL);
	issuer = json_string_value(json_object_get(doc, "issuer"));
	uri = json_string_value(json_object_get(doc, "jwks_uri"));
	if (issuer == NULL || strcmp(issuer, p->issuer) != 0)
		st = err_set(err, STATUS_UNAVAILABLE,
			     "%s is not a discovery document of that issuer", url);
	else if (uri == NULL || !http_url_allowed(uri))
		st = err_set(err, STATUS_UNAVAILABLE, "%s has no jwks_uri that is taken", url);
	if (st == STATUS_OK) {
		*ret_jwks_uri = arena_strdup(arena, uri);
		*ret_es256 = lists(json_object_get(doc, "id_token_signing_alg_values_supported"),
				   "ES256");
	}
	json_decref(doc);
	return st;
}

static int64_t
fresh_for_ms(int64_t max_age_s)
{
	int64_t ms = max_age_s < 0 ? OIDC_FRESH_DEFAULT_MS : max_age_s * 1000;

	if (ms < OIDC_FRESH_MIN_MS)
		return OIDC_FRESH_MIN_MS;
	return ms < OIDC_FRESH_MAX_MS ? ms : OIDC_FRESH_MAX_MS;
}

/* Under `fetching`. Keys that are there stay when this fails. */
static enum status
fetch(struct provider *p, struct deadline deadline, struct err *err)
{
	struct arena *arena = arena_new(1 << 20);
	struct jwks *keys = NULL, *old;
	struct http_response res;
	char *jwks_uri = NULL;
	bool es256 = false;
	enum status st;

	pthread_mutex_lock(&p->lock);
	p->tried_ms = clock_mono_ms();
	pthread_mutex_unlock(&p->lock);

	deadline = deadline_min(deadline, deadline_in(FETCH_TIMEOUT_MS));
	st = discover(p, deadline, arena, &jwks_uri, &es256, err);
	if (st == STATUS_OK)
		st = fetch_json(jwks_uri, JWKS_BYTES_MAX, deadline, arena, &res, err);
	if (st == STATUS_OK && jwks_parse(res.body, &keys, err) != STATUS_OK)
		st = err_set(err, STATUS_UNAVAILABLE, "%s is not a key set", jwks_uri);
	if (st == STATUS_OK && jwks_count(keys) == 0) {
		jwks_unref(keys);
		st = err_set(err, STATUS_UNAVAILABLE, "%s has no key that can be used", jwks_uri);
	}
	if (st == STATUS_OK) {
		pthread_mutex_lock(&p->lock);
		old = p->keys;
		p->keys = keys;
		p->es256 = es256;
		p->fetched_ms = clock_mono_ms();
		p->fresh_until_ms = p->fetched_ms + fresh_for_ms(res.max_age_s);
		pthread_mutex_unlock(&p->lock);
		jwks_unref(old);
	}
	arena_free(arena);
	return st;
}

/* A reference to keys that may serve now, or NULL. */
static struct jwks *
current_keys(struct provider *p, bool *ret_es256, int64_t *ret_fetched_ms)
{
	struct jwks *keys = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->keys != NULL && clock_mono_ms() < p->fresh_until_ms + OIDC_STALE_MAX_MS)
		keys = jwks_ref(p->keys);
	*ret_es256 = p->es256;
	*ret_fetched_ms = p->fetched_ms;
	pthread_mutex_unlock(&p->lock);
	return keys;
}

static bool
may_try(struct provider *p)
{
	bool may;

	pthread_mutex_lock(&p->lock);
	may = p->tried_ms == 0 || clock_mono_ms() - p->tried_ms >= OIDC_RETRY_MS;
	pthread_mutex_unlock(&p->lock);
	return may;
}

static bool
lock_until(pthread_mutex_t *mutex, struct deadline deadline)
{
	int64_t left = deadline_left_ms(deadline);
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += left / 1000;
	at.tv_nsec += left % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &at) == 0;
}

/*
 * Keys fetched after `known_ms`, getting them when that is allowed; OK also when there is
 * nothing newer, the caller then has what there is.
 */
static enum status
newer_keys(struct provider *p, int64_t known_ms, struct deadline deadline, struct err *err)
{
	enum status st = STATUS_OK;
	int64_t fetched_ms;

	if (!lock_until(&p->fetching, deadline))
		return err_set(err, STATUS_DEADLINE_EXCEEDED, "waiting for the keys of %s",
			       p->name);
	pthread_mutex_lock(&p->lock);
	fetched_ms = p->keys != NULL ? p->fetched_ms : -1;
	pthread_mutex_unlock(&p->lock);
	if (fetched_ms <= known_ms && may_try(p))
		st = fetch(p, deadline, err);
	pthread_mutex_unlock(&p->fetching);
	return st;
}

void
auth_oidc_renew(struct auth_oidc *oidc)
{
	for (size_t i = 0; i < oidc->n; i++) {
		struct provider *p = &oidc->providers[i];
		struct err err;
		bool due;

		pthread_mutex_lock(&p->lock);
		due = p->keys == NULL || clock_mono_ms() > p->fresh_until_ms - RENEW_EARLY_MS;
		pthread_mutex_unlock(&p->lock);
		if (!due || !may_try(p) || pthread_mutex_trylock(&p->fetching) != 0)
			continue;
		err_init(&err);
		if (fetch(p, deadline_in(FETCH_TIMEOUT_MS), &err) != STATUS_OK)
			log_warn_err("idp_keys_fetch_failed", &err, LOG_STR("provider", p->name));
		else
			log_info("idp_keys_fetched", LOG_STR("provider", p->name));
		pthread_mutex_unlock(&p->fetching);
	}
}

/* ---- verifying ---- */

static enum status
refuse(struct err *err, const char *why)
{
	return err_set(err, STATUS_UNAUTHENTICATED, "ID token: %s", why);
}

static struct provider *
find_provider(struct auth_oidc *oidc, bool apple, struct slice issuer)
{
	for (size_t i = 0; i < oidc->n; i++) {
		struct provider *p = &oidc->providers[i];

		if ((strcmp(p->name, OIDC_PROVIDER_APPLE) == 0) == apple &&
		    (slice_eq_str(issuer, p->issuer) ||
		     (p->issuer_alt != NULL && slice_eq_str(issuer, p->issuer_alt))))
			return p;
	}
	return NULL;
}

static enum status
verify_with(struct provider *p, struct jwks *keys, bool es256, struct slice token, int64_t now_s,
	    struct arena *arena, struct jwt_claims *ret_claims, struct err *err)
{
	struct jwt_rules rules = { .issuer = p->issuer,
				   .issuer_alt = p->issuer_alt,
				   .alg = es256 ? NULL : "RS256",
				   .now_s = now_s };

	return jwt_verify(keys, token, &rules, arena, ret_claims, err);
}

/*
 * Signature, issuer and times; a kid that is not known is worth one look at the provider's
 * newest keys.
 */
static enum status
verify_signed(struct provider *p, struct slice token, int64_t now_s, struct deadline deadline,
	      struct arena *arena, struct jwt_claims *ret_claims, struct err *err)
{
	int64_t seen_ms;
	bool es256;

	for (int round = 0;; round++) {
		struct jwks *keys = current_keys(p, &es256, &seen_ms);
		bool have_keys = keys != NULL;
		enum status st;

		if (have_keys) {
			st = verify_with(p, keys, es256, token, now_s, arena, ret_claims, err);
			jwks_unref(keys);
			if (st == STATUS_OK || round > 0 || err->reason == NULL ||
			    strcmp(err->reason, "KEY_UNKNOWN") != 0)
				return st;
		} else if (round > 0) {
			(void)err_set(err, STATUS_UNAVAILABLE, "no keys of %s yet", p->name);
			err->retry_after_ms = OIDC_RETRY_MS;
			return STATUS_UNAVAILABLE;
		}
		st = newer_keys(p, seen_ms, deadline, err);
		/*
		 * With keys at hand, a provider that does not answer must not turn a refusal
		 * into an outage.
		 */
		if (st != STATUS_OK && !have_keys)
			return st;
	}
}

static bool
is_for_us(const struct provider *p, const struct jwt_claims *claims)
{
	struct slice azp = jwt_claim_string(claims, "azp"), second;
	bool azp_ours = false, found = false;

	for (size_t i = 0; i < p->naudiences; i++) {
		found |= jwt_has_audience(claims, p->audiences[i]);
		azp_ours |= slice_eq_str(azp, p->audiences[i]);
	}
	/* A token for several has to say who asked for it (Core section 3.1.3.7, 4 and 5). */
	return found && (azp_ours || !jwt_claim_array_string(claims, "aud", 1, &second));
}

/* Apple writes its booleans as texts, sometimes. */
static bool
email_verified(const struct jwt_claims *claims)
{
	bool value;

	return jwt_claim_bool(claims, "email_verified", &value)
		       ? value
		       : slice_eq_str(jwt_claim_string(claims, "email_verified"), "true");
}

static const char *
text_claim(const struct jwt_claims *claims, const char *name, size_t max, struct arena *arena)
{
	struct slice s = jwt_claim_string(claims, name);

	return s.n > 0 && s.n <= max ? arena_strndup(arena, s.p, s.n) : "";
}

enum status
auth_oidc_verify(struct auth_oidc *oidc, bool apple, struct slice token, int64_t now_s,
		 struct deadline deadline, struct arena *arena, struct auth_identity *ret_identity,
		 struct err *err)
{
	struct auth_identity who = { 0 };
	struct jwt_claims claims;
	struct provider *p = NULL;
	struct slice issuer;
	enum status st;

	st = jwt_peek_issuer(token, arena, &issuer, err);
	if (st == STATUS_OK) {
		p = find_provider(oidc, apple, issuer);
		if (p == NULL)
			st = err_set(err, STATUS_UNAUTHENTICATED,
				     "ID token: issuer \"%.*s\" is not taken here",
				     SLICE_ARG(issuer));
	}
	if (st == STATUS_OK)
		st = verify_signed(p, token, now_s, deadline, arena, &claims, err);
	if (st == STATUS_OK) {
		who.provider = p->name;
		who.issuer = p->issuer;
		who.subject = arena_strndup(arena, claims.sub.p, claims.sub.n);
		who.email = text_claim(&claims, "email", 254, arena);
		who.name = text_claim(&claims, "name", 256, arena);
		who.picture = text_claim(&claims, "picture", 1024, arena);
		who.fit_role = text_claim(&claims, "fit_role", 16, arena);
		if (!is_for_us(p, &claims))
			st = refuse(err, "aud does not name this application");
		else if (who.email[0] == '\0')
			st = refuse(err, "no email");
		else if (!email_verified(&claims))
			st = refuse(err, "the email is not verified");
	}
	if (st == STATUS_UNAUTHENTICATED)
		(void)err_reason(err, "ID_TOKEN_INVALID");
	if (st == STATUS_OK)
		*ret_identity = who;
	return st;
}
