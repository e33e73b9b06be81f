/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "services/workout/workout_doc.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_e1rm.h"
#include "services/workout/workout_exercise_store.h"
#include "services/workout/workout_progress_store.h"
#include "services/workout/workout_rpc.h"
#include "services/workout/workout_units.h"
#include "services/workout/workout_weeks.h"

#define WEEKS 12
#define POINTS_MAX 500

/* ---- weeks ---- */

struct weeks {
	const struct workout_scope *scope;
	int64_t first, last;
	struct workout_week_sessions *sessions;
	size_t nsessions;
	struct workout_week_sets *sets;
	size_t nsets;
	struct workout_exercise_brief *briefs;
	size_t nbriefs;
};

static enum status
load_briefs(struct workout *w, struct weeks *k, struct err *err)
{
	struct uuid *ids = ARENA_ARRAY(k->scope->arena, struct uuid, k->nsets + 1);
	size_t n = 0;

	for (size_t i = 0; i < k->nsets; i++) {
		size_t j = 0;

		while (j < n && !uuid_eq(&ids[j], &k->sets[i].exercise_id))
			j++;
		if (j == n)
			ids[n++] = k->sets[i].exercise_id;
	}
	return workout_exercise_briefs(w, k->scope, ids, n, true, &k->briefs, &k->nbriefs, err);
}

static void
fill_muscles(Fit__Workout__V1__WeekProgress *week, struct workout_muscle_sets *muscles,
	     struct arena *arena)
{
	workout_muscle_sets_sort(muscles);
	week->muscle_sets = ARENA_ARRAY(arena, Fit__Workout__V1__MuscleSets *, muscles->n + 1);
	for (size_t i = 0; i < muscles->n; i++) {
		Fit__Workout__V1__MuscleSets *m = ARENA_NEW(arena, Fit__Workout__V1__MuscleSets);

		fit__workout__v1__muscle_sets__init(m);
		m->muscle = workout_pb_text(arena, muscles->list[i].muscle);
		m->sets = muscles->list[i].halves / 2.0;
		week->muscle_sets[week->n_muscle_sets++] = m;
	}
}

static Fit__Workout__V1__WeekProgress *
make_week(const struct weeks *k, int64_t number, int64_t *load_g)
{
	struct arena *arena = k->scope->arena;
	Fit__Workout__V1__WeekProgress *week = ARENA_NEW(arena, Fit__Workout__V1__WeekProgress);
	struct workout_muscle_sets muscles = { 0 };
	char start[WORKOUT_DATE_SIZE];
	int64_t load = 0;

	fit__workout__v1__week_progress__init(week);
	workout_week_start(number, start);
	week->week_start = workout_pb_text(arena, start);
	for (size_t i = 0; i < k->nsessions; i++) {
		if (k->sessions[i].week != number)
			continue;
		week->sessions = k->sessions[i].sessions;
		week->duration = (uint32_t)k->sessions[i].duration_s;
	}
	for (size_t i = 0; i < k->nsets; i++) {
		const struct workout_week_sets *s = &k->sets[i];
		const struct workout_exercise_brief *b;

		if (s->week != number)
			continue;
		week->sets += s->sets;
		week->reps += s->reps;
		load += s->load_g;
		b = workout_exercise_brief_of(k->briefs, k->nbriefs, &s->exercise_id);
		if (b != NULL)
			workout_muscle_sets_add(&muscles, s->sets, b->muscles, b->nmuscles,
						b->secondary, b->nsecondary);
	}
	week->volume_load = workout_kg(load);
	*load_g += load;
	fill_muscles(week, &muscles, arena);
	return week;
}

static Fit__Workout__V1__Streak *
make_streak(const struct weeks *k, unsigned needed)
{
	Fit__Workout__V1__Streak *streak = ARENA_NEW(k->scope->arena, Fit__Workout__V1__Streak);
	struct workout_week_count *counts =
		ARENA_ARRAY(k->scope->arena, struct workout_week_count, k->nsessions + 1);
	struct workout_streak s;

	for (size_t i = 0; i < k->nsessions; i++)
		counts[i] =
			(struct workout_week_count){ k->sessions[i].week, k->sessions[i].sessions };
	s = workout_streak(counts, k->nsessions, k->last, needed > 0 ? needed : 1);
	fit__workout__v1__streak__init(streak);
	streak->current_weeks = s.current;
	streak->longest_weeks = s.longest;
	return streak;
}

