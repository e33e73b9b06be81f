/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt, jwks: the verifier against what RFC 8725 and a decade of advisories say is tried, each
 * case a whole token made here with the right private key wherever the attack needs one, so that
 * nothing but the named fault is wrong with it.
 */
#include "tests/support/testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwks.h"
#include "libcommon/crypto/jwt.h"
#include "tests/unit/libcommon/crypto/jwt_vectors.h"

#define NOW INT64_C(1795505000)
#define GOOD_TIMES "\"iat\":1795505000,\"exp\":1795505600"
#define GOOD_CLAIMS "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}"

static struct {
	struct jwt_signer *ec, *rsa;
	char *rsa_public_pem;
	struct jwks *keys; /* both */
	struct arena *arena;
	struct err err;
} t;

static const struct jwt_rules rules = {
	.typ = "at+jwt", .issuer = "i", .audience = "a", .now_s = NOW
};

static char *
pem_of(EVP_PKEY *pkey, bool public)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *text;
	long n;

	if (public)
		assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
	else
		assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &p);
	text = strndup(p, (size_t)n);
	BIO_free(bio);
	return text;
}

static struct jwt_signer *
signer_of(EVP_PKEY *pkey)
{
	struct jwt_signer *signer = NULL;
	char *pem = pem_of(pkey, false);

	ASSERT_OK(jwt_signer_from_pem(slice_str(pem), &signer, &t.err), &t.err);
	free(pem);
	return signer;
}

static struct jwks *
keys_of(const struct jwt_signer *const *signers, size_t n)
{
	struct strbuf sb = STRBUF_INIT;
	struct jwks *keys = NULL;

	strbuf_adds(&sb, "{\"keys\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			strbuf_addch(&sb, ',');
		jwt_signer_public_jwk(signers[i], &sb);
	}
	strbuf_adds(&sb, "]}");
	ASSERT_OK(jwks_parse(strbuf_slice(&sb), &keys, &t.err), &t.err);
	strbuf_fini(&sb);
	return keys;
}

static int
setup(void **state)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);

	(void)state;
	t.ec = signer_of(ec);
	t.rsa = signer_of(rsa);
	t.rsa_public_pem = pem_of(rsa, true);
	t.keys = keys_of((const struct jwt_signer *[]){ t.ec, t.rsa }, 2);
	t.arena = arena_new(1 << 20);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	jwt_signer_free(t.ec);
	jwt_signer_free(t.rsa);
	free(t.rsa_public_pem);
	jwks_unref(t.keys);
	arena_free(t.arena);
	return 0;
}

static int
fresh_arena(void **state)
{
	(void)state;
	arena_reset(t.arena);
	return 0;
}

static struct slice
sign(const struct jwt_signer *signer, const char *typ, const char *claims)
{
	struct strbuf sb = STRBUF_ARENA(t.arena);

	ASSERT_OK(jwt_sign(signer, typ, slice_str(claims), &sb, &t.err), &t.err);
	return strbuf_slice(&sb);
}

/* A token whose header text is the test's own; the signature is made over it as it should be. */
static struct slice
sign_header(const struct jwt_signer *signer, struct slice header, struct slice payload)
{
	struct strbuf text = STRBUF_ARENA(t.arena), sig = STRBUF_ARENA(t.arena);

	codec_base64url_encode(&text, header.p, header.n);
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, payload.p, payload.n);
	ASSERT_OK(jwt_sign_text(signer, strbuf_slice(&text), &sig, &t.err), &t.err);
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, sig.buf, sig.len);
	return strbuf_slice(&text);
}

static void
refused(struct slice token, const struct jwt_rules *with, const char *why)
{
	struct jwt_claims claims;

	ASSERT_STATUS(STATUS_UNAUTHENTICATED,
		      jwt_verify(t.keys, token, with, t.arena, &claims, &t.err), &t.err);
	ASSERT_CONTAINS(t.err.text, why);
}

/* ---- the happy path ---- */

