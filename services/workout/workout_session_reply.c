/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_session_reply.h"

#include <string.h>

#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_e1rm.h"
#include "services/workout/workout_session_set.h"
#include "services/workout/workout_records.h"
#include "services/workout/workout_units.h"

static void
add_value(session_set *set, const session_entry *entry, struct arena *arena)
{
	struct workout_e1rm e = { 0 };
	unsigned halves;

	if (workout_set_counts(set) && workout_rpe_halves(set->rpe, &halves))
		e = workout_e1rm(workout_set_load_g(entry, set), set->reps, halves);
	set->e1rm = workout_kg(e.grams);
	set->e1rm_confidence = workout_pb_text(arena, workout_confidence_name(e.confidence));
}

static void
add_records(session_set *set, const struct workout_held_record *records, size_t n,
	    struct arena *arena)
{
	struct uuid id;

	set->n_records = 0;
	if (n == 0 || !uuid_parse_str(set->set_id, &id))
		return;
	set->records = ARENA_ARRAY(arena, char *, WORKOUT_RECORD_KINDS);
	for (size_t i = 0; i < n && set->n_records < WORKOUT_RECORD_KINDS; i++)
		if (uuid_eq(&records[i].set_id, &id))
			set->records[set->n_records++] = workout_pb_text(arena, records[i].kind);
}

void
workout_session_reply(session_doc *session, const struct workout_held_record *records,
		      size_t nrecords, struct arena *arena)
{
	for (size_t i = 0; i < session->n_exercises; i++) {
		for (size_t j = 0; j < session->exercises[i]->n_sets; j++) {
			session_set *set = session->exercises[i]->sets[j];

			add_value(set, session->exercises[i], arena);
			add_records(set, records, nrecords, arena);
		}
	}
}

void
workout_set_reply(session_set *set, const session_doc *session, const session_entry *entry,
		  const struct workout_held_record *records, size_t nrecords, struct arena *arena)
{
	set->session_id = workout_pb_text(arena, session->id);
	set->entry_id = workout_pb_text(arena, entry->entry_id);
	set->exercise_id = workout_pb_text(arena, entry->exercise_id);
	add_value(set, entry, arena);
	add_records(set, records, nrecords, arena);
}

bool
workout_session_is_same(const session_doc *stored, const session_doc *sent)
{
	if (strcmp(stored->plan_id, sent->plan_id) != 0 || stored->plan_day != sent->plan_day ||
	    strcmp(stored->name, sent->name) != 0 ||
	    (sent->started_at != NULL &&
	     pb_time_ms(sent->started_at) != pb_time_ms(stored->started_at)))
		return false;
	for (size_t i = 0; i < sent->n_exercises; i++) {
		for (size_t j = 0; j < sent->exercises[i]->n_sets; j++) {
			const session_set *set = sent->exercises[i]->sets[j];
			const session_set *there = workout_session_find_set(stored, set->set_id,
									    stored->n_exercises, 0);

			/* A set without an id of the client's cannot be found again. */
			if (*set->set_id != '\0' && (there == NULL || there->reps != set->reps ||
						     there->weight != set->weight))
				return false;
		}
	}
	return true;
}
