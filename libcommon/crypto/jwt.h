/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt.h - compact JWS tokens: strict verification against a key set, and signing
 * (RFC 7515, 7519, 8725).
 *
 *	struct jwks *keys;  jwks_parse(json, &keys, &err);
 *	struct jwt_claims c;
 *	struct jwt_rules rules = { .typ = "at+jwt", .issuer = …, .audience = …, .now_s = … };
 *	st = jwt_verify(keys, token, &rules, arena, &c, &err);
 *
 * The algorithm is a property of the key (found by kid), compared byte for byte with the header;
 * HMAC and "none" do not exist here. kid matches ^[A-Za-z0-9_-]{1,64}$. Headers jku, jwk, x5u,
 * x5c, crit, b64, zip are refused; so are duplicate members, anything but three strict base64url
 * parts, and tokens above JWT_MAX bytes. ES256 (raw r||s) and RS256 only, RSA >= 2048 bits.
 *
 * Ownership: claims live in the arena; a key set is reference-counted (jwks_ref/unref) and
 *            immutable.
 * Threads:   any.
 * Errors:    STATUS_UNAUTHENTICATED with the reason in `text`; reason "KEY_UNKNOWN" when the kid
 *            is not in the set (the caller may refresh it, rarely).
 */
#ifndef FIT_CRYPTO_JWT_H
#define FIT_CRYPTO_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define JWT_MAX 8192
#define JWT_SKEW_S 30

struct arena;
struct jwks;
struct strbuf;

/* JSON Web Key Set (RFC 7517). Unknown key types are skipped; a malformed document is an error. */
enum status jwks_parse(struct slice json, struct jwks **ret_keys, struct err *err) MUST_CHECK;
struct jwks *jwks_ref(struct jwks *keys);
void jwks_unref(struct jwks *keys);
size_t jwks_count(const struct jwks *keys);

struct jwt_rules {
	const char *typ;    /* required header typ (compared without case), NULL: not looked at */
	const char *issuer; /* required iss; NULL: not looked at */
	const char *issuer_alt; /* another accepted spelling, or NULL */
	const char *audience;   /* must equal aud or be in its array */
	const char *alg;        /* the only algorithm taken ("RS256"); NULL: what the key is for */
	int64_t now_s;          /* wall time, seconds */
	int64_t max_age_s;      /* iat not older than this; 0: not looked at */
};

/* exp, iat and sub are required; jti too when rules ask for a typ (RFC 9068 section 2.2). */
struct jwt_claims {
	struct slice raw; /* the payload: JSON bytes, in the arena */
	struct slice iss, sub, jti;
	int64_t iat, exp, nbf; /* seconds; nbf 0 when absent */
	void *json;            /* json_t * (jansson), owned by the arena */
};

enum status jwt_verify(struct jwks *keys, struct slice token, const struct jwt_rules *rules,
		       struct arena *arena, struct jwt_claims *ret_claims,
		       struct err *err) MUST_CHECK;
/*
 * The `iss` that an unverified token names, to choose whose keys to ask for; believe nothing
 * else of it before jwt_verify.
 */
enum status jwt_peek_issuer(struct slice token, struct arena *arena, struct slice *ret_issuer,
			    struct err *err) MUST_CHECK;
/* aud equals `audience` or has it in its array. */
bool jwt_has_audience(const struct jwt_claims *claims, const char *audience);
/* String member of the claims, SLICE_NONE when absent or of another type. */
struct slice jwt_claim_string(const struct jwt_claims *claims, const char *name);
bool jwt_claim_bool(const struct jwt_claims *claims, const char *name, bool *ret_value);
/* i-th string of an array member; false past its end. */
bool jwt_claim_array_string(const struct jwt_claims *claims, const char *name, size_t i,
			    struct slice *ret_value);

/* A private signing key: ES256 (P-256) or RS256, from PEM; kid = RFC 7638 thumbprint. */
struct jwt_signer;
enum status jwt_signer_from_pem(struct slice pem, struct jwt_signer **ret_signer,
				struct err *err) MUST_CHECK;
void jwt_signer_free(struct jwt_signer *signer);
const char *jwt_signer_kid(const struct jwt_signer *signer);
/* payload is JSON text; appends the compact token to `out`. */
enum status jwt_sign(const struct jwt_signer *signer, const char *typ, struct slice payload,
		     struct strbuf *out, struct err *err) MUST_CHECK;
/* Appends the raw signature (ES256: r||s) over `text`; jwt_sign is this with a header of ours. */
enum status jwt_sign_text(const struct jwt_signer *signer, struct slice text, struct strbuf *out,
			  struct err *err) MUST_CHECK;
/* Appends this key's public JWK object to `out`. */
void jwt_signer_public_jwk(const struct jwt_signer *signer, struct strbuf *out);

#endif
