/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_prefs.h - what a service wants to know of users' preferences, kept for a moment.
 *
 *	static void
 *	read_wants(const Fit__User__V1__FindPreferencesResponse *res, void *value)…
 *
 *	prefs = user_prefs_new(&(struct user_prefs_def){ .users = client, .read = read_wants,
 *		.value_size = sizeof(struct wants), .max = 20000, .ttl_ms = 10000 });
 *	st = user_prefs_find(prefs, deadline, &user, arena, &wants, err);
 *
 * A change of a preference is seen after ttl_ms at the latest. What is older is used only while the
 * user service is away, up to stale_ms.
 *
 * Ownership: the client is borrowed, and outlives it; an answer is the caller's copy.
 * Threads:   any.
 * Errors:    NOT_FOUND: no such user. UNAVAILABLE, DEADLINE_EXCEEDED: away, and nothing is kept.
 * Limits:    `max` users; who was not asked for the longest goes first.
 */
#ifndef FIT_CLIENT_USER_PREFS_H
#define FIT_CLIENT_USER_PREFS_H

#include "libcommon/base/clock.h"
#include "libcommon/base/uuid.h"
#include "libcommon/client/user_client.h"

struct user_prefs;

struct user_prefs_def {
	struct user_client *users;
	/* Fills all of `value`, which is value_size bytes, without pointers. */
	void (*read)(const Fit__User__V1__FindPreferencesResponse *res, void *value);
	size_t value_size, max;
	int64_t ttl_ms, stale_ms; /* stale_ms 0: nothing older than ttl_ms is used */
};

struct user_prefs *user_prefs_new(const struct user_prefs_def *def);
void user_prefs_free(struct user_prefs *prefs);
enum status user_prefs_find(struct user_prefs *prefs, struct deadline deadline,
			    const struct uuid *user, struct arena *arena, void *ret_value,
			    struct err *err) MUST_CHECK;

#endif
