/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_answer.h - what the built-in coach says: a reading and the facts in, a text and
 * perhaps a draft out. Pure.
 *
 *	coach_answer_make(&reading, &facts, personality, arena, &answer);
 *
 * Safety first: with a finding of level refuse and above, the text is the safety table's and
 * nothing else.
 *
 * Ownership: the answer lives in the arena.
 * Threads:   pure.
 * Errors:    none; it always has something to say.
 */
#ifndef FIT_COACH_ANSWER_H
#define FIT_COACH_ANSWER_H

#include "libcommon/base/strbuf.h"
#include "services/ai-coaching/coach_facts.h"
#include "services/ai-coaching/coach_proposal.h"
#include "services/ai-coaching/coach_voice.h"

#define COACH_ANSWER_MAX ((size_t)16 * 1024) /* bytes of text, whoever words it */

struct coach_answer {
	struct strbuf text;
	const coach_exercise *about; /* or NULL */
	bool has_draft;
	struct coach_draft draft;
	bool lock; /* no training content until acknowledged */
};

void coach_answer_make(const struct coach_reading *reading, const struct coach_facts *facts,
		       enum coach_personality personality, struct arena *arena,
		       struct coach_answer *ret_answer);
/* While an emergency is not acknowledged. */
void coach_answer_locked(struct arena *arena, struct coach_answer *ret_answer);

/* ---- between the coach_answer_*.c files ---- */

struct coach_say {
	const struct coach_reading *r;
	const struct coach_facts *facts;
	enum coach_personality personality;
	struct arena *arena;
	struct coach_answer *out;
};
void coach_say(struct coach_say *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void coach_say_line(struct coach_say *s, enum coach_line line); /* and a line break */
void coach_say_name(struct coach_say *s, const char *name);     /* somebody's: quoted */
void coach_say_no_plan(struct coach_say *s);
char *coach_say_weight(struct coach_say *s, int64_t grams);
/* A minor or a pregnant person gets no loads, no maximums and no progression: said instead. */
bool coach_say_no_load(struct coach_say *s);
/* "3 × 8–12 at 62.5 kg", and why, for one entry of the plan. */
void coach_say_advice(struct coach_say *s, const coach_entry *entry, const coach_exercise *exercise,
		      bool with_reason);
/* The exercise that is meant: named now, or in the turn before. NULL: said that one must be named.
 */
const coach_exercise *coach_say_which(struct coach_say *s, const char *example);

void coach_answer_term(struct coach_say *s);
void coach_answer_topic(struct coach_say *s);
void coach_answer_language(struct coach_say *s);
void coach_answer_home(struct coach_say *s);
void coach_answer_estimate(struct coach_say *s);
void coach_answer_compare(struct coach_say *s);
void coach_answer_next(struct coach_say *s);
void coach_answer_last(struct coach_say *s);
void coach_answer_why(struct coach_say *s);
void coach_answer_load(struct coach_say *s);
void coach_answer_rpe(struct coach_say *s);
void coach_answer_rest(struct coach_say *s);
void coach_answer_warmup(struct coach_say *s);
void coach_answer_frequency(struct coach_say *s);
void coach_answer_technique(struct coach_say *s);
void coach_answer_substitute(struct coach_say *s);
void coach_answer_progress(struct coach_say *s);
void coach_answer_exercise_progress(struct coach_say *s);
void coach_answer_records(struct coach_say *s);
void coach_answer_weekly_sets(struct coach_say *s);
void coach_answer_plateau(struct coach_say *s);
void coach_answer_deload(struct coach_say *s);
void coach_answer_swap(struct coach_say *s);
void coach_answer_change_load(struct coach_say *s);
void coach_answer_move_day(struct coach_say *s);

#endif
