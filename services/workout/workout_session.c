/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_session.h"

#include <string.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/base/uuid.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_session_set.h"
#include "services/workout/workout_units.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* Nobody's training log begins before this: 1970-01-01. Phones' clocks are at most a day ahead. */
#define START_MIN_MS 0
#define DURATION_MAX_MS (7 * DAY_MS)

static const char in_progress[] = "in_progress";
static const char completed[] = "completed";

static char *
text(const struct workout_rules *rules, const char *s)
{
	return workout_pb_text(rules->arena, s);
}

static bool
is_completed(const session_doc *session)
{
	return strcmp(session->status, completed) == 0;
}

/* ---- numbers ---- */

bool
workout_set_counts(const session_set *set)
{
	return strcmp(set->type, "warmup") != 0 && (set->reps > 0 || set->duration > 0);
}

int64_t
workout_set_load_g(const session_entry *entry, const session_set *set)
{
	int64_t grams = 0;

	/* Documents hold whole grams only. */
	if (strcmp(entry->tracking, WORKOUT_ASSISTED) != 0)
		(void)workout_grams(set->weight, &grams);
	return grams;
}

struct workout_volume
workout_session_volume(const session_doc *session)
{
	struct workout_volume volume = { 0 };

	for (size_t i = 0; i < session->n_exercises; i++) {
		const session_entry *e = session->exercises[i];

		for (size_t j = 0; j < e->n_sets; j++) {
			if (!workout_set_counts(e->sets[j]))
				continue;
			volume.sets++;
			volume.reps += e->sets[j]->reps;
			volume.load_g += e->sets[j]->reps * workout_set_load_g(e, e->sets[j]);
		}
	}
	return volume;
}

/* ---- times ---- */

static enum status
check_time(Google__Protobuf__Timestamp *time, const char *path, int64_t now_ms, struct err *err)
{
	if (time->seconds < START_MIN_MS / 1000 || time->nanos < 0 ||
	    pb_time_ms(time) > now_ms + DAY_MS) {
		err_init(err);
		return err_add_field(err, path, "is before 1970 or more than a day ahead");
	}
	time->nanos -= time->nanos % 1000000;
	return STATUS_OK;
}

/* Start and end fit each other; sets `duration`. */
static enum status
check_span(session_doc *session, const struct workout_rules *rules, struct err *err)
{
	enum status st = check_time(session->started_at, "startedAt", rules->now_ms, err);
	int64_t ms;

	session->duration = 0;
	if (st != STATUS_OK || session->completed_at == NULL)
		return st;
	st = check_time(session->completed_at, "completedAt", rules->now_ms, err);
	if (st != STATUS_OK)
		return st;
	ms = pb_time_ms(session->completed_at) - pb_time_ms(session->started_at);
	if (ms < 0 || ms > DURATION_MAX_MS) {
		err_init(err);
		return err_add_field(err, "completedAt", "is %s startedAt",
				     ms < 0 ? "before" : "more than 7 days after");
	}
	session->duration = (uint32_t)(ms / 1000);
	return STATUS_OK;
}

/* ---- parts ---- */

static enum status
check_environment(const session_doc *session, struct err *err)
{
	const Fit__Workout__V1__EnvironmentData *env = session->environment_data;

	if (env == NULL || env->location == NULL)
		return STATUS_OK;
	/* A latitude; the field rule allows what a longitude may be. */
	if (env->location->n_coordinates != 2 || env->location->coordinates[1] < -90.0 ||
	    env->location->coordinates[1] > 90.0) {
		err_init(err);
		return err_add_field(err, "environmentData.location.coordinates",
				     "are longitude, latitude (-90..90)");
	}
	return STATUS_OK;
}

static bool
entry_id_taken(const session_doc *session, size_t upto, const char *id)
{
	for (size_t i = 0; i < upto; i++)
		if (strcmp(session->exercises[i]->entry_id, id) == 0)
			return true;
	return false;
}

static enum status
check_entry(session_doc *session, size_t i, size_t *nsets, const struct workout_rules *rules,
	    struct err *err)
{
	session_entry *e = session->exercises[i];
	char path[96];
	enum status st;

