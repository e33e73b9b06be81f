/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_pattern.h"

#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

#define ELEMENTS_MAX 8
#define WORDS_MAX 64
#define NEGATION_REACH 3

enum kind { KIND_WORDS, KIND_EXERCISE, KIND_NUMBER, KIND_END };

struct element {
	enum kind kind;
	unsigned gap; /* words that may lie between */
	bool at_start, veto;
	int ids[WORDS_MAX];
	size_t nids;
};

struct coach_pattern {
	struct element *elements;
	size_t n;
};

const struct coach_class coach_classes[] = {
	{ "pain", "pain pains painful hurt hurts hurting ache aches aching stabbing throbbing" },
	{ "how", "how explain show teach describe tell" },
	{ "swap", "swap switch replace substitute change exchange sub" },
	{ "alt", "alternative alternatives substitute substitutes replacement instead swap "
		 "variation variations" },
	{ "up", "raise increase add bump up heavier more higher" },
	{ "down", "lower decrease reduce drop lighter less deload" },
	{ "want", "want wanna need like should could can how let please" },
	{ "session", "workout workouts session sessions training gym lift" },
	{ "muscle",
	  "chest back quads quad quadriceps hamstrings hamstring hams glutes glute shoulders "
	  "shoulder delts "
	  "triceps tricep biceps bicep calves calf abs ab abdominals core lats lat traps trap "
	  "forearms "
	  "forearm legs leg arms arm pecs upper_back lower_back adductors abductors" },
	{ "joint",
	  "knee knees shoulder shoulders elbow elbows wrist wrists ankle ankles hip hips back "
	  "neck groin "
	  "hamstring achilles tendon spine foot feet rib ribs forearm bicep biceps tricep "
	  "hand finger quad calf" },
	{ "badly", "bad badly terrible awful severe severely sharp worse intense unbearable" },
	{ "fast", "fast quick quickly quickest rapidly asap overnight" },
	{ "weekday",
	  "monday mon tuesday tues tue wednesday wed weds thursday thurs thur thu friday "
	  "fri saturday sat sunday sun" },
	{ "day",
	  "monday tuesday wednesday thursday friday saturday sunday day days mon tues tue wed "
	  "thurs thu fri sat sun" },
	{ "focus",
	  "leg legs push pull upper lower chest back arm arms shoulder shoulders glute glutes" },
	{ "drug", "sarm sarms testosterone tren trenbolone dianabol "
		  "dbol anavar winstrol "
		  "deca nandrolone hgh clenbuterol clen dnp peptides ostarine rad140 lgd ligandrol "
		  "cardarine epo igf "
		  "turinabol masteron anadrol semaglutide ozempic wegovy mk677 tb500 bpc157 trt" },
	{ NULL, NULL },
};

static void
add_ids(struct coach_lexicon *lex, struct element *e, const char *words, size_t n, char separator,
	unsigned flags)
{
	const char *end = words + n;

	while (words < end) {
		size_t len = 0;

		while (words + len < end && words[len] != separator)
			len++;
		if (len > 0 && words[0] == '@') {
			const struct coach_class *c = coach_classes;

			while (c->name != NULL && (strlen(c->name) != len - 1 ||
						   memcmp(c->name, words + 1, len - 1) != 0))
				c++;
			if (c->name == NULL)
				panic("pattern: class %.*s is not known", (int)len, words);
			add_ids(lex, e, c->words, strlen(c->words), ' ', flags);
		} else if (len > 0) {
			if (e->nids == WORDS_MAX)
				panic("pattern: too many words at %.*s", (int)len, words);
			e->ids[e->nids++] = coach_lexicon_add(lex, words, len, flags);
		}
		words += len + 1;
	}
}

static void
parse_element(struct coach_lexicon *lex, struct element *e, const char *text, size_t n,
	      unsigned flags)
{
	if (*text == '^' || *text == '=' || *text == '!') {
		e->at_start = *text == '^';
		e->veto = *text == '!';
		if (*text == '=')
			e->gap = 0;
		text++;
		n--;
	}
	if (n == 1 && *text == '$')
		e->kind = KIND_END;
	else if (n == 3 && memcmp(text, "#ex", 3) == 0)
		e->kind = KIND_EXERCISE;
	else if (n == 2 && memcmp(text, "#n", 2) == 0)
		e->kind = KIND_NUMBER;
	else
		add_ids(lex, e, text, n, '|', flags);
}

