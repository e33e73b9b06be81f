/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.h - the key-encryption keys of an environment: a folder of files, one of them active.
 *
 *	kek/1.key  kek/2.key       64 hex digits (openssl rand -hex 32), mode 0600
 *	st = keyring_open("/run/secrets/kek", 0, &ring, &err);
 *
 * The number in the file's name is the key's id. New things are wrapped with the active key,
 * the highest number unless another is named; all others only unwrap. So a rotation is: give
 * every replica the new file while naming the old one active, then stop naming it, re-wrap, and
 * take the old file away. Names that begin with a dot are passed over (a mounted Kubernetes
 * secret has such links); any other name that is not a key's is an error, since a typing error
 * there must not go unseen.
 *
 * Ownership: the ring owns its keys; slices are valid until keyring_close.
 * Threads:   immutable after open.
 * Errors:    FAILED_PRECONDITION at open, naming the file; never its content. INTERNAL: a key
 *            that is needed is not there, which is the operator's to mend and not the caller's.
 * Limits:    KEYRING_MAX keys.
 */
#ifndef FIT_CRYPTO_KEYRING_H
#define FIT_CRYPTO_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define KEYRING_MAX 64

struct keyring;

/* active == 0: the highest number. */
enum status keyring_open(const char *dir, uint32_t active, struct keyring **ret_ring,
			 struct err *err) MUST_CHECK;
void keyring_close(struct keyring *ring);
uint32_t keyring_active(const struct keyring *ring);
/* AEAD_KEY_SIZE bytes; INTERNAL when the ring has no such key. */
enum status keyring_find(const struct keyring *ring, uint32_t kid, struct slice *ret_key,
			 struct err *err) MUST_CHECK;

#endif
