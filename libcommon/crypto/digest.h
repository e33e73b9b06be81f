/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256 and HMAC-SHA256 of bytes in memory, and comparison in constant time.
 *
 *	uint8_t id[DIGEST_SHA256_SIZE];
 *	digest_sha256(slice_str("abc"), id);
 *	digest_hmac_sha256(key, data, mac);
 *	if (!digest_equal_ct(mac, expected, sizeof(mac))) …
 *
 * The algorithms are fetched once per process and the contexts kept per thread: OpenSSL 3
 * otherwise looks them up by name in each call, which costs more than hashing 300 bytes.
 *
 * Ownership: nothing is kept of the inputs but HMAC's padded key, inside the thread's context,
 *            until the next HMAC of that thread or its end.
 * Threads:   any.
 * Errors:    none; a failing OpenSSL is a panic.
 * Source:    FIPS 180-4; RFC 2104.
 */
#ifndef FIT_CRYPTO_DIGEST_H
#define FIT_CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

#define DIGEST_SHA256_SIZE 32

void digest_sha256(struct slice data, uint8_t ret_digest[DIGEST_SHA256_SIZE]);
/* Any key length; an empty key is a bug (panic): no caller means to authenticate with nothing. */
void digest_hmac_sha256(struct slice key, struct slice data, uint8_t ret_mac[DIGEST_SHA256_SIZE]);

/* Time depends on n only. */
bool digest_equal_ct(const void *a, const void *b, size_t n);

#endif
