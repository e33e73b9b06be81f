/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/uuid.h"

#include <endian.h>
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

#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

/*
 * Eight digits to four bytes, all at once: the digits of an id are random, so no branch on one of
 * them would be guessed. In each byte, a sum's high bit says on which side of a bound it is; false
 * when one of them is no digit.
 */
static bool
parse_hex8(const void *text, uint8_t ret_bytes[4])
{
	uint64_t w, digit, letter, v;

	memcpy(&w, text, sizeof(w));
	w = le64toh(w);
	digit = ~((w ^ EACH('0')) + EACH(0x80 - 10));
	v = (w | EACH(0x20)) ^ EACH('a' - 1); /* 1 to 6 */
	letter = (v + EACH(0x80 - 1)) & ~(v + EACH(0x80 - 7)) & EACH(0x80);
	if ((w & EACH(0x80)) != 0 || ((digit | letter) & EACH(0x80)) != EACH(0x80))
		return false;
	v = (w & EACH(0x0f)) + 9 * (letter >> 7);
	v = (v << 4 | v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
	uint32_t four = htole32((uint32_t)(v | v >> 16));
	memcpy(ret_bytes, &four, sizeof(four));
	return true;
}

bool
uuid_parse(struct slice text, struct uuid *ret_uuid)
{
	const char *p = text.p;
	char middle[16];
	struct uuid u;

	if (text.n != UUID_TEXT_SIZE - 1 || p[8] != '-' || p[13] != '-' || p[18] != '-' ||
	    p[23] != '-')
		return false;
	memcpy(middle, p + 9, 4);
	memcpy(middle + 4, p + 14, 4);
	memcpy(middle + 8, p + 19, 4);
	memcpy(middle + 12, p + 24, 4);
	if (!parse_hex8(p, u.b) || !parse_hex8(middle, u.b + 4) ||
	    !parse_hex8(middle + 8, u.b + 8) || !parse_hex8(p + 28, u.b + 12))
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
