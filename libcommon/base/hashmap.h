/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashmap.h - byte-string keys to pointers; open addressing, SipHash-2-4 with a random
 * per-process key (keys come from peers).
 *
 *	struct hashmap *m = hashmap_new();
 *	hashmap_put(m, slice_str("a"), ptr);      returns the old value or NULL
 *	ptr = hashmap_get(m, slice_str("a"));
 *
 * Ownership: the map borrows keys (they must outlive the entry) and values. A put that replaces
 *            a value also replaces the key, since keys often live inside values.
 * Threads:   one at a time; reading a map that nobody changes is free.
 */
#ifndef FIT_BASE_HASHMAP_H
#define FIT_BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

struct hashmap;

struct hashmap *hashmap_new(void);
void hashmap_free(struct hashmap *map);
size_t hashmap_len(const struct hashmap *map);
void *hashmap_get(const struct hashmap *map, struct slice key);
void *hashmap_put(struct hashmap *map, struct slice key, void *value);
void *hashmap_remove(struct hashmap *map, struct slice key);

/* Any order. The map must not change between the calls. */
struct hashmap_iter {
	size_t i;
};
#define HASHMAP_ITER_INIT ((struct hashmap_iter){ 0 })
bool hashmap_next(const struct hashmap *map, struct hashmap_iter *it, struct slice *ret_key,
		  void **ret_value);

uint64_t hash_bytes(const void *p, size_t n); /* the same keyed SipHash */
/* SipHash-2-4 under a key of the caller's, little-endian halves as in the paper. */
uint64_t hash_siphash24(uint64_t k0, uint64_t k1, const void *p, size_t n);

#endif
