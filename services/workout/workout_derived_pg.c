/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_derived.h"

#include <string.h>

#include "services/workout/workout_doc.h"
#include "services/workout/workout_records.h"

/*
 * Rows that are as they should be are not written, so logging one more set writes one row. Answers
 * the exercises whose rows changed. $1 user, $2 session, $3 its start, $4 document or NULL.
 */
static const char sql_project[] =
	"WITH next AS (SELECT (s->>'setId')::uuid AS set_id, (e->>'exerciseId')::uuid AS "
	"exercise_id,"
	" (row_number() OVER (ORDER BY en, sn))::int AS position, coalesce(s->>'type', 'normal') "
	"AS set_type,"
	" coalesce((s->>'reps')::int, 0) AS reps, coalesce(round((s->>'weight')::numeric * 1000), "
	"0)::bigint AS weight_g,"
	" coalesce(round((s->>'rpe')::numeric * 2), 0)::int AS rpe_halves,"
	" coalesce((s->>'duration')::int, 0) AS duration_s"
	" FROM jsonb_array_elements($4::jsonb->'exercises') WITH ORDINALITY AS a (e, en),"
	" jsonb_array_elements(e->'sets') WITH ORDINALITY AS b (s, sn)),"
	" gone AS (DELETE FROM session_sets o WHERE o.user_id = $1 AND o.session_id = $2"
	" AND NOT EXISTS (SELECT 1 FROM next WHERE next.set_id = o.set_id) RETURNING "
	"o.exercise_id),"
	" came AS (INSERT INTO session_sets AS o (user_id, session_id, set_id, exercise_id, "
	"started_at, position, set_type,"
	" reps, weight_g, rpe_halves, duration_s) SELECT $1, $2, set_id, exercise_id, "
	"$3::timestamptz, position, set_type, reps,"
	" weight_g, rpe_halves, duration_s FROM next ON CONFLICT (user_id, session_id, set_id) DO "
	"UPDATE SET"
	" exercise_id = excluded.exercise_id, started_at = excluded.started_at, position = "
	"excluded.position,"
	" set_type = excluded.set_type, reps = excluded.reps, weight_g = excluded.weight_g,"
	" rpe_halves = excluded.rpe_halves, duration_s = excluded.duration_s"
	" WHERE (o.exercise_id, o.started_at, o.position, o.set_type, o.reps, o.weight_g, "
	"o.rpe_halves, o.duration_s)"
	" IS DISTINCT FROM (excluded.exercise_id, excluded.started_at, excluded.position, "
	"excluded.set_type,"
	" excluded.reps, excluded.weight_g, excluded.rpe_halves, excluded.duration_s) RETURNING "
	"o.exercise_id)"
	" SELECT exercise_id FROM gone UNION SELECT exercise_id FROM came";

static const char sql_lifts[] =
	"SELECT " WORKOUT_LIFT_COLUMNS " FROM session_sets"
	" WHERE user_id = $1 AND exercise_id = $2 AND set_type <> 'warmup' AND reps > 0 AND "
	"weight_g > 0"
	" ORDER BY started_at, session_id, position";
/* Lost ones too: they say what was told before. */
static const char sql_records[] =
	"SELECT kind, value_g, previous_g, session_id, set_id, deleted_at IS NULL"
	" FROM personal_records WHERE user_id = $1 AND exercise_id = $2";
static const char sql_put_record[] =
	"INSERT INTO personal_records AS r (id, user_id, exercise_id, kind, value_g, previous_g, "
	"reps, weight_g, session_id,"
	" set_id, achieved_at, rev) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON "
	"CONFLICT (id) DO UPDATE"
	" SET value_g = excluded.value_g, previous_g = excluded.previous_g, reps = excluded.reps,"
	" weight_g = excluded.weight_g, session_id = excluded.session_id, set_id = excluded.set_id,"
	" achieved_at = excluded.achieved_at, rev = excluded.rev, deleted_at = NULL WHERE "
	"r.user_id = excluded.user_id RETURNING coalesce((SELECT name FROM exercises"
	" WHERE exercises.id = r.exercise_id AND owner_id IS NULL), '')";
static const char sql_drop_record[] =
	"UPDATE personal_records SET deleted_at = $3, rev = $4 WHERE user_id = $1 AND id = $2";
static const char sql_records_of[] = "SELECT set_id, kind FROM personal_records WHERE user_id = $1 "
				     "AND session_id = $2 AND deleted_at IS NULL"
				     " ORDER BY kind";

/* 7b0f0a3e-6a52-5d6c-8f0e-3c1f5b9c2d71 */
static const struct uuid record_namespace = { { 0x7b, 0x0f, 0x0a, 0x3e, 0x6a, 0x52, 0x5d, 0x6c,
						0x8f, 0x0e, 0x3c, 0x1f, 0x5b, 0x9c, 0x2d, 0x71 } };

struct derive {
	struct pg_tx *tx;
	struct arena *arena;
	const struct uuid *owner, *session_id;
	struct workout_events *events;
	struct workout_held_record *held;
	size_t nheld, held_cap;
};

