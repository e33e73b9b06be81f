/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/rpc_meta.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_patch.h"
#include "services/workout/workout_plan_store.h"
#include "services/workout/workout_rpc.h"

/* ---- reads ---- */

static enum status
on_list_plans(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ListPlansRequest *req = request;
	Fit__Workout__V1__ListPlansResponse *res = reply;
	struct slice filter =
		req->include_archived ? SLICE_LIT("plans all") : SLICE_LIT("plans active");
	struct workout_scope scope;
	struct workout_page page;
	enum status st = workout_rpc_begin(call, reply, &scope, err);

	if (st == STATUS_OK)
		st = workout_page_open(&page, req->page_size, req->page_token, filter, err);
	if (st == STATUS_OK)
		st = workout_plan_list(rpc_call_service(call), &scope, req->include_archived, &page,
				       &res->plans, &res->n_plans, &res->next_page_token, err);
	return st;
}

static enum status
on_get_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetPlanRequest *req = request;
	struct workout_scope scope;
	plan_doc *plan;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_plan_find(rpc_call_service(call), &scope, &id, &plan, err);
	if (st != STATUS_OK)
		return st;
	rpc_call_set_etag(call, plan->version_number);
	*(plan_doc *)reply = *plan;
	return STATUS_OK;
}

static enum status
on_list_plan_versions(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ListPlanVersionsRequest *req = request;
	Fit__Workout__V1__ListPlanVersionsResponse *res = reply;
	struct workout_scope scope;
	struct workout_page page;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_page_open(&page, req->page_size, req->page_token,
				       slice_make(id.b, sizeof(id.b)), err);
	if (st == STATUS_OK)
		st = workout_plan_versions(rpc_call_service(call), &scope, &id, &page,
					   &res->versions, &res->n_versions, &res->next_page_token,
					   err);
	return st;
}

static enum status
on_get_plan_version(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetPlanVersionRequest *req = request;
	struct workout_scope scope;
	plan_version *version;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_plan_version(rpc_call_service(call), &scope, &id, req->version_number,
					  &version, err);
	if (st == STATUS_OK)
		*(plan_version *)reply = *version;
	return st;
}

/* The changeset as messages, through the JSON codec, which knows google.protobuf.Value. */
static enum status
fill_diff(const json_t *changeset, struct arena *arena, Fit__Workout__V1__PlanDiff *res,
	  struct err *err)
{
	struct strbuf json = STRBUF_ARENA(arena);
	const Fit__Workout__V1__PlanDiff *diff;
	void *message;
	enum status st;

	strbuf_adds(&json, "{\"changeset\":");
	strbuf_add_slice(&json, workout_json_text(changeset, arena));
	strbuf_addch(&json, '}');
	st = workout_doc_decode(&fit__workout__v1__plan_diff__descriptor, strbuf_slice(&json),
				arena, &message, err);
	if (st != STATUS_OK)
		return st;
	diff = message;
	res->changeset = diff->changeset;
	res->n_changeset = diff->n_changeset;
	return STATUS_OK;
}

static enum status
on_diff_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__DiffPlanRequest *req = request;
	Fit__Workout__V1__PlanDiff *res = reply;
	struct workout *w = rpc_call_service(call);
	struct workout_scope scope;
	json_t *from, *to;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_plan_document(w, &scope, &id, req->from, &from, err);
	if (st == STATUS_OK)
		st = workout_plan_document(w, &scope, &id, req->to, &to, err);
	if (st != STATUS_OK)
		return st;
	res->from = req->from;
	res->to = req->to;
	return fill_diff(workout_json_own(scope.arena, workout_patch_diff(from, to)), scope.arena,
			 res, err);
}

/* ---- writes ---- */

/*
 * Equipment and muscles of the plan's exercises; also says which exercise is not known. A plan that
 * is changed may hold exercises that the library has given up since.
 */
static enum status
derive(struct workout *w, const struct workout_scope *scope, plan_doc *plan, bool with_deleted,
       struct err *err)
{
	struct workout_exercise_brief *briefs;
	struct uuid *ids;
	size_t nbriefs, n = workout_plan_exercises(plan, scope->arena, &ids);
	enum status st =
		workout_exercise_briefs(w, scope, ids, n, with_deleted, &briefs, &nbriefs, err);

	return st == STATUS_OK ? workout_plan_derive(plan, briefs, nbriefs, scope->arena, err) : st;
}

static enum status
reply_plan(struct rpc_call *call, const plan_doc *plan)
{
	rpc_call_set_etag(call, plan->version_number);
	return STATUS_OK;
}

