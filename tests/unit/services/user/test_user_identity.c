/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "services/user/user_access.h"
#include "services/user/user_identity.h"
#include "tests/support/testkit.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define D60 "." A10 "." A10 "." A10 "." A10 "." A10 "." A10

static void
test_user_identity_email_normalised(void **state)
{
	static const struct {
		const char *address, *want; /* NULL: no address */
	} cases[] = {
		{ "ada@example.org", "ada@example.org" },
		{ " \tAda.Lovelace@EXAMPLE.Org\r\n", "ada.lovelace@example.org" },
		{ "ada+gym@example.org", "ada+gym@example.org" },
		{ "a.d.a@gmail.com", "a.d.a@gmail.com" },
		{ "\"a@b\"@example.org", "\"a@b\"@example.org" },
		{ "x@b\xc3\xbc"
		  "cher.example",
		  "x@b\xc3\xbc"
		  "cher.example" },
		{ "root@localhost", "root@localhost" },
		{ A60 "aaaa@example.org", A60 "aaaa@example.org" },
		{ "", NULL },
		{ "   ", NULL },
		{ "ada", NULL },
		{ "@example.org", NULL },
		{ "ada@", NULL },
		{ "ada@.org", NULL },
		{ "ada@example.", NULL },
		{ "ada@exam..ple", NULL },
		{ "ada@exa mple.org", NULL },
		{ "a da@example.org", NULL },
		{ "ada@example.org\x01", NULL },
		{ "ada@exa_mple.org", NULL },
		{ A60 "aaaaa@example.org", NULL }, /* 65 before the @ */
		{ "a@a" D60 D60 D60 D60, NULL },   /* above 254 */
	};
	struct arena *arena = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *email = NULL;
		bool good = user_email_normalise(arena, cases[i].address, &email);

		if (good != (cases[i].want != NULL))
			fail_msg("\"%s\" was %s", cases[i].address, good ? "accepted" : "refused");
		if (good)
			assert_string_equal(email, cases[i].want);
		else
			assert_null(email);
	}
	arena_free(arena);
}

/* A subject belongs to its issuer, and no shift of text between the two makes equal indexes. */
static void
test_user_identity_subject_index(void **state)
{
	uint8_t a[BLIND_INDEX_SIZE], b[BLIND_INDEX_SIZE];
	struct slice key = SLICE_LIT("key");

	(void)state;
	user_subject_index(key, "https://a", "1", a);
	user_subject_index(key, "https://a", "1", b);
	assert_memory_equal(a, b, sizeof(a));
	user_subject_index(key, "https://b", "1", b);
	assert_memory_not_equal(a, b, sizeof(a));
	user_subject_index(key, "https://a|", "1", a);
	user_subject_index(key, "https://a", "|1", b);
	assert_memory_not_equal(a, b, sizeof(a));
	user_email_index(key, "1", a);
	user_email_index(key, "2", b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
test_user_access_roles(void **state)
{
	size_t n = 9;

	(void)state;
	assert_true(user_role_known("user") && user_role_known("coach") &&
		    user_role_known("admin"));
	assert_false(user_role_known("") || user_role_known("root") || user_role_known("Admin"));
	(void)user_role_permissions("user", &n);
	assert_int_equal(n, 0);
	(void)user_role_permissions("nobody", &n);
	assert_int_equal(n, 0);
	char *const *names = user_role_permissions("admin", &n);
	assert_true(n > 0 && n <= 16); /* what a principal carries */
	assert_string_equal(names[0], "users.read_all");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_identity_email_normalised),
		cmocka_unit_test(test_user_identity_subject_index),
		cmocka_unit_test(test_user_access_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
