/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/lru.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/base/status.h"

struct entry {
	struct entry *newer;
	struct entry *older;
	void *value;
	int64_t expires_ms;
	size_t key_len;
	char key[];
};

struct lru {
	struct hashmap *map; /* key -> entry; the entry owns the key */
	struct entry *newest;
	struct entry *oldest;
	size_t max_entries;
	void (*free_value)(void *);
};

struct lru *
lru_new(size_t max_entries, void (*free_value)(void *))
{
	struct lru *lru = calloc(1, sizeof(*lru));

	if (lru == NULL)
		panic("lru: no memory");
	if (max_entries == 0)
		panic("lru: max_entries is 0");
	lru->map = hashmap_new();
	lru->max_entries = max_entries;
	lru->free_value = free_value;
	return lru;
}

static void
unlink_entry(struct lru *lru, struct entry *e)
{
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		lru->newest = e->older;
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		lru->oldest = e->newer;
}

static void
link_newest(struct lru *lru, struct entry *e)
{
	e->newer = NULL;
	e->older = lru->newest;
	if (lru->newest != NULL)
		lru->newest->newer = e;
	else
		lru->oldest = e;
	lru->newest = e;
}

static struct slice
entry_key(const struct entry *e)
{
	return slice_make(e->key, e->key_len);
}

static void
drop(struct lru *lru, struct entry *e)
{
	hashmap_remove(lru->map, entry_key(e));
	unlink_entry(lru, e);
	if (lru->free_value != NULL)
		lru->free_value(e->value);
	free(e);
}

void
lru_free(struct lru *lru)
{
	if (lru == NULL)
		return;
	while (lru->oldest != NULL)
		drop(lru, lru->oldest);
	hashmap_free(lru->map);
	free(lru);
}

void *
lru_get(struct lru *lru, struct slice key, int64_t mono_ms)
{
	struct entry *e = hashmap_get(lru->map, key);

	if (e == NULL)
		return NULL;
	if (mono_ms >= e->expires_ms) {
		drop(lru, e);
		return NULL;
	}
	if (lru->newest != e) {
		unlink_entry(lru, e);
		link_newest(lru, e);
	}
	return e->value;
}

void
lru_put(struct lru *lru, struct slice key, void *value, int64_t expires_mono_ms)
{
	struct entry *e = hashmap_get(lru->map, key);

	if (e != NULL) {
		if (e->value != value && lru->free_value != NULL)
			lru->free_value(e->value);
		unlink_entry(lru, e);
	} else {
		if (hashmap_len(lru->map) >= lru->max_entries)
			drop(lru, lru->oldest);
		e = malloc(sizeof(*e) + key.n);
		if (e == NULL)
			panic("lru: no memory");
		e->key_len = key.n;
		if (key.n > 0)
			memcpy(e->key, key.p, key.n);
		hashmap_put(lru->map, entry_key(e), e);
	}
	e->value = value;
	e->expires_ms = expires_mono_ms;
	link_newest(lru, e);
}

void
lru_remove(struct lru *lru, struct slice key)
{
	struct entry *e = hashmap_get(lru->map, key);

	if (e != NULL)
		drop(lru, e);
}

size_t
lru_len(const struct lru *lru)
{
	return hashmap_len(lru->map);
}
