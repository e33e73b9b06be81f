/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_recommend.h - exercises for the muscles that get too few sets. Pure.
 *
 * The muscle that has the smallest share of its range comes first; each exercise comes once.
 *
 * Ownership: the list lives in the arena; its exercises are the library's, so it is good for as
 *            long as the facts' library is held. Threads: any.
 */
#ifndef FIT_COACH_RECOMMEND_H
#define FIT_COACH_RECOMMEND_H

#include "services/ai-coaching/coach_facts.h"

/* Without created_at; exercises are borrowed from the library. */
Fit__AiCoaching__V1__Recommendations *coach_recommend(const struct coach_facts *facts, size_t max,
						      struct arena *arena);

#endif
