/* SPDX-License-Identifier: Apache-2.0 */
/* tls: handshakes in memory between contexts with the right and the wrong certificates. */
#include "tests/support/testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "libcommon/crypto/tls.h"

struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

static struct {
	char *dir;
	struct identity ca, other_ca;
	struct err err;
} t;

static struct identity
make_identity(const char *name, const struct identity *issuer, int days)
{
	struct identity id = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *subject = X509_get_subject_name(id.cert);
	static long serial;

	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
	X509_set_version(id.cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), (long)days * 86400);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(id.cert,
			     issuer != NULL ? X509_get_subject_name(issuer->cert) : subject);
	X509_set_pubkey(id.cert, id.key);
	if (issuer == NULL) {
		X509_EXTENSION *ext =
			X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

		X509_add_ext(id.cert, ext, -1);
		X509_EXTENSION_free(ext);
	}
	assert_true(X509_sign(id.cert, issuer != NULL ? issuer->key : id.key, EVP_sha256()) > 0);
	return id;
}

static void
free_identity(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

static char *
write_pem(const char *name, const struct identity *id, bool key, mode_t mode)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *path;
	long n;

	if (key)
		assert_int_equal(PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL),
				 1);
	else
		assert_int_equal(PEM_write_bio_X509(bio, id->cert), 1);
	n = BIO_get_mem_data(bio, &p);
	path = testkit_write_file(t.dir, name, slice_make(p, (size_t)n));
	assert_int_equal(chmod(path, mode), 0);
	BIO_free(bio);
	return path;
}

static int
setup(void **state)
{
	(void)state;
	t.dir = testkit_temp_dir();
	t.ca = make_identity("ca", NULL, 10);
	t.other_ca = make_identity("other ca", NULL, 10);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free_identity(&t.ca);
	free_identity(&t.other_ca);
	testkit_remove_dir(t.dir);
	return 0;
}

/* A context of an identity that `issuer` signed, which trusts `trusted`. */
static struct tls_context *
context(enum tls_role role, const struct identity *issuer, const struct identity *trusted, int days)
{
	struct identity id = make_identity(role == TLS_SERVER ? "server" : "client", issuer, days);
	char *ca = write_pem("ca.pem", trusted, false, 0644),
	     *cert = write_pem("c.pem", &id, false, 0644);
	char *key = write_pem("k.pem", &id, true, 0600);
	struct tls_context *ctx = NULL;

	ASSERT_OK(tls_context_new(role, &(struct tls_files){ ca, cert, key }, &ctx, &t.err),
		  &t.err);
	free(ca);
	free(cert);
	free(key);
	free_identity(&id);
	return ctx;
}

