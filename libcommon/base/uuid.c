/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/uuid.h"

#include <stdatomic.h>

#include <openssl/evp.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/status.h"

static struct uuid
with_version(struct uuid u, unsigned version)
{
	u.b[6] = (uint8_t)((u.b[6] & 0x0f) | version << 4);
	u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
	return u;
}

struct uuid
uuid_v4(void)
{
	struct uuid u = { { 0 } };

	rng_bytes(u.b, sizeof(u.b));
	return with_version(u, 4);
}

/*
 * 48 bits of time and the 12 of rand_a are one number that only grows: within a millisecond,
 * or when the wall clock steps back, it counts up from a random start, and a full counter
 * borrows from the next millisecond (RFC 9562 section 6.2, method 1).
 */
struct uuid
uuid_v7(void)
{
	static _Atomic uint64_t last;
	struct uuid u = { { 0 } };

	rng_bytes(u.b + 6, 10);
	/* The start leaves the counter's top bit free, so that it seldom runs over. */
	uint64_t start = (uint64_t)(u.b[6] & 0x07) << 8 | u.b[7];
	uint64_t now = (uint64_t)clock_wall_ms() << 12 | start;
	uint64_t old = atomic_load_explicit(&last, memory_order_relaxed);
	uint64_t next;
	do {
		next = now >> 12 > old >> 12 ? now : old + 1;
	} while (!atomic_compare_exchange_weak_explicit(&last, &old, next, memory_order_relaxed,
							memory_order_relaxed));

	for (int i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(next >> (52 - 8 * i));
	u.b[6] = (uint8_t)(next >> 8 & 0x0f);
	u.b[7] = (uint8_t)next;
	return with_version(u, 7);
}

struct uuid
uuid_v5(struct uuid ns, struct slice name)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct uuid u;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, ns.b, sizeof(ns.b)) != 1 ||
	    EVP_DigestUpdate(ctx, name.p, name.n) != 1 ||
	    EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		panic("uuid_v5: SHA-1 is not available");
	EVP_MD_CTX_free(ctx);
	memcpy(u.b, digest, sizeof(u.b));
	return with_version(u, 5);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
uuid_parse(struct slice text, struct uuid *ret_uuid)
{
	struct uuid u;
	const char *p = text.p;

	if (text.n != UUID_TEXT_SIZE - 1)
		return false;
	for (int i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return false;
		int hi = hex_value(p[0]), lo = hex_value(p[1]);
		if ((hi | lo) < 0)
			return false;
		u.b[i] = (uint8_t)(hi << 4 | lo);
		p += 2;
	}
	*ret_uuid = u;
	return true;
}

bool
uuid_parse_str(const char *text, struct uuid *ret_uuid)
{
	return uuid_parse(slice_str(text), ret_uuid);
}

void
uuid_format(const struct uuid *uuid, char buf[UUID_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *p = buf;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[uuid->b[i] >> 4];
		*p++ = hex[uuid->b[i] & 15];
	}
	*p = '\0';
}