	snprintf(path, sizeof(path), "exercises[%zu].entryId", i);
	st = workout_id_or_new(&e->entry_id, path, rules->arena, err);
	if (st == STATUS_OK && entry_id_taken(session, i, e->entry_id)) {
		err_init(err);
		st = err_add_field(err, path, "occurs twice");
	}
	snprintf(path, sizeof(path), "exercises[%zu].exerciseId", i);
	if (st == STATUS_OK)
		st = workout_id_or_new(&e->exercise_id, path, rules->arena, err);
	for (size_t j = 0; j < e->n_sets && st == STATUS_OK; j++) {
		snprintf(path, sizeof(path), "exercises[%zu].sets[%zu].", i, j);
		st = workout_set_check(e->sets[j], path, rules->now_ms, rules->arena, err);
		if (st == STATUS_OK &&
		    workout_session_find_set(session, e->sets[j]->set_id, i, j) != NULL) {
			err_init(err);
			st = err_add_field(err, path, "setId occurs twice");
		}
		e->sets[j]->set_number = (uint32_t)j + 1;
	}
	*nsets += e->n_sets;
	return st;
}

static enum status
check_entries(session_doc *session, const struct workout_rules *rules, struct err *err)
{
	size_t nsets = 0;

	for (size_t i = 0; i < session->n_exercises; i++) {
		enum status st = check_entry(session, i, &nsets, rules, err);

		if (st != STATUS_OK)
			return st;
	}
	if (nsets > WORKOUT_SESSION_SETS_MAX) {
		err_init(err);
		return err_add_field(err, "exercises", "hold %zu sets (at most %d)", nsets,
				     WORKOUT_SESSION_SETS_MAX);
	}
	return STATUS_OK;
}

/* ---- events ---- */

static void
tell_started(const session_doc *session, const struct workout_rules *rules)
{
	Fit__Workout__V1__SessionStarted *m =
		ARENA_NEW(rules->arena, Fit__Workout__V1__SessionStarted);

	fit__workout__v1__session_started__init(m);
	m->session_id = text(rules, session->id);
	m->plan_id = text(rules, session->plan_id);
	m->started_at = session->started_at;
	m->exercises = (uint32_t)session->n_exercises;
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_SESSION_STARTED, &m->base);
}

static void
tell_changed(const session_doc *session, const struct workout_rules *rules)
{
	Fit__Workout__V1__SessionChanged *m =
		ARENA_NEW(rules->arena, Fit__Workout__V1__SessionChanged);

	fit__workout__v1__session_changed__init(m);
	m->session_id = text(rules, session->id);
	m->version = session->version + 1;
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_SESSION_CHANGED, &m->base);
}

static void
tell_completed(const session_doc *session, const struct workout_rules *rules)
{
	Fit__Workout__V1__SessionCompleted *m =
		ARENA_NEW(rules->arena, Fit__Workout__V1__SessionCompleted);
	struct workout_volume volume = workout_session_volume(session);

	fit__workout__v1__session_completed__init(m);
	m->session_id = text(rules, session->id);
	m->plan_id = text(rules, session->plan_id);
	m->started_at = session->started_at;
	m->completed_at = session->completed_at;
	m->duration = session->duration;
	m->sets = volume.sets;
	m->reps = volume.reps;
	m->volume_load_g = volume.load_g;
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_SESSION_COMPLETED,
			   &m->base);
}

/* ---- a session's life ---- */

enum status
workout_session_begin(session_doc *session, const struct workout_rules *rules, struct err *err)
{
	enum status st;

	if (session->started_at == NULL) {
		session->started_at = pb_time_new(rules->arena, rules->now_ms);
		/* Said to be over, but not when it began: it began when it ended. */
		if (session->completed_at != NULL)
			session->started_at = session->completed_at;
	}
	session->status = text(rules, session->completed_at != NULL ? completed : in_progress);
	session->created_at = pb_time_new(rules->arena, rules->now_ms);
	session->updated_at = session->created_at;
	session->version = 1;
	st = check_span(session, rules, err);
	if (st == STATUS_OK)
		st = check_environment(session, err);
	if (st == STATUS_OK)
		st = check_entries(session, rules, err);
	if (st != STATUS_OK)
		return st;
	tell_started(session, rules);
	for (size_t i = 0; i < session->n_exercises; i++)
		for (size_t j = 0; j < session->exercises[i]->n_sets; j++)
			workout_set_tell_logged(session, session->exercises[i],
						session->exercises[i]->sets[j], rules);
	if (session->completed_at != NULL)
		tell_completed(session, rules);
	return STATUS_OK;
}

/* One member, or one member of a nested message ("user_feedback.notes"). */
static enum status
patch_member(session_doc *s, const session_doc *p, const char *path,
	     const struct workout_rules *rules, struct err *err)
{
	static const char *const whole[] = { "environment_data", "user_feedback" };

	if (strcmp(path, "name") == 0) {
		s->name = text(rules, p->name);
	} else if (strcmp(path, "started_at") == 0 && p->started_at != NULL) {
		s->started_at = p->started_at;
	} else if (strcmp(path, "completed_at") == 0 && p->completed_at != NULL &&
		   is_completed(s)) {
		s->completed_at = p->completed_at;
	} else if (strcmp(path, "ai_interactions") == 0) {
		s->ai_interactions = p->ai_interactions;
		s->n_ai_interactions = p->n_ai_interactions;
	} else if (strcmp(path, whole[0]) == 0) {
		s->environment_data = p->environment_data;
	} else if (strcmp(path, whole[1]) == 0) {
		s->user_feedback = p->user_feedback;
	} else {
		err_init(err);
		return err_add_field(err, path, "cannot be changed here");
	}
	return STATUS_OK;
}

