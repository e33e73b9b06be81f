/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_library.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/hashmap.h"
#include "libcommon/base/status.h"

#define NAME_WORDS_MAX 6
#define KEY_SIZE 96

struct key {
	char text[KEY_SIZE];
	size_t n;
	size_t exercise;
};

struct coach_library {
	coach_exercise *const *list;
	size_t n;
	struct hashmap *keys; /* name without spaces → struct key */
	struct hashmap *ids;
	struct key *key_list;
	size_t nkeys, cap;
};

/* Letters and digits only, small; plural forms lose their s. */
static size_t
squeeze(const char *text, char out[KEY_SIZE])
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < KEY_SIZE; text++) {
		if (isalnum((unsigned char)*text))
			out[n++] = (char)tolower((unsigned char)*text);
	}
	if (n > 3 && out[n - 1] == 's' && out[n - 2] != 's')
		n--;
	out[n] = '\0';
	return n;
}

static void
add_key(struct coach_library *lib, size_t exercise, const char *name, bool own)
{
	struct key *k = &lib->key_list[lib->nkeys];

	k->n = squeeze(name, k->text);
	k->exercise = exercise;
	/* A proper name wins over an alias of another exercise; else who comes first. */
	if (k->n < 2 || (!own && hashmap_get(lib->keys, slice_make(k->text, k->n)) != NULL))
		return;
	hashmap_put(lib->keys, slice_make(k->text, k->n), k);
	lib->nkeys++;
}

static void
add_words(struct coach_lexicon *lex, const char *name)
{
	char word[COACH_WORD_SIZE];
	size_t n = 0;

	for (;; name++) {
		if (isalnum((unsigned char)*name) || *name == '\'') {
			if (*name != '\'' && n + 1 < sizeof(word))
				word[n++] = (char)tolower((unsigned char)*name);
			continue;
		}
		if (n > 1 && !isdigit((unsigned char)word[0]))
			coach_lexicon_add(lex, word, n, 0);
		n = 0;
		if (*name == '\0')
			return;
	}
}

struct coach_library *
coach_library_new(coach_exercise *const *list, size_t n, struct coach_lexicon *lex)
{
	struct coach_library *lib = calloc(1, sizeof(*lib));
	size_t keys = 1;

	if (lib == NULL)
		panic("library: no memory");
	lib->list = list;
	lib->n = n;
	lib->keys = hashmap_new();
	lib->ids = hashmap_new();
	for (size_t i = 0; i < n; i++)
		keys += 1 + list[i]->n_aliases;
	lib->key_list = calloc(keys, sizeof(*lib->key_list));
	if (lib->key_list == NULL)
		panic("library: no memory");
	for (size_t i = 0; i < n; i++) {
		add_key(lib, i, list[i]->name, true);
		add_words(lex, list[i]->name);
		hashmap_put(lib->ids, slice_str(list[i]->id), (void *)(uintptr_t)(i + 1));
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i]->n_aliases; k++) {
			add_key(lib, i, list[i]->aliases[k], false);
			add_words(lex, list[i]->aliases[k]);
		}
	}
	return lib;
}

void
coach_library_free(struct coach_library *lib)
{
	if (lib == NULL)
		return;
	hashmap_free(lib->keys);
	hashmap_free(lib->ids);
	free(lib->key_list);
	free(lib);
}

size_t
coach_library_size(const struct coach_library *lib)
{
	return lib->n;
}

const coach_exercise *
coach_library_at(const struct coach_library *lib, size_t i)
{
	return lib->list[i];
}

int
coach_library_index(const struct coach_library *lib, const char *id)
{
	return (int)(intptr_t)hashmap_get(lib->ids, slice_str(id)) - 1;
}

const coach_exercise *
coach_library_find(const struct coach_library *lib, const char *id)
{
	int i = coach_library_index(lib, id);

	return i >= 0 ? lib->list[i] : NULL;
}

/* The exercise that `count` words from `at` name; -1 for none. */
static int
named(const struct coach_library *lib, const struct coach_words *words, size_t at, size_t count)
{
	char text[KEY_SIZE * 2], key[KEY_SIZE];
	size_t n = 0;
	const struct key *k;

	for (size_t i = at; i < at + count; i++) {
		size_t len = strlen(words->w[i].text);

		if (words->w[i].number || (i > at && words->w[i].breaks) || n + len >= sizeof(text))
			return -1;
		memcpy(text + n, words->w[i].text, len);
		n += len;
	}
	text[n] = '\0';
	n = squeeze(text, key);
	k = hashmap_get(lib->keys, slice_make(key, n));
	return k != NULL ? (int)k->exercise : -1;
}

/* A run-together name with a slip: "benhcpress". Only for words that nobody else knows. */
static int
nearly_named(const struct coach_library *lib, const char *word)
{
	size_t n = strlen(word);
	unsigned best = n >= 9 ? 2 : 1, d;
	int found = -1;

	if (n < 7)
		return -1;
	for (size_t i = 0; i < lib->nkeys; i++) {
		const struct key *k = &lib->key_list[i];

		if (k->text[0] != word[0])
			continue;
		d = coach_text_distance(word, n, k->text, k->n, best);
		if (d <= best && (found < 0 || d < best)) {
			best = d;
			found = (int)k->exercise;
		}
	}
	return found;
}

