/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_memory.h - what the coach keeps in Redis: the conversation, and recommendations for a
 * while.
 *
 * conversation:{<user uuid>} is a list of packed fit.ai_coaching.v1.Turn, oldest first, at most
 * 100, for 30 days after the last; recommendations:{<user uuid>}:<hash> holds packed
 * Recommendations for 30 minutes. The braces are a cluster hash tag. Redis may be lost at any time:
 * then the coach has no memory, and says the same things.
 *
 * Ownership: results live in scope->arena. Threads: any. Errors: those of redis.h.
 */
#ifndef FIT_COACH_MEMORY_H
#define FIT_COACH_MEMORY_H

#include "fit/ai_coaching/v1/coach.pb-c.h"
#include "services/ai-coaching/coach.h"

#define COACH_TURNS_MAX 100
#define COACH_CONVERSATION_S (30 * 86400)
#define COACH_RECOMMENDATIONS_S 1800

enum status coach_memory_add(struct coach *coach, const struct coach_scope *scope,
			     const Fit__AiCoaching__V1__Turn *turn, struct err *err) MUST_CHECK;
/* The newest `max` turns, oldest first; one that cannot be read is left out. */
enum status coach_memory_turns(struct coach *coach, const struct coach_scope *scope, unsigned max,
			       Fit__AiCoaching__V1__Turn ***ret_turns, size_t *ret_n,
			       struct err *err) MUST_CHECK;
enum status coach_memory_forget(struct coach *coach, const struct coach_scope *scope,
				struct err *err) MUST_CHECK;

/* *ret is NULL when there is none. `hash` is hex. */
enum status coach_memory_recommendations(struct coach *coach, const struct coach_scope *scope,
					 const char *hash,
					 Fit__AiCoaching__V1__Recommendations **ret,
					 struct err *err) MUST_CHECK;
enum status coach_memory_recommend(struct coach *coach, const struct coach_scope *scope,
				   const char *hash,
				   const Fit__AiCoaching__V1__Recommendations *list,
				   struct err *err) MUST_CHECK;

#endif
