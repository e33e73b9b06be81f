/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_allowed.h - may this user's behaviour be stored? Their privacy.behaviour_analytics.
 *
 *	struct user_prefs *allowed = analytics_allowed_new(users);
 *	st = analytics_allowed(allowed, deadline, &user, arena, &yes, err);
 *
 * The preference is off until it is switched on, and a closed or unknown account allows nothing. A
 * change counts after ANALYTICS_ALLOWED_MS at the latest; nothing older is ever used.
 *
 * Ownership: as user_prefs.h. Threads: any.
 * Errors:    UNAVAILABLE: nobody can say, so nothing may be stored now; the app sends again.
 */
#ifndef FIT_ANALYTICS_ALLOWED_H
#define FIT_ANALYTICS_ALLOWED_H

#include <stdbool.h>

#include "libcommon/client/user_prefs.h"

#define ANALYTICS_ALLOWED_MS 30000
#define ANALYTICS_ALLOWED_KEPT 50000

struct user_prefs *analytics_allowed_new(struct user_client *users);
enum status analytics_allowed(struct user_prefs *allowed, struct deadline deadline,
			      const struct uuid *user, struct arena *arena, bool *ret_allowed,
			      struct err *err) MUST_CHECK;

#endif