static void
test_jwt_round_trip(void **state)
{
	const struct jwt_signer *signers[] = { t.ec, t.rsa };
	const char *claims_text =
		"{\"iss\":\"i\",\"aud\":[\"x\",\"a\"],\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES
		",\"email\":\"e\",\"ok\":true,\"list\":[\"p\",\"q\",3]}";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signers); i++) {
		struct jwt_claims c;
		struct slice s;
		bool b = false;

		ASSERT_OK(jwt_verify(t.keys, sign(signers[i], "AT+jwt", claims_text), &rules,
				     t.arena, &c, &t.err),
			  &t.err);
		ASSERT_SLICE(claims_text, c.raw);
		ASSERT_SLICE("i", c.iss);
		ASSERT_SLICE("s", c.sub);
		ASSERT_SLICE("j", c.jti);
		assert_int_equal(c.iat, NOW);
		assert_int_equal(c.exp, NOW + 600);
		assert_int_equal(c.nbf, 0);
		ASSERT_SLICE("e", jwt_claim_string(&c, "email"));
		assert_null(jwt_claim_string(&c, "ok").p);
		assert_true(jwt_claim_bool(&c, "ok", &b) && b);
		assert_false(jwt_claim_bool(&c, "email", &b));
		assert_true(jwt_claim_array_string(&c, "list", 1, &s));
		ASSERT_SLICE("q", s);
		assert_false(jwt_claim_array_string(&c, "list", 2, &s));
		assert_false(jwt_claim_array_string(&c, "list", 3, &s));
		assert_false(jwt_claim_array_string(&c, "email", 0, &s));
	}
}

static void
test_jwt_reads_tokens_of_pyjwt(void **state)
{
	struct jwt_rules r = { .issuer = "https://idp.example", .audience = "app", .now_s = NOW };
	const char *const tokens[] = { pyjwt_es256, pyjwt_rs256 };
	struct jwks *keys = NULL;

	(void)state;
	ASSERT_OK(jwks_parse(slice_str(pyjwt_jwks), &keys, &t.err), &t.err);
	assert_int_equal(jwks_count(keys), 2);
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		struct jwt_claims c;

		ASSERT_OK(jwt_verify(keys, slice_str(tokens[i]), &r, t.arena, &c, &t.err), &t.err);
		ASSERT_SLICE("ann@example.org", jwt_claim_string(&c, "email"));
	}
	jwks_unref(keys);
}

static void
test_jwt_kid_is_the_thumbprint(void **state)
{
	struct jwt_signer *signer = NULL;

	(void)state;
	ASSERT_OK(jwt_signer_from_pem(slice_str(pyjwt_ec_pem), &signer, &t.err), &t.err);
	assert_string_equal(jwt_signer_kid(signer), pyjwt_ec_kid);
	jwt_signer_free(signer);
}

/* ---- header ---- */

