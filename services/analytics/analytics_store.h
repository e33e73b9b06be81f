/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_store.h - the table `events`: what goes in, and every figure that comes out.
 *
 * Figures are exact after any replay, merged or not: they count ids (uniqExact), users, or group by
 * id. Days are local days of a time zone, counted from 1970-01-01; ranges include both ends. The
 * time zone must be known (analytics_store_range says so).
 *
 * Ownership: replies live in the arena. Threads: any. Errors: as clickhouse.h; a server without the
 * table is FAILED_PRECONDITION.
 */
#ifndef FIT_ANALYTICS_STORE_H
#define FIT_ANALYTICS_STORE_H

#include "libcommon/base/clock.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"
#include "libcommon/base/uuid.h"

struct arena;
struct clickhouse;

/* What every read has. */
struct analytics_scope {
	struct clickhouse *ch;
	struct deadline deadline;
	struct arena *arena;
	const char *zone;
	int64_t first_day, last_day;
};

/* Local days of two instants; fills first_day and last_day. INVALID_ARGUMENT for an unknown zone.
 */
enum status analytics_store_range(struct analytics_scope *scope, int64_t from_ms, int64_t to_ms,
				  struct err *err) MUST_CHECK;

/* Rows as analytics_event_row makes them. */
enum status analytics_store_insert(struct clickhouse *ch, struct deadline deadline,
				   struct slice rows, struct err *err) MUST_CHECK;

/* ---- one user ---- */

/* A day with completed sessions, ascending. */
struct analytics_training {
	int64_t day;
	uint64_t sessions, duration_ms, sets, reps;
	int64_t load_g;
};
enum status analytics_store_training(const struct analytics_scope *scope, const struct uuid *user,
				     struct analytics_training **ret_days, size_t *ret_n,
				     struct err *err) MUST_CHECK;

/* A day with any event of the user, ascending. */
struct analytics_activity {
	int64_t day;
	bool active; /* did something, not only had something done */
	uint64_t records;
};
enum status analytics_store_activity(const struct analytics_scope *scope, const struct uuid *user,
				     struct analytics_activity **ret_days, size_t *ret_n,
				     struct err *err) MUST_CHECK;

struct analytics_use {
	const char *kind, *name; /* screen_viewed | feature_used | time_spent */
	uint64_t uses, users, duration_ms;
};
/* user NULL: of all. Most users, then most uses first. */
enum status analytics_store_uses(const struct analytics_scope *scope, const struct uuid *user,
				 unsigned limit, struct analytics_use **ret_uses, size_t *ret_n,
				 struct err *err) MUST_CHECK;

/* ---- the business ---- */

struct analytics_day {
	int64_t day;
	uint64_t active_users, new_users, sessions, events;
};
enum status analytics_store_days(const struct analytics_scope *scope,
				 struct analytics_day **ret_days, size_t *ret_n,
				 struct err *err) MUST_CHECK;

/* Users active on the last day, in the 7 and in the 30 days up to it. */
enum status analytics_store_active(const struct analytics_scope *scope, uint64_t ret_users[3],
				   struct err *err) MUST_CHECK;

/* Users who signed up in the week of `cohort_day` (its Monday) and were active `offset` weeks
 * later; offset -1: all who signed up. Ascending. */
struct analytics_retained {
	int64_t cohort_day;
	int64_t offset;
	uint64_t users;
};
enum status analytics_store_retention(const struct analytics_scope *scope,
				      struct analytics_retained **ret_rows, size_t *ret_n,
				      struct err *err) MUST_CHECK;

/* Signed up, then made a plan, then completed a session. */
enum status analytics_store_funnel(const struct analytics_scope *scope, uint64_t ret_users[3],
				   struct err *err) MUST_CHECK;

#endif
