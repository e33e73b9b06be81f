/* SPDX-License-Identifier: Apache-2.0 */
#include "services/workout/workout_search_word.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "libcommon/base/compiler.h"

/* ---- stems ---- */

static bool
ends(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n > m && memcmp(s + n - m, end, m) == 0;
}

static bool
has_vowel(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("aeiouy", s[i]) != NULL)
			return true;
	return false;
}

/* "squatting" to "squat", but "pull" and "press" keep both letters. */
static size_t
undouble(const char *s, size_t n)
{
	return n > 3 && s[n - 1] == s[n - 2] && strchr("bdgmnprt", s[n - 1]) != NULL ? n - 1 : n;
}

static size_t
cut_plural(const char *s, size_t n)
{
	if (ends(s, n, "ches") || ends(s, n, "shes") || ends(s, n, "sses") || ends(s, n, "xes"))
		return n - 2;
	if (n > 2 && s[n - 1] == 's' && strchr("su", s[n - 2]) == NULL)
		return n - 1;
	return n;
}

static void
make_stem(struct workout_search_word *w)
{
	size_t n = strlen(w->text), cut;
	char *s = w->stem;

	memcpy(s, w->text, n + 1);
	if (strcmp(s, "calves") == 0 || strcmp(s, "calve") == 0) {
		memcpy(s, "calf", 5);
		return;
	}
	if (n > 4 && ends(s, n, "ies")) {
		s[n - 3] = 'y';
		s[n - 2] = '\0';
		return;
	}
	n = cut_plural(s, n);
	cut = ends(s, n, "ing") ? 3 : ends(s, n, "ed") ? 2 : 0;
	if (cut > 0 && n - cut >= 3 && has_vowel(s, n - cut))
		n = undouble(s, n - cut);
	if (n > 3 && s[n - 1] == 'e')
		n--;
	s[n] = '\0';
}

/* ---- splitting ---- */

static bool
is_weak(const char *word)
{
	static const char *const weak[] = { "a",  "an", "and", "at",  "by",   "for", "from", "in",
					    "my", "of", "on",  "the", "with", "to",  "or" };

	for (size_t i = 0; i < ARRAY_LEN(weak); i++)
		if (strcmp(word, weak[i]) == 0)
			return true;
	return false;
}

static bool
is_letter(unsigned char c)
{
	return isalnum(c) || c >= 0x80;
}

/* The next word of *p; what does not fit is cut off. False at the end. */
static bool
next_word(const char **p, struct workout_search_word *ret_word)
{
	size_t n = 0;

	while (**p != '\0' && !is_letter((unsigned char)**p))
		(*p)++;
	if (**p == '\0')
		return false;
	/* "farmer's" is one word. */
	for (; is_letter((unsigned char)**p) || **p == '\''; (*p)++)
		if (**p != '\'' && n + 1 < sizeof(ret_word->text))
			ret_word->text[n++] = (char)tolower((unsigned char)**p);
	ret_word->text[n] = '\0';
	return true;
}

static void
split(const char *text, bool with_weak, struct workout_search_words *ret_words)
{
	struct workout_search_word w;

	ret_words->n = 0;
	while (ret_words->n < WORKOUT_SEARCH_WORDS && next_word(&text, &w)) {
		if (!with_weak && is_weak(w.text))
			continue;
		make_stem(&w);
		ret_words->list[ret_words->n++] = w;
	}
}

void
workout_search_split(const char *text, struct workout_search_words *ret_words)
{
	split(text, false, ret_words);
	if (ret_words->n == 0)
		split(text, true, ret_words);
}

bool
workout_search_join(const struct workout_search_word *a, const struct workout_search_word *b,
		    struct workout_search_word *ret_word)
{
	size_t n = strlen(a->text), m = strlen(b->text);

	if (n + m >= sizeof(ret_word->text))
		return false;
	memcpy(ret_word->text, a->text, n);
	memcpy(ret_word->text + n, b->text, m + 1);
	make_stem(ret_word);
	return true;
}

/* ---- likeness ---- */

/* Stems that mean the same in a gym. */
static const struct {
	const char *asked, *means;
} shorthand[] = {
	{ "db", "dumbbell" },     { "bb", "barbell" },    { "kb", "kettlebell" },
	{ "bw", "bodyweight" },   { "ab", "abdominal" },  { "core", "abdominal" },
	{ "pec", "chest" },       { "delt", "shoulder" }, { "quad", "quadricep" },
	{ "thigh", "quadricep" }, { "ham", "hamstring" }, { "shin", "tibiali" },
	{ "one", "singl" },       { "singl", "one" },     { "unilateral", "singl" },
	{ "butt", "glut" },
};

static bool
is_shorthand(const char *asked, const char *stem)
{
	for (size_t i = 0; i < ARRAY_LEN(shorthand); i++)
		if (strcmp(shorthand[i].asked, asked) == 0 && strcmp(shorthand[i].means, stem) == 0)
			return true;
	return false;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance of two words, each shorter than WORKOUT_SEARCH_WORD. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][WORKOUT_SEARCH_WORD], n = strlen(a), m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], two[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

static bool
is_typo(const char *asked, const char *word)
{
	size_t n = strlen(asked), m = strlen(word), allowed = n >= 8 ? 2 : n >= 4 ? 1 : 0;

	return allowed > 0 && asked[0] == word[0] && n <= m + allowed && m <= n + allowed &&
	       distance(asked, word) <= allowed;
}

int
workout_search_alike(const struct workout_search_word *asked,
		     const struct workout_search_word *word, bool last, bool typos)
{
	size_t n = strlen(asked->text);

	if (strcmp(asked->text, word->text) == 0)
		return WORKOUT_ALIKE_EXACT;
	if (strcmp(asked->stem, word->stem) == 0)
		return WORKOUT_ALIKE_STEM;
	if (is_shorthand(asked->stem, word->stem))
		return WORKOUT_ALIKE_SHORTHAND;
	if ((last || n >= 3) && strncmp(asked->text, word->text, n) == 0)
		return WORKOUT_ALIKE_BEGINNING;
	if (typos && (is_typo(asked->text, word->text) || is_typo(asked->stem, word->stem)))
		return WORKOUT_ALIKE_TYPO;
	return 0;
}
