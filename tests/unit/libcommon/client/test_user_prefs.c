/* SPDX-License-Identifier: Apache-2.0 */
/* test_user_prefs.c - how long an answer is kept, over a user service that says what the test
 * wants. */
#include <string.h>

#include "libcommon/base/arena.h"
#include "libcommon/client/user_prefs.h"
#include "tests/support/testkit.h"

#define NOW 1000000

static struct {
	enum status status;
	bool on;
	unsigned calls;
} world;

/* Instead of user_client.c. */
enum status
user_client_find_preferences(struct user_client *client, const struct rpc_call_options *opts,
			     const Fit__User__V1__FindPreferencesRequest *request,
			     struct arena *arena,
			     Fit__User__V1__FindPreferencesResponse **ret_reply, struct err *err)
{
	Fit__User__V1__FindPreferencesResponse *res =
		ARENA_NEW(arena, Fit__User__V1__FindPreferencesResponse);

	(void)client;
	(void)opts;
	(void)request;
	world.calls++;
	if (world.status != STATUS_OK)
		return err_set(err, world.status, "the user service says so");
	fit__user__v1__find_preferences_response__init(res);
	res->active = world.on;
	*ret_reply = res;
	return STATUS_OK;
}

static void
read_active(const Fit__User__V1__FindPreferencesResponse *res, void *value)
{
	*(bool *)value = res->active;
}

static struct user_prefs *prefs;
static struct arena *arena;
static struct err err;

static void
begin(size_t max, int64_t ttl_ms, int64_t stale_ms)
{
	memset(&world, 0, sizeof(world));
	clock_fake_set(NOW, NOW);
	err_init(&err);
	arena = arena_new(1 << 16);
	prefs = user_prefs_new(&(struct user_prefs_def){ .read = read_active,
							 .value_size = sizeof(bool),
							 .max = max,
							 .ttl_ms = ttl_ms,
							 .stale_ms = stale_ms });
}

static void
end(void)
{
	user_prefs_free(prefs);
	arena_free(arena);
	clock_fake_off();
}

static enum status
find(unsigned who, bool *ret_value)
{
	struct uuid id = { { (uint8_t)who } };

	return user_prefs_find(prefs, deadline_in(1000), &id, arena, ret_value, &err);
}

static void
test_user_prefs_change_is_seen_in_time(void **state)
{
	bool value = true;

	(void)state;
	begin(10, 1000, 0);
	ASSERT_OK(find(1, &value), &err);
	assert_false(value);
	world.on = true;
	clock_fake_advance(999);
	ASSERT_OK(find(1, &value), &err);
	assert_false(value);
	assert_int_equal(world.calls, 1);
	clock_fake_advance(1);
	ASSERT_OK(find(1, &value), &err);
	assert_true(value);
	assert_int_equal(world.calls, 2);
	end();
}

/* While nobody can say, an older answer is used only by those who want one. */
static void
test_user_prefs_away(void **state)
{
	static const int64_t stale[] = { 0, 5000 };
	bool value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stale); i++) {
		begin(10, 1000, stale[i]);
		world.on = true;
		ASSERT_OK(find(1, &value), &err);
		world.status = STATUS_UNAVAILABLE;
		value = false;
		clock_fake_advance(999);
		ASSERT_OK(find(1, &value), &err);
		assert_true(value);
		value = false;
		clock_fake_advance(1);
		ASSERT_STATUS(stale[i] > 0 ? STATUS_OK : STATUS_UNAVAILABLE, find(1, &value), &err);
		assert_int_equal(value, stale[i] > 0);
		clock_fake_advance(4000);
		ASSERT_STATUS(STATUS_UNAVAILABLE, find(1, &value), &err);
		ASSERT_STATUS(STATUS_UNAVAILABLE, find(2, &value), &err);
		end();
	}
}

/* "No such user" is an answer: an older one is not used instead. */
static void
test_user_prefs_gone(void **state)
{
	bool value;

	(void)state;
	begin(10, 1000, 5000);
	ASSERT_OK(find(1, &value), &err);
	world.status = STATUS_NOT_FOUND;
	clock_fake_advance(1000);
	ASSERT_STATUS(STATUS_NOT_FOUND, find(1, &value), &err);
	end();
}

static void
test_user_prefs_are_bounded(void **state)
{
	bool value;

	(void)state;
	begin(2, 1000, 0);
	for (unsigned who = 1; who <= 3; who++)
		ASSERT_OK(find(who, &value), &err);
	ASSERT_OK(find(3, &value), &err);
	ASSERT_OK(find(2, &value), &err);
	assert_int_equal(world.calls, 3);
	ASSERT_OK(find(1, &value), &err);
	assert_int_equal(world.calls, 4);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user_prefs_change_is_seen_in_time),
		cmocka_unit_test(test_user_prefs_away),
		cmocka_unit_test(test_user_prefs_gone),
		cmocka_unit_test(test_user_prefs_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
