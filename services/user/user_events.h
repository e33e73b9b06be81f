/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_events.h - the events of topic fit.user.v1, made and put into the outbox of a transaction.
 *
 *	Fit__User__V1__Event *event = user_event_profile_changed(arena, names, n);
 *	st = user_events_emit(tx, &user, event, traceparent, err);
 *
 * Ownership: events live in the arena. Threads: any. Errors: those of pg_tx_outbox.
 */
#ifndef FIT_USER_EVENTS_H
#define FIT_USER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "fit/user/v1/event.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct arena;
struct pg_tx;

Fit__User__V1__Event *user_event_created(struct arena *arena, const char *role, const char *tier);
/* names is copied, the strings are not. */
Fit__User__V1__Event *user_event_profile_changed(struct arena *arena, char *const *names, size_t n);
Fit__User__V1__Event *user_event_preferences_changed(struct arena *arena, char *const *names,
						     size_t n);
Fit__User__V1__Event *user_event_deactivated(struct arena *arena, int64_t erase_after_ms);
Fit__User__V1__Event *user_event_restored(struct arena *arena);

enum status user_events_emit(struct pg_tx *tx, const struct uuid *user, Fit__User__V1__Event *event,
			     const char *traceparent, struct err *err) MUST_CHECK;

#endif
