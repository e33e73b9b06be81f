/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/uuid.h"

#include <stdatomic.h>

#include <openssl/evp.h>

#include "libcommon/base/arena.h"
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

/*
 * A digit's value plus one; 0: none. By table: the digits of an id are random, so no branch on them
 * would be guessed.
 */
static const uint8_t hex_digits[256] = {
	['0'] = 1, 2,  3,  4,  5,  6,          7,  8,  9,  10, ['A'] = 11,
	12,        13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16,
};

bool
uuid_parse(struct slice text, struct uuid *ret_uuid)
{
	static const uint8_t at[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };
	const unsigned char *p = (const unsigned char *)text.p;
	unsigned bad = 0;
	struct uuid u;

	if (text.n != UUID_TEXT_SIZE - 1)
		return false;
	for (int i = 0; i < 16; i++) {
		unsigned hi = hex_digits[p[at[i]]], lo = hex_digits[p[at[i] + 1]];

		bad |= (hi == 0) | (lo == 0);
		u.b[i] = (uint8_t)((hi - 1) << 4 | ((lo - 1) & 15));
	}
	if (bad || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
		return false;
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

char *
uuid_text(struct arena *arena, const struct uuid *uuid)
{
	char *text = arena_alloc(arena, UUID_TEXT_SIZE);

	uuid_format(uuid, text);
	return text;
}
