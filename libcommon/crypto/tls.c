/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "libcommon/crypto/secret.h"

struct tls_context {
	enum tls_role role;
	char *ca, *cert, *key; /* files */
	pthread_mutex_t lock;  /* of ctx, which a reload replaces */
	SSL_CTX *ctx;
};

static const unsigned char alpn_h2[] = { 2, 'h', '2' };

/* The newest of OpenSSL's complaints, which it forgets with this. */
static enum status
failed(struct err *err, const char *what, const char *file)
{
	char text[160] = "unknown error";
	unsigned long code = ERR_peek_last_error();

	if (code != 0)
		ERR_error_string_n(code, text, sizeof(text));
	ERR_clear_error();
	return err_set(err, STATUS_FAILED_PRECONDITION, "TLS %s \"%s\": %s", what, file, text);
}

static int
on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered,
	unsigned n, void *arg)
{
	unsigned char *out;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&out, ret_n, alpn_h2, sizeof(alpn_h2), offered, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = out;
	return SSL_TLSEXT_ERR_OK;
}

/* A passphrase would be asked for on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static enum status
load_key(SSL_CTX *ctx, const char *file, struct err *err)
{
	struct secret *pem;
	struct slice text;
	EVP_PKEY *pkey;
	enum status st = secret_from_file(file, &pem, err);
	BIO *bio;
	bool ok;

	if (st != STATUS_OK)
		return st;
	text = secret_slice(pem);
	bio = BIO_new_mem_buf(text.p, (int)text.n);
	pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	ok = pkey != NULL && SSL_CTX_use_PrivateKey(ctx, pkey) == 1 &&
	     SSL_CTX_check_private_key(ctx) == 1;
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	secret_free(pem);
	return ok ? STATUS_OK : failed(err, "key", file);
}

static enum status
set_up(SSL_CTX *ctx, enum tls_role role, const struct tls_files *files, struct err *err)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (role == TLS_SERVER)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (SSL_CTX_load_verify_file(ctx, files->ca) != 1)
		return failed(err, "authorities", files->ca);
	if (SSL_CTX_use_certificate_chain_file(ctx, files->cert) != 1)
		return failed(err, "certificate", files->cert);
	return load_key(ctx, files->key, err);
}

static enum status
load(enum tls_role role, const struct tls_files *files, SSL_CTX **ret_ctx, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	enum status st;

	if (ctx == NULL)
		panic("no memory for a TLS context");
	st = set_up(ctx, role, files, err);
	if (st != STATUS_OK) {
		SSL_CTX_free(ctx);
		return st;
	}
	*ret_ctx = ctx;
	return STATUS_OK;
}

static char *
copy(const char *text)
{
	char *p = strdup(text);

	if (p == NULL)
		panic("no memory for a TLS context");
	return p;
}

enum status
tls_context_new(enum tls_role role, const struct tls_files *files, struct tls_context **ret_tls,
		struct err *err)
{
	SSL_CTX *ctx;
	enum status st = load(role, files, &ctx, err);

	if (st != STATUS_OK)
		return st;
	struct tls_context *tls = calloc(1, sizeof(*tls));
	if (tls == NULL)
		panic("no memory for a TLS context");
	tls->role = role;
	tls->ca = copy(files->ca);
	tls->cert = copy(files->cert);
	tls->key = copy(files->key);
	tls->ctx = ctx;
	pthread_mutex_init(&tls->lock, NULL);
	*ret_tls = tls;
	return STATUS_OK;
}

void
tls_context_free(struct tls_context *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->ca);
	free(tls->cert);
	free(tls->key);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

enum status
tls_context_reload(struct tls_context *tls, struct err *err)
{
	const struct tls_files files = { .ca = tls->ca, .cert = tls->cert, .key = tls->key };
	SSL_CTX *ctx, *old;
	enum status st = load(tls->role, &files, &ctx, err);

	if (st != STATUS_OK)
		return st;
	pthread_mutex_lock(&tls->lock);
	old = tls->ctx;
	tls->ctx = ctx;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old);
	return STATUS_OK;
}

void *
tls_connection_new(struct tls_context *tls)
{
	pthread_mutex_lock(&tls->lock);
	SSL *ssl = SSL_new(tls->ctx);
	pthread_mutex_unlock(&tls->lock);
	return ssl;
}
