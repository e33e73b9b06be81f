/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libcommon/base/compiler.h"
#include "libcommon/crypto/keyring.h"
#include "libcommon/crypto/secret.h"
#include "tests/support/testkit.h"

#define HEX64(c)                                                                                   \
	c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c  \
		c c c c c c c c c c c c c c c c c c c

static void
test_secret_lengths(void **state)
{
	struct secret *s = secret_new(SECRET_MAX);
	struct secret *copy = secret_copy(SLICE_LIT("abc"));

	(void)state;
	assert_int_equal(secret_slice(s).n, SECRET_MAX);
	secret_bytes(s)[SECRET_MAX - 1] = 7;
	ASSERT_SLICE("abc", secret_slice(copy));
	secret_free(s);
	secret_free(copy);
	secret_free(NULL);
}

static void
test_secret_from_hex(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "00ff10aB", true },    { "  00ff10aB\r\n", true }, { "00ff10a", false },
		{ "00ff10aB00", false }, { "00ff10ag", false },      { "", false },
		{ " \n", false },        { "00ff 10aB", false },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct secret *s = NULL;

		err_init(&err);
		if (cases[i].good) {
			ASSERT_OK(secret_from_hex(slice_str(cases[i].text), 4, &s, &err), &err);
			assert_memory_equal(secret_bytes(s), "\x00\xff\x10\xab", 4);
			secret_free(s);
		} else {
			ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
				      secret_from_hex(slice_str(cases[i].text), 4, &s, &err), &err);
			assert_null(s);
			ASSERT_LACKS(err.text, "ff10"); /* the content is not in the text */
		}
	}
}

static void
test_secret_from_file(void **state)
{
	char *dir = testkit_temp_dir(), *path, *empty, *open_file;
	struct secret *s = NULL;
	struct err err;

	(void)state;
	err_init(&err);
	path = testkit_write_file(dir, "good", SLICE_LIT("hush\n"));
	assert_int_equal(chmod(path, 0640), 0);
	ASSERT_OK(secret_from_file(path, &s, &err), &err);
	ASSERT_SLICE("hush\n", secret_slice(s));
	secret_free(s);
	open_file = testkit_write_file(dir, "open", SLICE_LIT("hush"));
	assert_int_equal(chmod(open_file, 0644), 0);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, secret_from_file(open_file, &s, &err), &err);
	ASSERT_CONTAINS(err.text, "mode 0644");
	empty = testkit_write_file(dir, "empty", SLICE_LIT(""));
	assert_int_equal(chmod(empty, 0600), 0);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, secret_from_file(empty, &s, &err), &err);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, secret_from_file(dir, &s, &err), &err);
	ASSERT_CONTAINS(err.text, "not a regular file");
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, secret_from_file("/nowhere/key", &s, &err), &err);
	ASSERT_CONTAINS(err.text, "/nowhere/key");
	free(path);
	free(empty);
	free(open_file);
	testkit_remove_dir(dir);
}

static void
write_key(const char *dir, const char *name, const char *text)
{
	char *path = testkit_write_file(dir, name, slice_str(text));

	assert_int_equal(chmod(path, 0600), 0);
	free(path);
}

static void
test_keyring_newest_is_active(void **state)
{
	char *dir = testkit_temp_dir();
	struct keyring *ring;
	struct slice key;
	struct err err;

	(void)state;
	err_init(&err);
	write_key(dir, "9.key", HEX64("1"));
	write_key(dir, "10.key", HEX64("2") "\n");
	write_key(dir, "2.key", HEX64("3"));
	write_key(dir, ".hidden", "not a key");
	ASSERT_OK(keyring_open(dir, 0, &ring, &err), &err);
	assert_int_equal(keyring_active(ring), 10);
	ASSERT_OK(keyring_find(ring, 10, &key, &err), &err);
	assert_int_equal(key.n, 32);
	assert_int_equal((unsigned char)key.p[31], 0x22);
	ASSERT_OK(keyring_find(ring, 2, &key, &err), &err);
	assert_int_equal((unsigned char)key.p[0], 0x33);
	ASSERT_STATUS(STATUS_INTERNAL, keyring_find(ring, 3, &key, &err), &err);
	keyring_close(ring);
	ASSERT_OK(keyring_open(dir, 9, &ring, &err), &err);
	assert_int_equal(keyring_active(ring), 9);
	keyring_close(ring);
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, keyring_open(dir, 11, &ring, &err), &err);
	testkit_remove_dir(dir);
}

static void
test_keyring_refuses(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "one.key", HEX64("1"), "one.key" },
		{ "01.key", HEX64("1"), "01.key" },
		{ "0.key", HEX64("1"), "0.key" },
		{ "1.key.bak", HEX64("1"), "1.key.bak" },
		{ "4294967296.key", HEX64("1"), "4294967296.key" },
		{ "1.key", "1234", "64 hex digits" },
		{ "1.key", HEX64("g"), "64 hex digits" },
	};
	struct keyring *ring = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *dir = testkit_temp_dir();

		err_init(&err);
		ASSERT_STATUS(STATUS_FAILED_PRECONDITION, keyring_open(dir, 0, &ring, &err), &err);
		ASSERT_CONTAINS(err.text, "no key");
		write_key(dir, cases[i].name, cases[i].text);
		ASSERT_STATUS(STATUS_FAILED_PRECONDITION, keyring_open(dir, 0, &ring, &err), &err);
		ASSERT_CONTAINS(err.text, cases[i].want);
		testkit_remove_dir(dir);
	}
	ASSERT_STATUS(STATUS_FAILED_PRECONDITION, keyring_open("/nowhere", 0, &ring, &err), &err);
	assert_null(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_lengths),
		cmocka_unit_test(test_secret_from_hex),
		cmocka_unit_test(test_secret_from_file),
		cmocka_unit_test(test_keyring_newest_is_active),
		cmocka_unit_test(test_keyring_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
