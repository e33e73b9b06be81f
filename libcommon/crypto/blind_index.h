/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blind_index.h - finds a row by a value that is stored encrypted: a keyed hash of the value
 * beside it.
 *
 *	blind_index(key, "email", normalised, bidx);         WHERE email_bidx = $1
 *
 * HMAC-SHA256(key, "<name>|v1|" + value), whole 32 bytes, since the index is unique. The key is
 * of its own, apart from those that encrypt. What it leaks: which rows have equal values, to
 * who reads the table; whether a guessed value is there, to who has the key too. The name keeps
 * indexes of different columns apart.
 *
 * Ownership: none. Threads: any. Errors: none. Limits: the name is static text without '|'.
 */
#ifndef FIT_CRYPTO_BLIND_INDEX_H
#define FIT_CRYPTO_BLIND_INDEX_H

#include <stdint.h>

#include "libcommon/base/slice.h"

#define BLIND_INDEX_SIZE 32

void blind_index(struct slice key, const char *name, struct slice value,
		 uint8_t ret_index[BLIND_INDEX_SIZE]);

#endif
