/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workout_exercise_store.h - the exercise library in PostgreSQL: search, look-up, loading.
 *
 * Library entries belong to nobody; an entry with an owner is seen by that owner only.
 * Ownership: results live in scope->arena. Threads: any. Errors: NOT_FOUND; those of pg.h.
 */
#ifndef FIT_WORKOUT_EXERCISE_STORE_H
#define FIT_WORKOUT_EXERCISE_STORE_H

#include "fit/workout/v1/exercise.pb-c.h"
#include "services/workout/workout.h"
#include "services/workout/workout_page.h"

typedef Fit__Workout__V1__Exercise exercise_doc;

struct workout_exercise_filter {
	const char *query; /* "" for none */
	char *const *muscles;
	size_t nmuscles;
	char *const *equipment; /* uses any of these */
	size_t nequipment;
	char *const *available; /* needs nothing beside these */
	size_t navailable;
	const char *difficulty; /* "" for any */
};

enum status workout_exercise_find(struct workout *w, const struct workout_scope *scope,
				  const struct uuid *id, exercise_doc **ret_exercise,
				  struct err *err) MUST_CHECK;
/* A page; *ret_next is the token of the next one or "". */
enum status workout_exercise_list(struct workout *w, const struct workout_scope *scope,
				  const struct workout_exercise_filter *filter,
				  const struct workout_page *page, exercise_doc ***ret_list,
				  size_t *ret_n, char **ret_next, struct err *err) MUST_CHECK;
struct workout_alternative {
	exercise_doc *exercise;
	double similarity;
};
enum status workout_exercise_alternatives(struct workout *w, const struct workout_scope *scope,
					  const struct uuid *id, char *const *available,
					  size_t navailable, unsigned limit,
					  struct workout_alternative **ret_list, size_t *ret_n,
					  struct err *err) MUST_CHECK;

/* What plans and progress need to know of an exercise. */
struct workout_exercise_brief {
	struct uuid id;
	char *tracking;
	char **muscles, **secondary, **equipment;
	size_t nmuscles, nsecondary, nequipment;
};
/* Those of `ids` that the owner may use, in any order; deleted ones only `with_deleted` (the past
 * keeps its muscles). */
enum status workout_exercise_briefs(struct workout *w, const struct workout_scope *scope,
				    const struct uuid *ids, size_t n, bool with_deleted,
				    struct workout_exercise_brief **ret_list, size_t *ret_n,
				    struct err *err) MUST_CHECK;
const struct workout_exercise_brief *workout_exercise_brief_of(
	const struct workout_exercise_brief *list, size_t n, const struct uuid *id);

#endif
