/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_oidc.h - identity providers: whose ID tokens are taken, and the keys to check them by.
 *
 *	st = auth_oidc_open("google=https://accounts.google.com|id1,id2;x=…|y", true, &oidc, …);
 *	st = auth_oidc_verify(oidc, false, token, now_s, deadline, arena, &identity, &err);
 *
 * A token names its issuer; that issuer's keys (auth_provider.h) verify it. A token with an
 * unknown kid is worth one look at the provider's newest keys, where that is allowed.
 *
 * Ownership: the identity's strings live in the arena.
 * Threads:   any.
 * Errors:    UNAUTHENTICATED: the token is refused (reason ID_TOKEN_INVALID, the why in `text`);
 *            UNAVAILABLE, DEADLINE_EXCEEDED: the provider could not be asked.
 * Source:    OpenID Connect Core 1.0 section 3.1.3.7.
 */
#ifndef FIT_AUTH_OIDC_H
#define FIT_AUTH_OIDC_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define OIDC_PROVIDERS_MAX 8
#define OIDC_AUDIENCES_MAX 16
#define OIDC_PROVIDER_APPLE "apple"

struct arena;
struct auth_oidc;

/* What a verified ID token says about a person; absent texts are "". */
struct auth_identity {
	const char *provider; /* name in the configuration */
	const char *issuer;   /* as configured, whichever spelling the token has */
	const char *subject;
	const char *email; /* verified by the provider */
	const char *name;
	const char *picture;
	const char *fit_role; /* devidp's claim; worth nothing outside development */
};

/*
 * INVALID_ARGUMENT names the entry that is wrong. `production`: a provider on plain http (devidp)
 * is refused. Asks no provider yet.
 */
enum status auth_oidc_open(const char *issuers, bool production, struct auth_oidc **ret_oidc,
			   struct err *err) MUST_CHECK;
void auth_oidc_close(struct auth_oidc *oidc);

/* apple: only the provider called "apple"; else every other one. */
enum status auth_oidc_verify(struct auth_oidc *oidc, bool apple, struct slice token, int64_t now_s,
			     struct deadline deadline, struct arena *arena,
			     struct auth_identity *ret_identity, struct err *err) MUST_CHECK;

/*
 * Gets keys that are missing or about to be stale, from each provider that is due. Blocks for
 * seconds.
 */
void auth_oidc_renew(struct auth_oidc *oidc);

#endif
