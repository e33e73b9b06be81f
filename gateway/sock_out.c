/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sock_out.h"

#include <errno.h>
#include <sys/socket.h>

/* Bytes taken by the kernel, 0 when it takes none now, -1 when the connection is broken. */
static ssize_t
push(int fd, struct iovec *iov, int niov)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)niov };

	for (;;) {
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			return n;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

bool
sock_out_send(struct sock_out *out, struct iovec *iov, int niov)
{
	size_t sent = 0;

	if (sock_out_pending(out) == 0) {
		ssize_t n = push(out->fd, iov, niov);
		if (n < 0)
			return false;
		sent = (size_t)n;
	}
	for (int i = 0; i < niov; i++) {
		size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;

		sent -= skip;
		if (skip < iov[i].iov_len)
			strbuf_add(&out->buf, (const char *)iov[i].iov_base + skip,
				   iov[i].iov_len - skip);
	}
	return true;
}

bool
sock_out_flush(struct sock_out *out)
{
	while (sock_out_pending(out) > 0) {
		struct iovec iov = { out->buf.buf + out->at, sock_out_pending(out) };
		ssize_t n = push(out->fd, &iov, 1);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		out->at += (size_t)n;
	}
	if (sock_out_pending(out) == 0) {
		/* A buffer that had to grow was for a slow peer; most connections never need one.
		 */
		sock_out_fini(out);
	} else if (out->at > out->buf.len / 2) {
		memmove(out->buf.buf, out->buf.buf + out->at, sock_out_pending(out) + 1);
		out->buf.len -= out->at;
		out->at = 0;
	}
	return true;
}

void
sock_out_fini(struct sock_out *out)
{
	strbuf_fini(&out->buf);
	out->buf = STRBUF_INIT;
	out->at = 0;
}
