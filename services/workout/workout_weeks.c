/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_weeks.h"

#include <stdlib.h>
#include <string.h>

#include "libcommon/base/clock.h"

int64_t
workout_week_of_day(int64_t day)
{
	int64_t from_monday = day + 3;

	return from_monday >= 0 ? from_monday / 7 : -((-from_monday + 6) / 7);
}

void
workout_week_start(int64_t week, char buf[WORKOUT_DATE_SIZE])
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339((week * 7 - 3) * 86400000, text);
	memcpy(buf, text, WORKOUT_DATE_SIZE - 1);
	buf[WORKOUT_DATE_SIZE - 1] = '\0';
}

struct workout_streak
workout_streak(const struct workout_week_count *weeks, size_t n, int64_t this_week, unsigned needed)
{
	struct workout_streak streak = { 0, 0 };
	unsigned run = 0;
	int64_t last = INT64_MIN; /* the newest week that counts */

	for (size_t i = 0; i < n && weeks[i].week <= this_week; i++) {
		if (weeks[i].sessions < needed)
			continue;
		run = run > 0 && weeks[i].week == last + 1 ? run + 1 : 1;
		last = weeks[i].week;
		if (run > streak.longest)
			streak.longest = run;
	}
	if (run > 0 && last >= this_week - 1)
		streak.current = run;
	return streak;
}

static void
add_halves(struct workout_muscle_sets *muscles, const char *muscle, unsigned halves)
{
	size_t i;

	for (i = 0; i < muscles->n; i++)
		if (strcmp(muscles->list[i].muscle, muscle) == 0)
			break;
	if (i == muscles->n) {
		if (i == WORKOUT_MUSCLES_MAX)
			return;
		muscles->list[i].muscle = muscle;
		muscles->list[i].halves = 0;
		muscles->n++;
	}
	muscles->list[i].halves += halves;
}

void
workout_muscle_sets_add(struct workout_muscle_sets *muscles, unsigned sets, char *const *direct,
			size_t ndirect, char *const *indirect, size_t nindirect)
{
	for (size_t i = 0; i < ndirect; i++)
		add_halves(muscles, direct[i], 2 * sets);
	for (size_t i = 0; i < nindirect; i++)
		add_halves(muscles, indirect[i], sets);
}

static int
by_sets(const void *a, const void *b)
{
	const __typeof__(((struct workout_muscle_sets *)0)->list[0]) *x = a, *y = b;

	if (x->halves != y->halves)
		return x->halves < y->halves ? 1 : -1;
	return strcmp(x->muscle, y->muscle);
}

void
workout_muscle_sets_sort(struct workout_muscle_sets *muscles)
{
	qsort(muscles->list, muscles->n, sizeof(muscles->list[0]), by_sets);
}
