/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashmap.c - linear probing at a load of at most 3/4; a removal shifts the run behind it
 * back, so there are no tombstones and lookups never slow down with age.
 */
#include "libcommon/base/hashmap.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "libcommon/base/status.h"

#define MIN_SLOTS 16

struct slot {
	uint64_t hash; /* 0: free */
	struct slice key;
	void *value;
};

struct hashmap {
	struct slot *slots;
	size_t mask;
	size_t len;
};

static uint64_t key0, key1;

/* Before main, so that the key never changes under a reader and hashing needs no once-check. */
__attribute__((constructor)) static void
choose_key(void)
{
	rng_bytes(&key0, sizeof(key0));
	rng_bytes(&key1, sizeof(key1));
}

static inline uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

#define SIPROUND                                                                                   \
	do {                                                                                       \
		v0 += v1;                                                                          \
		v1 = rotl(v1, 13) ^ v0;                                                            \
		v0 = rotl(v0, 32);                                                                 \
		v2 += v3;                                                                          \
		v3 = rotl(v3, 16) ^ v2;                                                            \
		v0 += v3;                                                                          \
		v3 = rotl(v3, 21) ^ v0;                                                            \
		v2 += v1;                                                                          \
		v1 = rotl(v1, 17) ^ v2;                                                            \
		v2 = rotl(v2, 32);                                                                 \
	} while (0)

static inline uint64_t
load_le64(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

/* SipHash-2-4: Aumasson, Bernstein, "SipHash: a fast short-input PRF" (2012). */
uint64_t
hash_siphash24(uint64_t k0, uint64_t k1, const void *ptr, size_t n)
{
	const unsigned char *p = ptr;
	uint64_t v0 = k0 ^ 0x736f6d6570736575u;
	uint64_t v1 = k1 ^ 0x646f72616e646f6du;
	uint64_t v2 = k0 ^ 0x6c7967656e657261u;
	uint64_t v3 = k1 ^ 0x7465646279746573u;
	uint64_t tail = (uint64_t)n << 56;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t m = load_le64(p);
		v3 ^= m;
		SIPROUND;
		SIPROUND;
		v0 ^= m;
	}
	for (size_t i = 0; i < n; i++)
		tail |= (uint64_t)p[i] << (8 * i);
	v3 ^= tail;
	SIPROUND;
	SIPROUND;
	v0 ^= tail;
	v2 ^= 0xff;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t
hash_bytes(const void *p, size_t n)
{
	return hash_siphash24(key0, key1, p, n);
}

static inline uint64_t
hash_key(struct slice key)
{
	uint64_t h = hash_bytes(key.p, key.n);

	return h != 0 ? h : 1;
}

static struct slot *
slots_new(size_t n)
{
	struct slot *slots = calloc(n, sizeof(*slots));

	if (slots == NULL)
		panic("hashmap: no memory for %zu slots", n);
	return slots;
}

struct hashmap *
hashmap_new(void)
{
	struct hashmap *map = calloc(1, sizeof(*map));

	if (map == NULL)
		panic("hashmap: no memory");
	map->slots = slots_new(MIN_SLOTS);
	map->mask = MIN_SLOTS - 1;
	return map;
}

void
hashmap_free(struct hashmap *map)
{
	if (map == NULL)
		return;
	free(map->slots);
	free(map);
}

size_t
hashmap_len(const struct hashmap *map)
{
	return map->len;
}

/* The slot that holds the key, or the free one where it would go. */
static struct slot *
find(const struct hashmap *map, uint64_t hash, struct slice key)
{
	size_t i = hash & map->mask;

	for (;;) {
		struct slot *s = &map->slots[i];
		if (s->hash == 0 || (s->hash == hash && slice_eq(s->key, key)))
			return s;
		i = (i + 1) & map->mask;
	}
}

static void
grow(struct hashmap *map)
{
	struct slot *old = map->slots;
	size_t n = map->mask + 1;

	map->slots = slots_new(n * 2);
	map->mask = n * 2 - 1;
	for (size_t i = 0; i < n; i++) {
		if (old[i].hash != 0)
			*find(map, old[i].hash, old[i].key) = old[i];
	}
	free(old);
}

void *
hashmap_get(const struct hashmap *map, struct slice key)
{
	const struct slot *s = find(map, hash_key(key), key);

	return s->hash != 0 ? s->value : NULL;
}

void *
hashmap_put(struct hashmap *map, struct slice key, void *value)
{
	uint64_t hash = hash_key(key);
	struct slot *s = find(map, hash, key);
	void *old = NULL;

	if (s->hash != 0) {
		old = s->value;
	} else if ((map->len + 1) * 4 > (map->mask + 1) * 3) {
		grow(map);
		s = find(map, hash, key);
	}
	if (s->hash == 0)
		map->len++;
	*s = (struct slot){ .hash = hash, .key = key, .value = value };
	return old;
}

void *
hashmap_remove(struct hashmap *map, struct slice key)
{
	struct slot *s = find(map, hash_key(key), key);

	if (s->hash == 0)
		return NULL;
	void *value = s->value;
	size_t hole = (size_t)(s - map->slots);
	/* Each later entry of the run moves back unless its home lies behind the hole. */
	for (size_t i = (hole + 1) & map->mask; map->slots[i].hash != 0; i = (i + 1) & map->mask) {
		size_t home = map->slots[i].hash & map->mask;
		if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct slot){ 0 };
	map->len--;
	return value;
}

bool
hashmap_next(const struct hashmap *map, struct hashmap_iter *it, struct slice *ret_key,
	     void **ret_value)
{
	while (it->i <= map->mask) {
		const struct slot *s = &map->slots[it->i++];
		if (s->hash == 0)
			continue;
		if (ret_key != NULL)
			*ret_key = s->key;
		if (ret_value != NULL)
			*ret_value = s->value;
		return true;
	}
	return false;
}