struct coach_pattern *
coach_pattern_new(struct coach_lexicon *lex, const char *text, unsigned word_flags)
{
	struct coach_pattern *p = calloc(1, sizeof(*p));
	unsigned gap = COACH_GAP - 1;

	if (p == NULL)
		panic("pattern: no memory");
	p->elements = calloc(ELEMENTS_MAX, sizeof(*p->elements));
	if (p->elements == NULL)
		panic("pattern: no memory");
	for (const char *at = text; *at != '\0';) {
		size_t n = strcspn(at, " ");

		if (n == 2 && memcmp(at, "..", 2) == 0) {
			gap = COACH_GAP_WIDE - 1;
		} else if (n > 0) {
			if (p->n == ELEMENTS_MAX)
				panic("pattern: too long: %s", text);
			p->elements[p->n].gap = gap;
			parse_element(lex, &p->elements[p->n++], at, n, word_flags);
			gap = COACH_GAP - 1;
		}
		at += n + (at[n] == ' ');
	}
	if (p->n == 0 || p->elements[0].veto)
		panic("pattern: nothing to find: %s", text);
	return p;
}

void
coach_pattern_free(struct coach_pattern *pattern)
{
	if (pattern == NULL)
		return;
	free(pattern->elements);
	free(pattern);
}

unsigned
coach_pattern_weight(const struct coach_pattern *pattern)
{
	unsigned weight = 0;

	for (size_t i = 0; i < pattern->n; i++)
		weight += !pattern->elements[i].veto && pattern->elements[i].kind != KIND_END;
	return weight;
}

static bool
element_is(const struct element *e, const struct coach_words *words, size_t at)
{
	const struct coach_word *w;

	if (e->kind == KIND_END)
		return at == words->n;
	if (at >= words->n)
		return false;
	w = &words->w[at];
	if (e->kind == KIND_EXERCISE)
		return w->exercise >= 0;
	if (e->kind == KIND_NUMBER)
		return w->number;
	if (w->exercise >= 0 || w->id < 0)
		return false;
	for (size_t i = 0; i < e->nids; i++) {
		if (e->ids[i] == w->id)
			return true;
	}
	return false;
}

/* Depth is the number of elements, width the gap: small both. */
static bool
match_rest(const struct coach_pattern *p, size_t element, const struct coach_words *words,
	   size_t at, size_t *ret_last)
{
	const struct element *e;

	while (element < p->n && p->elements[element].veto)
		element++;
	if (element == p->n) {
		*ret_last = at - 1;
		return true;
	}
	e = &p->elements[element];
	if (e->kind == KIND_END)
		return at == words->n && match_rest(p, element + 1, words, at, ret_last);
	for (size_t i = at; i <= at + e->gap && i < words->n; i++) {
		if (element_is(e, words, i) && match_rest(p, element + 1, words, i + 1, ret_last))
			return true;
	}
	return false;
}

static bool
negated(const struct coach_lexicon *lex, const struct coach_words *words, size_t first)
{
	static const char *const no[] = { "no", "not", "without", "never", "zero" };

	for (size_t i = first; i > 0 && first - i < NEGATION_REACH; i--) {
		const struct coach_word *w = &words->w[i - 1];

		/* A new thought begins here: what was before it denies nothing. */
		if (words->w[i].breaks)
			return false;
		for (size_t k = 0; k < ARRAY_LEN(no); k++) {
			if (w->id >= 0 && strcmp(coach_lexicon_word(lex, w->id), no[k]) == 0)
				return true;
		}
	}
	return false;
}

bool
coach_pattern_match(const struct coach_pattern *pattern, const struct coach_lexicon *lex,
		    const struct coach_words *words, struct coach_match *ret_match)
{
	struct coach_match match = { 0 };
	bool found = false;

	for (size_t i = 0; i < pattern->n; i++) {
		for (size_t k = 0; pattern->elements[i].veto && k < words->n; k++) {
			if (element_is(&pattern->elements[i], words, k))
				return false;
		}
	}
	for (size_t i = 0; i < words->n; i++) {
		if (i > 0 && pattern->elements[0].at_start)
			break;
		if (!element_is(&pattern->elements[0], words, i) ||
		    !match_rest(pattern, 1, words, i + 1, &match.last))
			continue;
		match.first = i;
		match.negated = negated(lex, words, i);
		found = true;
		if (!match.negated)
			break;
	}
	if (found)
		*ret_match = match;
	return found;
}
