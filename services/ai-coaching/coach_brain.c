/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_brain.h"

#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"
#include "services/ai-coaching/coach_intent_table.h"
#include "services/ai-coaching/coach_language.h"

#define KG_PER_LB 0.45359237

struct coach_brain {
	struct coach_lexicon *lex;
	struct coach_safety *safety;
	struct coach_library *library;
	struct coach_pattern **patterns; /* those of row i begin at first[i] */
	size_t *first;
};

/* Words of the slots. */
static const char slot_words[] =
	"kg lb x reps rep sets set rpe rir day week weeks kcal percent % minutes seconds hours "
	"bmi years year old woman female "
	"girl man male deficit surplus burn burned by to at from out of monday tuesday "
	"wednesday thursday friday saturday sunday "
	"one two three four five six seven eight nine ten minus";

const char *
coach_intent_name(enum coach_intent intent)
{
	if (intent == COACH_INTENT_SAFETY)
		return "safety";
	for (size_t i = 0; i < coach_intent_nrows; i++) {
		if (coach_intent_rows[i].intent == intent)
			return coach_intent_rows[i].name;
	}
	return "unknown";
}

unsigned
coach_intent_needs(enum coach_intent intent)
{
	for (size_t i = 0; i < coach_intent_nrows; i++) {
		if (coach_intent_rows[i].intent == intent)
			return coach_intent_rows[i].needs;
	}
	return 0;
}

struct coach_brain *
coach_brain_new(coach_exercise *const *exercises, size_t n)
{
	struct coach_brain *b = calloc(1, sizeof(*b));
	size_t at = 0;

	if (b == NULL)
		panic("brain: no memory");
	b->lex = coach_lexicon_new();
	for (size_t i = 0; coach_common_words[i] != NULL; i++)
		coach_lexicon_add_all(b->lex, coach_common_words[i], COACH_WORD_COMMON);
	coach_lexicon_add_all(b->lex, slot_words, 0);
	b->safety = coach_safety_new(b->lex);
	b->patterns = calloc(coach_intent_nrows * COACH_INTENT_PATTERNS_MAX + 1,
			     sizeof(struct coach_pattern *));
	b->first = calloc(coach_intent_nrows + 1, sizeof(*b->first));
	if (b->patterns == NULL || b->first == NULL)
		panic("brain: no memory");
	for (size_t i = 0; i < coach_intent_nrows; i++) {
		b->first[i] = at;
		for (size_t k = 0;
		     k < COACH_INTENT_PATTERNS_MAX && coach_intent_rows[i].patterns[k] != NULL; k++)
			b->patterns[at++] =
				coach_pattern_new(b->lex, coach_intent_rows[i].patterns[k], 0);
	}
	b->first[coach_intent_nrows] = at;
	b->library = coach_library_new(exercises, n, b->lex);
	return b;
}

void
coach_brain_free(struct coach_brain *brain)
{
	if (brain == NULL)
		return;
	for (size_t i = 0; i < brain->first[coach_intent_nrows]; i++)
		coach_pattern_free(brain->patterns[i]);
	free(brain->patterns);
	free(brain->first);
	coach_safety_free(brain->safety);
	coach_library_free(brain->library);
	coach_lexicon_free(brain->lex);
	free(brain);
}

const struct coach_library *
coach_brain_library(const struct coach_brain *brain)
{
	return brain->library;
}

enum coach_level
coach_reading_level(const struct coach_reading *reading)
{
	return reading->findings.n > 0 ? reading->findings.rows[0]->level : COACH_LEVEL_NONE;
}

/* ---- intent ---- */

