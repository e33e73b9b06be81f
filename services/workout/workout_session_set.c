/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_session_set.h"

#include <string.h>

#include "libcommon/base/uuid.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_units.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static char *
text(const struct workout_rules *rules, const char *s)
{
	return workout_pb_text(rules->arena, s);
}

/* ---- checks ---- */

enum status
workout_id_or_new(char **id, const char *path, struct arena *arena, struct err *err)
{
	struct uuid u;

	if (**id == '\0') {
		u = uuid_v7();
	} else if (!uuid_parse_str(*id, &u) || uuid_is_nil(&u)) {
		err_init(err);
		return err_add_field(err, path, "is not a UUID");
	}
	*id = uuid_text(arena, &u);
	return STATUS_OK;
}

static enum status
bad(struct err *err, const char *path, const char *member, const char *what)
{
	char whole[128];

	snprintf(whole, sizeof(whole), "%s%s", path, member);
	err_init(err);
	return err_add_field(err, whole, "%s", what);
}

enum status
workout_set_check(session_set *set, const char *path, int64_t now_ms, struct arena *arena,
		  struct err *err)
{
	char id_path[128];
	unsigned halves;
	int64_t grams;
	enum status st;

	snprintf(id_path, sizeof(id_path), "%ssetId", path);
	st = workout_id_or_new(&set->set_id, id_path, arena, err);
	if (st != STATUS_OK)
		return st;
	if (!workout_grams(set->weight, &grams))
		return bad(err, path, "weight", "is not a whole number of grams (0..1000 kg)");
	if (!workout_rpe_halves(set->rpe, &halves))
		return bad(err, path, "rpe", "is not a half step (1, 1.5, … 10)");
	if (set->reps == 0 && set->duration == 0 && set->distance == 0.0 && set->weight == 0.0)
		return bad(err, path, "reps",
			   "is missing, and so are weight, duration and distance");
	set->weight = workout_kg(grams);
	if (*set->type == '\0')
		set->type = workout_pb_text(arena, "normal");
	if (set->completed_at == NULL)
		set->completed_at = pb_time_new(arena, now_ms);
	else if (set->completed_at->seconds < 0 || pb_time_ms(set->completed_at) > now_ms + DAY_MS)
		return bad(err, path, "completedAt", "is before 1970 or more than a day ahead");
	set->completed_at->nanos -= set->completed_at->nanos % 1000000;
	set->session_id = set->entry_id = set->exercise_id = workout_pb_text(arena, "");
	set->e1rm = 0.0;
	set->e1rm_confidence = workout_pb_text(arena, "");
	set->n_records = 0;
	return STATUS_OK;
}

static bool
same_time(const Google__Protobuf__Timestamp *a, const Google__Protobuf__Timestamp *b)
{
	return pb_time_ms(a) == pb_time_ms(b);
}

/* What a client said is what is stored; a time that it left open does not count. */
static bool
same_set(const session_set *stored, const session_set *sent, bool timed)
{
	return stored->reps == sent->reps && stored->weight == sent->weight &&
	       stored->rpe == sent->rpe && stored->rest_time == sent->rest_time &&
	       stored->duration == sent->duration && stored->distance == sent->distance &&
	       strcmp(stored->type, sent->type) == 0 && strcmp(stored->notes, sent->notes) == 0 &&
	       (!timed || same_time(stored->completed_at, sent->completed_at));
}

/* ---- finding ---- */

session_set *
workout_session_find_set(const session_doc *session, const char *id, size_t entry, size_t set)
{
	for (size_t i = 0; i < session->n_exercises && i <= entry; i++) {
		const session_entry *e = session->exercises[i];
		size_t n = i == entry ? set : e->n_sets;

		for (size_t j = 0; j < n; j++)
			if (strcasecmp(e->sets[j]->set_id, id) == 0)
				return e->sets[j];
	}
	return NULL;
}

static enum status
locate_set(const session_doc *session, const char *id, session_entry **ret_entry, size_t *ret_j,
	   struct err *err)
{
	for (size_t i = 0; i < session->n_exercises; i++) {
		session_entry *e = session->exercises[i];

		for (size_t j = 0; j < e->n_sets; j++) {
			if (strcasecmp(e->sets[j]->set_id, id) != 0)
				continue;
			*ret_entry = e;
			*ret_j = j;
			return STATUS_OK;
		}
	}
	return err_public(err, STATUS_NOT_FOUND, "The session has no such set.");
}

static enum status
too_many(struct err *err, const char *what, int max)
{
	err_public(err, STATUS_FAILED_PRECONDITION, "%s at most %d.", what, max);
	return err_reason(err, "QUOTA_EXCEEDED");
}

enum status
workout_session_insert_entry(session_doc *session, size_t i, const char *exercise_id,
			     const struct workout_rules *rules, session_entry **ret_entry,
			     struct err *err)
{
	session_entry *e, **list;
	struct uuid id = uuid_v7();

