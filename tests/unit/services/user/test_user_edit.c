/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/user/user.h"
#include "services/user/user_preferences.h"
#include "tests/support/testkit.h"

static char ada[] = "Ada", eda[] = "Eda", lb[] = "lb", free_tier[] = "free", user_role[] = "user";
static char email[] = "ada@example.org", level[] = "beginner";

static struct user_row
row_of(struct arena *arena)
{
	struct user_row row = { .is_active = true,
				.version = 7,
				.preferences_version = 3,
				.email = email,
				.tier = free_tier,
				.role = user_role,
				.created_ms = 1500,
				.updated_ms = -1 };

	row.profile = pb_arena_new(arena, &fit__user__v1__profile__descriptor);
	row.profile->display_name = ada;
	row.preferences = user_preferences_normal(arena, NULL);
	return row;
}

struct fixture {
	struct arena *arena;
	struct user_row row;
	struct user_patch patch;
	struct user_edit edit;
	struct err err;
	Google__Protobuf__FieldMask mask;
	char *path;
};

static void
fixture_init(struct fixture *f, const char *path)
{
	memset(f, 0, sizeof(*f));
	err_init(&f->err);
	f->arena = arena_new(1 << 16);
	f->row = row_of(f->arena);
	google__protobuf__field_mask__init(&f->mask);
	f->path = arena_strdup(f->arena, path);
	f->mask.paths = &f->path;
	f->mask.n_paths = 1;
	Fit__User__V1__Profile *profile =
		pb_arena_new(f->arena, &fit__user__v1__profile__descriptor);
	Fit__User__V1__Preferences *preferences =
		pb_arena_new(f->arena, &fit__user__v1__preferences__descriptor);
	profile->display_name = eda;
	preferences->units = lb;
	f->patch = (struct user_patch){ .profile = profile,
					.preferences = preferences,
					.mask = &f->mask,
					.tz_dir = "/usr/share/zoneinfo",
					.grace_ms = 1000 };
}

static void
test_user_edit_profile(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "display_name");
	f.patch.has_version = true;
	f.patch.version = 7;
	ASSERT_OK(user_edit_profile(&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
	assert_int_equal(f.edit.what, USER_EDIT_PROFILE);
	assert_string_equal(f.row.profile->display_name, "Eda");
	assert_int_equal(f.edit.event->type_case, FIT__USER__V1__EVENT__TYPE_PROFILE_CHANGED);
	assert_int_equal(f.edit.event->profile_changed->n_fields, 1);
	assert_string_equal(f.edit.event->profile_changed->fields[0], "display_name");
	arena_free(f.arena);
}

/* Setting what is there already writes nothing and tells nobody. */
static void
test_user_edit_without_effect(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "display_name");
	((Fit__User__V1__Profile *)(uintptr_t)f.patch.profile)->display_name = ada;
	ASSERT_OK(user_edit_profile(&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
	assert_int_equal(f.edit.what, USER_EDIT_NOTHING);
	assert_null(f.edit.event);
	arena_free(f.arena);
}

static void
test_user_edit_version_mismatch(void **state)
{
	const user_edit_fn edits[] = { user_edit_profile, user_edit_preferences,
				       user_replace_preferences };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		fixture_init(&f, i == 0 ? "display_name" : "units");
		f.patch.has_version = true;
		f.patch.version = i == 0 ? 6 : 7; /* 7 is the profile's, not the preferences' */
		ASSERT_STATUS(STATUS_FAILED_PRECONDITION,
			      edits[i](&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
		assert_string_equal(f.err.reason, "ETAG_MISMATCH");
		assert_int_equal(f.edit.what, USER_EDIT_NOTHING);
		arena_free(f.arena);
	}
}

static void
test_user_edit_closed_account(void **state)
{
	const user_edit_fn edits[] = { user_edit_profile, user_edit_preferences,
				       user_replace_preferences };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fixture_init(&f, i == 0 ? "display_name" : "units");
		f.row.is_active = false;
		ASSERT_STATUS(STATUS_PERMISSION_DENIED,
			      edits[i](&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
		assert_string_equal(f.err.reason, "ACCOUNT_INACTIVE");
		arena_free(f.arena);
	}
}

static void
test_user_edit_preferences(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "units");
	ASSERT_OK(user_edit_preferences(&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
	assert_int_equal(f.edit.what, USER_EDIT_PREFERENCES);
	assert_string_equal(f.row.preferences->units, "lb");
	assert_string_equal(f.edit.event->preferences_changed->fields[0], "units");
	/* Replacing forgets what is not given. */
	f.row.preferences->personality = ada;
	memset(&f.edit, 0, sizeof(f.edit));
	ASSERT_OK(user_replace_preferences(&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
	assert_string_equal(f.row.preferences->personality, "");
	assert_string_equal(f.edit.event->preferences_changed->fields[0], "personality");
	arena_free(f.arena);
}

static void
test_user_edit_close(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, "units");
	ASSERT_OK(user_edit_close(&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
	assert_int_equal(f.edit.what, USER_EDIT_STATE);
	assert_false(f.row.is_active);
	assert_int_equal(f.row.deletion_requested_ms, TESTKIT_WALL_MS);
	Google__Protobuf__Timestamp *at = f.edit.event->user_deactivated->erase_after;
	assert_int_equal(at->seconds, TESTKIT_WALL_MS / 1000 + 1);
	assert_int_equal(at->nanos, 123000000);
	memset(&f.edit, 0, sizeof(f.edit));
	ASSERT_OK(user_edit_close(&f.row, &f.patch, f.arena, &f.edit, &f.err), &f.err);
	assert_int_equal(f.edit.what, USER_EDIT_NOTHING);
	arena_free(f.arena);
}

static void
test_user_fill(void **state)
{
	Fit__User__V1__User user;
	Fit__User__V1__Preferences preferences;
	struct fixture f;

	(void)state;
	fixture_init(&f, "units");
	fit__user__v1__user__init(&user);
	fit__user__v1__preferences__init(&preferences);
	f.row.profile->fitness_level = level;
	user_fill_user(f.arena, &f.row, &user.base);
	assert_string_equal(user.id, "00000000-0000-0000-0000-000000000000");
	assert_string_equal(user.email, email);
	assert_string_equal(user.fitness_level, "beginner");
	assert_int_equal(user.version, 7);
	assert_int_equal(user.created_at->seconds, 1);
	assert_int_equal(user.created_at->nanos, 500000000);
	/* Before 1970 the nanoseconds still count forward. */
	assert_int_equal(user.updated_at->seconds, -1);
	assert_int_equal(user.updated_at->nanos, 999000000);
	user_fill_preferences(f.arena, &f.row, &preferences.base);
	assert_string_equal(preferences.units, "kg");
	assert_non_null(preferences.privacy);
	arena_free(f.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_edit_profile),
		cmocka_unit_test(test_user_edit_without_effect),
		cmocka_unit_test(test_user_edit_version_mismatch),
		cmocka_unit_test(test_user_edit_closed_account),
		cmocka_unit_test(test_user_edit_preferences),
		cmocka_unit_test_setup_teardown(test_user_edit_close, testkit_clock_setup,
						testkit_clock_teardown),
		cmocka_unit_test(test_user_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
