/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_events.h - the events of topic fit.ai_coaching.v1, put into the outbox of a transaction.
 *
 * Ownership: `member` is borrowed for the call. Threads: the worker of the transaction.
 * Errors:    those of pg_tx_outbox.
 */
#ifndef FIT_COACH_EVENTS_H
#define FIT_COACH_EVENTS_H

#include "fit/ai_coaching/v1/event.pb-c.h"
#include "libcommon/store/pg.h"

/* `member` is the message of the oneof's member. */
enum status coach_events_emit(struct pg_tx *tx, const struct uuid *user,
			      Fit__AiCoaching__V1__Event__TypeCase type,
			      const ProtobufCMessage *member, const char *traceparent,
			      struct err *err) MUST_CHECK;

#endif
