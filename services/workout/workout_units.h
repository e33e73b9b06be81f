/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_units.h - weights are kilograms at the edges and integer grams inside; RPE is
 * counted in halves.
 *
 *	if (!workout_grams(102.5, &grams)) …        a fraction of a gram: refuse
 *	kg = workout_kg(102500);                    102.5, the double nearest to it
 *
 * Sums of reps x grams are exact in int64: 1000 reps x 1 000 000 g x 5000 sets is 5e12.
 *
 * Pure functions; any thread. Limits: 0..1000 kg; RPE 1..10.
 */
#ifndef FIT_WORKOUT_UNITS_H
#define FIT_WORKOUT_UNITS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define WORKOUT_GRAMS_MAX 1000000

/* False when kg is negative, above 1000, not a number, or not a whole number of grams. */
static inline bool
workout_grams(double kg, int64_t *ret_grams)
{
	double g = kg * 1000.0;
	double whole = nearbyint(g);

	if (!(kg >= 0.0 && kg <= 1000.0) || fabs(g - whole) > 1e-6)
		return false;
	*ret_grams = (int64_t)whole;
	return true;
}

static inline double
workout_kg(int64_t grams)
{
	return (double)grams / 1000.0;
}

/* 0 means "not given"; false when rpe is outside 1..10 or not a half step. */
static inline bool
workout_rpe_halves(double rpe, unsigned *ret_halves)
{
	double h = rpe * 2.0;

	if (rpe == 0.0) {
		*ret_halves = 0;
		return true;
	}
	if (!(rpe >= 1.0 && rpe <= 10.0) || h != nearbyint(h))
		return false;
	*ret_halves = (unsigned)h;
	return true;
}

#endif
