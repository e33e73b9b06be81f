/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_kinds.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "tests/support/testkit.h"

static void
test_notification_kinds_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < NOTIFICATION_KINDS; i++) {
		const struct notification_kind *k = &notification_kinds[i];

		assert_non_null(k->name);
		assert_ptr_equal(notification_kind_find(k->name), k);
		assert_true(strcmp(k->importance, "low") == 0 ||
			    strcmp(k->importance, "normal") == 0 ||
			    strcmp(k->importance, "high") == 0);
		/* Names become file names; a subject is one short line of ASCII. */
		assert_int_equal(strspn(k->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(k->name));
		assert_in_range(strlen(k->title), 1, 60);
		for (const char *p = k->title; *p != '\0'; p++)
			assert_in_range(*p, ' ', '~');
		for (const char *p = k->body; *p != '\0'; p++)
			assert_in_range(*p, ' ', '~');
		/* One's own security cannot be switched off. */
		if (strcmp(k->importance, "high") == 0)
			assert_int_equal(k->governed_by, NOTIFICATION_ALWAYS);
		assert_true(k->news_h > 0);
		if (k->product_mail)
			assert_true(k->channels & NOTIFICATION_MAIL);
	}
	assert_null(notification_kind_find("nothing"));
}

static void
test_notification_kinds_switches(void **state)
{
	(void)state;
	assert_int_equal(notification_switch_find("records"), NOTIFICATION_RECORDS);
	assert_int_equal(notification_switch_find("streaks"), NOTIFICATION_STREAKS);
	assert_int_equal(notification_switch_find("plans"), NOTIFICATION_PLANS);
	assert_int_equal(notification_switch_find("security"), NOTIFICATION_ALWAYS);
	assert_int_equal(notification_switch_find(""), NOTIFICATION_ALWAYS);
}

static void
test_notification_kinds_render(void **state)
{
	static const struct {
		const char *template, *want;
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "{weeks}", "12" },
		{ "{weeks} of {total}", "12 of 52" },
		{ "a{weeks}{total}b", "a1252b" },
		{ "{name}", "{weeks}" }, /* values are not templates */
		{ "x[ of {total}]y", "x of 52y" },
		{ "x[ of {nobody}]y", "xy" },
		{ "[{nobody} ]{weeks}[{total}]", "1252" },
	};
	struct notification_params params = { 0 };
	struct arena *arena = arena_new(4096);

	(void)state;
	notification_params_add(&params, arena, "weeks", "12");
	notification_params_add(&params, arena, "total", "52");
	notification_params_add(&params, arena, "name", "{weeks}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out = STRBUF_INIT;

		notification_render(rows[i].template, &params, &out);
		assert_string_equal(strbuf_cstr(&out), rows[i].want);
		strbuf_fini(&out);
	}
	assert_string_equal(notification_params_get(&params, "total"), "52");
	assert_null(notification_params_get(&params, "tota"));
	arena_free(arena);
}

static void
render_bad(void *arg)
{
	struct notification_params params = { 0 };
	struct strbuf out = STRBUF_INIT;

	notification_render(arg, &params, &out);
}

static void
test_notification_kinds_render_refuses(void **state)
{
	char *const bad[] = { (char[]){ "{weeks}" },  (char[]){ "{weeks" },  (char[]){ "{" },
			      (char[]){ "[{weeks}" }, (char[]){ "[weeks]" }, (char[]){ "[" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = NULL;
		int status = testkit_fork(render_bad, bad[i], &text);

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		ASSERT_CONTAINS(text, "no value ");
		free(text);
	}
}

static void
test_notification_kinds_weight(void **state)
{
	static const struct {
		int64_t grams;
		const char *kg, *lb;
	} rows[] = {
		{ 0, "0 kg", "0 lb" },
		{ -5, "0 kg", "0 lb" },
		{ 1000, "1 kg", "2.2 lb" },
		{ 102500, "102.5 kg", "226 lb" },
		{ 102050, "102.05 kg", "225 lb" },
		{ 61237, "61.24 kg", "135 lb" }, /* what the app stores for 135 lb */
		{ 100000, "100 kg", "220.5 lb" },
		{ 4, "0 kg", "0 lb" },
		{ 5, "0.01 kg", "0 lb" },
		{ 999995, "1000 kg", "2204.6 lb" },
	};
	char text[NOTIFICATION_WEIGHT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		notification_weight(rows[i].grams, false, text);
		assert_string_equal(text, rows[i].kg);
		notification_weight(rows[i].grams, true, text);
		assert_string_equal(text, rows[i].lb);
	}
}

static void
test_notification_kinds_streaks_told(void **state)
{
	static const int told[] = { 2, 3, 4, 6, 8, 10, 13, 26, 39, 52, 65, 104 };
	size_t n = 0;

	(void)state;
	for (int weeks = -1; weeks <= 104; weeks++) {
		bool want = false;

		for (size_t i = 0; i < ARRAY_LEN(told); i++)
			want = want || told[i] == weeks;
		if (weeks != 78 && weeks != 91) /* also multiples of 13, left out of the list */
			assert_int_equal(notification_streak_told(weeks), want);
		n += notification_streak_told(weeks);
	}
	assert_int_equal(n, ARRAY_LEN(told) + 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notification_kinds_table),
		cmocka_unit_test(test_notification_kinds_switches),
		cmocka_unit_test(test_notification_kinds_render),
		cmocka_unit_test(test_notification_kinds_render_refuses),
		cmocka_unit_test(test_notification_kinds_weight),
		cmocka_unit_test(test_notification_kinds_streaks_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
