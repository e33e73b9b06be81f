/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key set is read once and then only shared: an array of at most JWKS_KEYS_MAX keys, found by
 * kid with a linear look (sets have two or three keys). A provider may publish keys that are of
 * no use here (for encryption, of other types, too weak): they are skipped, so that they can't
 * break sign-in. A document that is no key set at all is an error, so that a broken reply can't
 * replace a good set.
 */
#include "libcommon/crypto/jwks.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "libcommon/base/codec.h"
#include "libcommon/crypto/jwt.h"

struct jwks {
	atomic_uint refs;
	size_t n;
	struct jwk keys[JWKS_KEYS_MAX];
};

const char *
jwt_alg_name(enum jwt_alg alg)
{
	return alg == JWT_ALG_ES256 ? "ES256" : "RS256";
}

bool
jwk_kid_valid(struct slice kid)
{
	if (kid.n < 1 || kid.n > JWK_KID_MAX)
		return false;
	for (size_t i = 0; i < kid.n; i++) {
		char c = kid.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* A string member as a slice; SLICE_NONE when absent or of another type. */
static struct slice
member(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) ? slice_make(json_string_value(v), json_string_length(v))
				 : SLICE_NONE;
}

/* Decodes a base64url member of 1..max bytes. */
static bool
member_bytes(const json_t *object, const char *name, uint8_t *ret, size_t max, size_t *ret_n)
{
	struct slice text = member(object, name);

	return text.n > 0 && CODEC_BASE64_DECODED_MAX(text.n) <= max + 3 &&
	       codec_base64url_decode(text, ret, ret_n) && *ret_n >= 1 && *ret_n <= max;
}

static EVP_PKEY *
pkey_from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *
ec_key(const json_t *jwk)
{
	/* Each buffer has room for what the decoder may write for a text of the allowed length. */
	uint8_t x[JWK_P256_BYTES + 6], y[JWK_P256_BYTES + 6], point[1 + 2 * JWK_P256_BYTES];
	size_t nx, ny;
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *pkey = NULL;

	if (!slice_eq_str(member(jwk, "crv"), "P-256") ||
	    !member_bytes(jwk, "x", x, JWK_P256_BYTES, &nx) || nx != JWK_P256_BYTES ||
	    !member_bytes(jwk, "y", y, JWK_P256_BYTES, &ny) || ny != JWK_P256_BYTES)
		return NULL;
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, x, JWK_P256_BYTES);
	memcpy(point + 1 + JWK_P256_BYTES, y, JWK_P256_BYTES);

	/* Reading the point checks that it lies on the curve. */
	bld = OSSL_PARAM_BLD_new();
	if (bld != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		pkey = pkey_from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

static EVP_PKEY *
rsa_key(const json_t *jwk)
{
	uint8_t n[JWK_RSA_BITS_MAX / 8 + 6], e[4 + 6];
	size_t nn, ne;
	OSSL_PARAM_BLD *bld;
	BIGNUM *bn_n, *bn_e;
	EVP_PKEY *pkey = NULL;

	if (!member_bytes(jwk, "n", n, JWK_RSA_BITS_MAX / 8, &nn) ||
	    !member_bytes(jwk, "e", e, 4, &ne))
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	bn_n = BN_bin2bn(n, (int)nn, NULL);
	bn_e = BN_bin2bn(e, (int)ne, NULL);
	if (bld != NULL && bn_n != NULL && bn_e != NULL && BN_num_bits(bn_n) >= JWK_RSA_BITS_MIN &&
	    BN_is_odd(bn_n) && BN_is_odd(bn_e) && !BN_is_one(bn_e) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e))
		pkey = pkey_from_params("RSA", bld);
	BN_free(bn_e);
	BN_free(bn_n);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

/* False when `key_ops` is there and does not allow verification. */
static bool
ops_allow_verify(const json_t *jwk)
{
	const json_t *ops = json_object_get(jwk, "key_ops"), *op;
	size_t i;

	if (ops == NULL)
		return true;
	json_array_foreach(ops, i, op)
	{
		if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
			return true;
	}
	return false;
}

/* Fills *ret_key when the JWK is one that we use. */
static bool
key_from_jwk(const json_t *jwk, struct jwk *ret_key)
{
	struct slice kid = member(jwk, "kid"), kty = member(jwk, "kty"), use = member(jwk, "use");
	const json_t *alg = json_object_get(jwk, "alg");

	/* A private key that was published is nobody's secret any more. */
	if (!jwk_kid_valid(kid) || (use.n > 0 && !slice_eq_str(use, "sig")) ||
	    !ops_allow_verify(jwk) || json_object_get(jwk, "d") != NULL)
		return false;
	if (slice_eq_str(kty, "EC"))
		ret_key->alg = JWT_ALG_ES256;
	else if (slice_eq_str(kty, "RSA"))
		ret_key->alg = JWT_ALG_RS256;
	else
		return false;
	if (alg != NULL && !slice_eq_str(member(jwk, "alg"), jwt_alg_name(ret_key->alg)))
		return false;

	ret_key->pkey = ret_key->alg == JWT_ALG_ES256 ? ec_key(jwk) : rsa_key(jwk);
	if (ret_key->pkey == NULL)
		return false;
	memcpy(ret_key->kid, kid.p, kid.n);
	ret_key->kid[kid.n] = '\0';
	return true;
}

enum status
jwks_parse(struct slice json, struct jwks **ret_keys, struct err *err)
{
	json_error_t why;
	json_t *doc, *list, *item;
	struct jwks *keys;
	size_t i;

	if (json.n > JWKS_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT, "key set of %zu bytes (at most %d)",
			       json.n, JWKS_MAX);
	doc = json_loadb(json.n > 0 ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &why);
	if (doc == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "key set is not JSON: %s at byte %d",
			       why.text, why.position);
	list = json_object_get(doc, "keys");
	if (!json_is_array(list)) {
		json_decref(doc);
		return err_set(err, STATUS_INVALID_ARGUMENT, "key set has no array \"keys\"");
	}
	keys = calloc(1, sizeof(*keys));
	if (keys == NULL)
		panic("no memory for a key set");
	atomic_init(&keys->refs, 1);
	json_array_foreach(list, i, item)
	{
		struct jwk *key = &keys->keys[keys->n];

		if (keys->n == JWKS_KEYS_MAX)
			break;
		if (!json_is_object(item) || jwks_find(keys, member(item, "kid")) != NULL)
			continue;
		if (key_from_jwk(item, key))
			keys->n++;
	}
	json_decref(doc);
	*ret_keys = keys;
	return STATUS_OK;
}

struct jwks *
jwks_ref(struct jwks *keys)
{
	atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

void
jwks_unref(struct jwks *keys)
{
	if (keys == NULL || atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < keys->n; i++)
		EVP_PKEY_free(keys->keys[i].pkey);
	free(keys);
}

size_t
jwks_count(const struct jwks *keys)
{
	return keys->n;
}

const struct jwk *
jwks_find(const struct jwks *keys, struct slice kid)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (slice_eq_str(kid, keys->keys[i].kid))
			return &keys->keys[i];
	}
	return NULL;
}
