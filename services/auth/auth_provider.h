/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_provider.h - one identity provider's signing keys, over time.
 *
 *	struct auth_provider *p = auth_provider_new("google", "https://accounts.google.com");
 *	struct auth_provider_keys have;
 *	if (auth_provider_current(p, &have)) …verify with have.keys… jwks_unref(have.keys);
 *	st = auth_provider_newer(p, have.fetched_ms, deadline, &err);      then look again
 *
 * Keys come from the discovery document's jwks_uri (OpenID Connect Discovery 1.0). They are
 * fresh for as long as the reply's Cache-Control says, within OIDC_FRESH_MIN_MS and
 * OIDC_FRESH_MAX_MS, and serve for OIDC_STALE_MAX_MS more when they could not be renewed. A
 * provider is asked at most every OIDC_RETRY_MS, by one thread at a time; others wait for that
 * one, under their deadlines, and then look again: a burst of sign-ins, or of forged kids, is
 * one fetch.
 *
 * Ownership: name and issuer are copied. Threads: any.
 * Errors:    UNAVAILABLE, DEADLINE_EXCEEDED; keys that are there stay when a fetch fails.
 */
#ifndef FIT_AUTH_PROVIDER_H
#define FIT_AUTH_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"

#define OIDC_FRESH_MIN_MS INT64_C(60000)
#define OIDC_FRESH_MAX_MS INT64_C(86400000)
#define OIDC_FRESH_DEFAULT_MS INT64_C(300000) /* where the reply says nothing */
#define OIDC_STALE_MAX_MS INT64_C(86400000)
#define OIDC_RETRY_MS INT64_C(10000)

struct auth_provider;
struct jwks;

struct auth_provider_keys {
	struct jwks *keys;  /* a reference */
	bool es256;         /* the provider says that it signs with ES256 too */
	int64_t fetched_ms; /* for auth_provider_newer; -1: there were none */
};

struct auth_provider *auth_provider_new(const char *name, const char *issuer);
void auth_provider_free(struct auth_provider *provider);
const char *auth_provider_name(const struct auth_provider *provider);
const char *auth_provider_issuer(const struct auth_provider *provider);

/* Keys that may serve now; false: none. fetched_ms is written in any case. */
bool auth_provider_current(struct auth_provider *provider, struct auth_provider_keys *ret_keys);
/*
 * Gets keys unless there are some that were fetched after `known_ms`, or the provider was asked
 * a moment ago; then, too, OK, and the caller has what there is.
 */
enum status auth_provider_newer(struct auth_provider *provider, int64_t known_ms,
				struct deadline deadline, struct err *err) MUST_CHECK;
/* In the background: gets keys that are missing or soon not fresh. Blocks for seconds; logs. */
void auth_provider_renew(struct auth_provider *provider);

#endif
