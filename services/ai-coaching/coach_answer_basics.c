/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that need little or nothing of the user's own: beginnings, terms, what is not done here.
 */
#include <math.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_answer.h"

/* ---- terms ---- */

static const struct {
	const char *word, *then; /* a second word right after it, or "" */
	const char *text;
} terms[] = {
	{ "superset", "",
	  "A superset is two exercises one after the other without rest between them; "
	  "then you rest. It saves time; best with muscles that do not share work." },
	{ "drop", "set",
	  "A drop set goes on with about 20 % less load as soon as you can do no more. "
	  "It is hard: keep it for the last set of a small exercise." },
	{ "dropset", "",
	  "A drop set goes on with about 20 % less load as soon as you can do no more. "
	  "It is hard: keep it for the last set of a small exercise." },
	{ "amrap", "",
	  "AMRAP is \"as many repetitions as possible\" with clean technique; stop one or "
	  "two before you would fail." },
	{ "progressive", "overload",
	  "Progressive overload means asking a little more over time: first "
	  "more repetitions, then more load. Your plan does it by double "
	  "progression." },
	{ "double", "progression",
	  "Double progression: repetitions grow inside of their range; when "
	  "every set is at the top, the load goes up one step and the "
	  "repetitions start low again." },
	{ "hypertrophy", "",
	  "Hypertrophy is growth of muscle. Most sets of 6 to 15 repetitions with 1 "
	  "to 3 in reserve do it; 10 to 20 hard sets a week for a muscle fit most "
	  "people." },
	{ "compound", "",
	  "A compound exercise moves several joints and trains several muscles, such "
	  "as a squat; an isolation exercise moves one, such as a curl." },
	{ "isolation", "",
	  "An isolation exercise moves one joint, such as a curl; a compound exercise "
	  "moves several, such as a squat." },
	{ "tempo", "",
	  "Tempo is how long each part of a repetition takes, for example 3-1-1: three "
	  "seconds down, one pause, one up." },
	{ "split", "",
	  "A split says which muscles are trained on which day: full body, upper and "
	  "lower, or push, pull and legs." },
	{ "e1rm", "",
	  "e1RM is your estimated one-repetition maximum, worked out from the load, the "
	  "repetitions and how many you had left. It shows progress without testing it." },
	{ "1rm", "",
	  "1RM is the most that you could lift once. I estimate it from your sets (e1RM); "
	  "there is no need to test it." },
	{ "volume", "",
	  "Volume is how much work you did: hard sets a week for a muscle, or volume "
	  "load, repetitions times kilograms." },
	{ "rep", "",
	  "A repetition (rep) is one whole movement; a set is several of them without a "
	  "break: 3 × 8 is three sets of eight repetitions." },
	{ "set", "",
	  "A set is several repetitions without a break: 3 × 8 is three sets of eight "
	  "repetitions, with a rest between the sets." },
	{ "failure", "",
	  "Failure is the repetition that you cannot finish with clean technique. Stop "
	  "one to three before it in most sets." },
};

void
coach_answer_term(struct coach_say *s)
{
	const struct coach_words *w = &s->r->words;

	for (size_t k = 0; k < ARRAY_LEN(terms); k++) {
		size_t n = strlen(terms[k].word);

		for (size_t i = 0; i < w->n; i++) {
			bool plural = strncmp(w->w[i].text, terms[k].word, n) == 0 &&
				      strcmp(w->w[i].text + n, "s") == 0;

			if (strcmp(w->w[i].text, terms[k].word) != 0 && !plural)
				continue;
			if (*terms[k].then != '\0' &&
			    (i + 1 >= w->n ||
			     strncmp(w->w[i + 1].text, terms[k].then, strlen(terms[k].then)) != 0))
				continue;
			coach_say(s, "%s", terms[k].text);
			return;
		}
	}
	coach_say(s, "Ask me about one term at a time, for example: \"What is a superset?\".");
}

/* ---- topics with one answer ---- */

