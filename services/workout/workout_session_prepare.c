/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_session_prepare.h"

#include <stdio.h>

#include "services/workout/workout_doc.h"
#include "services/workout/workout_exercise_store.h"
#include "services/workout/workout_plan_store.h"
#include "services/workout/workout_rpc.h"

/* Exercises must exist before they are trained. */
static enum status
check_exercises(struct workout *w, const struct workout_scope *scope, const session_doc *s,
		struct err *err)
{
	struct uuid *ids = ARENA_ARRAY(scope->arena, struct uuid, s->n_exercises + 1);
	struct workout_exercise_brief *briefs;
	char path[64];
	size_t n;
	enum status st;

	for (size_t i = 0; i < s->n_exercises; i++) {
		snprintf(path, sizeof(path), "exercises[%zu].exerciseId", i);
		st = workout_rpc_id(s->exercises[i]->exercise_id, path, &ids[i], err);
		if (st != STATUS_OK)
			return st;
	}
	st = workout_exercise_briefs(w, scope, ids, s->n_exercises, true, &briefs, &n, err);
	for (size_t i = 0; st == STATUS_OK && i < s->n_exercises; i++) {
		const struct workout_exercise_brief *b =
			workout_exercise_brief_of(briefs, n, &ids[i]);

		if (b != NULL) {
			s->exercises[i]->tracking = b->tracking;
			continue;
		}
		snprintf(path, sizeof(path), "exercises[%zu].exerciseId", i);
		err_init(err);
		err_add_field(err, path, "is not a known exercise");
		st = err_reason(err, "REFERENCE_INVALID");
	}
	return st;
}

/* The plan's day as empty entries. */
static void
take_entries(session_doc *s, const plan_doc *plan, struct arena *arena)
{
	uint32_t day = s->plan_day > 0 ? s->plan_day : 1;

	s->exercises = ARENA_ARRAY(arena, session_entry *, plan->n_exercises + 1);
	for (size_t i = 0; i < plan->n_exercises; i++) {
		const Fit__Workout__V1__PlanExercise *p = plan->exercises[i];
		session_entry *e;

		if ((p->day > 0 ? p->day : 1) != day)
			continue;
		e = ARENA_NEW(arena, session_entry);
		fit__workout__v1__session_exercise__init(e);
		e->exercise_id = p->exercise_id;
		s->exercises[s->n_exercises++] = e;
	}
}

static enum status
follow_plan(struct workout *w, const struct workout_scope *scope, session_doc *s, struct err *err)
{
	struct uuid id;
	plan_doc *plan;
	enum status st = workout_rpc_id(s->plan_id, "planId", &id, err);

	if (st == STATUS_OK)
		st = workout_plan_find(w, scope, &id, &plan, err);
	if (st == STATUS_NOT_FOUND) {
		err_init(err);
		err_add_field(err, "planId", "is not a plan of yours");
		st = err_reason(err, "REFERENCE_INVALID");
	}
	if (st != STATUS_OK)
		return st;
	s->plan_id = uuid_text(scope->arena, &id);
	s->plan_version = plan->version_number;
	if (s->n_exercises == 0)
		take_entries(s, plan, scope->arena);
	return STATUS_OK;
}

enum status
workout_session_prepare(struct workout *w, const struct workout_scope *scope, session_doc *session,
			struct err *err)
{
	enum status st = STATUS_OK;

	if (*session->plan_id != '\0')
		st = follow_plan(w, scope, session, err);
	return st == STATUS_OK ? check_exercises(w, scope, session, err) : st;
}

enum status
workout_session_check_exercise(struct workout *w, const struct workout_scope *scope,
			       const char *text, const char **ret_tracking, struct err *err)
{
	struct workout_exercise_brief *briefs;
	struct uuid id;
	size_t n;
	enum status st = workout_rpc_id(text, "exerciseId", &id, err);

	if (st == STATUS_OK)
		st = workout_exercise_briefs(w, scope, &id, 1, false, &briefs, &n, err);
	if (st != STATUS_OK)
		return st;
	if (n == 1) {
		*ret_tracking = briefs[0].tracking;
		return STATUS_OK;
	}
	err_init(err);
	err_add_field(err, "exerciseId", "is not a known exercise");
	return err_reason(err, "REFERENCE_INVALID");
}
