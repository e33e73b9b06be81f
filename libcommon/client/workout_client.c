/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/client/workout_client.h"

#include <stdint.h>
#include <stdlib.h>

#include "google/protobuf/field_mask.pb-c.h"
#include "libcommon/rpc/rpc_client.h"
#include "libcommon/rpc/rpc_meta.h"

struct workout_client {
	struct rpc_client *rpc;
};

struct workout_client *
workout_client_open(const char *target, struct tls_context *tls)
{
	struct workout_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		panic("workout client: no memory");
	client->rpc = rpc_client_open(target, tls);
	return client;
}

void
workout_client_close(struct workout_client *client)
{
	if (client == NULL)
		return;
	rpc_client_close(client->rpc);
	free(client);
}

/* One method: its path, its request, the type of its reply. */
#define CALL(path, request, type, ret)                                                             \
	do {                                                                                       \
		void *reply_;                                                                      \
		enum status st_ = rpc_client_unary(client->rpc, path, opts, request, type, arena,  \
						   &reply_, err);                                  \
		if (st_ == STATUS_OK)                                                              \
			*(ret) = reply_;                                                           \
		return st_;                                                                        \
	} while (0)

enum status
workout_client_list_exercises(struct workout_client *client, const struct rpc_call_options *opts,
			      const Fit__Workout__V1__ListExercisesRequest *request,
			      struct arena *arena,
			      Fit__Workout__V1__ListExercisesResponse **ret_reply, struct err *err)
{
	CALL("/fit.workout.v1.ExerciseService/ListExercises", &request->base,
	     &fit__workout__v1__list_exercises_response__descriptor, ret_reply);
}

enum status
workout_client_list_plans(struct workout_client *client, const struct rpc_call_options *opts,
			  const Fit__Workout__V1__ListPlansRequest *request, struct arena *arena,
			  Fit__Workout__V1__ListPlansResponse **ret_reply, struct err *err)
{
	CALL("/fit.workout.v1.PlanService/ListPlans", &request->base,
	     &fit__workout__v1__list_plans_response__descriptor, ret_reply);
}

enum status
workout_client_get_plan(struct workout_client *client, const struct rpc_call_options *opts,
			const char *plan_id, struct arena *arena, Fit__Workout__V1__Plan **ret_plan,
			struct err *err)
{
	Fit__Workout__V1__GetPlanRequest request;

	fit__workout__v1__get_plan_request__init(&request);
	request.plan_id = (char *)(uintptr_t)plan_id;
	CALL("/fit.workout.v1.PlanService/GetPlan", &request.base,
	     &fit__workout__v1__plan__descriptor, ret_plan);
}

enum status
workout_client_get_version(struct workout_client *client, const struct rpc_call_options *opts,
			   const char *plan_id, unsigned version, struct arena *arena,
			   Fit__Workout__V1__PlanVersion **ret_version, struct err *err)
{
	Fit__Workout__V1__GetPlanVersionRequest request;

	fit__workout__v1__get_plan_version_request__init(&request);
	request.plan_id = (char *)(uintptr_t)plan_id;
	request.version_number = version;
	CALL("/fit.workout.v1.PlanService/GetPlanVersion", &request.base,
	     &fit__workout__v1__plan_version__descriptor, ret_version);
}

enum status
workout_client_list_sessions(struct workout_client *client, const struct rpc_call_options *opts,
			     const Fit__Workout__V1__ListSessionsRequest *request,
			     struct arena *arena,
			     Fit__Workout__V1__ListSessionsResponse **ret_reply, struct err *err)
{
	CALL("/fit.workout.v1.SessionService/ListSessions", &request->base,
	     &fit__workout__v1__list_sessions_response__descriptor, ret_reply);
}

enum status
workout_client_get_session(struct workout_client *client, const struct rpc_call_options *opts,
			   const char *session_id, struct arena *arena,
			   Fit__Workout__V1__Session **ret_session, struct err *err)
{
	Fit__Workout__V1__GetSessionRequest request;

	fit__workout__v1__get_session_request__init(&request);
	request.session_id = (char *)(uintptr_t)session_id;
	CALL("/fit.workout.v1.SessionService/GetSession", &request.base,
	     &fit__workout__v1__session__descriptor, ret_session);
}

enum status
workout_client_get_progress(struct workout_client *client, const struct rpc_call_options *opts,
			    const Fit__Workout__V1__GetProgressRequest *request,
			    struct arena *arena, Fit__Workout__V1__Progress **ret_progress,
			    struct err *err)
{
	CALL("/fit.workout.v1.ProgressService/GetProgress", &request->base,
	     &fit__workout__v1__progress__descriptor, ret_progress);
}

enum status
workout_client_list_records(struct workout_client *client, const struct rpc_call_options *opts,
			    const Fit__Workout__V1__ListRecordsRequest *request,
			    struct arena *arena, Fit__Workout__V1__ListRecordsResponse **ret_reply,
			    struct err *err)
{
	CALL("/fit.workout.v1.ProgressService/ListRecords", &request->base,
	     &fit__workout__v1__list_records_response__descriptor, ret_reply);
}

#define EXTRA_METADATA 4

enum status
workout_client_change_plan(struct workout_client *client, const struct rpc_call_options *opts,
			   const struct workout_client_change *change, struct arena *arena,
			   Fit__Workout__V1__Plan **ret_plan, struct err *err)
{
	char *paths[] = { arena_strdup(arena, "exercises"),
			  arena_strdup(arena, "changes_description"),
			  arena_strdup(arena, "created_by") };
	struct rpc_metadata *meta =
		ARENA_ARRAY(arena, struct rpc_metadata, opts->nmetadata + EXTRA_METADATA);
	Fit__Workout__V1__UpdatePlanRequest request;
	Google__Protobuf__FieldMask mask;
	struct rpc_call_options with = *opts;
	Fit__Workout__V1__Plan patch = *change->patch;

	patch.created_by = arena_strdup(arena, "ai");
	google__protobuf__field_mask__init(&mask);
	mask.paths = paths;
	mask.n_paths = ARRAY_LEN(paths);
	fit__workout__v1__update_plan_request__init(&request);
	request.plan_id = (char *)(uintptr_t)change->plan_id;
	request.plan = &patch;
	request.update_mask = &mask;
	for (size_t i = 0; i < opts->nmetadata; i++)
		meta[i] = opts->metadata[i];
	with.metadata = meta;
	meta[with.nmetadata++] = (struct rpc_metadata){ RPC_META_ACTOR, SLICE_LIT("ai") };
	meta[with.nmetadata++] =
		(struct rpc_metadata){ RPC_META_IF_MATCH,
				       slice_str(arena_printf(arena, "\"v%u\"", change->version)) };
	meta[with.nmetadata++] =
		(struct rpc_metadata){ RPC_META_IDEMPOTENCY_KEY, slice_str(change->key) };
	meta[with.nmetadata++] =
		(struct rpc_metadata){ RPC_META_IDEMPOTENCY_FINGERPRINT, change->fingerprint };
	opts = &with;
	CALL("/fit.workout.v1.PlanService/UpdatePlan", &request.base,
	     &fit__workout__v1__plan__descriptor, ret_plan);
}