static struct uuid
record_id(const struct derive *d, const struct uuid *exercise, const char *kind)
{
	char owner[UUID_TEXT_SIZE], ex[UUID_TEXT_SIZE];
	const char *name;

	uuid_format(d->owner, owner);
	uuid_format(exercise, ex);
	name = arena_printf(d->arena, "%s %s %s", owner, ex, kind);
	return uuid_v5(record_namespace, slice_str(name));
}

/* ---- records ---- */

static void
hold(struct derive *d, const struct uuid *set_id, const char *kind)
{
	if (d->nheld == d->held_cap) {
		size_t cap = d->held_cap > 0 ? 2 * d->held_cap : 16;
		struct workout_held_record *list =
			ARENA_ARRAY(d->arena, struct workout_held_record, cap);

		for (size_t i = 0; i < d->nheld; i++)
			list[i] = d->held[i];
		d->held = list;
		d->held_cap = cap;
	}
	d->held[d->nheld++] = (struct workout_held_record){ *set_id, kind };
}

/* `type` is RECORD_SET or RECORD_CORRECTED. */
static enum status
put_record(struct derive *d, Fit__Workout__V1__Event__TypeCase type, const struct uuid *exercise,
	   const char *kind, const struct workout_record *record, const struct workout_lift *lift,
	   struct err *err)
{
	struct uuid id = record_id(d, exercise, kind);
	Fit__Workout__V1__RecordSet *m = ARENA_NEW(d->arena, Fit__Workout__V1__RecordSet);
	struct pg_result *res;
	int64_t rev;
	enum status st = pg_tx_sync(d->tx, d->owner, "record", &id, false, &rev, err);

	if (st == STATUS_OK)
		st = pg_tx_query(d->tx, sql_put_record,
				 PG_ARGS(pg_uuid(&id), pg_uuid(d->owner), pg_uuid(exercise),
					 pg_str(kind), pg_int(record->value),
					 pg_int(record->previous), pg_int(lift->reps),
					 pg_int(lift->grams), pg_uuid(&lift->session_id),
					 pg_uuid(&lift->set_id), pg_time(lift->started_ms),
					 pg_int(rev)),
				 &res, err);
	if (st != STATUS_OK)
		return st;
	fit__workout__v1__record_set__init(m);
	m->exercise_name = workout_pb_text(d->arena, pg_text(res, 0, 0));
	m->exercise_id = workout_uuid_text(d->arena, exercise);
	m->kind = workout_pb_text(d->arena, kind);
	m->value_g = record->value;
	m->previous_value_g = record->previous;
	m->session_id = workout_uuid_text(d->arena, &lift->session_id);
	m->set_id = workout_uuid_text(d->arena, &lift->set_id);
	workout_events_add(d->events, type, &m->base);
	return STATUS_OK;
}

static enum status
drop_record(struct derive *d, const struct uuid *exercise, const char *kind, struct err *err)
{
	struct uuid id = record_id(d, exercise, kind);
	Fit__Workout__V1__RecordLost *m = ARENA_NEW(d->arena, Fit__Workout__V1__RecordLost);
	int64_t rev;
	enum status st = pg_tx_sync(d->tx, d->owner, "record", &id, true, &rev, err);

	if (st == STATUS_OK)
		st = pg_tx_query(d->tx, sql_drop_record,
				 PG_ARGS(pg_uuid(d->owner), pg_uuid(&id), pg_time(clock_wall_ms()),
					 pg_int(rev)),
				 NULL, err);
	if (st != STATUS_OK)
		return st;
	fit__workout__v1__record_lost__init(m);
	m->exercise_id = workout_uuid_text(d->arena, exercise);
	m->kind = workout_pb_text(d->arena, kind);
	workout_events_add(d->events, FIT__WORKOUT__V1__EVENT__TYPE_RECORD_LOST, &m->base);
	return STATUS_OK;
}

/* What is stored of a kind. */
struct stored {
	bool is_there, is_live; /* not live: lost */
	int64_t value, previous;
	struct uuid session_id, set_id;
};

static struct stored
stored_of(const struct pg_result *res, const char *kind)
{
	for (int i = 0; i < pg_rows(res); i++)
		if (strcmp(pg_text(res, i, 0), kind) == 0)
			return (struct stored){
				.is_there = true,
				.is_live = pg_get_bool(res, i, 5),
				.value = pg_get_int(res, i, 1),
				.previous = pg_get_int(res, i, 2),
				.session_id = pg_get_uuid(res, i, 3),
				.set_id = pg_get_uuid(res, i, 4),
			};
	return (struct stored){ 0 };
}

static bool
is_as_stored(const struct stored *s, const struct workout_record *record,
	     const struct workout_lift *lift)
{
	return s->is_live && s->value == record->value && s->previous == record->previous &&
	       uuid_eq(&s->session_id, &lift->session_id) && uuid_eq(&s->set_id, &lift->set_id);
}

