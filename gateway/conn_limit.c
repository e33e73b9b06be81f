/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with backward-shift deletion; the table has at least twice as many slots as
 * there can be connections, so it never grows and a probe is short.
 */
#include "gateway/conn_limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/base/status.h"

struct slot {
	uint64_t hash; /* 0: free */
	unsigned open;
};

struct conn_limit {
	pthread_mutex_t lock;
	unsigned max, max_per_address, open;
	size_t mask;
	struct slot *slots;
};

struct conn_limit *
conn_limit_new(unsigned max, unsigned max_per_address)
{
	struct conn_limit *limit = calloc(1, sizeof(*limit));
	size_t cap = 64;

	while (cap < 2 * (size_t)max)
		cap *= 2;
	if (limit != NULL)
		limit->slots = calloc(cap, sizeof(*limit->slots));
	if (limit == NULL || limit->slots == NULL)
		panic("conn_limit: no memory");
	pthread_mutex_init(&limit->lock, NULL);
	limit->max = max;
	limit->max_per_address = max_per_address;
	limit->mask = cap - 1;
	return limit;
}

void
conn_limit_free(struct conn_limit *limit)
{
	if (limit == NULL)
		return;
	pthread_mutex_destroy(&limit->lock);
	free(limit->slots);
	free(limit);
}

static uint64_t
hash_of(struct slice address)
{
	return hash_bytes(address.p, address.n) | 1;
}

static size_t
find(const struct conn_limit *limit, uint64_t hash)
{
	size_t i = (hash >> 1) & limit->mask;

	while (limit->slots[i].hash != 0 && limit->slots[i].hash != hash)
		i = (i + 1) & limit->mask;
	return i;
}

bool
conn_limit_enter(struct conn_limit *limit, struct slice address)
{
	uint64_t hash = hash_of(address);
	bool ok = false;

	pthread_mutex_lock(&limit->lock);
	struct slot *slot = address.n > 0 ? &limit->slots[find(limit, hash)] : NULL;
	if (limit->open < limit->max && (slot == NULL || slot->open < limit->max_per_address)) {
		limit->open++;
		ok = true;
	}
	if (ok && slot != NULL) {
		slot->hash = hash;
		slot->open++;
	}
	pthread_mutex_unlock(&limit->lock);
	return ok;
}

/* Closes the gap at i, so that every entry stays reachable from its home slot. */
static void
remove_slot(struct conn_limit *limit, size_t i)
{
	size_t hole = i;

	for (;;) {
		i = (i + 1) & limit->mask;
		if (limit->slots[i].hash == 0)
			break;
		size_t home = (limit->slots[i].hash >> 1) & limit->mask;
		if (((i - home) & limit->mask) >= ((i - hole) & limit->mask)) {
			limit->slots[hole] = limit->slots[i];
			hole = i;
		}
	}
	limit->slots[hole] = (struct slot){ 0 };
}

void
conn_limit_leave(struct conn_limit *limit, struct slice address)
{
	pthread_mutex_lock(&limit->lock);
	limit->open--;
	if (address.n > 0) {
		size_t i = find(limit, hash_of(address));
		if (limit->slots[i].open == 0)
			panic("conn_limit: leave without enter");
		if (--limit->slots[i].open == 0)
			remove_slot(limit, i);
	}
	pthread_mutex_unlock(&limit->lock);
}

unsigned
conn_limit_open(struct conn_limit *limit)
{
	pthread_mutex_lock(&limit->lock);
	unsigned open = limit->open;
	pthread_mutex_unlock(&limit->lock);
	return open;
}
