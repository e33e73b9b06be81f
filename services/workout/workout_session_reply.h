/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_session_reply.h - what replies say beside the document: e1RM of sets, the records they
 * hold.
 *
 * workout_session_reply fills all sets of a session in place, workout_set_reply one set, which also
 * says where it is.
 *
 * Ownership: what is filled in lives in the arena. Pure functions; any thread.
 */
#ifndef FIT_WORKOUT_SESSION_REPLY_H
#define FIT_WORKOUT_SESSION_REPLY_H

#include "services/workout/workout_session_store.h"

void workout_session_reply(session_doc *session, const struct workout_held_record *records,
			   size_t nrecords, struct arena *arena);
void workout_set_reply(session_set *set, const session_doc *session, const session_entry *entry,
		       const struct workout_held_record *records, size_t nrecords,
		       struct arena *arena);
/* A client's new session is the one that is stored: same start (when it says one), plan, day,
 * name, and all sets that it gave ids are there with their repetitions and weight. */
bool workout_session_is_same(const session_doc *stored, const session_doc *sent);

#endif
