/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_store.h - inboxes and deliveries in PostgreSQL, schema notification.
 *
 *	st = notification_store_lock(tx, &user, err);            first in every change of an inbox
 *	st = notification_store_add(tx, &draft, &wants, &added, err);
 *
 * Entries of an inbox are numbered in the order of commits, since the inbox's row is locked
 * before a number is given: who has seen 7 has seen all up to 7. That makes the number a
 * cursor.
 *
 * Every statement names the owner. Ownership: results live in the arena. Threads: any worker.
 * Errors:    those of pg.h; NOT_FOUND: no such notification of this user.
 */
#ifndef FIT_NOTIFICATION_STORE_H
#define FIT_NOTIFICATION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fit/notification/v1/notification.pb-c.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct arena;
struct notification_draft;
struct notification_wants;
struct pg_pool;
struct pg_tx;

/* Where an inbox stands; all zero for a user who has none yet. */
struct notification_state {
	int64_t last_sequence, unread, rev;
};

/* ---- for the consumer, inside its transaction ---- */

enum status notification_store_lock(struct pg_tx *tx, const struct uuid *user,
				    struct err *err) MUST_CHECK;
/*
 * Notes that the user trained in the week that holds `completed_ms`, in the zone's calendar.
 * *ret_weeks: how many weeks in a row end with it when it is new and the latest one, else 0.
 */
enum status notification_store_week(struct pg_tx *tx, const struct uuid *user, int64_t completed_ms,
				    const char *zone, int64_t *ret_weeks,
				    struct err *err) MUST_CHECK;
/*
 * A finished draft becomes an entry with its deliveries, due when quiet hours allow. *ret_added
 * false: event and kind are there already. The inbox is locked.
 */
enum status notification_store_add(struct pg_tx *tx, const struct notification_draft *draft,
				   const struct notification_wants *wants, bool *ret_added,
				   struct err *err) MUST_CHECK;

/* Open streams of this sign-in end. Once or again: the same. */
enum status notification_store_end_session(struct pg_tx *tx, const struct uuid *user,
					   const struct uuid *session, struct err *err) MUST_CHECK;

/* ---- for clients ---- */

/* Newest first, below `before` (0: from the newest), at most `limit`. */
enum status notification_store_list(struct pg_pool *pool, struct deadline deadline,
				    const struct uuid *owner, bool unread_only, int64_t before,
				    unsigned limit, struct arena *arena,
				    Fit__Notification__V1__Notification ***ret_list, size_t *ret_n,
				    struct err *err) MUST_CHECK;
enum status notification_store_state(struct pg_pool *pool, struct deadline deadline,
				     const struct uuid *owner, struct arena *arena,
				     struct notification_state *ret_state,
				     struct err *err) MUST_CHECK;
/* *ret_changed: it was unread. */
enum status notification_store_read(struct pg_pool *pool, struct deadline deadline,
				    const struct uuid *owner, const struct uuid *id,
				    struct arena *arena,
				    Fit__Notification__V1__Notification **ret_notification,
				    bool *ret_changed, struct err *err) MUST_CHECK;
/* up_to 0: all. */
enum status notification_store_read_all(struct pg_pool *pool, struct deadline deadline,
					const struct uuid *owner, int64_t up_to,
					struct arena *arena, int64_t *ret_marked,
					int64_t *ret_unread, struct err *err) MUST_CHECK;

/* ---- for streams: many users in one statement ---- */

struct notification_reader {
	struct uuid user, session;
};
/* Of readers[i]: ret_states[i] is where the inbox stands, ret_ended[i] that the session has ended.
 */
enum status notification_store_states(struct pg_pool *pool, struct deadline deadline,
				      const struct notification_reader *readers, size_t n,
				      struct arena *arena, struct notification_state *ret_states,
				      bool *ret_ended, struct err *err) MUST_CHECK;

struct notification_cursor {
	struct uuid user;
	int64_t after;
};
struct notification_found {
	size_t cursor; /* index into the cursors */
	int64_t sequence;
	Fit__Notification__V1__Notification *notification;
};
/* Per cursor the next NOTIFICATION_STORE_STEP entries after it, in order. */
#define NOTIFICATION_STORE_STEP 50
enum status notification_store_after(struct pg_pool *pool, struct deadline deadline,
				     const struct notification_cursor *cursors, size_t n,
				     struct arena *arena, struct notification_found **ret_found,
				     size_t *ret_n, struct err *err) MUST_CHECK;

/* ---- for messengers ---- */

struct notification_delivery {
	struct uuid notification, user, event;
	const char *channel, *kind, *importance, *title, *body, *group;
	char **parameters;  /* name, value … */
	size_t nparameters; /* both counted */
	int64_t time_ms;
	int64_t attempts; /* this one counted; the fence of what is noted of it */
	bool read;        /* the user has seen it in the inbox */
};
/* Takes up to `limit` due deliveries for `lease_ms`; others pass over them meanwhile. */
enum status notification_store_take(struct pg_pool *pool, struct deadline deadline, unsigned limit,
				    int64_t lease_ms, struct arena *arena,
				    struct notification_delivery **ret_list, size_t *ret_n,
				    struct err *err) MUST_CHECK;
/* What was not begun: due again, and the attempt was none. */
enum status notification_store_give_back(struct pg_pool *pool, struct deadline deadline,
					 const struct notification_delivery *list, size_t n,
					 struct arena *arena, struct err *err) MUST_CHECK;
/* *ret_mine false: the lease ran out and another took it; nothing changed. */
enum notification_outcome { NOTIFICATION_SENT, NOTIFICATION_SKIPPED, NOTIFICATION_FAILED };
enum status notification_store_done(struct pg_pool *pool, struct deadline deadline,
				    const struct notification_delivery *delivery,
				    enum notification_outcome outcome, const char *error,
				    struct arena *arena, bool *ret_mine,
				    struct err *err) MUST_CHECK;
/* Due again after `delay_ms`, unless it is another's by now. */
enum status notification_store_again(struct pg_pool *pool, struct deadline deadline,
				     const struct notification_delivery *delivery, int64_t delay_ms,
				     const char *error, struct arena *arena,
				     struct err *err) MUST_CHECK;
/*
 * Quiet hours begun since it was planned: due when they end. *ret_quiet false: they are not on,
 * nothing changed.
 */
enum status notification_store_postpone(struct pg_pool *pool, struct deadline deadline,
					const struct notification_delivery *delivery,
					const struct notification_wants *wants, struct arena *arena,
					bool *ret_quiet, struct err *err) MUST_CHECK;

/*
 * Takes away up to `limit` entries older than keep_days, of any users, oldest first, with a sync
 * row each: phones learn of it. *ret_n of them; none while another process does this.
 */
enum status notification_store_sweep(struct pg_pool *pool, struct deadline deadline,
				     int64_t keep_days, unsigned limit, struct arena *arena,
				     size_t *ret_n, struct err *err) MUST_CHECK;

#endif
