/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "services/workout/workout_doc.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_exercise_store.h"
#include "services/workout/workout_search.h"

#define COLUMNS                                                                                    \
	"id, name, aliases, description, instructions, muscle_groups, secondary_muscles,"          \
	" equipment_required, difficulty_level, tracking, video_url, image_urls, safety_notes,"    \
	" variations, external_id, source, is_verified, created_at, updated_at,"                   \
	" movement, popularity"
#define NCOLUMNS 21

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

/* What a search looks at, of all that the filters let through; see workout_search.h. */
static const char sql_candidates[] =
	"SELECT id, name, aliases, ARRAY(SELECT v->>'name' FROM jsonb_array_elements(variations) AS v),"
	" muscle_groups, secondary_muscles, equipment_required, description, popularity" FILTER;
static const char sql_some[] =
	"SELECT " COLUMNS " FROM exercises WHERE (owner_id IS NULL OR owner_id = $1)"
	" AND id = ANY ($2::text[]::uuid[]) ORDER BY array_position($2::text[]::uuid[], id)";

/* The same movement, then the most muscles in common. An exercise of the user's own, whose movement
 * nobody told, goes by its muscles alone. */
static const char sql_alternatives[] =
	"SELECT " COLUMNS
	", score FROM (SELECT e.*, muscle_similarity(the.muscle_groups, the.secondary_muscles,"
	" e.muscle_groups, e.secondary_muscles) AS score FROM exercises e, exercises the"
	" WHERE the.id = $2 AND (the.owner_id IS NULL OR the.owner_id = $1) AND e.id <> the.id"
	" AND (e.owner_id IS NULL OR e.owner_id = $1) AND e.deleted_at IS NULL"
	" AND e.muscle_groups && the.muscle_groups"
	" AND (the.movement = '' OR e.movement = the.movement)"
	" AND ($3::text[] = '{}' OR e.equipment_required <@ ($3::text[] || 'none'::text))) AS s"
	" ORDER BY score DESC, popularity DESC, name, id LIMIT $4";

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
	e->movement = copy(arena, res, row, 19);
	e->popularity = (uint32_t)pg_get_int(res, row, 20);
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
get_list(const struct pg_result *res, size_t n, struct arena *arena, exercise_doc ***ret_list,
	 struct err *err)
{
	exercise_doc **list = ARENA_ARRAY(arena, exercise_doc *, n + 1);
	enum status st = STATUS_OK;

	for (size_t i = 0; i < n && st == STATUS_OK; i++)
		st = get_exercise(res, (int)i, arena, &list[i], err);
	if (st == STATUS_OK)
		*ret_list = list;
	return st;
}

/* ---- search ---- */

struct candidate {
	struct uuid id;
	struct workout_search_entry entry;
	int score;
};

static struct workout_search_texts
get_texts(const struct pg_result *res, int row, int col, struct arena *arena)
{
	char **list;
	size_t n = pg_get_strings(res, row, col, arena, &list);

	return (struct workout_search_texts){ list, n };
}

static struct candidate
get_candidate(const struct pg_result *res, int row, struct arena *arena)
{
	return (struct candidate){
		.id = pg_get_uuid(res, row, 0),
		.entry = {
			.name = copy(arena, res, row, 1),
			.aliases = get_texts(res, row, 2, arena),
			.variations = get_texts(res, row, 3, arena),
			.muscles = get_texts(res, row, 4, arena),
			.secondary = get_texts(res, row, 5, arena),
			.equipment = get_texts(res, row, 6, arena),
			.description = copy(arena, res, row, 7),
			.popularity = (int)pg_get_int(res, row, 8),
		},
	};
}

/* Best first; the order of pages. */
static int
compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int by_name;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	by_name = strcmp(x->entry.name, y->entry.name);
	return by_name != 0 ? by_name : memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

