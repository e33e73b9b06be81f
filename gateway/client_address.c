/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/client_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gateway/exchange.h"

#define V4_BITS 96 /* of an IPv4 address in IPv6's clothes */

static bool
parse_address(struct slice text, struct in6_addr *ret_address)
{
	char buf[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (text.n == 0 || text.n >= sizeof(buf) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';
	if (inet_pton(AF_INET, buf, &v4) == 1) {
		memset(ret_address, 0, sizeof(*ret_address));
		ret_address->s6_addr[10] = ret_address->s6_addr[11] = 0xff;
		memcpy(&ret_address->s6_addr[12], &v4, sizeof(v4));
		return true;
	}
	return inet_pton(AF_INET6, buf, ret_address) == 1;
}

static void
write_address(const struct in6_addr *address, char ret_text[CLIENT_ADDRESS_SIZE])
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], ret_text, CLIENT_ADDRESS_SIZE);
	else
		inet_ntop(AF_INET6, address, ret_text, CLIENT_ADDRESS_SIZE);
}

static void
keep_bits(struct in6_addr *address, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;
		if (keep < 8)
			address->s6_addr[i] &= (uint8_t)(0xff00u >> keep);
	}
}

/* ---- networks ---- */

static bool
parse_bits(struct slice text, unsigned max, unsigned *ret_bits)
{
	unsigned bits = 0;

	if (text.n == 0 || text.n > 3)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		bits = 10 * bits + (unsigned)(text.p[i] - '0');
	}
	*ret_bits = bits;
	return bits <= max;
}

bool
net_set_add(struct net_set *set, struct slice text)
{
	const char *slash = memchr(text.p, '/', text.n);
	size_t n = slash != NULL ? (size_t)(slash - text.p) : text.n;
	struct in6_addr address;
	unsigned bits = 128;

	if (set->n == NET_SET_MAX || !parse_address(slice_make(text.p, n), &address))
		return false;
	unsigned before =
		IN6_IS_ADDR_V4MAPPED(&address) && memchr(text.p, ':', n) == NULL ? V4_BITS : 0;
	if (slash != NULL) {
		if (!parse_bits(slice_make(slash + 1, text.n - n - 1), 128 - before, &bits))
			return false;
		bits += before;
	}
	keep_bits(&address, bits);
	set->nets[set->n].address = address;
	set->nets[set->n++].bits = bits;
	return true;
}

static bool
has(const struct net_set *set, const struct in6_addr *address)
{
	for (size_t i = 0; i < set->n; i++) {
		struct in6_addr net = *address;

		keep_bits(&net, set->nets[i].bits);
		if (memcmp(&net, &set->nets[i].address, sizeof(net)) == 0)
			return true;
	}
	return false;
}

bool
net_set_has(const struct net_set *set, struct slice address)
{
	struct in6_addr a;

	return set->n > 0 && parse_address(address, &a) && has(set, &a);
}

/* ---- X-Forwarded-For ---- */

/* Cuts the last element off *list; false at its beginning. */
static bool
last_item(struct slice *list, struct slice *ret_item)
{
	if (list->p == NULL)
		return false;
	const char *comma = list->n > 0 ? memrchr(list->p, ',', list->n) : NULL;
	const char *start = comma != NULL ? comma + 1 : list->p;

	*ret_item = http_trim(slice_make(start, (size_t)(list->p + list->n - start)));
	*list = comma != NULL ? slice_make(list->p, (size_t)(comma - list->p)) : SLICE_NONE;
	return true;
}

/* "192.0.2.7", "192.0.2.7:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711". */
static bool
parse_hop(struct slice item, struct in6_addr *ret_address)
{
	if (item.n > 2 && item.p[0] == '[') {
		const char *end = memchr(item.p, ']', item.n);

		if (end == NULL)
			return false;
		return parse_address(slice_make(item.p + 1, (size_t)(end - item.p) - 1),
				     ret_address);
	}
	const char *colon = item.n > 0 ? memchr(item.p, ':', item.n) : NULL;
	if (colon != NULL && memrchr(item.p, ':', item.n) == colon)
		item.n = (size_t)(colon - item.p);
	return parse_address(item, ret_address);
}

void
client_address_find(const struct net_set *trusted, const char *peer,
		    const struct exchange_field *fields, unsigned nfields,
		    char ret_address[CLIENT_ADDRESS_SIZE])
{
	struct in6_addr client, said;
	struct slice item;

	snprintf(ret_address, CLIENT_ADDRESS_SIZE, "%s", peer);
	if (trusted->n == 0 || !parse_address(slice_str(peer), &client))
		return;
	/* Several fields are one list. */
	for (unsigned i = nfields; i-- > 0;) {
		struct slice list = fields[i].value;

		if (!http_name_eq(fields[i].name, SLICE_LIT("x-forwarded-for")))
			continue;
		while (last_item(&list, &item)) {
			if (!has(trusted, &client) || !parse_hop(item, &said))
				goto out;
			client = said;
		}
	}
out:
	write_address(&client, ret_address);
}

void
client_address_key(const char *address, char ret_key[CLIENT_ADDRESS_SIZE])
{
	struct in6_addr a;

	if (!parse_address(slice_str(address), &a) || IN6_IS_ADDR_V4MAPPED(&a)) {
		snprintf(ret_key, CLIENT_ADDRESS_SIZE, "%s", address);
		return;
	}
	keep_bits(&a, 64);
	write_address(&a, ret_key);
	size_t n = strlen(ret_key);
	snprintf(ret_key + n, CLIENT_ADDRESS_SIZE - n, "/64");
}
