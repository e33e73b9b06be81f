/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_library.h - the exercise library as the coach knows it: found by any of its names,
 * however they are typed.
 *
 *	coach_library_mark(lib, &words);      "dead lift" becomes one word with its exercise
 *
 * Names are compared without spaces, so that "pull up", "pullup" and "pull-ups" are one.
 *
 * Ownership: exercises are borrowed; they outlive the library. Threads: read by all once built.
 */
#ifndef FIT_COACH_LIBRARY_H
#define FIT_COACH_LIBRARY_H

#include "fit/workout/v1/exercise.pb-c.h"
#include "services/ai-coaching/coach_lexicon.h"

typedef Fit__Workout__V1__Exercise coach_exercise;

struct coach_library;

/* Adds the names' words to the lexicon. */
struct coach_library *coach_library_new(coach_exercise *const *list, size_t n,
					struct coach_lexicon *lex);
void coach_library_free(struct coach_library *lib);
size_t coach_library_size(const struct coach_library *lib);
const coach_exercise *coach_library_at(const struct coach_library *lib, size_t i);
const coach_exercise *coach_library_find(const struct coach_library *lib, const char *id);
/* -1 when it is not there. */
int coach_library_index(const struct coach_library *lib, const char *id);
/* Joins the words of each name into one, whose text is the exercise's name. */
void coach_library_mark(const struct coach_library *lib, struct coach_words *words);

bool coach_exercise_trains(const coach_exercise *e, const char *muscle);
bool coach_exercise_helps(const coach_exercise *e, const char *muscle);
bool coach_exercise_uses(const coach_exercise *e, const char *equipment);
/* Trains its muscles rather than stretches them. */
bool coach_exercise_strengthens(const coach_exercise *e);
/* As strcmp: the more common one first, then by name. */
int coach_exercise_order(const coach_exercise *a, const coach_exercise *b);
/* Needs nothing beside these; "none" is always at hand. */
bool coach_exercise_possible(const coach_exercise *e, char *const *equipment, size_t n);
/* 0..1: share of the muscles that both train, direct ones counted double. */
double coach_exercise_similarity(const coach_exercise *a, const coach_exercise *b);
/* Whether it loads a part of the body as profiles name them ("knee", "lower_back"). */
bool coach_exercise_loads(const coach_exercise *e, const char *body_area);
/* Also where it only helps: for what hurts now. */
bool coach_exercise_touches(const coach_exercise *e, const char *body_area);

#endif