	if (session->n_exercises >= WORKOUT_SESSION_EXERCISES_MAX)
		return too_many(err, "A session has exercises,", WORKOUT_SESSION_EXERCISES_MAX);
	e = ARENA_NEW(rules->arena, session_entry);
	fit__workout__v1__session_exercise__init(e);
	e->entry_id = uuid_text(rules->arena, &id);
	e->exercise_id = text(rules, exercise_id);
	e->tracking = text(rules, rules->tracking);
	list = ARENA_ARRAY(rules->arena, session_entry *, session->n_exercises + 1);
	for (size_t k = 0; k <= session->n_exercises; k++)
		list[k] = k < i ? session->exercises[k] : k == i ? e : session->exercises[k - 1];
	session->exercises = list;
	session->n_exercises++;
	*ret_entry = e;
	return STATUS_OK;
}

/* The entry a new set belongs to: the one it names, else the last of its exercise, else a new one.
 */
static enum status
entry_for(session_doc *session, const char *entry_id, const char *exercise_id,
	  const struct workout_rules *rules, session_entry **ret_entry, struct err *err)
{
	for (size_t i = session->n_exercises; i-- > 0;) {
		session_entry *e = session->exercises[i];

		if (*entry_id != '\0' ? strcasecmp(e->entry_id, entry_id) != 0
				      : strcasecmp(e->exercise_id, exercise_id) != 0)
			continue;
		if (*exercise_id != '\0' && strcasecmp(e->exercise_id, exercise_id) != 0) {
			err_init(err);
			return err_add_field(err, "exerciseId",
					     "is not the exercise of that entry");
		}
		*ret_entry = e;
		return STATUS_OK;
	}
	if (*entry_id != '\0')
		return err_public(err, STATUS_NOT_FOUND, "The session has no such entry.");
	return workout_session_insert_entry(session, session->n_exercises, exercise_id, rules,
					    ret_entry, err);
}

/* ---- events ---- */

static void
tell_set(Fit__Workout__V1__Event__TypeCase type, const session_doc *session,
	 const session_entry *entry, const session_set *set, const struct workout_rules *rules)
{
	Fit__Workout__V1__LoggedSet *m = ARENA_NEW(rules->arena, Fit__Workout__V1__LoggedSet);
	unsigned halves = 0;

	fit__workout__v1__logged_set__init(m);
	m->session_id = text(rules, session->id);
	m->set_id = text(rules, set->set_id);
	m->exercise_id = text(rules, entry->exercise_id);
	m->reps = set->reps;
	m->weight_g = workout_set_load_g(entry, set);
	if (strcmp(entry->tracking, WORKOUT_ASSISTED) == 0)
		(void)workout_grams(set->weight, &m->assistance_g);
	(void)workout_rpe_halves(set->rpe, &halves);
	m->rpe_halves = halves;
	m->set_type = text(rules, set->type);
	workout_events_add(rules->events, type, &m->base);
}

void
workout_set_tell_logged(const session_doc *session, const session_entry *entry,
			const session_set *set, const struct workout_rules *rules)
{
	tell_set(FIT__WORKOUT__V1__EVENT__TYPE_SET_LOGGED, session, entry, set, rules);
}

static void
tell_removed(const session_doc *session, const session_entry *entry, const char *set_id,
	     const struct workout_rules *rules)
{
	Fit__Workout__V1__SetRemoved *m = ARENA_NEW(rules->arena, Fit__Workout__V1__SetRemoved);

	fit__workout__v1__set_removed__init(m);
	m->session_id = text(rules, session->id);
	m->set_id = text(rules, set_id);
	m->exercise_id = text(rules, entry->exercise_id);
	workout_events_add(rules->events, FIT__WORKOUT__V1__EVENT__TYPE_SET_REMOVED, &m->base);
}

/* ---- add, correct, remove ---- */

/* A set that is sent again is there already; the same id with other content is taken. */
static enum status
find_same(session_doc *session, const session_set *set, bool timed, const char *entry_id,
	  const char *exercise_id, bool *ret_same, session_entry **ret_entry, session_set **ret_set,
	  struct err *err)
{
	session_entry *entry;
	struct err none;
	size_t j;

	*ret_same = false;
	if (locate_set(session, set->set_id, &entry, &j, &none) != STATUS_OK)
		return STATUS_OK;
	if (!same_set(entry->sets[j], set, timed) ||
	    (*entry_id != '\0' && strcasecmp(entry->entry_id, entry_id) != 0) ||
	    (*exercise_id != '\0' && strcasecmp(entry->exercise_id, exercise_id) != 0)) {
		err_public(err, STATUS_ALREADY_EXISTS, "Another set has this id.");
		return err_reason(err, "ID_TAKEN");
	}
	*ret_same = true;
	*ret_entry = entry;
	*ret_set = entry->sets[j];
	return STATUS_OK;
}

static size_t
count_sets(const session_doc *session)
{
	size_t n = 0;

	for (size_t i = 0; i < session->n_exercises; i++)
		n += session->exercises[i]->n_sets;
	return n;
}

