/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_safety.h - what is looked for before anything is answered, and what is said then.
 *
 * A table: each row is a topic with its level, the turns of phrase that betray it, what to do now,
 * what the coach refuses, and what it offers. It is made for missing little: a question about chest
 * pain is answered as chest pain. Rows whose sign is a number (calories, kilograms a week, age,
 * BMI) have a rule of their own beside their phrases. The words say what everybody should do who
 * reads them; they are the same in each of the coach's voices, only the opening differs, and for
 * emergencies not even that.
 *
 * Source: the escalation matrix of the product's safety guide. Not medical advice.
 *
 * Threads: read by all. Ownership: texts are literals.
 */
#ifndef FIT_COACH_SAFETY_H
#define FIT_COACH_SAFETY_H

#include "services/ai-coaching/coach_lexicon.h"
#include "services/ai-coaching/coach_pattern.h"

/* Ordered: the highest of a message counts. */
enum coach_level {
	COACH_LEVEL_NONE,
	COACH_LEVEL_ADAPT,     /* answered, with a caution */
	COACH_LEVEL_REFUSE,    /* not answered; an alternative is offered */
	COACH_LEVEL_SEE,       /* a professional first; nothing on this movement or matter */
	COACH_LEVEL_URGENT,    /* clinician or crisis line now; no training content */
	COACH_LEVEL_EMERGENCY, /* emergency number now; no training content until acknowledged */
};
/* "none", "adapt", "refuse", "see_professional", "urgent", "emergency". */
const char *coach_level_name(enum coach_level level);

#define COACH_SAFETY_PATTERNS_MAX 64

struct coach_safety_row {
	const char *topic; /* several rows may share one, with different levels */
	enum coach_level level;
	const char *message; /* what to do now */
	const char *refuse;  /* what the coach does not do; "" for nothing */
	const char *advise;  /* what it offers instead; "" for nothing */
	const char *patterns[COACH_SAFETY_PATTERNS_MAX];
	/* A sign in numbers; may be NULL. */
	bool (*rule)(const struct coach_lexicon *lex, const struct coach_words *words);
	bool negatable; /* "no chest pain" is none */
};
/* NULL: there are no more. */
const struct coach_safety_row *coach_safety_row(size_t i);

struct coach_safety; /* the table (coach_safety_table.h), compiled */

struct coach_safety *coach_safety_new(struct coach_lexicon *lex);
void coach_safety_free(struct coach_safety *safety);

#define COACH_FINDINGS_MAX 4

/* The rows that apply, the most serious first, one for each topic. */
struct coach_findings {
	const struct coach_safety_row *rows[COACH_FINDINGS_MAX];
	size_t n;
};
void coach_safety_check(const struct coach_safety *safety, const struct coach_lexicon *lex,
			const struct coach_words *words, struct coach_findings *ret_findings);

#endif