/* What the words ask for, and how sure that is; COACH_INTENT_UNKNOWN: nothing. */
static enum coach_intent
best_intent(const struct coach_brain *b, const struct coach_words *words, double *ret_confidence)
{
	static const double sure[] = { 0, 0.6, 0.8, 0.9, 0.95 };
	enum coach_intent intent = COACH_INTENT_UNKNOWN;
	int best = -1;

	*ret_confidence = 0;
	for (size_t i = 0; i < coach_intent_nrows; i++) {
		for (size_t k = b->first[i]; k < b->first[i + 1]; k++) {
			unsigned weight = coach_pattern_weight(b->patterns[k]);
			int score = (int)weight * 10 + coach_intent_rows[i].bonus * 5;
			struct coach_match match;

			if (score <= best ||
			    !coach_pattern_match(b->patterns[k], b->lex, words, &match))
				continue;
			best = score;
			intent = coach_intent_rows[i].intent;
			*ret_confidence =
				sure[weight < ARRAY_LEN(sure) ? weight : ARRAY_LEN(sure) - 1];
		}
	}
	return intent;
}

static bool
joins(const struct coach_word *w)
{
	return strcmp(w->text, "and") == 0 || strcmp(w->text, "also") == 0 ||
	       strcmp(w->text, "plus") == 0;
}

/* Two clear questions in one message: the first is answered. */
static void
find_more(const struct coach_brain *b, struct coach_reading *r)
{
	enum coach_intent first = COACH_INTENT_UNKNOWN;
	size_t from = 0;

	for (size_t i = 1; i <= r->words.n; i++) {
		struct coach_words clause = { .w = r->words.w + from, .n = i - from };
		enum coach_intent intent;
		double confidence;

		if (i < r->words.n && !r->words.w[i].breaks && !joins(&r->words.w[i]))
			continue;
		from = i;
		intent = best_intent(b, &clause, &confidence);
		/* "… is stuck, what do I do": the same question. */
		if (clause.n <= 4 && intent == COACH_INTENT_NEXT && first != COACH_INTENT_UNKNOWN)
			continue;
		if (clause.n < 3 || confidence < 0.9 || intent == COACH_INTENT_GREETING ||
		    intent == COACH_INTENT_THANKS)
			continue;
		if (first == COACH_INTENT_UNKNOWN)
			first = intent;
		else if (intent != first)
			r->more = true;
	}
	if (r->more)
		r->intent = first;
}

static bool
found(const struct coach_reading *r, const char *topic)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		if (strcmp(r->findings.rows[i]->topic, topic) == 0)
			return true;
	}
	return false;
}

static void
find_intent(const struct coach_brain *b, struct coach_reading *r)
{
	r->intent = best_intent(b, &r->words, &r->confidence);
	/* Who says that it hurts asks for another exercise, not for how to do this one. */
	if (r->intent == COACH_INTENT_UNKNOWN && r->exercises[0] != NULL) {
		r->intent = found(r, "injury") ? COACH_INTENT_SUBSTITUTE : COACH_INTENT_TECHNIQUE;
		r->confidence = 0.4;
	}
	for (size_t i = 0; i < r->words.guessed && r->confidence > 0.35; i++)
		r->confidence -= 0.05;
	if (r->language != NULL && r->confidence < 0.8) {
		r->intent = COACH_INTENT_LANGUAGE;
		r->confidence = 0.9;
	} else if (r->intent != COACH_INTENT_INJECTION) {
		find_more(b, r);
	}
}

/* ---- slots ---- */

static const struct {
	const char *word, *muscle;
} muscles[] = {
	{ "chest", "chest" },
	{ "pecs", "chest" },
	{ "pec", "chest" },
	{ "back", "upper_back" },
	{ "lats", "lats" },
	{ "lat", "lats" },
	{ "traps", "traps" },
	{ "trap", "traps" },
	{ "quads", "quadriceps" },
	{ "quad", "quadriceps" },
	{ "quadriceps", "quadriceps" },
	{ "legs", "quadriceps" },
	{ "leg", "quadriceps" },
	{ "hamstrings", "hamstrings" },
	{ "hamstring", "hamstrings" },
	{ "hams", "hamstrings" },
	{ "glutes", "glutes" },
	{ "glute", "glutes" },
	{ "shoulders", "shoulders" },
	{ "shoulder", "shoulders" },
	{ "delts", "shoulders" },
	{ "triceps", "triceps" },
	{ "tricep", "triceps" },
	{ "biceps", "biceps" },
	{ "bicep", "biceps" },
	{ "arms", "biceps" },
	{ "arm", "biceps" },
	{ "calves", "calves" },
	{ "calf", "calves" },
	{ "abs", "abdominals" },
	{ "ab", "abdominals" },
	{ "core", "abdominals" },
	{ "abdominals", "abdominals" },
	{ "forearms", "forearms" },
	{ "forearm", "forearms" },
	{ "adductors", "adductors" },
	{ "abductors", "abductors" },
};

