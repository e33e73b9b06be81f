/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_search.h - how well an exercise answers the words of a search; no I/O.
 *
 *	workout_search_parse("dedlift", &query);
 *	score = workout_search_score(&query, &entry, typos);            0: does not answer it
 *
 * Every word that carries a meaning must be found somewhere in the exercise. What the whole
 * query is decides first: the name, then another name, a variation, a muscle; then where all
 * its words stand together: in the name, in another name, in a variation; then words that
 * stand apart, in muscles, equipment and description. Within each, the more common exercise
 * comes first.
 *
 * Words are compared by English stems ("squats", "rowing"), the last one and longer ones also
 * as the beginning of a word, through gym shorthand ("db", "one arm", "abs"), and joined or
 * split ("pull over", "benchpress"). Only when no exercise answers a query, score again with
 * `typos`: then a word of four letters may be one letter off, one of eight two (optimal string
 * alignment: a letter more, less, another, or two swapped), its first letter excepted.
 *
 * Ownership: a query is a plain value; entries are borrowed for the call. Threads: any.
 * Limits:    ten words of 24 bytes; what is beyond is let go.
 */
#ifndef FIT_WORKOUT_SEARCH_H
#define FIT_WORKOUT_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#define WORKOUT_SEARCH_WORDS 10
#define WORKOUT_SEARCH_WORD 24

struct workout_search_word {
	char text[WORKOUT_SEARCH_WORD];
	char stem[WORKOUT_SEARCH_WORD];
};
struct workout_search_words {
	struct workout_search_word list[WORKOUT_SEARCH_WORDS];
	size_t n;
};
struct workout_search_query {
	struct workout_search_words words;
};

struct workout_search_texts {
	char *const *list;
	size_t n;
};
struct workout_search_entry {
	char *name, *description;
	struct workout_search_texts aliases, variations, muscles, secondary, equipment;
	int popularity; /* 1..5 */
};

/* n is 0 when the text has no words. */
void workout_search_parse(const char *text, struct workout_search_query *ret_query);
int workout_search_score(const struct workout_search_query *query,
			 const struct workout_search_entry *entry, bool typos);

#endif
