/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "services/workout/workout_doc.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_exercise_store.h"

#define COLUMNS                                                                                    \
	"id, name, aliases, description, instructions, muscle_groups, secondary_muscles,"          \
	" equipment_required, difficulty_level, tracking, video_url, image_urls, safety_notes,"    \
	" variations, external_id, source, is_verified, created_at, updated_at"
#define NCOLUMNS 19

static const char sql_find[] =
	"SELECT " COLUMNS " FROM exercises"
	" WHERE (owner_id IS NULL OR owner_id = $1) AND id = $2 AND deleted_at IS NULL";

#define FILTER                                                                                     \
	" FROM exercises WHERE (owner_id IS NULL OR owner_id = $1) AND deleted_at IS NULL"         \
	" AND ($2::text[] = '{}' OR muscle_groups && $2::text[])"                                  \
	" AND ($3::text[] = '{}' OR equipment_required && $3::text[])"                             \
	" AND ($4::text[] = '{}' OR equipment_required <@ ($4::text[] || 'none'::text))"           \
	" AND ($5::text = '' OR difficulty_level = $5::text)"

/* $6: no token; $7: id of the last row. */
static const char sql_list[] =
	"SELECT " COLUMNS FILTER " AND ($6::boolean OR (name, id) >"
	" (SELECT name, id FROM exercises WHERE (owner_id IS NULL OR owner_id = $1) AND id = $7))"
	" ORDER BY name, id LIMIT $8";

/*
 * An exact name or alias comes before a name that begins so, before everything else, and the plain
 * exercise before its longer-named relatives. The rank is cut to six digits and carried in page
 * tokens as an integer, so that paging compares the same numbers. $6 query, $7 no token, $8 rank,
 * $9 id.
 */
static const char sql_search[] =
	"WITH words AS MATERIALIZED (SELECT exercise_query($6) AS q), found AS (SELECT " COLUMNS
	", round(1e6 * (ts_rank('{0.05, 0.2, 0.6, 1.0}', search, (SELECT q FROM words), 1)"
	" + CASE WHEN lower(name) = lower($6) THEN 4 WHEN lower($6) = ANY (aliases) THEN 3"
	" WHEN starts_with(lower(name), lower($6)) THEN 2 ELSE 0 END"
	" + 1.0 / length(name))::numeric)::bigint AS rank" FILTER
	" AND search @@ (SELECT q FROM words))"
	" SELECT * FROM found WHERE $7::boolean OR (-rank, name, id) >"
	" (SELECT -($8::bigint), name, id FROM exercises"
	" WHERE (owner_id IS NULL OR owner_id = $1) AND id = $9)"
	" ORDER BY rank DESC, name, id LIMIT $10";

static const char sql_alternatives[] =
	"SELECT " COLUMNS
	", score FROM (SELECT e.*, muscle_similarity(the.muscle_groups, the.secondary_muscles,"
	" e.muscle_groups, e.secondary_muscles) AS score FROM exercises e, exercises the"
	" WHERE the.id = $2 AND (the.owner_id IS NULL OR the.owner_id = $1) AND e.id <> the.id"
	" AND (e.owner_id IS NULL OR e.owner_id = $1) AND e.deleted_at IS NULL"
	" AND e.muscle_groups && the.muscle_groups"
	" AND ($3::text[] = '{}' OR e.equipment_required <@ ($3::text[] || 'none'::text))) AS s"
	" ORDER BY score DESC, name, id LIMIT $4";

static const char sql_briefs[] =
	"SELECT id, muscle_groups, secondary_muscles, equipment_required, tracking FROM exercises"
	" WHERE (owner_id IS NULL OR owner_id = $1) AND id = ANY ($2::text[]::uuid[])"
	" AND ($3 OR deleted_at IS NULL)";

/* ---- rows to messages ---- */

static char *
copy(struct arena *arena, const struct pg_result *res, int row, int col)
{
	return workout_pb_text(arena, pg_text(res, row, col));
}

/* A JSON array of strings. */
static enum status
get_steps(const struct pg_result *res, int row, int col, struct arena *arena, exercise_doc *e,
	  struct err *err)
{
	json_t *list, *item;
	size_t i;
	enum status st = workout_json_parse(pg_get_bytes(res, row, col), arena, &list, err);

	if (st != STATUS_OK)
		return st;
	e->n_instructions = json_array_size(list);
	e->instructions = ARENA_ARRAY(arena, char *, e->n_instructions + 1);
	json_array_foreach(list, i, item) e->instructions[i] =
		workout_pb_text(arena, json_string_value(item));
	return STATUS_OK;
}