static bool
word_is(const struct coach_words *words, size_t i, const char *text)
{
	return i < words->n && words->w[i].exercise < 0 && strcmp(words->w[i].text, text) == 0;
}

static bool
word_in(const struct coach_words *words, size_t i, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (word_is(words, i, *list))
			return true;
	}
	return false;
}

/* Whether one of these stands within `reach` words before i. */
static bool
before_is(const struct coach_words *words, size_t i, size_t reach, const char *const *list)
{
	for (size_t k = 1; k <= reach && k <= i; k++) {
		if (word_in(words, i - k, list))
			return true;
	}
	return false;
}

static void
read_weight(struct coach_reading *r, size_t i, double kg)
{
	static const char *const to[] = { "to", "at", NULL };
	static const char *const by[] = { "by", "add", "plus", NULL };
	static const char *const more[] = { "increase", "raise", "up", "bump", NULL };
	static const char *const less[] = { "lower", "reduce", "decrease", "drop", "down",
					    "take",  "remove", "less",     NULL };
	static const char *const off[] = { "off", "from", NULL };
	static const char *const minus[] = { "minus", NULL };
	bool change = before_is(&r->words, i, 2, by) ||
		      (!before_is(&r->words, i, 2, to) && word_in(&r->words, i + 2, off));

	if (!change && !before_is(&r->words, i, 2, to) && i + 2 < r->words.n &&
	    (word_is(&r->words, i + 2, "more") || word_is(&r->words, i + 2, "heavier") ||
	     word_is(&r->words, i + 2, "less") || word_is(&r->words, i + 2, "lighter")))
		change = true;
	r->has_weight = true;
	if (before_is(&r->words, i, 1, minus))
		kg = -kg;
	if (!change) {
		r->weight_kg = kg;
		return;
	}
	r->delta_kg = before_is(&r->words, i, 8, less) && !before_is(&r->words, i, 2, more) &&
				      !word_is(&r->words, i - (i > 0), "add")
			      ? -kg
			      : kg;
	if (word_is(&r->words, i + 2, "lighter") || word_is(&r->words, i + 2, "less"))
		r->delta_kg = -kg;
}

/* The day that is meant, or the one from which it goes: "from day 1 to day 3", "day 1 to 3". */
static void
read_day(struct coach_reading *r, size_t i, unsigned day)
{
	static const char *const from[] = { "from", NULL };
	bool is_from = before_is(&r->words, i, 1, from);

	if (is_from || r->day != 0)
		r->from_day = is_from ? day : r->day;
	if (!is_from)
		r->day = day;
}

