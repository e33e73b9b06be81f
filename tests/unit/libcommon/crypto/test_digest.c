/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/crypto/blind_index.h"
#include "libcommon/crypto/digest.h"
#include "tests/support/testkit.h"

static void
assert_hex(const char *want, const uint8_t *got, size_t n)
{
	char text[2 * DIGEST_SHA256_SIZE + 1];

	codec_hex_encode(got, n, text);
	assert_string_equal(text, want);
}

/* FIPS 180-4 examples (NIST "Examples with Intermediate Values"), and the empty message. */
static void
test_digest_sha256_vectors(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t digest[DIGEST_SHA256_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		digest_sha256(slice_str(cases[i].text), digest);
		assert_hex(cases[i].want, digest, sizeof(digest));
	}
}

/* RFC 4231 sections 4.2, 4.3, 4.4 and 4.7. */
static void
test_digest_hmac_vectors(void **state)
{
	uint8_t key[131], data[50], mac[DIGEST_SHA256_SIZE];

	(void)state;
	memset(key, 0x0b, 20);
	digest_hmac_sha256(slice_make(key, 20), slice_str("Hi There"), mac);
	assert_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", mac, 32);
	digest_hmac_sha256(slice_str("Jefe"), slice_str("what do ya want for nothing?"), mac);
	assert_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", mac, 32);
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	digest_hmac_sha256(slice_make(key, 20), slice_make(data, 50), mac);
	assert_hex("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", mac, 32);
	digest_hmac_sha256(slice_make(key, 131),
			   slice_str("Test Using Larger Than Block-Size Key - Hash Key First"),
			   mac);
	assert_hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", mac, 32);
}

static void
test_digest_equal_ct(void **state)
{
	(void)state;
	assert_true(digest_equal_ct("abc", "abc", 3));
	assert_false(digest_equal_ct("abc", "abd", 3));
	assert_false(digest_equal_ct("abc", "bbc", 3));
	assert_true(digest_equal_ct("abc", "abd", 2));
	assert_true(digest_equal_ct("a", "b", 0));
}

/* Contexts are per thread: interleaved users must not see each other's state. */
static void *
hash_many(void *arg)
{
	const char *text = arg;
	uint8_t first[DIGEST_SHA256_SIZE], mac0[DIGEST_SHA256_SIZE], again[DIGEST_SHA256_SIZE];

	digest_sha256(slice_str(text), first);
	digest_hmac_sha256(slice_str(text), slice_str(text), mac0);
	for (int i = 0; i < 5000; i++) {
		digest_sha256(slice_str(text), again);
		if (memcmp(first, again, sizeof(first)) != 0)
			return NULL;
		digest_hmac_sha256(slice_str(text), slice_str(text), again);
		if (memcmp(mac0, again, sizeof(mac0)) != 0)
			return NULL;
	}
	return arg;
}

static void
test_digest_threads(void **state)
{
	static char *const texts[] = { "one", "two", "a third, longer text", "4" };
	pthread_t threads[ARRAY_LEN(texts)];
	void *done;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_many, texts[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		pthread_join(threads[i], &done);
		assert_ptr_equal(done, texts[i]);
	}
}

static void
empty_key(void *arg)
{
	uint8_t mac[DIGEST_SHA256_SIZE];

	(void)arg;
	digest_hmac_sha256(SLICE_NONE, slice_str("x"), mac);
}

static void
test_digest_empty_key_is_a_bug(void **state)
{
	char *text = NULL;

	(void)state;
	assert_true(testkit_fork(empty_key, NULL, &text) != 0);
	ASSERT_CONTAINS(text, "an empty HMAC key");
	free(text);
}

static void
test_digest_blind_index(void **state)
{
	uint8_t a[BLIND_INDEX_SIZE], b[BLIND_INDEX_SIZE], want[BLIND_INDEX_SIZE];

	(void)state;
	/* The construction itself, spelt out. */
	digest_hmac_sha256(slice_str("k1"), slice_str("email|v1|ada@example.org"), want);
	blind_index(slice_str("k1"), "email", slice_str("ada@example.org"), a);
	assert_memory_equal(a, want, sizeof(a));
	blind_index(slice_str("k1"), "subject", slice_str("ada@example.org"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	blind_index(slice_str("k2"), "email", slice_str("ada@example.org"), b);
	assert_memory_not_equal(a, b, sizeof(a));
	blind_index(slice_str("k1"), "email", slice_str("eda@example.org"), b);
	assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest_sha256_vectors),
		cmocka_unit_test(test_digest_hmac_vectors),
		cmocka_unit_test(test_digest_equal_ct),
		cmocka_unit_test(test_digest_threads),
		cmocka_unit_test(test_digest_empty_key_is_a_bug),
		cmocka_unit_test(test_digest_blind_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
