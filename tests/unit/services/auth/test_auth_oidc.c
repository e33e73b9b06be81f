/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_oidc, auth_provider: providers' keys over time. A provider on a thread, a clock that
 * stands still unless moved; what is asked of the provider is counted.
 */
#include "tests/support/testkit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/clock.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/jwt.h"
#include "services/auth/auth_oidc.h"
#include "services/auth/auth_provider.h"
#include "tests/unit/libcommon/net/http_stub.h"

#define DISCOVERY "/.well-known/openid-configuration"
#define HOUR_MS INT64_C(3600000)

static struct {
	struct http_stub *stub;
	struct jwt_signer *signers[2];
	struct auth_oidc *oidc;
	struct arena *arena;
	struct auth_identity who;
	struct err err;
	char *issuer;
} t;

static struct jwt_signer *
new_signer(void)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	struct jwt_signer *signer = NULL;
	char *p;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &p);
	ASSERT_OK(jwt_signer_from_pem(slice_make(p, (size_t)n), &signer, &t.err), &t.err);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return signer;
}

static int
group_setup(void **state)
{
	(void)state;
	t.signers[0] = new_signer();
	t.signers[1] = new_signer();
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	jwt_signer_free(t.signers[0]);
	jwt_signer_free(t.signers[1]);
	return 0;
}

static void
publish(const struct jwt_signer *signer, int status, const char *cache)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, "{\"keys\":[");
	jwt_signer_public_jwk(signer, &sb);
	strbuf_adds(&sb, "]}");
	http_stub_set(t.stub, "/keys", status, cache, sb.buf);
	strbuf_fini(&sb);
}

static void
publish_discovery(const char *issuer, const char *jwks_uri)
{
	http_stub_set(t.stub, DISCOVERY, 200, NULL,
		      arena_printf(t.arena, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\"}", issuer,
				   jwks_uri));
}

static int
setup(void **state)
{
	testkit_clock_setup(state);
	t.stub = http_stub_start();
	t.arena = arena_new(4 << 20);
	t.issuer = arena_strdup(t.arena, http_stub_url(t.stub, ""));
	publish_discovery(t.issuer, http_stub_url(t.stub, "/keys"));
	publish(t.signers[0], 200, "max-age=3600");
	ASSERT_OK(auth_oidc_open(arena_printf(t.arena, "idp=%s|app,other", t.issuer), false,
				 &t.oidc, &t.err),
		  &t.err);
	return 0;
}

static int
teardown(void **state)
{
	auth_oidc_close(t.oidc);
	arena_free(t.arena);
	http_stub_stop(t.stub);
	return testkit_clock_teardown(state);
}

static struct slice
token(const struct jwt_signer *signer)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct strbuf sb = STRBUF_ARENA(t.arena);
	char *claims = arena_printf(
		t.arena,
		"{\"iss\":\"%s\",\"aud\":\"app\",\"sub\":\"s1\",\"iat\":%lld,\"exp\":%lld,"
		"\"email\":\"a@b\",\"email_verified\":true,\"name\":\"A B\"}",
		t.issuer, (long long)now_s, (long long)now_s + 600);

	ASSERT_OK(jwt_sign(signer, "JWT", slice_str(claims), &sb, &t.err), &t.err);
	return strbuf_slice(&sb);
}

static enum status
verify(int which)
{
	return auth_oidc_verify(t.oidc, false, token(t.signers[which]), clock_wall_ms() / 1000,
				deadline_in(5000), t.arena, &t.who, &t.err);
}

static unsigned
fetches(void)
{
	return http_stub_hits(t.stub, "/keys");
}

static void
test_auth_oidc_verifies(void **state)
{
	(void)state;
	ASSERT_OK(verify(0), &t.err);
	assert_string_equal(t.who.provider, "idp");
	assert_string_equal(t.who.issuer, t.issuer);
	assert_string_equal(t.who.subject, "s1");
	assert_string_equal(t.who.email, "a@b");
	assert_string_equal(t.who.name, "A B");
	assert_string_equal(t.who.picture, "");
	ASSERT_OK(verify(0), &t.err);
	assert_int_equal(fetches(), 1);
}