/* Monday is 1: weeks begin there (ISO 8601). 0: no weekday. */
static unsigned
weekday(const char *word)
{
	static const char *const names[][5] = {
		{ "monday", "mon" },
		{ "tuesday", "tue", "tues" },
		{ "wednesday", "wed", "weds" },
		{ "thursday", "thu", "thur", "thurs" },
		{ "friday", "fri" },
		{ "saturday", "sat" },
		{ "sunday", "sun" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		for (size_t k = 0; names[i][k] != NULL; k++) {
			if (strcmp(word, names[i][k]) == 0)
				return i + 1;
		}
	}
	return 0;
}

static void
read_number(struct coach_reading *r, size_t i)
{
	static const char *const rpe[] = { "rpe", NULL };
	static const char *const rir[] = { "rir", NULL };
	static const char *const day[] = { "day", NULL };
	static const char *const to[] = { "to", "at", NULL };
	const struct coach_words *w = &r->words;
	double v = w->w[i].value;
	unsigned whole = v >= 0 && v <= 1000 ? (unsigned)v : 0;

	if (word_is(w, i + 1, "kg") || word_is(w, i + 1, "lb"))
		read_weight(r, i, word_is(w, i + 1, "lb") ? v * KG_PER_LB : v);
	else if (i > 1 && word_is(w, i - 1, "for") && w->w[i - 2].number && r->weight_kg == 0) {
		/* "100 for 5", without a unit. */
		r->weight_kg = w->w[i - 2].value;
		r->reps = whole;
	} else if ((i > 1 && word_is(w, i - 1, "for")) && whole <= 30 && r->weight_kg > 0)
		r->reps = whole;
	else if (word_is(w, i + 1, "x") && i + 2 < w->n && w->w[i + 2].number)
		r->sets = whole;
	else if (i > 0 && word_is(w, i - 1, "x"))
		r->reps = whole;
	else if (word_is(w, i + 1, "reps") || word_is(w, i + 1, "rep"))
		r->reps = whole;
	else if (word_is(w, i + 1, "sets") || word_is(w, i + 1, "set"))
		r->sets = whole;
	else if (before_is(w, i, 1, day))
		read_day(r, i - 1, whole);
	else if ((before_is(w, i, 2, rpe) || word_is(w, i + 1, "rpe")) && v >= 1 && v <= 10)
		r->rpe = v;
	else if ((before_is(w, i, 2, rir) || word_is(w, i + 1, "rir")) && v >= 0 && v <= 9)
		r->rpe = 10 - v;
	else if (before_is(w, i, 1, to) && r->weight_kg == 0 && v >= 1)
		r->weight_kg = v;
}

static void
read_slots(const struct coach_brain *b, struct coach_reading *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->words.n; i++) {
		const struct coach_word *w = &r->words.w[i];

		if (w->exercise >= 0) {
			const coach_exercise *e = coach_library_at(b->library, (size_t)w->exercise);

			if (n < 2 && (n == 0 || r->exercises[0] != e))
				r->exercises[n++] = e;
			continue;
		}
		if (w->number) {
			read_number(r, i);
			continue;
		}
		if (weekday(w->text) != 0) {
			read_day(r, i, weekday(w->text));
			r->weekday = true;
		}
		for (size_t k = 0; r->muscle == NULL && k < ARRAY_LEN(muscles); k++) {
			if (strcmp(w->text, muscles[k].word) != 0)
				continue;
			r->muscle = muscles[k].muscle;
			r->whole_day = word_is(&r->words, i + 1, "day");
		}
	}
}

/* "Good morning" is an exercise, too; alone or before a comma it is a greeting. */
static void
take_greeting(struct coach_words *words)
{
	if (!word_is(words, 0, "good") || !word_is(words, 1, "morning") ||
	    (words->n > 2 && !words->w[2].breaks))
		return;
	words->n--;
	memmove(&words->w[0], &words->w[1], words->n * sizeof(words->w[0]));
}

void
coach_brain_read(const struct coach_brain *brain, struct slice message, struct arena *arena,
		 struct coach_reading *ret_reading)
{
	struct coach_reading r = { .intent = COACH_INTENT_UNKNOWN };

	coach_text_words(message, arena, &r.words);
	r.language = coach_language_of(message, &r.words);
	coach_lexicon_resolve(brain->lex, &r.words);
	take_greeting(&r.words);
	coach_library_mark(brain->library, &r.words);
	coach_safety_check(brain->safety, brain->lex, &r.words, &r.findings);
	read_slots(brain, &r);
	find_intent(brain, &r);
	if (coach_reading_level(&r) >= COACH_LEVEL_REFUSE) {
		r.intent = COACH_INTENT_SAFETY;
		r.confidence = 1;
	}
	*ret_reading = r;
}
