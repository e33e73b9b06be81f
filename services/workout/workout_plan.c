/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_plan.h"

#include <stdlib.h>
#include <string.h>

#include "services/workout/workout_doc.h"
#include "services/workout/workout_patch.h"
#include "services/workout/workout_units.h"

typedef Fit__Workout__V1__PlanExercise plan_entry;
typedef Fit__Workout__V1__PlannedSet planned_set;

static enum status
bad(struct err *err, size_t entry, const char *member, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "exercises[%zu].%s", entry, member);
	err_init(err);
	return err_add_field(err, path, "%s", what);
}

static enum status
bad_set(struct err *err, size_t entry, size_t set, const char *member, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "sets[%zu].%s", set, member);
	return bad(err, entry, path, what);
}

/* ---- checks ---- */

static enum status
check_set(planned_set *set, size_t i, size_t j, struct err *err)
{
	unsigned halves;
	int64_t grams;

	if (!workout_grams(set->weight, &grams))
		return bad_set(err, i, j, "weight", "is not a whole number of grams (0..1000 kg)");
	if (!workout_rpe_halves(set->rpe, &halves))
		return bad_set(err, i, j, "rpe", "is not a half step (1, 1.5, … 10)");
	if (set->reps_max != 0 && set->reps_max < set->reps_min)
		return bad_set(err, i, j, "repsMax", "is below repsMin");
	set->weight = workout_kg(grams);
	return STATUS_OK;
}

static enum status
entry_id(plan_entry *entry, const struct uuid *plan_id, size_t i, bool fresh, struct arena *arena,
	 struct err *err)
{
	struct uuid id;

	if (*entry->entry_id == '\0') {
		const char *name = arena_printf(arena, "entry %zu", i);

		id = fresh ? uuid_v7() : uuid_v5(*plan_id, slice_str(name));
	} else if (!uuid_parse_str(entry->entry_id, &id) || uuid_is_nil(&id)) {
		return bad(err, i, "entryId", "is not a UUID");
	}
	entry->entry_id = uuid_text(arena, &id);
	return STATUS_OK;
}

static enum status
check_entry(plan_doc *plan, size_t i, const struct uuid *plan_id, bool fresh, struct arena *arena,
	    struct err *err)
{
	plan_entry *entry = plan->exercises[i];
	struct uuid exercise;
	enum status st = entry_id(entry, plan_id, i, fresh, arena, err);

	if (st != STATUS_OK)
		return st;
	for (size_t k = 0; k < i; k++)
		if (strcmp(plan->exercises[k]->entry_id, entry->entry_id) == 0)
			return bad(err, i, "entryId", "occurs twice");
	if (!uuid_parse_str(entry->exercise_id, &exercise))
		return bad(err, i, "exerciseId", "is not a UUID");
	entry->exercise_id = uuid_text(arena, &exercise);
	for (size_t j = 0; j < entry->n_sets && st == STATUS_OK; j++)
		st = check_set(entry->sets[j], i, j, err);
	return st;
}

enum status
workout_plan_check(plan_doc *plan, const struct uuid *plan_id, bool fresh, struct arena *arena,
		   struct err *err)
{
	enum status st = STATUS_OK;

	if (*plan->name == '\0') {
		err_init(err);
		return err_add_field(err, "name", "is missing");
	}
	for (size_t i = 0; i < plan->n_exercises && st == STATUS_OK; i++)
		st = check_entry(plan, i, plan_id, fresh, arena, err);
	return st;
}

/* ---- patch ---- */

static enum status
patch_member(plan_doc *p, const plan_doc *from, struct slice member, struct arena *arena,
	     struct err *err)
{
	if (slice_eq_str(member, "name")) {
		p->name = workout_pb_text(arena, from->name);
	} else if (slice_eq_str(member, "description")) {
		p->description = workout_pb_text(arena, from->description);
	} else if (slice_eq_str(member, "difficulty_level")) {
		p->difficulty_level = workout_pb_text(arena, from->difficulty_level);
	} else if (slice_eq_str(member, "estimated_duration_minutes")) {
		p->estimated_duration_minutes = from->estimated_duration_minutes;
	} else if (slice_eq_str(member, "exercises")) {
		p->exercises = from->exercises;
		p->n_exercises = from->n_exercises;
	} else if (slice_eq_str(member, "is_active")) {
		p->is_active = from->is_active;
	} else if (slice_eq_str(member, "is_public")) {
		p->is_public = from->is_public;
	} else if (!slice_eq_str(member, "changes_description") &&
		   !slice_eq_str(member, "created_by")) {
		err_init(err);
		return err_add_field(err, arena_strndup(arena, member.p, member.n),
				     "cannot be changed here");
	}
	return STATUS_OK;
}

enum status
workout_plan_patch(plan_doc *plan, const plan_doc *patch, char *const *mask, size_t nmask,
		   struct arena *arena, struct err *err)
{
	enum status st = STATUS_OK;

	/* Lists are replaced as a whole: what lies below a member does not matter. */
	for (size_t i = 0; i < nmask && st == STATUS_OK; i++)
		st = patch_member(plan, patch, slice_make(mask[i], strcspn(mask[i], ".")), arena,
				  err);
	return st;
}