/*
 * News, or only a correction? A record that stands is beaten by a higher value alone: what holds it
 * after a mistaken set is gone was told when it was lifted. Where none stands, whatever holds it
 * now is news, unless it is the very set that was told before it was lost.
 */
static bool
is_news(const struct stored *s, const struct workout_record *record,
	const struct workout_lift *lift)
{
	if (!s->is_there || record->value > s->value)
		return true;
	return !s->is_live && !uuid_eq(&s->set_id, &lift->set_id);
}

size_t
workout_derived_lifts(const struct pg_result *res, struct arena *arena,
		      struct workout_lift **ret_lifts)
{
	size_t n = (size_t)pg_rows(res);
	struct workout_lift *lifts = ARENA_ARRAY(arena, struct workout_lift, n + 1);

	for (size_t i = 0; i < n; i++)
		lifts[i] = (struct workout_lift){
			.session_id = pg_get_uuid(res, (int)i, 0),
			.set_id = pg_get_uuid(res, (int)i, 1),
			.started_ms = pg_get_time(res, (int)i, 2),
			.reps = (unsigned)pg_get_int(res, (int)i, 3),
			.grams = pg_get_int(res, (int)i, 4),
			.rpe_halves = (unsigned)pg_get_int(res, (int)i, 5),
		};
	*ret_lifts = lifts;
	return n;
}

static enum status
derive_records(struct derive *d, const struct uuid *exercise, struct err *err)
{
	struct workout_record records[WORKOUT_RECORD_KINDS];
	struct workout_lift *lifts;
	struct pg_result *res, *stored;
	size_t n;
	enum status st = pg_tx_query(d->tx, sql_lifts,
				     PG_ARGS(pg_uuid(d->owner), pg_uuid(exercise)), &res, err);

	if (st == STATUS_OK)
		st = pg_tx_query(d->tx, sql_records, PG_ARGS(pg_uuid(d->owner), pg_uuid(exercise)),
				 &stored, err);
	if (st != STATUS_OK)
		return st;
	n = workout_derived_lifts(res, d->arena, &lifts);
	workout_records_compute(lifts, n, records);
	for (int k = 0; k < WORKOUT_RECORD_KINDS && st == STATUS_OK; k++) {
		const char *kind = workout_record_name(k);
		const struct workout_lift *lift = &lifts[records[k].lift];
		struct stored had = stored_of(stored, kind);

		if (!records[k].is_record) {
			if (had.is_live)
				st = drop_record(d, exercise, kind, err);
			continue;
		}
		if (uuid_eq(&lift->session_id, d->session_id))
			hold(d, &lift->set_id, kind);
		if (!is_as_stored(&had, &records[k], lift))
			st = put_record(d,
					is_news(&had, &records[k], lift)
						? FIT__WORKOUT__V1__EVENT__TYPE_RECORD_SET
						: FIT__WORKOUT__V1__EVENT__TYPE_RECORD_CORRECTED,
					exercise, kind, &records[k], lift, err);
	}
	return st;
}

/* ---- entry points ---- */

enum status
workout_derived_project(struct pg_tx *tx, const struct uuid *owner, const struct uuid *session_id,
			int64_t started_ms, struct slice document, struct workout_events *events,
			struct workout_session_outcome *ret_outcome, struct err *err)
{
	struct derive d = { .tx = tx,
			    .arena = pg_tx_arena(tx),
			    .owner = owner,
			    .session_id = session_id,
			    .events = events };
	struct pg_result *res;
	enum status st =
		pg_tx_query(tx, sql_project,
			    PG_ARGS(pg_uuid(owner), pg_uuid(session_id), pg_time(started_ms),
				    document.n > 0 ? pg_jsonb(document) : pg_null()),
			    &res, err);

	for (int i = 0; st == STATUS_OK && i < pg_rows(res); i++) {
		struct uuid exercise = pg_get_uuid(res, i, 0);

		st = derive_records(&d, &exercise, err);
	}
	if (st != STATUS_OK)
		return st;
	ret_outcome->records = d.held;
	ret_outcome->nrecords = d.nheld;
	return STATUS_OK;
}

enum status
workout_derived_records_of(struct workout *w, const struct workout_scope *scope,
			   const struct uuid *session_id, struct workout_held_record **ret_list,
			   size_t *ret_n, struct err *err)
{
	struct pg_result *res;
	struct workout_held_record *list;
	enum status st = pg_query(w->pg, scope->deadline, sql_records_of,
				  PG_ARGS(pg_uuid(&scope->owner), pg_uuid(session_id)),
				  scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	list = ARENA_ARRAY(scope->arena, struct workout_held_record, (size_t)pg_rows(res) + 1);
	for (int i = 0; i < pg_rows(res); i++)
		list[i] = (struct workout_held_record){
			pg_get_uuid(res, i, 0), arena_strdup(scope->arena, pg_text(res, i, 1))
		};
	*ret_list = list;
	*ret_n = (size_t)pg_rows(res);
	return STATUS_OK;
}
