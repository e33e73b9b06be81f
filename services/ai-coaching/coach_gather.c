/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "libcommon/base/compiler.h"
#include "libcommon/client/user_client.h"
#include "libcommon/client/workout_client.h"
#include "libcommon/observe/log.h"

#define LIBRARY_MS (10 * 60 * 1000)
#define LIBRARY_RETRY_MS 5000
#define LIBRARY_LOAD_MS 1500 /* what a call waits for it, at most */
#define LIBRARY_BYTES (16 << 20)
#define LIBRARY_MAX 2000
#define SESSIONS 60
#define RECORDS 20
#define WEEKS 12

/* ---- the library ---- */

struct coach_snapshots {
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	struct coach_snapshot *current; /* holds one reference */
	bool loading;                   /* by one call; the others use the current one, if any */
	int64_t next_ms;
};

static struct coach_snapshot *
snapshot_new(struct coach_snapshots *home, struct arena *arena, coach_exercise **list, size_t n)
{
	struct coach_snapshot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		panic("coach library: no memory");
	s->home = home;
	s->arena = arena;
	s->brain = coach_brain_new(list, n);
	s->refs = 1;
	s->exercises = n;
	return s;
}

/* Under the lock, or when nobody else is there. */
static void
unref(struct coach_snapshot *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	coach_brain_free(s->brain);
	arena_free(s->arena);
	free(s);
}

struct coach_snapshots *
coach_snapshots_new(void)
{
	struct coach_snapshots *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		panic("coach library: no memory");
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->loaded, &attr);
	pthread_condattr_destroy(&attr);
	s->current = snapshot_new(s, arena_new(LIBRARY_BYTES), NULL, 0);
	return s;
}

void
coach_snapshots_free(struct coach_snapshots *snapshots)
{
	if (snapshots == NULL)
		return;
	unref(snapshots->current);
	pthread_cond_destroy(&snapshots->loaded);
	pthread_mutex_destroy(&snapshots->lock);
	free(snapshots);
}

static enum status
load(struct coach *coach, const struct coach_scope *scope, struct arena *arena,
     coach_exercise ***ret_list, size_t *ret_n, struct err *err)
{
	struct rpc_call_options opts = scope->opts;
	Fit__Workout__V1__ListExercisesRequest request;
	Fit__Workout__V1__ListExercisesResponse *page;
	coach_exercise **list = ARENA_ARRAY(arena, coach_exercise *, LIBRARY_MAX);
	size_t n = 0;

	fit__workout__v1__list_exercises_request__init(&request);
	request.page_size = 200;
	opts.deadline = deadline_min(scope->deadline, deadline_in(LIBRARY_LOAD_MS));
	/* It is for everybody: a client that goes away does not end it. */
	opts.parent = NULL;
	do {
		enum status st = workout_client_list_exercises(coach->workouts, &opts, &request,
							       arena, &page, err);

		if (st != STATUS_OK)
			return st;
		for (size_t i = 0; i < page->n_exercises && n < LIBRARY_MAX; i++) {
			/* Shared with everybody: only what belongs to nobody. */
			if (strcmp(page->exercises[i]->source, "library") == 0)
				list[n++] = page->exercises[i];
		}
		request.page_token = page->next_page_token;
	} while (*page->next_page_token != '\0' && n < LIBRARY_MAX);
	*ret_list = list;
	*ret_n = n;
	return STATUS_OK;
}

static void
reload(struct coach *coach, const struct coach_scope *scope)
{
	struct coach_snapshots *s = coach->snapshots;
	struct arena *arena = arena_new(LIBRARY_BYTES);
	struct coach_snapshot *fresh = NULL;
	coach_exercise **list;
	struct err err;
	size_t n;

	err_init(&err);
	if (load(coach, scope, arena, &list, &n, &err) == STATUS_OK) {
		fresh = snapshot_new(s, arena, list, n);
	} else {
		log_warn_err("exercise_library_not_loaded", &err);
		arena_free(arena);
	}
	pthread_mutex_lock(&s->lock);
	if (fresh != NULL) {
		unref(s->current);
		s->current = fresh;
	}
	s->next_ms = clock_mono_ms() + (fresh != NULL ? LIBRARY_MS : LIBRARY_RETRY_MS);
	s->loading = false;
	pthread_cond_broadcast(&s->loaded);
	pthread_mutex_unlock(&s->lock);
}

static void
release(void *ptr)
{
	struct coach_snapshots *home = ((struct coach_snapshot *)ptr)->home;

	pthread_mutex_lock(&home->lock);
	unref(ptr);
	pthread_mutex_unlock(&home->lock);
}

/* Under the lock. */
static struct coach_snapshot *
hold_current(struct coach_snapshots *s, const struct coach_scope *scope)
{
	s->current->refs++;
	arena_defer(scope->arena, release, s->current);
	return s->current;
}

struct coach_snapshot *
coach_snapshot_now(struct coach *coach, const struct coach_scope *scope)
{
	struct coach_snapshots *s = coach->snapshots;
	struct coach_snapshot *held;

	pthread_mutex_lock(&s->lock);
	held = hold_current(s, scope);
	pthread_mutex_unlock(&s->lock);
	return held;
}

