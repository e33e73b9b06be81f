/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_store.h - what the coach keeps in PostgreSQL: proposals and the safety log, each change
 * with its events in one transaction.
 *
 * Ownership: results live in scope->arena. Threads: any.
 * Errors:    NOT_FOUND for what is not the owner's; those of pg.h.
 */
#ifndef FIT_COACH_STORE_H
#define FIT_COACH_STORE_H

#include "services/ai-coaching/coach.h"
#include "services/ai-coaching/coach_answer.h"

/* What the safety log says of a user now. */
struct coach_state {
	bool locked; /* an emergency is not acknowledged */
	bool minor, pregnant;
};
enum status coach_store_state(struct coach *coach, const struct coach_scope *scope,
			      struct coach_state *ret_state, struct err *err) MUST_CHECK;

/* A turn that was answered. */
struct coach_turn {
	struct uuid message_id;
	const char *provider, *model, *personality;
	const struct coach_reading *reading;
	const struct coach_draft *draft; /* or NULL; its proposal gets id, status and times */
	bool acknowledged;               /* the lock ends */
	unsigned duration_ms;
};
enum status coach_store_turn(struct coach *coach, const struct coach_scope *scope,
			     const struct coach_turn *turn, struct err *err) MUST_CHECK;

/* A proposal by itself, not out of a turn; kept under the call's idempotency key. */
enum status coach_store_propose(struct coach *coach, const struct coach_scope *scope,
				struct pg_idem *idem, const struct coach_draft *draft,
				struct err *err) MUST_CHECK;
/* Also the plan as it would be. */
enum status coach_store_find(struct coach *coach, const struct coach_scope *scope,
			     const struct uuid *id, coach_proposal **ret_proposal,
			     coach_plan **ret_after, struct err *err) MUST_CHECK;
/* Harmless to repeat. */
enum status coach_store_accepted(struct coach *coach, const struct coach_scope *scope,
				 const struct uuid *id, const coach_proposal *proposal,
				 unsigned version, struct err *err) MUST_CHECK;
enum status coach_store_outdated(struct coach *coach, const struct coach_scope *scope,
				 const struct uuid *id, struct err *err) MUST_CHECK;

#endif
