/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt, jwks. The first byte chooses: 'k' the rest is a key set; 't' the rest is a token as it
 * came; 's' the rest is "header\npayload", which are signed here with a known key, so that what
 * lies behind the signature is reached too. A token that passes must keep what jwt.h promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwt.h"
#include "tests/unit/libcommon/crypto/jwt_vectors.h"

#define NOW INT64_C(1795505000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jwt_signer *signer;
static struct jwks *keys;

static void
set_up(void)
{
	if (keys != NULL)
		return;
	if (jwt_signer_from_pem(slice_str(pyjwt_ec_pem), &signer, NULL) != STATUS_OK ||
	    jwks_parse(slice_str(pyjwt_jwks), &keys, NULL) != STATUS_OK)
		abort();
}

static void
check_accepted(const struct jwt_claims *c)
{
	if (c->sub.n == 0 || c->sub.n > 255 || c->jti.n == 0 || !slice_eq_str(c->iss, "i") ||
	    c->iat < 1 || c->exp <= c->iat || c->exp <= NOW - JWT_SKEW_S ||
	    c->iat > NOW + JWT_SKEW_S || c->nbf > NOW + JWT_SKEW_S || !jwt_has_audience(c, "a") ||
	    !json_is_object((json_t *)c->json))
		abort();
}

static void
verify(struct slice token, struct arena *arena)
{
	struct jwt_rules rules = { .typ = "at+jwt", .issuer = "i", .audience = "a", .now_s = NOW };
	struct jwt_claims claims;
	struct slice issuer;
	struct err err;

	err_init(&err);
	if (jwt_peek_issuer(token, arena, &issuer, &err) == STATUS_OK && issuer.n == 0)
		abort();
	if (jwt_verify(keys, token, &rules, arena, &claims, &err) == STATUS_OK)
		check_accepted(&claims);
	else if (err.status != STATUS_UNAUTHENTICATED)
		abort();
}

static void
sign_and_verify(struct slice text, struct arena *arena)
{
	const char *nl = memchr(text.p, '\n', text.n);
	struct strbuf token = STRBUF_ARENA(arena), sig = STRBUF_ARENA(arena);
	size_t n = nl != NULL ? (size_t)(nl - text.p) : text.n;

	codec_base64url_encode(&token, text.p, n);
	strbuf_addch(&token, '.');
	if (nl != NULL)
		codec_base64url_encode(&token, nl + 1, text.n - n - 1);
	if (jwt_sign_text(signer, strbuf_slice(&token), &sig, NULL) != STATUS_OK)
		abort();
	strbuf_addch(&token, '.');
	codec_base64url_encode(&token, sig.buf, sig.len);
	verify(strbuf_slice(&token), arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make(data + 1, size > 0 ? size - 1 : 0);
	struct arena *arena;
	struct jwks *set;

	set_up();
	if (rest.n == 0)
		return 0;
	arena = arena_new(8 << 20);
	if (data[0] == 'k') {
		if (jwks_parse(rest, &set, NULL) == STATUS_OK)
			jwks_unref(set);
	} else if (data[0] == 't') {
		verify(rest, arena);
	} else if (data[0] == 's') {
		sign_and_verify(rest, arena);
	}
	arena_free(arena);
	return 0;
}
