/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_voice.h - the three personalities: the same facts and numbers, in another tone. A table of
 * phrasing.
 *
 * Pure functions; any thread. Ownership: texts are literals.
 */
#ifndef FIT_COACH_VOICE_H
#define FIT_COACH_VOICE_H

#include <stdbool.h>

enum coach_personality { COACH_SUPPORTIVE, COACH_AGGRESSIVE, COACH_STEADY, COACH_PERSONALITIES };

enum coach_line {
	COACH_LINE_GREETING,
	COACH_LINE_THANKS,
	COACH_LINE_NEXT,
	COACH_LINE_TECHNIQUE,
	COACH_LINE_SUBSTITUTE,
	COACH_LINE_PROGRESS,
	COACH_LINE_ADVICE,
	COACH_LINE_PROPOSAL,
	COACH_LINE_REFUSED, /* a plan guard said no */
	COACH_LINE_CLOSE,
	COACH_LINE_MOTIVATION,
	COACH_LINE_UNKNOWN,
	COACH_LINE_SAFETY_ADAPT,
	COACH_LINE_SAFETY_REFUSE,
	COACH_LINE_SAFETY_SEE,
	COACH_LINES,
};

/* supportive for a name that is not known. */
enum coach_personality coach_voice_parse(const char *name);
const char *coach_voice_name(enum coach_personality personality);
const char *coach_voice_line(enum coach_personality personality, enum coach_line line);

#endif
