/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_e1rm.h - estimated one-repetition maximum (e1RM).
 *
 *	struct workout_e1rm e = workout_e1rm(100000, 5, 16);      100 kg x 5 at RPE 8
 *	e.grams == 123333, e.confidence == WORKOUT_CONFIDENCE_MEDIUM
 *
 * The estimate: repetitions in reserve (RIR = 10 - RPE; Zourdos 2016) are added to the
 * repetitions done. With up to 10 such effective repetitions it is Epley's (1985) w (1 +
 * r/30), with 11 to 15 Brzycki's (1993) w 36/(37 - r): both give the same at 10, so the curve
 * has no step there. One repetition with nothing in reserve is the load itself. Beyond 15 no
 * formula is worth its name. Confidence: high up to 6 effective repetitions, medium up to 10,
 * low up to 15.
 *
 * Pure functions; any thread. Units: integer grams; RPE in halves.
 */
#ifndef FIT_WORKOUT_E1RM_H
#define FIT_WORKOUT_E1RM_H

#include <stdint.h>

enum workout_confidence {
	WORKOUT_CONFIDENCE_NONE, /* no estimate */
	WORKOUT_CONFIDENCE_LOW,
	WORKOUT_CONFIDENCE_MEDIUM,
	WORKOUT_CONFIDENCE_HIGH,
};

struct workout_e1rm {
	int64_t grams; /* 0 when confidence is NONE */
	enum workout_confidence confidence;
};

/* rpe_halves 0: not given, taken as a set to failure. */
struct workout_e1rm workout_e1rm(int64_t grams, unsigned reps, unsigned rpe_halves);
/* "high", "medium", "low", or NULL for NONE. */
const char *workout_confidence_name(enum workout_confidence confidence);

/* The formulas by themselves; r > 0. Brzycki: r < 37. */
double workout_e1rm_epley(double load, double r);
double workout_e1rm_brzycki(double load, double r);
/* Share of the one-repetition maximum that `reps` at `rpe` stand for (OpenPowerlifting's RPE
 * calculator curve). */
double workout_rpe_share(unsigned reps, double rpe);

#endif
