/* SPDX-License-Identifier: Apache-2.0 */
/* The note on a plan. */
#include "services/workout/workout_doc.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_events.h"
#include "services/workout/workout_plan_store.h"

static const char sql_set[] =
	"INSERT INTO plan_notes (plan_id, user_id, text, updated_at, rev)"
	" SELECT p.id, p.user_id, $3, $4, $5 FROM workout_plans p"
	" WHERE p.user_id = $1 AND p.id = $2 AND p.deleted_at IS NULL"
	" ON CONFLICT (plan_id) DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at,"
	" rev = excluded.rev WHERE plan_notes.user_id = excluded.user_id";

static const char sql_get[] =
	"SELECT n.text, n.updated_at FROM workout_plans p LEFT JOIN plan_notes n ON n.plan_id = p.id"
	" WHERE p.user_id = $1 AND p.id = $2 AND p.deleted_at IS NULL";

struct set_note {
	const struct workout_scope *scope;
	const struct uuid *plan_id;
	const char *text;
	Fit__Workout__V1__PlanNote *ret_note;
};

static enum status
on_set_note(struct pg_tx *tx, void *arg, struct err *err)
{
	struct set_note *s = arg;
	const struct workout_scope *scope = s->scope;
	struct workout_events events = WORKOUT_EVENTS(scope->arena);
	Fit__Workout__V1__PlanNoteSet event;
	int64_t now = clock_wall_ms(), rev;
	struct pg_result *res;
	enum status st = pg_tx_sync(tx, &scope->owner, "plan_note", s->plan_id, false, &rev, err);

	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_set,
				 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(s->plan_id),
					 pg_str(s->text), pg_time(now), pg_int(rev)),
				 &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_affected(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such plan.");
	fit__workout__v1__plan_note_set__init(&event);
	event.plan_id = uuid_text(scope->arena, s->plan_id);
	workout_events_add(&events, FIT__WORKOUT__V1__EVENT__TYPE_PLAN_NOTE_SET, &event.base);
	s->ret_note->plan_id = event.plan_id;
	s->ret_note->text = workout_pb_text(scope->arena, s->text);
	s->ret_note->updated_at = pb_time_new(scope->arena, now);
	return workout_events_write(&events, tx, &scope->owner, scope->traceparent, err);
}

enum status
workout_plan_set_note(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		      const char *text, Fit__Workout__V1__PlanNote *ret_note, struct err *err)
{
	const struct pg_tx_options opts = { .deadline = scope->deadline,
					    .arena = scope->arena,
					    .idem = scope->idem };
	struct set_note s = { scope, id, text, ret_note };

	return pg_transaction(w->pg, &opts, on_set_note, &s, err);
}

enum status
workout_plan_get_note(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		      Fit__Workout__V1__PlanNote *ret_note, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_get,
			 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such plan.");
	ret_note->plan_id = uuid_text(scope->arena, id);
	ret_note->text = workout_pb_text(scope->arena, pg_text(res, 0, 0));
	if (!pg_is_null(res, 0, 1))
		ret_note->updated_at = pb_time_new(scope->arena, pg_get_time(res, 0, 1));
	return STATUS_OK;
}
