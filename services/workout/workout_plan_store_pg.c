/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing plans. Every statement names the owner. The projection is one function, used by live
 * writes and by rebuild: it takes the state that the fold of events gave and writes the plan's row
 * and the version's row.
 */
#include <string.h>

#include "services/workout/workout_doc.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_events.h"
#include "services/workout/workout_patch.h"
#include "services/workout/workout_plan_store.h"

/*
 * Lock and document are two statements on purpose: in one, a transaction that had to wait for the
 * row would go on with the versions that it saw before, where the newest is missing.
 */
static const char sql_lock[] = "SELECT version_number, created_at, updated_at FROM workout_plans"
			       " WHERE user_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE";
static const char sql_newest[] = "SELECT v.metadata || jsonb_build_object('exercises', "
				 "v.exercises), v.changes_description, v.created_by"
				 " FROM workout_plans p JOIN workout_plan_versions v ON v.plan_id "
				 "= p.id AND v.version_number = p.version_number"
				 " WHERE p.user_id = $1 AND p.id = $2";
static const char sql_first[] =
	"SELECT v.metadata || jsonb_build_object('exercises', v.exercises) FROM workout_plans p"
	" JOIN workout_plan_versions v ON v.plan_id = p.id AND v.version_number = 1"
	" WHERE p.user_id = $1 AND p.id = $2 AND p.deleted_at IS NULL";
static const char sql_count[] =
	"SELECT count(*) FROM workout_plans WHERE user_id = $1 AND deleted_at IS NULL";
static const char sql_count_events[] = "SELECT count(*) FROM plan_events WHERE user_id = $1";
static const char sql_append[] =
	"INSERT INTO plan_events (plan_id, seq, user_id, type, changeset, changes_description, "
	"created_by, rev, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (plan_id, seq) DO NOTHING";
static const char sql_events[] = "SELECT type, seq, changeset, changes_description, created_by, "
				 "rev, created_at FROM plan_events"
				 " WHERE user_id = $1 AND plan_id = $2 ORDER BY seq";
static const char sql_project_plan[] =
	"INSERT INTO workout_plans AS p (id, user_id, name, description, difficulty_level, "
	"estimated_duration_minutes,"
	" equipment_required, muscle_groups_targeted, is_active, is_public, version_number, "
	"created_at, updated_at, rev,"
	" deleted_at) SELECT $2, $1, d->>'name', coalesce(d->>'description', ''), "
	"d->>'difficultyLevel',"
	" coalesce((d->>'estimatedDurationMinutes')::int, 0), array_of(d->'equipmentRequired'),"
	" array_of(d->'muscleGroupsTargeted'), coalesce((d->>'isActive')::bool, false),"
	" coalesce((d->>'isPublic')::bool, false), $4, $5, $6, $7, $8 FROM (VALUES ($3::jsonb)) AS "
	"doc (d)"
	" ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description,"
	" difficulty_level = excluded.difficulty_level, estimated_duration_minutes = "
	"excluded.estimated_duration_minutes,"
	" equipment_required = excluded.equipment_required, muscle_groups_targeted = "
	"excluded.muscle_groups_targeted,"
	" is_active = excluded.is_active, is_public = excluded.is_public, version_number = "
	"excluded.version_number,"
	" updated_at = excluded.updated_at, rev = excluded.rev, deleted_at = excluded.deleted_at"
	" WHERE p.user_id = excluded.user_id";
static const char sql_project_version[] =
	"INSERT INTO workout_plan_versions (id, plan_id, version_number, exercises, "
	"changes_description, changeset,"
	" created_by, created_at, metadata) SELECT $3, p.id, $4, coalesce($5::jsonb->'exercises', "
	"'[]'), $6, $7, $8, $9,"
	" $5::jsonb - 'exercises' FROM workout_plans p WHERE p.user_id = $1 AND p.id = $2";
static const char sql_forget[] = "DELETE FROM workout_plans WHERE user_id = $1 AND id = $2";

