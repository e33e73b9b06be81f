/* SPDX-License-Identifier: Apache-2.0 */
#include "services/analytics/analytics_summary.h"

#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_arena.h"

#define DAY_MS INT64_C(86400000)

int64_t
analytics_week(int64_t day)
{
	int64_t from_monday = day + 3;

	return from_monday >= 0 ? from_monday / 7 : -((-from_monday + 6) / 7);
}

static int64_t
week_start(int64_t week)
{
	return week * 7 - 3;
}

char *
analytics_date(struct arena *arena, int64_t day)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(day * DAY_MS, text);
	return arena_strndup(arena, text, 10);
}

/* ---- one user ---- */

static Fit__Analytics__V1__SummaryWeek **
make_weeks(const struct analytics_scope *s, int64_t first, size_t n)
{
	Fit__Analytics__V1__SummaryWeek **weeks =
		ARENA_ARRAY(s->arena, Fit__Analytics__V1__SummaryWeek *, n);

	for (size_t i = 0; i < n; i++) {
		weeks[i] = pb_arena_new(s->arena, &fit__analytics__v1__summary_week__descriptor);
		weeks[i]->week_start = analytics_date(s->arena, week_start(first + (int64_t)i));
	}
	return weeks;
}

/* Kilograms are made once, from the sum of grams. */
static void
add_training(const struct analytics_training *days, size_t n, int64_t first_week, int64_t *week_g,
	     Fit__Analytics__V1__MySummary *summary)
{
	int64_t load_g = 0;

	for (size_t i = 0; i < n; i++) {
		const struct analytics_training *d = &days[i];
		size_t at = (size_t)(analytics_week(d->day) - first_week);
		Fit__Analytics__V1__SummaryWeek *w = summary->weeks[at];

		w->training_days++;
		w->sessions += (uint32_t)d->sessions;
		w->sets += (uint32_t)d->sets;
		w->reps += (uint32_t)d->reps;
		w->duration += d->duration_ms / 1000;
		week_g[at] += d->load_g;
		w->volume_load = (double)week_g[at] / 1000;
		load_g += d->load_g;
		summary->training_days++;
		summary->sessions += (uint32_t)d->sessions;
		summary->sets += (uint32_t)d->sets;
		summary->reps += (uint32_t)d->reps;
		summary->duration += d->duration_ms / 1000;
	}
	summary->volume_load = (double)load_g / 1000;
}

static void
add_activity(const struct analytics_activity *days, size_t n, int64_t first_week,
	     Fit__Analytics__V1__MySummary *summary)
{
	for (size_t i = 0; i < n; i++) {
		summary->records += (uint32_t)days[i].records;
		if (!days[i].active)
			continue;
		summary->active_days++;
		summary->weeks[analytics_week(days[i].day) - first_week]->active_days++;
	}
}

/* The last week may still become one; the streak then ends with the week before. */
static void
fill_streak(const Fit__Analytics__V1__MySummary *summary,
	    Fit__Analytics__V1__TrainingStreak *streak)
{
	uint32_t run = 0, before_last = 0;

	for (size_t i = 0; i < summary->n_weeks; i++) {
		before_last = run;
		run = summary->weeks[i]->sessions > 0 ? run + 1 : 0;
		if (run > streak->longest_weeks)
			streak->longest_weeks = run;
	}
	streak->current_weeks = run > 0 ? run : before_last;
}

void
analytics_fill_summary(const struct analytics_scope *s, const struct analytics_training *training,
		       size_t ntraining, const struct analytics_activity *activity,
		       size_t nactivity, Fit__Analytics__V1__MySummary *summary)
{
	int64_t first = analytics_week(s->first_day);
	size_t n = (size_t)(analytics_week(s->last_day) - first) + 1;

	summary->first_day = analytics_date(s->arena, s->first_day);
	summary->last_day = analytics_date(s->arena, s->last_day);
	summary->weeks = make_weeks(s, first, n);
	summary->n_weeks = n;
	add_training(training, ntraining, first, ARENA_ARRAY(s->arena, int64_t, n), summary);
	add_activity(activity, nactivity, first, summary);
	summary->streak = pb_arena_new(s->arena, &fit__analytics__v1__training_streak__descriptor);
	fill_streak(summary, summary->streak);
}

