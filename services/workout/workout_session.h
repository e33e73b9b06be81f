/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_session.h - the rules of a training session, over its document; no I/O.
 *
 *	st = workout_session_begin(session, &rules, err);                a client's new session
 *	st = workout_session_add_set(session, set, &rules, &same, &entry, &added, err); …
 *
 * The functions change the document in place; on failure it is not to be used any further.
 * Field rules of the .proto (ranges, lengths) hold already; here is what they cannot say: ids
 * that repeat, half steps, times in order, states, totals. What happened is added to
 * `rules->events`.
 *
 * Ownership: all parts of a document live in rules->arena. Threads: any.
 * Errors:    INVALID_ARGUMENT with the field; NOT_FOUND for an entry or set that is not there;
 *            FAILED_PRECONDITION with reason STATE_CONFLICT, QUOTA_EXCEEDED; ALREADY_EXISTS
 *            with ID_TAKEN.
 */
#ifndef FIT_WORKOUT_SESSION_H
#define FIT_WORKOUT_SESSION_H

#include "fit/workout/v1/session.pb-c.h"
#include "libcommon/base/arena.h"
#include "libcommon/base/status.h"
#include "services/workout/workout_events.h"

/* Sets in one session; together with the lengths of notes it keeps a document below 1.5 MB. */
#define WORKOUT_SESSION_SETS_MAX 500
/* Sessions of one user, with tombstones: more than fifty years of one a day. */
#define WORKOUT_SESSIONS_MAX 20000
#define WORKOUT_SESSION_EXERCISES_MAX 50
#define WORKOUT_ENTRY_SETS_MAX 100

/* Exercise.tracking of exercises whose weight is a machine's help. */
#define WORKOUT_ASSISTED "assisted"

typedef Fit__Workout__V1__Session session_doc;
typedef Fit__Workout__V1__SessionExercise session_entry;
typedef Fit__Workout__V1__SessionSet session_set;

struct workout_rules {
	struct arena *arena;
	int64_t now_ms;
	struct workout_events *events;
	const char *tracking; /* of the exercise that add_set and swap name, NULL: they name none */
};

enum status workout_session_begin(session_doc *session, const struct workout_rules *rules,
				  struct err *err) MUST_CHECK;
/* Copies the members named in the mask from `patch`. */
enum status workout_session_patch(session_doc *session, const session_doc *patch, char *const *mask,
				  size_t nmask, const struct workout_rules *rules,
				  struct err *err) MUST_CHECK;
enum status workout_session_complete(session_doc *session,
				     const Google__Protobuf__Timestamp *completed_at,
				     Fit__Workout__V1__UserFeedback *feedback,
				     const struct workout_rules *rules, struct err *err) MUST_CHECK;
void workout_session_delete(const session_doc *session, const struct workout_rules *rules);

/*
 * `set` may name its entry, its exercise, or both; the exercise must be known to exist. *ret_same:
 * a set with this id and content is already there, nothing was changed. *ret_set is the set in the
 * document, *ret_entry where it is.
 */
enum status workout_session_add_set(session_doc *session, session_set *set,
				    const struct workout_rules *rules, bool *ret_same,
				    session_entry **ret_entry, session_set **ret_set,
				    struct err *err) MUST_CHECK;
enum status workout_session_patch_set(session_doc *session, const char *set_id,
				      const session_set *patch, char *const *mask, size_t nmask,
				      const struct workout_rules *rules, session_entry **ret_entry,
				      session_set **ret_set, struct err *err) MUST_CHECK;
enum status workout_session_remove_set(session_doc *session, const char *set_id,
				       const struct workout_rules *rules,
				       struct err *err) MUST_CHECK;
enum status workout_session_swap(session_doc *session, const char *entry_id,
				 const char *exercise_id, const char *reason,
				 const char *modified_by, const struct workout_rules *rules,
				 struct err *err) MUST_CHECK;
enum status workout_session_skip(session_doc *session, const char *entry_id, const char *reason,
				 const char *modified_by, const struct workout_rules *rules,
				 struct err *err) MUST_CHECK;

/* Working sets (not warm-ups) with at least one repetition or second. */
struct workout_volume {
	unsigned sets, reps;
	int64_t load_g; /* sum of reps x grams */
};
struct workout_volume workout_session_volume(const session_doc *session);
bool workout_set_counts(const session_set *set);
/* What the set moved besides the athlete; nothing where the weight is help. */
int64_t workout_set_load_g(const session_entry *entry, const session_set *set);

#endif
