/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_derived.h"

#include <string.h>

#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_records.h"
#include "services/workout/workout_units.h"

static const char sql_sets[] =
	"SELECT set_id, exercise_id, started_at, position, set_type, reps, weight_g, rpe_halves,"
	" duration_s FROM session_sets WHERE user_id = $1 AND session_id = $2 ORDER BY set_id";
static const char sql_put_set[] =
	"INSERT INTO session_sets AS o (user_id, session_id, set_id, exercise_id, started_at,"
	" position, set_type, reps, weight_g, rpe_halves, duration_s)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (user_id, session_id, set_id) DO UPDATE SET"
	" exercise_id = excluded.exercise_id, started_at = excluded.started_at,"
	" position = excluded.position, set_type = excluded.set_type, reps = excluded.reps,"
	" weight_g = excluded.weight_g, rpe_halves = excluded.rpe_halves,"
	" duration_s = excluded.duration_s";
static const char sql_drop_set[] =
	"DELETE FROM session_sets WHERE user_id = $1 AND session_id = $2 AND set_id = $3";

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

/* An exercise whose sets changed, with its lifts and records as they are then. */
struct touched {
	struct touched *next;
	struct uuid exercise;
	struct pg_result *lifts, *stored;
};

/* A record's event that still lacks its exercise's name, which the record's statement answers. */
struct told {
	struct told *next;
	Fit__Workout__V1__RecordSet *message;
	struct pg_result *name;
};

struct derive {
	struct pg_tx *tx;
	struct arena *arena;
	const struct uuid *owner, *session_id;
	struct workout_events *events;
	struct touched *touched;
	struct told *told;
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
	struct told *told = ARENA_NEW(d->arena, struct told);
	int64_t rev;
	enum status st = pg_tx_sync(d->tx, d->owner, "record", &id, false, &rev, err);

