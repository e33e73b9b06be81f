/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwks.h - what a key set holds: for jwt.c, and for tests that look inside.
 *
 *	const struct jwk *key = jwks_find(keys, kid);
 *	if (key == NULL || !slice_eq_str(alg, jwt_alg_name(key->alg))) …refuse…
 *
 * The set itself (parse, ref, unref) is declared in jwt.h. A key says which algorithm it is for;
 * nothing that a token says can change that.
 *
 * Ownership: a key belongs to its set.
 * Threads:   a set is immutable; OpenSSL allows one EVP_PKEY to verify on many threads.
 * Limits:    JWKS_MAX bytes, JWKS_KEYS_MAX keys (further ones are skipped); RSA 2048..8192 bits
 *            with an odd exponent of 3..2^32-1, EC on P-256.
 * Source:    RFC 7517 (JWK), RFC 7518 section 6 (parameters), RFC 7638 (thumbprint).
 */
#ifndef FIT_CRYPTO_JWKS_H
#define FIT_CRYPTO_JWKS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include "libcommon/base/slice.h"

#define JWKS_MAX 65536
#define JWKS_KEYS_MAX 32
#define JWK_KID_MAX 64
#define JWK_RSA_BITS_MIN 2048
#define JWK_RSA_BITS_MAX 8192
#define JWK_P256_BYTES 32

enum jwt_alg { JWT_ALG_ES256, JWT_ALG_RS256 };

struct jwk {
	char kid[JWK_KID_MAX + 1];
	enum jwt_alg alg;
	EVP_PKEY *pkey;
};

struct jwks;

const char *jwt_alg_name(enum jwt_alg alg);
/* ^[A-Za-z0-9_-]{1,64}$ */
bool jwk_kid_valid(struct slice kid);
const struct jwk *jwks_find(const struct jwks *keys, struct slice kid);

#endif
