/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_client.h - the workout service as other services call it, for the user whose
 * principal `opts` carries.
 *
 *	workouts = workout_client_open("127.0.0.1:7103", service_tls_client());
 *	st = workout_client_get_plan(workouts, &opts, plan_id, arena, &plan, err);
 *
 * workout_client_change_plan writes as the AI: the version that it makes has created_by ai,
 * which workout takes from services alone (metadata RPC_META_ACTOR, which no client can send
 * through the gateway).
 *
 * Ownership: the client owns its connections; replies live in the arena.
 * Threads:   any worker; calls block until the reply or the deadline.
 * Errors:    the service's, and those of rpc_client.h.
 */
#ifndef FIT_CLIENT_WORKOUT_CLIENT_H
#define FIT_CLIENT_WORKOUT_CLIENT_H

#include "fit/workout/v1/exercise.pb-c.h"
#include "fit/workout/v1/plan.pb-c.h"
#include "fit/workout/v1/progress.pb-c.h"
#include "fit/workout/v1/session.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

struct arena;
struct rpc_call_options;
struct tls_context;
struct workout_client;

/* tls: service_tls_client(); NULL: plain, on the loopback. Connects at the first call. */
struct workout_client *workout_client_open(const char *target, struct tls_context *tls);
void workout_client_close(struct workout_client *client);

enum status workout_client_list_exercises(struct workout_client *client,
					  const struct rpc_call_options *opts,
					  const Fit__Workout__V1__ListExercisesRequest *request,
					  struct arena *arena,
					  Fit__Workout__V1__ListExercisesResponse **ret_reply,
					  struct err *err) MUST_CHECK;
enum status workout_client_list_plans(struct workout_client *client,
				      const struct rpc_call_options *opts,
				      const Fit__Workout__V1__ListPlansRequest *request,
				      struct arena *arena,
				      Fit__Workout__V1__ListPlansResponse **ret_reply,
				      struct err *err) MUST_CHECK;
enum status workout_client_get_plan(struct workout_client *client,
				    const struct rpc_call_options *opts, const char *plan_id,
				    struct arena *arena, Fit__Workout__V1__Plan **ret_plan,
				    struct err *err) MUST_CHECK;
/* With the plan as it was then. */
enum status workout_client_get_version(struct workout_client *client,
				       const struct rpc_call_options *opts, const char *plan_id,
				       unsigned version, struct arena *arena,
				       Fit__Workout__V1__PlanVersion **ret_version,
				       struct err *err) MUST_CHECK;
enum status workout_client_list_sessions(struct workout_client *client,
					 const struct rpc_call_options *opts,
					 const Fit__Workout__V1__ListSessionsRequest *request,
					 struct arena *arena,
					 Fit__Workout__V1__ListSessionsResponse **ret_reply,
					 struct err *err) MUST_CHECK;
enum status workout_client_get_session(struct workout_client *client,
				       const struct rpc_call_options *opts, const char *session_id,
				       struct arena *arena, Fit__Workout__V1__Session **ret_session,
				       struct err *err) MUST_CHECK;
enum status workout_client_get_progress(struct workout_client *client,
					const struct rpc_call_options *opts,
					const Fit__Workout__V1__GetProgressRequest *request,
					struct arena *arena,
					Fit__Workout__V1__Progress **ret_progress,
					struct err *err) MUST_CHECK;
enum status workout_client_list_records(struct workout_client *client,
					const struct rpc_call_options *opts,
					const Fit__Workout__V1__ListRecordsRequest *request,
					struct arena *arena,
					Fit__Workout__V1__ListRecordsResponse **ret_reply,
					struct err *err) MUST_CHECK;

struct workout_client_change {
	const char *plan_id;
	uint32_t version; /* only if the plan's version is this one: else FAILED_PRECONDITION,
			     ETAG_MISMATCH */
	const Fit__Workout__V1__Plan
		*patch;  /* its exercises replace the plan's; its changes_description goes along */
	const char *key; /* idempotency key: the same change again gives the same answer */
	struct slice fingerprint;
};
enum status workout_client_change_plan(struct workout_client *client,
				       const struct rpc_call_options *opts,
				       const struct workout_client_change *change,
				       struct arena *arena, Fit__Workout__V1__Plan **ret_plan,
				       struct err *err) MUST_CHECK;

#endif
