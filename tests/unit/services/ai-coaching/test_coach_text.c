/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "services/ai-coaching/coach_lexicon.h"
#include "tests/support/testkit.h"

static void
test_coach_text_words(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "What's NEXT?", "what is next" },
		{ "3x8@80kg", "3 x 8 80 kg" },
		{ "1,000 kcal and 80,5 kg", "1000 kcal and 80.5 kg" },
		{ "12.5kg", "12.5 kg" },
		{ "st3r0ids", "steroids" },
		{ "s t e r o i d s now", "steroids now" },
		{ "heeeelp", "help" },
		{ "caf\xc3\xa9 \xef\xbc\xa1", "cafe a" },
		{ "ste\xe2\x80\x8broids", "steroids" },
		{ "ste.roids", "steroids" },
		{ "\xd0\xb0\xd1\x80", "ap" }, /* Cyrillic */
		{ "1rm 5k", "1rm 5k" },
		{ "50%", "50 %" },
		{ "\xff\xfe\x80", "" },
		{ "", "" },
		{ "6/10", "6 10" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena *arena = arena_new(1 << 20);
		struct strbuf got = STRBUF_INIT;
		struct coach_words words;

		coach_text_words(slice_str(rows[i].text), arena, &words);
		for (size_t k = 0; k < words.n; k++) {
			strbuf_adds(&got, k > 0 ? " " : "");
			if (words.w[k].number)
				strbuf_addf(&got, "%g", words.w[k].value);
			else
				strbuf_adds(&got, words.w[k].text);
		}
		assert_string_equal(strbuf_cstr(&got), rows[i].words);
		strbuf_fini(&got);
		arena_free(arena);
	}
}

static void
test_coach_text_bounded(void **state)
{
	struct arena *arena = arena_new(1 << 20);
	char text[4001];
	struct coach_words words;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 == 0 ? '7' : ' ';
	text[sizeof(text) - 1] = '\0';
	coach_text_words(slice_str(text), arena, &words);
	assert_int_equal(words.n, COACH_WORDS_MAX);
	memset(text, 'a', sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		text[i] = 'b';
	coach_text_words(slice_str(text), arena, &words);
	assert_int_equal(words.n, 1);
	assert_int_equal(strlen(words.w[0].text), COACH_WORD_SIZE - 1);
	arena_free(arena);
}

static void
test_coach_text_quote(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *want;
	} rows[] = {
		{ "Push day", 20, "Push day" },           { "<b>x</b>", 20, "b x /b" },
		{ "[a](http://b)", 30, "a http://b" },    { "a\nb\x01 c", 20, "a b c" },
		{ "a\xe2\x80\xae z", 20, "a z" },         { "0123456789", 4, "0123…" },
		{ "Z\xc3\xbcrich", 20, "Z\xc3\xbcrich" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out = STRBUF_INIT;

		coach_text_quote(slice_str(rows[i].text), rows[i].max, &out);
		assert_string_equal(strbuf_cstr(&out), rows[i].want);
		strbuf_fini(&out);
	}
}

static void
test_coach_text_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned max, want;
	} rows[] = {
		{ "squat", "squat", 2, 0 },  { "sqaut", "squat", 2, 1 }, { "squt", "squat", 2, 1 },
		{ "squaat", "squat", 2, 1 }, { "sqxat", "squat", 2, 1 }, { "bench", "chest", 2, 3 },
		{ "", "ab", 2, 2 },          { "abc", "abcdef", 2, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(coach_text_distance(rows[i].a, strlen(rows[i].a), rows[i].b,
						     strlen(rows[i].b), rows[i].max),
				 rows[i].want);
}

static void
test_coach_text_spelling(void **state)
{
	struct coach_lexicon *lex = coach_lexicon_new();

	(void)state;
	coach_lexicon_add_all(lex, "bench brench suicide", 0);
	coach_lexicon_add_all(lex, "main", COACH_WORD_COMMON);
	coach_lexicon_add_all(lex, "pain", COACH_WORD_SAFETY);
	assert_int_equal(coach_lexicon_nearest(lex, "benhc", 5),
			 coach_lexicon_find(lex, "bench", 5));
	assert_int_equal(coach_lexicon_nearest(lex, "sucidie", 7),
			 -1); /* two edits in seven letters */
	assert_int_equal(coach_lexicon_nearest(lex, "suiciide", 8),
			 coach_lexicon_find(lex, "suicide", 7));
	assert_int_equal(coach_lexicon_nearest(lex, "pian", 4), coach_lexicon_find(lex, "pain", 4));
	assert_int_equal(coach_lexicon_nearest(lex, "mainn", 5),
			 -1); /* nothing is corrected to a common word */
	assert_int_equal(coach_lexicon_nearest(lex, "pin", 3), -1);
	coach_lexicon_free(lex);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coach_text_words),
		cmocka_unit_test(test_coach_text_bounded),
		cmocka_unit_test(test_coach_text_quote),
		cmocka_unit_test(test_coach_text_distance),
		cmocka_unit_test(test_coach_text_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
