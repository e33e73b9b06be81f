/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/codec.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/aead.h"
#include "tests/support/testkit.h"

/*
 * McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13 to 16:
 * the AES-256 ones with a 96-bit nonce, which NIST's CAVP set also has.
 */
static const struct {
	const char *key, *nonce, *aad, *plain, *cipher, *tag;
} vectors[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
	  "49a6"
	  "b525b16aedf5aa0de657ba637b391aafd255",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
	  "5682"
	  "8838c5f61e6393ba7a0abcc9f662898015ad",
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
	  "49a6"
	  "b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
	  "5682"
	  "8838c5f61e6393ba7a0abcc9f662",
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static struct slice
unhex(const char *text, uint8_t *buf)
{
	size_t n;

	assert_true(codec_hex_decode(slice_str(text), buf, &n));
	return slice_make(buf, n);
}

static void
test_aead_gcm_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t key[32], nonce[12], aad[32], plain[64], cipher[64], tag[16], out[64],
			out_tag[16];
		struct slice k = unhex(vectors[i].key, key), a = unhex(vectors[i].aad, aad);
		struct slice p = unhex(vectors[i].plain, plain),
			     c = unhex(vectors[i].cipher, cipher);

		(void)unhex(vectors[i].nonce, nonce);
		(void)unhex(vectors[i].tag, tag);
		aead_gcm_encrypt(k, nonce, a, p, out, out_tag);
		assert_memory_equal(out, cipher, c.n);
		assert_memory_equal(out_tag, tag, 16);
		memset(out, 0, sizeof(out));
		assert_true(aead_gcm_decrypt(k, nonce, a, c, tag, out));
		assert_memory_equal(out, plain, p.n);
	}
}

/* Every bit of the tag, the cipher and the associated data counts; what does not open is wiped. */
static void
test_aead_gcm_every_bit(void **state)
{
	uint8_t key[32], nonce[12], aad[32], cipher[64], tag[16], out[64];
	static const uint8_t zero[64];
	struct slice k = unhex(vectors[3].key, key), a = unhex(vectors[3].aad, aad);
	struct slice c = unhex(vectors[3].cipher, cipher);

	(void)state;
	(void)unhex(vectors[3].nonce, nonce);
	(void)unhex(vectors[3].tag, tag);
	struct {
		uint8_t *p;
		size_t n;
	} parts[] = { { tag, 16 }, { cipher, c.n }, { aad, a.n }, { nonce, 12 } };
	for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
		for (size_t bit = 0; bit < parts[part].n * 8; bit++) {
			parts[part].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(out, 0xee, sizeof(out));
			assert_false(aead_gcm_decrypt(k, nonce, a, c, tag, out));
			assert_memory_equal(out, zero, c.n);
			parts[part].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_true(aead_gcm_decrypt(k, nonce, a, c, tag, out));
}

static const struct slice key = SLICE_LIT("0123456789abcdef0123456789abcdef");

static void
test_aead_seal_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 300, AEAD_PLAIN_MAX };
	struct aead_place place = { "users", "email", { { 1, 2, 3 } } };
	struct strbuf plain = STRBUF_INIT, sealed = STRBUF_INIT, back = STRBUF_INIT;
	struct err err;
	uint32_t kid;

	(void)state;
	err_init(&err);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		strbuf_reset(&plain);
		strbuf_reset(&sealed);
		strbuf_reset(&back);
		while (plain.len < sizes[i])
			strbuf_addch(&plain, (char)plain.len);
		ASSERT_OK(aead_seal(key, 0x01020304, &place, strbuf_slice(&plain), &sealed, &err),
			  &err);
		assert_int_equal(sealed.len, sizes[i] + AEAD_OVERHEAD);
		assert_memory_equal(sealed.buf, "\x01\x01\x02\x03\x04", 5);
		ASSERT_OK(aead_key_id(strbuf_slice(&sealed), &kid, &err), &err);
		assert_int_equal(kid, 0x01020304);
		strbuf_adds(&back, "before ");
		ASSERT_OK(aead_open(key, &place, strbuf_slice(&sealed), &back, &err), &err);
		assert_int_equal(back.len, 7 + sizes[i]);
		assert_memory_equal(back.buf, "before ", 7);
		if (sizes[i] > 0)
			assert_memory_equal(back.buf + 7, plain.buf, sizes[i]);
	}
	strbuf_addch(&plain, 'x');
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      aead_seal(key, 1, &place, strbuf_slice(&plain), &sealed, &err), &err);
	strbuf_fini(&plain);
	strbuf_fini(&sealed);
	strbuf_fini(&back);
}