/* max-age of the reply, and for how long nothing is asked again (renewal starts 15 s early). */
static void
test_auth_oidc_renews_when_the_reply_says(void **state)
{
	static const struct {
		const char *cache;
		int64_t fresh_ms;
	} cases[] = {
		{ "max-age=3600", HOUR_MS },
		{ NULL, OIDC_FRESH_DEFAULT_MS },
		{ "max-age=1", OIDC_FRESH_MIN_MS },
		{ "no-store", OIDC_FRESH_MIN_MS },
		{ "max-age=99999999", OIDC_FRESH_MAX_MS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned before;

		publish(t.signers[0], 200, cases[i].cache);
		clock_fake_advance(2 * OIDC_FRESH_MAX_MS);
		auth_oidc_renew(t.oidc);
		before = fetches();
		clock_fake_advance(cases[i].fresh_ms - 15000);
		auth_oidc_renew(t.oidc);
		assert_int_equal(fetches(), before);
		clock_fake_advance(1);
		auth_oidc_renew(t.oidc);
		assert_int_equal(fetches(), before + 1);
	}
}

static void
test_auth_oidc_unknown_kid_is_one_fetch_in_ten_seconds(void **state)
{
	(void)state;
	ASSERT_OK(verify(0), &t.err);
	publish(t.signers[1], 200, "max-age=3600");
	for (int i = 0; i < 20; i++) {
		ASSERT_STATUS(STATUS_UNAUTHENTICATED, verify(1), &t.err);
		assert_string_equal(t.err.reason, "ID_TOKEN_INVALID");
		clock_fake_advance(OIDC_RETRY_MS / 20 - 1);
	}
	assert_int_equal(fetches(), 1);
	clock_fake_advance(20);
	ASSERT_OK(verify(1), &t.err);
	assert_int_equal(fetches(), 2);
	ASSERT_STATUS(STATUS_UNAUTHENTICATED, verify(0), &t.err);
	assert_int_equal(fetches(), 2);
}

static void
test_auth_oidc_stale_keys_serve_for_a_day(void **state)
{
	(void)state;
	ASSERT_OK(verify(0), &t.err);
	publish(t.signers[0], 500, NULL);
	clock_fake_advance(HOUR_MS + OIDC_STALE_MAX_MS - 1);
	auth_oidc_renew(t.oidc);
	ASSERT_OK(verify(0), &t.err);
	/* An unknown kid is refused, though the provider can't be asked. */
	ASSERT_STATUS(STATUS_UNAUTHENTICATED, verify(1), &t.err);
	clock_fake_advance(1);
	ASSERT_STATUS(STATUS_UNAVAILABLE, verify(0), &t.err);
	assert_int_equal(t.err.retry_after_ms, OIDC_RETRY_MS);
	publish(t.signers[0], 200, NULL);
	clock_fake_advance(OIDC_RETRY_MS);
	ASSERT_OK(verify(0), &t.err);
}

static void
test_auth_oidc_bad_documents(void **state)
{
	const char *keys_url = http_stub_url(t.stub, "/keys");

	(void)state;
	publish_discovery("https://other.example", keys_url);
	ASSERT_STATUS(STATUS_UNAVAILABLE, verify(0), &t.err);
	ASSERT_CONTAINS(t.err.text, "not a discovery document of that issuer");
	clock_fake_advance(OIDC_RETRY_MS);
	publish_discovery(t.issuer, "http://example.org/keys");
	ASSERT_STATUS(STATUS_UNAVAILABLE, verify(0), &t.err);
	ASSERT_CONTAINS(t.err.text, "no jwks_uri");
	clock_fake_advance(OIDC_RETRY_MS);
	publish_discovery(t.issuer, keys_url);
	http_stub_set(t.stub, "/keys", 200, NULL,
		      "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"x\",\"k\":\"AA\"}]}");
	ASSERT_STATUS(STATUS_UNAVAILABLE, verify(0), &t.err);
	ASSERT_CONTAINS(t.err.text, "no key that can be used");
	clock_fake_advance(OIDC_RETRY_MS);
	http_stub_set(t.stub, DISCOVERY, 200, NULL, "<html>");
	ASSERT_STATUS(STATUS_UNAVAILABLE, verify(0), &t.err);
}

static void *
verify_on_thread(void *arg)
{
	struct arena *arena = arena_new(1 << 20);
	struct auth_identity who;
	struct err err;

	err_init(&err);
	*(enum status *)arg =
		auth_oidc_verify(t.oidc, false, slice_str(t.who.subject), clock_wall_ms() / 1000,
				 deadline_in(5000), arena, &who, &err);
	arena_free(arena);
	return NULL;
}

static void
test_auth_oidc_burst_is_one_fetch(void **state)
{
	enum status results[8];
	pthread_t threads[8];
	struct slice text = token(t.signers[0]);

	(void)state;
	t.who.subject = arena_strndup(t.arena, text.p, text.n); /* the threads' token */
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_on_thread, &results[i]),
				 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], STATUS_OK);
	}
	assert_int_equal(fetches(), 1);
}

static void
test_auth_oidc_configuration(void **state)
{
	static const struct {
		const char *issuers, *why;
	} cases[] = {
		{ "", "no issuers" },
		{ ";;", "no issuers" },
		{ "google", "is not name=issuer|audience" },
		{ "google=https://x", "is not name=issuer|audience" },
		{ "=https://x|a", "is not name=issuer|audience" },
		{ "google=|a", "is not name=issuer|audience" },
		{ "google=https://x|", "issuer google: no audience" },
		{ "google=https://x|,,", "issuer google: no audience" },
		{ "a=https://x|a;b=ftp://x|a",
		  "issuer b: \"ftp://x\" is neither https nor http on loopback" },
		{ "a=https://x|1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
		  "issuer a: more than 16 audiences" },
		{ "a=https://x|a;b=https://x|a;c=https://x|a;d=https://x|a;e=https://x|a;f=https://"
		  "x|a;"
		  "g=https://x|a;h=https://x|a;i=https://x|a",
		  "more than 8 issuers" },
	};
	struct auth_oidc *oidc = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
			      auth_oidc_open(cases[i].issuers, false, &oidc, &t.err), &t.err);
		ASSERT_CONTAINS(t.err.text, cases[i].why);
	}
	assert_null(oidc);
	ASSERT_OK(auth_oidc_open("google=https://accounts.google.com|a,b;dev=http://127.0.0.1:1|c;",
				 false, &oidc, &t.err),
		  &t.err);
	auth_oidc_close(oidc);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      auth_oidc_open("dev=http://127.0.0.1:1|c", true, &oidc, &t.err), &t.err);
	ASSERT_CONTAINS(t.err.text, "is not https");
	ASSERT_OK(auth_oidc_open("google=https://accounts.google.com|a,b", true, &oidc, &t.err),
		  &t.err);
	auth_oidc_close(oidc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_auth_oidc_verifies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_auth_oidc_renews_when_the_reply_says, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_auth_oidc_unknown_kid_is_one_fetch_in_ten_seconds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_auth_oidc_stale_keys_serve_for_a_day, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_auth_oidc_bad_documents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_auth_oidc_burst_is_one_fetch, setup, teardown),
		cmocka_unit_test(test_auth_oidc_configuration),
	};

	return cmocka_run_group_tests_name("auth_oidc", tests, group_setup, group_teardown);
}
