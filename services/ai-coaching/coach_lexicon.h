/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_lexicon.h - the words that the coach knows, and the nearest one to a word that it does not.
 *
 *	coach_lexicon_add_all(lex, "squat squats bench", 0);
 *	id = coach_lexicon_nearest(lex, "sqaut", 5);
 *
 * A known word is never corrected. One of 4 to 7 letters may be one edit away, a longer one
 * two; the first letters must be the same or swapped. Words of the safety table win a tie.
 *
 * Ownership: words are borrowed where they are literals, else copied; see the functions.
 * Threads:   read by all once it is built.
 */
#ifndef FIT_COACH_LEXICON_H
#define FIT_COACH_LEXICON_H

#include <stdbool.h>
#include <stddef.h>

#include "services/ai-coaching/coach_text.h"

struct coach_lexicon;

#define COACH_WORD_SAFETY 1u /* wins a tie */
#define COACH_WORD_COMMON 2u /* known, but nothing is corrected to it */

struct coach_lexicon *coach_lexicon_new(void);
void coach_lexicon_free(struct coach_lexicon *lex);
/* One word; returns its id. Copied. */
int coach_lexicon_add(struct coach_lexicon *lex, const char *word, size_t n, unsigned flags);
/* All words of a text parted by spaces. */
void coach_lexicon_add_all(struct coach_lexicon *lex, const char *words, unsigned flags);
int coach_lexicon_find(const struct coach_lexicon *lex, const char *word, size_t n);
/* -1 when none is near enough. */
int coach_lexicon_nearest(const struct coach_lexicon *lex, const char *word, size_t n);
const char *coach_lexicon_word(const struct coach_lexicon *lex, int id);
/* Gives each word its id, correcting the spelling of unknown ones. */
void coach_lexicon_resolve(const struct coach_lexicon *lex, struct coach_words *words);

#endif
