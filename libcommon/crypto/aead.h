/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aead.h - AES-256-GCM, bare, and as the ciphertext of one column of one row.
 *
 *	struct aead_place place = { "users", "email", user_id };
 *	st = aead_seal(key, 1, &place, email, &out, &err);       out: bytea for the column
 *	st = aead_open(key, &place, sealed, &plain, &err);
 *
 * A sealed field is
 *
 *	version (1 byte, 1) | key id (4, big-endian) | nonce (12, random) | ciphertext | tag (16)
 *
 * and the tag also covers "table|column|row uuid|key id|version", so a ciphertext that was
 * moved to another row or column, or whose header was changed, does not open: it is an error,
 * never other people's data or garbage. What is not promised: that a row's older value put back
 * in place is noticed.
 *
 * Ownership: inputs are borrowed; `out` grows and belongs to the caller, who wipes it if need be.
 * Threads:   any.
 * Errors:    DATA_LOSS when a ciphertext does not open (too short, unknown version, wrong key,
 *            changed or moved); the text names the place, never the content.
 * Limits:    plaintext AEAD_PLAIN_MAX. Random 96-bit nonces allow 2^32 messages a key (SP 800-38D
 *            section 8.3); keys here are per user.
 * Source:    NIST SP 800-38D.
 */
#ifndef FIT_CRYPTO_AEAD_H
#define FIT_CRYPTO_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct strbuf;

#define AEAD_KEY_SIZE 32
#define AEAD_NONCE_SIZE 12
#define AEAD_TAG_SIZE 16
#define AEAD_HEADER_SIZE (1 + 4 + AEAD_NONCE_SIZE)
#define AEAD_OVERHEAD (AEAD_HEADER_SIZE + AEAD_TAG_SIZE)
#define AEAD_PLAIN_MAX (1 << 20)

/* Where a ciphertext belongs. The names are static text without '|', together below 96 bytes. */
struct aead_place {
	const char *table;
	const char *column;
	struct uuid row;
};

/* Appends the sealed field. `key` has AEAD_KEY_SIZE bytes. INVALID_ARGUMENT: too long. */
enum status aead_seal(struct slice key, uint32_t kid, const struct aead_place *place,
		      struct slice plain, struct strbuf *out, struct err *err) MUST_CHECK;
/* Appends the plaintext; on failure `out` is as it was. */
enum status aead_open(struct slice key, const struct aead_place *place, struct slice sealed,
		      struct strbuf *out, struct err *err) MUST_CHECK;
/* The key id in a sealed field's header, to find the key by. */
enum status aead_key_id(struct slice sealed, uint32_t *ret_kid, struct err *err) MUST_CHECK;

/* The bare cipher. ret_cipher has plain.n bytes. The caller answers for the nonce. */
void aead_gcm_encrypt(struct slice key, const uint8_t nonce[AEAD_NONCE_SIZE], struct slice aad,
		      struct slice plain, uint8_t *ret_cipher, uint8_t ret_tag[AEAD_TAG_SIZE]);
/* False, and ret_plain wiped, when the tag does not fit. */
bool aead_gcm_decrypt(struct slice key, const uint8_t nonce[AEAD_NONCE_SIZE], struct slice aad,
		      struct slice cipher, const uint8_t tag[AEAD_TAG_SIZE],
		      uint8_t *ret_plain) MUST_CHECK;

#endif
