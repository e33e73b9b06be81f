/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_language.h - whether a message is in another language than English, and what to say then.
 *
 *	const char *say = coach_language_of(message, &words);
 *
 * It knows the languages by their small words, and other scripts by their letters; it translates
 * nothing. As nobody can tell what such a message says, its answer names the emergency number.
 *
 * Ownership: literals. Threads: pure.
 */
#ifndef FIT_COACH_LANGUAGE_H
#define FIT_COACH_LANGUAGE_H

#include "services/ai-coaching/coach_text.h"

/* `words` as they were typed, not yet corrected. NULL: English, or nobody can tell. */
const char *coach_language_of(struct slice message, const struct coach_words *words);

#endif
