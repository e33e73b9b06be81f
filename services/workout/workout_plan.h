/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_plan.h - the rules of plans: what a document holds, how a patch changes it, how
 * events make it; no I/O.
 *
 * The document of a plan is the JSON of the Plan message with these members: name,
 * description, difficultyLevel, estimatedDurationMinutes, equipmentRequired,
 * muscleGroupsTargeted, exercises, isActive, isPublic. Version n+1 is version n with a
 * changeset (RFC 6902) applied; version 1 is {} with one. Changesets are the history,
 * documents follow from them:
 *
 *	struct workout_plan_state state = { 0 };
 *	for each event: st = workout_plan_fold(&state, event, arena, err);
 *
 * Ownership: results live in the arena, json_t included. Threads: any.
 * Errors:    INVALID_ARGUMENT with the field; FAILED_PRECONDITION: the events do not fit.
 */
#ifndef FIT_WORKOUT_PLAN_H
#define FIT_WORKOUT_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "fit/workout/v1/plan.pb-c.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "services/workout/workout_exercise_store.h"

typedef Fit__Workout__V1__Plan plan_doc;

/* Checks and completes a whole plan. New entries get ids made of the plan's (`fresh` false: at
 * creation, so that the same request gives the same document) or new ones. */
enum status workout_plan_check(plan_doc *plan, const struct uuid *plan_id, bool fresh,
			       struct arena *arena, struct err *err) MUST_CHECK;
/* Copies the members named in the mask from `patch`. */
enum status workout_plan_patch(plan_doc *plan, const plan_doc *patch, char *const *mask,
			       size_t nmask, struct arena *arena, struct err *err) MUST_CHECK;
/* equipment_required and muscle_groups_targeted from the exercises, sorted; an exercise that is not
 * in `briefs` is an error with reason REFERENCE_INVALID. */
enum status workout_plan_derive(plan_doc *plan, const struct workout_exercise_brief *briefs,
				size_t nbriefs, struct arena *arena, struct err *err) MUST_CHECK;
/* Ids of the plan's exercises; duplicates stay. */
size_t workout_plan_exercises(const plan_doc *plan, struct arena *arena, struct uuid **ret_ids);

enum status workout_plan_to_json(const plan_doc *plan, struct arena *arena, json_t **ret_doc,
				 struct err *err) MUST_CHECK;
/* The document's members only; the rest of the message is left empty. */
enum status workout_plan_from_json(const json_t *doc, struct arena *arena, plan_doc **ret_plan,
				   struct err *err) MUST_CHECK;

/* ---- events ---- */

struct workout_plan_event {
	const char *type; /* created, updated, restored, archived, deleted */
	int seq;
	const json_t *changeset;
	const char *changes_description;
	const char *created_by;
	int64_t rev;
	int64_t created_ms;
};
struct workout_plan_state {
	json_t *doc; /* NULL before the first event */
	int version;
	bool deleted;
	int64_t created_ms, updated_ms, deleted_ms;
	int64_t rev;
	/* Of the newest version; borrowed from its event. */
	const char *changes_description, *created_by;
};
enum status workout_plan_fold(struct workout_plan_state *state,
			      const struct workout_plan_event *event, struct arena *arena,
			      struct err *err) MUST_CHECK;

#endif
