/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_answer.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"

#define BUILT_IN                                                                                   \
	"I am the built-in coach: a program with fixed rules, not a person and "                   \
	"not a language model. I work from your own profile, plan and logged "                     \
	"sets."
#define CAN                                                                                        \
	"I can tell you what comes next and why, explain exercises and find "                      \
	"substitutes, read your progress, look at weekly sets, plateaus and "                      \
	"deloads, and propose a swap, another load or another day, which you "                     \
	"accept or leave."
#define CANNOT                                                                                     \
	"I cannot see you move, diagnose pain, plan diets, or chat about "                         \
	"everything; and nothing in your plan changes until you accept a "                         \
	"proposal."

void
coach_say(struct coach_say *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&s->out->text, fmt, ap);
	va_end(ap);
}

void
coach_say_line(struct coach_say *s, enum coach_line line)
{
	coach_say(s, "%s\n", coach_voice_line(s->personality, line));
}

char *
coach_say_weight(struct coach_say *s, int64_t grams)
{
	return coach_weight_text(grams, s->facts->pounds, s->arena);
}

bool
coach_say_no_load(struct coach_say *s)
{
	if (s->facts->minor)
		coach_say(s,
			  "8–15 clean repetitions with a light load, 3 or more in reserve; under "
			  "18 I name no loads and no maximums");
	else if (s->facts->pregnant)
		coach_say(s, "with what your midwife or doctor allows, at an effort that lets you "
			     "talk, 3 or more in reserve; I name no loads and no maximums now");
	return s->facts->minor || s->facts->pregnant;
}

const coach_exercise *
coach_say_which(struct coach_say *s, const char *example)
{
	const coach_exercise *e =
		s->r->exercises[0] != NULL ? s->r->exercises[0] : s->facts->last_exercise;

	if (e == NULL)
		coach_say(s, "Tell me which exercise, for example: \"%s\".", example);
	s->out->about = e;
	return e;
}

/* ---- safety ---- */

static void
add_sentence(struct coach_say *s, const char *text)
{
	if (*text != '\0')
		coach_say(s, "%s%s", s->out->text.len > 0 ? " " : "", text);
}

/* An emergency is answered plainly, in every voice the same. */
static void
answer_safety(struct coach_say *s)
{
	const struct coach_findings *f = &s->r->findings;
	const struct coach_safety_row *row = f->rows[0];

	if (row->level == COACH_LEVEL_SEE)
		add_sentence(s, coach_voice_line(s->personality, COACH_LINE_SAFETY_SEE));
	if (row->level == COACH_LEVEL_REFUSE)
		add_sentence(s, coach_voice_line(s->personality, COACH_LINE_SAFETY_REFUSE));
	add_sentence(s, row->message);
	add_sentence(s, row->refuse);
	add_sentence(s, row->advise);
	/* What else is refused in the same breath. */
	for (size_t i = 1; i < f->n; i++) {
		if (strcmp(f->rows[i]->topic, row->topic) != 0 &&
		    f->rows[i]->level == COACH_LEVEL_REFUSE)
			add_sentence(s, f->rows[i]->refuse);
	}
	s->out->lock = row->level == COACH_LEVEL_EMERGENCY;
}

static void
say_caution(struct coach_say *s)
{
	for (size_t i = 0; i < s->r->findings.n; i++) {
		const struct coach_safety_row *row = s->r->findings.rows[i];

		if (row->level != COACH_LEVEL_ADAPT)
			continue;
		coach_say(s, "%s %s %s %s\n\n",
			  coach_voice_line(s->personality, COACH_LINE_SAFETY_ADAPT), row->message,
			  row->refuse, row->advise);
	}
}

void
coach_answer_locked(struct arena *arena, struct coach_answer *ret_answer)
{
	*ret_answer = (struct coach_answer){ .text = STRBUF_ARENA(arena), .lock = true };
	strbuf_adds(&ret_answer->text,
		    "Before we go on with training: you told me about an emergency. If it is not "
		    "over, call your local emergency "
		    "number now (112 in Europe, 911 in the US and Canada, 999 in the UK), or a "
		    "crisis line such as 988 in the US. "
		    "When you are safe and have had help, tell me: \"I have been checked and "
		    "cleared\".");
}

/* ---- small talk ---- */

static void
on_greeting(struct coach_say *s)
{
	coach_say_line(s, COACH_LINE_GREETING);
	coach_say(s, "Ask me what comes next, about an exercise, or about your progress.");
}

static void
on_thanks(struct coach_say *s)
{
	coach_say(s, "%s", coach_voice_line(s->personality, COACH_LINE_THANKS));
}

