/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_progress_store.h - reads for progress: weeks in a time zone, one exercise's sets,
 * records.
 *
 * The numbers are worked out by the rules (workout_weeks, workout_records, workout_e1rm); here are
 * the rows.
 *
 * Ownership: results live in scope->arena. Threads: any. Errors: those of pg.h.
 */
#ifndef FIT_WORKOUT_PROGRESS_STORE_H
#define FIT_WORKOUT_PROGRESS_STORE_H

#include "fit/workout/v1/progress.pb-c.h"
#include "services/workout/workout.h"
#include "services/workout/workout_page.h"
#include "services/workout/workout_records.h"

/* The week of an instant in a zone's calendar; INVALID_ARGUMENT at "timeZone" when there is no such
 * zone. */
enum status workout_progress_week(struct workout *w, const struct workout_scope *scope,
				  int64_t at_ms, const char *time_zone, int64_t *ret_week,
				  struct err *err) MUST_CHECK;

struct workout_week_sessions {
	int64_t week;
	unsigned sessions; /* completed */
	int64_t duration_s;
};
/* All weeks with completed sessions, oldest first. */
enum status workout_progress_sessions(struct workout *w, const struct workout_scope *scope,
				      const char *time_zone,
				      struct workout_week_sessions **ret_list, size_t *ret_n,
				      struct err *err) MUST_CHECK;

struct workout_week_sets {
	int64_t week;
	struct uuid exercise_id;
	unsigned sets, reps; /* working sets */
	int64_t load_g;
};
/* Per week and exercise, for weeks first..last. */
enum status workout_progress_sets(struct workout *w, const struct workout_scope *scope,
				  const char *time_zone, int64_t first, int64_t last,
				  struct workout_week_sets **ret_list, size_t *ret_n,
				  struct err *err) MUST_CHECK;
/* Working sets of one exercise, ordered by session as workout_records_compute wants them. */
enum status workout_progress_lifts(struct workout *w, const struct workout_scope *scope,
				   const struct uuid *exercise, struct workout_lift **ret_list,
				   size_t *ret_n, struct err *err) MUST_CHECK;
/* `exercise` NULL: all. */
enum status workout_progress_records(struct workout *w, const struct workout_scope *scope,
				     const struct uuid *exercise, const struct workout_page *page,
				     Fit__Workout__V1__PersonalRecord ***ret_list, size_t *ret_n,
				     char **ret_next, struct err *err) MUST_CHECK;

#endif
