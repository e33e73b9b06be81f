/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_library.h"

#include <string.h>

#include <jansson.h>

#include "libcommon/crypto/digest.h"
#include "services/workout/workout_doc.h"

const struct uuid WORKOUT_LIBRARY_NAMESPACE = { { 0x1d, 0x4b, 0x7d, 0x6e, 0x58, 0xa1, 0x5f, 0x0e,
						  0x9c, 0x3e, 0x0b, 0x6f, 0x1f, 0x0c, 0x8a,
						  0x52 } };

extern const char workout_library_json[], workout_library_json_end[];
__asm__(".section .rodata\n"
	".global workout_library_json\n"
	".global workout_library_json_end\n"
	"workout_library_json:\n"
	".incbin \"services/workout/data/exercises.json\"\n"
	"workout_library_json_end:\n"
	".byte 0\n"
	".previous\n");

struct slice
workout_library_builtin(void)
{
	return slice_make(workout_library_json,
			  (size_t)(workout_library_json_end - workout_library_json));
}

static const char sql_hash[] = "SELECT content_hash FROM exercise_library WHERE source = $1";
/* Held until the transaction ends, so that two replicas do not write the same entries crosswise. */
static const char sql_claim[] =
	"INSERT INTO exercise_library (source, content_hash, loaded_at) VALUES ($1, ''::bytea, $2)"
	" ON CONFLICT (source) DO UPDATE SET loaded_at = excluded.loaded_at RETURNING content_hash";
static const char sql_done[] = "UPDATE exercise_library SET content_hash = $2 WHERE source = $1";

#define VALUES                                                                                     \
	"$3->>'name', array_of($3->'aliases'), $3->>'description', $3->'instructions',"            \
	" array_of($3->'muscleGroups'), array_of($3->'secondaryMuscles'),"                         \
	" array_of($3->'equipmentRequired'), $3->>'difficultyLevel', $3->>'tracking',"             \
	" array_of($3->'safetyNotes'), $3->'variations', $3->>'slug', $3->>'movement',"            \
	" ($3->>'popularity')::smallint"
#define FIELDS                                                                                     \
	"name, aliases, description, instructions, muscle_groups, secondary_muscles,"              \
	" equipment_required, difficulty_level, tracking, safety_notes, variations, external_id,"  \
	" movement, popularity"
/* 1 when the entry is not there yet or says something else. */
static const char sql_differs[] =
	"SELECT NOT EXISTS (SELECT 1 FROM exercises WHERE id = $1 AND source = $2"
	" AND deleted_at IS NULL AND (" FIELDS ") IS NOT DISTINCT FROM (" VALUES "))";
static const char sql_put[] =
	"INSERT INTO exercises AS e (id, source, " FIELDS
	", is_verified, created_at, updated_at, rev)"
	" VALUES ($1, $2, " VALUES ", true, $4, $4, $5) ON CONFLICT (id) DO UPDATE SET (" FIELDS
	") = (" VALUES "),"
	" updated_at = excluded.updated_at, rev = excluded.rev, deleted_at = NULL WHERE e.owner_id "
	"IS NULL";
static const char sql_missing[] =
	"SELECT id FROM exercises WHERE source = $1 AND owner_id IS NULL AND deleted_at IS NULL"
	" AND NOT id = ANY ($2::text[]::uuid[])";
static const char sql_bury[] = "UPDATE exercises SET deleted_at = $2, updated_at = $2, rev = $3"
			       " WHERE id = $1 AND owner_id IS NULL";

struct load {
	struct arena *arena;
	const char *source;
	json_t *exercises;
	unsigned char hash[DIGEST_SHA256_SIZE];
	int64_t now_ms;
	size_t changed;
};

static const struct uuid everybody; /* nil */

static enum status
put(struct pg_tx *tx, const struct load *l, const struct uuid *id, struct slice json,
    bool *ret_changed, struct err *err)
{
	struct pg_result *res;
	int64_t rev;
	enum status st =
		pg_tx_query(tx, sql_differs,
			    PG_ARGS(pg_uuid(id), pg_str(l->source), pg_jsonb(json)), &res, err);

	*ret_changed = false;
	if (st != STATUS_OK || !pg_get_bool(res, 0, 0))
		return st;
	*ret_changed = true;
	st = pg_tx_sync(tx, &everybody, "exercise", id, false, &rev, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_put,
				 PG_ARGS(pg_uuid(id), pg_str(l->source), pg_jsonb(json),
					 pg_time(l->now_ms), pg_int(rev)),
				 NULL, err);
	return st;
}

