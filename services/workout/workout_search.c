/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_search.h"

#include "libcommon/base/compiler.h"
#include "services/workout/workout_search_word.h"

/* ---- one phrase ---- */

/* Where the next word of a query stands: in `words` words of the phrase from `at`. */
struct found {
	int alike;
	size_t asked; /* words of the query that this is: two when they are joined */
	size_t at, words;
};

static bool
is_used(unsigned used, size_t at)
{
	return (used >> at & 1) != 0;
}

/* Words that stand joined on one side and apart on the other. */
static struct found
find_joined(const struct workout_search_words *asked, size_t i,
	    const struct workout_search_words *phrase, unsigned used, bool typos)
{
	struct found best = { 0 };
	struct workout_search_word joined;

	for (size_t j = 0; j + 1 < phrase->n; j++) {
		int alike;

		if (is_used(used, j) || is_used(used, j + 1) ||
		    !workout_search_join(&phrase->list[j], &phrase->list[j + 1], &joined))
			continue;
		alike = workout_search_alike(&asked->list[i], &joined, i + 1 == asked->n, typos);
		if (alike > best.alike)
			best = (struct found){ alike, 1, j, 2 };
	}
	if (i + 1 >= asked->n ||
	    !workout_search_join(&asked->list[i], &asked->list[i + 1], &joined))
		return best;
	for (size_t j = 0; j < phrase->n; j++) {
		int alike = is_used(used, j) ? 0
					     : workout_search_alike(&joined, &phrase->list[j],
								    i + 2 == asked->n, typos);

		if (alike > best.alike)
			best = (struct found){ alike, 2, j, 1 };
	}
	return best;
}

static struct found
find_word(const struct workout_search_words *asked, size_t i,
	  const struct workout_search_words *phrase, unsigned used, bool typos)
{
	struct found best = { 0 }, joined;

	for (size_t j = 0; j < phrase->n; j++) {
		int alike = is_used(used, j)
				    ? 0
				    : workout_search_alike(&asked->list[i], &phrase->list[j],
							   i + 1 == asked->n, typos);

		if (alike > best.alike)
			best = (struct found){ alike, 1, j, 1 };
	}
	if (best.alike >= WORKOUT_ALIKE_SHORTHAND)
		return best;
	joined = find_joined(asked, i, phrase, used, typos);
	return joined.alike > best.alike ? joined : best;
}

/* All words of a query in one phrase. */
struct match {
	int alike;       /* on average; 0: they are not all there */
	size_t left;     /* words of the phrase that were not asked for */
	bool begins;     /* the phrase begins with the query's first word */
	bool unfinished; /* a word of the query is only the beginning of one */
};

static struct match
match_phrase(const struct workout_search_words *asked, const char *text, bool typos)
{
	struct workout_search_words phrase;
	struct match m = { 0 };
	unsigned used = 0;
	int sum = 0, n = 0;

	workout_search_split(text, &phrase);
	m.left = phrase.n;
	for (size_t i = 0; i < asked->n;) {
		struct found f = find_word(asked, i, &phrase, used, typos);

		if (f.alike == 0)
			return (struct match){ 0 };
		if (i == 0)
			m.begins = f.at == 0;
		for (size_t k = 0; k < f.words; k++)
			used |= 1U << (f.at + k);
		m.left -= f.words;
		m.unfinished |= f.alike == WORKOUT_ALIKE_BEGINNING;
		sum += f.alike;
		n++;
		i += f.asked;
	}
	m.alike = sum / n;
	return m;
}

/* ---- together: one phrase answers the whole query ---- */

/*
 * What a phrase that is the query is worth, and one that holds it. The steps are wider than all
 * that ranks inside one (see rank), so a name comes before an alias whatever else.
 */
struct worth {
	int whole, part;
};
static const struct worth as_name = { 2000, 1400 };
static const struct worth as_alias = { 1880, 1280 };
static const struct worth as_variation = { 1760, 1160 };
static const struct worth as_muscle = { 1640, 1040 };
static const struct worth as_secondary = { 920, 0 };
/* Besides the part: all of the phrase, but for a word that is unfinished. */
#define UNFINISHED 60
#define APART 300

