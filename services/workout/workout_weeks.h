/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_weeks.h - weeks of training: numbers, names, streaks, sets per muscle.
 *
 * A week runs from Monday to Sunday of the athlete's own calendar and is numbered from the one that
 * holds 1970-01-01 (week 0 starts on 1969-12-29). The store turns instants into local days, so a
 * session at 23:30 on Sunday belongs to the week in which its athlete trained.
 *
 * Threads: pure functions.
 */
#ifndef FIT_WORKOUT_WEEKS_H
#define FIT_WORKOUT_WEEKS_H

#include <stddef.h>
#include <stdint.h>

/* Week of a day counted from 1970-01-01 (day 0, a Thursday); also before it. */
int64_t workout_week_of_day(int64_t day);
/* "2026-11-23": the Monday of a week. Years 1..9999. */
#define WORKOUT_DATE_SIZE 11
void workout_week_start(int64_t week, char buf[WORKOUT_DATE_SIZE]);

struct workout_week_count {
	int64_t week;
	unsigned sessions;
};
struct workout_streak {
	unsigned current, longest;
};
/*
 * `weeks` ascending, each week once; a week counts with at least `needed` sessions. The current
 * streak ends in `this_week`, or in the week before it while this one still has time; later weeks
 * are not looked at.
 */
struct workout_streak workout_streak(const struct workout_week_count *weeks, size_t n,
				     int64_t this_week, unsigned needed);

/* Half sets per muscle: a set counts 2 halves for a muscle trained directly, 1 for one that helps.
 */
#define WORKOUT_MUSCLES_MAX 32
struct workout_muscle_sets {
	size_t n;
	struct {
		const char *muscle; /* borrowed */
		unsigned halves;
	} list[WORKOUT_MUSCLES_MAX];
};
/* Muscles beyond WORKOUT_MUSCLES_MAX different ones are not counted (the vocabulary has 19). */
void workout_muscle_sets_add(struct workout_muscle_sets *muscles, unsigned sets,
			     char *const *direct, size_t ndirect, char *const *indirect,
			     size_t nindirect);
/* Most sets first, then by name. */
void workout_muscle_sets_sort(struct workout_muscle_sets *muscles);

#endif