static enum status
on_create_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__CreatePlanRequest *req = request;
	struct workout *w = rpc_call_service(call);
	struct workout_scope scope;
	struct uuid id;
	plan_doc *plan;
	enum status st = workout_rpc_begin(call, reply, &scope, err);

	if (st == STATUS_OK && req->plan == NULL) {
		err_init(err);
		st = err_add_field(err, "plan", "is missing");
	}
	if (st == STATUS_OK)
		st = workout_rpc_author(call, req->plan->created_by, "plan.createdBy", err);
	if (st == STATUS_OK)
		st = workout_rpc_new_id(req->plan->id, "id", &id, err);
	if (st != STATUS_OK)
		return st;
	plan = workout_doc_copy(&req->plan->base, scope.arena);
	plan->is_active = true;
	st = workout_plan_check(plan, &id, false, scope.arena, err);
	if (st == STATUS_OK)
		st = derive(w, &scope, plan, false, err);
	st = st == STATUS_OK ? workout_plan_create(w, &scope, &id, plan, reply, err)
			     : workout_rpc_refused(w, &scope, err);
	return st == STATUS_OK ? reply_plan(call, reply) : st;
}

struct update {
	const struct workout_scope *scope;
	const struct uuid *id;
	const Fit__Workout__V1__UpdatePlanRequest *req;
	const plan_doc *derived; /* the patch with checked exercises */
	bool exercises;
};

static bool
mask_has(const Google__Protobuf__FieldMask *mask, const char *member)
{
	size_t n = strlen(member);

	for (size_t i = 0; mask != NULL && i < mask->n_paths; i++)
		if (strncmp(mask->paths[i], member, n) == 0 &&
		    (mask->paths[i][n] == '\0' || mask->paths[i][n] == '.'))
			return true;
	return false;
}

static enum status
on_apply_update(void *arg, plan_doc *plan, struct err *err)
{
	const struct update *u = arg;
	const Google__Protobuf__FieldMask *mask = u->req->update_mask;
	plan_doc patch = *u->req->plan;
	enum status st;

	if (u->exercises) {
		patch.exercises = u->derived->exercises;
		patch.n_exercises = u->derived->n_exercises;
		plan->equipment_required = u->derived->equipment_required;
		plan->n_equipment_required = u->derived->n_equipment_required;
		plan->muscle_groups_targeted = u->derived->muscle_groups_targeted;
		plan->n_muscle_groups_targeted = u->derived->n_muscle_groups_targeted;
	}
	/* An empty patch changes nothing. */
	st = mask != NULL ? workout_plan_patch(plan, &patch, mask->paths, mask->n_paths,
					       u->scope->arena, err)
			  : STATUS_OK;
	return st == STATUS_OK ? workout_plan_check(plan, u->id, true, u->scope->arena, err) : st;
}

/* What of a patch needs the library: before the transaction, whose connection it would share. */
static enum status
prepare_update(struct workout *w, struct update *u, struct err *err)
{
	plan_doc *patch = workout_doc_copy(&u->req->plan->base, u->scope->arena);
	enum status st;

	u->derived = patch;
	u->exercises = mask_has(u->req->update_mask, "exercises");
	if (!u->exercises)
		return STATUS_OK;
	patch->name = workout_pb_text(u->scope->arena, "any");
	st = workout_plan_check(patch, u->id, true, u->scope->arena, err);
	return st == STATUS_OK ? derive(w, u->scope, patch, true, err) : st;
}

static enum status
if_match(const struct rpc_call *call, struct workout_plan_change *change, struct err *err)
{
	change->versioned = rpc_call_if_match(call, &change->version);
	if (change->versioned || rpc_call_metadata(call, RPC_META_IF_MATCH).n > 0)
		return STATUS_OK;
	err_public(err, STATUS_FAILED_PRECONDITION, "If-Match with the plan's ETag is required.");
	return err_reason(err, "ETAG_REQUIRED");
}

static enum status
on_update_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__UpdatePlanRequest *req = request;
	struct workout *w = rpc_call_service(call);
	struct workout_scope scope;
	struct uuid id;
	struct update u = { &scope, &id, req, NULL, false };
	struct workout_plan_change change = { .type = "updated", .fn = on_apply_update, .arg = &u };
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = if_match(call, &change, err);
	if (st == STATUS_OK && req->plan == NULL) {
		err_init(err);
		st = err_add_field(err, "plan", "is missing");
	}
	if (st == STATUS_OK)
		st = workout_rpc_author(call, req->plan->created_by, "plan.createdBy", err);
	if (st != STATUS_OK)
		return st;
	change.changes_description = req->plan->changes_description;
	change.created_by = req->plan->created_by;
	st = prepare_update(w, &u, err);
	st = st == STATUS_OK ? workout_plan_change(w, &scope, &id, &change, reply, err)
			     : workout_rpc_refused(w, &scope, err);
	return st == STATUS_OK ? reply_plan(call, reply) : st;
}

static enum status
on_delete_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__DeletePlanRequest *req = request;
	struct workout_scope scope;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	return st == STATUS_OK ? workout_plan_delete(rpc_call_service(call), &scope, &id, err) : st;
}

