/* SPDX-License-Identifier: Apache-2.0 */
#include "services/auth/auth_oidc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libcommon/base/arena.h"
#include "libcommon/crypto/jwt.h"
#include "libcommon/net/http_client.h"
#include "services/auth/auth_provider.h"

struct issuer {
	struct auth_provider *provider;
	const char *name, *iss; /* the provider's */
	const char *alt;        /* another spelling of the iss claim, or NULL */
	char *audiences[OIDC_AUDIENCES_MAX];
	size_t naudiences;
};

struct auth_oidc {
	size_t n;
	struct issuer issuers[OIDC_PROVIDERS_MAX];
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
parse_audiences(struct issuer *p, const char *text, size_t n, struct err *err)
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
parse_entry(struct auth_oidc *oidc, const char *text, size_t n, bool production, struct err *err)
{
	const char *eq = memchr(text, '=', n);
	const char *bar = eq != NULL ? memchr(eq, '|', n - (size_t)(eq - text)) : NULL;
	struct issuer *p;
	char *name, *iss;

	if (eq == NULL || bar == NULL || eq == text || bar == eq + 1)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "issuer \"%.*s\" is not name=issuer|audience,…", (int)n, text);
	if (oidc->n == OIDC_PROVIDERS_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "more than %d issuers",
			       OIDC_PROVIDERS_MAX);
	p = &oidc->issuers[oidc->n++];
	name = copy_text(text, (size_t)(eq - text));
	iss = copy_text(eq + 1, (size_t)(bar - eq - 1));
	p->provider = auth_provider_new(name, iss);
	free(iss);
	free(name);
	p->name = auth_provider_name(p->provider);
	p->iss = auth_provider_issuer(p->provider);
	p->alt = other_spelling(p->iss);
	if (!http_url_allowed(p->iss))
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "issuer %s: \"%s\" is neither https nor http on loopback", p->name,
			       p->iss);
	if (production && strncasecmp(p->iss, "https:", 6) != 0)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "issuer %s: \"%s\" is not https, as production wants it", p->name,
			       p->iss);
	return parse_audiences(p, bar + 1, n - (size_t)(bar + 1 - text), err);
}

enum status
auth_oidc_open(const char *issuers, bool production, struct auth_oidc **ret_oidc, struct err *err)
{
	struct auth_oidc *oidc = calloc(1, sizeof(*oidc));
	enum status st = STATUS_OK;

	if (oidc == NULL)
		panic("no memory for identity providers");
	for (const char *p = issuers; st == STATUS_OK && *p != '\0';) {
		size_t n = strcspn(p, ";");

		if (n > 0)
			st = parse_entry(oidc, p, n, production, err);
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
		struct issuer *p = &oidc->issuers[i];

		for (size_t a = 0; a < p->naudiences; a++)
			free(p->audiences[a]);
		auth_provider_free(p->provider);
	}
	free(oidc);
}

void
auth_oidc_renew(struct auth_oidc *oidc)
{
	for (size_t i = 0; i < oidc->n; i++)
		auth_provider_renew(oidc->issuers[i].provider);
}

/* ---- verifying ---- */

static enum status
refuse(struct err *err, const char *why)
{
	return err_set(err, STATUS_UNAUTHENTICATED, "ID token: %s", why);
}

static struct issuer *
find_issuer(struct auth_oidc *oidc, bool apple, struct slice iss)
{
	for (size_t i = 0; i < oidc->n; i++) {
		struct issuer *p = &oidc->issuers[i];

		if ((strcmp(p->name, OIDC_PROVIDER_APPLE) == 0) == apple &&
		    (slice_eq_str(iss, p->iss) || (p->alt != NULL && slice_eq_str(iss, p->alt))))
			return p;
	}
	return NULL;
}

/*
 * Signature, issuer and times. A kid that is not known is worth one look at the provider's
 * newest keys; where the provider does not answer that, the token is refused all the same.
 */
static enum status
verify_signed(const struct issuer *p, struct slice token, int64_t now_s, struct deadline deadline,
	      struct arena *arena, struct jwt_claims *ret_claims, struct err *err)
{
	struct jwt_rules rules = { .issuer = p->iss, .issuer_alt = p->alt, .now_s = now_s };

	for (int round = 0;; round++) {
		struct auth_provider_keys have;
		bool any = auth_provider_current(p->provider, &have);
		enum status st;

		if (any) {
			rules.alg = have.es256 ? NULL : "RS256";
			st = jwt_verify(have.keys, token, &rules, arena, ret_claims, err);
			jwks_unref(have.keys);
			if (st == STATUS_OK || round > 0 || err->reason == NULL ||
			    strcmp(err->reason, "KEY_UNKNOWN") != 0)
				return st;
		} else if (round > 0) {
			(void)err_set(err, STATUS_UNAVAILABLE, "no keys of %s yet", p->name);
			err->retry_after_ms = OIDC_RETRY_MS;
			return STATUS_UNAVAILABLE;
		}
		st = auth_provider_newer(p->provider, have.fetched_ms, deadline, err);
		if (st != STATUS_OK && !any)
			return st;
	}
}

static bool
is_for_us(const struct issuer *p, const struct jwt_claims *claims)
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
	struct issuer *p = NULL;
	struct slice iss;
	enum status st;

	st = jwt_peek_issuer(token, arena, &iss, err);
	if (st == STATUS_OK) {
		p = find_issuer(oidc, apple, iss);
		if (p == NULL)
			st = err_set(err, STATUS_UNAUTHENTICATED,
				     "ID token: issuer \"%.*s\" is not taken here", SLICE_ARG(iss));
	}
	if (st == STATUS_OK)
		st = verify_signed(p, token, now_s, deadline, arena, &claims, err);
	if (st == STATUS_OK) {
		who.provider = p->name;
		who.issuer = p->iss;
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
