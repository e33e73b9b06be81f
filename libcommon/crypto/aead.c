/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/aead.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "libcommon/base/rng.h"
#include "libcommon/base/strbuf.h"

#define FORMAT_VERSION 1
#define AAD_MAX 192

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm;

static void
on_once(void)
{
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (gcm == NULL)
		panic("aead: OpenSSL has no AES-256-GCM");
}

static EVP_CIPHER_CTX *
ctx_new(struct slice key)
{
	EVP_CIPHER_CTX *ctx;

	if (key.n != AEAD_KEY_SIZE)
		panic("aead: a key of %zu bytes", key.n);
	pthread_once(&once, on_once);
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL)
		panic("aead: no memory");
	return ctx;
}

void
aead_gcm_encrypt(struct slice key, const uint8_t nonce[AEAD_NONCE_SIZE], struct slice aad,
		 struct slice plain, uint8_t *ret_cipher, uint8_t ret_tag[AEAD_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = ctx_new(key); /* freeing it wipes the key schedule */
	uint8_t none[AEAD_TAG_SIZE];
	int n;

	if (!EVP_EncryptInit_ex2(ctx, gcm, (const uint8_t *)key.p, nonce, NULL) ||
	    (aad.n > 0 && !EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)aad.p, (int)aad.n)) ||
	    (plain.n > 0 &&
	     !EVP_EncryptUpdate(ctx, ret_cipher, &n, (const uint8_t *)plain.p, (int)plain.n)) ||
	    !EVP_EncryptFinal_ex(ctx, none, &n) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, ret_tag))
		panic("aead: encryption failed");
	EVP_CIPHER_CTX_free(ctx);
}

bool
aead_gcm_decrypt(struct slice key, const uint8_t nonce[AEAD_NONCE_SIZE], struct slice aad,
		 struct slice cipher, const uint8_t tag[AEAD_TAG_SIZE], uint8_t *ret_plain)
{
	EVP_CIPHER_CTX *ctx = ctx_new(key);
	uint8_t expected[AEAD_TAG_SIZE], none[AEAD_TAG_SIZE];
	bool good;
	int n;

	memcpy(expected, tag, sizeof(expected));
	if (!EVP_DecryptInit_ex2(ctx, gcm, (const uint8_t *)key.p, nonce, NULL) ||
	    (aad.n > 0 && !EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)aad.p, (int)aad.n)) ||
	    (cipher.n > 0 &&
	     !EVP_DecryptUpdate(ctx, ret_plain, &n, (const uint8_t *)cipher.p, (int)cipher.n)) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, expected))
		panic("aead: decryption failed");
	good = EVP_DecryptFinal_ex(ctx, none, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		OPENSSL_cleanse(ret_plain, cipher.n);
	return good;
}

static struct slice
associated_data(const struct aead_place *place, uint32_t kid, char buf[AAD_MAX])
{
	char row[UUID_TEXT_SIZE];
	int n;

	uuid_format(&place->row, row);
	n = snprintf(buf, AAD_MAX, "%s|%s|%s|%u|%d", place->table, place->column, row, kid,
		     FORMAT_VERSION);
	if (n < 0 || n >= AAD_MAX)
		panic("aead: the names of %s.%s are too long", place->table, place->column);
	return slice_make(buf, (size_t)n);
}

static void
put_header(char *p, uint32_t kid)
{
	p[0] = FORMAT_VERSION;
	for (int i = 0; i < 4; i++)
		p[1 + i] = (char)(kid >> (24 - 8 * i));
	rng_bytes(p + 5, AEAD_NONCE_SIZE);
}

enum status
aead_seal(struct slice key, uint32_t kid, const struct aead_place *place, struct slice plain,
	  struct strbuf *out, struct err *err)
{
	char aad[AAD_MAX];
	char *p;

	if (plain.n > AEAD_PLAIN_MAX)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "%s.%s: %zu bytes to seal (at most %d)", place->table, place->column,
			       plain.n, AEAD_PLAIN_MAX);
	strbuf_grow(out, plain.n + AEAD_OVERHEAD);
	p = out->buf + out->len;
	put_header(p, kid);
	aead_gcm_encrypt(key, (const uint8_t *)p + 5, associated_data(place, kid, aad), plain,
			 (uint8_t *)p + AEAD_HEADER_SIZE,
			 (uint8_t *)p + AEAD_HEADER_SIZE + plain.n);
	out->len += plain.n + AEAD_OVERHEAD;
	out->buf[out->len] = '\0';
	return STATUS_OK;
}

enum status
aead_key_id(struct slice sealed, uint32_t *ret_kid, struct err *err)
{
	const uint8_t *p = (const uint8_t *)sealed.p;

	if (sealed.n < AEAD_OVERHEAD || sealed.n > AEAD_PLAIN_MAX + AEAD_OVERHEAD)
		return err_set(err, STATUS_DATA_LOSS, "a sealed field of %zu bytes", sealed.n);
	if (p[0] != FORMAT_VERSION)
		return err_set(err, STATUS_DATA_LOSS, "a sealed field of unknown version %u", p[0]);
	*ret_kid = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	return STATUS_OK;
}

enum status
aead_open(struct slice key, const struct aead_place *place, struct slice sealed, struct strbuf *out,
	  struct err *err)
{
	const uint8_t *p = (const uint8_t *)sealed.p;
	char aad[AAD_MAX];
	uint32_t kid;
	size_t n;

	if (aead_key_id(sealed, &kid, err) != STATUS_OK) {
		(void)err_context(err, "%s.%s", place->table, place->column);
		return STATUS_DATA_LOSS;
	}
	n = sealed.n - AEAD_OVERHEAD;
	strbuf_grow(out, n);
	if (!aead_gcm_decrypt(key, p + 5, associated_data(place, kid, aad),
			      slice_make(p + AEAD_HEADER_SIZE, n), p + AEAD_HEADER_SIZE + n,
			      (uint8_t *)out->buf + out->len)) {
		char row[UUID_TEXT_SIZE];

		out->buf[out->len] = '\0';
		uuid_format(&place->row, row);
		return err_set(err, STATUS_DATA_LOSS,
			       "%s.%s of %s does not open with key %u: wrong key, changed or moved",
			       place->table, place->column, row, kid);
	}
	out->len += n;
	out->buf[out->len] = '\0';
	return STATUS_OK;
}
