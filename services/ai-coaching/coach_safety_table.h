/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_safety_table.h - the rows of coach_safety.h in parts, a file each by subject.
 *
 * Of the rows with one topic the more serious stands higher; of findings that are equally serious
 * the part that comes first here is told first.
 *
 * Constant tables and pure functions; any thread.
 */
#ifndef FIT_COACH_SAFETY_TABLE_H
#define FIT_COACH_SAFETY_TABLE_H

#include "services/ai-coaching/coach_safety.h"

struct coach_safety_part {
	const struct coach_safety_row *rows;
	size_t n;
};
extern const struct coach_safety_part coach_safety_body, coach_safety_mind, coach_safety_person,
	coach_safety_choices;

/* Rules of rows, in coach_safety_rules.c. */
bool coach_safety_low_calories(const struct coach_lexicon *lex, const struct coach_words *words);
bool coach_safety_fast_loss(const struct coach_lexicon *lex, const struct coach_words *words);
bool coach_safety_child(const struct coach_lexicon *lex, const struct coach_words *words);
bool coach_safety_teenager(const struct coach_lexicon *lex, const struct coach_words *words);
bool coach_safety_older(const struct coach_lexicon *lex, const struct coach_words *words);
bool coach_safety_low_bmi(const struct coach_lexicon *lex, const struct coach_words *words);
bool coach_safety_much_pain(const struct coach_lexicon *lex, const struct coach_words *words);

#endif