/* Entries that the file has no more. */
static enum status
bury_missing(struct pg_tx *tx, struct load *l, char *const *ids, size_t n, struct err *err)
{
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_missing,
				     PG_ARGS(pg_str(l->source), pg_strings(ids, n)), &res, err);

	for (int i = 0; st == STATUS_OK && i < pg_rows(res); i++) {
		struct uuid id = pg_get_uuid(res, i, 0);
		int64_t rev;

		st = pg_tx_sync(tx, &everybody, "exercise", &id, true, &rev, err);
		if (st == STATUS_OK)
			st = pg_tx_query(tx, sql_bury,
					 PG_ARGS(pg_uuid(&id), pg_time(l->now_ms), pg_int(rev)),
					 NULL, err);
		l->changed++;
	}
	return st;
}

static enum status
put_all(struct pg_tx *tx, struct load *l, struct err *err)
{
	size_t n = json_array_size(l->exercises), i;
	char **ids = ARENA_ARRAY(l->arena, char *, n + 1);
	enum status st = STATUS_OK;
	json_t *e;

	json_array_foreach(l->exercises, i, e)
	{
		const char *slug = json_string_value(json_object_get(e, "slug"));
		struct uuid id;
		bool changed;

		if (slug == NULL)
			return err_set(err, STATUS_INVALID_ARGUMENT,
				       "exercise library: entry %zu has no slug", i);
		id = uuid_v5(WORKOUT_LIBRARY_NAMESPACE, slice_str(slug));
		ids[i] = uuid_text(l->arena, &id);
		st = put(tx, l, &id, workout_json_text(e, l->arena), &changed, err);
		if (st != STATUS_OK)
			return err_context(err, "exercise library: %s", slug);
		l->changed += changed;
	}
	return bury_missing(tx, l, ids, n, err);
}

static enum status
on_load(struct pg_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;
	struct pg_result *res;
	enum status st = pg_tx_query(tx, sql_claim, PG_ARGS(pg_str(l->source), pg_time(l->now_ms)),
				     &res, err);

	l->changed = 0;
	if (st != STATUS_OK)
		return st;
	if (slice_eq(pg_get_bytes(res, 0, 0), slice_make(l->hash, sizeof(l->hash))))
		return STATUS_OK; /* another replica was first */
	st = put_all(tx, l, err);
	if (st == STATUS_OK)
		st = pg_tx_query(tx, sql_done,
				 PG_ARGS(pg_str(l->source),
					 pg_bytes(slice_make(l->hash, sizeof(l->hash)))),
				 NULL, err);
	return st;
}

static enum status
load(struct workout *w, struct load *l, struct slice json, struct deadline deadline,
     struct err *err)
{
	struct pg_result *res;
	json_error_t error;
	json_t *file;
	enum status st;

	file = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &error);
	if (file == NULL)
		return err_set(err, STATUS_INVALID_ARGUMENT, "exercise library: line %d: %s",
			       error.line, error.text);
	file = workout_json_own(l->arena, file);
	l->source = json_string_value(json_object_get(file, "source"));
	l->exercises = json_object_get(file, "exercises");
	if (l->source == NULL || json_array_size(l->exercises) == 0)
		return err_set(err, STATUS_INVALID_ARGUMENT,
			       "exercise library: no source or no exercises");
	digest_sha256(json, l->hash);
	st = pg_query(w->pg, deadline, sql_hash, PG_ARGS(pg_str(l->source)), l->arena, &res, err);
	if (st != STATUS_OK)
		return st;
	if (pg_rows(res) == 1 &&
	    slice_eq(pg_get_bytes(res, 0, 0), slice_make(l->hash, sizeof(l->hash))))
		return STATUS_OK;
	return pg_transaction(w->pg,
			      &(struct pg_tx_options){ .deadline = deadline, .arena = l->arena },
			      on_load, l, err);
}

enum status
workout_library_load(struct workout *w, struct slice json, struct deadline deadline,
		     size_t *ret_changed, struct err *err)
{
	struct load l = { .arena = arena_new(16 << 20), .now_ms = clock_wall_ms() };
	enum status st = load(w, &l, json, deadline, err);

	if (st == STATUS_OK)
		*ret_changed = l.changed;
	arena_free(l.arena);
	return st;
}
