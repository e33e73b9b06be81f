/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_brain.h - what a message means: safety first, then intent and slots. Pure, deterministic.
 *
 *	struct coach_reading r;
 *	coach_brain_read(brain, slice_str("can I swap bench for dips?"), arena, &r);
 *	r.intent == COACH_INTENT_SWAP, r.exercises[0] is Bench Press, r.exercises[1] Dip
 *
 * Intents are a table: phrases, what they need to know, and who answers them. Only the message
 * is read this way: names, notes and the like are data and never come here.
 *
 * Ownership: a brain owns its tables and borrows the exercises. Threads: read by all once built.
 */
#ifndef FIT_COACH_BRAIN_H
#define FIT_COACH_BRAIN_H

#include "services/ai-coaching/coach_library.h"
#include "services/ai-coaching/coach_safety.h"

enum coach_intent {
	COACH_INTENT_UNKNOWN,
	COACH_INTENT_GREETING,
	COACH_INTENT_THANKS,
	COACH_INTENT_WHO,
	COACH_INTENT_HELP,
	COACH_INTENT_NEXT,
	COACH_INTENT_WHY,
	COACH_INTENT_TECHNIQUE,
	COACH_INTENT_SUBSTITUTE,
	COACH_INTENT_PROGRESS,
	COACH_INTENT_EXERCISE_PROGRESS,
	COACH_INTENT_RECORDS,
	COACH_INTENT_WEEKLY_SETS,
	COACH_INTENT_PLATEAU,
	COACH_INTENT_DELOAD,
	COACH_INTENT_LOAD,
	COACH_INTENT_RPE,
	COACH_INTENT_REST,
	COACH_INTENT_WARMUP,
	COACH_INTENT_SWAP,
	COACH_INTENT_CHANGE_LOAD,
	COACH_INTENT_MOVE_DAY,
	COACH_INTENT_SORENESS,
	COACH_INTENT_FREQUENCY,
	COACH_INTENT_MOTIVATION,
	COACH_INTENT_NUTRITION,
	COACH_INTENT_INJECTION,
	COACH_INTENT_ACKNOWLEDGE,
	COACH_INTENT_CONFIRM,
	COACH_INTENT_OFF_TOPIC,
	COACH_INTENT_BEGINNER,
	COACH_INTENT_GOALS,
	COACH_INTENT_TERM,
	COACH_INTENT_ILLNESS,
	COACH_INTENT_SLEEP,
	COACH_INTENT_SHORT,
	COACH_INTENT_HOME,
	COACH_INTENT_CARDIO,
	COACH_INTENT_PRIVACY,
	COACH_INTENT_LIMITS, /* something that the coach cannot do */
	COACH_INTENT_ESTIMATE,
	COACH_INTENT_COMPARE,
	COACH_INTENT_DECLINE,
	COACH_INTENT_COMEBACK,
	COACH_INTENT_LAST,
	COACH_INTENT_LANGUAGE, /* not English */
	COACH_INTENT_SAFETY,   /* the safety table answers; never the table below */
	COACH_INTENT_COUNT,
};
const char *coach_intent_name(enum coach_intent intent);

/* What an answer is made from. */
#define COACH_NEEDS_PROFILE 1u
#define COACH_NEEDS_PLAN 2u
#define COACH_NEEDS_SESSIONS 4u
#define COACH_NEEDS_PROGRESS 8u
#define COACH_NEEDS_RECORDS 16u
unsigned coach_intent_needs(enum coach_intent intent);

struct coach_reading {
	struct coach_words words;
	struct coach_findings findings;
	enum coach_intent intent;
	double confidence;                  /* 0..1 */
	const coach_exercise *exercises[2]; /* in the order named */
	const char *muscle;                 /* as the library calls it, or NULL */
	double weight_kg;                   /* 0: none said, or 0 (has_weight) */
	bool has_weight;
	double delta_kg; /* "add 5 kg": signed; 0: none */
	double rpe;      /* 0: none */
	unsigned reps, sets;
	unsigned day;         /* "day 3"; 0: none */
	unsigned from_day;    /* "from day 1" */
	bool weekday;         /* the day was a weekday's name: Monday is 1 */
	bool whole_day;       /* "leg day": the day of `muscle`, not an exercise */
	const char *language; /* not English: what to say about it; else NULL */
	bool more;            /* something else was asked, too */
};

struct coach_brain;

struct coach_brain *coach_brain_new(coach_exercise *const *exercises, size_t n);
void coach_brain_free(struct coach_brain *brain);
const struct coach_library *coach_brain_library(const struct coach_brain *brain);
void coach_brain_read(const struct coach_brain *brain, struct slice message, struct arena *arena,
		      struct coach_reading *ret_reading);

/* The level of the most serious finding. */
enum coach_level coach_reading_level(const struct coach_reading *reading);

#endif
