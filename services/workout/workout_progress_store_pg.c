/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_derived.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_progress_store.h"
#include "services/workout/workout_units.h"

#define WEEK_MS (INT64_C(7) * 86400 * 1000)
/* Zones are at most 14 hours off. */
#define ZONE_MS (INT64_C(15) * 3600 * 1000)
/* Week 0 begins on 1969-12-29. */
#define EPOCH_MS (INT64_C(-3) * 86400 * 1000)

static const char sql_week[] = "SELECT CASE WHEN is_time_zone($2) THEN local_week($1, $2) END";
static const char sql_sessions[] = "SELECT local_week(started_at, $2) AS week, count(*), "
				   "coalesce(sum(extract(epoch FROM completed_at - started_at)),"
				   " 0)::bigint FROM workout_sessions WHERE user_id = $1 AND "
				   "deleted_at IS NULL AND status = 'completed'"
				   " GROUP BY week ORDER BY week";
/* $5 and $6 bound the instants by index, a little too widely; the weeks decide. */
static const char sql_sets[] =
	"SELECT local_week(started_at, $2) AS week, exercise_id, count(*), sum(reps)::bigint, "
	"sum(reps * weight_g)::bigint"
	" FROM session_sets WHERE user_id = $1 AND started_at >= $5 AND started_at < $6"
	" AND local_week(started_at, $2) BETWEEN $3 AND $4 AND set_type <> 'warmup' AND (reps > 0 "
	"OR duration_s > 0)"
	" GROUP BY week, exercise_id ORDER BY week, exercise_id";
static const char sql_lifts[] =
	"SELECT " WORKOUT_LIFT_COLUMNS " FROM session_sets"
	" WHERE user_id = $1 AND exercise_id = $2 AND set_type <> 'warmup' AND (reps > 0 OR "
	"duration_s > 0)"
	" ORDER BY started_at, session_id, position";
static const char sql_records[] =
	"SELECT id, achieved_at, exercise_id, kind, value_g, previous_g, reps, weight_g, "
	"session_id, set_id"
	" FROM personal_records WHERE user_id = $1 AND deleted_at IS NULL AND ($2::uuid IS NULL OR "
	"exercise_id = $2::uuid)"
	" AND ($3 OR (achieved_at, id) < ($4, $5)) ORDER BY achieved_at DESC, id DESC LIMIT $6";

enum status
workout_progress_week(struct workout *w, const struct workout_scope *scope, int64_t at_ms,
		      const char *time_zone, int64_t *ret_week, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_week,
			 PG_ARGS(pg_time(at_ms), pg_str(time_zone)), scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_is_null(res, 0, 0)) {
		err_init(err);
		return err_add_field(err, "timeZone",
				     "is not an IANA time zone (\"Europe/Berlin\")");
	}
	*ret_week = pg_get_int(res, 0, 0);
	return STATUS_OK;
}