static Fit__Workout__V1__EnvironmentData *
environment_of(session_doc *s, const struct workout_rules *rules)
{
	if (s->environment_data == NULL) {
		s->environment_data = ARENA_NEW(rules->arena, Fit__Workout__V1__EnvironmentData);
		fit__workout__v1__environment_data__init(s->environment_data);
	}
	return s->environment_data;
}

static Fit__Workout__V1__UserFeedback *
feedback_of(session_doc *s, const struct workout_rules *rules)
{
	if (s->user_feedback == NULL) {
		s->user_feedback = ARENA_NEW(rules->arena, Fit__Workout__V1__UserFeedback);
		fit__workout__v1__user_feedback__init(s->user_feedback);
	}
	return s->user_feedback;
}

static enum status
patch_nested(session_doc *s, const session_doc *p, const char *path,
	     const struct workout_rules *rules, struct err *err)
{
	Fit__Workout__V1__EnvironmentData no_env;
	Fit__Workout__V1__UserFeedback no_feedback;
	const Fit__Workout__V1__EnvironmentData *env =
		p->environment_data ? p->environment_data : &no_env;
	const Fit__Workout__V1__UserFeedback *feedback =
		p->user_feedback ? p->user_feedback : &no_feedback;

	fit__workout__v1__environment_data__init(&no_env);
	fit__workout__v1__user_feedback__init(&no_feedback);
	if (strcmp(path, "environment_data.temperature") == 0)
		environment_of(s, rules)->temperature = env->temperature;
	else if (strcmp(path, "environment_data.humidity") == 0)
		environment_of(s, rules)->humidity = env->humidity;
	else if (strcmp(path, "environment_data.location") == 0)
		environment_of(s, rules)->location = env->location;
	else if (strcmp(path, "user_feedback.difficulty") == 0)
		feedback_of(s, rules)->difficulty = feedback->difficulty;
	else if (strcmp(path, "user_feedback.enjoyment") == 0)
		feedback_of(s, rules)->enjoyment = feedback->enjoyment;
	else if (strcmp(path, "user_feedback.energy_level") == 0)
		feedback_of(s, rules)->energy_level = feedback->energy_level;
	else if (strcmp(path, "user_feedback.notes") == 0)
		feedback_of(s, rules)->notes = text(rules, feedback->notes);
	else if (strncmp(path, "ai_interactions.", 16) != 0 &&
		 strncmp(path, "started_at.", 11) != 0) {
		err_init(err);
		return err_add_field(err, path, "cannot be changed here");
	}
	return STATUS_OK;
}

/* Whether the mask also names members below `path`: then those are set one by one. */
static bool
has_below(char *const *mask, size_t nmask, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < nmask; i++)
		if (strncmp(mask[i], path, n) == 0 && mask[i][n] == '.')
			return true;
	return false;
}

enum status
workout_session_patch(session_doc *session, const session_doc *patch, char *const *mask,
		      size_t nmask, const struct workout_rules *rules, struct err *err)
{
	enum status st = STATUS_OK;

	for (size_t i = 0; i < nmask && st == STATUS_OK; i++) {
		if (strchr(mask[i], '.') != NULL)
			st = patch_nested(session, patch, mask[i], rules, err);
		else if (!has_below(mask, nmask, mask[i]) ||
			 strcmp(mask[i], "ai_interactions") == 0)
			st = patch_member(session, patch, mask[i], rules, err);
	}
	if (st == STATUS_OK)
		st = check_span(session, rules, err);
	if (st == STATUS_OK)
		st = check_environment(session, err);
	if (st == STATUS_OK && nmask > 0)
		tell_changed(session, rules);
	return st;
}

enum status
workout_session_complete(session_doc *session, const Google__Protobuf__Timestamp *completed_at,
			 Fit__Workout__V1__UserFeedback *feedback,
			 const struct workout_rules *rules, struct err *err)
{
	enum status st;

	if (is_completed(session)) {
		err_public(err, STATUS_FAILED_PRECONDITION, "The session is already completed.");
		return err_reason(err, "STATE_CONFLICT");
	}
	session->completed_at =
		pb_time_new(rules->arena,
			    completed_at != NULL ? pb_time_ms(completed_at) : rules->now_ms);
	session->status = text(rules, completed);
	if (feedback != NULL)
		session->user_feedback = feedback;
	st = check_span(session, rules, err);
	if (st == STATUS_OK)
		tell_completed(session, rules);
	return st;
}

