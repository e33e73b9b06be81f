/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_facts.h - what an answer may be made from: the user's own data as the services gave it, and
 * what follows.
 *
 * Names and notes in here are data: they are quoted (coach_text_quote), never read for meaning.
 *
 * Ownership: everything is borrowed from the call's arena. Threads: pure.
 */
#ifndef FIT_COACH_FACTS_H
#define FIT_COACH_FACTS_H

#include "fit/ai_coaching/v1/coach.pb-c.h"
#include "fit/user/v1/user.pb-c.h"
#include "fit/workout/v1/plan.pb-c.h"
#include "fit/workout/v1/progress.pb-c.h"
#include "fit/workout/v1/session.pb-c.h"
#include "services/ai-coaching/coach_brain.h"
#include "services/ai-coaching/coach_rules.h"

typedef Fit__Workout__V1__Plan coach_plan;
typedef Fit__Workout__V1__PlanExercise coach_entry;
typedef Fit__Workout__V1__Session coach_session;

struct coach_facts {
	const struct coach_library *library;
	int64_t now_ms;
	bool pounds;
	const char *level; /* beginner | intermediate | advanced; "" when not said */
	Fit__User__V1__Limitation *const *limitations;
	size_t nlimitations;
	const coach_plan *plan;         /* or NULL */
	coach_session *const *sessions; /* newest first */
	size_t nsessions;
	const coach_session *session;               /* the one going on, or NULL */
	const Fit__Workout__V1__Progress *progress; /* or NULL */
	Fit__Workout__V1__PersonalRecord *const *records;
	size_t nrecords;
	/* From the safety log: said in the last months. */
	bool minor, pregnant;
	/* The turn before, for "why?" and "it". */
	const char *last_intent;             /* "" for none */
	const coach_exercise *last_exercise; /* or NULL */
	bool last_proposal;
};

#define COACH_HISTORY_MAX 6
#define COACH_HISTORY_SETS 20

/* Performances of one exercise, newest first; skipped entries and warm-ups left out. */
struct coach_history {
	struct coach_performance performances[COACH_HISTORY_MAX];
	struct coach_set sets[COACH_HISTORY_MAX][COACH_HISTORY_SETS];
	int64_t started_ms[COACH_HISTORY_MAX];
	size_t n;
};
void coach_facts_history(const struct coach_facts *facts, const char *exercise_id,
			 bool with_current, struct coach_history *ret_history);
/* Best e1RM over all sessions at hand, grams; 0: none. */
int64_t coach_facts_best_e1rm(const struct coach_facts *facts, const char *exercise_id);
/* Best e1RM of each week, oldest first; returns how many. */
size_t coach_facts_weekly_e1rm(const struct coach_facts *facts, const char *exercise_id,
			       struct coach_point *ret_points, size_t max);
int coach_facts_week(int64_t ms); /* Mondays, UTC; counts up by one a week */
/* Completed sessions of the last four weeks over those that the plan has; 1 without a plan. */
double coach_facts_adherence(const struct coach_facts *facts);

unsigned coach_entry_day(const coach_entry *entry);
struct coach_target coach_facts_target(const coach_entry *entry, const coach_exercise *exercise);
/* The plan's entry of an exercise; on `day` if that is not 0. */
const coach_entry *coach_facts_entry(const coach_plan *plan, const char *exercise_id, unsigned day);
unsigned coach_facts_days(const coach_plan *plan, unsigned *ret_last); /* distinct training days */
/* Day of the plan that comes next. */
unsigned coach_facts_next_day(const struct coach_facts *facts);
/* A limitation that the exercise would load: pain, injury, surgery that is not mild. NULL: none. */
const Fit__User__V1__Limitation *coach_facts_forbids(const struct coach_facts *facts,
						     const coach_exercise *exercise);
struct coach_fatigue coach_facts_fatigue(const struct coach_facts *facts);
/* Fractional sets a week, mean of the last four weeks before this one. */
double coach_facts_weekly_sets(const struct coach_facts *facts, const char *muscle);

#endif
