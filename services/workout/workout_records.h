/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_records.h - personal records of one exercise, worked out from all its sets.
 *
 *	struct workout_record records[WORKOUT_RECORD_KINDS];
 *	workout_records_compute(lifts, n, records);
 *	if (records[WORKOUT_RECORD_E1RM].is_record) …
 *
 * A kind is the best e1RM (confidence medium or better) or the heaviest weight in a bracket of
 * repetitions (1, 2-3, 4-6, 7-10, 11-15, 16 and more). What holds a kind is its highest value
 * of all time, by the first set that reached it: a tie takes nothing over. It is a record only
 * when it beats a value that an *earlier session* set in the same kind; the first time is
 * none, nor is the third set beating the first of one day.
 *
 * Records are always recomputed from the sets, never appended to: a corrected, removed or late
 * set then gives the same answer as if it had been so from the beginning.
 *
 * Pure functions; any thread. Units: integer grams, RPE in halves, milliseconds since 1970.
 */
#ifndef FIT_WORKOUT_RECORDS_H
#define FIT_WORKOUT_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/uuid.h"

enum workout_record_kind {
	WORKOUT_RECORD_E1RM,
	WORKOUT_RECORD_WEIGHT_1,
	WORKOUT_RECORD_WEIGHT_2_3,
	WORKOUT_RECORD_WEIGHT_4_6,
	WORKOUT_RECORD_WEIGHT_7_10,
	WORKOUT_RECORD_WEIGHT_11_15,
	WORKOUT_RECORD_WEIGHT_16,
};
#define WORKOUT_RECORD_KINDS 7

/* One working set. */
struct workout_lift {
	struct uuid session_id, set_id;
	int64_t started_ms; /* of its session */
	int64_t grams;
	unsigned reps;
	unsigned rpe_halves;
};

struct workout_record {
	bool is_set;      /* some set has a value of this kind */
	bool is_record;   /* and it beat an earlier session */
	int64_t value;    /* grams */
	int64_t previous; /* grams; the best of the sessions before, 0 when none */
	size_t lift;      /* index of the set that holds it */
};

/* Lifts in order of session (start, then id), then of the set in it; sets of one session are
 * adjacent. */
void workout_records_compute(const struct workout_lift *lifts, size_t n,
			     struct workout_record ret_records[WORKOUT_RECORD_KINDS]);

/* "e1rm", "weight_4_6", … */
const char *workout_record_name(enum workout_record_kind kind);
/* The bracket of `reps` > 0. */
enum workout_record_kind workout_record_bracket(unsigned reps);

#endif
