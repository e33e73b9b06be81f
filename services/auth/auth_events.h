/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_events.h - writes the events of topic fit.auth.v1 into a transaction's outbox.
 *
 * Ownership: nothing is kept. Threads: the transaction's. Errors: those of pg_tx_outbox.
 */
#ifndef FIT_AUTH_EVENTS_H
#define FIT_AUTH_EVENTS_H

#include <stdbool.h>

#include "libcommon/base/status.h"
#include "services/auth/auth_store.h"

struct pg_tx;

enum status auth_event_signed_in(struct pg_tx *tx, const struct auth_session *session, bool first,
				 bool known_device, const char *traceparent,
				 struct err *err) MUST_CHECK;
enum status auth_event_ended(struct pg_tx *tx, const struct uuid *user, const struct uuid *session,
			     enum auth_end why, const char *traceparent,
			     struct err *err) MUST_CHECK;
enum status auth_event_all_ended(struct pg_tx *tx, const struct uuid *user, size_t sessions,
				 const char *traceparent, struct err *err) MUST_CHECK;

#endif
