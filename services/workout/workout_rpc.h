/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_rpc.h - the handlers' tables, and what all handlers begin with.
 *
 *	struct workout_scope scope;
 *	st = workout_rpc_begin(call, reply, &scope, err);
 *
 * Ownership: a scope's texts live in the call's arena. Threads: a handler runs on one worker.
 * Errors:    UNAUTHENTICATED without a principal; else as each function says.
 */
#ifndef FIT_WORKOUT_RPC_H
#define FIT_WORKOUT_RPC_H

#include "libcommon/rpc/rpc_server.h"
#include "services/workout/workout.h"

extern const struct rpc_service *const workout_rpc_services[];
extern const size_t workout_rpc_nservices;

/* One in each workout_rpc_*.c. */
extern const struct rpc_service workout_rpc_exercises, workout_rpc_plans, workout_rpc_sessions,
	workout_rpc_progress;

/* Once, at start. */
void workout_rpc_register_metrics(void);

/* The caller's scope; `reply` is what an idempotency key keeps. PERMISSION_DENIED for a coach who
 * acts for somebody. */
enum status workout_rpc_begin(struct rpc_call *call, void *reply, struct workout_scope *ret_scope,
			      struct err *err) MUST_CHECK;
/* The same for a call about one thing, whose id the request gives as `text` at `path`. */
enum status workout_rpc_begin_of(struct rpc_call *call, void *reply, const char *text,
				 const char *path, struct workout_scope *ret_scope,
				 struct uuid *ret_id, struct err *err) MUST_CHECK;
/*
 * For a refusal that follows from what is stored now (the plan or exercise that a request names is
 * gone): when this very request was answered before, that answer stands. OK: `reply` is filled with
 * it.
 */
enum status workout_rpc_refused(struct workout *w, const struct workout_scope *scope,
				struct err *err) MUST_CHECK;
/* An id of a request, which field rules have checked; a bad one is INVALID_ARGUMENT at `path`. */
enum status workout_rpc_id(const char *text, const char *path, struct uuid *ret_id,
			   struct err *err) MUST_CHECK;
/* Who did it, as a request says at `path`: "ai" only when the coach says so, which the gateway lets
 * no client do. */
enum status workout_rpc_author(const struct rpc_call *call, const char *by, const char *path,
			       struct err *err) MUST_CHECK;
/* A client's id for a new thing, or a new one. */
enum status workout_rpc_new_id(const char *text, const char *path, struct uuid *ret_id,
			       struct err *err) MUST_CHECK;

#endif
