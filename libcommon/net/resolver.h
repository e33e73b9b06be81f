/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - names to addresses without blocking a loop: getaddrinfo(3) on a thread of its own.
 *
 *	r = resolver_start(loop, "workout", "7103", on_addresses, arg);
 *	resolver_cancel(r);                        no callback any more
 *
 * A numeric address needs no thread, but the answer comes from the loop all the same.
 *
 * Ownership: the resolution is gone once fn has run or it is cancelled. Threads: the loop's.
 * Errors:    fn gets count 0 and err. Limits: RESOLVER_MAX addresses; the system's own time-outs.
 */
#ifndef FIT_NET_RESOLVER_H
#define FIT_NET_RESOLVER_H

#include <stddef.h>
#include <sys/socket.h>

#include "libcommon/base/status.h"

#define RESOLVER_MAX 8

struct loop;
struct resolver;

struct resolver_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

typedef void (*resolver_fn)(const struct resolver_address *addrs, size_t count,
			    const struct err *err, void *arg);

struct resolver *resolver_start(struct loop *loop, const char *host, const char *port,
				resolver_fn fn, void *arg);
void resolver_cancel(struct resolver *resolver);

#endif
