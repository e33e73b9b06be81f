/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_draft.h - from an event to what is to be said about it.
 *
 *	st = notification_draft_read(message, arena, &draft, &has, err);
 *	if (has && notification_draft_wanted(&draft, &wants))
 *		notification_draft_finish(&draft, &wants, arena);
 *
 * Most events say nothing to their user: *ret_has is false, at the cost of a look at the
 * type's name. The end of a sign-in may be a draft of no kind, which only ends streams. A
 * completed session is a draft of the kind streak, which only its week decides (see
 * notification_inbox.h).
 *
 * Ownership: a draft lives in the arena. Threads: pure functions.
 * Errors:    INVALID_ARGUMENT: not an event of its topic; it will never be one.
 */
#ifndef FIT_NOTIFICATION_DRAFT_H
#define FIT_NOTIFICATION_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"
#include "services/notification/notification_kinds.h"

struct arena;
struct bus_message;
struct notification_wants;

struct notification_draft {
	enum notification_id id;
	struct uuid event, user;
	int64_t time_ms;
	struct notification_params params;
	const char *group;
	const char *collapse; /* of deliveries with the same one goes out; NULL: each */
	/* What becomes a parameter once the user's units are known; value 0: none. */
	int64_t grams, previous_grams;
	int64_t completed_ms; /* streak: when the session was completed */
	/* The event ended a sign-in: its open streams end. Beside an entry, or instead of one. */
	bool ends_session;
	struct uuid session;
	/* After notification_draft_finish: */
	const char *title, *body;
	unsigned channels;
};

enum status notification_draft_read(const struct bus_message *message, struct arena *arena,
				    struct notification_draft *ret_draft, bool *ret_has,
				    struct err *err) MUST_CHECK;
/* The account is active and the kind is not muted. */
bool notification_draft_wanted(const struct notification_draft *draft,
			       const struct notification_wants *wants);
/* Channels beside the inbox that are to carry it now. */
unsigned notification_channels(const struct notification_kind *kind,
			       const struct notification_wants *wants, int64_t time_ms);
/* Renders the texts and picks the channels. */
void notification_draft_finish(struct notification_draft *draft,
			       const struct notification_wants *wants, struct arena *arena);

#endif
