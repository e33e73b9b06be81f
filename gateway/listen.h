/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - listening TCP sockets for several loops on one port (SO_REUSEPORT).
 *
 * Address: "127.0.0.1:8080", "[::1]:8080", ":8080" is refused (say 0.0.0.0 if you mean it).
 * Port 0 picks one. Sockets accepted from it inherit TCP_NODELAY.
 *
 * Ownership:  the fd is the caller's to close. Threads: any.
 * Errors:     INVALID_ARGUMENT: no such address; UNAVAILABLE: the kernel refuses it.
 */
#ifndef FIT_GATEWAY_LISTEN_H
#define FIT_GATEWAY_LISTEN_H

#include "libcommon/base/status.h"

#define LISTEN_BACKLOG 1024

enum status listen_open(const char *address, int *ret_fd, struct err *err) MUST_CHECK;
int listen_port(int fd);
/*
 * Before the end: new connection attempts go unheard (a client's kernel asks again after a second,
 * and meets the successor or is refused); those under way complete and can be accepted. Without
 * this, what arrives between the last accept and the close would be reset.
 */
void listen_shut(int fd);

#endif