static const struct {
	enum coach_intent intent;
	bool advice; /* begins in the coach's own voice */
	const char *text;
} topics[] = {
	{ COACH_INTENT_BEGINNER, true,
	  "Welcome. Two or three days a week with a day between them are plenty: one exercise each "
	  "for pushing, pulling, squatting, bending at the hips, and the trunk; 2 to 3 sets of 8 to "
	  "12 repetitions, always stopping with 2 to 3 in reserve. Learn the movement first, with a "
	  "load that feels light, and write every set down here: then I can tell you what comes "
	  "next. If you have a heart condition, chest pain, dizziness or an injury, see a doctor "
	  "first. Ask me for example: \"How do I do a goblet squat?\"." },
	{ COACH_INTENT_GOALS, true,
	  "Muscle and strength come from the same things: train each muscle about twice a week, take "
	  "most sets to 1 to 3 repetitions in reserve, add a repetition or a little load when it "
	  "goes well, and sleep enough. No exercise takes fat off one place. Strength shows within "
	  "weeks, changes that others see take about two to three months." },
	{ COACH_INTENT_ILLNESS, true,
	  "With a cold that stays above the neck, easy movement is fine: half the sets, nothing "
	  "hard. With fever, cough, aching limbs or stomach trouble, rest until you have been well "
	  "for a day, then start with about half and build up over a week. See a doctor if it gets "
	  "worse, or if breath or chest trouble you." },
	{ COACH_INTENT_SLEEP, true,
	  "Adults do best with about 7 to 9 hours. After a short night train anyway if you feel "
	  "well, with a set less for each exercise and no new maximums." },
	{ COACH_INTENT_SHORT, true,
	  "Do the first two or three exercises of the day, and pair them as supersets: that keeps "
	  "most of the effect. Leave the small exercises out; what you skip is not lost, the next "
	  "session goes on from there. Ask me \"what is next\" for their loads." },
	{ COACH_INTENT_CARDIO, true,
	  "Both go together. Put what matters more to you first; with strength in front, do cardio "
	  "after the weights or on another day, and keep hard running away from the day before "
	  "heavy legs. Two to three easy sessions of 20 to 40 minutes a week take nothing from your "
	  "lifts." },
	{ COACH_INTENT_PRIVACY, false,
	  "I read your own profile, plan and sessions to answer, and nobody else's. Our last 100 "
	  "turns are kept for 30 days after the latest one; you can delete the conversation in the "
	  "app at any time. What we say is not passed on to other users." },
	{ COACH_INTENT_COMEBACK, true,
	  "Start again with about two thirds of the sets and 10 % less load, and stop with 2 to 3 "
	  "repetitions in reserve. Strength comes back faster than it was built: after a week or two "
	  "you are usually where you were. Nothing in your plan is lost; ask me \"what is next\"." },
	{ COACH_INTENT_DECLINE, false,
	  "All right: I have changed nothing. A proposal that you do not accept ends by itself, and a "
	  "version that you accepted can be taken back in the plan's history." },
	{ COACH_INTENT_LIMITS, false,
	  "I cannot do that. I can propose three changes of a plan, which you accept or leave: "
	  "another exercise (\"Swap bench press for dips\"), another load (\"Set bench press to 62.5 "
	  "kg\") and another day (\"Move leg day to Thursday\"). Plans are made, shortened, renamed "
	  "and deleted in the app; reminders are set there, too." },
};

void
coach_answer_topic(struct coach_say *s)
{
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		if (topics[i].intent != s->r->intent)
			continue;
		if (topics[i].advice)
			coach_say_line(s, COACH_LINE_ADVICE);
		coach_say(s, "%s", topics[i].text);
	}
}

void
coach_answer_language(struct coach_say *s)
{
	coach_say(s, "%s\nI understand English only: please ask me in English.", s->r->language);
}

/* ---- without a gym ---- */

static bool
without_equipment(const coach_exercise *e)
{
	return e->n_equipment_required == 0 ||
	       (e->n_equipment_required == 1 && coach_exercise_uses(e, "none"));
}