/* ---- all ---- */

void
analytics_fill_days(const struct analytics_scope *s, const struct analytics_day *days, size_t n,
		    Fit__Analytics__V1__Overview *overview)
{
	size_t ndays = (size_t)(s->last_day - s->first_day) + 1;

	overview->first_day = analytics_date(s->arena, s->first_day);
	overview->last_day = analytics_date(s->arena, s->last_day);
	overview->days = ARENA_ARRAY(s->arena, Fit__Analytics__V1__OverviewDay *, ndays);
	overview->n_days = ndays;
	for (size_t i = 0; i < ndays; i++) {
		overview->days[i] =
			pb_arena_new(s->arena, &fit__analytics__v1__overview_day__descriptor);
		overview->days[i]->day = analytics_date(s->arena, s->first_day + (int64_t)i);
	}
	for (size_t i = 0; i < n; i++) {
		Fit__Analytics__V1__OverviewDay *d = overview->days[days[i].day - s->first_day];

		d->active_users = days[i].active_users;
		d->new_users = days[i].new_users;
		d->sessions = days[i].sessions;
		overview->events += days[i].events;
	}
}

static Fit__Analytics__V1__Cohort *
make_cohort(const struct analytics_scope *s, int64_t day)
{
	Fit__Analytics__V1__Cohort *c =
		pb_arena_new(s->arena, &fit__analytics__v1__cohort__descriptor);

	c->week_start = analytics_date(s->arena, day);
	c->n_retained = (size_t)(analytics_week(s->last_day) - analytics_week(day)) + 1;
	c->retained = ARENA_ARRAY(s->arena, uint64_t, c->n_retained);
	return c;
}

void
analytics_fill_retention(const struct analytics_scope *s, const struct analytics_retained *rows,
			 size_t n, Fit__Analytics__V1__Overview *overview)
{
	Fit__Analytics__V1__Cohort *c = NULL;

	overview->retention = ARENA_ARRAY(s->arena, Fit__Analytics__V1__Cohort *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || rows[i].cohort_day != rows[i - 1].cohort_day) {
			c = make_cohort(s, rows[i].cohort_day);
			overview->retention[overview->n_retention++] = c;
		}
		if (rows[i].offset < 0)
			c->users = rows[i].users;
		else if ((size_t)rows[i].offset < c->n_retained)
			c->retained[rows[i].offset] = rows[i].users;
	}
}

static const struct {
	const char *type, *kind;
} kinds[] = {
	{ "screen_viewed", "screen" },
	{ "feature_used", "feature" },
	{ "time_spent", "duration" },
};

void
analytics_fill_uses(struct arena *arena, const struct analytics_use *uses, size_t n, size_t *ret_n,
		    Fit__Analytics__V1__NameUse ***ret_list)
{
	Fit__Analytics__V1__NameUse **list =
		ARENA_ARRAY(arena, Fit__Analytics__V1__NameUse *, n + 1);

	for (size_t i = 0; i < n; i++) {
		const char *kind = uses[i].kind;

		for (size_t j = 0; j < ARRAY_LEN(kinds); j++)
			if (strcmp(kinds[j].type, uses[i].kind) == 0)
				kind = kinds[j].kind;
		list[i] = pb_arena_new(arena, &fit__analytics__v1__name_use__descriptor);
		list[i]->kind = arena_strdup(arena, kind);
		list[i]->name = arena_strdup(arena, uses[i].name);
		list[i]->uses = uses[i].uses;
		list[i]->users = uses[i].users;
		list[i]->duration_ms = uses[i].duration_ms;
	}
	*ret_n = n;
	*ret_list = list;
}