void
coach_library_mark(const struct coach_library *lib, struct coach_words *words)
{
	size_t out = 0;

	for (size_t i = 0; i < words->n;) {
		size_t count = words->n - i < NAME_WORDS_MAX ? words->n - i : NAME_WORDS_MAX;
		int found = -1;

		for (; count > 0; count--) {
			found = named(lib, words, i, count);
			if (found >= 0)
				break;
		}
		if (found < 0 && words->w[i].id < 0 && !words->w[i].number) {
			found = nearly_named(lib, words->w[i].text);
			count = 1;
			if (found >= 0) {
				words->w[i].guessed = true;
				words->guessed++;
			}
		}
		words->w[out] = words->w[i];
		words->w[out].exercise = found;
		out++;
		i += found >= 0 ? count : 1;
	}
	words->n = out;
}

/* ---- what an exercise does ---- */

static bool
among(char *const *list, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], what) == 0)
			return true;
	}
	return false;
}

bool
coach_exercise_trains(const coach_exercise *e, const char *muscle)
{
	return among(e->muscle_groups, e->n_muscle_groups, muscle);
}

bool
coach_exercise_helps(const coach_exercise *e, const char *muscle)
{
	return among(e->secondary_muscles, e->n_secondary_muscles, muscle);
}

bool
coach_exercise_uses(const coach_exercise *e, const char *equipment)
{
	return among(e->equipment_required, e->n_equipment_required, equipment);
}

bool
coach_exercise_strengthens(const coach_exercise *e)
{
	return strcmp(e->movement, "mobility") != 0;
}

int
coach_exercise_order(const coach_exercise *a, const coach_exercise *b)
{
	if (a->popularity != b->popularity)
		return a->popularity > b->popularity ? -1 : 1;
	return strcmp(a->name, b->name);
}

bool
coach_exercise_possible(const coach_exercise *e, char *const *equipment, size_t n)
{
	for (size_t i = 0; i < e->n_equipment_required; i++) {
		if (strcmp(e->equipment_required[i], "none") != 0 &&
		    !among(equipment, n, e->equipment_required[i]))
			return false;
	}
	return true;
}

static unsigned
share(const coach_exercise *e, const char *muscle)
{
	return coach_exercise_trains(e, muscle) ? 2 : coach_exercise_helps(e, muscle) ? 1 : 0;
}

double
coach_exercise_similarity(const coach_exercise *a, const coach_exercise *b)
{
	unsigned both = 0, all = 0;

	for (size_t i = 0; i < a->n_muscle_groups + a->n_secondary_muscles; i++) {
		const char *m = i < a->n_muscle_groups
					? a->muscle_groups[i]
					: a->secondary_muscles[i - a->n_muscle_groups];
		unsigned x = share(a, m), y = share(b, m);

		both += x < y ? x : y;
		all += x > y ? x : y;
	}
	for (size_t i = 0; i < b->n_muscle_groups + b->n_secondary_muscles; i++) {
		const char *m = i < b->n_muscle_groups
					? b->muscle_groups[i]
					: b->secondary_muscles[i - b->n_muscle_groups];

		if (share(a, m) == 0)
			all += share(b, m);
	}
	return all > 0 ? (double)both / all : 0;
}

/*
 * Which muscles stand for load on an area. An area that a joint belongs to is loaded by everything
 * that bends it against resistance: careful rather than exact.
 */
static const struct {
	const char *area, *muscles[8];
} areas[] = {
	{ "knee", { "quadriceps", "hamstrings", "calves" } },
	{ "thigh", { "quadriceps", "hamstrings", "adductors" } },
	{ "hip", { "glutes", "quadriceps", "hamstrings", "adductors", "abductors" } },
	{ "calf", { "calves" } },
	{ "ankle", { "calves", "quadriceps" } },
	{ "foot", { "calves" } },
	{ "shoulder", { "shoulders", "chest", "lats" } },
	{ "elbow", { "biceps", "triceps", "forearms" } },
	{ "wrist", { "forearms", "biceps", "triceps", "chest" } },
	{ "hand", { "forearms" } },
	{ "chest", { "chest" } },
	{ "neck", { "neck", "traps" } },
	{ "upper_back", { "upper_back", "traps", "lats" } },
	{ "core", { "abdominals", "lower_back" } },
	{ "upper_body", { "chest", "shoulders", "lats", "upper_back", "biceps", "triceps" } },
	{ "lower_body", { "quadriceps", "hamstrings", "glutes", "calves" } },
};

static bool
is_on_area(const coach_exercise *e, const char *body_area, bool helping)
{
	if (strcmp(body_area, "full_body") == 0)
		return true;
	if (strcmp(body_area, "lower_back") == 0)
		return coach_exercise_trains(e, "lower_back") ||
		       coach_exercise_helps(e, "lower_back");
	for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
		if (strcmp(areas[i].area, body_area) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(areas[i].muscles) && areas[i].muscles[k] != NULL;
		     k++) {
			if (coach_exercise_trains(e, areas[i].muscles[k]) ||
			    (helping && coach_exercise_helps(e, areas[i].muscles[k])))
				return true;
		}
	}
	return false;
}

bool
coach_exercise_loads(const coach_exercise *e, const char *body_area)
{
	return is_on_area(e, body_area, false);
}

bool
coach_exercise_touches(const coach_exercise *e, const char *body_area)
{
	return is_on_area(e, body_area, true);
}
