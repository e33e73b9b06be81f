/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_address.h - whose request is it, behind proxies that say so, and what counts as one
 * client.
 *
 *	ok = net_set_add(&trusted, SLICE_LIT("10.0.0.0/8"));
 *	client_address_find(&trusted, ex->peer, ex->fields, ex->nfields, address);
 *	client_address_key(address, key);          "192.0.2.7", "2001:db8:0:1::/64"
 *
 * X-Forwarded-For is a list to which each proxy appends the address it was called from; what stands
 * left of the word of the last trusted one is anybody's claim. So the list is read from the right,
 * as long as who says it is trusted: the first address that is not, is the client. A word that is
 * no address ends the reading at the proxy that said it.
 *
 * An IPv6 client is its /64: who has one address there has them all (RFC 6177, RFC 7934).
 *
 * Ownership: none. Threads: any. Limits: NET_SET_MAX networks.
 */
#ifndef FIT_GATEWAY_CLIENT_ADDRESS_H
#define FIT_GATEWAY_CLIENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"

#define NET_SET_MAX 32
/* With room for "/64". */
#define CLIENT_ADDRESS_SIZE (INET6_ADDRSTRLEN + 4)

struct exchange_field;

struct net_set {
	size_t n;
	struct {
		struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
		unsigned bits;           /* of 128 */
	} nets[NET_SET_MAX];
};

/* Adds "10.0.0.0/8", "2001:db8::/32" or a single address. False: it is none, or the set is full. */
bool net_set_add(struct net_set *set, struct slice text) MUST_CHECK;
bool net_set_has(const struct net_set *set, struct slice address);

/* The client's address as text in its usual form; `peer` is who has connected. */
void client_address_find(const struct net_set *trusted, const char *peer,
			 const struct exchange_field *fields, unsigned nfields,
			 char ret_address[CLIENT_ADDRESS_SIZE]);
/* What limits count by. Text that is no address stays as it is. */
void client_address_key(const char *address, char ret_key[CLIENT_ADDRESS_SIZE]);

#endif
