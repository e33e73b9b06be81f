/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/crypto/envelope.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/aead.h"
#include "libcommon/crypto/keyring.h"
#include "libcommon/crypto/secret.h"

#define WAYS 4       /* slots that a key may be in */
#define SWEEP_STEP 8 /* slots looked at per unwrapping */
#define GENERATION 1
#define INNER_SIZE (4 + AEAD_KEY_SIZE)
#define WRAPPED_SIZE (INNER_SIZE + AEAD_OVERHEAD)

/*
 * A slot is free when expires_ms is 0. The tag of the wrapped form tells one data key of a user
 * from the next, so a key that was replaced or re-wrapped is not found under its old form.
 */
struct slot {
	struct uuid owner;
	uint8_t tag[AEAD_TAG_SIZE];
	int64_t expires_ms;
	uint32_t generation;
	uint8_t key[AEAD_KEY_SIZE];
};

struct envelope {
	const struct keyring *ring;
	int64_t ttl_ms;
	size_t nslots; /* a power of two */
	struct secret *memory;
	struct slot *slots;   /* in `memory` */
	pthread_mutex_t lock; /* guards all below and the slots */
	size_t sweep;
	struct envelope_stats stats;
};

/* An unwrapped data key on the stack; wiped by its cleanup. */
struct data_key {
	uint32_t generation;
	uint8_t key[AEAD_KEY_SIZE];
};

static void
data_key_wipe(struct data_key *dek)
{
	OPENSSL_cleanse(dek, sizeof(*dek));
}

struct envelope *
envelope_new(const struct keyring *ring, size_t cache_keys, int64_t ttl_ms)
{
	struct envelope *env = calloc(1, sizeof(*env));
	size_t n = 16;

	if (env == NULL)
		panic("envelope: no memory");
	if (cache_keys < 16 || cache_keys > 131072 || ttl_ms <= 0)
		panic("envelope: a cache of %zu keys for %lld ms", cache_keys, (long long)ttl_ms);
	while (n < cache_keys)
		n *= 2;
	env->ring = ring;
	env->ttl_ms = ttl_ms;
	env->nslots = n;
	env->memory = secret_new(n * sizeof(struct slot));
	env->slots = (struct slot *)(void *)secret_bytes(env->memory);
	pthread_mutex_init(&env->lock, NULL);
	return env;
}

void
envelope_free(struct envelope *env)
{
	if (env == NULL)
		return;
	secret_free(env->memory);
	pthread_mutex_destroy(&env->lock);
	free(env);
}

/* ---- the cache ---- */

static const uint8_t *
wrapped_tag(struct slice wrapped)
{
	return (const uint8_t *)wrapped.p + wrapped.n - AEAD_TAG_SIZE;
}

static struct slot *
first_way(struct envelope *env, const struct uuid *owner)
{
	size_t set = (size_t)hash_bytes(owner->b, sizeof(owner->b)) & (env->nslots / WAYS - 1);

	return &env->slots[set * WAYS];
}

static void
slot_wipe(struct slot *slot)
{
	OPENSSL_cleanse(slot, sizeof(*slot));
}

static bool
cache_find(struct envelope *env, const struct envelope_key *key, struct data_key *ret_dek)
{
	int64_t now = clock_mono_ms();
	bool found = false;

	pthread_mutex_lock(&env->lock);
	struct slot *slot = first_way(env, &key->owner);
	for (int i = 0; i < WAYS && !found; i++, slot++) {
		if (slot->expires_ms <= now || !uuid_eq(&slot->owner, &key->owner) ||
		    memcmp(slot->tag, wrapped_tag(key->wrapped), AEAD_TAG_SIZE) != 0)
			continue;
		ret_dek->generation = slot->generation;
		memcpy(ret_dek->key, slot->key, AEAD_KEY_SIZE);
		found = true;
	}
	if (found)
		env->stats.hits++;
	else
		env->stats.misses++;
	pthread_mutex_unlock(&env->lock);
	return found;
}

static void
sweep(struct envelope *env, int64_t now)
{
	for (int i = 0; i < SWEEP_STEP; i++) {
		struct slot *slot = &env->slots[env->sweep++ & (env->nslots - 1)];

		if (slot->expires_ms != 0 && slot->expires_ms <= now)
			slot_wipe(slot);
	}
}

/* Takes the way that expires first; a free one has expired longest ago. */
static void
cache_put(struct envelope *env, const struct envelope_key *key, const struct data_key *dek)
{
	int64_t now = clock_mono_ms();
	struct slot *way, *slot;

	pthread_mutex_lock(&env->lock);
	sweep(env, now);
	way = slot = first_way(env, &key->owner);
	for (int i = 1; i < WAYS; i++) {
		if (way[i].expires_ms < slot->expires_ms)
			slot = &way[i];
	}
	slot->owner = key->owner;
	memcpy(slot->tag, wrapped_tag(key->wrapped), AEAD_TAG_SIZE);
	slot->generation = dek->generation;
	memcpy(slot->key, dek->key, AEAD_KEY_SIZE);
	slot->expires_ms = now + env->ttl_ms;
	pthread_mutex_unlock(&env->lock);
}

