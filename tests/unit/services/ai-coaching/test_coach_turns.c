/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of user turns (tests/coach/turns.json), each in all three personalities: intent, safety
 * level and topic, what the answer must say (numbers above all), what it must not, and the proposal
 * if there is one.
 */
#include <jansson.h>
#include <stdio.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "tests/support/testkit.h"
#include "tests/unit/services/ai-coaching/coach_fixture.h"

static const char *
text(const json_t *turn, const char *name, const char *otherwise)
{
	const json_t *v = json_object_get(turn, name);

	return v != NULL ? json_string_value(v) : otherwise;
}

static unsigned
wrong(const char *say, const char *voice, const char *what, const char *got, const char *want)
{
	fprintf(stderr, "  \"%s\" (%s): %s is %s, not %s\n", say, voice, what, got, want);
	return 1;
}

static unsigned
check_text(const json_t *turn, const char *say, const char *voice, const char *answer)
{
	unsigned bad = 0;
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(turn, "has"), i, item)
	{
		if (strstr(answer, json_string_value(item)) == NULL)
			bad += wrong(say, voice, "the answer", answer, json_string_value(item));
	}
	json_array_foreach(json_object_get(turn, "not"), i, item)
	{
		if (strstr(answer, json_string_value(item)) != NULL)
			bad += wrong(say, voice, "the answer", answer, "without that");
	}
	return bad;
}

static unsigned
check_turn(struct fixture *f, const json_t *turn, enum coach_personality personality)
{
	const char *say = text(turn, "say", ""), *voice = coach_voice_name(personality);
	struct coach_reading r;
	struct coach_answer a;
	const char *level, *topic;
	unsigned bad = 0;

	fixture_ask(f, say, personality, &r, &a);
	level = coach_level_name(coach_reading_level(&r));
	topic = r.findings.n > 0 ? r.findings.rows[0]->topic : "";
	if (strcmp(coach_intent_name(r.intent), text(turn, "intent", "safety")) != 0)
		bad += wrong(say, voice, "the intent", coach_intent_name(r.intent),
			     text(turn, "intent", "safety"));
	if (strcmp(level, text(turn, "level", "none")) != 0)
		bad += wrong(say, voice, "the level", level, text(turn, "level", "none"));
	if (strcmp(topic, text(turn, "topic", "")) != 0)
		bad += wrong(say, voice, "the topic", topic, text(turn, "topic", ""));
	if (strcmp(a.has_draft ? coach_change_name(a.draft.type) : "",
		   text(turn, "proposal", "")) != 0)
		bad += wrong(say, voice, "the proposal",
			     a.has_draft ? coach_change_name(a.draft.type) : "none",
			     text(turn, "proposal", "none"));
	if (json_object_get(turn, "exercise") != NULL &&
	    (r.exercises[0] == NULL || strcmp(r.exercises[0]->id, text(turn, "exercise", "")) != 0))
		bad += wrong(say, voice, "the exercise",
			     r.exercises[0] != NULL ? r.exercises[0]->id : "none",
			     text(turn, "exercise", ""));
	if (a.text.len == 0)
		bad += wrong(say, voice, "the answer", "empty", "something");
	return bad + check_text(turn, say, voice, strbuf_cstr(&a.text));
}

static void
test_coach_turns_all(void **state)
{
	json_error_t error;
	json_t *turns = json_load_file("tests/coach/turns.json", 0, &error), *turn;
	struct fixture f;
	unsigned bad = 0;
	size_t i;

	(void)state;
	if (turns == NULL)
		fail_msg("line %d: %s", error.line, error.text);
	assert_true(json_array_size(turns) >= 120);
	fixture_open(&f);
	json_array_foreach(turns, i, turn)
	{
		unsigned before = bad;

		for (int p = 0; p < COACH_PERSONALITIES && bad == before; p++)
			bad += check_turn(&f, turn, (enum coach_personality)p);
	}
	fixture_close(&f);
	json_decref(turns);
	if (bad > 0)
		fail_msg("%u wrong", bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coach_turns_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
