/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_session_set.h - the part of the session's rules that deals with sets, and what both parts
 * share.
 *
 * The set methods themselves are declared in workout_session.h.
 *
 * Ownership: what is made lives in the arena. Threads: any.
 * Errors:    INVALID_ARGUMENT with the field; FAILED_PRECONDITION, QUOTA_EXCEEDED.
 */
#ifndef FIT_WORKOUT_SESSION_SET_H
#define FIT_WORKOUT_SESSION_SET_H

#include "services/workout/workout_session.h"

/* A client's id in lower case, or a new one when it is empty; INVALID_ARGUMENT at `path` when it is
 * no UUID. */
enum status workout_id_or_new(char **id, const char *path, struct arena *arena,
			      struct err *err) MUST_CHECK;
/* Checks a set and completes it: id, type, time; takes off what only replies have. `path` ends in a
 * dot or is "". */
enum status workout_set_check(session_set *set, const char *path, int64_t now_ms,
			      struct arena *arena, struct err *err) MUST_CHECK;
/* The set with this id before position (entry, set); for all of the document pass its size and 0.
 */
session_set *workout_session_find_set(const session_doc *session, const char *id, size_t entry,
				      size_t set);
/* Adds an empty entry at position i. */
enum status workout_session_insert_entry(session_doc *session, size_t i, const char *exercise_id,
					 const struct workout_rules *rules,
					 session_entry **ret_entry, struct err *err) MUST_CHECK;
void workout_set_tell_logged(const session_doc *session, const session_entry *entry,
			     const session_set *set, const struct workout_rules *rules);

#endif
