/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_token: the form of tokens, sealing of successors, keyed hashes, and the claims of an
 * access token.
 */
#include "tests/support/testkit.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "libcommon/base/strbuf.h"
#include "services/auth/auth_token.h"

static void
test_auth_refresh_new_is_random_and_well_formed(void **state)
{
	char a[AUTH_REFRESH_TEXT_SIZE], b[AUTH_REFRESH_TEXT_SIZE];
	uint8_t ha[DIGEST_SHA256_SIZE], hb[DIGEST_SHA256_SIZE], want[DIGEST_SHA256_SIZE];

	(void)state;
	auth_refresh_new(a);
	auth_refresh_new(b);
	assert_int_equal(strlen(a), AUTH_REFRESH_TEXT_SIZE - 1);
	assert_memory_equal(a, "fitr_", 5);
	assert_string_not_equal(a, b);
	assert_true(auth_refresh_hash(slice_str(a), ha));
	assert_true(auth_refresh_hash(slice_str(b), hb));
	assert_memory_not_equal(ha, hb, sizeof(ha));
	digest_sha256(slice_str(a), want);
	assert_memory_equal(ha, want, sizeof(ha));
}

static void
test_auth_refresh_hash_refuses_other_forms(void **state)
{
	static const char *const texts[] = {
		"",
		"fitr_",
		"fitr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"fitr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"Fitr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"fitr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"fitr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
		"fitr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", /* trailing bits */
	};
	uint8_t hash[DIGEST_SHA256_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(auth_refresh_hash(slice_str(texts[i]), hash));
}

static void
test_auth_refresh_seal_opens_for_the_used_token_only(void **state)
{
	struct uuid session = uuid_v4(), other = uuid_v4();
	char used[AUTH_REFRESH_TEXT_SIZE], next[AUTH_REFRESH_TEXT_SIZE];
	struct strbuf sealed = STRBUF_INIT, plain = STRBUF_INIT;
	struct err err;

	(void)state;
	auth_refresh_new(used);
	auth_refresh_new(next);
	ASSERT_OK(auth_refresh_seal(slice_str(used), &session, slice_str(next), &sealed, &err),
		  &err);
	ASSERT_OK(auth_refresh_unseal(slice_str(used), &session, strbuf_slice(&sealed), &plain,
				      &err),
		  &err);
	ASSERT_SLICE(next, strbuf_slice(&plain));
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      auth_refresh_unseal(slice_str(next), &session, strbuf_slice(&sealed), &plain,
					  &err),
		      &err);
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      auth_refresh_unseal(slice_str(used), &other, strbuf_slice(&sealed), &plain,
					  &err),
		      &err);
	sealed.buf[sealed.len - 1] ^= 1;
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      auth_refresh_unseal(slice_str(used), &session, strbuf_slice(&sealed), &plain,
					  &err),
		      &err);
	strbuf_fini(&sealed);
	strbuf_fini(&plain);
}

static void
test_auth_hash_text_depends_on_all_its_inputs(void **state)
{
	static const struct {
		const char *key, *what, *value;
	} inputs[] = { { "k", "device", "x" }, { "l", "device", "x" }, { "k", "ip", "x" },
		       { "k", "device", "y" }, { "k", "devic", "ex" }, { "k", "device", "" } };
	char texts[ARRAY_LEN(inputs)][AUTH_HASH_TEXT_SIZE], again[AUTH_HASH_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		auth_hash_text(slice_str(inputs[i].key), inputs[i].what, slice_str(inputs[i].value),
			       texts[i]);
		assert_int_equal(strlen(texts[i]), AUTH_HASH_TEXT_SIZE - 1);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(texts[i], texts[j]);
	}
	auth_hash_text(SLICE_LIT("k"), "device", SLICE_LIT("x"), again);
	assert_string_equal(again, texts[0]);
}

static const char *
text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void
test_auth_claims_write(void **state)
{
	char *permissions[] = { (char[]){ "users.read_all" }, (char[]){ "a\"b" } };
	struct auth_claims c = { .issuer = "iss",
				 .audience = "aud",
				 .email = "a\"\\@b",
				 .role = "coach",
				 .tier = "premium",
				 .permissions = permissions,
				 .npermissions = 2,
				 .iat_s = 100,
				 .exp_s = 200 };
	struct strbuf sb = STRBUF_INIT;
	char sub[UUID_TEXT_SIZE], sid[UUID_TEXT_SIZE];
	struct uuid jti;
	json_t *json;

	(void)state;
	c.user = uuid_v4();
	c.session = uuid_v4();
	uuid_format(&c.user, sub);
	uuid_format(&c.session, sid);
	auth_claims_write(&c, &sb);
	json = json_loadb(sb.buf, sb.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(text_of(json, "iss"), "iss");
	assert_string_equal(text_of(json, "aud"), "aud");
	assert_string_equal(text_of(json, "sub"), sub);
	assert_string_equal(text_of(json, "sid"), sid);
	assert_string_equal(text_of(json, "email"), "a\"\\@b");
	assert_string_equal(text_of(json, "role"), "coach");
	assert_string_equal(text_of(json, "subscription"), "premium");
	assert_true(uuid_parse_str(text_of(json, "jti"), &jti));
	assert_int_equal(json_integer_value(json_object_get(json, "iat")), 100);
	assert_int_equal(json_integer_value(json_object_get(json, "exp")), 200);
	assert_int_equal(json_array_size(json_object_get(json, "permissions")), 2);
	assert_string_equal(json_string_value(
				    json_array_get(json_object_get(json, "permissions"), 1)),
			    "a\"b");
	assert_true(json_array_size(json_object_get(json, "features")) > 0);
	assert_null(json_object_get(json, "deviceId"));
	assert_null(json_object_get(json, "ipAddress"));
	json_decref(json);

	strbuf_reset(&sb);
	c.device_hash = "dd";
	c.ip_hash = "ii";
	c.tier = "a tier of tomorrow";
	c.npermissions = 0;
	auth_claims_write(&c, &sb);
	json = json_loadb(sb.buf, sb.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(text_of(json, "deviceId"), "dd");
	assert_string_equal(text_of(json, "ipAddress"), "ii");
	json_decref(json);
	strbuf_fini(&sb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auth_refresh_new_is_random_and_well_formed),
		cmocka_unit_test(test_auth_refresh_hash_refuses_other_forms),
		cmocka_unit_test(test_auth_refresh_seal_opens_for_the_used_token_only),
		cmocka_unit_test(test_auth_hash_text_depends_on_all_its_inputs),
		cmocka_unit_test(test_auth_claims_write),
	};

	return cmocka_run_group_tests_name("auth_token", tests, NULL, NULL);
}