static void
test_jwt_refuses_headers(void **state)
{
	static const struct {
		const char *name, *header, *why; /* %s: the EC key's kid */
	} cases[] = {
		{ "none", "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "None", "{\"alg\":\"None\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "noNE", "{\"alg\":\"noNE\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "NONE", "{\"alg\":\"NONE\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "alg in lower case", "{\"alg\":\"es256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "alg" },
		{ "alg with a space", "{\"alg\":\"ES256 \",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "alg" },
		{ "alg of the other key", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "alg" },
		{ "alg not in this set", "{\"alg\":\"ES384\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "alg" },
		{ "HS256", "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "no alg", "{\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "alg null", "{\"alg\":null,\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "alg a list", "{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\",\"kid\":\"%s\"}", "alg" },
		{ "alg twice",
		  "{\"alg\":\"none\",\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "JSON" },
		{ "alg twice, escaped",
		  "{\"alg\":\"none\",\"\\u0061lg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "JSON" },
		{ "alg with NUL", "{\"alg\":\"ES256\\u0000\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		  "JSON" },
		{ "no typ", "{\"alg\":\"ES256\",\"kid\":\"%s\"}", "typ" },
		{ "typ JWT", "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", "typ" },
		{ "typ of another token", "{\"alg\":\"ES256\",\"typ\":\"mail+jwt\",\"kid\":\"%s\"}",
		  "typ" },
		{ "typ longer", "{\"alg\":\"ES256\",\"typ\":\"at+jwts\",\"kid\":\"%s\"}", "typ" },
		{ "jku",
		  "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"jku\":\"https://evil\"}",
		  "jku" },
		{ "jwk", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"jwk\":{}}",
		  "jwk" },
		{ "x5u", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"x5u\":\"u\"}",
		  "x5u" },
		{ "x5c", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"x5c\":[]}",
		  "x5c" },
		{ "crit", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"crit\":[\"x\"]}",
		  "crit" },
		{ "crit null",
		  "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"crit\":null}", "crit" },
		{ "b64", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"b64\":false}",
		  "b64" },
		{ "zip", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"zip\":\"DEF\"}",
		  "zip" },
		{ "no kid", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", "kid" },
		{ "empty kid", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"\"}", "kid" },
		{ "kid a number", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":1}", "kid" },
		{ "kid a path", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"../../dev/null\"}",
		  "kid" },
		{ "kid SQL", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"' OR 1=1\"}", "kid" },
		{ "kid with NUL", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\\u0000\"}",
		  "JSON" },
		{ "unknown kid", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"abc\"}",
		  "no key" },
		{ "a list", "[\"ES256\"]", "header" },
		{ "a string", "\"ES256\"", "header" },
		{ "nothing", " ", "header" },
		{ "text after it", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}x",
		  "header" },
		{ "broken UTF-8",
		  "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"x\":\"\xff\"}",
		  "header" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf header = STRBUF_ARENA(t.arena);
		const char *hole = strstr(cases[i].header, "%s");

		if (hole != NULL) {
			strbuf_add(&header, cases[i].header, (size_t)(hole - cases[i].header));
			strbuf_adds(&header, jwt_signer_kid(t.ec));
			strbuf_adds(&header, hole + 2);
		} else {
			strbuf_adds(&header, cases[i].header);
		}
		print_message("header: %s\n", cases[i].name);
		refused(sign_header(t.ec, strbuf_slice(&header), SLICE_LIT(GOOD_CLAIMS)), &rules,
			cases[i].why);
		if (strcmp(cases[i].name, "unknown kid") == 0)
			assert_string_equal(t.err.reason, "KEY_UNKNOWN");
		else
			assert_null(t.err.reason);
	}
}

static void
test_jwt_refuses_long_kid(void **state)
{
	struct strbuf header = STRBUF_ARENA(t.arena);

	(void)state;
	strbuf_adds(&header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"");
	for (int i = 0; i < JWK_KID_MAX + 1; i++)
		strbuf_addch(&header, 'k');
	strbuf_adds(&header, "\"}");
	refused(sign_header(t.ec, strbuf_slice(&header), SLICE_LIT(GOOD_CLAIMS)), &rules, "kid");
}

/* The classic: the public key, which anybody has, taken as an HMAC secret. */
static void
test_jwt_refuses_hmac_under_the_public_key(void **state)
{
	struct strbuf text = STRBUF_ARENA(t.arena), header = STRBUF_ARENA(t.arena);
	unsigned char mac[32];
	unsigned n = sizeof(mac);

	(void)state;
	strbuf_addf(&header, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		    jwt_signer_kid(t.rsa));
	codec_base64url_encode(&text, header.buf, header.len);
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, GOOD_CLAIMS, strlen(GOOD_CLAIMS));
	assert_non_null(HMAC(EVP_sha256(), t.rsa_public_pem, (int)strlen(t.rsa_public_pem),
			     (unsigned char *)text.buf, text.len, mac, &n));
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, mac, n);
	refused(strbuf_slice(&text), &rules, "alg is not the key's (RS256)");
}

/* ---- form ---- */

static void
test_jwt_refuses_forms(void **state)
{
	struct slice good = sign(t.ec, "at+jwt", GOOD_CLAIMS);
	char *h = arena_strndup(t.arena, good.p, good.n), *p, *s;
	static const char *const forms[] = {
		"%1$s.%2$s",
		"%1$s.%2$s.%3$s.",
		".%1$s.%2$s.%3$s",
		"%1$s.%2$s.",
		"%1$s..%3$s",
		".%2$s.%3$s",
		"%1$s.%2$s.%3$s.%3$s",
		"%1$s%2$s%3$s",
		"..",
		".",
		"%1$s.%2$s.%3$s=",
		"%1$s.%2$s=.%3$s",
		" %1$s.%2$s.%3$s",
		"%1$s.%2$s.%3$s\n",
		"%1$s.%2$s.%3$s ",
		"%1$s.\n%2$s.%3$s",
		"%1$s.%2$s.%3$s+",
		"%1$s.%2$s.%3$s/",
		"%1$s.%2$s.%3$sA",
		"{\"payload\":\"%2$s\",\"protected\":\"%1$s\",\"signature\":\"%3$s\"}",
	};

	(void)state;
	p = strchr(h, '.');
	*p++ = '\0';
	s = strchr(p, '.');
	*s++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct strbuf sb = STRBUF_ARENA(t.arena);

		/* One formatted piece after another, so that the format stays a literal for the
		 * compiler. */
		for (const char *f = forms[i]; *f != '\0'; f++) {
			if (f[0] == '%' && f[1] >= '1' && f[1] <= '3') {
				strbuf_adds(&sb, f[1] == '1' ? h : f[1] == '2' ? p : s);
				f += 3;
			} else {
				strbuf_addch(&sb, *f);
			}
		}
		print_message("form: %s\n", forms[i]);
		refused(strbuf_slice(&sb), &rules, "token: ");
		assert_null(t.err.reason);
	}
	refused(SLICE_LIT(""), &rules, "0 bytes");
}

/* The last character of a 64-byte signature carries four bits: others than zero are another text of
 * the same bytes. */
static void
test_jwt_refuses_trailing_bits(void **state)
{
	struct slice good = sign(t.ec, "at+jwt", GOOD_CLAIMS);
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *text = arena_strndup(t.arena, good.p, good.n);
	size_t at = (size_t)(strchr(alphabet, text[good.n - 1]) - alphabet);

	(void)state;
	assert_int_equal(at % 16, 0);
	for (size_t extra = 1; extra < 16; extra++) {
		text[good.n - 1] = alphabet[at + extra];
		refused(slice_str(text), &rules, "base64url");
	}
}

static void
test_jwt_size_limit(void **state)
{
	struct strbuf claims = STRBUF_ARENA(t.arena);
	struct slice token;

	(void)state;
	strbuf_adds(&claims, "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES
			     ",\"x\":\"");
	while (claims.len < 6200)
		strbuf_addch(&claims, 'x');
	strbuf_adds(&claims, "\"}");
	token = sign(t.ec, "at+jwt", claims.buf);
	assert_true(token.n > JWT_MAX);
	refused(token, &rules, "bytes (1..8192)");
}

/* Every single bit of a good token: no other token is as good. */
static void
test_jwt_refuses_any_flipped_bit(void **state)
{
	struct slice good = sign(t.ec, "at+jwt", GOOD_CLAIMS);
	struct arena *arena = arena_new(1 << 20);
	char *text = arena_strndup(t.arena, good.p, good.n);
	struct jwt_claims c;

	(void)state;
	for (size_t i = 0; i < good.n * 8; i++) {
		text[i / 8] = (char)(good.p[i / 8] ^ (1 << i % 8));
		assert_int_equal(jwt_verify(t.keys, slice_make(text, good.n), &rules, arena, &c,
					    &t.err),
				 STATUS_UNAUTHENTICATED);
		text[i / 8] = good.p[i / 8];
		arena_reset(arena);
	}
	ASSERT_OK(jwt_verify(t.keys, slice_make(text, good.n), &rules, arena, &c, &t.err), &t.err);
	arena_free(arena);
}

/* ---- signature ---- */

static void
test_jwt_refuses_signatures(void **state)
{
	/* n of P-256, FIPS 186-4 D.1.2.3: neither r nor s may be 0 or n or more. */
	static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
					   0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
	struct slice good = sign(t.ec, "at+jwt", GOOD_CLAIMS);
	size_t head = (size_t)((const char *)memrchr(good.p, '.', good.n) - good.p) + 1;
	uint8_t real[72], sig[80];
	size_t nreal;

	(void)state;
	assert_true(codec_base64url_decode(slice_make(good.p + head, good.n - head), real, &nreal));
	assert_int_equal(nreal, 64);
	for (int which = 0; which < 12; which++) {
		struct strbuf sb = STRBUF_ARENA(t.arena);
		size_t n = 64;

		memcpy(sig, real, 64);
		switch (which) {
		case 0:
			memset(sig, 0, 64);
			break; /* "psychic" */
		case 1:
			memset(sig, 0, 32);
			break;
		case 2:
			memset(sig + 32, 0, 32);
			break;
		case 3:
			memcpy(sig, order, 32);
			break;
		case 4:
			memcpy(sig + 32, order, 32);
			break;
		case 5:
			memcpy(sig, order, 32), memcpy(sig + 32, order, 32);
			break;
		case 6:
			n = 63;
			break;
		case 7:
			n = 65, sig[64] = 0;
			break;
		case 8:
			n = 32;
			break;
		case 9:
			n = 1;
			break;
		case 10:
			memset(sig, 0xff, 64);
			break;
		case 11:
			memcpy(sig, real + 32, 32), memcpy(sig + 32, real, 32);
			break;
		}
		strbuf_add(&sb, good.p, head);
		codec_base64url_encode(&sb, sig, n);
		refused(strbuf_slice(&sb), &rules, "signature");
	}
}

/* The same r||s written as DER, as naive signers send it. */
static void
test_jwt_refuses_der_signature(void **state)
{
	struct strbuf text = STRBUF_ARENA(t.arena), header = STRBUF_ARENA(t.arena);
	BIO *bio = BIO_new_mem_buf(pyjwt_ec_pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct jwks *keys = NULL, *before = t.keys;
	unsigned char der[80];
	size_t n = sizeof(der);

	(void)state;
	strbuf_addf(&header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", pyjwt_ec_kid);
	codec_base64url_encode(&text, header.buf, header.len);
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, GOOD_CLAIMS, strlen(GOOD_CLAIMS));
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &n, (unsigned char *)text.buf, text.len), 1);
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, der, n);
	ASSERT_OK(jwks_parse(slice_str(pyjwt_jwks), &keys, &t.err), &t.err);
	t.keys = keys;
	refused(strbuf_slice(&text), &rules, "signature");
	t.keys = before;
	jwks_unref(keys);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
}

/* A token of a retired key, and one whose kid names a key that did not sign it. */
static void
test_jwt_refuses_other_keys(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct jwt_signer *retired = signer_of(pkey);
	struct strbuf header = STRBUF_ARENA(t.arena);

	(void)state;
	refused(sign(retired, "at+jwt", GOOD_CLAIMS), &rules, "no key");
	strbuf_addf(&header, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		    jwt_signer_kid(t.ec));
	refused(sign_header(retired, strbuf_slice(&header), SLICE_LIT(GOOD_CLAIMS)), &rules,
		"signature");
	strbuf_reset(&header);
	strbuf_addf(&header, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
		    jwt_signer_kid(t.rsa));
	refused(sign_header(t.ec, strbuf_slice(&header), SLICE_LIT(GOOD_CLAIMS)), &rules,
		"signature");
	jwt_signer_free(retired);
	EVP_PKEY_free(pkey);
}

/* ---- claims ---- */

#define HEAD "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"jti\":\"j\","

static void
test_jwt_refuses_claims(void **state)
{
	static const struct {
		const char *claims, *why;
	} cases[] = {
		{ HEAD "\"iat\":1795505000}", "exp or iat is missing" },
		{ HEAD "\"exp\":1795505600}", "exp or iat is missing" },
		{ HEAD "\"iat\":1795505000,\"exp\":\"1795505600\"}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":1795505600.5}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":1795505600.0}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":1.7955056e9}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":-1}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":0}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":null}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":true}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":[1795505600]}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":1e400}", "JSON" },
		{ HEAD "\"iat\":1795505000,\"exp\":NaN}", "JSON" },
		{ HEAD "\"iat\":1795505000,\"exp\":99999999999999999999}", "JSON" },
		{ HEAD "\"iat\":1795505000,\"exp\":9223372036854775807}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":253402300800}", "whole number" },
		{ HEAD "\"iat\":1795505000,\"exp\":1795505600,\"exp\":1995505600}", "JSON" },
		{ HEAD "\"iat\":1795504000,\"exp\":1795504970}", "expired" },
		{ HEAD "\"iat\":1795505031,\"exp\":1795505600}", "future" },
		{ HEAD "\"iat\":1795505000,\"exp\":1795505000}", "after iat" },
		{ HEAD "\"iat\":\"1795505000\",\"exp\":1795505600}", "whole number" },
		{ HEAD "\"nbf\":1795505031," GOOD_TIMES "}", "not valid yet" },
		{ HEAD "\"nbf\":\"x\"," GOOD_TIMES "}", "whole number" },
		{ "{\"aud\":\"a\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}", "iss" },
		{ "{\"iss\":\"I\",\"aud\":\"a\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "iss" },
		{ "{\"iss\":[\"i\"],\"aud\":\"a\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "iss" },
		{ "{\"iss\":\"i\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}", "aud" },
		{ "{\"iss\":\"i\",\"aud\":\"b\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "aud" },
		{ "{\"iss\":\"i\",\"aud\":\"aa\",\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "aud" },
		{ "{\"iss\":\"i\",\"aud\":[],\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}", "aud" },
		{ "{\"iss\":\"i\",\"aud\":[\"b\",\"c\"],\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES
		  "}",
		  "aud" },
		{ "{\"iss\":\"i\",\"aud\":[\"a\",1],\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "aud" },
		{ "{\"iss\":\"i\",\"aud\":{\"a\":1},\"sub\":\"s\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "aud" },
		{ "{\"iss\":\"i\",\"aud\":\"a\",\"jti\":\"j\"," GOOD_TIMES "}", "sub" },
		{ "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "sub" },
		{ "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":7,\"jti\":\"j\"," GOOD_TIMES "}", "sub" },
		{ "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"," GOOD_TIMES "}", "jti" },
		{ "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\\u0000\",\"jti\":\"j\"," GOOD_TIMES "}",
		  "JSON" },
		{ "[" GOOD_CLAIMS "]", "JSON object" },
		{ GOOD_CLAIMS GOOD_CLAIMS, "JSON object" },
		{ "null", "JSON object" },
		{ "{", "JSON object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("claims: %s\n", cases[i].claims);
		refused(sign(t.ec, "at+jwt", cases[i].claims), &rules, cases[i].why);
	}
}

static void
test_jwt_deep_json(void **state)
{
	struct strbuf claims = STRBUF_ARENA(t.arena);

	(void)state;
	strbuf_adds(&claims, HEAD GOOD_TIMES ",\"x\":");
	for (int i = 0; i < 5000; i++)
		strbuf_addch(&claims, '[');
	refused(sign(t.ec, "at+jwt", claims.buf), &rules, "JSON object");
}

static void
test_jwt_clock_skew(void **state)
{
	struct slice token = sign(t.ec, "at+jwt", HEAD "\"nbf\":1795505000," GOOD_TIMES "}");
	static const struct {
		int64_t now, max_age;
		bool good;
	} cases[] = {
		{ NOW - 31, 0, false },  { NOW - 30, 0, true },   { NOW + 600, 0, true },
		{ NOW + 629, 0, true },  { NOW + 630, 0, false }, { NOW + 90, 60, true },
		{ NOW + 91, 60, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct jwt_rules r = rules;
		struct jwt_claims c;

		r.now_s = cases[i].now;
		r.max_age_s = cases[i].max_age;
		assert_int_equal(jwt_verify(t.keys, token, &r, t.arena, &c, &t.err),
				 cases[i].good ? STATUS_OK : STATUS_UNAUTHENTICATED);
	}
}

static void
test_jwt_second_issuer_spelling(void **state)
{
	struct jwt_rules r = { .issuer = "https://accounts.google.com",
			       .issuer_alt = "accounts.google.com",
			       .now_s = NOW };
	static const struct {
		const char *iss;
		bool good;
	} cases[] = { { "https://accounts.google.com", true },
		      { "accounts.google.com", true },
		      { "http://accounts.google.com", false },
		      { "accounts.google.com.evil", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct jwt_claims c;
		char *claims =
			arena_printf(t.arena, "{\"iss\":\"%s\",\"sub\":\"s\"," GOOD_TIMES "}",
				     cases[i].iss);

		/* Without a typ to ask for, no jti is needed either: ID tokens have none. */
		assert_int_equal(jwt_verify(t.keys, sign(t.rsa, "JWT", claims), &r, t.arena, &c,
					    &t.err),
				 cases[i].good ? STATUS_OK : STATUS_UNAUTHENTICATED);
	}
}

static void
test_jwt_only_one_algorithm(void **state)
{
	struct jwt_rules r = rules;
	struct jwt_claims c;

	(void)state;
	r.alg = "RS256";
	refused(sign(t.ec, "at+jwt", GOOD_CLAIMS), &r, "alg ES256 where only RS256 is taken");
	ASSERT_OK(jwt_verify(t.keys, sign(t.rsa, "at+jwt", GOOD_CLAIMS), &r, t.arena, &c, &t.err),
		  &t.err);
	assert_true(jwt_has_audience(&c, "a"));
	assert_false(jwt_has_audience(&c, "b"));
}

static void
test_jwt_peeks_at_the_issuer(void **state)
{
	static const char *const bad[] = { "",        ".",       "a.b",       "a.!.c",
					   "a.e30.c", "a.W10.c", "a.bnVsbA.c" };
	struct slice iss = SLICE_NONE;

	(void)state;
	ASSERT_OK(jwt_peek_issuer(sign(t.ec, "JWT", GOOD_CLAIMS), t.arena, &iss, &t.err), &t.err);
	ASSERT_SLICE("i", iss);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_STATUS(STATUS_UNAUTHENTICATED,
			      jwt_peek_issuer(slice_str(bad[i]), t.arena, &iss, &t.err), &t.err);
}

/* ---- key sets ---- */

#define EC_XY                                                                                      \
	"\"x\":\"veABjJFL0jawHZ4UU2ApDJuve-HKsHzxmOgjqXVl8R8\",\"y\":"                             \
	"\"IoyrPh0gfPEo2W5CKE3y3lWdRWa68zZsgZnZmCoi3_k\""
#define EC_KEY "\"kty\":\"EC\",\"crv\":\"P-256\"," EC_XY

static void
test_jwks_keeps_only_what_it_uses(void **state)
{
	static const struct {
		const char *key;
		size_t count;
	} cases[] = {
		{ "{\"kid\":\"a\"," EC_KEY "}", 1 },
		{ "{\"kid\":\"a\"," EC_KEY
		  ",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]}",
		  1 },
		{ "{\"kid\":\"a\"," EC_KEY "},{\"kid\":\"a\"," EC_KEY "}", 1 },
		{ "{\"kid\":\"a\"," EC_KEY "},{\"kid\":\"b\"," EC_KEY "}", 2 },
		{ "{" EC_KEY "}", 0 },
		{ "{\"kid\":\"a b\"," EC_KEY "}", 0 },
		{ "{\"kid\":\"a\"," EC_KEY ",\"alg\":\"ES384\"}", 0 },
		{ "{\"kid\":\"a\"," EC_KEY ",\"alg\":\"HS256\"}", 0 },
		{ "{\"kid\":\"a\"," EC_KEY ",\"alg\":1}", 0 },
		{ "{\"kid\":\"a\"," EC_KEY ",\"use\":\"enc\"}", 0 },
		{ "{\"kid\":\"a\"," EC_KEY ",\"key_ops\":[\"sign\"]}", 0 },
		{ "{\"kid\":\"a\"," EC_KEY ",\"d\":\"AA\"}", 0 },
		{ "{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-384\"," EC_XY "}", 0 },
		{ "{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", 0 },
		/* One byte of x changed: not on the curve. */
		{ "{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		  "\"veABjJFL0jawHZ4UU2ApDJuve-HKsHzxmOgjqXVl8R4\","
		  "\"y\":\"IoyrPh0gfPEo2W5CKE3y3lWdRWa68zZsgZnZmCoi3_k\"}",
		  0 },
		{ "{\"kid\":\"a\",\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", 0 },
		{ "{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}", 0 },
		{ "{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		  0 }, /* too short */
		{ "{\"kid\":\"a\",\"kty\":\"RSA\",\"e\":\"AQAB\"}", 0 },
		{ "1,null,[],\"x\"", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *doc = arena_printf(t.arena, "{\"keys\":[%s]}", cases[i].key);
		struct jwks *keys = NULL;

		print_message("key: %s\n", cases[i].key);
		ASSERT_OK(jwks_parse(slice_str(doc), &keys, &t.err), &t.err);
		assert_int_equal(jwks_count(keys), cases[i].count);
		jwks_unref(keys);
	}
}

static void
test_jwks_refuses_rsa_exponents(void **state)
{
	static const char *const exponents[] = { "AQ", "Ag", "AQAA", "AQAAAAE", "", "AQAB=" };
	struct strbuf jwk = STRBUF_ARENA(t.arena);
	const char *n;

	(void)state;
	jwt_signer_public_jwk(t.rsa, &jwk);
	n = strstr(jwk.buf, "\"n\":\"");
	for (size_t i = 0; i < ARRAY_LEN(exponents); i++) {
		char *doc = arena_printf(t.arena, "{\"keys\":[{\"e\":\"%s\",\"kty\":\"RSA\",%s]}",
					 exponents[i], n);
		struct jwks *keys = NULL;

		ASSERT_OK(jwks_parse(slice_str(doc), &keys, &t.err), &t.err);
		assert_int_equal(jwks_count(keys), 0);
		jwks_unref(keys);
	}
}

static void
test_jwks_refuses_what_is_no_key_set(void **state)
{
	static const char *const docs[] = { "",
					    "null",
					    "[]",
					    "{}",
					    "{\"keys\":{}}",
					    "<html>",
					    "{\"keys\":[",
					    "{\"keys\":[],\"keys\":[]}" };
	struct strbuf big = STRBUF_ARENA(t.arena);
	struct jwks *keys = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(docs); i++)
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
			      jwks_parse(slice_str(docs[i]), &keys, &t.err), &t.err);
	strbuf_adds(&big, "{\"keys\":[]");
	while (big.len < JWKS_MAX)
		strbuf_addch(&big, ' ');
	strbuf_addch(&big, '}');
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, jwks_parse(strbuf_slice(&big), &keys, &t.err),
		      &t.err);
	assert_null(keys);
}

static void
test_jwt_signer_refuses_keys(void **state)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa1024 = EVP_RSA_gen(1024);
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *keys[] = { p384, rsa1024, ed };
	struct jwt_signer *signer = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char *pem = pem_of(keys[i], false);

		ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
			      jwt_signer_from_pem(slice_str(pem), &signer, &t.err), &t.err);
		free(pem);
		EVP_PKEY_free(keys[i]);
	}
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      jwt_signer_from_pem(slice_str(t.rsa_public_pem), &signer, &t.err), &t.err);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, jwt_signer_from_pem(SLICE_LIT(""), &signer, &t.err),
		      &t.err);
	assert_null(signer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_jwt_round_trip, fresh_arena),
		cmocka_unit_test_setup(test_jwt_reads_tokens_of_pyjwt, fresh_arena),
		cmocka_unit_test_setup(test_jwt_kid_is_the_thumbprint, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_headers, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_long_kid, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_hmac_under_the_public_key, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_forms, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_trailing_bits, fresh_arena),
		cmocka_unit_test_setup(test_jwt_size_limit, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_any_flipped_bit, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_signatures, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_der_signature, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_other_keys, fresh_arena),
		cmocka_unit_test_setup(test_jwt_refuses_claims, fresh_arena),
		cmocka_unit_test_setup(test_jwt_deep_json, fresh_arena),
		cmocka_unit_test_setup(test_jwt_clock_skew, fresh_arena),
		cmocka_unit_test_setup(test_jwt_second_issuer_spelling, fresh_arena),
		cmocka_unit_test_setup(test_jwt_only_one_algorithm, fresh_arena),
		cmocka_unit_test_setup(test_jwt_peeks_at_the_issuer, fresh_arena),
		cmocka_unit_test_setup(test_jwks_keeps_only_what_it_uses, fresh_arena),
		cmocka_unit_test_setup(test_jwks_refuses_rsa_exponents, fresh_arena),
		cmocka_unit_test_setup(test_jwks_refuses_what_is_no_key_set, fresh_arena),
		cmocka_unit_test_setup(test_jwt_signer_refuses_keys, fresh_arena),
	};

	return cmocka_run_group_tests_name("jwt", tests, setup, teardown);
}
