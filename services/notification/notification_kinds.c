/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_kinds.h"

#include <stdio.h>
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"
#include "libcommon/base/strbuf.h"

#define PUSH NOTIFICATION_PUSH
#define MAIL NOTIFICATION_MAIL

#define DAYS 24

/* clang-format off: a row is read by its parts */
const struct notification_kind notification_kinds[NOTIFICATION_KINDS] = {
	[NOTIFICATION_WELCOME] = { "welcome", "low", MAIL, NOTIFICATION_ALWAYS, true, 7 * DAYS,
				   "Welcome",
				   "Set your goals and your week, pick or make a plan, and log your first set. "
				   "Records, streaks and changes of your plans will show up here." },
	[NOTIFICATION_RECORD_E1RM] = { "record_e1rm", "normal", PUSH, NOTIFICATION_RECORDS, false,
				       1 * DAYS, "New estimated maximum: [{exercise} ]{value}",
				       "Your estimated one-repetition maximum[ in {exercise}] rose from "
				       "{previous} to {value}." },
	[NOTIFICATION_RECORD_WEIGHT] = { "record_weight", "normal", PUSH, NOTIFICATION_RECORDS,
					 false, 1 * DAYS, "New record: [{exercise} ]{value}",
					 "Your heaviest weight for {bracket}[ of {exercise}] is now {value}; "
					 "it was {previous}." },
	[NOTIFICATION_STREAK] = { "streak", "normal", PUSH, NOTIFICATION_STREAKS, false, 2 * DAYS,
				  "{weeks} weeks in a row",
				  "You have trained in each of the last {weeks} weeks. Keep it going." },
	[NOTIFICATION_PLAN_CHANGED_BY_AI] = { "plan_changed_by_ai", "normal", PUSH,
					      NOTIFICATION_PLANS, false, 2 * DAYS,
					      "Your plan was changed",
					      "The AI coach made version {version} of your plan. "
					      "You can compare it with the one before, or go back." },
	[NOTIFICATION_PLAN_CREATED_BY_AI] = { "plan_created_by_ai", "normal", PUSH,
					      NOTIFICATION_PLANS, false, 2 * DAYS,
					      "You have a new plan",
					      "The AI coach made a plan with {exercises} exercises for you." },
	[NOTIFICATION_NEW_DEVICE] = { "new_device", "high", PUSH | MAIL, NOTIFICATION_ALWAYS, false,
				      3 * DAYS, "New sign-in",
				      "Your account was signed in to on a new device ({platform}). "
				      "If that was not you, end that session under Devices." },
	[NOTIFICATION_REFRESH_REUSE] = { "refresh_reuse", "high", PUSH | MAIL, NOTIFICATION_ALWAYS,
					 false, 3 * DAYS, "A session was ended for your safety",
					 "Somebody may have had a copy of one of your sign-ins, so it was ended. "
					 "Sign in again on that device, and look through your devices." },
	[NOTIFICATION_ALL_SESSIONS_ENDED] = { "all_sessions_ended", "high", MAIL,
					      NOTIFICATION_ALWAYS, false, 3 * DAYS,
					      "You were signed out everywhere",
					      "All {sessions} sessions of your account were ended at your request. "
					      "If that was not you, sign in and look through your devices." },
};
/* clang-format on */

const struct notification_kind *
notification_kind_find(const char *name)
{
	for (size_t i = 0; i < NOTIFICATION_KINDS; i++) {
		if (strcmp(notification_kinds[i].name, name) == 0)
			return &notification_kinds[i];
	}
	return NULL;
}

enum notification_switch
notification_switch_find(const char *name)
{
	static const char *const names[NOTIFICATION_SWITCHES] = {
		[NOTIFICATION_RECORDS] = "records",
		[NOTIFICATION_STREAKS] = "streaks",
		[NOTIFICATION_PLANS] = "plans",
	};

	for (int i = NOTIFICATION_ALWAYS + 1; i < NOTIFICATION_SWITCHES; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum notification_switch)i;
	}
	return NOTIFICATION_ALWAYS;
}

/* ---- texts ---- */

