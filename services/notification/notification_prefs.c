/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_prefs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/client/user_prefs.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/service/service_tls.h"

struct notification_prefs {
	struct user_client *users;
	struct user_prefs *kept; /* struct notification_wants */
};

static void
copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text != NULL ? text : "");
}

static void
read_wants(const Fit__User__V1__FindPreferencesResponse *res, void *value)
{
	struct notification_wants *w = value;
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

struct notification_prefs *
notification_prefs_new(const char *user_target)
{
	struct notification_prefs *prefs = calloc(1, sizeof(*prefs));

	if (prefs == NULL)
		panic("notification: no memory");
	prefs->users = user_client_open(user_target, service_tls_client());
	prefs->kept = user_prefs_new(&(struct user_prefs_def){
		.users = prefs->users,
		.read = read_wants,
		.value_size = sizeof(struct notification_wants),
		.max = NOTIFICATION_PREFS_KEPT,
		.ttl_ms = NOTIFICATION_PREFS_TTL_MS,
		.stale_ms = NOTIFICATION_PREFS_STALE_MS,
	});
	return prefs;
}

void
notification_prefs_free(struct notification_prefs *prefs)
{
	if (prefs == NULL)
		return;
	user_prefs_free(prefs->kept);
	user_client_close(prefs->users);
	free(prefs);
}

enum status
notification_prefs_find(struct notification_prefs *prefs, struct deadline deadline,
			const struct uuid *user, struct arena *arena,
			struct notification_wants *ret_wants, struct err *err)
{
	return user_prefs_find(prefs->kept, deadline, user, arena, ret_wants, err);
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
