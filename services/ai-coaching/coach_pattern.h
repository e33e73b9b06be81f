/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_pattern.h - turns of phrase, written so that a person can read the tables.
 *
 *	"@how .. do #ex"     a word of class "how", within six words "do", within three an exercise
 *
 *	word            that word; within COACH_GAP words of the one before
 *	a|b|c           one of these; @name: one of a class; both mix: "chest|@heart"
 *	=word           directly after the one before
 *	..              the next may be up to COACH_GAP_WIDE words away
 *	^word           the message begins with it
 *	$               the message ends here
 *	#ex  #n         an exercise's name; a number
 *	!word           the word is nowhere in the message
 *
 * Ownership: a pattern owns its elements. Threads: read by all once compiled.
 */
#ifndef FIT_COACH_PATTERN_H
#define FIT_COACH_PATTERN_H

#include <stdbool.h>

#include "services/ai-coaching/coach_lexicon.h"

#define COACH_GAP 3
#define COACH_GAP_WIDE 7

struct coach_pattern;

struct coach_class {
	const char *name;
	const char *words;
};
extern const struct coach_class coach_classes[]; /* ends with a NULL name */

/* A mistake in the text is a panic: texts are literals. Its words are added to the lexicon. */
struct coach_pattern *coach_pattern_new(struct coach_lexicon *lex, const char *text,
					unsigned word_flags);
void coach_pattern_free(struct coach_pattern *pattern);
/* Elements that must match, for weighing one pattern against another. */
unsigned coach_pattern_weight(const struct coach_pattern *pattern);

struct coach_match {
	size_t first, last; /* words */
	bool negated;       /* "no", "not", "without" … stands right before it */
};
/* The first match that is not negated, else a negated one. False: none. */
bool coach_pattern_match(const struct coach_pattern *pattern, const struct coach_lexicon *lex,
			 const struct coach_words *words, struct coach_match *ret_match);

#endif