/* ---- projection ---- */

static enum status
project(struct pg_tx *tx, const struct uuid *owner, const struct uuid *id,
	const struct workout_plan_state *state, const struct workout_plan_event *event,
	struct err *err)
{
	struct arena *arena = pg_tx_arena(tx);
	struct slice doc = workout_json_text(state->doc, arena);
	const char *name = arena_printf(arena, "version %d", state->version);
	struct uuid version_id = uuid_v5(*id, slice_str(name));
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_project_plan,
			    PG_ARGS(pg_uuid(owner), pg_uuid(id), pg_jsonb(doc),
				    pg_int(state->version), pg_time(state->created_ms),
				    pg_time(state->updated_ms), pg_int(state->rev),
				    state->deleted ? pg_time(state->deleted_ms) : pg_null()),
			    &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_affected(res) != 1)
		return err_set(err, STATUS_INTERNAL,
			       "plan events of one user, plan row of another");
	if (state->deleted)
		return STATUS_OK;
	return pg_tx_query(tx, sql_project_version,
			   PG_ARGS(pg_uuid(owner), pg_uuid(id), pg_uuid(&version_id),
				   pg_int(state->version), pg_jsonb(doc),
				   pg_str(event->changes_description),
				   pg_jsonb(workout_json_text(event->changeset, arena)),
				   pg_str(event->created_by), pg_time(event->created_ms)),
			   NULL, err);
}

/* Appends an event after `state` and projects it. *ret_taken: this place in the plan's history is
 * taken. */
static enum status
append(struct pg_tx *tx, const struct uuid *owner, const struct uuid *id,
       struct workout_plan_state *state, struct workout_plan_event *event, bool *ret_taken,
       struct err *err)
{
	struct arena *arena = pg_tx_arena(tx);
	struct pg_result *res;
	enum status st;

	/* The number comes first: it also puts the transactions of one user in a line. */
	st = pg_tx_sync(tx, owner, "plan", id, strcmp(event->type, "deleted") == 0, &event->rev,
			err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_append,
				 PG_ARGS(pg_uuid(id), pg_int(event->seq), pg_uuid(owner),
					 pg_str(event->type),
					 pg_jsonb(workout_json_text(event->changeset, arena)),
					 pg_str(event->changes_description),
					 pg_str(event->created_by), pg_int(event->rev),
					 pg_time(event->created_ms)),
				 &res, err);
	if (st != STATUS_OK)
		return st;
	*ret_taken = pg_affected(res) == 0;
	if (*ret_taken)
		return STATUS_OK;
	st = workout_plan_fold(state, event, arena, err);
	return st == STATUS_OK ? project(tx, owner, id, state, event, err) : st;
}

/* ---- replies and outbox ---- */

static enum status
fill(plan_doc *ret_plan, const struct uuid *id, const struct workout_plan_state *state,
     struct arena *arena, struct err *err)
{
	plan_doc *plan;
	enum status st = workout_plan_from_json(state->doc, arena, &plan, err);

	if (st != STATUS_OK)
		return st;
	plan->id = uuid_text(arena, id);
	plan->version_number = (uint32_t)state->version;
	plan->changes_description = workout_pb_text(arena, state->changes_description);
	plan->created_by = workout_pb_text(arena, state->created_by);
	plan->created_at = pb_time_new(arena, state->created_ms);
	plan->updated_at = pb_time_new(arena, state->updated_ms);
	*ret_plan = *plan;
	return STATUS_OK;
}

static enum status
tell(struct pg_tx *tx, const struct workout_scope *scope, const struct uuid *id,
     const struct workout_plan_state *state, const struct workout_plan_event *event,
     struct err *err)
{
	Fit__Workout__V1__PlanCreated created;
	Fit__Workout__V1__PlanChanged changed;
	Fit__Workout__V1__PlanDeleted deleted;
	struct workout_events events = WORKOUT_EVENTS(scope->arena);
	char *id_text = uuid_text(scope->arena, id);
	char *by = workout_pb_text(scope->arena, event->created_by);

