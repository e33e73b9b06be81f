/* SPDX-License-Identifier: Apache-2.0 */
#include "libcommon/base/strbuf.h"
#include "services/workout/workout_exercise_store.h"
#include "services/workout/workout_rpc.h"

#define ALTERNATIVES 10

/* What a page token is for. */
static struct slice
filter_text(const struct workout_exercise_filter *f, struct arena *arena)
{
	struct strbuf sb = STRBUF_ARENA(arena);

	strbuf_addf(&sb, "exercises\n%s\n%s\n", f->query, f->difficulty);
	for (size_t i = 0; i < f->nmuscles; i++)
		strbuf_addf(&sb, "m %s\n", f->muscles[i]);
	for (size_t i = 0; i < f->nequipment; i++)
		strbuf_addf(&sb, "e %s\n", f->equipment[i]);
	for (size_t i = 0; i < f->navailable; i++)
		strbuf_addf(&sb, "a %s\n", f->available[i]);
	return strbuf_slice(&sb);
}

static enum status
on_list_exercises(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ListExercisesRequest *req = request;
	Fit__Workout__V1__ListExercisesResponse *res = reply;
	const struct workout_exercise_filter filter = {
		.query = req->query,
		.muscles = req->muscle,
		.nmuscles = req->n_muscle,
		.equipment = req->equipment,
		.nequipment = req->n_equipment,
		.available = req->available_equipment,
		.navailable = req->n_available_equipment,
		.difficulty = req->difficulty,
	};
	struct workout_scope scope;
	struct workout_page page;
	enum status st = workout_rpc_begin(call, reply, &scope, err);

	if (st == STATUS_OK)
		st = workout_page_open(&page, req->page_size, req->page_token,
				       filter_text(&filter, scope.arena), err);
	if (st == STATUS_OK)
		st = workout_exercise_list(rpc_call_service(call), &scope, &filter, &page,
					   &res->exercises, &res->n_exercises,
					   &res->next_page_token, err);
	return st;
}

static enum status
on_get_exercise(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetExerciseRequest *req = request;
	struct workout_scope scope;
	exercise_doc *exercise;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->exercise_id, "exerciseId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_exercise_find(rpc_call_service(call), &scope, &id, &exercise, err);
	if (st == STATUS_OK)
		*(exercise_doc *)reply = *exercise;
	return st;
}

static enum status
on_list_alternatives(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ListAlternativesRequest *req = request;
	Fit__Workout__V1__ListAlternativesResponse *res = reply;
	struct workout_alternative *list = NULL;
	struct workout_scope scope;
	struct uuid id;
	size_t n = 0;
	enum status st =
		workout_rpc_begin_of(call, reply, req->exercise_id, "exerciseId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_exercise_alternatives(rpc_call_service(call), &scope, &id,
						   req->available_equipment,
						   req->n_available_equipment,
						   req->page_size > 0 ? req->page_size
								      : ALTERNATIVES,
						   &list, &n, err);
	if (st != STATUS_OK)
		return st;
	res->alternatives = ARENA_ARRAY(scope.arena, Fit__Workout__V1__Alternative *, n + 1);
	res->n_alternatives = n;
	for (size_t i = 0; i < n; i++) {
		Fit__Workout__V1__Alternative *a =
			ARENA_NEW(scope.arena, Fit__Workout__V1__Alternative);

		fit__workout__v1__alternative__init(a);
		a->exercise = list[i].exercise;
		a->similarity = list[i].similarity;
		res->alternatives[i] = a;
	}
	return STATUS_OK;
}

static const struct rpc_method methods[] = {
	{ "ListExercises", on_list_exercises },
	{ "GetExercise", on_get_exercise },
	{ "ListAlternatives", on_list_alternatives },
};
const struct rpc_service workout_rpc_exercises = { &fit__workout__v1__exercise_service__descriptor,
						   methods, ARRAY_LEN(methods) };
