/* SPDX-License-Identifier: Apache-2.0 */
/* auth_keys: which file signs, what is published, and what a bad folder does. */
#include "tests/support/testkit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwt.h"
#include "services/auth/auth_keys.h"

static struct err err;

static int
setup(void **state)
{
	*state = testkit_temp_dir();
	return 0;
}

static int
teardown(void **state)
{
	testkit_remove_dir(*state);
	return 0;
}

static void
write_key(const char *dir, const char *name, mode_t mode)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *p, *path;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &p);
	path = testkit_write_file(dir, name, slice_make(p, (size_t)n));
	assert_int_equal(chmod(path, mode), 0);
	free(path);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
}

static void
rename_key(const char *dir, const char *from, const char *to)
{
	char a[512], b[512];

	snprintf(a, sizeof(a), "%s/%s", dir, from);
	snprintf(b, sizeof(b), "%s/%s", dir, to);
	assert_int_equal(rename(a, b), 0);
}

static char *
signing_kid(struct auth_keys *keys)
{
	struct auth_key_set *set = auth_keys_current(keys);
	char *kid = strdup(jwt_signer_kid(auth_key_set_signer(set)));

	auth_key_set_unref(set);
	return kid;
}

static size_t
published(struct auth_keys *keys)
{
	struct auth_key_set *set = auth_keys_current(keys);
	struct jwks *jwks = NULL;
	size_t n;

	ASSERT_OK(jwks_parse(auth_key_set_jwks(set), &jwks, &err), &err);
	n = jwks_count(jwks);
	jwks_unref(jwks);
	auth_key_set_unref(set);
	return n;
}

static void
test_auth_keys_last_name_signs_and_next_waits(void **state)
{
	const char *dir = *state;
	struct auth_keys *keys = NULL;
	char *first, *second, *third;
	bool changed = true;

	write_key(dir, "2026-01.pem", 0600);
	write_key(dir, "2026-02.pem", 0640);
	free(testkit_write_file(dir, "README", SLICE_LIT("no key")));
	free(testkit_write_file(dir, ".hidden.pem", SLICE_LIT("no key")));
	ASSERT_OK(auth_keys_open(dir, &keys, &err), &err);
	assert_int_equal(published(keys), 2);
	first = signing_kid(keys);
	ASSERT_OK(auth_keys_reload(keys, &changed, &err), &err);
	assert_false(changed);

	write_key(dir, "2026-03.next.pem", 0600);
	ASSERT_OK(auth_keys_reload(keys, &changed, &err), &err);
	assert_true(changed);
	second = signing_kid(keys);
	assert_string_equal(first, second);
	assert_int_equal(published(keys), 3);

	rename_key(dir, "2026-03.next.pem", "2026-03.pem");
	ASSERT_OK(auth_keys_reload(keys, &changed, &err), &err);
	assert_true(changed);
	third = signing_kid(keys);
	assert_string_not_equal(third, first);
	assert_int_equal(published(keys), 3);
	free(first);
	free(second);
	free(third);
	auth_keys_close(keys);
}

static void
test_auth_keys_set_outlives_its_replacement(void **state)
{
	const char *dir = *state;
	struct auth_keys *keys = NULL;
	struct auth_key_set *set;
	struct strbuf token = STRBUF_INIT;
	bool changed = false;

	write_key(dir, "1.pem", 0600);
	ASSERT_OK(auth_keys_open(dir, &keys, &err), &err);
	set = auth_keys_current(keys);
	write_key(dir, "2.pem", 0600);
	ASSERT_OK(auth_keys_reload(keys, &changed, &err), &err);
	assert_true(changed);
	auth_keys_close(keys);
	ASSERT_OK(jwt_sign(auth_key_set_signer(set), "at+jwt", SLICE_LIT("{}"), &token, &err),
		  &err);
	auth_key_set_unref(set);
	strbuf_fini(&token);
}

static void
test_auth_keys_bad_folder_changes_nothing(void **state)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
		const char *why;
	} bad[] = {
		{ "9.pem", "rubbish", 0600, "9.pem: not an unencrypted PEM key" },
		{ "9.pem", "", 0600, "9.pem" },
		{ "9.pem", NULL, 0644, "9.pem" }, /* others may read it */
	};
	const char *dir = *state;
	struct auth_keys *keys = NULL;
	char *before, *after, path[512];
	bool changed = false;

	write_key(dir, "1.pem", 0600);
	ASSERT_OK(auth_keys_open(dir, &keys, &err), &err);
	before = signing_kid(keys);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (bad[i].text != NULL) {
			char *file = testkit_write_file(dir, bad[i].name, slice_str(bad[i].text));

			assert_int_equal(chmod(file, bad[i].mode), 0);
			free(file);
		} else {
			write_key(dir, bad[i].name, bad[i].mode);
		}
		ASSERT_STATUS(STATUS_FAILED_PRECONDITION, auth_keys_reload(keys, &changed, &err),
			      &err);
		ASSERT_CONTAINS(err.text, bad[i].why);
		snprintf(path, sizeof(path), "%s/%s", dir, bad[i].name);
		assert_int_equal(unlink(path), 0);
	}
	after = signing_kid(keys);
	assert_string_equal(before, after);
	free(before);
	free(after);
	auth_keys_close(keys);
}

static void
test_auth_keys_needs_a_signing_key(void **state)
{
	const char *dir = *state;
	struct auth_keys *keys = NULL;

	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, auth_keys_open("/nonexistent", &keys, &err),
		      &err);
	ASSERT_CONTAINS(err.text, "/nonexistent");
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, auth_keys_open(dir, &keys, &err), &err);
	write_key(dir, "1.next.pem", 0600);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, auth_keys_open(dir, &keys, &err), &err);
	ASSERT_CONTAINS(err.text, "no NAME.pem");
	for (int i = 0; i <= AUTH_KEYS_MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%02d.pem", i);
		write_key(dir, name, 0600);
	}
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, auth_keys_open(dir, &keys, &err), &err);
	ASSERT_CONTAINS(err.text, "more than 16");
	assert_null(keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_auth_keys_last_name_signs_and_next_waits,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_auth_keys_set_outlives_its_replacement, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_auth_keys_bad_folder_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_auth_keys_needs_a_signing_key, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("auth_keys", tests, NULL, NULL);
}