	if (strcmp(event->type, "created") == 0) {
		fit__workout__v1__plan_created__init(&created);
		created.plan_id = id_text;
		created.exercises =
			(uint32_t)json_array_size(json_object_get(state->doc, "exercises"));
		created.created_by = by;
		workout_events_add(&events, FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CREATED,
				   &created.base);
	} else if (strcmp(event->type, "deleted") == 0) {
		fit__workout__v1__plan_deleted__init(&deleted);
		deleted.plan_id = id_text;
		workout_events_add(&events, FIT__WORKOUT__V1__EVENT__TYPE_PLAN_DELETED,
				   &deleted.base);
	} else {
		fit__workout__v1__plan_changed__init(&changed);
		changed.plan_id = id_text;
		changed.version_number = (uint32_t)state->version;
		changed.operations = (uint32_t)json_array_size(event->changeset);
		changed.reason = workout_pb_text(scope->arena, event->type);
		changed.created_by = by;
		workout_events_add(&events, FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CHANGED,
				   &changed.base);
	}
	return workout_events_write(&events, tx, &scope->owner, scope->traceparent, err);
}

/* ---- create ---- */

struct create {
	const struct workout_scope *scope;
	const struct uuid *id;
	const plan_doc *plan;
	plan_doc *ret_plan;
	bool raced; /* somebody took the id after we had looked */
};

/* The state that the plan's rows show, locked until the transaction ends; NOT_FOUND. */
static enum status
lock_plan(struct pg_tx *tx, const struct workout_scope *scope, const struct uuid *id,
	  struct workout_plan_state *ret_state, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_lock, PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such plan.");
	*ret_state = (struct workout_plan_state){
		.version = (int)pg_get_int(res, 0, 0),
		.created_ms = pg_get_time(res, 0, 1),
		.updated_ms = pg_get_time(res, 0, 2),
	};
	st = pg_tx_query(tx, sql_newest, PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_set(err, STATUS_INTERNAL, "plan without its version %d",
			       ret_state->version);
	ret_state->changes_description = pg_text(res, 0, 1);
	ret_state->created_by = pg_text(res, 0, 2);
	return workout_json_parse(pg_get_bytes(res, 0, 0), scope->arena, &ret_state->doc, err);
}

static enum status
id_taken(struct err *err)
{
	err_public(err, STATUS_ALREADY_EXISTS, "This id is taken.");
	return err_reason(err, "ID_TAKEN");
}

/* The caller's plan of this id is there: the same one, sent again, or another. */
static enum status
again(struct pg_tx *tx, const struct create *c, struct slice first, const json_t *doc,
      struct err *err)
{
	struct workout_plan_state state;
	json_t *stored;
	enum status st = workout_json_parse(first, c->scope->arena, &stored, err);

	if (st == STATUS_OK && !json_equal(stored, doc))
		st = id_taken(err);
	if (st == STATUS_OK)
		st = lock_plan(tx, c->scope, c->id, &state, err);
	return st == STATUS_OK ? fill(c->ret_plan, c->id, &state, c->scope->arena, err) : st;
}

static enum status
check_quota(const struct pg_result *count, int max, const char *what, struct err *err)
{
	if (pg_get_int(count, 0, 0) < max)
		return STATUS_OK;
	err_public(err, STATUS_FAILED_PRECONDITION, "You have %d %s, the most there can be.", max,
		   what);
	return err_reason(err, "QUOTA_EXCEEDED");
}

static enum status
check_counts(struct pg_tx *tx, const struct workout_scope *scope, struct err *err)
{
	struct pg_result *plans, *events;
	const struct uuid *owner = &scope->owner;
	enum status st = pg_tx_ask(tx, sql_count_events, PG_ARGS(pg_uuid(owner)), &events, err);

	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_count, PG_ARGS(pg_uuid(owner)), &plans, err);
	if (st == STATUS_OK)
		st = check_quota(plans, WORKOUT_PLANS_MAX, "plans", err);
	return st == STATUS_OK
		       ? check_quota(events, WORKOUT_PLAN_EVENTS_MAX, "versions of plans", err)
		       : st;
}

