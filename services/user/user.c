/* SPDX-License-Identifier: Apache-2.0 */
#include "services/user/user.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/rpc/pb_time.h"
#include "services/user/user_events.h"
#include "services/user/user_preferences.h"
#include "services/user/user_profile.h"

enum status
user_check_active(const struct user_row *row, struct err *err)
{
	enum status st;

	if (row->is_active)
		return STATUS_OK;
	st = err_public(err, STATUS_PERMISSION_DENIED, "This account is closed.");
	(void)err_reason(err, "ACCOUNT_INACTIVE");
	return st;
}

/* An active account whose version is the one that the caller saw. */
static enum status
check(const struct user_row *row, const struct user_patch *patch, int64_t version, struct err *err)
{
	enum status st = user_check_active(row, err);

	if (st != STATUS_OK || !patch->has_version || patch->version == version)
		return st;
	st = err_public(err, STATUS_FAILED_PRECONDITION,
			"It was changed meanwhile: its ETag is \"v%lld\" now.", (long long)version);
	(void)err_reason(err, "ETAG_MISMATCH");
	return st;
}

enum status
user_edit_profile(struct user_row *row, void *arg, struct arena *arena, struct user_edit *edit,
		  struct err *err)
{
	const struct user_patch *patch = arg;
	Fit__User__V1__Profile *wanted;
	char *names[USER_PROFILE_MAX];
	enum status st;
	size_t n;

	st = check(row, patch, row->version, err);
	if (st == STATUS_OK)
		st = user_profile_check_mask(patch->mask, err);
	if (st != STATUS_OK)
		return st;
	wanted = user_profile_merge(arena, row->profile, patch->profile, patch->mask);
	st = user_profile_check(wanted, err);
	if (st != STATUS_OK)
		return st;
	n = user_profile_diff(row->profile, wanted, names);
	if (n == 0)
		return STATUS_OK;
	row->profile = wanted;
	edit->what = USER_EDIT_PROFILE;
	edit->event = user_event_profile_changed(arena, names, n);
	return STATUS_OK;
}

static enum status
want_preferences(struct user_row *row, Fit__User__V1__Preferences *wanted,
		 const struct user_patch *patch, struct arena *arena, struct user_edit *edit,
		 struct err *err)
{
	char *names[USER_PREFERENCES_MAX];
	enum status st = user_preferences_check(arena, wanted, patch->tz_dir, err);
	size_t n;

	if (st != STATUS_OK)
		return st;
	n = user_preferences_diff(row->preferences, wanted, names);
	if (n == 0)
		return STATUS_OK;
	row->preferences = wanted;
	edit->what = USER_EDIT_PREFERENCES;
	edit->event = user_event_preferences_changed(arena, names, n);
	return STATUS_OK;
}

enum status
user_edit_preferences(struct user_row *row, void *arg, struct arena *arena, struct user_edit *edit,
		      struct err *err)
{
	const struct user_patch *patch = arg;
	enum status st = check(row, patch, row->preferences_version, err);

	if (st == STATUS_OK)
		st = user_preferences_check_mask(patch->mask, err);
	if (st != STATUS_OK)
		return st;
	return want_preferences(row,
				user_preferences_merge(arena, row->preferences,
						       user_preferences_normal(arena,
									       patch->preferences),
						       patch->mask),
				patch, arena, edit, err);
}

enum status
user_replace_preferences(struct user_row *row, void *arg, struct arena *arena,
			 struct user_edit *edit, struct err *err)
{
	const struct user_patch *patch = arg;
	enum status st = check(row, patch, row->preferences_version, err);

	if (st != STATUS_OK)
		return st;
	return want_preferences(row, user_preferences_normal(arena, patch->preferences), patch,
				arena, edit, err);
}

enum status
user_edit_close(struct user_row *row, void *arg, struct arena *arena, struct user_edit *edit,
		struct err *err)
{
	const struct user_patch *patch = arg;

	(void)err;
	if (!row->is_active)
		return STATUS_OK;
	row->is_active = false;
	row->deletion_requested_ms = clock_wall_ms();
	edit->what = USER_EDIT_STATE;
	edit->event = user_event_deactivated(arena, row->deletion_requested_ms + patch->grace_ms);
	return STATUS_OK;
}

void
user_fill_user(struct arena *arena, const struct user_row *row, ProtobufCMessage *reply)
{
	Fit__User__V1__User *user = (Fit__User__V1__User *)reply;

	user->id = arena_alloc(arena, UUID_TEXT_SIZE);
	uuid_format(&row->id, user->id);
	user->email = row->email;
	user->display_name = row->profile->display_name;
	user->profile_image_url = row->profile->profile_image_url;
	user->fitness_level = row->profile->fitness_level;
	user->n_goals = row->profile->n_goals;
	user->goals = row->profile->goals;
	user->n_limitations = row->profile->n_limitations;
	user->limitations = row->profile->limitations;
	user->subscription_tier = row->tier;
	user->role = row->role;
	user->is_active = row->is_active;
	user->created_at = pb_time_new(arena, row->created_ms);
	user->updated_at = pb_time_new(arena, row->updated_ms);
	user->version = (uint32_t)row->version;
}

void
user_fill_preferences(struct arena *arena, const struct user_row *row, ProtobufCMessage *reply)
{
	Fit__User__V1__Preferences *full = user_preferences_complete(arena, row->preferences);
	Fit__User__V1__Preferences *out = (Fit__User__V1__Preferences *)reply;

	*out = *full;
}
