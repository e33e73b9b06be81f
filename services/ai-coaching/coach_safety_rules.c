/* SPDX-License-Identifier: Apache-2.0 */
/* Signs in numbers: calories, kilograms a week, ages, BMI, pain out of ten. Thresholds stand beside
 * each rule. */
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_safety_table.h"

#define KG_PER_LB 0.45359237

static const char *
word_at(const struct coach_words *words, size_t i)
{
	return i < words->n ? words->w[i].text : "";
}

static bool
is_any(const char *word, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(word, *list) == 0)
			return true;
	}
	return false;
}

static bool
has_any(const struct coach_words *words, const char *const *list)
{
	for (size_t i = 0; i < words->n; i++) {
		if (is_any(words->w[i].text, list))
			return true;
	}
	return false;
}

/* Less than 1500 kcal a day, for women 1200. What is burnt or in a meal is no diet. */
bool
coach_safety_low_calories(const struct coach_lexicon *lex, const struct coach_words *words)
{
	static const char *const women[] = { "woman", "female", "girl", "women", "lady", NULL };
	static const char *const other[] = { "burn",      "burned", "burnt",  "burning", "meal",
					     "breakfast", "lunch",  "dinner", "deficit", "surplus",
					     "snack",     "shake",  "bar",    "session", NULL };
	double least = has_any(words, women) ? 1200 : 1500;

	(void)lex;
	if (has_any(words, other))
		return false;
	for (size_t i = 0; i < words->n; i++) {
		const struct coach_word *w = &words->w[i];

		if (w->number && strcmp(word_at(words, i + 1), "kcal") == 0 && w->value < least)
			return true;
	}
	return false;
}

/* More than 1 kg a week: "lose 10 kg in 2 weeks", "drop 5 lb by Friday". */
bool
coach_safety_fast_loss(const struct coach_lexicon *lex, const struct coach_words *words)
{
	static const char *const lose[] = { "lose", "losing", "drop",  "dropping", "shed",
					    "cut",  "lost",   "loose", NULL };
	static const char *const days[] = { "friday",   "monday",   "tuesday", "wednesday",
					    "thursday", "saturday", "sunday",  "tomorrow",
					    "weekend",  NULL };

	(void)lex;
	for (size_t i = 0; i < words->n; i++) {
		double kg = 0, n = 1;

		if (!is_any(words->w[i].text, lose))
			continue;
		for (size_t k = i + 1; k < words->n && k < i + 14; k++) {
			const struct coach_word *w = &words->w[k];
			const char *unit = word_at(words, k + 1);
			double weeks = 0;

			if (w->number && kg == 0 &&
			    (strcmp(unit, "kg") == 0 || strcmp(unit, "lb") == 0)) {
				kg = w->value * (unit[0] == 'l' ? KG_PER_LB : 1);
				k++;
				continue;
			}
			if (kg == 0)
				continue;
			if (w->number)
				n = w->value;
			else if (strcmp(w->text, "two") == 0)
				n = 2;
			else if (strcmp(w->text, "three") == 0)
				n = 3;
			else if (strcmp(w->text, "week") == 0 || strcmp(w->text, "weeks") == 0 ||
				 is_any(w->text, days))
				weeks = n;
			else if (strcmp(w->text, "day") == 0 || strcmp(w->text, "days") == 0)
				weeks = n / 7;
			else if (strcmp(w->text, "month") == 0 || strcmp(w->text, "months") == 0)
				weeks = n * 4.345;
			if (weeks > 0) {
				if (kg / weeks > 1.0)
					return true;
				break;
			}
		}
	}
	return false;
}

