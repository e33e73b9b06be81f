/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_provider.h - who words an answer: a chain of providers, of which the built-in coach is the
 * last and cannot fail.
 *
 * A provider gets what was read and the facts; it has no authority: proposals are made and checked
 * by coach_proposal, and with a safety finding of level refuse and above only the built-in coach is
 * asked.
 *
 * Ownership: the answer lives in request->arena; what the request points to is borrowed.
 * Threads:   any; a provider may block, until request->deadline at the longest.
 */
#ifndef FIT_COACH_PROVIDER_H
#define FIT_COACH_PROVIDER_H

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "services/ai-coaching/coach_answer.h"

struct coach_request {
	const struct coach_reading *reading;
	const struct coach_facts *facts;
	enum coach_personality personality;
	struct deadline deadline;
	struct arena *arena;
};

struct coach_provider {
	const char *name;  /* "builtin" */
	const char *model; /* "rules-1" */
	/* UNAVAILABLE: the next one is asked. */
	enum status (*answer)(const struct coach_request *request, struct coach_answer *ret_answer,
			      struct err *err);
};

/* In the order of asking; ends with NULL. */
extern const struct coach_provider *const coach_providers[];

/* Never fails; says who answered. */
const struct coach_provider *coach_provider_answer(const struct coach_request *request,
						   struct coach_answer *ret_answer);

#endif