/* Whether both sides finish, and the server then has the client's certificate. */
static bool
shake(SSL *server, SSL *client, const unsigned char *alpn, unsigned nalpn)
{
	BIO *a, *b;
	X509 *peer;
	bool good;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	assert_int_equal(SSL_set_alpn_protos(client, alpn, nalpn), 0);
	for (int i = 0; i < 10; i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	good = SSL_is_init_finished(client) && SSL_is_init_finished(server);
	peer = SSL_get1_peer_certificate(server);
	good = good && peer != NULL && SSL_version(server) == TLS1_3_VERSION;
	X509_free(peer);
	ERR_clear_error();
	SSL_free(server);
	SSL_free(client);
	return good;
}

static bool
handshake(struct tls_context *server, struct tls_context *client, const unsigned char *alpn,
	  unsigned nalpn)
{
	return shake(tls_connection_new(server), tls_connection_new(client), alpn, nalpn);
}

static const unsigned char h2[] = { 2, 'h', '2' };
static const unsigned char h1_h2[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1', 2, 'h', '2' };
static const unsigned char h1[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

static void
test_tls_both_sides_authenticated(void **state)
{
	struct tls_context *server = context(TLS_SERVER, &t.ca, &t.ca, 1),
			   *client = context(TLS_CLIENT, &t.ca, &t.ca, 1);

	(void)state;
	assert_true(handshake(server, client, h2, sizeof(h2)));
	assert_true(handshake(server, client, h1_h2, sizeof(h1_h2)));
	assert_false(handshake(server, client, h1, sizeof(h1)));
	tls_context_free(server);
	tls_context_free(client);
}

static void
test_tls_refuses_strangers(void **state)
{
	struct {
		struct tls_context *server, *client;
	} cases[] = {
		{ context(TLS_SERVER, &t.ca, &t.ca, 1),
		  context(TLS_CLIENT, &t.other_ca, &t.ca, 1) },
		{ context(TLS_SERVER, &t.other_ca, &t.ca, 1),
		  context(TLS_CLIENT, &t.ca, &t.ca, 1) },
		{ context(TLS_SERVER, &t.ca, &t.ca, 1), context(TLS_CLIENT, &t.ca, &t.ca, -1) },
		{ context(TLS_SERVER, &t.ca, &t.ca, -1), context(TLS_CLIENT, &t.ca, &t.ca, 1) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_false(handshake(cases[i].server, cases[i].client, h2, sizeof(h2)));
		tls_context_free(cases[i].server);
		tls_context_free(cases[i].client);
	}
}

static void
test_tls_refuses_clients_without_a_certificate(void **state)
{
	struct tls_context *server = context(TLS_SERVER, &t.ca, &t.ca, 1);
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());

	(void)state;
	assert_false(shake(tls_connection_new(server), SSL_new(client), h2, sizeof(h2)));
	SSL_CTX_free(client);
	tls_context_free(server);
}

static void
test_tls_refuses_older_versions(void **state)
{
	struct tls_context *server = context(TLS_SERVER, &t.ca, &t.ca, 1),
			   *client = context(TLS_CLIENT, &t.ca, &t.ca, 1);

	(void)state;
	SSL *old = tls_connection_new(client);
	SSL_set_min_proto_version(old, TLS1_2_VERSION);
	SSL_set_max_proto_version(old, TLS1_2_VERSION);
	assert_false(shake(tls_connection_new(server), old, h2, sizeof(h2)));
	tls_context_free(server);
	tls_context_free(client);
}

/* New files count after a reload, bad ones never; a connection keeps what it was made of. */
static void
test_tls_reload(void **state)
{
	struct tls_context *server = context(TLS_SERVER, &t.ca, &t.ca, 1);
	struct tls_context *client = context(TLS_CLIENT, &t.ca, &t.ca, 1);
	struct tls_context *other = context(TLS_CLIENT, &t.other_ca, &t.other_ca, 1);
	struct identity next = make_identity("server", &t.other_ca, 1);

	(void)state;
	/* The files of the server's context are those that context() wrote last. */
	free(write_pem("ca.pem", &t.other_ca, false, 0644));
	free(write_pem("c.pem", &next, false, 0644));
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, tls_context_reload(server, &t.err), &t.err);
	assert_true(handshake(server, client, h2, sizeof(h2)));
	free(write_pem("k.pem", &next, true, 0600));
	SSL *before = tls_connection_new(server);
	ASSERT_OK(tls_context_reload(server, &t.err), &t.err);
	assert_true(handshake(server, other, h2, sizeof(h2)));
	assert_false(handshake(server, client, h2, sizeof(h2)));
	assert_true(shake(before, tls_connection_new(client), h2, sizeof(h2)));
	free_identity(&next);
	tls_context_free(server);
	tls_context_free(client);
	tls_context_free(other);
}

static void
test_tls_bad_files(void **state)
{
	struct identity id = make_identity("a", &t.ca, 1), other = make_identity("b", &t.ca, 1);
	char *ca = write_pem("ca.pem", &t.ca, false, 0644),
	     *cert = write_pem("c.pem", &id, false, 0644);
	char *key = write_pem("k.pem", &id, true, 0600),
	     *wrong = write_pem("w.pem", &other, true, 0600);
	char *open_key = write_pem("o.pem", &id, true, 0644);
	const struct tls_files cases[] = {
		{ "/nonexistent", cert, key },
		{ ca, "/nonexistent", key },
		{ ca, cert, "/nonexistent" },
		{ key, cert, key },
		{ ca, key, key },
		{ ca, cert, cert },
		{ ca, cert, wrong },
		{ ca, cert, open_key },
	};
	struct tls_context *ctx = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ASSERT_STATUS(STATUS_FAILED_PRECONDITION,
			      tls_context_new(TLS_SERVER, &cases[i], &ctx, &t.err), &t.err);
	ASSERT_CONTAINS(t.err.text, open_key);
	assert_null(ctx);
	free(ca);
	free(cert);
	free(key);
	free(wrong);
	free(open_key);
	free_identity(&id);
	free_identity(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tls_both_sides_authenticated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_refuses_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_refuses_older_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_refuses_clients_without_a_certificate,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls_bad_files, setup, teardown),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
