/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_session_prepare.h - what a session's rules need from the stores before they run: that
 * exercises exist, and the plan that a new session follows.
 *
 * Reads only, before the transaction of the change, whose connection they would share.
 * Ownership: what the session gets lives in scope->arena. Threads: the call's worker.
 * Errors:    INVALID_ARGUMENT, reason REFERENCE_INVALID, with the field; those of the stores.
 */
#ifndef FIT_WORKOUT_SESSION_PREPARE_H
#define FIT_WORKOUT_SESSION_PREPARE_H

#include "services/workout/workout.h"
#include "services/workout/workout_session.h"

/* Sets the plan's version and, when the client gave no exercises, those of the plan's day; and how
 * each exercise is tracked. */
enum status workout_session_prepare(struct workout *w, const struct workout_scope *scope,
				    session_doc *session, struct err *err) MUST_CHECK;
/* The exercise that a request names at "exerciseId"; *ret_tracking is how it is tracked. */
enum status workout_session_check_exercise(struct workout *w, const struct workout_scope *scope,
					   const char *text, const char **ret_tracking,
					   struct err *err) MUST_CHECK;

#endif
