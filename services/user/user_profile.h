/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_profile.h - the part of a user that the owner edits: how a patch changes it, and what
 * may stand in it.
 *
 *	wanted = user_profile_merge(arena, stored, patch, mask);
 *	st = user_profile_check(wanted, err);
 *	n = user_profile_diff(stored, wanted, names);
 *
 * Lengths and word lists are rules in the .proto and were checked before; here is what they
 * cannot say.
 *
 * Ownership: results live in the arena and share strings and lists with the inputs. Threads: any.
 * Errors:    INVALID_ARGUMENT with the field's path.
 */
#ifndef FIT_USER_PROFILE_H
#define FIT_USER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/slice.h"
#include "libcommon/base/status.h"

#define USER_PROFILE_MAX 5       /* leaves */
#define USER_DISPLAY_NAME_MAX 80 /* code points */

struct arena;

Fit__User__V1__Profile *user_profile_merge(struct arena *arena,
					   const Fit__User__V1__Profile *stored,
					   const Fit__User__V1__Profile *patch,
					   const Google__Protobuf__FieldMask *mask);
enum status user_profile_check_mask(const Google__Protobuf__FieldMask *mask,
				    struct err *err) MUST_CHECK;
enum status user_profile_check(const Fit__User__V1__Profile *profile, struct err *err) MUST_CHECK;
/* Names of the fields that differ, static text; returns how many. */
size_t user_profile_diff(const Fit__User__V1__Profile *a, const Fit__User__V1__Profile *b,
			 char *ret_names[USER_PROFILE_MAX]);

/*
 * What an identity provider says of somebody, made fit to be a profile: control characters and
 * ends of white space go, what is too long is cut, an address that is not https is dropped.
 */
char *user_profile_clean_name(struct arena *arena, const char *name);
const char *user_profile_clean_url(const char *url);

#endif