static enum status
create(struct pg_tx *tx, struct create *c, const json_t *doc, struct err *err)
{
	const struct workout_scope *scope = c->scope;
	struct workout_plan_state state = { 0 };
	struct workout_plan_event event = {
		.type = "created",
		.seq = 1,
		.changes_description = c->plan->changes_description,
		.created_by = *c->plan->created_by ? c->plan->created_by : "user",
		.created_ms = clock_wall_ms(),
	};
	enum status st = check_counts(tx, scope, err);

	if (st != STATUS_OK)
		return st;
	event.changeset =
		workout_json_own(scope->arena,
				 workout_patch_diff(workout_json_own(scope->arena, json_object()),
						    doc));
	st = append(tx, &scope->owner, c->id, &state, &event, &c->raced, err);
	if (st == STATUS_OK && c->raced)
		st = id_taken(err);
	if (st == STATUS_OK)
		st = tell(tx, scope, c->id, &state, &event, err);
	return st == STATUS_OK ? fill(c->ret_plan, c->id, &state, scope->arena, err) : st;
}

static enum status
on_create(struct pg_tx *tx, void *arg, struct err *err)
{
	struct create *c = arg;
	struct pg_result *res;
	json_t *doc;
	enum status st = workout_plan_to_json(c->plan, c->scope->arena, &doc, err);

	c->raced = false;
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_first, PG_ARGS(pg_uuid(&c->scope->owner), pg_uuid(c->id)),
				 &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 1)
		return again(tx, c, pg_get_bytes(res, 0, 0), doc, err);
	return create(tx, c, doc, err);
}

static enum status
run(struct workout *w, const struct workout_scope *scope, pg_tx_fn fn, void *arg, struct err *err)
{
	const struct pg_tx_options opts = { .deadline = scope->deadline,
					    .arena = scope->arena,
					    .idem = scope->idem };

	return pg_transaction(w->pg, &opts, fn, arg, err);
}

enum status
workout_plan_create(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		    const plan_doc *plan, plan_doc *ret_plan, struct err *err)
{
	struct create c = { scope, id, plan, ret_plan, false };
	enum status st = run(w, scope, on_create, &c, err);

	/* It may have been this same request on another connection: look once more. */
	if (st == STATUS_ALREADY_EXISTS && c.raced)
		st = run(w, scope, on_create, &c, err);
	return st;
}

/* ---- change ---- */

struct change {
	const struct workout_scope *scope;
	const struct uuid *id;
	const struct workout_plan_change *change;
	plan_doc *ret_plan;
};

/* The next document; *ret_changeset is empty when nothing changes. */
static enum status
next_changeset(const struct change *c, const struct workout_plan_state *state,
	       json_t **ret_changeset, struct err *err)
{
	struct arena *arena = c->scope->arena;
	plan_doc *plan;
	json_t *doc;
	enum status st = workout_plan_from_json(state->doc, arena, &plan, err);

	if (st == STATUS_OK)
		st = c->change->fn(c->change->arg, plan, err);
	if (st == STATUS_OK)
		st = workout_plan_to_json(plan, arena, &doc, err);
	if (st == STATUS_OK)
		*ret_changeset = workout_json_own(arena, workout_patch_diff(state->doc, doc));
	return st;
}

