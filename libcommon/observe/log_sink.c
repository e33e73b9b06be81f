/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/observe/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a pipe may hold while its reader is busy; pages are taken as they fill. */
#define PIPE_BYTES (1024 * 1024)

static struct {
	enum { SINK_WRITE, SINK_SOCKET, SINK_ASK } kind;
	int fd;
	int own; /* the description we made, or -1 */
} sink = { .fd = STDERR_FILENO, .own = -1 };

/* Of SINK_ASK: between the question and the write no other thread takes the room. */
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

void
log_sink_set(int fd)
{
	char path[32];
	struct stat sb;

	if (sink.own >= 0)
		close(sink.own);
	sink.kind = SINK_WRITE;
	sink.fd = fd;
	sink.own = -1;
	if (fstat(fd, &sb) != 0 || S_ISREG(sb.st_mode))
		return;
	if (S_ISSOCK(sb.st_mode)) {
		sink.kind = SINK_SOCKET;
		return;
	}
	/* Bigger where the system allows it. */
	if (S_ISFIFO(sb.st_mode))
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	sink.own = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (sink.own >= 0)
		sink.fd = sink.own;
	else
		sink.kind = SINK_ASK;
}

static ssize_t
ask_and_write(const char *p, size_t n)
{
	struct pollfd pfd = { .fd = sink.fd, .events = POLLOUT };

	pthread_mutex_lock(&asking);
	/* A pipe has room when a page is free, and then takes PIPE_BUF bytes without waiting. */
	ssize_t rc = poll(&pfd, 1, 0) == 1 ? write(sink.fd, p, n) : -1;
	pthread_mutex_unlock(&asking);
	return rc;
}

static ssize_t
send_once(const char *p, size_t n)
{
	switch (sink.kind) {
	case SINK_SOCKET:
		return send(sink.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case SINK_ASK:
		return ask_and_write(p, n);
	case SINK_WRITE:
		break;
	}
	return write(sink.fd, p, n);
}

bool
log_sink_send(const char *p, size_t n)
{
	ssize_t rc;

	do {
		rc = send_once(p, n);
	} while (rc < 0 && errno == EINTR);
	/* The rest of a short write (a full disk) would only garble the next line. */
	return rc == (ssize_t)n;
}
