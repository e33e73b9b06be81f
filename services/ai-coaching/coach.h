/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach.h - what the parts of this service share.
 *
 * coach_rpc_* (handlers) gather facts (coach_gather), ask a provider (coach_provider), and keep
 * what came of it: coach_store (PostgreSQL: proposals, safety log, events), coach_memory (Redis:
 * conversation, recommendations).
 *
 * Ownership: main.c makes the coach and frees it after the last call. A scope lives on a
 *            handler's stack; what it points to is the call's.
 * Threads:   one coach for all workers: it is not written to, and its parts lock for
 *            themselves. A scope is its worker's.
 */
#ifndef FIT_COACH_H
#define FIT_COACH_H

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "libcommon/rpc/rpc_client.h"

struct coach_snapshots;
struct pg_pool;
struct pg_idem;
struct redis;
struct user_client;
struct workout_client;

struct coach {
	struct pg_pool *pg;
	struct redis *redis;
	struct user_client *users;
	struct workout_client *workouts;
	struct coach_snapshots *snapshots; /* the library and what understands it */
};

/* For whom, until when, where results live, and how others are called on the user's behalf. */
struct coach_scope {
	struct uuid owner;
	char owner_text[UUID_TEXT_SIZE];
	struct deadline deadline;
	struct arena *arena;
	const char *traceparent;
	struct rpc_call_options opts;
};

#endif
