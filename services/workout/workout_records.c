/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_records.h"

#include <string.h>

#include "services/workout/workout_e1rm.h"

static const char *const kind_names[WORKOUT_RECORD_KINDS] = {
	[WORKOUT_RECORD_E1RM] = "e1rm",
	[WORKOUT_RECORD_WEIGHT_1] = "weight_1",
	[WORKOUT_RECORD_WEIGHT_2_3] = "weight_2_3",
	[WORKOUT_RECORD_WEIGHT_4_6] = "weight_4_6",
	[WORKOUT_RECORD_WEIGHT_7_10] = "weight_7_10",
	[WORKOUT_RECORD_WEIGHT_11_15] = "weight_11_15",
	[WORKOUT_RECORD_WEIGHT_16] = "weight_16",
};

const char *
workout_record_name(enum workout_record_kind kind)
{
	return kind_names[kind];
}

enum workout_record_kind
workout_record_bracket(unsigned reps)
{
	if (reps <= 1)
		return WORKOUT_RECORD_WEIGHT_1;
	if (reps <= 3)
		return WORKOUT_RECORD_WEIGHT_2_3;
	if (reps <= 6)
		return WORKOUT_RECORD_WEIGHT_4_6;
	if (reps <= 10)
		return WORKOUT_RECORD_WEIGHT_7_10;
	if (reps <= 15)
		return WORKOUT_RECORD_WEIGHT_11_15;
	return WORKOUT_RECORD_WEIGHT_16;
}

/* `before` is the best of the sessions before this lift's, 0 when none. */
static void
consider(struct workout_record *record, int64_t value, int64_t before, size_t lift)
{
	if (value <= 0 || value <= record->value)
		return;
	*record = (struct workout_record){
		.is_set = true,
		.is_record = before > 0,
		.value = value,
		.previous = before,
		.lift = lift,
	};
}

void
workout_records_compute(const struct workout_lift *lifts, size_t n,
			struct workout_record ret_records[WORKOUT_RECORD_KINDS])
{
	int64_t before[WORKOUT_RECORD_KINDS] = { 0 };

	memset(ret_records, 0, sizeof(*ret_records) * WORKOUT_RECORD_KINDS);
	for (size_t i = 0; i < n; i++) {
		const struct workout_lift *lift = &lifts[i];
		enum workout_record_kind bracket;
		struct workout_e1rm e1rm;

		if (i > 0 && !uuid_eq(&lift->session_id, &lifts[i - 1].session_id))
			for (int k = 0; k < WORKOUT_RECORD_KINDS; k++)
				before[k] = ret_records[k].value;
		if (lift->reps == 0)
			continue;
		bracket = workout_record_bracket(lift->reps);
		consider(&ret_records[bracket], lift->grams, before[bracket], i);
		e1rm = workout_e1rm(lift->grams, lift->reps, lift->rpe_halves);
		if (e1rm.confidence >= WORKOUT_CONFIDENCE_MEDIUM)
			consider(&ret_records[WORKOUT_RECORD_E1RM], e1rm.grams,
				 before[WORKOUT_RECORD_E1RM], i);
	}
}
