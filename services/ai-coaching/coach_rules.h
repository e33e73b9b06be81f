/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_rules.h - the rules of training that answers are made from: pure functions over numbers.
 *
 * Sources: double progression and linear progression as commonly coached; RPE = 10 - RIR (Zourdos
 * 2016); load changes between sets by RPE (PMC11057620, table 1); fractional sets (Pelland 2024);
 * weekly ranges as in the Liftosaur guide; deload (Bell 2023); Theil-Sen slope (Sen 1968). Weights
 * are integer grams.
 *
 * Pure functions; any thread. Errors: none.
 */
#ifndef FIT_COACH_RULES_H
#define FIT_COACH_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- one exercise: what next ---- */

struct coach_set {
	int64_t grams;
	unsigned reps;
	unsigned rpe_halves; /* 0: not given */
};
/* The working sets of one session, in order. */
struct coach_performance {
	const struct coach_set *sets;
	size_t n;
};
struct coach_target {
	unsigned sets, reps_min, reps_max;
	int64_t grams; /* planned; 0: not said */
	int64_t step;  /* smallest useful change of load; 0: bodyweight, only repetitions grow */
};
enum coach_step {
	COACH_STEP_START,    /* never done: as planned */
	COACH_STEP_ADD_LOAD, /* every set reached the top of the range: load + step, bottom of the
				range */
	COACH_STEP_ADD_REPS, /* inside of the range: one repetition more */
	COACH_STEP_HOLD_EFFORT, /* top reached, but at RPE 9 and more: once again */
	COACH_STEP_HOLD_MISSED, /* below the range: the same again */
	COACH_STEP_BACK_5,      /* missed by two or more, twice: 5 % off */
	COACH_STEP_BACK_10,     /* three times: 10 % off */
};
struct coach_advice {
	enum coach_step step;
	int64_t grams;
	unsigned reps_min, reps_max;
};
/* `history`: newest first. Double progression. */
struct coach_advice coach_progress_next(const struct coach_target *target,
					const struct coach_performance *history, size_t n);
/* The step of a load: by what it is moved with and which half of the body moves it. */
int64_t coach_load_step(bool barbell, bool machine, bool dumbbell, bool lower_body);
/* Rounded to a multiple of the step, to the nearest; step 0: as it is. */
int64_t coach_round(int64_t grams, int64_t step);

/*
 * Change for the next set when a set was reported at another RPE than meant (halves): 2.5 kg a
 * point, at most 5 kg and at most 7.5 % of the load, in multiples of the step toward zero.
 */
int64_t coach_rpe_change(unsigned target_halves, unsigned reported_halves, int64_t grams,
			 int64_t step);

/* As the workout service estimates it: Epley up to 10 repetitions in all, Brzycki up to 15; 0:
 * cannot be told. */
int64_t coach_e1rm(int64_t grams, unsigned reps, unsigned rpe_halves);
/* Load for `reps` with `rir` in reserve at an e1RM, by the same formulas. */
int64_t coach_load_for(int64_t e1rm, unsigned reps, unsigned rir);

/* ---- weekly sets ---- */

struct coach_range {
	unsigned min, max;
};
/* Fractional sets a week that fit; false for muscles without a range. level: beginner |
 * intermediate | advanced. */
bool coach_weekly_range(const char *muscle, const char *level, struct coach_range *ret_range);
enum coach_volume { COACH_VOLUME_LOW, COACH_VOLUME_IN, COACH_VOLUME_HIGH, COACH_VOLUME_TOO_MUCH };
#define COACH_SETS_JUNK 22
enum coach_volume coach_weekly_verdict(double sets, struct coach_range range);

/* ---- plateau ---- */

struct coach_point {
	int week;    /* any count of weeks */
	double e1rm; /* best of the week, kg */
};
enum coach_trend {
	COACH_TREND_UNKNOWN,
	COACH_TREND_RISING,
	COACH_TREND_PLATEAU,
	COACH_TREND_FALLING
};
struct coach_plateau {
	enum coach_trend trend;
	double slope;  /* % of the window's median a week, of the newest window */
	size_t points; /* in the newest window */
};
/*
 * Theil-Sen slope over 6 weeks, at least 4 points. Plateau: below 0.25 %/week (beginners 0.5) in
 * windows ending in this and the two weeks before, and adherence of 75 % or more. Falling: below
 * -0.5 % in this and the week before. `points` in order of weeks.
 */
struct coach_plateau coach_plateau(const struct coach_point *points, size_t n, int week,
				   bool beginner, double adherence);
/* %/week of the median; false: fewer than two weeks. */
bool coach_theil_sen(const struct coach_point *points, size_t n, double *ret_slope);

/* ---- deload ---- */

struct coach_fatigue {
	bool missed_reps;   /* fewer repetitions at the same load in two or more exercises */
	bool effort_drift;  /* RPE up by a point or more at equal load over two weeks */
	bool strength_drop; /* an e1RM down by 3 % or more */
	bool low_energy;    /* energy of 4 and less in the feedback of the last three sessions */
	bool long_block;    /* six weeks or more without an easy one */
};
unsigned coach_fatigue_score(const struct coach_fatigue *f);
#define COACH_DELOAD_AT 3
/* Weeks in a row, up to the last one, that were no easy week: less than 60 % of the median volume
 * is easy. */
unsigned coach_weeks_since_easy(const double *weekly_volume, size_t n);

#endif
