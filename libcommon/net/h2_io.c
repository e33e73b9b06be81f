/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/net/h2_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "libcommon/crypto/tls.h"

static const unsigned char alpn_h2[] = { 2, 'h', '2' };

bool
h2_io_init(struct h2_io *io, int fd, struct tls_context *tls, bool server, const char *server_name)
{
	io->fd = fd;
	io->ssl = NULL;
	if (tls == NULL)
		return true;
	SSL *ssl = tls_connection_new(tls);
	if (ssl == NULL)
		return false;
	io->ssl = ssl;
	/* A write that is repeated after WANT_WRITE comes from a buffer that has grown and moved.
	 */
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	if (SSL_set_fd(ssl, fd) != 1)
		return false;
	if (server) {
		SSL_set_accept_state(ssl);
		return true;
	}
	SSL_set_connect_state(ssl);
	if (SSL_set_alpn_protos(ssl, alpn_h2, sizeof(alpn_h2)) != 0)
		return false;
	if (server_name == NULL)
		return true;
	/* SNI carries names only (RFC 6066 section 3); an address is verified as one. */
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) == 1)
		return true;
	ERR_clear_error();
	return SSL_set_tlsext_host_name(ssl, server_name) == 1 &&
	       SSL_set1_host(ssl, server_name) == 1;
}

void
h2_io_fini(struct h2_io *io)
{
	if (io->ssl != NULL) {
		SSL_shutdown(io->ssl);
		ERR_clear_error();
		SSL_free(io->ssl);
		io->ssl = NULL;
	}
	if (io->fd >= 0)
		close(io->fd);
	io->fd = -1;
}

static ssize_t
ssl_result(SSL *ssl, int rc)
{
	int why = SSL_get_error(ssl, rc);

	ERR_clear_error();
	switch (why) {
	case SSL_ERROR_WANT_READ:
		return H2_IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return H2_IO_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return H2_IO_EOF;
	default:
		return H2_IO_ERROR;
	}
}

enum h2_io_result
h2_io_handshake(struct h2_io *io, struct err *err)
{
	const unsigned char *proto;
	unsigned int n;

	if (io->ssl == NULL)
		return H2_IO_DONE;
	ERR_clear_error();
	int rc = SSL_do_handshake(io->ssl);
	if (rc != 1) {
		unsigned long first = ERR_peek_error();
		long verify = SSL_get_verify_result(io->ssl);
		ssize_t result = ssl_result(io->ssl, rc);
		if (result == H2_IO_WANT_READ || result == H2_IO_WANT_WRITE)
			return (enum h2_io_result)result;
		char text[160] = "the peer closed the connection";
		if (verify != X509_V_OK)
			snprintf(text, sizeof(text), "%s", X509_verify_cert_error_string(verify));
		else if (first != 0)
			ERR_error_string_n(first, text, sizeof(text));
		err_set(err, STATUS_UNAVAILABLE, "TLS handshake: %s", text);
		return H2_IO_ERROR;
	}
	SSL_get0_alpn_selected(io->ssl, &proto, &n);
	if (n != 2 || memcmp(proto, "h2", 2) != 0) {
		err_set(err, STATUS_UNAVAILABLE,
			"TLS handshake: the peer does not offer ALPN \"h2\"");
		return H2_IO_ERROR;
	}
	return H2_IO_DONE;
}

ssize_t
h2_io_read(struct h2_io *io, void *buf, size_t n)
{
	if (io->ssl != NULL) {
		int rc = SSL_read(io->ssl, buf, (int)n);
		return rc > 0 ? rc : ssl_result(io->ssl, rc);
	}
	for (;;) {
		ssize_t rc = recv(io->fd, buf, n, 0);
		if (rc >= 0)
			return rc;
		if (errno == EAGAIN)
			return H2_IO_WANT_READ;
		if (errno != EINTR)
			return H2_IO_ERROR;
	}
}

ssize_t
h2_io_write(struct h2_io *io, const void *buf, size_t n)
{
	if (io->ssl != NULL) {
		int rc = SSL_write(io->ssl, buf, (int)n);
		ssize_t result = rc > 0 ? rc : ssl_result(io->ssl, rc);
		return result == H2_IO_EOF ? H2_IO_ERROR : result;
	}
	for (;;) {
		ssize_t rc = send(io->fd, buf, n, MSG_NOSIGNAL);
		if (rc >= 0)
			return rc;
		if (errno == EAGAIN)
			return H2_IO_WANT_WRITE;
		if (errno != EINTR)
			return H2_IO_ERROR;
	}
}

bool
h2_io_pending(const struct h2_io *io)
{
	return io->ssl != NULL && SSL_pending(io->ssl) > 0;
}

/* SPIFFE X509-SVID section 2: exactly one URI name; more than one is refused. */
static bool
uri_name(X509 *cert, char ret_id[H2_IDENTITY_MAX])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	unsigned found = 0;
	bool ok = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
		const char *text = (const char *)ASN1_STRING_get0_data(uri);
		size_t n = (size_t)ASN1_STRING_length(uri);
		ok = ++found == 1 && n < H2_IDENTITY_MAX && n > 9 &&
		     memcmp(text, "spiffe://", 9) == 0 && memchr(text, '\0', n) == NULL;
		if (ok) {
			memcpy(ret_id, text, n);
			ret_id[n] = '\0';
		}
	}
	GENERAL_NAMES_free(names);
	return ok && found == 1;
}

bool
h2_io_peer_identity(const struct h2_io *io, char ret_id[H2_IDENTITY_MAX])
{
	if (io->ssl == NULL || SSL_get_verify_result(io->ssl) != X509_V_OK)
		return false;
	X509 *cert = SSL_get1_peer_certificate(io->ssl);
	if (cert == NULL)
		return false;
	bool ok = uri_name(cert, ret_id);
	X509_free(cert);
	return ok;
}
