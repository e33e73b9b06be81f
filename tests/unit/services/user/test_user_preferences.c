/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/user/user_mask.h"
#include "services/user/user_preferences.h"
#include "tests/support/testkit.h"

typedef Fit__User__V1__Preferences preferences;

static char *tz_dir; /* with Europe/Berlin, UTC and a file that is no zone */

static int
setup(void **state)
{
	(void)state;
	tz_dir = testkit_temp_dir();
	free(testkit_write_file(tz_dir, "Europe/Berlin", SLICE_LIT("TZif2")));
	free(testkit_write_file(tz_dir, "UTC", SLICE_LIT("TZif2")));
	free(testkit_write_file(tz_dir, "Etc/README", SLICE_LIT("text")));
	free(testkit_write_file(tz_dir, "posix/UTC", SLICE_LIT("TZif2")));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	testkit_remove_dir(tz_dir);
	return 0;
}

static void
test_user_preferences_language_tag(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "en", "en" },
		{ "EN-us", "en-US" },
		{ "pt-br", "pt-BR" },
		{ "ZH-hANT-tw", "zh-Hant-TW" },
		{ "es-419", "es-419" },
		{ "de-CH-1996", "de-CH-1996" },
		{ "zh-yue-HK", "zh-yue-HK" },
		{ "en-x-FUN", "en-x-fun" },
		{ "de-u-CO-phonebk", "de-u-co-phonebk" },
		{ "", NULL },
		{ "e", NULL },
		{ "en-", NULL },
		{ "-en", NULL },
		{ "en--us", NULL },
		{ "en_US", NULL },
		{ "12", NULL },
		{ "e2", NULL },
		{ "abcdefghi", NULL },
		{ "en-abcdefghi", NULL },
		{ "d\xc3\xa4", NULL },
		{ "aa-bbbbbbbb-cccccccc-dddddddd-eeeeeee", NULL }, /* 36 */
	};
	char tag[36];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = user_language_tag(cases[i].text, tag);

		if (good != (cases[i].want != NULL))
			fail_msg("\"%s\" was %s", cases[i].text, good ? "accepted" : "refused");
		if (good)
			assert_string_equal(tag, cases[i].want);
	}
}

static void
test_user_preferences_time_zone(void **state)
{
	static const char *const bad[] = {
		"",          "Europe",      "Europe/Atlantis", "europe/berlin", "Etc/README",
		"posix/UTC", "/etc/passwd", "../UTC",          "Europe/../UTC", "Europe//Berlin",
		"UTC\n",     "UTC/"
	};

	(void)state;
	assert_true(user_time_zone_known(tz_dir, "Europe/Berlin"));
	assert_true(user_time_zone_known(tz_dir, "UTC"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (user_time_zone_known(tz_dir, bad[i]))
			fail_msg("\"%s\" was accepted", bad[i]);
	}
	/* The system's own database, which the service uses. */
	assert_true(user_time_zone_known("/usr/share/zoneinfo", "America/Argentina/Buenos_Aires"));
}

static void
test_user_preferences_time_of_day(void **state)
{
	static const char *const good[] = { "00:00", "09:30", "19:59", "23:59" };
	static const char *const bad[] = { "",     "24:00", "23:60", "9:30",   "09.30", "0930",
					   "09:3", "ab:cd", "-1:30", "09:300", "29:00", " 9:30" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(user_time_of_day(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (user_time_of_day(bad[i]))
			fail_msg("\"%s\" was accepted", bad[i]);
	}
}

/* ---- sets ---- */

static char lb[] = "lb", steady[] = "steady", monday[] = "monday", friday[] = "friday";
static char h22[] = "22:00", h23[] = "23:00", h6[] = "06:00";
static char *days[] = { monday, friday };

static preferences *
chosen(struct arena *arena)
{
	preferences *p = user_preferences_normal(arena, NULL);

	p->units = lb;
	p->reminders->enabled = true;
	p->reminders->days = days;
	p->reminders->n_days = 2;
	p->quiet_hours->start = h23;
	p->privacy->share_workouts = true;
	return p;
}

static Google__Protobuf__FieldMask
mask_of(char **paths, size_t n)
{
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;

	mask.paths = paths;
	mask.n_paths = n;
	return mask;
}

static void
test_user_preferences_defaults(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	preferences *p = user_preferences_complete(arena, user_preferences_normal(arena, NULL));

	(void)state;
	assert_string_equal(p->units, "kg");
	assert_string_equal(p->language, "en");
	assert_string_equal(p->time_zone, "UTC");
	assert_string_equal(p->personality, "supportive");
	assert_string_equal(p->reminders->time, "18:00");
	assert_string_equal(p->quiet_hours->start, "22:00");
	assert_string_equal(p->quiet_hours->end, "07:00");
	assert_false(p->reminders->enabled || p->quiet_hours->enabled ||
		     p->privacy->profile_visible || p->privacy->share_workouts ||
		     p->privacy->behaviour_analytics || p->privacy->product_emails);
	/* Chosen values stay, and the argument is not touched. */
	preferences *mine = chosen(arena);
	p = user_preferences_complete(arena, mine);
	assert_string_equal(p->units, "lb");
	assert_string_equal(p->quiet_hours->start, "23:00");
	assert_string_equal(mine->language, "");
	arena_free(arena);
}

static void
test_user_preferences_merge(void **state)
{
	/* What the client sent, as paths (the values are `patch` below); the set after it. */
	static const struct {
		const char *paths[3];
		const char *units, *start, *end;
		bool enabled, share;
		size_t ndays;
	} cases[] = {
		{ { NULL }, "lb", "23:00", "", true, true, 2 },
		{ { "personality" }, "lb", "23:00", "", true, true, 2 },
		{ { "units" }, "", "23:00", "", true, true, 2 }, /* null */
		{ { "quiet_hours", "quiet_hours.end" }, "lb", "23:00", "06:00", true, true, 2 },
		{ { "quiet_hours.end" }, "lb", "23:00", "06:00", true, true, 2 },
		{ { "quiet_hours" }, "lb", "", "06:00", true, true, 2 }, /* all */
		{ { "reminders" }, "lb", "23:00", "", false, true, 0 },  /* null */
		{ { "reminders.days" }, "lb", "23:00", "", true, true, 0 },
		{ { "privacy.share_workouts", "reminders.enabled" },
		  "lb",
		  "23:00",
		  "",
		  false,
		  false,
		  2 },
	};
	struct arena *arena = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		preferences *stored = chosen(arena), *patch = user_preferences_normal(arena, NULL),
			    *p;
		char *paths[3];
		size_t n = 0;

		for (; n < 3 && cases[i].paths[n] != NULL; n++)
			paths[n] = arena_strdup(arena, cases[i].paths[n]);
		Google__Protobuf__FieldMask mask = mask_of(paths, n);
		patch->personality = steady;
		patch->quiet_hours->end = h6;
		ASSERT_OK(user_preferences_check_mask(&mask, NULL), NULL);
		p = user_preferences_merge(arena, stored, patch, &mask);
		assert_string_equal(p->units, cases[i].units);
		assert_string_equal(p->quiet_hours->start, cases[i].start);
		assert_string_equal(p->quiet_hours->end, cases[i].end);
		assert_int_equal(p->reminders->enabled, cases[i].enabled);
		assert_int_equal(p->privacy->share_workouts, cases[i].share);
		assert_int_equal(p->reminders->n_days, cases[i].ndays);
		assert_string_equal(stored->units, "lb"); /* a copy was changed */
	}
	arena_free(arena);
}

static void
test_user_preferences_mask_is_checked(void **state)
{
	static const char *const bad[] = { "unit", "units.x", "quiet_hours.begin", "quiet",
					   "",     "*",       "reminders." };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *path = (char *)(uintptr_t)bad[i];
		Google__Protobuf__FieldMask mask = mask_of(&path, 1);

		err_init(&err);
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT, user_preferences_check_mask(&mask, &err),
			      &err);
		assert_int_equal(err.nfields, 1);
	}
	ASSERT_OK(user_preferences_check_mask(NULL, &err), &err);
}