struct envelope_stats
envelope_stats(struct envelope *env)
{
	struct envelope_stats stats;

	pthread_mutex_lock(&env->lock);
	stats = env->stats;
	pthread_mutex_unlock(&env->lock);
	return stats;
}

/* ---- wrapping ---- */

static struct aead_place
wrapped_place(const struct uuid *owner)
{
	return (struct aead_place){ "data_key", "wrapped", *owner };
}

static enum status
wrap(struct envelope *env, const struct uuid *owner, const struct data_key *dek,
     struct strbuf *ret_wrapped, struct err *err)
{
	struct aead_place place = wrapped_place(owner);
	uint32_t kid = keyring_active(env->ring);
	uint8_t inner[INNER_SIZE];
	enum status st;
	struct slice kek;

	st = keyring_find(env->ring, kid, &kek, err);
	if (st != STATUS_OK)
		return st;
	for (int i = 0; i < 4; i++)
		inner[i] = (uint8_t)(dek->generation >> (24 - 8 * i));
	memcpy(inner + 4, dek->key, AEAD_KEY_SIZE);
	st = aead_seal(kek, kid, &place, slice_make(inner, sizeof(inner)), ret_wrapped, err);
	OPENSSL_cleanse(inner, sizeof(inner));
	return st;
}

static enum status
unwrap(struct envelope *env, const struct envelope_key *key, struct data_key *ret_dek,
       struct err *err)
{
	struct aead_place place = wrapped_place(&key->owner);
	struct strbuf inner = STRBUF_INIT;
	enum status st;
	struct slice kek;
	uint32_t kid;

	st = aead_key_id(key->wrapped, &kid, err);
	if (st != STATUS_OK)
		return st;
	if (key->wrapped.n != WRAPPED_SIZE)
		return err_set(err, STATUS_DATA_LOSS, "a wrapped key of %zu bytes (%d)",
			       key->wrapped.n, WRAPPED_SIZE);
	st = keyring_find(env->ring, kid, &kek, err);
	if (st != STATUS_OK)
		return st;
	st = aead_open(kek, &place, key->wrapped, &inner, err);
	if (st == STATUS_OK) {
		const uint8_t *p = (const uint8_t *)inner.buf;

		ret_dek->generation =
			(uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		memcpy(ret_dek->key, p + 4, AEAD_KEY_SIZE);
	}
	if (inner.buf != NULL)
		OPENSSL_cleanse(inner.buf, inner.cap);
	strbuf_fini(&inner);
	return st;
}

/* The data key, from the cache or unwrapped. */
static enum status
load(struct envelope *env, const struct envelope_key *key, struct data_key *ret_dek,
     struct err *err)
{
	enum status st;

	if (key->wrapped.n == WRAPPED_SIZE && cache_find(env, key, ret_dek))
		return STATUS_OK;
	st = unwrap(env, key, ret_dek, err);
	if (st == STATUS_OK)
		cache_put(env, key, ret_dek);
	return st;
}

enum status
envelope_new_key(struct envelope *env, const struct uuid *owner, struct strbuf *ret_wrapped,
		 struct err *err)
{
	CLEANUP(data_key_wipe) struct data_key dek = { .generation = GENERATION };

	rng_bytes(dek.key, sizeof(dek.key));
	return wrap(env, owner, &dek, ret_wrapped, err);
}

bool
envelope_is_stale(const struct envelope *env, struct slice wrapped)
{
	uint32_t kid;

	return aead_key_id(wrapped, &kid, NULL) == STATUS_OK && kid != keyring_active(env->ring);
}

enum status
envelope_rewrap(struct envelope *env, const struct envelope_key *key, struct strbuf *ret_wrapped,
		struct err *err)
{
	CLEANUP(data_key_wipe) struct data_key dek;
	/* Not through the cache: a sweep over all users must not drive out those who are here. */
	enum status st = unwrap(env, key, &dek, err);

	return st == STATUS_OK ? wrap(env, &key->owner, &dek, ret_wrapped, err) : st;
}

/* ---- fields ---- */

enum status
envelope_seal(struct envelope *env, const struct envelope_key *key, const struct aead_place *place,
	      struct slice plain, struct strbuf *out, struct err *err)
{
	CLEANUP(data_key_wipe) struct data_key dek;
	enum status st = load(env, key, &dek, err);

	if (st != STATUS_OK)
		return st;
	return aead_seal(slice_make(dek.key, AEAD_KEY_SIZE), dek.generation, place, plain, out,
			 err);
}

enum status
envelope_unseal(struct envelope *env, const struct envelope_key *key,
		const struct aead_place *place, struct slice sealed, struct strbuf *out,
		struct err *err)
{
	CLEANUP(data_key_wipe) struct data_key dek;
	enum status st;
	uint32_t generation;

	st = aead_key_id(sealed, &generation, err);
	if (st == STATUS_OK)
		st = load(env, key, &dek, err);
	if (st != STATUS_OK)
		return st;
	if (generation != dek.generation)
		return err_set(err, STATUS_DATA_LOSS,
			       "%s.%s is sealed with data key %u, the user's is %u", place->table,
			       place->column, generation, dek.generation);
	return aead_open(slice_make(dek.key, AEAD_KEY_SIZE), place, sealed, out, err);
}