static void
fill_progress(Fit__Workout__V1__Progress *res, const struct weeks *k, unsigned needed)
{
	int64_t load_g = 0;

	res->weeks = ARENA_ARRAY(k->scope->arena, Fit__Workout__V1__WeekProgress *,
				 (size_t)(k->last - k->first) + 2);
	for (int64_t number = k->first; number <= k->last; number++) {
		Fit__Workout__V1__WeekProgress *week = make_week(k, number, &load_g);

		res->weeks[res->n_weeks++] = week;
		res->sessions += week->sessions;
		res->sets += week->sets;
		res->reps += week->reps;
		res->duration += week->duration;
	}
	res->volume_load = workout_kg(load_g);
	res->streak = make_streak(k, needed);
}

static enum status
on_get_progress(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetProgressRequest *req = request;
	struct workout *w = rpc_call_service(call);
	const char *zone = *req->time_zone != '\0' ? req->time_zone : "UTC";
	struct workout_scope scope;
	struct weeks k = { .scope = &scope };
	enum status st = workout_rpc_begin(call, reply, &scope, err);

	if (st == STATUS_OK)
		st = workout_progress_week(w, &scope,
					   req->until != NULL ? pb_time_ms(req->until)
							      : clock_wall_ms(),
					   zone, &k.last, err);
	if (st != STATUS_OK)
		return st;
	k.first = k.last + 1 - (req->weeks > 0 ? req->weeks : WEEKS);
	st = workout_progress_sessions(w, &scope, zone, &k.sessions, &k.nsessions, err);
	if (st == STATUS_OK)
		st = workout_progress_sets(w, &scope, zone, k.first, k.last, &k.sets, &k.nsets,
					   err);
	if (st == STATUS_OK)
		st = load_briefs(w, &k, err);
	if (st == STATUS_OK)
		fill_progress(reply, &k, req->sessions_per_week);
	return st;
}

/* ---- one exercise ---- */

struct point {
	struct workout_e1rm e1rm;
	int64_t load_g, max_g;
	unsigned sets, reps;
};

/* A surer estimate counts more than a higher one. */
static void
take_e1rm(struct workout_e1rm *best, struct workout_e1rm e)
{
	enum workout_confidence sure = e.confidence >= WORKOUT_CONFIDENCE_MEDIUM
					       ? WORKOUT_CONFIDENCE_MEDIUM
					       : e.confidence;
	enum workout_confidence had = best->confidence >= WORKOUT_CONFIDENCE_MEDIUM
					      ? WORKOUT_CONFIDENCE_MEDIUM
					      : best->confidence;

	if (sure > had || (sure == had && e.grams > best->grams))
		*best = e;
}

/* The session that begins at lifts[i]; returns the index after it. */
static size_t
sum_session(const struct workout_lift *lifts, size_t n, size_t i, struct point *p)
{
	size_t first = i;

	*p = (struct point){ 0 };
	for (; i < n && uuid_eq(&lifts[i].session_id, &lifts[first].session_id); i++) {
		take_e1rm(&p->e1rm,
			  workout_e1rm(lifts[i].grams, lifts[i].reps, lifts[i].rpe_halves));
		p->load_g += lifts[i].grams * lifts[i].reps;
		if (lifts[i].grams > p->max_g)
			p->max_g = lifts[i].grams;
		p->sets++;
		p->reps += lifts[i].reps;
	}
	return i;
}

static Fit__Workout__V1__ExercisePoint *
make_point(const struct workout_lift *lift, const struct point *p, struct arena *arena)
{
	Fit__Workout__V1__ExercisePoint *m = ARENA_NEW(arena, Fit__Workout__V1__ExercisePoint);

	fit__workout__v1__exercise_point__init(m);
	m->session_id = uuid_text(arena, &lift->session_id);
	m->time = pb_time_new(arena, lift->started_ms);
	m->e1rm = workout_kg(p->e1rm.grams);
	m->e1rm_confidence = workout_pb_text(arena, workout_confidence_name(p->e1rm.confidence));
	m->volume_load = workout_kg(p->load_g);
	m->max_weight = workout_kg(p->max_g);
	m->sets = p->sets;
	m->reps = p->reps;
	return m;
}