/* Popularity first, then the phrase that says the least beside the query. */
static int
rank(const struct worth *worth, const struct match *m, int popularity)
{
	int left = m->left < 5 ? (int)m->left : 5;
	int base = m->left > 0     ? worth->part
		   : m->unfinished ? worth->part + UNFINISHED
				   : worth->whole;

	if (m->alike == 0 || (m->left > 0 && worth->part == 0))
		return 0;
	return base + 15 * popularity - 2 * left + (m->begins ? 5 : 0) - (100 - m->alike);
}

static int
most(int a, int b)
{
	return a > b ? a : b;
}

static int
best_of(const struct workout_search_words *asked, const struct workout_search_texts *texts,
	const struct worth *worth, int popularity, bool typos)
{
	int best = 0;

	for (size_t i = 0; i < texts->n; i++) {
		const struct match m = match_phrase(asked, texts->list[i], typos);

		best = most(best, rank(worth, &m, popularity));
	}
	return best;
}

static int
together(const struct workout_search_words *asked, const struct workout_search_entry *e, bool typos)
{
	const struct match name = match_phrase(asked, e->name, typos);
	int best = rank(&as_name, &name, e->popularity), muscle;

	best = most(best, best_of(asked, &e->aliases, &as_alias, e->popularity, typos));
	best = most(best, best_of(asked, &e->variations, &as_variation, e->popularity, typos));
	/* The fewer muscles, the more it is for this one. */
	muscle = best_of(asked, &e->muscles, &as_muscle, e->popularity, typos);
	best = most(best, muscle > 0 ? muscle - 15 * (int)e->muscles.n : 0);
	return most(best, best_of(asked, &e->secondary, &as_secondary, e->popularity, typos));
}

/* ---- apart: each word somewhere ---- */

/* Worth of the best place of word i, and how many words of the query that is. */
static int
best_place(const struct workout_search_words *asked, size_t i, const struct workout_search_entry *e,
	   bool typos, size_t *ret_asked)
{
	const struct {
		struct workout_search_texts texts;
		int worth;
		bool typos;
	} places[] = {
		{ { &e->name, 1 }, 100, typos },
		{ e->aliases, 85, typos },
		{ e->muscles, 70, typos },
		{ e->equipment, 60, typos },
		{ e->variations, 50, typos },
		{ e->secondary, 35, typos },
		{ { &e->description, 1 }, 15, false },
	};
	int best = 0;

	*ret_asked = 1;
	for (size_t k = 0; k < ARRAY_LEN(places) && best < WORKOUT_ALIKE_EXACT * places[k].worth;
	     k++) {
		for (size_t t = 0; t < places[k].texts.n; t++) {
			struct workout_search_words phrase;
			struct found f;

			workout_search_split(places[k].texts.list[t], &phrase);
			f = find_word(asked, i, &phrase, 0, places[k].typos);
			if (f.alike * places[k].worth <= best)
				continue;
			best = f.alike * places[k].worth;
			*ret_asked = f.asked;
		}
	}
	return best;
}

static int
apart(const struct workout_search_words *asked, const struct workout_search_entry *e, bool typos)
{
	int sum = 0, n = 0;
	size_t step;

	for (size_t i = 0; i < asked->n; i += step, n++) {
		int worth = best_place(asked, i, e, typos, &step);

		if (worth == 0)
			return 0;
		sum += worth;
	}
	return APART + sum / n / 50 + 15 * e->popularity;
}

/* ---- entry points ---- */

void
workout_search_parse(const char *text, struct workout_search_query *ret_query)
{
	workout_search_split(text, &ret_query->words);
}

int
workout_search_score(const struct workout_search_query *query,
		     const struct workout_search_entry *entry, bool typos)
{
	int score;

	if (query->words.n == 0)
		return 0;
	score = together(&query->words, entry, typos);
	return score > 0 ? score : apart(&query->words, entry, typos);
}
