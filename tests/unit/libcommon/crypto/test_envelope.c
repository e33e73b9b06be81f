/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libcommon/base/clock.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/crypto/aead.h"
#include "libcommon/crypto/envelope.h"
#include "libcommon/crypto/keyring.h"
#include "tests/support/testkit.h"

static const char key_text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char other_text[] = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const struct uuid ada = { { 0xad, 0xa } }, bob = { { 0xb0, 0xb } };
static const struct aead_place ada_email = { "users", "email", { { 0xad, 0xa } } };

static void
add_key(const char *dir, const char *name, const char *text)
{
	char *path = testkit_write_file(dir, name, slice_str(text));

	assert_int_equal(chmod(path, 0600), 0);
	free(path);
}

static struct keyring *
open_ring(const char *dir)
{
	struct keyring *ring = NULL;
	struct err err;

	err_init(&err);
	ASSERT_OK(keyring_open(dir, 0, &ring, &err), &err);
	return ring;
}

struct fixture {
	char *dir;
	struct keyring *ring;
	struct envelope *env;
	struct strbuf wrapped, sealed, out;
	struct envelope_key key; /* of ada */
	struct err err;
};

static void
fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	err_init(&f->err);
	f->dir = testkit_temp_dir();
	add_key(f->dir, "1.key", key_text);
	f->ring = open_ring(f->dir);
	f->env = envelope_new(f->ring, 16, 1000);
	ASSERT_OK(envelope_new_key(f->env, &ada, &f->wrapped, &f->err), &f->err);
	f->key = (struct envelope_key){ ada, strbuf_slice(&f->wrapped) };
	ASSERT_OK(envelope_seal(f->env, &f->key, &ada_email, slice_str("ada@example.org"),
				&f->sealed, &f->err),
		  &f->err);
}

static void
fixture_fini(struct fixture *f)
{
	envelope_free(f->env);
	keyring_close(f->ring);
	strbuf_fini(&f->wrapped);
	strbuf_fini(&f->sealed);
	strbuf_fini(&f->out);
	testkit_remove_dir(f->dir);
}

static void
test_envelope_round_trip(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	ASSERT_OK(envelope_unseal(f.env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				  &f.err),
		  &f.err);
	ASSERT_SLICE("ada@example.org", strbuf_slice(&f.out));
	assert_int_equal(envelope_stats(f.env).misses, 1);
	assert_int_equal(envelope_stats(f.env).hits, 1);
	fixture_fini(&f);
}