struct coach_snapshot *
coach_snapshot_hold(struct coach *coach, const struct coach_scope *scope)
{
	struct deadline until = deadline_in(LIBRARY_LOAD_MS);
	struct timespec at = { .tv_sec = until.at_ms / 1000,
			       .tv_nsec = until.at_ms % 1000 * 1000000 };
	struct coach_snapshots *s = coach->snapshots;
	struct coach_snapshot *held;
	bool mine;

	pthread_mutex_lock(&s->lock);
	mine = !s->loading && clock_mono_ms() >= s->next_ms;
	s->loading |= mine;
	/* The first calls after the start wait for the one that loads. */
	while (!mine && s->loading && s->current->exercises == 0 &&
	       pthread_cond_timedwait(&s->loaded, &s->lock, &at) == 0)
		;
	pthread_mutex_unlock(&s->lock);
	if (mine)
		reload(coach, scope);
	pthread_mutex_lock(&s->lock);
	held = hold_current(s, scope);
	pthread_mutex_unlock(&s->lock);
	return held;
}

/* ---- facts ---- */

static enum status
get_profile(struct coach *coach, const struct coach_scope *scope, struct coach_facts *facts,
	    struct err *err)
{
	Fit__User__V1__Preferences *preferences;
	Fit__User__V1__User *user;
	enum status st = user_client_get_user(coach->users, &scope->opts, scope->arena, &user, err);

	if (st == STATUS_OK)
		st = user_client_get_preferences(coach->users, &scope->opts, scope->arena,
						 &preferences, err);
	if (st != STATUS_OK)
		return err_context(err, "profile");
	facts->level = user->fitness_level;
	facts->limitations = user->limitations;
	facts->nlimitations = user->n_limitations;
	facts->pounds = strcmp(preferences->units, "lb") == 0;
	return STATUS_OK;
}

static enum status
get_plan(struct coach *coach, const struct coach_scope *scope, const char *plan_id,
	 struct coach_facts *facts, struct err *err)
{
	Fit__Workout__V1__ListPlansRequest request;
	Fit__Workout__V1__ListPlansResponse *page;
	Fit__Workout__V1__Plan *plan;
	enum status st;

	if (*plan_id != '\0') {
		st = workout_client_get_plan(coach->workouts, &scope->opts, plan_id, scope->arena,
					     &plan, err);
		if (st == STATUS_OK)
			facts->plan = plan;
		return st;
	}
	fit__workout__v1__list_plans_request__init(&request);
	request.page_size = 1;
	st = workout_client_list_plans(coach->workouts, &scope->opts, &request, scope->arena, &page,
				       err);
	if (st == STATUS_OK && page->n_plans > 0)
		facts->plan = page->plans[0];
	return st;
}

static enum status
get_sessions(struct coach *coach, const struct coach_scope *scope, const char *session_id,
	     struct coach_facts *facts, struct err *err)
{
	Fit__Workout__V1__ListSessionsRequest request;
	Fit__Workout__V1__ListSessionsResponse *page;
	Fit__Workout__V1__Session *session;
	enum status st;

	fit__workout__v1__list_sessions_request__init(&request);
	request.page_size = SESSIONS;
	st = workout_client_list_sessions(coach->workouts, &scope->opts, &request, scope->arena,
					  &page, err);
	if (st != STATUS_OK)
		return err_context(err, "sessions");
	facts->sessions = page->sessions;
	facts->nsessions = page->n_sessions;
	if (*session_id == '\0')
		return STATUS_OK;
	st = workout_client_get_session(coach->workouts, &scope->opts, session_id, scope->arena,
					&session, err);
	if (st == STATUS_OK)
		facts->session = session;
	return st;
}

static enum status
get_progress(struct coach *coach, const struct coach_scope *scope, struct coach_facts *facts,
	     struct err *err)
{
	Fit__Workout__V1__GetProgressRequest request;
	Fit__Workout__V1__Progress *progress;
	enum status st;

	fit__workout__v1__get_progress_request__init(&request);
	request.weeks = WEEKS;
	st = workout_client_get_progress(coach->workouts, &scope->opts, &request, scope->arena,
					 &progress, err);
	if (st == STATUS_OK)
		facts->progress = progress;
	return st;
}

static enum status
get_records(struct coach *coach, const struct coach_scope *scope, struct coach_facts *facts,
	    struct err *err)
{
	Fit__Workout__V1__ListRecordsRequest request;
	Fit__Workout__V1__ListRecordsResponse *page;
	enum status st;

	fit__workout__v1__list_records_request__init(&request);
	request.page_size = RECORDS;
	st = workout_client_list_records(coach->workouts, &scope->opts, &request, scope->arena,
					 &page, err);
	if (st == STATUS_OK) {
		facts->records = page->records;
		facts->nrecords = page->n_records;
	}
	return st;
}

enum status
coach_gather(struct coach *coach, const struct coach_scope *scope, const struct coach_ask *ask,
	     struct coach_facts *facts, struct err *err)
{
	enum status st = STATUS_OK;

	facts->now_ms = clock_wall_ms();
	if (ask->needs & COACH_NEEDS_PROFILE)
		st = get_profile(coach, scope, facts, err);
	if (st == STATUS_OK && (ask->needs & COACH_NEEDS_PLAN))
		st = get_plan(coach, scope, ask->plan_id, facts, err);
	if (st == STATUS_OK && (ask->needs & COACH_NEEDS_SESSIONS))
		st = get_sessions(coach, scope, ask->session_id, facts, err);
	if (st == STATUS_OK && (ask->needs & COACH_NEEDS_PROGRESS))
		st = get_progress(coach, scope, facts, err);
	if (st == STATUS_OK && (ask->needs & COACH_NEEDS_RECORDS))
		st = get_records(coach, scope, facts, err);
	return st;
}

const char *
coach_gather_personality(struct coach *coach, const struct coach_scope *scope)
{
	Fit__User__V1__Preferences *preferences;

	if (user_client_get_preferences(coach->users, &scope->opts, scope->arena, &preferences,
					NULL) != STATUS_OK)
		return "";
	return preferences->personality;
}