/* ---- what follows from the exercises ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
add_all(char **list, size_t *n, size_t max, char *const *from, size_t nfrom)
{
	for (size_t i = 0; i < nfrom; i++) {
		size_t k = 0;

		while (k < *n && strcmp(list[k], from[i]) != 0)
			k++;
		if (k == *n && *n < max)
			list[(*n)++] = from[i];
	}
}

#define DERIVED_MAX 40

enum status
workout_plan_derive(plan_doc *plan, const struct workout_exercise_brief *briefs, size_t nbriefs,
		    struct arena *arena, struct err *err)
{
	char **equipment = ARENA_ARRAY(arena, char *, DERIVED_MAX),
	     **muscles = ARENA_ARRAY(arena, char *, DERIVED_MAX);
	static char none[] = "none";
	size_t nequipment = 0, nmuscles = 0, kept = 0;

	for (size_t i = 0; i < plan->n_exercises; i++) {
		const struct workout_exercise_brief *b = NULL;
		struct uuid id;

		if (uuid_parse_str(plan->exercises[i]->exercise_id, &id))
			b = workout_exercise_brief_of(briefs, nbriefs, &id);
		if (b == NULL) {
			bad(err, i, "exerciseId", "is not a known exercise");
			return err_reason(err, "REFERENCE_INVALID");
		}
		add_all(equipment, &nequipment, DERIVED_MAX, b->equipment, b->nequipment);
		add_all(muscles, &nmuscles, DERIVED_MAX, b->muscles, b->nmuscles);
	}
	/* Beside real equipment, "none" says nothing. */
	for (size_t i = 0; i < nequipment; i++)
		if (strcmp(equipment[i], none) != 0)
			equipment[kept++] = equipment[i];
	if (kept == 0 && nequipment > 0)
		equipment[kept++] = none;
	qsort(equipment, kept, sizeof(*equipment), by_text);
	qsort(muscles, nmuscles, sizeof(*muscles), by_text);
	plan->equipment_required = equipment;
	plan->n_equipment_required = kept;
	plan->muscle_groups_targeted = muscles;
	plan->n_muscle_groups_targeted = nmuscles;
	return STATUS_OK;
}

size_t
workout_plan_exercises(const plan_doc *plan, struct arena *arena, struct uuid **ret_ids)
{
	struct uuid *ids = ARENA_ARRAY(arena, struct uuid, plan->n_exercises + 1);
	size_t n = 0;

	for (size_t i = 0; i < plan->n_exercises; i++)
		n += uuid_parse_str(plan->exercises[i]->exercise_id, &ids[n]);
	*ret_ids = ids;
	return n;
}

/* ---- documents ---- */

enum status
workout_plan_to_json(const plan_doc *plan, struct arena *arena, json_t **ret_doc, struct err *err)
{
	plan_doc doc;
	struct slice text;
	enum status st;

	fit__workout__v1__plan__init(&doc);
	doc.name = plan->name;
	doc.description = plan->description;
	doc.difficulty_level = plan->difficulty_level;
	doc.estimated_duration_minutes = plan->estimated_duration_minutes;
	doc.equipment_required = plan->equipment_required;
	doc.n_equipment_required = plan->n_equipment_required;
	doc.muscle_groups_targeted = plan->muscle_groups_targeted;
	doc.n_muscle_groups_targeted = plan->n_muscle_groups_targeted;
	doc.exercises = plan->exercises;
	doc.n_exercises = plan->n_exercises;
	doc.is_active = plan->is_active;
	doc.is_public = plan->is_public;
	st = workout_doc_encode(&doc.base, arena, &text, err);
	if (st == STATUS_OK)
		st = workout_json_parse(text, arena, ret_doc, err);
	/* Always there, also when empty: it is a column of its own in the versions. */
	if (st == STATUS_OK && json_object_get(*ret_doc, "exercises") == NULL &&
	    json_object_set_new(*ret_doc, "exercises", json_array()) != 0)
		panic("no memory for JSON");
	return st;
}

enum status
workout_plan_from_json(const json_t *doc, struct arena *arena, plan_doc **ret_plan, struct err *err)
{
	void *plan;
	enum status st = workout_doc_decode(&fit__workout__v1__plan__descriptor,
					    workout_json_text(doc, arena), arena, &plan, err);

	if (st == STATUS_OK)
		*ret_plan = plan;
	return st;
}

/* ---- events ---- */

enum status
workout_plan_fold(struct workout_plan_state *state, const struct workout_plan_event *event,
		  struct arena *arena, struct err *err)
{
	bool created = strcmp(event->type, "created") == 0,
	     deleted = strcmp(event->type, "deleted") == 0;
	json_t *next;
	enum status st;

	if (created != (state->doc == NULL) || state->deleted || event->seq != state->version + 1)
		return err_set(err, STATUS_FAILED_PRECONDITION,
			       "plan event %d (%s) after version %d%s", event->seq, event->type,
			       state->version, state->deleted ? ", deleted" : "");
	state->rev = event->rev;
	if (deleted) {
		state->deleted = true;
		state->deleted_ms = event->created_ms;
		return STATUS_OK;
	}
	if (created) {
		state->doc = workout_json_own(arena, json_object());
		state->created_ms = event->created_ms;
	}
	st = workout_patch_apply(state->doc, event->changeset, &next, err);
	if (st != STATUS_OK)
		return st;
	state->doc = workout_json_own(arena, next);
	state->version = event->seq;
	state->updated_ms = event->created_ms;
	state->changes_description = event->changes_description;
	state->created_by = event->created_by;
	return STATUS_OK;
}