enum status
workout_progress_sessions(struct workout *w, const struct workout_scope *scope,
			  const char *time_zone, struct workout_week_sessions **ret_list,
			  size_t *ret_n, struct err *err)
{
	struct workout_week_sessions *list;
	struct pg_result *res;
	enum status st = pg_query(w->pg, scope->deadline, sql_sessions,
				  PG_ARGS(pg_uuid(&scope->owner), pg_str(time_zone)), scope->arena,
				  &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	list = ARENA_ARRAY(scope->arena, struct workout_week_sessions, *ret_n + 1);
	for (size_t i = 0; i < *ret_n; i++)
		list[i] = (struct workout_week_sessions){
			.week = pg_get_int(res, (int)i, 0),
			.sessions = (unsigned)pg_get_int(res, (int)i, 1),
			.duration_s = pg_get_int(res, (int)i, 2),
		};
	*ret_list = list;
	return STATUS_OK;
}

enum status
workout_progress_sets(struct workout *w, const struct workout_scope *scope, const char *time_zone,
		      int64_t first, int64_t last, struct workout_week_sets **ret_list,
		      size_t *ret_n, struct err *err)
{
	struct workout_week_sets *list;
	struct pg_result *res;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_sets,
			 PG_ARGS(pg_uuid(&scope->owner), pg_str(time_zone), pg_int(first),
				 pg_int(last), pg_time(EPOCH_MS + first * WEEK_MS - ZONE_MS),
				 pg_time(EPOCH_MS + (last + 1) * WEEK_MS + ZONE_MS)),
			 scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	list = ARENA_ARRAY(scope->arena, struct workout_week_sets, *ret_n + 1);
	for (size_t i = 0; i < *ret_n; i++)
		list[i] = (struct workout_week_sets){
			.week = pg_get_int(res, (int)i, 0),
			.exercise_id = pg_get_uuid(res, (int)i, 1),
			.sets = (unsigned)pg_get_int(res, (int)i, 2),
			.reps = (unsigned)pg_get_int(res, (int)i, 3),
			.load_g = pg_get_int(res, (int)i, 4),
		};
	*ret_list = list;
	return STATUS_OK;
}

enum status
workout_progress_lifts(struct workout *w, const struct workout_scope *scope,
		       const struct uuid *exercise, struct workout_lift **ret_list, size_t *ret_n,
		       struct err *err)
{
	struct pg_result *res;
	enum status st = pg_query(w->pg, scope->deadline, sql_lifts,
				  PG_ARGS(pg_uuid(&scope->owner), pg_uuid(exercise)), scope->arena,
				  &res, err);

	if (st == STATUS_OK)
		*ret_n = workout_derived_lifts(res, scope->arena, ret_list);
	return st;
}

static Fit__Workout__V1__PersonalRecord *
get_record(const struct pg_result *res, int row, struct arena *arena)
{
	Fit__Workout__V1__PersonalRecord *r = ARENA_NEW(arena, Fit__Workout__V1__PersonalRecord);
	struct uuid id = pg_get_uuid(res, row, 0), exercise = pg_get_uuid(res, row, 2);
	struct uuid session = pg_get_uuid(res, row, 8), set = pg_get_uuid(res, row, 9);

	fit__workout__v1__personal_record__init(r);
	r->id = uuid_text(arena, &id);
	r->achieved_at = pb_time_new(arena, pg_get_time(res, row, 1));
	r->exercise_id = uuid_text(arena, &exercise);
	r->kind = workout_pb_text(arena, pg_text(res, row, 3));
	r->value = workout_kg(pg_get_int(res, row, 4));
	r->previous_value = workout_kg(pg_get_int(res, row, 5));
	r->reps = (uint32_t)pg_get_int(res, row, 6);
	r->weight = workout_kg(pg_get_int(res, row, 7));
	r->session_id = uuid_text(arena, &session);
	r->set_id = uuid_text(arena, &set);
	return r;
}

enum status
workout_progress_records(struct workout *w, const struct workout_scope *scope,
			 const struct uuid *exercise, const struct workout_page *page,
			 Fit__Workout__V1__PersonalRecord ***ret_list, size_t *ret_n,
			 char **ret_next, struct err *err)
{
	Fit__Workout__V1__PersonalRecord **list;
	struct pg_result *res;
	int n;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_records,
			 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(exercise), pg_bool(page->first),
				 pg_time(page->key), pg_uuid(&page->id), pg_int(page->limit + 1)),
			 scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	n = pg_rows(res);
	*ret_next = workout_pb_text(scope->arena, "");
	if (n > (int)page->limit) {
		struct uuid last = pg_get_uuid(res, (int)page->limit - 1, 0);

		n = (int)page->limit;
		*ret_next =
			workout_page_next(page, scope->arena, pg_get_time(res, n - 1, 1), &last);
	}
	list = ARENA_ARRAY(scope->arena, Fit__Workout__V1__PersonalRecord *, (size_t)n + 1);
	for (int i = 0; i < n; i++)
		list[i] = get_record(res, i, scope->arena);
	*ret_list = list;
	*ret_n = (size_t)n;
	return STATUS_OK;
}