static enum status
on_change(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct change *c = arg;
	struct workout_plan_state state;
	struct workout_plan_event event = {
		.type = c->change->type,
		.changes_description = c->change->changes_description,
		.created_by = *c->change->created_by ? c->change->created_by : "user",
		.created_ms = clock_wall_ms(),
	};
	struct pg_result *events;
	json_t *changeset;
	bool taken;
	enum status st =
		pg_tx_ask(tx, sql_count_events, PG_ARGS(pg_uuid(&c->scope->owner)), &events, err);

	if (st == STATUS_OK)
		st = lock_plan(tx, c->scope, c->id, &state, err);
	if (st != STATUS_OK)
		return st;
	if (c->change->versioned && c->change->version != state.version) {
		err_public(err, STATUS_FAILED_PRECONDITION, "The plan is at version %d.",
			   state.version);
		return err_reason(err, "ETAG_MISMATCH");
	}
	st = next_changeset(c, &state, &changeset, err);
	if (st != STATUS_OK)
		return st;
	if (json_array_size(changeset) > 0) {
		st = check_quota(events, WORKOUT_PLAN_EVENTS_MAX, "versions of plans", err);
		if (st != STATUS_OK)
			return st;
		event.changeset = changeset;
		event.seq = state.version + 1;
		st = append(tx, &c->scope->owner, c->id, &state, &event, &taken, err);
		if (st == STATUS_OK && taken)
			return err_set(err, STATUS_INTERNAL,
				       "plan event %d exists beyond the plan's version", event.seq);
		if (st == STATUS_OK)
			st = tell(tx, c->scope, c->id, &state, &event, err);
	}
	return st == STATUS_OK ? fill(c->ret_plan, c->id, &state, c->scope->arena, err) : st;
}

enum status
workout_plan_change(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		    const struct workout_plan_change *change, plan_doc *ret_plan, struct err *err)
{
	struct change c = { scope, id, change, ret_plan };

	return run(w, scope, on_change, &c, err);
}

/* ---- delete ---- */

static enum status
on_delete(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct change *c = arg;
	struct workout_plan_state state;
	struct workout_plan_event event = {
		.type = "deleted",
		.changes_description = "",
		.created_by = "user",
		.created_ms = clock_wall_ms(),
	};
	bool taken;
	enum status st = lock_plan(tx, c->scope, c->id, &state, err);

	if (st != STATUS_OK)
		return st;
	event.seq = state.version + 1;
	event.changeset = workout_json_own(c->scope->arena, json_array());
	st = append(tx, &c->scope->owner, c->id, &state, &event, &taken, err);
	return st == STATUS_OK ? tell(tx, c->scope, c->id, &state, &event, err) : st;
}

enum status
workout_plan_delete(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		    struct err *err)
{
	struct change c = { .scope = scope, .id = id };

	return run(w, scope, on_delete, &c, err);
}

/* ---- rebuild ---- */

static enum status
on_rebuild(struct pg_tx *tx, void *arg, struct err *err)
{
	const struct change *c = arg;
	struct arena *arena = c->scope->arena;
	struct workout_plan_state state = { 0 };
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_events,
				     PG_ARGS(pg_uuid(&c->scope->owner), pg_uuid(c->id)), &res, err);

	if (st == STATUS_OK && pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such plan.");
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_forget, PG_ARGS(pg_uuid(&c->scope->owner), pg_uuid(c->id)),
				 NULL, err);
	for (int i = 0; st == STATUS_OK && i < pg_rows(res); i++) {
		struct workout_plan_event event = {
			.type = pg_text(res, i, 0),
			.seq = (int)pg_get_int(res, i, 1),
			.changes_description = pg_text(res, i, 3),
			.created_by = pg_text(res, i, 4),
			.rev = pg_get_int(res, i, 5),
			.created_ms = pg_get_time(res, i, 6),
		};
		json_t *changeset;

		st = workout_json_parse(pg_get_bytes(res, i, 2), arena, &changeset, err);
		event.changeset = changeset;
		if (st == STATUS_OK)
			st = workout_plan_fold(&state, &event, arena, err);
		if (st == STATUS_OK)
			st = project(tx, &c->scope->owner, c->id, &state, &event, err);
	}
	return st;
}

enum status
workout_plan_rebuild(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		     struct err *err)
{
	struct change c = { .scope = scope, .id = id };

	return run(w, scope, on_rebuild, &c, err);
}
