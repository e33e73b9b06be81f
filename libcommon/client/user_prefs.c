/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/client/user_prefs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/lru.h"
#include "libcommon/rpc/rpc_client.h"

struct kept {
	int64_t asked_ms;
	char value[];
};

struct user_prefs {
	struct user_prefs_def def;
	pthread_mutex_t lock;
	struct lru *kept; /* 16 bytes of the user's id -> struct kept */
};

struct user_prefs *
user_prefs_new(const struct user_prefs_def *def)
{
	struct user_prefs *prefs = calloc(1, sizeof(*prefs));

	if (prefs == NULL)
		panic("user_prefs: no memory");
	prefs->def = *def;
	if (prefs->def.stale_ms < def->ttl_ms)
		prefs->def.stale_ms = def->ttl_ms;
	prefs->kept = lru_new(def->max, free);
	pthread_mutex_init(&prefs->lock, NULL);
	return prefs;
}

void
user_prefs_free(struct user_prefs *prefs)
{
	if (prefs == NULL)
		return;
	lru_free(prefs->kept);
	pthread_mutex_destroy(&prefs->lock);
	free(prefs);
}

static bool
recall(struct user_prefs *prefs, const struct uuid *user, int64_t age_max_ms, void *ret_value)
{
	int64_t now_ms = clock_mono_ms();
	const struct kept *kept;
	bool found;

	pthread_mutex_lock(&prefs->lock);
	kept = lru_get(prefs->kept, slice_make(user->b, sizeof(user->b)), now_ms);
	found = kept != NULL && now_ms - kept->asked_ms < age_max_ms;
	if (found)
		memcpy(ret_value, kept->value, prefs->def.value_size);
	pthread_mutex_unlock(&prefs->lock);
	return found;
}

/* asked_ms: before the question, so that a change meanwhile is not hidden for longer. */
static void
keep(struct user_prefs *prefs, const struct uuid *user, const void *value, int64_t asked_ms)
{
	struct kept *kept = malloc(sizeof(*kept) + prefs->def.value_size);

	if (kept == NULL)
		panic("user_prefs: no memory");
	kept->asked_ms = asked_ms;
	memcpy(kept->value, value, prefs->def.value_size);
	pthread_mutex_lock(&prefs->lock);
	lru_put(prefs->kept, slice_make(user->b, sizeof(user->b)), kept,
		asked_ms + prefs->def.stale_ms);
	pthread_mutex_unlock(&prefs->lock);
}

enum status
user_prefs_find(struct user_prefs *prefs, struct deadline deadline, const struct uuid *user,
		struct arena *arena, void *ret_value, struct err *err)
{
	const struct rpc_call_options opts = { .deadline = deadline };
	Fit__User__V1__FindPreferencesRequest ask;
	Fit__User__V1__FindPreferencesResponse *res;
	int64_t asked_ms = clock_mono_ms();
	char id[UUID_TEXT_SIZE];
	enum status st;

	if (recall(prefs, user, prefs->def.ttl_ms, ret_value))
		return STATUS_OK;
	fit__user__v1__find_preferences_request__init(&ask);
	uuid_format(user, id);
	ask.user_id = id;
	st = user_client_find_preferences(prefs->def.users, &opts, &ask, arena, &res, err);
	if ((st == STATUS_UNAVAILABLE || st == STATUS_DEADLINE_EXCEEDED) &&
	    recall(prefs, user, prefs->def.stale_ms, ret_value))
		return STATUS_OK;
	if (st != STATUS_OK)
		return st;
	prefs->def.read(res, ret_value);
	keep(prefs, user, ret_value, asked_ms);
	return STATUS_OK;
}
