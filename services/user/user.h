/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.h - what the user service does, apart from how it is called and how it is stored: the
 * edits a caller may make to a user.
 *
 *	struct user_patch patch = { .profile = req->profile, .mask = req->update_mask, … };
 *	st = user_store_edit(store, &call, &owner, user_edit_profile, &patch, &row, err);
 *
 * Ownership: see user_store.h. Threads: any.
 * Errors:    PERMISSION_DENIED, ACCOUNT_INACTIVE: a closed account; FAILED_PRECONDITION,
 *            ETAG_MISMATCH; INVALID_ARGUMENT with fields.
 */
#ifndef FIT_USER_USER_H
#define FIT_USER_USER_H

#include "services/user/user_store.h"

struct user_patch {
	const Fit__User__V1__Profile *profile;
	const Fit__User__V1__Preferences *preferences;
	const Google__Protobuf__FieldMask *mask;
	bool has_version; /* If-Match was sent */
	int64_t version;
	const char *tz_dir;
	int64_t grace_ms;
};

/* Fails for a closed account. */
enum status user_check_active(const struct user_row *row, struct err *err) MUST_CHECK;

/* The edits: user_edit_fn, their argument a struct user_patch. */
enum status user_edit_profile(struct user_row *row, void *patch, struct arena *arena,
			      struct user_edit *edit, struct err *err) MUST_CHECK;
enum status user_edit_preferences(struct user_row *row, void *patch, struct arena *arena,
				  struct user_edit *edit, struct err *err) MUST_CHECK;
enum status user_replace_preferences(struct user_row *row, void *patch, struct arena *arena,
				     struct user_edit *edit, struct err *err) MUST_CHECK;
/* Closing an account that is closed changes nothing. */
enum status user_edit_close(struct user_row *row, void *patch, struct arena *arena,
			    struct user_edit *edit, struct err *err) MUST_CHECK;

/* The row as its owner sees it. */
void user_fill_user(struct arena *arena, const struct user_row *row, ProtobufCMessage *reply);
void user_fill_preferences(struct arena *arena, const struct user_row *row,
			   ProtobufCMessage *reply);

#endif
