/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_derived.h - what follows from session documents: one row a set, and the personal records.
 *
 * workout_derived_project makes a session's rows in session_sets those of its document (NULL:
 * gone), then recomputes the records of each exercise that this touched, and adds events and sync
 * rows for records that came, moved or went. Call it inside the transaction of the change and under
 * the lock of the owner's numbers (pg_tx_lock_subject), which keeps two sessions of one athlete
 * from computing records past each other. What it compares with is asked for by
 * workout_derived_ask, under the same lock, so that it comes with what else the change reads.
 *
 * Cost: reads all sets of the touched exercises (by index; some 2,000 rows after ten years of a
 * lift twice a week).
 *
 * Ownership: results live in the arena of transaction or scope. Threads: the worker's.
 * Errors:    those of pg.h; INTERNAL when a document's id is no UUID.
 */
#ifndef FIT_WORKOUT_DERIVED_H
#define FIT_WORKOUT_DERIVED_H

#include "services/workout/workout.h"
#include "services/workout/workout_events.h"
#include "services/workout/workout_records.h"
#include "services/workout/workout_session_store.h"

enum status workout_derived_ask(struct pg_tx *tx, const struct uuid *owner,
				const struct uuid *session_id, struct pg_result **ret_stored,
				struct err *err) MUST_CHECK;
enum status workout_derived_project(struct pg_tx *tx, const struct uuid *owner,
				    const struct uuid *session_id, const struct pg_result *stored,
				    const session_doc *session, struct workout_events *events,
				    struct workout_session_outcome *ret_outcome,
				    struct err *err) MUST_CHECK;
/* Rows of session_sets, selected by these columns, as lifts; returns their number. */
#define WORKOUT_LIFT_COLUMNS "session_id, set_id, started_at, reps, weight_g, rpe_halves"
size_t workout_derived_lifts(const struct pg_result *res, struct arena *arena,
			     struct workout_lift **ret_lifts);
/* Records that sets of this session hold. */
enum status workout_derived_records_of(struct workout *w, const struct workout_scope *scope,
				       const struct uuid *session_id,
				       struct workout_held_record **ret_list, size_t *ret_n,
				       struct err *err) MUST_CHECK;

#endif