/* The same text twice is two different ciphertexts: nothing tells equal values apart. */
static void
test_aead_seal_is_randomised(void **state)
{
	struct aead_place place = { "users", "email", { { 1 } } };
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(aead_seal(key, 1, &place, slice_str("ada"), &a, &err), &err);
	ASSERT_OK(aead_seal(key, 1, &place, slice_str("ada"), &b, &err), &err);
	assert_memory_not_equal(a.buf + 5, b.buf + 5, AEAD_NONCE_SIZE);
	assert_memory_not_equal(a.buf + AEAD_HEADER_SIZE, b.buf + AEAD_HEADER_SIZE,
				3 + AEAD_TAG_SIZE);
	strbuf_fini(&a);
	strbuf_fini(&b);
}

static void
test_aead_moved_is_refused(void **state)
{
	const struct aead_place home = { "users", "email", { { 1 } } };
	const struct aead_place elsewhere[] = {
		{ "users", "email", { { 2 } } },
		{ "users", "display_name", { { 1 } } },
		{ "coaches", "email", { { 1 } } },
	};
	struct strbuf sealed = STRBUF_INIT, out = STRBUF_INIT;
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(aead_seal(key, 1, &home, slice_str("ada@example.org"), &sealed, &err), &err);
	strbuf_adds(&out, "kept");
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		ASSERT_STATUS(STATUS_DATA_LOSS,
			      aead_open(key, &elsewhere[i], strbuf_slice(&sealed), &out, &err),
			      &err);
		ASSERT_SLICE("kept", strbuf_slice(&out));
		ASSERT_LACKS(err.text, "ada");
	}
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      aead_open(SLICE_LIT("0123456789abcdef0123456789abcdeF"), &home,
				strbuf_slice(&sealed), &out, &err),
		      &err);
	ASSERT_CONTAINS(err.text, "users.email");
	strbuf_fini(&sealed);
	strbuf_fini(&out);
}

static void
test_aead_changed_is_refused(void **state)
{
	const struct aead_place place = { "users", "email", { { 1 } } };
	struct strbuf sealed = STRBUF_INIT, out = STRBUF_INIT;
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(aead_seal(key, 1, &place, slice_str("ada@example.org"), &sealed, &err), &err);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.buf[i] ^= 1;
		ASSERT_STATUS(STATUS_DATA_LOSS,
			      aead_open(key, &place, strbuf_slice(&sealed), &out, &err), &err);
		sealed.buf[i] ^= 1;
	}
	for (size_t n = 0; n < sealed.len; n++)
		ASSERT_STATUS(STATUS_DATA_LOSS,
			      aead_open(key, &place, slice_make(sealed.buf, n), &out, &err), &err);
	assert_int_equal(out.len, 0);
	ASSERT_OK(aead_open(key, &place, strbuf_slice(&sealed), &out, &err), &err);
	strbuf_fini(&sealed);
	strbuf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aead_gcm_vectors),
		cmocka_unit_test(test_aead_gcm_every_bit),
		cmocka_unit_test(test_aead_seal_round_trip),
		cmocka_unit_test(test_aead_seal_is_randomised),
		cmocka_unit_test(test_aead_moved_is_refused),
		cmocka_unit_test(test_aead_changed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
