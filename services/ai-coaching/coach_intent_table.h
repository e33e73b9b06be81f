/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_intent_table.h - the table of intents, for coach_brain.c alone.
 *
 * Constant tables; read by all.
 */
#ifndef FIT_COACH_INTENT_TABLE_H
#define FIT_COACH_INTENT_TABLE_H

#include "services/ai-coaching/coach_brain.h"

#define COACH_INTENT_PATTERNS_MAX 40

struct coach_intent_row {
	enum coach_intent intent;
	const char *name;
	unsigned needs;
	int bonus; /* weighs its phrases against those of other rows */
	const char *patterns[COACH_INTENT_PATTERNS_MAX];
};
extern const struct coach_intent_row coach_intent_rows[];
extern const size_t coach_intent_nrows;

/* Words that are right as they are, though they look like others of ours. */
extern const char *const coach_common_words[];

#endif
