/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_provider.h"

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

struct auth_provider {
	char *name;
	char *issuer;
	pthread_mutex_t lock;   /* guards what follows; held for a few instructions */
	pthread_cond_t fetched; /* `fetching` became false */
	bool fetching;          /* one thread talks to the provider, without the lock */
	struct jwks *keys;      /* NULL until the first fetch succeeded */
	bool es256;
	int64_t fetched_ms, fresh_until_ms;
	int64_t tried_ms; /* last fetch, whatever came of it; 0: none */
};

struct auth_provider *
auth_provider_new(const char *name, const char *issuer)
{
	struct auth_provider *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (p == NULL || (p->name = strdup(name)) == NULL || (p->issuer = strdup(issuer)) == NULL)
		panic("no memory for an identity provider");
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->fetched, &attr);
	pthread_condattr_destroy(&attr);
	return p;
}

void
auth_provider_free(struct auth_provider *p)
{
	if (p == NULL)
		return;
	jwks_unref(p->keys);
	pthread_cond_destroy(&p->fetched);
	pthread_mutex_destroy(&p->lock);
	free(p->issuer);
	free(p->name);
	free(p);
}

const char *
auth_provider_name(const struct auth_provider *p)
{
	return p->name;
}

const char *
auth_provider_issuer(const struct auth_provider *p)
{
	return p->issuer;
}

/* ---- asking the provider ---- */

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
discover(const struct auth_provider *p, struct deadline deadline, struct arena *arena,
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

/* Both documents; on success *ret_keys is the caller's. */
static enum status
download(const struct auth_provider *p, struct deadline deadline, struct arena *arena,
	 struct jwks **ret_keys, bool *ret_es256, int64_t *ret_fresh_ms, struct err *err)
{
	struct http_response res;
	struct jwks *keys;
	char *jwks_uri = NULL;
	enum status st = discover(p, deadline, arena, &jwks_uri, ret_es256, err);

	if (st == STATUS_OK)
		st = fetch_json(jwks_uri, JWKS_BYTES_MAX, deadline, arena, &res, err);
	if (st != STATUS_OK)
		return st;
	if (jwks_parse(res.body, &keys, err) != STATUS_OK)
		return err_set(err, STATUS_UNAVAILABLE, "%s is not a key set", jwks_uri);
	if (jwks_count(keys) == 0) {
		jwks_unref(keys);
		return err_set(err, STATUS_UNAVAILABLE, "%s has no key that can be used", jwks_uri);
	}
	*ret_keys = keys;
	*ret_fresh_ms = fresh_for_ms(res.max_age_s);
	return STATUS_OK;
}

/* The caller has set `fetching`; this clears it. */
static enum status
fetch(struct auth_provider *p, struct deadline deadline, struct err *err)
{
	struct arena *arena = arena_new(1 << 20);
	struct jwks *keys = NULL, *old = NULL;
	int64_t fresh_ms = 0;
	bool es256 = false;
	enum status st;

	deadline = deadline_min(deadline, deadline_in(FETCH_TIMEOUT_MS));
	st = download(p, deadline, arena, &keys, &es256, &fresh_ms, err);
	pthread_mutex_lock(&p->lock);
	if (st == STATUS_OK) {
		old = p->keys;
		p->keys = keys;
		p->es256 = es256;
		p->fetched_ms = clock_mono_ms();
		p->fresh_until_ms = p->fetched_ms + fresh_ms;
	}
	p->fetching = false;
	pthread_cond_broadcast(&p->fetched);
	pthread_mutex_unlock(&p->lock);
	jwks_unref(old);
	arena_free(arena);
	return st;
}

/* Under the lock: true when this thread is the one to fetch now. */
static bool
begin_fetch(struct auth_provider *p)
{
	int64_t now_ms = clock_mono_ms();

	if (p->fetching || (p->tried_ms != 0 && now_ms - p->tried_ms < OIDC_RETRY_MS))
		return false;
	p->tried_ms = now_ms;
	p->fetching = true;
	return true;
}

/* Under the lock: until nobody fetches; false when the deadline passed first. */
static bool
wait_fetched(struct auth_provider *p, struct deadline deadline)
{
	int64_t left_ms = deadline_left_ms(deadline);
	struct timespec at;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += left_ms / 1000;
	at.tv_nsec += left_ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	while (p->fetching && rc == 0)
		rc = pthread_cond_timedwait(&p->fetched, &p->lock, &at);
	return !p->fetching;
}

/* ---- for others ---- */

bool
auth_provider_current(struct auth_provider *p, struct auth_provider_keys *ret_keys)
{
	bool good;

	pthread_mutex_lock(&p->lock);
	good = p->keys != NULL && clock_mono_ms() < p->fresh_until_ms + OIDC_STALE_MAX_MS;
	ret_keys->keys = good ? jwks_ref(p->keys) : NULL;
	ret_keys->es256 = p->es256;
	ret_keys->fetched_ms = p->keys != NULL ? p->fetched_ms : -1;
	pthread_mutex_unlock(&p->lock);
	return good;
}

enum status
auth_provider_newer(struct auth_provider *p, int64_t known_ms, struct deadline deadline,
		    struct err *err)
{
	bool in_time, mine = false;

	pthread_mutex_lock(&p->lock);
	in_time = wait_fetched(p, deadline);
	if (in_time && (p->keys == NULL || p->fetched_ms <= known_ms))
		mine = begin_fetch(p);
	pthread_mutex_unlock(&p->lock);
	if (!in_time)
		return err_set(err, STATUS_DEADLINE_EXCEEDED, "waiting for the keys of %s",
			       p->name);
	return mine ? fetch(p, deadline, err) : STATUS_OK;
}

void
auth_provider_renew(struct auth_provider *p)
{
	struct err err;
	bool mine;

	pthread_mutex_lock(&p->lock);
	mine = (p->keys == NULL || clock_mono_ms() > p->fresh_until_ms - RENEW_EARLY_MS) &&
	       begin_fetch(p);
	pthread_mutex_unlock(&p->lock);
	if (!mine)
		return;
	err_init(&err);
	if (fetch(p, deadline_in(FETCH_TIMEOUT_MS), &err) != STATUS_OK)
		log_warn_err("idp_keys_fetch_failed", &err, LOG_STR("provider", p->name));
	else
		log_info("idp_keys_fetched", LOG_STR("provider", p->name));
}
