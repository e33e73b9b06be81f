/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_events.h - the events a change causes, collected while the rules run and written
 * with the change.
 *
 *	struct workout_events events = WORKOUT_EVENTS(arena);
 *	workout_events_add(&events, FIT__WORKOUT__V1__EVENT__TYPE_SET_REMOVED, &removed->base);
 *	st = workout_events_write(&events, tx, &owner, traceparent, err);
 *
 * Ownership: messages live in the arena; a member is borrowed until they are written.
 * Threads:   the worker of the change. Errors: those of pg_tx_outbox.
 */
#ifndef FIT_WORKOUT_EVENTS_H
#define FIT_WORKOUT_EVENTS_H

#include "fit/workout/v1/event.pb-c.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/uuid.h"
#include "libcommon/store/pg.h"

#define WORKOUT_TOPIC "fit.workout.v1"

struct workout_event {
	struct workout_event *next;
	Fit__Workout__V1__Event message;
};
struct workout_events {
	struct arena *arena;
	struct workout_event *first, *last;
	size_t n;
};
#define WORKOUT_EVENTS(a) ((struct workout_events){ .arena = (a) })

/* `member` is the message of that type's oneof member. */
void workout_events_add(struct workout_events *events, Fit__Workout__V1__Event__TypeCase type,
			const ProtobufCMessage *member);
/* Into the transaction's outbox, in order. */
enum status workout_events_write(const struct workout_events *events, struct pg_tx *tx,
				 const struct uuid *owner, const char *traceparent,
				 struct err *err) MUST_CHECK;

#endif
