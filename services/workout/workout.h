/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout.h - what the parts of this service share.
 *
 * Layers inside the service: workout_rpc_* (handlers) call rules (workout_session, workout_plan,
 * workout_e1rm, …; no I/O) and stores (workout_*_store). Every store function takes the owner
 * first, in the scope.
 *
 * Ownership: main.c makes struct workout and frees it after the last call. A scope lives on a
 *            handler's stack; what it points to is the call's.
 * Threads:   one struct workout for all workers, none of which writes to it; a scope is its
 *            worker's.
 */
#ifndef FIT_WORKOUT_H
#define FIT_WORKOUT_H

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "libcommon/store/pg.h"

struct workout_session_store;

struct workout {
	struct pg_pool *pg;
	struct workout_session_store *sessions;
};

/* For whom, until when, and where results live. Lent to a store for one call. */
struct workout_scope {
	struct uuid owner;
	struct deadline deadline;
	struct arena *arena;
	const char *traceparent; /* or NULL */
	struct pg_idem *idem;    /* of a change; its reply is the call's */
};

#endif