static enum status
get_variations(const struct pg_result *res, int row, int col, struct arena *arena, exercise_doc *e,
	       struct err *err)
{
	json_t *list, *item;
	size_t i;
	enum status st = workout_json_parse(pg_get_bytes(res, row, col), arena, &list, err);

	if (st != STATUS_OK)
		return st;
	e->n_variations = json_array_size(list);
	e->variations =
		ARENA_ARRAY(arena, Fit__Workout__V1__ExerciseVariation *, e->n_variations + 1);
	json_array_foreach(list, i, item)
	{
		Fit__Workout__V1__ExerciseVariation *v =
			ARENA_NEW(arena, Fit__Workout__V1__ExerciseVariation);

		fit__workout__v1__exercise_variation__init(v);
		v->name = workout_pb_text(arena, json_string_value(json_object_get(item, "name")));
		v->description =
			workout_pb_text(arena,
					json_string_value(json_object_get(item, "description")));
		e->variations[i] = v;
	}
	return STATUS_OK;
}

static enum status
get_exercise(const struct pg_result *res, int row, struct arena *arena, exercise_doc **ret_exercise,
	     struct err *err)
{
	exercise_doc *e = ARENA_NEW(arena, exercise_doc);
	struct uuid id = pg_get_uuid(res, row, 0);
	enum status st;

	fit__workout__v1__exercise__init(e);
	e->id = uuid_text(arena, &id);
	e->name = copy(arena, res, row, 1);
	e->n_aliases = pg_get_strings(res, row, 2, arena, &e->aliases);
	e->description = copy(arena, res, row, 3);
	e->n_muscle_groups = pg_get_strings(res, row, 5, arena, &e->muscle_groups);
	e->n_secondary_muscles = pg_get_strings(res, row, 6, arena, &e->secondary_muscles);
	e->n_equipment_required = pg_get_strings(res, row, 7, arena, &e->equipment_required);
	e->difficulty_level = copy(arena, res, row, 8);
	e->tracking = copy(arena, res, row, 9);
	e->video_url = copy(arena, res, row, 10);
	e->n_image_urls = pg_get_strings(res, row, 11, arena, &e->image_urls);
	e->n_safety_notes = pg_get_strings(res, row, 12, arena, &e->safety_notes);
	e->external_id = copy(arena, res, row, 14);
	e->source = copy(arena, res, row, 15);
	e->is_verified = pg_get_bool(res, row, 16);
	e->created_at = pb_time_new(arena, pg_get_time(res, row, 17));
	e->updated_at = pb_time_new(arena, pg_get_time(res, row, 18));
	st = get_steps(res, row, 4, arena, e, err);
	if (st == STATUS_OK)
		st = get_variations(res, row, 13, arena, e, err);
	*ret_exercise = e;
	return st;
}

/* ---- reads ---- */

enum status
workout_exercise_find(struct workout *w, const struct workout_scope *scope, const struct uuid *id,
		      exercise_doc **ret_exercise, struct err *err)
{
	struct pg_result *res;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_find,
			 PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id)), scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 0)
		return err_public(err, STATUS_NOT_FOUND, "There is no such exercise.");
	return get_exercise(res, 0, scope->arena, ret_exercise, err);
}

static enum status
run_list(struct workout *w, const struct workout_scope *scope,
	 const struct workout_exercise_filter *f, const struct workout_page *page,
	 struct pg_result **ret_res, struct err *err)
{
	struct pg_arg owner = pg_uuid(&scope->owner), muscles = pg_strings(f->muscles, f->nmuscles);
	struct pg_arg equipment = pg_strings(f->equipment, f->nequipment);
	struct pg_arg available = pg_strings(f->available, f->navailable);

	if (*f->query == '\0')
		return pg_query(w->pg, scope->deadline, sql_list,
				PG_ARGS(owner, muscles, equipment, available, pg_str(f->difficulty),
					pg_bool(page->first), pg_uuid(&page->id),
					pg_int(page->limit + 1)),
				scope->arena, ret_res, err);
	return pg_query(w->pg, scope->deadline, sql_search,
			PG_ARGS(owner, muscles, equipment, available, pg_str(f->difficulty),
				pg_str(f->query), pg_bool(page->first), pg_int(page->key),
				pg_uuid(&page->id), pg_int(page->limit + 1)),
			scope->arena, ret_res, err);
}