void
coach_answer_home(struct coach_say *s)
{
	static const char *const muscles[] = { "quadriceps", "chest", "glutes", "lower_back",
					       "abdominals" };
	const coach_exercise *taken[ARRAY_LEN(muscles)];
	size_t n = 0;

	coach_say(s,
		  "Without equipment, three rounds of these, 8 to 15 repetitions each (or 20 to 40 "
		  "seconds), with 2 in reserve:\n");
	for (size_t m = 0; m < ARRAY_LEN(muscles); m++) {
		const coach_exercise *best = NULL;

		for (size_t i = 0; i < coach_library_size(s->facts->library); i++) {
			const coach_exercise *e = coach_library_at(s->facts->library, i);
			bool fits = coach_exercise_trains(e, muscles[m]) &&
				    coach_exercise_strengthens(e) && without_equipment(e) &&
				    strcmp(e->difficulty_level, "beginner") == 0 &&
				    coach_facts_forbids(s->facts, e) == NULL;

			for (size_t k = 0; k < n; k++)
				fits = fits && taken[k] != e;
			if (fits && (best == NULL || coach_exercise_order(e, best) < 0))
				best = e;
		}
		if (best == NULL)
			continue;
		taken[n++] = best;
		coach_say(s, "- %s\n", best->name);
	}
	coach_say(s, "Ask me about any of them, or for a substitute: \"Bench press at home\".");
}

/* ---- an estimate out of one set ---- */

void
coach_answer_estimate(struct coach_say *s)
{
	double said = s->r->weight_kg;
	int64_t grams, best;

	if (s->facts->minor || s->facts->pregnant) {
		coach_say(s, "Train ");
		(void)coach_say_no_load(s);
		coach_say(s, ".");
		return;
	}
	if (said > 0 && s->r->reps == 0) {
		grams = llround(said * 1000);
		coach_say(s, "%s is %s.", coach_weight_text(grams, false, s->arena),
			  coach_weight_text(grams, true, s->arena));
		return;
	}
	if (said <= 0 || s->r->reps == 0 || s->r->reps > 15) {
		coach_say(s,
			  "Tell me one set of up to 15 repetitions, for example: \"100 kg for 5, "
			  "what is my 1RM?\".");
		return;
	}
	grams = llround(said * 1000);
	best = coach_e1rm(grams, s->r->reps, (unsigned)lround(s->r->rpe * 2));
	coach_say(
		s,
		"%s for %u repetitions is an e1RM of about %s. Use it for planning, not as a goal "
		"for today: 5 repetitions with 2 in reserve would be about %s.",
		coach_say_weight(s, grams), s->r->reps, coach_say_weight(s, coach_round(best, 500)),
		coach_say_weight(s, coach_round(coach_load_for(best, 5, 2), 2500)));
}

/* ---- two exercises ---- */

static void
say_muscles(struct coach_say *s, const coach_exercise *e)
{
	coach_say(s, "- %s:", e->name);
	for (size_t i = 0; i < e->n_muscle_groups; i++)
		coach_say(s, "%s %s", i > 0 ? "," : "", e->muscle_groups[i]);
	for (size_t i = 0; i < e->n_secondary_muscles; i++)
		coach_say(s, "%s %s", i > 0 ? "," : "; helping:", e->secondary_muscles[i]);
	coach_say(s, " (%s)\n", e->difficulty_level);
}

void
coach_answer_compare(struct coach_say *s)
{
	const coach_exercise *a = s->r->exercises[0], *b = s->r->exercises[1];

	if (a == NULL || b == NULL) {
		coach_say(s, "Name the two exercises, for example: \"Squat or leg press?\".");
		return;
	}
	coach_say_line(s, COACH_LINE_TECHNIQUE);
	say_muscles(s, a);
	say_muscles(s, b);
	coach_say(
		s,
		"They train %.0f %% of the same muscles. Neither is better by itself: keep the one "
		"that you do cleanly, without pain, and can add to over months.",
		100 * coach_exercise_similarity(a, b));
}
