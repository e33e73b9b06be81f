/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_preferences.h - what a preference may be, its default, and how a patch changes a set of
 * them.
 *
 *	stored = user_preferences_normal(arena, stored);         groups present, for the rest
 *	wanted = user_preferences_merge(arena, stored, patch, mask);
 *	st = user_preferences_check(arena, wanted, tz_dir, err); also brings tags to their case
 *	n = user_preferences_diff(stored, wanted, names);        for the event
 *	reply = user_preferences_complete(arena, wanted);        with defaults
 *
 * What was never chosen is absent in a stored set, so that a default can change for those who
 * did not choose.
 *
 * Ownership: results live in the arena and may share strings with the inputs. Threads: any.
 * Errors:    INVALID_ARGUMENT with the field's path.
 */
#ifndef FIT_USER_PREFERENCES_H
#define FIT_USER_PREFERENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

#define USER_PREFERENCES_MAX 16 /* leaves */

struct arena;

/* A copy with all groups present. in == NULL: an empty set. */
Fit__User__V1__Preferences *user_preferences_normal(struct arena *arena,
						    const Fit__User__V1__Preferences *in);
/* Both normal. */
Fit__User__V1__Preferences *user_preferences_merge(struct arena *arena,
						   const Fit__User__V1__Preferences *stored,
						   const Fit__User__V1__Preferences *patch,
						   const Google__Protobuf__FieldMask *mask);
enum status user_preferences_check_mask(const Google__Protobuf__FieldMask *mask,
					struct err *err) MUST_CHECK;
/* Values together make sense. tz_dir: the system's zoneinfo folder. */
enum status user_preferences_check(struct arena *arena, Fit__User__V1__Preferences *preferences,
				   const char *tz_dir, struct err *err) MUST_CHECK;
/* Names of the leaves that differ, static text; returns how many. Both normal. */
size_t user_preferences_diff(const Fit__User__V1__Preferences *a,
			     const Fit__User__V1__Preferences *b,
			     char *ret_names[USER_PREFERENCES_MAX]);
Fit__User__V1__Preferences *user_preferences_complete(struct arena *arena,
						      const Fit__User__V1__Preferences *normal);

/* A copy to be stored: without groups in which nothing was chosen. */
Fit__User__V1__Preferences *user_preferences_chosen(struct arena *arena,
						    const Fit__User__V1__Preferences *normal);

/* Members of the JSON form at its top level: what a version of this service may overwrite. */
extern char *const user_preferences_members[];
extern const size_t user_preferences_nmembers;

/* ---- the single rules, for tests ---- */

/* RFC 5646 section 2.1, well-formed; written into ret_tag in the case of section 2.1.1. */
bool user_language_tag(const char *text, char ret_tag[36]);
/* A zone of the system's database, by its exact name. */
bool user_time_zone_known(const char *tz_dir, const char *name);
/* "HH:MM", 00:00 to 23:59. */
bool user_time_of_day(const char *text);

#endif
