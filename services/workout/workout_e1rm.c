/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_e1rm.h"

#include <stddef.h>

double
workout_e1rm_epley(double load, double r)
{
	return load * (1.0 + r / 30.0);
}

double
workout_e1rm_brzycki(double load, double r)
{
	return load * 36.0 / (37.0 - r);
}

double
workout_rpe_share(unsigned reps, double rpe)
{
	double x = (10.0 - rpe) + ((double)reps - 1.0);

	if (x <= 0.0)
		return 1.0;
	if (x >= 16.0)
		return 0.5;
	if (x <= 2.92)
		return (0.347619 * x * x - 4.60714 * x + 99.9667) / 100.0;
	return (-2.64249 * x + 97.0955) / 100.0;
}

/* n/d rounded to nearest, both positive. */
static int64_t
div_round(int64_t n, int64_t d)
{
	return (n + d / 2) / d;
}

struct workout_e1rm
workout_e1rm(int64_t grams, unsigned reps, unsigned rpe_halves)
{
	/* Effective repetitions in halves, so that all of it stays in integers. */
	unsigned reserve = rpe_halves > 0 && rpe_halves < 20 ? 20 - rpe_halves : 0;
	unsigned r2;

	if (grams <= 0 || reps == 0 || reps > 15)
		return (struct workout_e1rm){ 0 };
	r2 = 2 * reps + reserve;
	if (r2 > 30)
		return (struct workout_e1rm){ 0 };
	if (r2 == 2)
		return (struct workout_e1rm){ grams, WORKOUT_CONFIDENCE_HIGH };
	if (r2 <= 20)
		return (struct workout_e1rm){ div_round(grams * (60 + r2), 60),
					      r2 <= 12 ? WORKOUT_CONFIDENCE_HIGH
						       : WORKOUT_CONFIDENCE_MEDIUM };
	return (struct workout_e1rm){ div_round(grams * 72, 74 - r2), WORKOUT_CONFIDENCE_LOW };
}

const char *
workout_confidence_name(enum workout_confidence confidence)
{
	switch (confidence) {
	case WORKOUT_CONFIDENCE_LOW:
		return "low";
	case WORKOUT_CONFIDENCE_MEDIUM:
		return "medium";
	case WORKOUT_CONFIDENCE_HIGH:
		return "high";
	case WORKOUT_CONFIDENCE_NONE:
		break;
	}
	return NULL;
}