void
workout_session_delete(const session_doc *session, const struct workout_rules *rules)
{
	Fit__Workout__V1__SessionDeleted *m =
		ARENA_NEW(rules->arena, Fit__Workout__V1__SessionDeleted);

	fit__workout__v1__session_deleted__init(m);
	m->session_id = text(rules, session->id);
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_SESSION_DELETED, &m->base);
}

/* ---- entries ---- */

static enum status
find_open_entry(session_doc *session, const char *entry_id, size_t *ret_i, struct err *err)
{
	if (is_completed(session)) {
		err_public(err, STATUS_FAILED_PRECONDITION, "The session is completed.");
		return err_reason(err, "STATE_CONFLICT");
	}
	for (size_t i = 0; i < session->n_exercises; i++) {
		if (strcasecmp(session->exercises[i]->entry_id, entry_id) != 0)
			continue;
		*ret_i = i;
		return STATUS_OK;
	}
	return err_public(err, STATUS_NOT_FOUND, "The session has no such entry.");
}

static Fit__Workout__V1__Modifications *
modifications(const session_entry *entry, const char *reason, const char *by,
	      const struct workout_rules *rules)
{
	Fit__Workout__V1__Modifications *m =
		ARENA_NEW(rules->arena, Fit__Workout__V1__Modifications);
	const Fit__Workout__V1__Modifications *old = entry->modifications;

	fit__workout__v1__modifications__init(m);
	/* A second swap still tells what the plan had. */
	m->original_exercise =
		text(rules, old != NULL && *old->original_exercise ? old->original_exercise
								   : entry->exercise_id);
	m->reason = text(rules, reason);
	m->modified_by = text(rules, by != NULL && *by ? by : "user");
	return m;
}

enum status
workout_session_swap(session_doc *session, const char *entry_id, const char *exercise_id,
		     const char *reason, const char *modified_by, const struct workout_rules *rules,
		     struct err *err)
{
	Fit__Workout__V1__ExerciseSwapped *m;
	session_entry *entry, *next;
	enum status st;
	size_t i;

	st = find_open_entry(session, entry_id, &i, err);
	if (st != STATUS_OK)
		return st;
	entry = session->exercises[i];
	if (strcmp(entry->exercise_id, exercise_id) == 0) {
		err_init(err);
		return err_add_field(err, "exerciseId", "is the exercise that is there");
	}
	m = ARENA_NEW(rules->arena, Fit__Workout__V1__ExerciseSwapped);
	fit__workout__v1__exercise_swapped__init(m);
	m->session_id = text(rules, session->id);
	m->original_exercise_id = text(rules, entry->exercise_id);
	m->exercise_id = text(rules, exercise_id);
	next = entry;
	if (entry->n_sets > 0) {
		/* What was done stays as it was done; the new exercise follows it. */
		st = workout_session_insert_entry(session, i + 1, exercise_id, rules, &next, err);
		if (st != STATUS_OK)
			return st;
	}
	next->modifications = modifications(entry, reason, modified_by, rules);
	next->exercise_id = text(rules, exercise_id);
	next->tracking = text(rules, rules->tracking);
	next->skipped = false;
	m->entry_id = text(rules, next->entry_id);
	m->modified_by = text(rules, next->modifications->modified_by);
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_EXERCISE_SWAPPED, &m->base);
	return STATUS_OK;
}

enum status
workout_session_skip(session_doc *session, const char *entry_id, const char *reason,
		     const char *modified_by, const struct workout_rules *rules, struct err *err)
{
	Fit__Workout__V1__ExerciseSkipped *m;
	session_entry *entry;
	enum status st;
	size_t i;

	st = find_open_entry(session, entry_id, &i, err);
	if (st != STATUS_OK)
		return st;
	entry = session->exercises[i];
	entry->skipped = true;
	entry->modifications = modifications(entry, reason, modified_by, rules);
	m = ARENA_NEW(rules->arena, Fit__Workout__V1__ExerciseSkipped);
	fit__workout__v1__exercise_skipped__init(m);
	m->session_id = text(rules, session->id);
	m->entry_id = text(rules, entry->entry_id);
	m->exercise_id = text(rules, entry->exercise_id);
	m->modified_by = text(rules, entry->modifications->modified_by);
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_EXERCISE_SKIPPED, &m->base);
	return STATUS_OK;
}
