/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lru.h - bounded cache: byte-string keys (copied) to values with an expiry; evicts the least
 * recently used.
 *
 * Ownership: the cache owns values and frees them with `free_value` on eviction, replacement,
 *            removal and lru_free. A pointer from lru_get is valid until the next call.
 * Threads:   one at a time (the gateway has one per loop).
 */
#ifndef FIT_BASE_LRU_H
#define FIT_BASE_LRU_H

#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/slice.h"

struct lru;

struct lru *lru_new(size_t max_entries, void (*free_value)(void *));
void lru_free(struct lru *lru);
/* NULL when absent or expired (mono_ms >= expires_ms). */
void *lru_get(struct lru *lru, struct slice key, int64_t mono_ms);
void lru_put(struct lru *lru, struct slice key, void *value, int64_t expires_mono_ms);
void lru_remove(struct lru *lru, struct slice key);
size_t lru_len(const struct lru *lru);

#endif
