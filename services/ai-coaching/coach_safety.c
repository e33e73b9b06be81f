/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_safety.h"

#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"
#include "services/ai-coaching/coach_safety_table.h"

struct coach_safety {
	size_t nrows;
	struct coach_pattern **patterns; /* those of row i begin at first[i] */
	size_t *first;
};

static const struct coach_safety_part *const parts[] = { &coach_safety_body, &coach_safety_mind,
							 &coach_safety_person,
							 &coach_safety_choices };

const struct coach_safety_row *
coach_safety_row(size_t i)
{
	for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
		if (i < parts[k]->n)
			return &parts[k]->rows[i];
		i -= parts[k]->n;
	}
	return NULL;
}

const char *
coach_level_name(enum coach_level level)
{
	static const char *const names[] = { "none",   "adapt",    "refuse", "see_professional",
					     "urgent", "emergency" };

	return names[level];
}

struct coach_safety *
coach_safety_new(struct coach_lexicon *lex)
{
	struct coach_safety *s = calloc(1, sizeof(*s));
	size_t n = 0;

	if (s == NULL)
		panic("safety: no memory");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		s->nrows += parts[i]->n;
	s->patterns =
		calloc(s->nrows * COACH_SAFETY_PATTERNS_MAX + 1, sizeof(struct coach_pattern *));
	s->first = calloc(s->nrows + 1, sizeof(*s->first));
	if (s->patterns == NULL || s->first == NULL)
		panic("safety: no memory");
	for (size_t i = 0; i < s->nrows; i++) {
		const struct coach_safety_row *row = coach_safety_row(i);

		s->first[i] = n;
		for (size_t k = 0; k < COACH_SAFETY_PATTERNS_MAX && row->patterns[k] != NULL; k++)
			s->patterns[n++] =
				coach_pattern_new(lex, row->patterns[k], COACH_WORD_SAFETY);
	}
	s->first[s->nrows] = n;
	return s;
}

void
coach_safety_free(struct coach_safety *safety)
{
	if (safety == NULL)
		return;
	for (size_t i = 0; i < safety->first[safety->nrows]; i++)
		coach_pattern_free(safety->patterns[i]);
	free(safety->patterns);
	free(safety->first);
	free(safety);
}

static bool
applies(const struct coach_safety *safety, size_t i, const struct coach_lexicon *lex,
	const struct coach_words *words)
{
	const struct coach_safety_row *row = coach_safety_row(i);
	struct coach_match match;

	for (size_t k = safety->first[i]; k < safety->first[i + 1]; k++) {
		if (coach_pattern_match(safety->patterns[k], lex, words, &match) &&
		    !(row->negatable && match.negated))
			return true;
	}
	return row->rule != NULL && row->rule(lex, words);
}

void
coach_safety_check(const struct coach_safety *safety, const struct coach_lexicon *lex,
		   const struct coach_words *words, struct coach_findings *ret_findings)
{
	struct coach_findings f = { .n = 0 };

	for (size_t i = 0; i < safety->nrows; i++) {
		const struct coach_safety_row *row = coach_safety_row(i);
		bool known = false;
		size_t at;

		for (size_t k = 0; k < f.n; k++)
			known |= strcmp(f.rows[k]->topic, row->topic) == 0 &&
				 f.rows[k]->level >= row->level;
		if (known || !applies(safety, i, lex, words))
			continue;
		/* Behind those that are as serious; what does not fit is the least serious. */
		for (at = f.n; at > 0 && f.rows[at - 1]->level < row->level; at--)
			;
		if (at == COACH_FINDINGS_MAX)
			continue;
		if (f.n < COACH_FINDINGS_MAX)
			f.n++;
		memmove(&f.rows[at + 1], &f.rows[at], (f.n - 1 - at) * sizeof(f.rows[0]));
		f.rows[at] = row;
	}
	*ret_findings = f;
}
