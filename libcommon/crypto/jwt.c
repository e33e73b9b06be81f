/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification goes in the order that gives a forger least to play with: form, header, key,
 * signature, and only then the claims. Nothing in the token chooses how it is verified: `kid`
 * picks a key of the set, the key knows its algorithm, and the header's `alg` has to be that
 * very text. There is no HMAC, no "none", no key or URL from the header, no decompression and no
 * JSON serialisation to be confused with.
 */
#include "libcommon/crypto/jwt.h"

#include <limits.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/crypto/jwks.h"

#define SUBJECT_MAX 255
#define AUDIENCES_MAX 32
#define TIME_MAX                                                                                   \
	INT64_C(253402300799) /* 9999-12-31T23:59:59Z, the last second RFC 3339 can write */

/* Parts of the compact form: header "." payload "." signature. */
struct parts {
	struct slice header, payload, signature;
	struct slice signed_text; /* header "." payload */
};

static enum status
refuse(struct err *err, const char *text)
{
	return err_set(err, STATUS_UNAUTHENTICATED, "token: %s", text);
}

/* Exactly two dots and three parts that are not empty. */
static bool
split(struct slice token, struct parts *ret)
{
	const char *end = token.p + token.n;
	const char *a = memchr(token.p, '.', token.n), *b;

	if (a == NULL)
		return false;
	b = memchr(a + 1, '.', (size_t)(end - a - 1));
	if (b == NULL || memchr(b + 1, '.', (size_t)(end - b - 1)) != NULL)
		return false;
	ret->header = slice_make(token.p, (size_t)(a - token.p));
	ret->payload = slice_make(a + 1, (size_t)(b - a - 1));
	ret->signature = slice_make(b + 1, (size_t)(end - b - 1));
	ret->signed_text = slice_make(token.p, (size_t)(b - token.p));
	return ret->header.n > 0 && ret->payload.n > 0 && ret->signature.n > 0;
}

static bool
decode_part(struct slice text, struct arena *arena, struct slice *ret)
{
	char *buf = arena_alloc(arena, CODEC_BASE64_DECODED_MAX(text.n));
	size_t n;

	if (!codec_base64url_decode(text, buf, &n))
		return false;
	*ret = slice_make(buf, n);
	return true;
}

static void
free_json(void *json)
{
	json_decref(json);
}

/* A JSON object without duplicate members; NULL when it is not one. The arena releases it. */
static json_t *
parse_object(struct slice text, struct arena *arena)
{
	json_t *json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);

	if (json == NULL)
		return NULL;
	arena_defer(arena, free_json, json);
	return json_is_object(json) ? json : NULL;
}

static struct slice
string_member(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) ? slice_make(json_string_value(v), json_string_length(v))
				 : SLICE_NONE;
}

/* ---- header and key ---- */

static bool
same_typ(struct slice got, const char *want)
{
	return got.n == strlen(want) && strncasecmp(got.p, want, got.n) == 0;
}

static enum status
check_header(const json_t *header, const struct jwks *keys, const struct jwt_rules *rules,
	     const struct jwk **ret_key, struct err *err)
{
	/* Each lets a token bring its own key or change what is signed. */
	static const char *const refused[] = { "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip" };
	struct slice alg = string_member(header, "alg"), kid = string_member(header, "kid");
	const struct jwk *key;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (json_object_get(header, refused[i]) != NULL)
			return err_set(err, STATUS_UNAUTHENTICATED,
				       "token: header \"%s\" is not taken", refused[i]);
	}
	if (rules->typ != NULL && !same_typ(string_member(header, "typ"), rules->typ))
		return err_set(err, STATUS_UNAUTHENTICATED, "token: typ is not \"%s\"", rules->typ);
	if (!jwk_kid_valid(kid))
		return refuse(err, "kid is missing or malformed");
	key = jwks_find(keys, kid);
	if (key == NULL) {
		(void)err_set(err, STATUS_UNAUTHENTICATED, "token: no key has kid \"%.*s\"",
			      SLICE_ARG(kid));
		(void)err_reason(err, "KEY_UNKNOWN");
		return STATUS_UNAUTHENTICATED;
	}
	if (!slice_eq_str(alg, jwt_alg_name(key->alg)))
		return err_set(err, STATUS_UNAUTHENTICATED, "token: alg is not the key's (%s)",
			       jwt_alg_name(key->alg));
	if (rules->alg != NULL && strcmp(rules->alg, jwt_alg_name(key->alg)) != 0)
		return err_set(err, STATUS_UNAUTHENTICATED, "token: alg %s where only %s is taken",
			       jwt_alg_name(key->alg), rules->alg);
	*ret_key = key;
	return STATUS_OK;
}

