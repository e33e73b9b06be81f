/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/digest.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

struct contexts {
	EVP_MD_CTX *md;
	EVP_MAC_CTX *mac;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;
static EVP_MD *sha256;
static EVP_MAC *hmac;
static __thread struct contexts *contexts;

static void
contexts_free(void *p)
{
	struct contexts *c = p;

	EVP_MD_CTX_free(c->md);
	EVP_MAC_CTX_free(c->mac);
	free(c);
	contexts = NULL;
}

static void
on_once(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (sha256 == NULL || hmac == NULL || pthread_key_create(&contexts_key, contexts_free) != 0)
		panic("digest: OpenSSL has no SHA256 or HMAC");
}

static COLD struct contexts *
contexts_new(void)
{
	char name[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	struct contexts *c;

	pthread_once(&once, on_once);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		panic("digest: no memory");
	c->md = EVP_MD_CTX_new();
	c->mac = EVP_MAC_CTX_new(hmac);
	if (c->md == NULL || c->mac == NULL || !EVP_DigestInit_ex2(c->md, sha256, NULL) ||
	    !EVP_MAC_CTX_set_params(c->mac, params))
		panic("digest: no context");
	contexts = c;
	/* The key's only use is its destructor, which frees the contexts at the thread's end. */
	if (pthread_setspecific(contexts_key, c) != 0)
		panic("digest: no memory");
	return c;
}

static inline struct contexts *
contexts_get(void)
{
	return LIKELY(contexts != NULL) ? contexts : contexts_new();
}

void
digest_sha256(struct slice data, uint8_t ret_digest[DIGEST_SHA256_SIZE])
{
	struct contexts *c = contexts_get();

	/* A NULL type starts again with the algorithm that the context has. */
	if (!EVP_DigestInit_ex2(c->md, NULL, NULL) || !EVP_DigestUpdate(c->md, data.p, data.n) ||
	    !EVP_DigestFinal_ex(c->md, ret_digest, NULL))
		panic("digest: SHA-256 failed");
}

void
digest_hmac_sha256(struct slice key, struct slice data, uint8_t ret_mac[DIGEST_SHA256_SIZE])
{
	struct contexts *c = contexts_get();
	size_t n = 0;

	if (key.n == 0)
		panic("digest: an empty HMAC key");
	if (!EVP_MAC_init(c->mac, (const unsigned char *)key.p, key.n, NULL) ||
	    !EVP_MAC_update(c->mac, (const unsigned char *)data.p, data.n) ||
	    !EVP_MAC_final(c->mac, ret_mac, &n, DIGEST_SHA256_SIZE) || n != DIGEST_SHA256_SIZE)
		panic("digest: HMAC failed");
}

bool
digest_equal_ct(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
