/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_messenger.h - the thread that hands due deliveries to their senders.
 *
 *	messenger = notification_messenger_start(pool, prefs, senders, n, lease_ms, keep_days);
 *	notification_messenger_wake(messenger);                  hint; it looks every second anyway
 *
 * Deliveries are taken under a lease (others pass over them), and none is begun that could
 * outlast it; what is noted of one is fenced by its attempts, so that a process that was held
 * up changes nothing that is another's by now. First what the user wants now is asked: quiet
 * hours that have begun put it off to their end, a channel that is off or a closed account
 * ends it, and so does having read it, for push. A sender that is away is tried again with
 * back-off, at most NOTIFICATION_ATTEMPTS_MAX times. Also sweeps entries older than keep_days.
 *
 * Any number of processes may run one.
 * Threads:   its own.
 * Ownership: borrows all but the senders, which it closes.
 */
#ifndef FIT_NOTIFICATION_MESSENGER_H
#define FIT_NOTIFICATION_MESSENGER_H

#include <stddef.h>
#include <stdint.h>

#define NOTIFICATION_ATTEMPTS_MAX 10
#define NOTIFICATION_SENDERS_MAX 4

struct notification_messenger;
struct notification_prefs;
struct notification_sender;
struct pg_pool;

struct notification_messenger *notification_messenger_start(
	struct pg_pool *pool, struct notification_prefs *prefs,
	struct notification_sender *const *senders, size_t n, int64_t lease_ms, int64_t keep_days);
/* Ends after the delivery in hand; the others go back. */
void notification_messenger_stop(struct notification_messenger *messenger);
/* NULL: none runs in this process. */
void notification_messenger_wake(struct notification_messenger *messenger);

#endif