/* Another user's data key, also under one's own name, and a cut or changed one. */
static void
test_envelope_foreign_key_is_refused(void **state)
{
	struct strbuf bobs = STRBUF_INIT;
	struct envelope_key key;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	ASSERT_OK(envelope_new_key(f.env, &bob, &bobs, &f.err), &f.err);
	key = (struct envelope_key){ bob, strbuf_slice(&bobs) };
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      envelope_unseal(f.env, &key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	key.owner = ada;
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      envelope_unseal(f.env, &key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	ASSERT_CONTAINS(f.err.text, "data_key.wrapped");
	key.wrapped = slice_make(f.wrapped.buf, f.wrapped.len - 1);
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      envelope_unseal(f.env, &key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	key.wrapped = SLICE_NONE;
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      envelope_unseal(f.env, &key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	f.wrapped.buf[20] ^= 1;
	ASSERT_OK(envelope_unseal(f.env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				  &f.err),
		  &f.err); /* found by its tag: the cache, not the bytes, answers */
	envelope_free(f.env);
	f.env = envelope_new(f.ring, 16, 1000);
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      envelope_unseal(f.env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	strbuf_fini(&bobs);
	fixture_fini(&f);
}

static void
test_envelope_rotation(void **state)
{
	struct strbuf rewrapped = STRBUF_INIT;
	struct envelope *env;
	struct keyring *ring;
	struct envelope_key key;
	struct fixture f;
	uint32_t kid;

	(void)state;
	fixture_init(&f);
	assert_false(envelope_is_stale(f.env, f.key.wrapped));
	add_key(f.dir, "2.key", other_text);
	ring = open_ring(f.dir);
	env = envelope_new(ring, 16, 1000);
	/* The old wrapped form still opens, and is known to be old. */
	ASSERT_OK(envelope_unseal(env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out, &f.err),
		  &f.err);
	assert_true(envelope_is_stale(env, f.key.wrapped));
	ASSERT_OK(envelope_rewrap(env, &f.key, &rewrapped, &f.err), &f.err);
	ASSERT_OK(aead_key_id(strbuf_slice(&rewrapped), &kid, &f.err), &f.err);
	assert_int_equal(kid, 2);
	key = (struct envelope_key){ ada, strbuf_slice(&rewrapped) };
	assert_false(envelope_is_stale(env, key.wrapped));
	/* The field was not touched and opens with the re-wrapped key. */
	strbuf_reset(&f.out);
	ASSERT_OK(envelope_unseal(env, &key, &ada_email, strbuf_slice(&f.sealed), &f.out, &f.err),
		  &f.err);
	ASSERT_SLICE("ada@example.org", strbuf_slice(&f.out));
	/* Who has only the old ring cannot open the new form, and says which key is missing. */
	ASSERT_STATUS(STATUS_INTERNAL,
		      envelope_unseal(f.env, &key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	ASSERT_CONTAINS(f.err.text, "no key 2");
	envelope_free(env);
	keyring_close(ring);
	strbuf_fini(&rewrapped);
	fixture_fini(&f);
}

/* A file with the right name and the wrong content. */
static void
test_envelope_wrong_kek(void **state)
{
	struct envelope *env;
	struct keyring *ring;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	add_key(f.dir, "1.key", other_text);
	ring = open_ring(f.dir);
	env = envelope_new(ring, 16, 1000);
	ASSERT_STATUS(STATUS_DATA_LOSS,
		      envelope_unseal(env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				      &f.err),
		      &f.err);
	assert_int_equal(f.out.len, 0);
	envelope_free(env);
	keyring_close(ring);
	fixture_fini(&f);
}

static void
test_envelope_cache_expires(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f); /* seal: the first miss */
	clock_fake_advance(999);
	ASSERT_OK(envelope_unseal(f.env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				  &f.err),
		  &f.err);
	assert_int_equal(envelope_stats(f.env).misses, 1);
	clock_fake_advance(1);
	ASSERT_OK(envelope_unseal(f.env, &f.key, &ada_email, strbuf_slice(&f.sealed), &f.out,
				  &f.err),
		  &f.err);
	assert_int_equal(envelope_stats(f.env).misses, 2);
	fixture_fini(&f);
}

/* Far more users than slots: all are served right. */
static void
test_envelope_cache_is_bounded(void **state)
{
	enum { USERS = 500 };
	static struct strbuf wrapped[USERS], sealed[USERS];
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < USERS; i++) {
			struct aead_place place = { "users",
						    "email",
						    { { 9, (uint8_t)(i >> 8), (uint8_t)i } } };
			struct envelope_key key = { place.row, SLICE_NONE };
			char want[32];

			snprintf(want, sizeof(want), "user %d", i);
			if (round == 0)
				ASSERT_OK(envelope_new_key(f.env, &place.row, &wrapped[i], &f.err),
					  &f.err);
			key.wrapped = strbuf_slice(&wrapped[i]);
			if (round == 0)
				ASSERT_OK(envelope_seal(f.env, &key, &place, slice_str(want),
							&sealed[i], &f.err),
					  &f.err);
			strbuf_reset(&f.out);
			ASSERT_OK(envelope_unseal(f.env, &key, &place, strbuf_slice(&sealed[i]),
						  &f.out, &f.err),
				  &f.err);
			ASSERT_SLICE(want, strbuf_slice(&f.out));
		}
	}
	for (int i = 0; i < USERS; i++) {
		strbuf_fini(&wrapped[i]);
		strbuf_fini(&sealed[i]);
	}
	fixture_fini(&f);
}

static void *
use_envelope(void *arg)
{
	struct fixture *f = arg;
	void *done = arg;

	for (int i = 0; i < 300 && done != NULL; i++) {
		struct uuid owner = { { 7, (uint8_t)(i % 20) } };
		struct strbuf wrapped = STRBUF_INIT, sealed = STRBUF_INIT, out = STRBUF_INIT;
		struct aead_place place = { "users", "email", owner };
		struct envelope_key key = { owner, SLICE_NONE };

		if (envelope_new_key(f->env, &owner, &wrapped, NULL) != STATUS_OK)
			done = NULL;
		key.wrapped = strbuf_slice(&wrapped);
		if (envelope_seal(f->env, &key, &place, slice_str("x"), &sealed, NULL) !=
			    STATUS_OK ||
		    envelope_unseal(f->env, &key, &place, strbuf_slice(&sealed), &out, NULL) !=
			    STATUS_OK ||
		    !slice_eq_str(strbuf_slice(&out), "x"))
			done = NULL;
		strbuf_fini(&wrapped);
		strbuf_fini(&sealed);
		strbuf_fini(&out);
	}
	return done;
}

static void
test_envelope_threads(void **state)
{
	pthread_t threads[4];
	struct fixture f;
	void *done;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_envelope, &f), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], &done);
		assert_ptr_equal(done, &f);
	}
	fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope_round_trip),
		cmocka_unit_test(test_envelope_foreign_key_is_refused),
		cmocka_unit_test(test_envelope_rotation),
		cmocka_unit_test(test_envelope_wrong_kek),
		cmocka_unit_test_setup_teardown(test_envelope_cache_expires, testkit_clock_setup,
						testkit_clock_teardown),
		cmocka_unit_test(test_envelope_cache_is_bounded),
		cmocka_unit_test(test_envelope_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
