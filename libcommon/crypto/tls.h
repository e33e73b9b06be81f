/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - TLS contexts for calls between our own processes: TLS 1.3, both sides show a
 * certificate.
 *
 *	struct tls_files files = { .ca = "ca.pem", .cert = "auth.pem", .key = "auth.key" };
 *	st = tls_context_new(TLS_SERVER, &files, &tls, &err);
 *	rpc_server_open(&(struct rpc_server_options){ .tls = tls, … }, …);
 *	st = tls_context_reload(tls, &err);        the files have changed
 *
 * The peer's chain must end in one of the certificates of `ca`, and nothing else is trusted: not
 * the system's authorities. Who the peer is (its SPIFFE id, its host name) is for the caller to
 * check (h2_io.h). ALPN: the server takes "h2" and nothing else. There are no session tickets:
 * each connection is authenticated anew, and a connection lasts for many calls.
 *
 * Ownership: the context is the caller's and outlives what it was given to; each connection made
 *            from it holds what it was made of, also across a reload.
 * Threads:   any, once made.
 * Errors:    FAILED_PRECONDITION names the file and what is wrong with it; a reload then keeps
 *            what there was. The key's file may not be accessible to others (secret.h).
 * Source:    RFC 8446; RFC 9113 section 3.2 (ALPN).
 */
#ifndef FIT_CRYPTO_TLS_H
#define FIT_CRYPTO_TLS_H

#include "libcommon/base/status.h"

struct tls_context;

enum tls_role { TLS_SERVER, TLS_CLIENT };

struct tls_files {
	const char *ca;   /* PEM: who signs our processes' certificates */
	const char *cert; /* PEM: own certificate, then those between it and the CA */
	const char *key;  /* PEM, not encrypted */
};

enum status tls_context_new(enum tls_role role, const struct tls_files *files,
			    struct tls_context **ret_tls, struct err *err) MUST_CHECK;
void tls_context_free(struct tls_context *tls);
/* Reads the same files again; connections from now on are made of them. */
enum status tls_context_reload(struct tls_context *tls, struct err *err) MUST_CHECK;
/* An SSL for one connection, the caller's; NULL: no memory. */
void *tls_connection_new(struct tls_context *tls);

#endif
