/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signing half of jwt.h. A signer keeps its public JWK as text from the start: it is what
 * the kid is the thumbprint of (RFC 7638), and what a key set publishes.
 */
#include "libcommon/crypto/jwt.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/digest.h"
#include "libcommon/crypto/jwks.h"

struct jwt_signer {
	EVP_PKEY *pkey;
	enum jwt_alg alg;
	char *kid;
	struct strbuf
		members; /* the key's own JWK members, in the thumbprint's order, without braces */
};

/* A PEM with a passphrase is an error, not a question on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

/* Appends "name":"base64url of the parameter", padded on the left to `width` bytes (0: as it is).
 */
static bool
add_bn(struct strbuf *sb, const EVP_PKEY *pkey, const char *param, const char *name, int width)
{
	unsigned char buf[JWK_RSA_BITS_MAX / 8];
	BIGNUM *bn = NULL;
	int n;
	bool ok;

	if (EVP_PKEY_get_bn_param(pkey, param, &bn) != 1)
		return false;
	n = width > 0 ? width : BN_num_bytes(bn);
	ok = n <= (int)sizeof(buf) && BN_bn2binpad(bn, buf, n) == n;
	if (ok) {
		strbuf_addf(sb, "%s\"%s\":\"", sb->len > 0 ? "," : "", name);
		codec_base64url_encode(sb, buf, (size_t)n);
		strbuf_addch(sb, '"');
	}
	BN_free(bn);
	return ok;
}

/* Members in lexicographic order, as the thumbprint wants them: crv,kty,x,y and e,kty,n. */
static enum status
describe(struct jwt_signer *signer, struct err *err)
{
	char group[64] = "";
	bool ok;

	if (EVP_PKEY_is_a(signer->pkey, "EC")) {
		signer->alg = JWT_ALG_ES256;
		(void)EVP_PKEY_get_utf8_string_param(signer->pkey, OSSL_PKEY_PARAM_GROUP_NAME,
						     group, sizeof(group), NULL);
		if (strcmp(group, "prime256v1") != 0)
			return err_set(err, STATUS_INVALID_ARGUMENT,
				       "signing key on curve \"%s\" (P-256)", group);
		strbuf_adds(&signer->members, "\"crv\":\"P-256\",\"kty\":\"EC\"");
		ok = add_bn(&signer->members, signer->pkey, OSSL_PKEY_PARAM_EC_PUB_X, "x",
			    JWK_P256_BYTES) &&
		     add_bn(&signer->members, signer->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, "y",
			    JWK_P256_BYTES);
	} else if (EVP_PKEY_is_a(signer->pkey, "RSA")) {
		int bits = EVP_PKEY_get_bits(signer->pkey);

		signer->alg = JWT_ALG_RS256;
		if (bits < JWK_RSA_BITS_MIN || bits > JWK_RSA_BITS_MAX)
			return err_set(err, STATUS_INVALID_ARGUMENT,
				       "RSA signing key of %d bits (%d..%d)", bits,
				       JWK_RSA_BITS_MIN, JWK_RSA_BITS_MAX);
		ok = add_bn(&signer->members, signer->pkey, OSSL_PKEY_PARAM_RSA_E, "e", 0);
		strbuf_adds(&signer->members, ",\"kty\":\"RSA\"");
		ok = ok && add_bn(&signer->members, signer->pkey, OSSL_PKEY_PARAM_RSA_N, "n", 0);
	} else {
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "signing key is neither EC P-256 nor RSA");
	}
	return ok ? STATUS_OK : err_set(err, STATUS_INTERNAL, "signing key has no public part");
}

static void
set_kid(struct jwt_signer *signer)
{
	struct strbuf sb = STRBUF_INIT;
	uint8_t hash[32];

	strbuf_addf(&sb, "{%s}", strbuf_cstr(&signer->members));
	digest_sha256(strbuf_slice(&sb), hash);
	strbuf_reset(&sb);
	codec_base64url_encode(&sb, hash, sizeof(hash));
	signer->kid = sb.buf; /* the buffer changes hands */
}