static Fit__Workout__V1__ExerciseBest *
make_best(const struct workout_lift *lifts, size_t n, int64_t load_g, struct arena *arena)
{
	Fit__Workout__V1__ExerciseBest *best = ARENA_NEW(arena, Fit__Workout__V1__ExerciseBest);
	struct workout_record records[WORKOUT_RECORD_KINDS];

	fit__workout__v1__exercise_best__init(best);
	best->volume_load = workout_kg(load_g);
	for (size_t i = 0; i < n; i++) {
		if (workout_kg(lifts[i].grams) > best->max_weight)
			best->max_weight = workout_kg(lifts[i].grams);
		if (lifts[i].reps > best->max_reps)
			best->max_reps = lifts[i].reps;
	}
	workout_records_compute(lifts, n, records);
	best->e1rm = workout_kg(records[WORKOUT_RECORD_E1RM].value);
	best->brackets = ARENA_ARRAY(arena, Fit__Workout__V1__BracketBest *, WORKOUT_RECORD_KINDS);
	for (int k = WORKOUT_RECORD_WEIGHT_1; k < WORKOUT_RECORD_KINDS; k++) {
		Fit__Workout__V1__BracketBest *b;

		if (!records[k].is_set)
			continue;
		b = ARENA_NEW(arena, Fit__Workout__V1__BracketBest);
		fit__workout__v1__bracket_best__init(b);
		b->kind = workout_pb_text(arena, workout_record_name(k));
		b->weight = workout_kg(records[k].value);
		b->reps = lifts[records[k].lift].reps;
		b->achieved_at = pb_time_new(arena, lifts[records[k].lift].started_ms);
		best->brackets[best->n_brackets++] = b;
	}
	return best;
}

static void
fill_exercise(Fit__Workout__V1__ExerciseProgress *res,
	      const Fit__Workout__V1__GetExerciseProgressRequest *req,
	      const struct workout_lift *lifts, size_t n, struct arena *arena)
{
	Fit__Workout__V1__ExercisePoint **points =
		ARENA_ARRAY(arena, Fit__Workout__V1__ExercisePoint *, n + 1);
	size_t npoints = 0, skip;
	int64_t best_load_g = 0;
	struct point p;

	for (size_t i = 0, next; i < n; i = next) {
		next = sum_session(lifts, n, i, &p);
		if (p.load_g > best_load_g)
			best_load_g = p.load_g;
		if ((req->from != NULL && lifts[i].started_ms < pb_time_ms(req->from)) ||
		    (req->to != NULL && lifts[i].started_ms >= pb_time_ms(req->to)))
			continue;
		points[npoints++] = make_point(&lifts[i], &p, arena);
	}
	skip = npoints > POINTS_MAX ? npoints - POINTS_MAX : 0;
	res->points = points + skip;
	res->n_points = npoints - skip;
	res->best = make_best(lifts, n, best_load_g, arena);
}

static enum status
on_get_exercise_progress(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__GetExerciseProgressRequest *req = request;
	Fit__Workout__V1__ExerciseProgress *res = reply;
	struct workout *w = rpc_call_service(call);
	struct workout_exercise_brief *briefs;
	struct workout_lift *lifts;
	struct workout_scope scope;
	struct uuid id;
	size_t n, known;
	enum status st =
		workout_rpc_begin_of(call, reply, req->exercise_id, "exerciseId", &scope, &id, err);

	if (st == STATUS_OK)
		st = workout_exercise_briefs(w, &scope, &id, 1, true, &briefs, &known, err);
	if (st == STATUS_OK && known == 0)
		st = err_public(err, STATUS_NOT_FOUND, "There is no such exercise.");
	if (st == STATUS_OK)
		st = workout_progress_lifts(w, &scope, &id, &lifts, &n, err);
	if (st != STATUS_OK)
		return st;
	res->exercise_id = uuid_text(scope.arena, &id);
	fill_exercise(res, req, lifts, n, scope.arena);
	return STATUS_OK;
}

/* ---- records ---- */

static enum status
on_list_records(struct rpc_call *call, const void *request, void *reply, struct err *err)
{
	const Fit__Workout__V1__ListRecordsRequest *req = request;
	Fit__Workout__V1__ListRecordsResponse *res = reply;
	const struct uuid *exercise = NULL;
	struct workout_scope scope;
	struct workout_page page;
	struct uuid id = { { 0 } };
	const char *filter;
	enum status st = workout_rpc_begin(call, reply, &scope, err);

	if (st == STATUS_OK && *req->exercise_id != '\0') {
		st = workout_rpc_id(req->exercise_id, "exerciseId", &id, err);
		exercise = &id;
	}
	if (st != STATUS_OK)
		return st;
	filter = arena_printf(scope.arena, "records %s", uuid_text(scope.arena, &id));
	st = workout_page_open(&page, req->page_size, req->page_token, slice_str(filter), err);
	if (st == STATUS_OK)
		st = workout_progress_records(rpc_call_service(call), &scope, exercise, &page,
					      &res->records, &res->n_records, &res->next_page_token,
					      err);
	return st;
}

static const struct rpc_method methods[] = {
	{ "GetProgress", on_get_progress },
	{ "GetExerciseProgress", on_get_exercise_progress },
	{ "ListRecords", on_list_records },
};
const struct rpc_service workout_rpc_progress = { &fit__workout__v1__progress_service__descriptor,
						  methods, ARRAY_LEN(methods) };
