/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_allowed.h"

static void
read_allowed(const Fit__User__V1__FindPreferencesResponse *res, void *value)
{
	const Fit__User__V1__Preferences *p = res->preferences;
	bool *allowed = value;

	*allowed =
		res->active && p != NULL && p->privacy != NULL && p->privacy->behaviour_analytics;
}

struct user_prefs *
analytics_allowed_new(struct user_client *users)
{
	return user_prefs_new(&(struct user_prefs_def){ .users = users,
							.read = read_allowed,
							.value_size = sizeof(bool),
							.max = ANALYTICS_ALLOWED_KEPT,
							.ttl_ms = ANALYTICS_ALLOWED_MS });
}

enum status
analytics_allowed(struct user_prefs *allowed, struct deadline deadline, const struct uuid *user,
		  struct arena *arena, bool *ret_allowed, struct err *err)
{
	struct err why;

	err_init(&why);
	switch (user_prefs_find(allowed, deadline, user, arena, ret_allowed, &why)) {
	case STATUS_OK:
		return STATUS_OK;
	case STATUS_NOT_FOUND:
		*ret_allowed = false;
		return STATUS_OK;
	default:
		return err_set(err, STATUS_UNAVAILABLE, "preferences: %s", why.text);
	}
}
