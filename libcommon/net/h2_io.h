/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2_io.h - the byte stream below an HTTP/2 session: a non-blocking socket, with or without TLS.
 *
 *	h2_io_init(&io, fd, tls, true, NULL);
 *	switch (h2_io_handshake(&io, &err)) …
 *	n = h2_io_read(&io, buf, sizeof(buf));     > 0 bytes, or one of enum h2_io_result
 *
 * With TLS, both sides must agree on ALPN "h2" (RFC 9113 section 3.2); the peer's certificate is
 * verified as the context says, a client also checks `server_name`.
 *
 * Ownership: owns fd and SSL; the context is borrowed for h2_io_init only. Threads: one.
 */
#ifndef FIT_NET_H2_IO_H
#define FIT_NET_H2_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "libcommon/base/status.h"

#define H2_IDENTITY_MAX 256

enum h2_io_result {
	H2_IO_EOF = 0,        /* the peer closed in order */
	H2_IO_WANT_READ = -1, /* nothing now: wait until readable */
	H2_IO_WANT_WRITE = -2,
	H2_IO_ERROR = -3, /* the connection is broken */
	H2_IO_DONE = 1,   /* of the handshake */
};

struct tls_context;

struct h2_io {
	int fd;
	void *ssl; /* SSL *, NULL: plain */
};

/* Returns false when the TLS library has no memory. `server_name` may be NULL on the server. */
bool h2_io_init(struct h2_io *io, int fd, struct tls_context *tls, bool server,
		const char *server_name) MUST_CHECK;
void h2_io_fini(struct h2_io *io);
enum h2_io_result h2_io_handshake(struct h2_io *io, struct err *err) MUST_CHECK;
ssize_t h2_io_read(struct h2_io *io, void *buf, size_t n) MUST_CHECK;
ssize_t h2_io_write(struct h2_io *io, const void *buf, size_t n) MUST_CHECK;
/* Bytes that were read off the socket already and wait inside TLS. */
bool h2_io_pending(const struct h2_io *io);
/* The peer's SPIFFE id: the one URI name "spiffe://…" of its verified certificate. */
bool h2_io_peer_identity(const struct h2_io *io, char ret_id[H2_IDENTITY_MAX]) MUST_CHECK;

#endif
