/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h - fields sealed with a key per user, which is itself wrapped by the key ring.
 *
 *	struct envelope *env = envelope_new(ring, 4096, 300000);
 *	st = envelope_new_key(env, &user, &wrapped, &err);              into users.wrapped_key
 *	struct envelope_key key = { user, strbuf_slice(&wrapped) };
 *	st = envelope_seal(env, &key, &place, email, &out, &err);
 *	st = envelope_unseal(env, &key, &place, sealed, &plain, &err);
 *
 * The data key (DEK) of a user is random; forgetting its wrapped form makes all that was sealed
 * with it unreadable, also in backups (crypto-shredding). The key-encryption key (KEK) never
 * touches a field, so its rotation re-wraps one small value a user (envelope_rewrap) and no
 * field.
 *
 * A wrapped key is an aead field whose key id is the KEK's number, sealed at the place
 * "data_key|wrapped|user"; inside are the DEK's generation (4 bytes, big-endian, 1 for now) and
 * the DEK (32). The generation is the key id of the fields.
 *
 * Unwrapped keys are cached in locked memory, at most `cache_keys` of them, each `ttl_ms` long;
 * an expired one is wiped when its place is wanted or the sweep comes by, which every
 * unwrapping moves on by a few places.
 *
 * Ownership: the ring is borrowed and must outlive the envelope. Threads: any.
 * Errors:    DATA_LOSS: the field or the wrapped key does not open; INTERNAL: the ring lacks
 *            the KEK.
 * Limits:    cache_keys 16..131072, rounded up to a power of two.
 */
#ifndef FIT_CRYPTO_ENVELOPE_H
#define FIT_CRYPTO_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct aead_place;
struct envelope;
struct keyring;
struct strbuf;

/* Whose data key, and its wrapped form as stored. */
struct envelope_key {
	struct uuid owner;
	struct slice wrapped;
};

struct envelope *envelope_new(const struct keyring *ring, size_t cache_keys, int64_t ttl_ms);
void envelope_free(struct envelope *env);

/* Appends the wrapped form of a new data key. */
enum status envelope_new_key(struct envelope *env, const struct uuid *owner,
			     struct strbuf *ret_wrapped, struct err *err) MUST_CHECK;
enum status envelope_seal(struct envelope *env, const struct envelope_key *key,
			  const struct aead_place *place, struct slice plain, struct strbuf *out,
			  struct err *err) MUST_CHECK;
enum status envelope_unseal(struct envelope *env, const struct envelope_key *key,
			    const struct aead_place *place, struct slice sealed, struct strbuf *out,
			    struct err *err) MUST_CHECK;

/* True when the key is wrapped by a KEK that is not the active one. */
bool envelope_is_stale(const struct envelope *env, struct slice wrapped);
/* Appends the same data key wrapped by the active KEK. */
enum status envelope_rewrap(struct envelope *env, const struct envelope_key *key,
			    struct strbuf *ret_wrapped, struct err *err) MUST_CHECK;

struct envelope_stats {
	uint64_t hits;
	uint64_t misses;
};
struct envelope_stats envelope_stats(struct envelope *env);

#endif