static void
test_user_preferences_diff(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	preferences *a = chosen(arena), *b = chosen(arena);
	char *names[USER_PREFERENCES_MAX];

	(void)state;
	assert_int_equal(user_preferences_diff(a, b, names), 0);
	b->time_zone = steady;
	b->reminders->n_days = 1;
	b->quiet_hours->start = h22;
	b->privacy->share_workouts = false;
	assert_int_equal(user_preferences_diff(a, b, names), 4);
	assert_string_equal(names[0], "time_zone");
	assert_string_equal(names[1], "reminders.days");
	assert_string_equal(names[2], "quiet_hours.start");
	assert_string_equal(names[3], "privacy.share_workouts");
	arena_free(arena);
}

static void
test_user_preferences_check(void **state)
{
	static const struct {
		const char *language, *zone, *start, *end, *reminder;
		const char *want; /* field, NULL: good */
	} cases[] = {
		{ "", "", "", "", "", NULL },
		{ "pt-br", "Europe/Berlin", "21:00", "05:00", "07:30", NULL },
		{ "english please", "", "", "", "", "language" },
		{ "", "Mars/Olympus", "", "", "", "timeZone" },
		{ "", "", "25:00", "", "", "quietHours.start" },
		{ "", "", "", "7 am ", "", "quietHours.end" },
		{ "", "", "", "", "18:60", "reminders.time" },
		{ "", "", "12:00", "12:00", "", "quietHours.end" },
		{ "", "", "07:00", "", "", "quietHours.end" }, /* equal to the default end */
	};
	struct arena *arena = arena_new(1 << 16);
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		preferences *p = user_preferences_normal(arena, NULL);

		err_init(&err);
		p->language = arena_strdup(arena, cases[i].language);
		p->time_zone = arena_strdup(arena, cases[i].zone);
		p->quiet_hours->start = arena_strdup(arena, cases[i].start);
		p->quiet_hours->end = arena_strdup(arena, cases[i].end);
		p->reminders->time = arena_strdup(arena, cases[i].reminder);
		if (cases[i].want == NULL) {
			ASSERT_OK(user_preferences_check(arena, p, tz_dir, &err), &err);
			assert_string_equal(p->language, *cases[i].language != '\0' ? "pt-BR" : "");
		} else {
			ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
				      user_preferences_check(arena, p, tz_dir, &err), &err);
			assert_int_equal(err.nfields, 1);
			assert_string_equal(err.fields[0].path, cases[i].want);
		}
	}
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_preferences_language_tag),
		cmocka_unit_test(test_user_preferences_time_zone),
		cmocka_unit_test(test_user_preferences_time_of_day),
		cmocka_unit_test(test_user_preferences_defaults),
		cmocka_unit_test(test_user_preferences_merge),
		cmocka_unit_test(test_user_preferences_mask_is_checked),
		cmocka_unit_test(test_user_preferences_diff),
		cmocka_unit_test(test_user_preferences_check),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