void
notification_params_add(struct notification_params *params, struct arena *arena, const char *name,
			const char *value)
{
	if (params->n == NOTIFICATION_PARAMS_MAX)
		panic("notification: more than %d parameters", NOTIFICATION_PARAMS_MAX);
	params->pairs[2 * params->n] = (char *)(uintptr_t)name;
	params->pairs[2 * params->n + 1] = arena_strdup(arena, value);
	params->n++;
}

static const char *
find(const struct notification_params *params, struct slice name)
{
	for (size_t i = 0; i < params->n; i++) {
		if (slice_eq_str(name, params->pairs[2 * i]))
			return params->pairs[2 * i + 1];
	}
	return NULL;
}

const char *
notification_params_get(const struct notification_params *params, const char *name)
{
	return find(params, slice_str(name));
}

/* What stands at `open`, a brace; its end is the brace that closes it. */
static const char *
value_at(const char *open, const struct notification_params *params, const char **ret_end)
{
	size_t n = strcspn(open + 1, "}");

	*ret_end = open + 1 + n;
	return find(params, slice_make(open + 1, n));
}

void
notification_render(const char *template, const struct notification_params *params,
		    struct strbuf *out)
{
	const char *p = template, *end, *value, *brace;

	for (;;) {
		size_t n = strcspn(p, "{[]");

		strbuf_add(out, p, n);
		p += n;
		if (*p == '\0')
			return;
		if (*p == '[') {
			brace = strchr(p, '{');
			if (brace == NULL || strchr(brace, ']') == NULL)
				panic("notification: no value or end at \"%s\"", p);
			if (value_at(brace, params, &end) == NULL)
				p = strchr(brace, ']');
		} else if (*p == '{') {
			value = value_at(p, params, &end);
			if (*end != '}' || value == NULL)
				panic("notification: no value at \"%s\" of \"%s\"", p, template);
			strbuf_adds(out, value);
			p = end;
		}
		p++; /* the bracket or brace */
	}
}

/* A number of `scale` parts to the unit, rounded before. */
static void
write_number(int64_t parts, int64_t scale, const char *unit, char buf[NOTIFICATION_WEIGHT_SIZE])
{
	char fraction[8];
	size_t n = 0;

	for (int64_t rest = parts % scale, part = scale; rest > 0; rest %= part) {
		part /= 10;
		fraction[n++] = (char)('0' + rest / part);
	}
	fraction[n] = '\0';
	snprintf(buf, NOTIFICATION_WEIGHT_SIZE, "%lld%s%s %s", (long long)(parts / scale),
		 n > 0 ? "." : "", fraction, unit);
}

void
notification_weight(int64_t grams, bool pounds, char buf[NOTIFICATION_WEIGHT_SIZE])
{
	if (grams < 0)
		grams = 0;
	/* The international pound is 453.59237 g (1959); no weight of ours comes near an overflow.
	 */
	if (pounds)
		write_number((grams * 1000000 + 22679618) / 45359237, 10, "lb", buf);
	else
		write_number((grams + 5) / 10, 100, "kg", buf);
}

const char *
notification_bracket(const char *record_kind)
{
	static const struct {
		const char *kind, *text;
	} brackets[] = {
		{ "weight_1", "one repetition" },
		{ "weight_2_3", "2 to 3 repetitions" },
		{ "weight_4_6", "4 to 6 repetitions" },
		{ "weight_7_10", "7 to 10 repetitions" },
		{ "weight_11_15", "11 to 15 repetitions" },
		{ "weight_16", "16 or more repetitions" },
	};

	for (size_t i = 0; i < ARRAY_LEN(brackets); i++) {
		if (strcmp(brackets[i].kind, record_kind) == 0)
			return brackets[i].text;
	}
	return NULL;
}

bool
notification_streak_told(int64_t weeks)
{
	/* Often at first, when it is a habit in the making; then each quarter of a year. */
	return weeks == 2 || weeks == 3 || weeks == 4 || weeks == 6 || weeks == 8 || weeks == 10 ||
	       (weeks >= 13 && weeks % 13 == 0);
}
