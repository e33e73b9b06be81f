/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_search_word.h - words of a search: splitting, stems, and how alike two are.
 *
 *	workout_search_split("Farmer's Carry", &words);                    farmers, carry
 *	if (workout_search_alike(&asked, &words.list[1], last, typos) > 0) …
 *
 * Stems are for names of exercises, not for English at large: plural, -ing, -ed and a final e go.
 *
 * Pure functions on plain values; any thread. Limits: those of workout_search.h; what does not
 * fit into a word is cut off.
 */
#ifndef FIT_WORKOUT_SEARCH_WORD_H
#define FIT_WORKOUT_SEARCH_WORD_H

#include "services/workout/workout_search.h"

/* Alike by: */
#define WORKOUT_ALIKE_EXACT 100
#define WORKOUT_ALIKE_STEM 98
#define WORKOUT_ALIKE_SHORTHAND 95
#define WORKOUT_ALIKE_BEGINNING 90
#define WORKOUT_ALIKE_TYPO 70

/* Words of a text in lower case, bytes beyond ASCII as they are. Without those that carry no
 * meaning
 * ("with", "the"), unless nothing else is there. */
void workout_search_split(const char *text, struct workout_search_words *ret_words);
/* One word made of two; false: too long. */
bool workout_search_join(const struct workout_search_word *a, const struct workout_search_word *b,
			 struct workout_search_word *ret_word);
/* One of WORKOUT_ALIKE_… or 0. `last`: the word may be unfinished. */
int workout_search_alike(const struct workout_search_word *asked,
			 const struct workout_search_word *word, bool last, bool typos);

#endif