enum status
workout_exercise_list(struct workout *w, const struct workout_scope *scope,
		      const struct workout_exercise_filter *filter, const struct workout_page *page,
		      exercise_doc ***ret_list, size_t *ret_n, char **ret_next, struct err *err)
{
	struct pg_result *res;
	exercise_doc **list;
	enum status st = run_list(w, scope, filter, page, &res, err);
	char *next = workout_pb_text(scope->arena, "");
	unsigned n;

	if (st != STATUS_OK)
		return st;
	n = (unsigned)pg_rows(res);
	if (n > page->limit) {
		struct uuid last = pg_get_uuid(res, (int)page->limit - 1, 0);
		int64_t rank = *filter->query != '\0'
				       ? pg_get_int(res, (int)page->limit - 1, NCOLUMNS)
				       : 0;

		n = page->limit;
		next = workout_page_next(page, scope->arena, rank, &last);
	}
	list = ARENA_ARRAY(scope->arena, exercise_doc *, n + 1);
	for (unsigned i = 0; i < n; i++) {
		st = get_exercise(res, (int)i, scope->arena, &list[i], err);
		if (st != STATUS_OK)
			return st;
	}
	*ret_list = list;
	*ret_n = n;
	*ret_next = next;
	return STATUS_OK;
}

enum status
workout_exercise_alternatives(struct workout *w, const struct workout_scope *scope,
			      const struct uuid *id, char *const *available, size_t navailable,
			      unsigned limit, struct workout_alternative **ret_list, size_t *ret_n,
			      struct err *err)
{
	struct workout_alternative *list;
	struct pg_result *res;
	exercise_doc *the;
	/* An unknown exercise is NOT_FOUND, one without alternatives an empty list. */
	enum status st = workout_exercise_find(w, scope, id, &the, err);

	if (st == STATUS_OK)
		st = pg_query(w->pg, scope->deadline, sql_alternatives,
			      PG_ARGS(pg_uuid(&scope->owner), pg_uuid(id),
				      pg_strings(available, navailable), pg_int(limit)),
			      scope->arena, &res, err);
	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	list = ARENA_ARRAY(scope->arena, struct workout_alternative, *ret_n + 1);
	for (size_t i = 0; i < *ret_n && st == STATUS_OK; i++) {
		st = get_exercise(res, (int)i, scope->arena, &list[i].exercise, err);
		list[i].similarity = pg_get_double(res, (int)i, NCOLUMNS);
	}
	*ret_list = list;
	return st;
}

enum status
workout_exercise_briefs(struct workout *w, const struct workout_scope *scope,
			const struct uuid *ids, size_t n, bool with_deleted,
			struct workout_exercise_brief **ret_list, size_t *ret_n, struct err *err)
{
	char **texts = ARENA_ARRAY(scope->arena, char *, n + 1);
	struct workout_exercise_brief *list;
	struct pg_result *res;
	enum status st;

	*ret_n = 0;
	*ret_list = NULL;
	if (n == 0)
		return STATUS_OK;
	for (size_t i = 0; i < n; i++)
		texts[i] = uuid_text(scope->arena, &ids[i]);
	st = pg_query(w->pg, scope->deadline, sql_briefs,
		      PG_ARGS(pg_uuid(&scope->owner), pg_strings(texts, n), pg_bool(with_deleted)),
		      scope->arena, &res, err);
	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	list = ARENA_ARRAY(scope->arena, struct workout_exercise_brief, *ret_n + 1);
	for (size_t i = 0; i < *ret_n; i++) {
		list[i].id = pg_get_uuid(res, (int)i, 0);
		list[i].nmuscles = pg_get_strings(res, (int)i, 1, scope->arena, &list[i].muscles);
		list[i].nsecondary =
			pg_get_strings(res, (int)i, 2, scope->arena, &list[i].secondary);
		list[i].nequipment =
			pg_get_strings(res, (int)i, 3, scope->arena, &list[i].equipment);
		list[i].tracking = copy(scope->arena, res, (int)i, 4);
	}
	*ret_list = list;
	return STATUS_OK;
}

const struct workout_exercise_brief *
workout_exercise_brief_of(const struct workout_exercise_brief *list, size_t n,
			  const struct uuid *id)
{
	for (size_t i = 0; i < n; i++)
		if (uuid_eq(&list[i].id, id))
			return &list[i];
	return NULL;
}