/* ---- signature ---- */

/* r||s as JOSE writes it (RFC 7518 section 3.4) to the DER that OpenSSL takes; 0 when it can't be.
 */
static size_t
ecdsa_der(struct slice raw, unsigned char *ret_der, size_t cap)
{
	const unsigned char *p = (const unsigned char *)raw.p;
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	int n = 0;

	if (raw.n != (size_t)2 * JWK_P256_BYTES)
		return 0;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(p, JWK_P256_BYTES, NULL);
	s = BN_bin2bn(p + JWK_P256_BYTES, JWK_P256_BYTES, NULL);
	/* OpenSSL checks 1 <= r, s < n; zero is refused here as well: a signature of nothing fits
	 * any key. */
	if (sig == NULL || r == NULL || s == NULL || BN_is_zero(r) || BN_is_zero(s) ||
	    ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else if (i2d_ECDSA_SIG(sig, NULL) <= (int)cap) {
		n = i2d_ECDSA_SIG(sig, &ret_der);
	}
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

static bool
signature_good(const struct jwk *key, struct slice text, struct slice sig)
{
	unsigned char der[8 + 2 * (JWK_P256_BYTES + 3)];
	EVP_MD_CTX *ctx;
	bool good;

	if (key->alg == JWT_ALG_ES256) {
		sig = slice_make(der, ecdsa_der(sig, der, sizeof(der)));
		if (sig.n == 0)
			return false;
	}
	ctx = EVP_MD_CTX_new();
	/* RSA keys verify with PKCS #1 v1.5 unless told otherwise: RS256. */
	good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	       EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n,
				(const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error(); /* a refused signature leaves its story in the thread's queue */
	return good;
}

/* ---- claims ---- */

/* A NumericDate that is a whole number in range; absent is 0. */
static bool
time_member(const json_t *claims, const char *name, int64_t *ret)
{
	const json_t *v = json_object_get(claims, name);
	json_int_t n;

	if (v == NULL) {
		*ret = 0;
		return true;
	}
	if (!json_is_integer(v))
		return false;
	n = json_integer_value(v);
	if (n < 1 || n > TIME_MAX)
		return false;
	*ret = n;
	return true;
}

static enum status
check_times(const struct jwt_claims *c, const struct jwt_rules *rules, struct err *err)
{
	int64_t now = rules->now_s;

	if (c->exp == 0 || c->iat == 0)
		return refuse(err, "exp or iat is missing");
	if (c->exp <= c->iat)
		return refuse(err, "exp is not after iat");
	if (now >= c->exp + JWT_SKEW_S)
		return refuse(err, "expired");
	if (c->iat > now + JWT_SKEW_S)
		return refuse(err, "issued in the future");
	if (c->nbf > now + JWT_SKEW_S)
		return refuse(err, "not valid yet");
	if (rules->max_age_s > 0 && now - c->iat > rules->max_age_s + JWT_SKEW_S)
		return refuse(err, "too old");
	return STATUS_OK;
}

static bool
audience_good(const json_t *claims, const char *want)
{
	const json_t *aud = json_object_get(claims, "aud"), *one;
	bool found = false;
	size_t i;

	if (json_is_string(aud))
		return slice_eq_str(string_member(claims, "aud"), want);
	if (!json_is_array(aud) || json_array_size(aud) > AUDIENCES_MAX)
		return false;
	json_array_foreach(aud, i, one)
	{
		if (!json_is_string(one))
			return false;
		found |= slice_eq_str(slice_make(json_string_value(one), json_string_length(one)),
				      want);
	}
	return found;
}

static enum status
check_claims(const json_t *json, const struct jwt_rules *rules, struct jwt_claims *c,
	     struct err *err)
{
	enum status st;

	if (!time_member(json, "exp", &c->exp) || !time_member(json, "iat", &c->iat) ||
	    !time_member(json, "nbf", &c->nbf))
		return refuse(err, "exp, iat or nbf is not a whole number of seconds");
	st = check_times(c, rules, err);
	if (st != STATUS_OK)
		return st;

	c->iss = string_member(json, "iss");
	c->sub = string_member(json, "sub");
	c->jti = string_member(json, "jti");
	if (rules->issuer != NULL && !slice_eq_str(c->iss, rules->issuer) &&
	    (rules->issuer_alt == NULL || !slice_eq_str(c->iss, rules->issuer_alt)))
		return refuse(err, "iss is not the expected one");
	if (rules->audience != NULL && !audience_good(json, rules->audience))
		return refuse(err, "aud does not name this service");
	if (c->sub.n == 0 || c->sub.n > SUBJECT_MAX)
		return refuse(err, "sub is missing or too long");
	if (rules->typ != NULL && c->jti.n == 0)
		return refuse(err, "jti is missing");
	return STATUS_OK;
}

enum status
jwt_verify(struct jwks *keys, struct slice token, const struct jwt_rules *rules,
	   struct arena *arena, struct jwt_claims *ret_claims, struct err *err)
{
	struct parts parts;
	struct slice header_text, payload, sig;
	struct jwt_claims claims = { 0 };
	const struct jwk *key = NULL;
	json_t *header, *json;
	enum status st;

	if (token.n == 0 || token.n > JWT_MAX)
		return err_set(err, STATUS_UNAUTHENTICATED, "token: %zu bytes (1..%d)", token.n,
			       JWT_MAX);
	if (!split(token, &parts))
		return refuse(err, "not three parts");
	if (!decode_part(parts.header, arena, &header_text) ||
	    !decode_part(parts.payload, arena, &payload) ||
	    !decode_part(parts.signature, arena, &sig))
		return refuse(err, "a part is not base64url");
	header = parse_object(header_text, arena);
	if (header == NULL)
		return refuse(err, "the header is not a JSON object");
	st = check_header(header, keys, rules, &key, err);
	if (st != STATUS_OK)
		return st;
	if (!signature_good(key, parts.signed_text, sig))
		return refuse(err, "the signature does not fit");
	json = parse_object(payload, arena);
	if (json == NULL)
		return refuse(err, "the payload is not a JSON object");
	st = check_claims(json, rules, &claims, err);
	if (st != STATUS_OK)
		return st;
	claims.raw = payload;
	claims.json = json;
	*ret_claims = claims;
	return STATUS_OK;
}

enum status
jwt_peek_issuer(struct slice token, struct arena *arena, struct slice *ret_issuer, struct err *err)
{
	struct parts parts;
	struct slice payload, iss;
	json_t *json;

	if (token.n == 0 || token.n > JWT_MAX || !split(token, &parts) ||
	    !decode_part(parts.payload, arena, &payload))
		return refuse(err, "not three parts of base64url");
	json = parse_object(payload, arena);
	iss = json != NULL ? string_member(json, "iss") : SLICE_NONE;
	if (iss.n == 0)
		return refuse(err, "no iss in the payload");
	*ret_issuer = iss;
	return STATUS_OK;
}

bool
jwt_has_audience(const struct jwt_claims *claims, const char *audience)
{
	return audience_good(claims->json, audience);
}

struct slice
jwt_claim_string(const struct jwt_claims *claims, const char *name)
{
	return string_member(claims->json, name);
}

bool
jwt_claim_bool(const struct jwt_claims *claims, const char *name, bool *ret_value)
{
	const json_t *v = json_object_get(claims->json, name);

	if (!json_is_boolean(v))
		return false;
	*ret_value = json_is_true(v);
	return true;
}

bool
jwt_claim_array_string(const struct jwt_claims *claims, const char *name, size_t i,
		       struct slice *ret_value)
{
	const json_t *list = json_object_get(claims->json, name);
	const json_t *v = json_is_array(list) ? json_array_get(list, i) : NULL;

	if (!json_is_string(v))
		return false;
	*ret_value = slice_make(json_string_value(v), json_string_length(v));
	return true;
}