	if (st == STATUS_OK)
		st = pg_tx_ask(d->tx, sql_put_record,
			       PG_ARGS(pg_uuid(&id), pg_uuid(d->owner), pg_uuid(exercise),
				       pg_str(kind), pg_int(record->value),
				       pg_int(record->previous), pg_int(lift->reps),
				       pg_int(lift->grams), pg_uuid(&lift->session_id),
				       pg_uuid(&lift->set_id), pg_time(lift->started_ms),
				       pg_int(rev)),
			       &told->name, err);
	if (st != STATUS_OK)
		return st;
	fit__workout__v1__record_set__init(m);
	m->exercise_id = uuid_text(d->arena, exercise);
	m->kind = workout_pb_text(d->arena, kind);
	m->value_g = record->value;
	m->previous_value_g = record->previous;
	m->session_id = uuid_text(d->arena, &lift->session_id);
	m->set_id = uuid_text(d->arena, &lift->set_id);
	workout_events_add(d->events, type, &m->base);
	told->message = m;
	told->next = d->told;
	d->told = told;
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
		st = pg_tx_exec(d->tx, sql_drop_record,
				PG_ARGS(pg_uuid(d->owner), pg_uuid(&id), pg_time(clock_wall_ms()),
					pg_int(rev)),
				err);
	if (st != STATUS_OK)
		return st;
	fit__workout__v1__record_lost__init(m);
	m->exercise_id = uuid_text(d->arena, exercise);
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
derive_records(struct derive *d, const struct touched *touched, struct err *err)
{
	struct workout_record records[WORKOUT_RECORD_KINDS];
	const struct pg_result *stored = touched->stored;
	const struct uuid *exercise = &touched->exercise;
	struct workout_lift *lifts;
	size_t n = workout_derived_lifts(touched->lifts, d->arena, &lifts);
	enum status st = STATUS_OK;

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

/* ---- sets ---- */

/* A row of session_sets, as it is or as it is to be. Its grams are load: help is none, so e1RM,
 * records and volume load follow. */
struct set_row {
	struct uuid id, exercise;
	int64_t started_ms, position, reps, grams, rpe_halves, duration_s;
	const char *type;
};

static struct set_row
stored_set(const struct pg_result *res, int row)
{
	return (struct set_row){
		.id = pg_get_uuid(res, row, 0),
		.exercise = pg_get_uuid(res, row, 1),
		.started_ms = pg_get_time(res, row, 2),
		.position = pg_get_int(res, row, 3),
		.type = pg_text(res, row, 4),
		.reps = pg_get_int(res, row, 5),
		.grams = pg_get_int(res, row, 6),
		.rpe_halves = pg_get_int(res, row, 7),
		.duration_s = pg_get_int(res, row, 8),
	};
}

/* The rules have seen to it that weights are whole grams and efforts half steps. */
static enum status
wanted_set(const session_doc *session, const session_entry *entry, const session_set *set,
	   int64_t position, struct set_row *ret_row, struct err *err)
{
	struct set_row row = { .started_ms = pb_time_ms(session->started_at),
			       .position = position,
			       .type = *set->type != '\0' ? set->type : "normal",
			       .reps = set->reps,
			       .duration_s = set->duration };
	unsigned halves = 0;

	if (!uuid_parse_str(set->set_id, &row.id) ||
	    !uuid_parse_str(entry->exercise_id, &row.exercise))
		return err_set(err, STATUS_INTERNAL, "session %s: an id is no UUID", session->id);
	row.grams = workout_set_load_g(entry, set);
	(void)workout_rpe_halves(set->rpe, &halves);
	row.rpe_halves = halves;
	*ret_row = row;
	return STATUS_OK;
}

static bool
is_same_set(const struct set_row *a, const struct set_row *b)
{
	return uuid_eq(&a->exercise, &b->exercise) && a->started_ms == b->started_ms &&
	       a->position == b->position && strcmp(a->type, b->type) == 0 && a->reps == b->reps &&
	       a->grams == b->grams && a->rpe_halves == b->rpe_halves &&
	       a->duration_s == b->duration_s;
}

/* By halves: they come in the order of their ids. -1: there is none. */
static int
find_stored(const struct pg_result *res, const struct uuid *id)
{
	int low = 0, high = pg_rows(res);

	while (low < high) {
		int middle = (low + high) / 2;
		struct uuid found = pg_get_uuid(res, middle, 0);
		int order = memcmp(found.b, id->b, sizeof(id->b));

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

static void
touch(struct derive *d, const struct uuid *exercise)
{
	struct touched *t = d->touched;

	while (t != NULL && !uuid_eq(&t->exercise, exercise))
		t = t->next;
	if (t != NULL)
		return;
	t = ARENA_NEW(d->arena, struct touched);
	*t = (struct touched){ .next = d->touched, .exercise = *exercise };
	d->touched = t;
}

static enum status
put_set(struct derive *d, const struct set_row *row, struct err *err)
{
	touch(d, &row->exercise);
	return pg_tx_exec(d->tx, sql_put_set,
			  PG_ARGS(pg_uuid(d->owner), pg_uuid(d->session_id), pg_uuid(&row->id),
				  pg_uuid(&row->exercise), pg_time(row->started_ms),
				  pg_int(row->position), pg_str(row->type), pg_int(row->reps),
				  pg_int(row->grams), pg_int(row->rpe_halves),
				  pg_int(row->duration_s)),
			  err);
}

/* A row that is as it should be is not written, so logging one more set writes one. */
static enum status
project_set(struct derive *d, const struct pg_result *stored, const struct set_row *want,
	    bool *kept, struct err *err)
{
	int at = find_stored(stored, &want->id);

	if (at >= 0) {
		struct set_row have = stored_set(stored, at);

		kept[at] = true;
		if (is_same_set(&have, want))
			return STATUS_OK;
		touch(d, &have.exercise);
	}
	return put_set(d, want, err);
}

static enum status
drop_others(struct derive *d, const struct pg_result *stored, const bool *kept, struct err *err)
{
	enum status st = STATUS_OK;

	for (int i = 0; i < pg_rows(stored) && st == STATUS_OK; i++) {
		struct set_row gone = stored_set(stored, i);

		if (kept[i])
			continue;
		touch(d, &gone.exercise);
		st = pg_tx_exec(d->tx, sql_drop_set,
				PG_ARGS(pg_uuid(d->owner), pg_uuid(d->session_id),
					pg_uuid(&gone.id)),
				err);
	}
	return st;
}

static enum status
project_sets(struct derive *d, const struct pg_result *stored, const session_doc *session,
	     struct err *err)
{
	bool *kept = ARENA_ARRAY(d->arena, bool, (size_t)pg_rows(stored) + 1);
	enum status st = STATUS_OK;
	int64_t position = 0;

	memset(kept, 0, (size_t)pg_rows(stored) + 1);
	for (size_t e = 0; session != NULL && e < session->n_exercises; e++) {
		const session_entry *entry = session->exercises[e];

		for (size_t i = 0; i < entry->n_sets && st == STATUS_OK; i++) {
			struct set_row want;

			st = wanted_set(session, entry, entry->sets[i], ++position, &want, err);
			if (st == STATUS_OK)
				st = project_set(d, stored, &want, kept, err);
		}
	}
	return st == STATUS_OK ? drop_others(d, stored, kept, err) : st;
}

/* ---- entry points ---- */

enum status
workout_derived_ask(struct pg_tx *tx, const struct uuid *owner, const struct uuid *session_id,
		    struct pg_result **ret_stored, struct err *err)
{
	return pg_tx_ask(tx, sql_sets, PG_ARGS(pg_uuid(owner), pg_uuid(session_id)), ret_stored,
			 err);
}

enum status
workout_derived_project(struct pg_tx *tx, const struct uuid *owner, const struct uuid *session_id,
			const struct pg_result *stored, const session_doc *session,
			struct workout_events *events, struct workout_session_outcome *ret_outcome,
			struct err *err)
{
	struct derive d = { .tx = tx,
			    .arena = pg_tx_arena(tx),
			    .owner = owner,
			    .session_id = session_id,
			    .events = events };
	enum status st = project_sets(&d, stored, session, err);

	for (struct touched *t = d.touched; t != NULL && st == STATUS_OK; t = t->next) {
		const struct pg_arg args[] = { pg_uuid(owner), pg_uuid(&t->exercise) };

		st = pg_tx_ask(tx, sql_lifts, args, 2, &t->lifts, err);
		if (st == STATUS_OK)
			st = pg_tx_ask(tx, sql_records, args, 2, &t->stored, err);
	}
	if (st == STATUS_OK && d.touched != NULL)
		st = pg_tx_settle(tx, err);
	for (const struct touched *t = d.touched; t != NULL && st == STATUS_OK; t = t->next)
		st = derive_records(&d, t, err);
	if (st == STATUS_OK && d.told != NULL)
		st = pg_tx_settle(tx, err);
	if (st != STATUS_OK)
		return st;
	for (const struct told *t = d.told; t != NULL; t = t->next)
		t->message->exercise_name = workout_pb_text(d.arena, pg_text(t->name, 0, 0));
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
