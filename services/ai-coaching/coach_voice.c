/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_voice.h"

#include <string.h>

static const char *const names[COACH_PERSONALITIES] = { "supportive", "aggressive", "steady" };

/* Sharp means sharp about excuses, never about the person. */
static const char *const lines[COACH_LINES][COACH_PERSONALITIES] = {
	[COACH_LINE_GREETING] = { "Good to see you!", "There you are. Let's work.", "Hello." },
	[COACH_LINE_THANKS] = { "You're welcome, and well done for keeping at it.",
				"Thank me with the next set.", "You're welcome." },
	[COACH_LINE_NEXT] = { "Here is what comes next, one step at a time:",
			      "No excuses. This is on the bar today:", "Next session:" },
	[COACH_LINE_TECHNIQUE] = { "Happy to walk you through it:", "Do it right or do it again:",
				   "Technique:" },
	[COACH_LINE_SUBSTITUTE] = { "No problem, there is always another way:",
				    "No machine, no excuse:", "Substitutes:" },
	[COACH_LINE_PROGRESS] = { "Look at what you have put in:", "Numbers don't lie:",
				  "Your numbers:" },
	[COACH_LINE_ADVICE] = { "Here is what I would do:", "Straight answer:", "Recommendation:" },
	[COACH_LINE_PROPOSAL] = { "I have worked out a change for you to look at:",
				  "Here is the change. You decide:", "Proposed change:" },
	[COACH_LINE_REFUSED] = { "I'd rather not, and here is why:", "No. Here is why:",
				 "Not proposed:" },
	[COACH_LINE_CLOSE] = { "You've got this.", "Now go and earn it.", "Keep to it." },
	[COACH_LINE_MOTIVATION] = { "Everybody has such days, and coming in for ten minutes "
				    "counts too.",
				    "Motivation is late. Start without it: one warm-up set, now.",
				    "A small session keeps the habit: the first exercise is "
				    "enough." },
	[COACH_LINE_UNKNOWN] = { "Sorry, I did not get that.", "Say that again, plainly.",
				 "I did not understand that." },
	[COACH_LINE_SAFETY_ADAPT] = { "First, please take care:", "First things first:",
				      "Note first:" },
	[COACH_LINE_SAFETY_REFUSE] = { "I care about you staying well, so here I say no.",
				       "No. Not that, not with me.", "I do not help with that." },
	[COACH_LINE_SAFETY_SEE] = { "I'm sorry you have to deal with this.",
				    "Toughness is no answer to this one.",
				    "This needs to be looked at first." },
};

enum coach_personality
coach_voice_parse(const char *name)
{
	for (int i = 0; i < COACH_PERSONALITIES; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum coach_personality)i;
	}
	return COACH_SUPPORTIVE;
}

const char *
coach_voice_name(enum coach_personality personality)
{
	return names[personality];
}

const char *
coach_voice_line(enum coach_personality personality, enum coach_line line)
{
	return lines[line][personality];
}