static enum status
append_set(session_doc *session, session_entry *entry, session_set *set,
	   const struct workout_rules *rules, struct err *err)
{
	session_set **list;

	if (entry->n_sets >= WORKOUT_ENTRY_SETS_MAX)
		return too_many(err, "An exercise has sets,", WORKOUT_ENTRY_SETS_MAX);
	if (count_sets(session) >= WORKOUT_SESSION_SETS_MAX)
		return too_many(err, "A session has sets,", WORKOUT_SESSION_SETS_MAX);
	list = ARENA_ARRAY(rules->arena, session_set *, entry->n_sets + 1);
	for (size_t i = 0; i < entry->n_sets; i++)
		list[i] = entry->sets[i];
	list[entry->n_sets] = set;
	entry->sets = list;
	set->set_number = (uint32_t)++entry->n_sets;
	/* Done after all. */
	entry->skipped = false;
	return STATUS_OK;
}

enum status
workout_session_add_set(session_doc *session, session_set *set, const struct workout_rules *rules,
			bool *ret_same, session_entry **ret_entry, session_set **ret_set,
			struct err *err)
{
	const char *entry_id = set->entry_id, *exercise_id = set->exercise_id;
	bool timed = set->completed_at != NULL;
	session_entry *entry = NULL;
	enum status st;

	if (*entry_id == '\0' && *exercise_id == '\0') {
		err_init(err);
		return err_add_field(err, "exerciseId", "is missing, and so is entryId");
	}
	st = workout_set_check(set, "", rules->now_ms, rules->arena, err);
	if (st == STATUS_OK)
		st = find_same(session, set, timed, entry_id, exercise_id, ret_same, ret_entry,
			       ret_set, err);
	if (st != STATUS_OK || *ret_same)
		return st;
	if (strcmp(session->status, "completed") == 0) {
		err_public(err, STATUS_FAILED_PRECONDITION,
			   "The session is completed and takes no more sets.");
		return err_reason(err, "STATE_CONFLICT");
	}
	st = entry_for(session, entry_id, exercise_id, rules, &entry, err);
	if (st == STATUS_OK)
		st = append_set(session, entry, set, rules, err);
	if (st != STATUS_OK)
		return st;
	workout_set_tell_logged(session, entry, set, rules);
	*ret_entry = entry;
	*ret_set = set;
	return STATUS_OK;
}

static enum status
patch_member(session_set *s, const session_set *p, const char *path,
	     const struct workout_rules *rules, struct err *err)
{
	if (strcmp(path, "reps") == 0)
		s->reps = p->reps;
	else if (strcmp(path, "weight") == 0)
		s->weight = p->weight;
	else if (strcmp(path, "rest_time") == 0)
		s->rest_time = p->rest_time;
	else if (strcmp(path, "rpe") == 0)
		s->rpe = p->rpe;
	else if (strcmp(path, "notes") == 0)
		s->notes = text(rules, p->notes);
	else if (strcmp(path, "type") == 0)
		s->type = text(rules, p->type);
	else if (strcmp(path, "duration") == 0)
		s->duration = p->duration;
	else if (strcmp(path, "distance") == 0)
		s->distance = p->distance;
	else if (strcmp(path, "completed_at") == 0 && p->completed_at != NULL)
		s->completed_at = p->completed_at;
	else {
		err_init(err);
		return err_add_field(err, path, "cannot be changed here");
	}
	return STATUS_OK;
}

enum status
workout_session_patch_set(session_doc *session, const char *set_id, const session_set *patch,
			  char *const *mask, size_t nmask, const struct workout_rules *rules,
			  session_entry **ret_entry, session_set **ret_set, struct err *err)
{
	session_entry *entry;
	session_set *set;
	enum status st;
	size_t j;

	st = locate_set(session, set_id, &entry, &j, err);
	if (st != STATUS_OK)
		return st;
	set = entry->sets[j];
	for (size_t i = 0; i < nmask && st == STATUS_OK; i++)
		st = patch_member(set, patch, mask[i], rules, err);
	if (st == STATUS_OK)
		st = workout_set_check(set, "", rules->now_ms, rules->arena, err);
	if (st != STATUS_OK)
		return st;
	if (nmask > 0)
		tell_set(FIT__WORKOUT__V1__EVENT__TYPE_SET_CORRECTED, session, entry, set, rules);
	*ret_entry = entry;
	*ret_set = set;
	return STATUS_OK;
}

enum status
workout_session_remove_set(session_doc *session, const char *set_id,
			   const struct workout_rules *rules, struct err *err)
{
	session_entry *entry;
	enum status st;
	size_t j;

	st = locate_set(session, set_id, &entry, &j, err);
	if (st != STATUS_OK)
		return st;
	tell_removed(session, entry, entry->sets[j]->set_id, rules);
	for (; j + 1 < entry->n_sets; j++) {
		entry->sets[j] = entry->sets[j + 1];
		entry->sets[j]->set_number = (uint32_t)j + 1;
	}
	entry->n_sets--;
	return STATUS_OK;
}
