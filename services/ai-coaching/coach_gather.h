/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_gather.h - facts from the other services, asked for the user with the user's own principal.
 *
 * The exercise library is kept for ten minutes, with the brain that is built over it, and shared by
 * all calls. It holds the common library only, nobody's own exercises. When workout is away, what
 * was loaded before is used on; without any, an empty library still lets the safety table work, and
 * the answers say that it is missing. No call waits longer than 1.5 s for it.
 *
 * Ownership: facts live in scope->arena; a snapshot is held as long as the arena. Threads: any.
 * Errors:    NOT_FOUND for a plan or session that is not the user's; those of rpc_client.h.
 */
#ifndef FIT_COACH_GATHER_H
#define FIT_COACH_GATHER_H

#include "services/ai-coaching/coach.h"
#include "services/ai-coaching/coach_facts.h"

struct coach_snapshot {
	struct coach_brain *brain;
	/* private */
	struct coach_snapshots *home;
	struct arena *arena;
	unsigned refs;
	size_t exercises;
};

struct coach_snapshots *coach_snapshots_new(void);
void coach_snapshots_free(struct coach_snapshots *snapshots);
/* Never NULL; held until scope->arena goes, so that replies may point into it. `now` is what is
 * there, `hold` loads it first when it is due. */
struct coach_snapshot *coach_snapshot_now(struct coach *coach, const struct coach_scope *scope);
struct coach_snapshot *coach_snapshot_hold(struct coach *coach, const struct coach_scope *scope);

struct coach_ask {
	unsigned needs;         /* COACH_NEEDS_* */
	const char *plan_id;    /* "" : the one changed last */
	const char *session_id; /* "" : none */
};
/* Fills what is asked for; the rest of *facts stays. */
enum status coach_gather(struct coach *coach, const struct coach_scope *scope,
			 const struct coach_ask *ask, struct coach_facts *facts,
			 struct err *err) MUST_CHECK;
/* The user's chosen personality; "" when it cannot be told. */
const char *coach_gather_personality(struct coach *coach, const struct coach_scope *scope);

#endif