/* Content of an older version; whether the plan is in use or public stays as it is. */
static enum status
on_apply_restore(void *arg, plan_doc *plan, struct err *err)
{
	plan_doc old = *(const plan_doc *)arg;

	(void)err;
	old.is_active = plan->is_active;
	old.is_public = plan->is_public;
	*plan = old;
	return STATUS_OK;
}

static enum status
on_restore_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__RestorePlanRequest *req = request;
	struct workout *w = rpc_call_service(call);
	struct workout_plan_change change = { .type = "restored",
					      .fn = on_apply_restore,
					      .created_by = "user" };
	struct workout_scope scope;
	plan_doc *old = NULL;
	json_t *doc;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = if_match(call, &change, err);
	if (st != STATUS_OK)
		return st;
	change.changes_description =
		arena_printf(scope.arena, "Restored version %u", req->version_number);
	st = workout_plan_document(w, &scope, &id, req->version_number, &doc, err);
	if (st == STATUS_OK)
		st = workout_plan_from_json(doc, scope.arena, &old, err);
	change.arg = old;
	st = st == STATUS_OK ? workout_plan_change(w, &scope, &id, &change, reply, err)
			     : workout_rpc_refused(w, &scope, err);
	return st == STATUS_OK ? reply_plan(call, reply) : st;
}

/* The plan as the first version of another. */
static enum status
copy_plan(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
	  const struct uuid *new_id, char *name, plan_doc **ret_plan, struct err *err)
{
	plan_doc *plan;
	enum status st = workout_plan_find(w, scope, id, &plan, err);

	if (st != STATUS_OK)
		return st;
	if (*name != '\0')
		plan->name = name;
	plan->is_active = true;
	plan->is_public = false;
	plan->changes_description = workout_pb_text(scope->arena, "");
	/* Whoever made the original: the copy is its user's. */
	plan->created_by = workout_pb_text(scope->arena, "user");
	/* The copy's entries are its own. */
	for (size_t i = 0; i < plan->n_exercises; i++)
		plan->exercises[i]->entry_id = workout_pb_text(scope->arena, "");
	*ret_plan = plan;
	return workout_plan_check(plan, new_id, false, scope->arena, err);
}

static enum status
on_clone_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ClonePlanRequest *req = request;
	struct workout *w = rpc_call_service(call);
	struct workout_scope scope;
	struct uuid id, new_id;
	plan_doc *plan;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_rpc_new_id(req->id, "id", &new_id, err);
	if (st != STATUS_OK)
		return st;
	st = copy_plan(w, &scope, &id, &new_id, req->name, &plan, err);
	st = st == STATUS_OK ? workout_plan_create(w, &scope, &new_id, plan, reply, err)
			     : workout_rpc_refused(w, &scope, err);
	return st == STATUS_OK ? reply_plan(call, reply) : st;
}

static enum status
on_apply_archive(void *arg, plan_doc *plan, struct err *err)
{
	(void)arg;
	(void)err;
	plan->is_active = false;
	return STATUS_OK;
}

static enum status
on_archive_plan(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ArchivePlanRequest *req = request;
	struct workout_plan_change change = { .type = "archived",
					      .fn = on_apply_archive,
					      .changes_description = "",
					      .created_by = "user" };
	struct workout_scope scope;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_plan_change(rpc_call_service(call), &scope, &id, &change, reply, err);
	return st == STATUS_OK ? reply_plan(call, reply) : st;
}

static enum status
on_set_plan_note(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__SetPlanNoteRequest *req = request;
	struct workout_scope scope;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_plan_set_note(rpc_call_service(call), &scope, &id, req->text, reply,
					   err);
	return st;
}

static enum status
on_get_plan_note(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetPlanNoteRequest *req = request;
	struct workout_scope scope;
	struct uuid id;
	enum status st =
		workout_rpc_begin_of(call, reply, req->plan_id, "planId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_plan_get_note(rpc_call_service(call), &scope, &id, reply, err);
	return st;
}

static const struct rpc_method methods[] = {
	{ "ListPlans", on_list_plans },
	{ "CreatePlan", on_create_plan },
	{ "GetPlan", on_get_plan },
	{ "UpdatePlan", on_update_plan },
	{ "DeletePlan", on_delete_plan },
	{ "ListPlanVersions", on_list_plan_versions },
	{ "GetPlanVersion", on_get_plan_version },
	{ "DiffPlan", on_diff_plan },
	{ "RestorePlan", on_restore_plan },
	{ "ClonePlan", on_clone_plan },
	{ "ArchivePlan", on_archive_plan },
	{ "SetPlanNote", on_set_plan_note },
	{ "GetPlanNote", on_get_plan_note },
};
const struct rpc_service workout_rpc_plans = { &fit__workout__v1__plan_service__descriptor, methods,
					       ARRAY_LEN(methods) };