static void
on_who(struct coach_say *s)
{
	coach_say(s, BUILT_IN "\n" CAN "\n" CANNOT);
}

static void
on_help(struct coach_say *s)
{
	coach_say(s,
		  CAN "\nTry: \"What should I do today?\", \"How do I do a Romanian deadlift?\", "
		      "\"Swap bench press for dips\", "
		      "\"Am I doing enough sets for back?\", \"Do I need a deload?\".\n" BUILT_IN
		      " " CANNOT);
}

static void
on_unknown(struct coach_say *s)
{
	coach_say_line(s, COACH_LINE_UNKNOWN);
	if (strcmp(s->facts->last_intent, coach_intent_name(COACH_INTENT_UNKNOWN)) == 0)
		coach_say(
			s,
			"Try it shorter, one thing at a time: \"What is next?\", \"How do I "
			"squat?\", \"Set bench press to 62.5 kg\". \"Help\" shows what I can do.");
	else
		coach_say(s, BUILT_IN " " CAN);
}

static void
on_off_topic(struct coach_say *s)
{
	coach_say(s, "I only know about your training. " BUILT_IN " " CAN);
}

static void
on_injection(struct coach_say *s)
{
	coach_say(
		s,
		"I do not take instructions of that kind, from messages, names or notes: " BUILT_IN
		" I only see your own data, and nothing changes until you accept a proposal. "
		"What about your training?");
}

static void
on_nutrition(struct coach_say *s)
{
	coach_say(s,
		  "I plan no diets and no calories: a registered dietitian or your doctor can do "
		  "that properly. What helps any goal "
		  "is regular strength training, enough sleep, and protein spread over the "
		  "day. Ask me about the training part.");
}

static void
on_soreness(struct coach_say *s)
{
	coach_say_line(s, COACH_LINE_ADVICE);
	coach_say(s, "Muscle soreness of one to three days after new or hard work is normal. Train "
		     "other muscles, or the same one lightly; "
		     "if a set hurts more as you warm up, or soreness lasts beyond 72 hours, rest "
		     "that muscle. Sharp pain, swelling, "
		     "weakness or dark urine are no soreness: stop and have that seen.");
}

static void
on_motivation(struct coach_say *s)
{
	coach_say_line(s, COACH_LINE_MOTIVATION);
	if (s->facts->progress != NULL && s->facts->progress->streak != NULL)
		coach_say(s,
			  "You are at %u week%s in a row; your longest streak is %u. Rest days "
			  "count as training, too.",
			  s->facts->progress->streak->current_weeks,
			  s->facts->progress->streak->current_weeks == 1 ? "" : "s",
			  s->facts->progress->streak->longest_weeks);
}

static void
on_acknowledge(struct coach_say *s)
{
	coach_say(s, "Thank you for telling me; I am glad that you are looked after. Keep to what "
		     "you were told there, and start easy: "
		     "half the sets, and stop at the first sign that it comes back. Ask me when "
		     "you want to train again.");
}

static void
on_confirm(struct coach_say *s)
{
	if (s->facts->last_proposal)
		coach_say(s, "I do not change your plan myself. Press accept on the proposal, and "
			     "it becomes the next version of your plan; "
			     "until then nothing has changed.");
	else
		coach_say(s, "There is no open proposal from our last turn. Ask for one, for "
			     "example: \"Set bench press to 80 kg\".");
}

/* Without it no exercise has a name: what would be answered would be wrong. */
static bool
say_no_library(struct coach_say *s)
{
	const unsigned training = COACH_NEEDS_PLAN | COACH_NEEDS_SESSIONS | COACH_NEEDS_RECORDS;
	enum coach_intent intent = s->r->intent;

	if (coach_library_size(s->facts->library) > 0 ||
	    (intent != COACH_INTENT_TECHNIQUE && intent != COACH_INTENT_UNKNOWN &&
	     !(coach_intent_needs(intent) & training)))
		return false;
	coach_say(s, "I cannot read the exercise library at the moment, so I do not know exercises "
		     "by their names and will not guess about your plan. Please ask again in a "
		     "minute.");
	return true;
}

/* ---- the table ---- */

