/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/user/user_profile.h"
#include "tests/support/testkit.h"

typedef Fit__User__V1__Profile profile;

static char ada[] = "Ada", eda[] = "Eda", beginner[] = "beginner", strength[] = "gain_strength",
	    knee[] = "knee";
static char injury[] = "injury", url[] = "https://example.org/a.png";

static Fit__User__V1__Goal *
goal(struct arena *arena, char *type)
{
	Fit__User__V1__Goal *g = pb_arena_new(arena, &fit__user__v1__goal__descriptor);

	g->type = type;
	return g;
}

static profile *
full(struct arena *arena)
{
	profile *p = pb_arena_new(arena, &fit__user__v1__profile__descriptor);

	p->display_name = ada;
	p->profile_image_url = url;
	p->fitness_level = beginner;
	p->n_goals = 1;
	p->goals = ARENA_ARRAY(arena, Fit__User__V1__Goal *, 1);
	p->goals[0] = goal(arena, strength);
	p->n_limitations = 1;
	p->limitations = ARENA_ARRAY(arena, Fit__User__V1__Limitation *, 1);
	p->limitations[0] = pb_arena_new(arena, &fit__user__v1__limitation__descriptor);
	p->limitations[0]->type = injury;
	p->limitations[0]->body_area = knee;
	return p;
}

/* Only what the mask names changes, and an absent value under the mask clears. */
static void
test_user_profile_merge(void **state)
{
	static const char *const all[] = { "display_name", "profile_image_url", "fitness_level",
					   "goals", "limitations" };
	struct arena *arena = arena_new(1 << 16);
	profile *stored = full(arena),
		*none = pb_arena_new(arena, &fit__user__v1__profile__descriptor), *p;
	char *names[USER_PROFILE_MAX];

	(void)state;
	assert_int_equal(user_profile_diff(stored, user_profile_merge(arena, stored, none, NULL),
					   names),
			 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char *path = (char *)(uintptr_t)all[i];
		Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;

		mask.n_paths = 1;
		mask.paths = &path;
		ASSERT_OK(user_profile_check_mask(&mask, NULL), NULL);
		p = user_profile_merge(arena, stored, none, &mask);
		assert_int_equal(user_profile_diff(stored, p, names), 1);
		assert_string_equal(names[0], all[i]);
	}
	assert_string_equal(stored->display_name, "Ada");
	arena_free(arena);
}

static void
test_user_profile_diff_sees_list_members(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	profile *a = full(arena), *b = full(arena);
	char *names[USER_PROFILE_MAX];

	(void)state;
	assert_int_equal(user_profile_diff(a, b, names), 0);
	b->goals[0]->note = eda;
	b->limitations[0]->severity = eda;
	assert_int_equal(user_profile_diff(a, b, names), 2);
	b = full(arena);
	b->goals[0]->body_area = knee;
	b->limitations[0]->note = eda;
	assert_int_equal(user_profile_diff(a, b, names), 2);
	arena_free(arena);
}

static void
test_user_profile_mask_is_checked(void **state)
{
	static const char *const bad[] = { "email", "role", "id", "goals.type", "displayName", "" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *path = (char *)(uintptr_t)bad[i];
		Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;

		mask.n_paths = 1;
		mask.paths = &path;
		err_init(&err);
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT, user_profile_check_mask(&mask, &err), &err);
	}
}

static void
test_user_profile_check(void **state)
{
	static const struct {
		const char *name, *url, *want;
	} cases[] = {
		{ "", "", NULL },
		{ "Ada Lovelace", "https://example.org/a.png?x=1#y", NULL },
		{ "Zo\xc3\xab \xf0\x9f\x92\xaa", "https://1.example", NULL },
		{ " Ada", "", "displayName" },
		{ "Ada ", "", "displayName" },
		{ "A\nda", "", "displayName" },
		{ "A\x7f", "", "displayName" },
		{ "A\xc2\x85", "", "displayName" }, /* U+0085 */
		{ "A\xe2\x80\xae"
		  "da",
		  "", "displayName" }, /* U+202E */
		{ "A\xe2\x81\xa6"
		  "da",
		  "", "displayName" },         /* U+2066 */
		{ "A\xe2\x80\xa8", "", NULL }, /* U+2028 only breaks a line */
		{ "Ada", "http://example.org/a.png", "profileImageUrl" },
		{ "Ada", "javascript:alert(1)", "profileImageUrl" },
		{ "Ada", "https://", "profileImageUrl" },
		{ "Ada", "https:///a.png", "profileImageUrl" },
		{ "Ada", "https://exa mple.org", "profileImageUrl" },
		{ "Ada", "https://example.org/\"><script>", "profileImageUrl" },
		{ "Ada", "https://bank.example@evil.example/", "profileImageUrl" },
		{ "Ada", "https://example.org/@ada", NULL },
	};
	struct arena *arena = arena_new(1 << 16);
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		profile *p = pb_arena_new(arena, &fit__user__v1__profile__descriptor);

		err_init(&err);
		p->display_name = arena_strdup(arena, cases[i].name);
		p->profile_image_url = arena_strdup(arena, cases[i].url);
		if (cases[i].want == NULL) {
			ASSERT_OK(user_profile_check(p, &err), &err);
			continue;
		}
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT, user_profile_check(p, &err), &err);
		assert_string_equal(err.fields[0].path, cases[i].want);
	}
	arena_free(arena);
}

static void
test_user_profile_clean(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "Ada Lovelace", "Ada Lovelace" },
		{ "  Ada\t\n ", "Ada" },
		{ "A\xe2\x80\xae"
		  "da",
		  "Ada" },
		{ "Ada\xff", "Ada" },
		{ "\x01\x02", "" },
		{ "", "" },
	};
	struct arena *arena = arena_new(1 << 16);
	char longer[400] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(user_profile_clean_name(arena, cases[i].name), cases[i].want);
	for (int i = 0; i < 100; i++)
		strcat(longer, "\xc3\xab");
	assert_int_equal(strlen(user_profile_clean_name(arena, longer)), 2 * USER_DISPLAY_NAME_MAX);
	assert_string_equal(user_profile_clean_url("http://example.org"), "");
	assert_string_equal(user_profile_clean_url(url), url);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_profile_merge),
		cmocka_unit_test(test_user_profile_diff_sees_list_members),
		cmocka_unit_test(test_user_profile_mask_is_checked),
		cmocka_unit_test(test_user_profile_check),
		cmocka_unit_test(test_user_profile_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
