/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_prefs.h - what users want to be told, from the user service, kept for a moment.
 *
 *	struct notification_prefs *prefs = notification_prefs_new("127.0.0.1:7102");
 *	st = notification_prefs_find(prefs, deadline, &user, arena, &wants, err);
 *
 * A change of a preference is seen after NOTIFICATION_PREFS_TTL_MS at the latest. What is older is
 * used only while the user service is away, up to NOTIFICATION_PREFS_STALE_MS.
 *
 * Ownership: the answer is the caller's copy. Threads: any.
 * Errors:    NOT_FOUND: no such user. UNAVAILABLE, DEADLINE_EXCEEDED: away, and nothing is kept.
 */
#ifndef FIT_NOTIFICATION_PREFS_H
#define FIT_NOTIFICATION_PREFS_H

#include <stdbool.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "services/notification/notification_kinds.h"

#define NOTIFICATION_PREFS_TTL_MS 10000
#define NOTIFICATION_PREFS_STALE_MS (30 * 60000)
#define NOTIFICATION_PREFS_KEPT 20000

struct arena;
struct notification_prefs;

struct notification_wants {
	bool active;                       /* false: the account is closed */
	bool pounds;                       /* weights in lb */
	bool muted[NOTIFICATION_SWITCHES]; /* muted[NOTIFICATION_ALWAYS] is never set */
	unsigned channels_off;             /* NOTIFICATION_PUSH | NOTIFICATION_MAIL */
	bool product_mail;
	bool quiet;                        /* quiet hours are on */
	char quiet_start[6], quiet_end[6]; /* "22:00" */
	char zone[65];                     /* "Europe/Berlin" */
};

struct notification_contact {
	const char *email, *name;
};

struct notification_prefs *notification_prefs_new(const char *user_target);
void notification_prefs_free(struct notification_prefs *prefs);
enum status notification_prefs_find(struct notification_prefs *prefs, struct deadline deadline,
				    const struct uuid *user, struct arena *arena,
				    struct notification_wants *ret_wants,
				    struct err *err) MUST_CHECK;
/* Never kept. Lives in the arena. */
enum status notification_prefs_contact(struct notification_prefs *prefs, struct deadline deadline,
				       const struct uuid *user, struct arena *arena,
				       struct notification_contact *ret_contact,
				       struct err *err) MUST_CHECK;

#endif
