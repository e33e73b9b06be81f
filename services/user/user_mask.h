/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_mask.h - which fields a merge patch touches.
 *
 *	if (user_mask_covers(mask, "quiet_hours.start")) …
 *
 * A mask holds the paths of the members that the client sent: "units", "quiet_hours" (a null or
 * a whole group), "quiet_hours.start" (a member of the group). A group's own path covers its
 * members only when none of them is named: {"quietHours": {"start": "23:00"}} changes one
 * member, {"quietHours": null} all of them.
 *
 * Ownership: none. Threads: any. Errors: user_mask_check names the path that is none of the
 *            resource's.
 */
#ifndef FIT_USER_MASK_H
#define FIT_USER_MASK_H

#include <stdbool.h>
#include <stddef.h>

#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/status.h"

/* mask == NULL covers nothing. */
bool user_mask_covers(const Google__Protobuf__FieldMask *mask, const char *leaf);
/* Each path is one of the leaves, or a leaf begins with it and a dot. */
enum status user_mask_check(const Google__Protobuf__FieldMask *mask, const char *const *leaves,
			    size_t nleaves, struct err *err) MUST_CHECK;

#endif