/* "i am 15", "15 years old", "aged 15"; -1 when none is said. */
static double
age(const struct coach_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		const struct coach_word *w = &words->w[i];
		const char *next = word_at(words, i + 1), *then = word_at(words, i + 2);
		bool self = (i >= 2 && strcmp(words->w[i - 1].text, "am") == 0 &&
			     strcmp(words->w[i - 2].text, "i") == 0) ||
			    (i >= 1 && strcmp(words->w[i - 1].text, "aged") == 0) ||
			    (i >= 1 && strcmp(words->w[i - 1].text, "turned") == 0) ||
			    (i >= 3 && strcmp(words->w[i - 1].text, "only") == 0 &&
			     strcmp(words->w[i - 2].text, "am") == 0);
		bool old = (strcmp(next, "years") == 0 || strcmp(next, "year") == 0) &&
			   (strcmp(then, "old") == 0 || strcmp(then, "of") == 0 ||
			    (i + 3 < words->n && strcmp(then, "olds") == 0));

		if (!w->number || w->value < 5 || w->value > 120)
			continue;
		/* "i am 15 reps in", "i am 80 kg". */
		if (self && (next[0] == '\0' || words->w[i + 1 < words->n ? i + 1 : i].breaks ||
			     strcmp(next, "and") == 0 || strcmp(next, "can") == 0 ||
			     strcmp(next, "how") == 0 || strcmp(next, "should") == 0 ||
			     strcmp(next, "years") == 0 || strcmp(next, "year") == 0 ||
			     strcmp(next, "but") == 0 || strcmp(next, "so") == 0 ||
			     strcmp(next, "what") == 0 || strcmp(next, "is") == 0))
			return w->value;
		if (old)
			return w->value;
	}
	return -1;
}

bool
coach_safety_child(const struct coach_lexicon *lex, const struct coach_words *words)
{
	double years = age(words);

	(void)lex;
	return years >= 5 && years < 13;
}

bool
coach_safety_teenager(const struct coach_lexicon *lex, const struct coach_words *words)
{
	double years = age(words);

	(void)lex;
	return years >= 13 && years < 18;
}

bool
coach_safety_older(const struct coach_lexicon *lex, const struct coach_words *words)
{
	(void)lex;
	return age(words) >= 65;
}

#define BMI_LOW 18.5 /* underweight: WHO */

/* Metres, of "170 cm", "1.7 m"; 0: no height stands there. */
static double
height_at(const struct coach_words *words, size_t i)
{
	const char *unit = word_at(words, i + 1);
	double v = words->w[i].number ? words->w[i].value : 0;

	if (strcmp(unit, "cm") == 0)
		v /= 100;
	else if (strcmp(unit, "m") != 0)
		return 0;
	return v > 1.2 && v < 2.3 ? v : 0;
}

static double
weight_at(const struct coach_words *words, size_t i)
{
	const char *unit = word_at(words, i + 1);

	if (!words->w[i].number)
		return 0;
	return strcmp(unit, "kg") == 0   ? words->w[i].value
	       : strcmp(unit, "lb") == 0 ? words->w[i].value * KG_PER_LB
					 : 0;
}

/* A BMI under 18.5 that somebody has or wants, said as such or by weight and height. A change
 * ("lose 5 kg") is no weight. */
bool
coach_safety_low_bmi(const struct coach_lexicon *lex, const struct coach_words *words)
{
	static const char *const change[] = { "lose",   "losing", "lost", "gain",
					      "gained", "drop",   "by",   NULL };
	double kg = 0, height = 0;

	(void)lex;
	for (size_t i = 0; i < words->n; i++) {
		for (size_t k = i + 1;
		     strcmp(words->w[i].text, "bmi") == 0 && k < words->n && k < i + 5; k++) {
			if (words->w[k].number && words->w[k].value > 8 &&
			    words->w[k].value < BMI_LOW)
				return true;
		}
		if (height == 0)
			height = height_at(words, i);
		if (weight_at(words, i) > 25 && (i == 0 || !is_any(words->w[i - 1].text, change)) &&
		    (kg == 0 || weight_at(words, i) < kg))
			kg = weight_at(words, i);
	}
	return kg > 0 && height > 0 && kg / (height * height) < BMI_LOW;
}

/* "pain is 6 out of 10": above 3 is too much to train on. */
bool
coach_safety_much_pain(const struct coach_lexicon *lex, const struct coach_words *words)
{
	static const char *const pain[] = { "pain", "hurts", "ache", "aches", "hurt", NULL };

	(void)lex;
	if (!has_any(words, pain))
		return false;
	for (size_t i = 0; i + 1 < words->n; i++) {
		const struct coach_word *w = &words->w[i];
		bool of_ten = words->w[i + 1].number && words->w[i + 1].value == 10;

		if (i + 3 < words->n && strcmp(words->w[i + 1].text, "out") == 0 &&
		    strcmp(words->w[i + 2].text, "of") == 0)
			of_ten = words->w[i + 3].number && words->w[i + 3].value == 10;
		if (w->number && of_ten && w->value > 3 && w->value <= 10)
			return true;
	}
	return false;
}
