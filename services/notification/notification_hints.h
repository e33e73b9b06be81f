/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_hints.h - "look at this user's inbox now", told to all replicas over Redis.
 *
 *	st = notification_hints_new(redis, url, on_hint, streams, &hints, err);
 *	notification_hints_send(hints, &user);
 *
 * It subscribes, on a thread of its own. A hint may be lost, late or doubled; the streams' own
 * poll is what delivers. Without Redis hints still reach this process' streams.
 *
 * Ownership: borrows the redis.
 * Threads:   send from any; on_hint runs on the hints' thread or the sender's.
 * Errors:    FAILED_PRECONDITION: the URL is none.
 */
#ifndef FIT_NOTIFICATION_HINTS_H
#define FIT_NOTIFICATION_HINTS_H

#include <stdbool.h>

#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct notification_hints;
struct redis;

typedef void (*notification_hint_fn)(void *arg, const struct uuid *user);

/* redis and url NULL: this process only. */
enum status notification_hints_new(struct redis *redis, const char *url,
				   notification_hint_fn on_hint, void *arg,
				   struct notification_hints **ret_hints,
				   struct err *err) MUST_CHECK;
void notification_hints_free(struct notification_hints *hints);
void notification_hints_send(struct notification_hints *hints, const struct uuid *user);
/* Hints of other processes arrive. */
bool notification_hints_up(struct notification_hints *hints);

#endif