static void (*const answers[COACH_INTENT_COUNT])(struct coach_say *s) = {
	[COACH_INTENT_UNKNOWN] = on_unknown,
	[COACH_INTENT_GREETING] = on_greeting,
	[COACH_INTENT_THANKS] = on_thanks,
	[COACH_INTENT_WHO] = on_who,
	[COACH_INTENT_HELP] = on_help,
	[COACH_INTENT_NEXT] = coach_answer_next,
	[COACH_INTENT_WHY] = coach_answer_why,
	[COACH_INTENT_TECHNIQUE] = coach_answer_technique,
	[COACH_INTENT_SUBSTITUTE] = coach_answer_substitute,
	[COACH_INTENT_PROGRESS] = coach_answer_progress,
	[COACH_INTENT_EXERCISE_PROGRESS] = coach_answer_exercise_progress,
	[COACH_INTENT_RECORDS] = coach_answer_records,
	[COACH_INTENT_WEEKLY_SETS] = coach_answer_weekly_sets,
	[COACH_INTENT_PLATEAU] = coach_answer_plateau,
	[COACH_INTENT_DELOAD] = coach_answer_deload,
	[COACH_INTENT_LOAD] = coach_answer_load,
	[COACH_INTENT_RPE] = coach_answer_rpe,
	[COACH_INTENT_REST] = coach_answer_rest,
	[COACH_INTENT_WARMUP] = coach_answer_warmup,
	[COACH_INTENT_SWAP] = coach_answer_swap,
	[COACH_INTENT_CHANGE_LOAD] = coach_answer_change_load,
	[COACH_INTENT_MOVE_DAY] = coach_answer_move_day,
	[COACH_INTENT_SORENESS] = on_soreness,
	[COACH_INTENT_FREQUENCY] = coach_answer_frequency,
	[COACH_INTENT_MOTIVATION] = on_motivation,
	[COACH_INTENT_NUTRITION] = on_nutrition,
	[COACH_INTENT_INJECTION] = on_injection,
	[COACH_INTENT_ACKNOWLEDGE] = on_acknowledge,
	[COACH_INTENT_CONFIRM] = on_confirm,
	[COACH_INTENT_OFF_TOPIC] = on_off_topic,
	[COACH_INTENT_BEGINNER] = coach_answer_topic,
	[COACH_INTENT_GOALS] = coach_answer_topic,
	[COACH_INTENT_TERM] = coach_answer_term,
	[COACH_INTENT_ILLNESS] = coach_answer_topic,
	[COACH_INTENT_SLEEP] = coach_answer_topic,
	[COACH_INTENT_SHORT] = coach_answer_topic,
	[COACH_INTENT_HOME] = coach_answer_home,
	[COACH_INTENT_CARDIO] = coach_answer_topic,
	[COACH_INTENT_PRIVACY] = coach_answer_topic,
	[COACH_INTENT_LIMITS] = coach_answer_topic,
	[COACH_INTENT_ESTIMATE] = coach_answer_estimate,
	[COACH_INTENT_COMPARE] = coach_answer_compare,
	[COACH_INTENT_DECLINE] = coach_answer_topic,
	[COACH_INTENT_COMEBACK] = coach_answer_topic,
	[COACH_INTENT_LAST] = coach_answer_last,
	[COACH_INTENT_LANGUAGE] = coach_answer_language,
	[COACH_INTENT_SAFETY] = answer_safety,
};

static bool
is_found(const struct coach_findings *findings, const char *topic)
{
	for (size_t i = 0; i < findings->n; i++) {
		if (strcmp(findings->rows[i]->topic, topic) == 0)
			return true;
	}
	return false;
}

static void
answer(struct coach_say *s)
{
	const struct coach_reading *r = s->r;
	struct strbuf *text = &s->out->text;

	if (coach_reading_level(r) >= COACH_LEVEL_REFUSE) {
		answer_safety(s);
		return;
	}
	say_caution(s);
	/* A caution is an answer: what was not understood beside it needs no excuse. */
	if (!(r->findings.n > 0 && r->intent == COACH_INTENT_UNKNOWN) && !say_no_library(s))
		answers[r->intent](s);
	while (text->len > 0 && text->buf[text->len - 1] == '\n')
		text->buf[--text->len] = '\0';
	if (r->more)
		coach_say(s,
			  "\n\nThat was more than one question: ask me the other one by itself.");
}

void
coach_answer_make(const struct coach_reading *reading, const struct coach_facts *facts,
		  enum coach_personality personality, struct arena *arena,
		  struct coach_answer *ret_answer)
{
	struct coach_facts now = *facts;
	struct coach_say s = { reading, &now, personality, arena, ret_answer };

	*ret_answer = (struct coach_answer){ .text = STRBUF_ARENA(arena),
					     .about = reading->exercises[0] };
	/* What is said now counts like what was said before. */
	now.minor |= is_found(&reading->findings, "minor");
	now.pregnant |= is_found(&reading->findings, "pregnancy");
	answer(&s);
}