enum status
jwt_signer_from_pem(struct slice pem, struct jwt_signer **ret_signer, struct err *err)
{
	struct jwt_signer *signer = calloc(1, sizeof(*signer));
	BIO *bio = BIO_new_mem_buf(pem.n > 0 ? pem.p : "", (int)pem.n);
	enum status st;

	if (signer == NULL || bio == NULL)
		panic("no memory for a signing key");
	signer->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (signer->pkey == NULL)
		st = err_set(err, STATUS_INVALID_ARGUMENT, "not an unencrypted PEM private key");
	else
		st = describe(signer, err);
	if (st != STATUS_OK) {
		jwt_signer_free(signer);
		return st;
	}
	set_kid(signer);
	*ret_signer = signer;
	return STATUS_OK;
}

void
jwt_signer_free(struct jwt_signer *signer)
{
	if (signer == NULL)
		return;
	EVP_PKEY_free(signer->pkey);
	strbuf_fini(&signer->members);
	free(signer->kid);
	free(signer);
}

const char *
jwt_signer_kid(const struct jwt_signer *signer)
{
	return signer->kid;
}

void
jwt_signer_public_jwk(const struct jwt_signer *signer, struct strbuf *out)
{
	strbuf_addf(out, "{%s,\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%s\"}",
		    strbuf_cstr(&signer->members), jwt_alg_name(signer->alg), signer->kid);
}

/* DER as OpenSSL writes it to r||s, 32 bytes each (RFC 7518 section 3.4). */
static bool
ecdsa_raw(const unsigned char *der, size_t n, unsigned char ret_raw[2 * JWK_P256_BYTES])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig != NULL &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_raw, JWK_P256_BYTES) == JWK_P256_BYTES &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_raw + JWK_P256_BYTES, JWK_P256_BYTES) ==
			  JWK_P256_BYTES;

	ECDSA_SIG_free(sig);
	return ok;
}

enum status
jwt_sign_text(const struct jwt_signer *signer, struct slice text, struct strbuf *out,
	      struct err *err)
{
	unsigned char sig[JWK_RSA_BITS_MAX / 8], raw[2 * JWK_P256_BYTES];
	size_t nsig = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer->pkey) == 1 &&
	     EVP_DigestSign(ctx, sig, &nsig, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (ok && signer->alg == JWT_ALG_ES256)
		ok = ecdsa_raw(sig, nsig, raw);
	if (!ok) {
		ERR_clear_error();
		return err_set(err, STATUS_INTERNAL, "signing with key %s failed", signer->kid);
	}
	if (signer->alg == JWT_ALG_ES256)
		strbuf_add(out, raw, sizeof(raw));
	else
		strbuf_add(out, sig, nsig);
	return STATUS_OK;
}

enum status
jwt_sign(const struct jwt_signer *signer, const char *typ, struct slice payload, struct strbuf *out,
	 struct err *err)
{
	struct strbuf text = STRBUF_INIT, sig = STRBUF_INIT;
	enum status st;

	strbuf_addf(&sig, "{\"alg\":\"%s\",\"typ\":\"%s\",\"kid\":\"%s\"}",
		    jwt_alg_name(signer->alg), typ, signer->kid);
	codec_base64url_encode(&text, sig.buf, sig.len);
	strbuf_addch(&text, '.');
	codec_base64url_encode(&text, payload.p, payload.n);
	strbuf_reset(&sig);
	st = jwt_sign_text(signer, strbuf_slice(&text), &sig, err);
	if (st == STATUS_OK) {
		strbuf_addch(&text, '.');
		codec_base64url_encode(&text, sig.buf, sig.len);
		strbuf_add_slice(out, strbuf_slice(&text));
	}
	strbuf_fini(&sig);
	strbuf_fini(&text);
	return st;
}
