/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_summary.h - rows of days made into weeks, streaks and cohorts: no I/O.
 *
 * Days are counted from 1970-01-01 (a Thursday); weeks run from Monday and are numbered from the
 * one that holds that day.
 *
 * Ownership: replies live in the scope's arena. Threads: pure functions.
 */
#ifndef FIT_ANALYTICS_SUMMARY_H
#define FIT_ANALYTICS_SUMMARY_H

#include "fit/analytics/v1/analytics.pb-c.h"
#include "services/analytics/analytics_store.h"

int64_t analytics_week(int64_t day);

/* `training` and `activity` ascending and within the scope's days. */
void analytics_fill_summary(const struct analytics_scope *scope,
			    const struct analytics_training *training, size_t ntraining,
			    const struct analytics_activity *activity, size_t nactivity,
			    Fit__Analytics__V1__MySummary *summary);
void analytics_fill_days(const struct analytics_scope *scope, const struct analytics_day *days,
			 size_t n, Fit__Analytics__V1__Overview *overview);
void analytics_fill_retention(const struct analytics_scope *scope,
			      const struct analytics_retained *rows, size_t n,
			      Fit__Analytics__V1__Overview *overview);
void analytics_fill_uses(struct arena *arena, const struct analytics_use *uses, size_t n,
			 size_t *ret_n, Fit__Analytics__V1__NameUse ***ret_list);
/* "2026-11-23" */
char *analytics_date(struct arena *arena, int64_t day);

#endif
