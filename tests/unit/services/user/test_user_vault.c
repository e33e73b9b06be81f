/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fit/user/v1/user.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/user/user_config.h"
#include "services/user/user_preferences.h"
#include "services/user/user_vault.h"
#include "tests/support/testkit.h"

static char key_text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static Fit__User__V1__Preferences *
read_preferences(struct arena *arena, const char *json)
{
	Fit__User__V1__Preferences *p = NULL;
	struct err err;

	err_init(&err);
	if (user_vault_from_json(&fit__user__v1__preferences__descriptor, slice_str(json), arena,
				 &p, &err) != STATUS_OK)
		return NULL;
	return p;
}

static void
test_user_vault_json_round_trip(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"units\":\"lb\",\"timeZone\":\"Europe/Berlin\"}",
		"{\"reminders\":{\"enabled\":true,\"days\":[\"monday\",\"friday\"],\"time\":\"06:"
		"30\"}}",
		"{\"quietHours\":{\"start\":\"23:00\"},\"privacy\":{\"shareWorkouts\":true}}",
	};
	struct arena *arena = arena_new(1 << 20);
	struct slice json;
	struct err err;

	(void)state;
	err_init(&err);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		Fit__User__V1__Preferences *p = read_preferences(arena, texts[i]);

		assert_non_null(p);
		ASSERT_OK(user_vault_to_json(&p->base, arena, &json, &err), &err);
		ASSERT_SLICE(texts[i], json);
	}
	arena_free(arena);
}

/* What a newer version stored: passed over whatever it is, and the rest is read. */
static void
test_user_vault_json_unknown_members(void **state)
{
	static const char *const good[] = {
		"{\"theme\":\"dark\",\"units\":\"lb\"}",
		"{\"units\":\"lb\",\"theme\":null}",
		"{\"theme\":-1.5e3,\"units\":\"lb\",\"more\":false}",
		"{\"theme\":{\"a\":[1,\"x\\u00e9\",{}],\"b\":[]},\"units\":\"lb\"}",
		"{\"units\":\"lb\",\"reminders\":{\"sound\":[{\"x\":true}],\"time\":\"06:30\"}}",
	};
	static const char *const bad[] = {
		"{\"theme\":}",           "{\"theme\":[1,]}",      "{\"theme\":{\"a\" 1}}",
		"{\"theme\":[1}",         "{\"theme\":\"x}",       "{\"theme\":{\"a\":tru}}",
		"{\"theme\":01}",         "{\"theme\":{1:2}}",     "{\"theme\"",
		"{\"theme\":1}x",         "{\"theme\" \"units\"}", "{\"units\":7}",
		"{\"theme\":[\"\x01\"]}",
	};
	struct arena *arena = arena_new(1 << 20);
	char deep[400] = "{\"theme\":";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		Fit__User__V1__Preferences *p = read_preferences(arena, good[i]);

		if (p == NULL)
			fail_msg("%s was refused", good[i]);
		assert_string_equal(p->units, "lb");
		if (p->reminders != NULL)
			assert_string_equal(p->reminders->time, "06:30");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (read_preferences(arena, bad[i]) != NULL)
			fail_msg("%s was taken", bad[i]);
	}
	/* The usual bound on nesting holds for what is passed over too. */
	memset(deep + strlen(deep), '[', 100);
	memset(deep + strlen(deep), ']', 100);
	strcat(deep, "}");
	assert_null(read_preferences(arena, deep));
	arena_free(arena);
}

/* The list that says what may be overwritten has all members of the message. */
static void
test_user_vault_members_are_complete(void **state)
{
	const ProtobufCMessageDescriptor *type = &fit__user__v1__preferences__descriptor;

	(void)state;
	assert_int_equal(user_preferences_nmembers, type->n_fields);
	for (unsigned i = 0; i < type->n_fields; i++) {
		char camel[64];
		size_t n = 0;

		for (const char *p = type->fields[i].name; *p != '\0'; p++)
			camel[n++] = (char)(*p == '_' ? *++p - 'a' + 'A' : *p);
		camel[n] = '\0';
		assert_string_equal(user_preferences_members[i], camel);
	}
}

static void
test_user_vault_columns(void **state)
{
	const struct uuid ada = { { 1 } };
	struct arena *arena = arena_new(1 << 20);
	char *dir = testkit_temp_dir(), *path, *text = NULL;
	struct user_config cfg = {
		.kek_dir = dir, .blind_index_key = key_text, .key_cache = 16, .key_cache_ttl_s = 60
	};
	struct user_vault *vault = NULL;
	struct envelope_key key, same;
	struct slice email, reply;
	struct err err;

	(void)state;
	err_init(&err);
	path = testkit_write_file(dir, "1.key", slice_str(key_text));
	assert_int_equal(chmod(path, 0600), 0);
	free(path);
	ASSERT_OK(user_vault_open(&cfg, &vault, &err), &err);
	assert_int_equal(user_vault_active_kek(vault), 1);
	ASSERT_OK(user_vault_new_key(vault, &ada, arena, &key, &err), &err);
	ASSERT_OK(user_vault_fresh_key(vault, &key, arena, &same, &err), &err);
	assert_true(slice_eq(key.wrapped, same.wrapped));
	ASSERT_OK(user_vault_seal(vault, &key, USER_COLUMN_EMAIL, "ada@example.org", arena, &email,
				  &err),
		  &err);
	ASSERT_OK(user_vault_unseal(vault, &key, USER_COLUMN_EMAIL, email, arena, &text, &err),
		  &err);
	assert_string_equal(text, "ada@example.org");
	/* Another column's, and a reply's. */
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      user_vault_unseal(vault, &key, USER_COLUMN_DISPLAY_NAME, email, arena, &text,
					&err),
		      &err);
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      user_vault_unseal_bytes(vault, &key, email, arena, &reply, &err), &err);
	user_vault_close(vault);
	cfg.blind_index_key = key_text + 2;
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, user_vault_open(&cfg, &vault, &err), &err);
	ASSERT_CONTAINS(err.text, "FIT_BLIND_INDEX_KEY");
	ASSERT_LACKS(err.text, "0203");
	testkit_remove_dir(dir);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_vault_json_round_trip),
		cmocka_unit_test(test_user_vault_json_unknown_members),
		cmocka_unit_test(test_user_vault_members_are_complete),
		cmocka_unit_test(test_user_vault_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
