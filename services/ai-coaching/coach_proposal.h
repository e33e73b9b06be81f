/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_proposal.h - a typed change of a plan: checked against the plan guards, worked out,
 * shown as a diff.
 *
 *	struct coach_change change = { .type = COACH_CHANGE_LOAD, .entry = entry, .grams = 62500 };
 *	st = coach_proposal_make(&facts, &change, arena, &draft, err);
 *
 * What is too much is made smaller, and `adjustments` says so; what cannot be made right is
 * refused. The guards: the exercise exists and spares what the profile limits; a load is at
 * most 110 % of what the best e1RM stands for and 10 % (at least one step) above the last one;
 * at most 25 sets a muscle, six training days of seven, 120 minutes a day; minors and pregnant
 * people get no heavier loads.
 *
 * Ownership: the draft lives in the arena. Threads: pure.
 * Errors:    INVALID_ARGUMENT, FAILED_PRECONDITION with a public text that says why.
 */
#ifndef FIT_COACH_PROPOSAL_H
#define FIT_COACH_PROPOSAL_H

#include "libcommon/base/status.h"
#include "services/ai-coaching/coach_facts.h"

typedef Fit__AiCoaching__V1__Proposal coach_proposal;

enum coach_change_type { COACH_CHANGE_SWAP, COACH_CHANGE_LOAD, COACH_CHANGE_DAY };
const char *coach_change_name(enum coach_change_type type); /* swap | load | day */

struct coach_change {
	enum coach_change_type type;
	const coach_entry *entry;       /* of the facts' plan; NULL: a whole day */
	const coach_exercise *exercise; /* swap */
	int64_t grams;                  /* load */
	unsigned day;                   /* day */
	unsigned from_day;              /* a whole day */
	const char *reason;             /* or NULL: a sentence is made */
};

struct coach_draft {
	coach_proposal *proposal; /* without id, status and times */
	coach_plan *after;        /* the plan's exercises as they would be; nothing else set */
	enum coach_change_type type;
};

#define COACH_DAY_MINUTES_MAX 120
#define COACH_MUSCLE_SETS_MAX 25
#define COACH_DAYS_A_WEEK_MAX 6

enum status coach_proposal_make(const struct coach_facts *facts, const struct coach_change *change,
				struct arena *arena, struct coach_draft *ret_draft,
				struct err *err) MUST_CHECK;
/* What a list of entries comes to. */
void coach_proposal_simulate(const struct coach_library *library, coach_entry *const *entries,
			     size_t n, struct arena *arena,
			     Fit__AiCoaching__V1__Simulation *ret_simulation);
/* "3 × 8–12 at 60 kg" */
char *coach_proposal_sets_text(const coach_entry *entry, bool pounds, struct arena *arena);
char *coach_weight_text(int64_t grams, bool pounds, struct arena *arena);

#endif
