/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_text.h - what people type, as words: cleaned, folded to lower-case ASCII, numbers and
 * units told apart.
 *
 *	struct coach_words words;
 *	coach_text_words(slice_str("Whats my b3nch at 80kg??"), arena, &words);
 *	"whats" "my" "bench" "at" 80 kg
 *
 * Undone on the way: zero-width, bidi and tag characters; accents, full-width and Cyrillic
 * look-alikes; digits for letters inside words ("st3roids"); letters spelled apart ("s t e r o
 * i d s"); letters drawn out ("heeelp"). Shorthand is spelled out ("u" → "you"). Spelling is
 * corrected later, by the lexicon.
 *
 * Ownership: words live in the arena. Threads: pure. Errors: none; any bytes give some words.
 * Limits:    COACH_WORDS_MAX words, the rest is dropped: a message has at most 2000 characters.
 */
#ifndef FIT_COACH_TEXT_H
#define FIT_COACH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "libcommon/base/slice.h"

struct arena;
struct strbuf;

#define COACH_WORDS_MAX 1024
#define COACH_WORD_SIZE 32

struct coach_word {
	char text[COACH_WORD_SIZE]; /* a longer word is cut; "" for a number without unit */
	bool number;
	double value;
	int id;       /* of the lexicon, -1: unknown; see coach_lexicon.h */
	int exercise; /* index of the library whose name stood here, -1: none */
	bool guessed; /* its spelling was corrected */
	bool breaks;  /* a full stop, comma or the like came before it */
};

struct coach_words {
	struct coach_word *w;
	size_t n;
	size_t guessed;
};

void coach_text_words(struct slice text, struct arena *arena, struct coach_words *ret_words);

/*
 * Somebody's text to be shown inside of ours: control and invisible characters, markup and line
 * breaks are taken out, and what is longer than `max` characters is cut. It is data, whatever it
 * says.
 */
void coach_text_quote(struct slice text, size_t max, struct strbuf *out);

/* Edit distance with swaps of neighbours (optimal string alignment); a value above `max` is max
 * + 1. */
unsigned coach_text_distance(const char *a, size_t na, const char *b, size_t nb, unsigned max);

#endif
