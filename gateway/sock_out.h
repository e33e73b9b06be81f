/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_out.h - output of one socket: straight to the kernel while it takes it, a buffer for the
 * rest.
 *
 *	if (!sock_out_send(&out, iov, 2)) … the peer is gone …
 *	if (sock_out_pending(&out) > 0) … watch for writability, then sock_out_flush(&out) …
 *
 * Ownership:  the buffer is the sock_out's; the socket is borrowed. Threads: one.
 * Errors:     false: the connection is broken (errno says how).
 */
#ifndef FIT_GATEWAY_SOCK_OUT_H
#define FIT_GATEWAY_SOCK_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"

struct sock_out {
	int fd;
	struct strbuf buf;
	size_t at; /* sent of buf */
};

static inline size_t
sock_out_pending(const struct sock_out *out)
{
	return out->buf.len - out->at;
}

/* struct iovec has no const; sending does not write. */
static inline struct iovec
sock_out_iov(const void *p, size_t n)
{
	return (struct iovec){ (void *)(uintptr_t)p, n };
}

/* Order is kept: goes behind what waits already. */
bool sock_out_send(struct sock_out *out, struct iovec *iov, int niov) MUST_CHECK;
bool sock_out_flush(struct sock_out *out) MUST_CHECK;
void sock_out_fini(struct sock_out *out);

#endif
