/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_lexicon.h"

#include <stdint.h>
#include <stdlib.h>

#include "libcommon/base/hashmap.h"
#include "libcommon/base/status.h"

struct entry {
	char text[COACH_WORD_SIZE];
	size_t n;
	unsigned flags;
};

struct coach_lexicon {
	struct hashmap *map; /* word → id + 1 */
	struct entry **words;
	size_t n, cap;
};

struct coach_lexicon *
coach_lexicon_new(void)
{
	struct coach_lexicon *lex = calloc(1, sizeof(*lex));

	if (lex == NULL)
		panic("lexicon: no memory");
	lex->map = hashmap_new();
	return lex;
}

void
coach_lexicon_free(struct coach_lexicon *lex)
{
	if (lex == NULL)
		return;
	for (size_t i = 0; i < lex->n; i++)
		free(lex->words[i]);
	free(lex->words);
	hashmap_free(lex->map);
	free(lex);
}

int
coach_lexicon_add(struct coach_lexicon *lex, const char *word, size_t n, unsigned flags)
{
	int id = coach_lexicon_find(lex, word, n);
	struct entry *e;

	if (n >= COACH_WORD_SIZE)
		n = COACH_WORD_SIZE - 1;
	if (id >= 0) {
		e = lex->words[id];
		if (!(flags & COACH_WORD_COMMON))
			e->flags &= ~COACH_WORD_COMMON;
		e->flags |= flags & COACH_WORD_SAFETY;
		return id;
	}
	if (lex->n == lex->cap) {
		lex->cap = lex->cap == 0 ? 256 : 2 * lex->cap;
		lex->words = realloc(lex->words, lex->cap * sizeof(*lex->words));
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL || lex->words == NULL)
		panic("lexicon: no memory");
	memcpy(e->text, word, n);
	e->n = n;
	e->flags = flags;
	lex->words[lex->n++] = e;
	hashmap_put(lex->map, slice_make(e->text, n), (void *)(uintptr_t)lex->n);
	return (int)lex->n - 1;
}

void
coach_lexicon_add_all(struct coach_lexicon *lex, const char *words, unsigned flags)
{
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		if (n > 0)
			coach_lexicon_add(lex, words, n, flags);
		words += n + (words[n] == ' ');
	}
}

int
coach_lexicon_find(const struct coach_lexicon *lex, const char *word, size_t n)
{
	return (int)(intptr_t)hashmap_get(lex->map, slice_make(word, n)) - 1;
}

const char *
coach_lexicon_word(const struct coach_lexicon *lex, int id)
{
	return lex->words[id]->text;
}

/* Of two words as near: one of the safety table, else the longer one, as letters are left out more
 * often than typed too many. */
static bool
better(const struct entry *a, const struct entry *b)
{
	unsigned sa = a->flags & COACH_WORD_SAFETY, sb = b->flags & COACH_WORD_SAFETY;

	return sa != sb ? sa > sb : a->n > b->n;
}

int
coach_lexicon_nearest(const struct coach_lexicon *lex, const char *word, size_t n)
{
	unsigned allowed = n < 4 ? 0 : n < 8 ? 1 : 2;
	unsigned best = allowed + 1;
	int found = -1;

	if (allowed == 0)
		return -1;
	for (size_t i = 0; i < lex->n; i++) {
		const struct entry *e = lex->words[i];
		unsigned d;

		if ((e->flags & COACH_WORD_COMMON) || e->n < 4)
			continue;
		if (e->text[0] != word[0] && !(e->text[0] == word[1] && e->text[1] == word[0]))
			continue;
		d = coach_text_distance(word, n, e->text, e->n, allowed);
		if (d < best ||
		    (d == best && found >= 0 && d <= allowed && better(e, lex->words[found]))) {
			best = d;
			found = (int)i;
		}
	}
	return found;
}

void
coach_lexicon_resolve(const struct coach_lexicon *lex, struct coach_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		struct coach_word *w = &words->w[i];
		size_t n = strlen(w->text);

		if (w->number || n == 0)
			continue;
		w->id = coach_lexicon_find(lex, w->text, n);
		if (w->id >= 0)
			continue;
		/* A plural that no table has is its singular. */
		if (n > 3 && w->text[n - 1] == 's' && w->text[n - 2] != 's')
			w->id = coach_lexicon_find(lex, w->text, n - 1);
		if (w->id >= 0)
			continue;
		w->id = coach_lexicon_nearest(lex, w->text, n);
		if (w->id < 0)
			continue;
		memcpy(w->text, lex->words[w->id]->text, COACH_WORD_SIZE);
		w->guessed = true;
		words->guessed++;
	}
}
