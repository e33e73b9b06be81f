/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_prefs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/lru.h"
#include "libcommon/client/user_client.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/service/service_tls.h"

struct kept {
	struct notification_wants wants;
	int64_t asked_ms;
};

struct notification_prefs {
	struct user_client *users;
	pthread_mutex_t lock;
	struct lru *kept; /* 16 bytes of the user's id -> struct kept */
};

struct notification_prefs *
notification_prefs_new(const char *user_target)
{
	struct notification_prefs *prefs = calloc(1, sizeof(*prefs));

	if (prefs == NULL)
		panic("notification: no memory");
	prefs->users = user_client_open(user_target, service_tls_client());
	prefs->kept = lru_new(NOTIFICATION_PREFS_KEPT, free);
	pthread_mutex_init(&prefs->lock, NULL);
	return prefs;
}

void
notification_prefs_free(struct notification_prefs *prefs)
{
	if (prefs == NULL)
		return;
	user_client_close(prefs->users);
	lru_free(prefs->kept);
	pthread_mutex_destroy(&prefs->lock);
	free(prefs);
}

static bool
recall(struct notification_prefs *prefs, const struct uuid *user, int64_t age_max_ms,
       struct notification_wants *ret_wants)
{
	int64_t now_ms = clock_mono_ms();
	const struct kept *kept;
	bool found;

	pthread_mutex_lock(&prefs->lock);
	kept = lru_get(prefs->kept, slice_make(user->b, sizeof(user->b)), now_ms);
	found = kept != NULL && now_ms - kept->asked_ms < age_max_ms;
	if (found)
		*ret_wants = kept->wants;
	pthread_mutex_unlock(&prefs->lock);
	return found;
}

static void
keep(struct notification_prefs *prefs, const struct uuid *user,
     const struct notification_wants *wants)
{
	struct kept *kept = malloc(sizeof(*kept));

	if (kept == NULL)
		panic("notification: no memory");
	*kept = (struct kept){ *wants, clock_mono_ms() };
	pthread_mutex_lock(&prefs->lock);
	lru_put(prefs->kept, slice_make(user->b, sizeof(user->b)), kept,
		kept->asked_ms + NOTIFICATION_PREFS_STALE_MS);
	pthread_mutex_unlock(&prefs->lock);
}

static void
copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text != NULL ? text : "");
}

static void
read_wants(const Fit__User__V1__FindPreferencesResponse *res, struct notification_wants *w)
{
	const Fit__User__V1__Preferences *p = res->preferences;

	*w = (struct notification_wants){ .active = res->active };
	copy_text(w->zone, sizeof(w->zone), "UTC");
	if (p == NULL)
		return;
	w->pounds = strcmp(p->units, "lb") == 0;
	copy_text(w->zone, sizeof(w->zone), p->time_zone);
	if (p->privacy != NULL)
		w->product_mail = p->privacy->product_emails;
	if (p->quiet_hours != NULL && p->quiet_hours->enabled) {
		w->quiet = true;
		copy_text(w->quiet_start, sizeof(w->quiet_start), p->quiet_hours->start);
		copy_text(w->quiet_end, sizeof(w->quiet_end), p->quiet_hours->end);
	}
	if (p->notifications == NULL)
		return;
	for (size_t i = 0; i < p->notifications->n_muted; i++)
		w->muted[notification_switch_find(p->notifications->muted[i])] = true;
	w->muted[NOTIFICATION_ALWAYS] = false;
	for (size_t i = 0; i < p->notifications->n_channels_off; i++)
		w->channels_off |= strcmp(p->notifications->channels_off[i], "push") == 0
					   ? NOTIFICATION_PUSH
					   : NOTIFICATION_MAIL;
}

enum status
notification_prefs_find(struct notification_prefs *prefs, struct deadline deadline,
			const struct uuid *user, struct arena *arena,
			struct notification_wants *ret_wants, struct err *err)
{
	const struct rpc_call_options opts = { .deadline = deadline };
	Fit__User__V1__FindPreferencesRequest ask;
	Fit__User__V1__FindPreferencesResponse *res;
	char id[UUID_TEXT_SIZE];
	enum status st;

	if (recall(prefs, user, NOTIFICATION_PREFS_TTL_MS, ret_wants))
		return STATUS_OK;
	fit__user__v1__find_preferences_request__init(&ask);
	uuid_format(user, id);
	ask.user_id = id;
	st = user_client_find_preferences(prefs->users, &opts, &ask, arena, &res, err);
	if (st == STATUS_UNAVAILABLE || st == STATUS_DEADLINE_EXCEEDED) {
		if (recall(prefs, user, NOTIFICATION_PREFS_STALE_MS, ret_wants))
			return STATUS_OK;
	}
	if (st != STATUS_OK)
		return st;
	read_wants(res, ret_wants);
	keep(prefs, user, ret_wants);
	return STATUS_OK;
}

enum status
notification_prefs_contact(struct notification_prefs *prefs, struct deadline deadline,
			   const struct uuid *user, struct arena *arena,
			   struct notification_contact *ret_contact, struct err *err)
{
	const struct rpc_call_options opts = { .deadline = deadline };
	Fit__User__V1__FindContactRequest ask;
	Fit__User__V1__Contact *contact;
	char id[UUID_TEXT_SIZE];
	enum status st;

	fit__user__v1__find_contact_request__init(&ask);
	uuid_format(user, id);
	ask.user_id = id;
	st = user_client_find_contact(prefs->users, &opts, &ask, arena, &contact, err);
	if (st == STATUS_OK)
		*ret_contact =
			(struct notification_contact){ contact->email, contact->display_name };
	return st;
}
