/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h - key material in memory of its own: locked, left out of core dumps, wiped when freed.
 *
 *	struct secret *key;
 *	st = secret_from_hex(slice_str(cfg->bidx_key), 32, &key, &err);
 *	digest_hmac_sha256(secret_slice(key), data, mac);
 *	secret_free(key);
 *
 * Each secret takes whole pages, so this is for the few long-lived keys of a process; what is
 * many (data keys of users) lives in one such region, see envelope.c.
 *
 * Ownership: the caller owns the secret; a slice of it is valid until secret_free.
 * Threads:   immutable once filled, free to share.
 * Errors:    texts name the file or the length, never the content.
 * Limits:    SECRET_MAX, files SECRET_FILE_MAX; locking is best effort (RLIMIT_MEMLOCK),
 *            leaving out of dumps is not.
 */
#ifndef FIT_CRYPTO_SECRET_H
#define FIT_CRYPTO_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define SECRET_MAX (16 << 20)
#define SECRET_FILE_MAX 65536

struct secret;

/* n zero bytes, to be filled through secret_bytes. Panics when n is 0 or above SECRET_MAX. */
struct secret *secret_new(size_t n);
void secret_free(struct secret *secret);
uint8_t *secret_bytes(struct secret *secret);
struct slice secret_slice(const struct secret *secret);

struct secret *secret_copy(struct slice bytes);
/* Exactly 2n hex digits; white space around them is ignored. INVALID_ARGUMENT otherwise. */
enum status secret_from_hex(struct slice text, size_t n, struct secret **ret_secret,
			    struct err *err) MUST_CHECK;
/*
 * The whole file as bytes. Refused (FAILED_PRECONDITION): not a regular file, accessible to
 * others than owner and group, empty, or above SECRET_FILE_MAX.
 */
enum status secret_from_file(const char *path, struct secret **ret_secret,
			     struct err *err) MUST_CHECK;

/* For CLEANUP(). */
void secret_freep(struct secret **secret);

#endif