/* Those that answer the query, sorted, at the beginning of `all`; returns their number. */
static size_t
rank_all(struct candidate *all, size_t n, const char *text)
{
	struct workout_search_query query;
	size_t found = 0;

	workout_search_parse(text, &query);
	for (int typos = 0; typos < 2 && found == 0; typos++) {
		for (size_t i = 0; i < n; i++) {
			all[i].score = workout_search_score(&query, &all[i].entry, typos != 0);
			if (all[i].score > 0)
				all[found++] = all[i];
		}
	}
	qsort(all, found, sizeof(*all), compare);
	return found;
}

/* Where the page begins: behind the row that ended the last one, or, when that is gone, behind its
 * rank. */
static size_t
page_start(const struct candidate *all, size_t n, const struct workout_page *page)
{
	size_t i = 0;

	if (page->first)
		return 0;
	for (size_t k = 0; k < n; k++)
		if (uuid_eq(&all[k].id, &page->id))
			return k + 1;
	while (i < n && all[i].score >= page->key)
		i++;
	return i;
}

static enum status
search(struct workout *w, const struct workout_scope *scope,
       const struct workout_exercise_filter *f, const struct workout_page *page,
       exercise_doc ***ret_list, size_t *ret_n, char **ret_next, struct err *err)
{
	struct candidate *all;
	struct pg_result *res;
	size_t n, start, end;
	char **ids;
	enum status st =
		pg_query(w->pg, scope->deadline, sql_candidates,
			 PG_ARGS(pg_uuid(&scope->owner), pg_strings(f->muscles, f->nmuscles),
				 pg_strings(f->equipment, f->nequipment),
				 pg_strings(f->available, f->navailable), pg_str(f->difficulty)),
			 scope->arena, &res, err);

	if (st != STATUS_OK)
		return st;
	n = (size_t)pg_rows(res);
	all = ARENA_ARRAY(scope->arena, struct candidate, n + 1);
	for (size_t i = 0; i < n; i++)
		all[i] = get_candidate(res, (int)i, scope->arena);
	n = rank_all(all, n, f->query);
	start = page_start(all, n, page);
	end = n - start > page->limit ? start + page->limit : n;
	ids = ARENA_ARRAY(scope->arena, char *, end - start + 1);
	for (size_t i = start; i < end; i++)
		ids[i - start] = uuid_text(scope->arena, &all[i].id);
	st = pg_query(w->pg, scope->deadline, sql_some,
		      PG_ARGS(pg_uuid(&scope->owner), pg_strings(ids, end - start)), scope->arena,
		      &res, err);
	if (st == STATUS_OK)
		st = get_list(res, (size_t)pg_rows(res), scope->arena, ret_list, err);
	if (st != STATUS_OK)
		return st;
	*ret_n = (size_t)pg_rows(res);
	*ret_next = end < n ? workout_page_next(page, scope->arena, all[end - 1].score,
						&all[end - 1].id)
			    : workout_pb_text(scope->arena, "");
	return STATUS_OK;
}

/* ---- lists ---- */

enum status
workout_exercise_list(struct workout *w, const struct workout_scope *scope,
		      const struct workout_exercise_filter *f, const struct workout_page *page,
		      exercise_doc ***ret_list, size_t *ret_n, char **ret_next, struct err *err)
{
	char *next = workout_pb_text(scope->arena, "");
	struct pg_result *res;
	enum status st;
	size_t n;

	if (*f->query != '\0')
		return search(w, scope, f, page, ret_list, ret_n, ret_next, err);
	st = pg_query(w->pg, scope->deadline, sql_list,
		      PG_ARGS(pg_uuid(&scope->owner), pg_strings(f->muscles, f->nmuscles),
			      pg_strings(f->equipment, f->nequipment),
			      pg_strings(f->available, f->navailable), pg_str(f->difficulty),
			      pg_bool(page->first), pg_uuid(&page->id), pg_int(page->limit + 1)),
		      scope->arena, &res, err);
	if (st != STATUS_OK)
		return st;
	n = (size_t)pg_rows(res);
	if (n > page->limit) {
		struct uuid last = pg_get_uuid(res, (int)page->limit - 1, 0);

		n = page->limit;
		next = workout_page_next(page, scope->arena, 0, &last);
	}
	st = get_list(res, n, scope->arena, ret_list, err);
	if (st != STATUS_OK)
		return st;
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
