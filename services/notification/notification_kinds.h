/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification_kinds.h - the kinds of notification as a table, and their texts.
 *
 *	const struct notification_kind *kind = &notification_kinds[NOTIFICATION_STREAK];
 *	struct notification_params params = { 0 };
 *	notification_params_add(&params, arena, "weeks", "4");
 *	notification_render(kind->title, &params, &out);         "4 weeks in a row"
 *
 * A text names its parameters in braces. Each one it names must be there: a kind and the code that
 * makes its parameters belong together, and a unit test renders them all. What stands in square
 * brackets is left out when the first parameter in it is not there.
 *
 * Ownership: the table is static; parameters live in the arena. Threads: pure functions.
 */
#ifndef FIT_NOTIFICATION_KINDS_H
#define FIT_NOTIFICATION_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct strbuf;

enum notification_id {
	NOTIFICATION_WELCOME,
	NOTIFICATION_RECORD_E1RM,
	NOTIFICATION_RECORD_WEIGHT,
	NOTIFICATION_STREAK,
	NOTIFICATION_PLAN_CHANGED_BY_AI,
	NOTIFICATION_PLAN_CREATED_BY_AI,
	NOTIFICATION_NEW_DEVICE,
	NOTIFICATION_REFRESH_REUSE,
	NOTIFICATION_ALL_SESSIONS_ENDED,
	NOTIFICATION_KINDS,
	NOTIFICATION_NOTHING = NOTIFICATION_KINDS /* of an event that is for the streams only */
};

/* Channels beside the inbox, which every kind has. */
#define NOTIFICATION_PUSH 1u
#define NOTIFICATION_MAIL 2u

/* The user's switch that governs a kind: a value of Preferences.notifications.muted. */
enum notification_switch {
	NOTIFICATION_ALWAYS, /* no switch: one's own security, and the greeting */
	NOTIFICATION_RECORDS,
	NOTIFICATION_STREAKS,
	NOTIFICATION_PLANS,
	NOTIFICATION_SWITCHES
};

struct notification_kind {
	const char *name;
	const char *importance; /* low, normal, high: messengers' priority */
	unsigned channels;
	enum notification_switch governed_by;
	bool product_mail; /* its mail is product news: only with privacy.product_emails */
	unsigned news_h;   /* what is older than so many hours reaches the inbox only */
	const char *title, *body;
};
extern const struct notification_kind notification_kinds[NOTIFICATION_KINDS];
/* By name, of a stored row; NULL: a newer version's. */
const struct notification_kind *notification_kind_find(const char *name);
/* NOTIFICATION_ALWAYS for a name that is none. */
enum notification_switch notification_switch_find(const char *name);

#define NOTIFICATION_PARAMS_MAX 8
struct notification_params {
	size_t n;
	char *pairs[2 * NOTIFICATION_PARAMS_MAX]; /* name, value, name, value … */
};
/* Copies the value; `name` is static. */
void notification_params_add(struct notification_params *params, struct arena *arena,
			     const char *name, const char *value);
/* NULL: not there. */
const char *notification_params_get(const struct notification_params *params, const char *name);
/* Panics on a name that is not among the parameters. */
void notification_render(const char *template, const struct notification_params *params,
			 struct strbuf *out);

/* "102.5 kg", "226 lb": to a hundredth of a kilogram or a tenth of a pound, no needless zeros. */
#define NOTIFICATION_WEIGHT_SIZE 32
void notification_weight(int64_t grams, bool pounds, char buf[NOTIFICATION_WEIGHT_SIZE]);
/* "4 to 6 repetitions" for "weight_4_6"; NULL: not a bracket. */
const char *notification_bracket(const char *record_kind);
/* Whether a streak of so many weeks is told. */
bool notification_streak_told(int64_t weeks);

#endif
