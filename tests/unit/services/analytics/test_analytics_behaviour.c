/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/testkit.h"

#include <string.h>

#include "fit/analytics/v1/event.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/analytics/analytics_behaviour.h"
#include "services/analytics/analytics_event.h"

#define NOW_MS INT64_C(1795505000123)
#define DAY_MS INT64_C(86400000)

typedef Fit__Analytics__V1__BehaviourEvent behaviour_event;

static struct arena *arena;
static struct err err;
static struct bus_message *messages;
static size_t n;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	err_init(&err);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static behaviour_event *
screen(const char *name, int64_t ms)
{
	behaviour_event *e = pb_arena_new(arena, &fit__analytics__v1__behaviour_event__descriptor);

	e->id = arena_strdup(arena, "00000000-0000-4000-8000-000000000001");
	e->time = pb_arena_new(arena, &google__protobuf__timestamp__descriptor);
	e->time->seconds = ms / 1000;
	e->time->nanos = (int32_t)(ms % 1000) * 1000000;
	e->type_case = FIT__ANALYTICS__V1__BEHAVIOUR_EVENT__TYPE_SCREEN;
	e->screen = pb_arena_new(arena, &fit__analytics__v1__screen__descriptor);
	e->screen->name = arena_strdup(arena, name);
	return e;
}

static enum status
make(behaviour_event *event, const struct uuid *user)
{
	Fit__Analytics__V1__RecordEventsRequest *req =
		pb_arena_new(arena, &fit__analytics__v1__record_events_request__descriptor);
	const struct behaviour_origin origin = { user, "pro", "00-trace", NOW_MS };

	req->events = arena_memdup(arena, &event, sizeof(event));
	req->n_events = 1;
	req->app_version = arena_strdup(arena, "2.1");
	return analytics_behaviour(req, &origin, arena, &messages, &n, &err);
}

static void
test_analytics_behaviour_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "home", true },  { "plan_editor.v2-b", true },
		{ "", false },     { "Home", false },
		{ "a b", false },  { "ana@example.com", false },
		{ "a/b", false },  { "é", false },
		{ "a\nb", false }, { "0", true },
		{ "'", false },
	};
	struct uuid user = uuid_v4();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum status st = make(screen(cases[i].name, NOW_MS), &user);

		assert_int_equal(st, cases[i].good ? STATUS_OK : STATUS_INVALID_ARGUMENT);
		if (!cases[i].good)
			assert_string_equal(err.fields[0].path, "events[0].screen.name");
	}
}

static void
test_analytics_behaviour_times(void **state)
{
	static const struct {
		int64_t ms;
		size_t taken;
	} cases[] = {
		{ NOW_MS, 1 },
		{ NOW_MS + 600000 - 1000, 1 },
		{ NOW_MS + 601000, 0 },
		{ NOW_MS - 90 * DAY_MS + 1000, 1 },
		{ NOW_MS - 90 * DAY_MS - 1000, 0 },
		{ 0, 0 },
		{ INT64_C(253402300799000), 0 },
	};
	struct uuid user = uuid_v4();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_OK(make(screen("home", cases[i].ms), &user), &err);
		assert_int_equal(n, cases[i].taken);
	}
}

/* The id follows from user and client's id alone; the message is what the consumer takes. */
static void
test_analytics_behaviour_messages(void **state)
{
	struct uuid ana = uuid_v4(), ben = uuid_v4(), first;
	struct strbuf rows = STRBUF_ARENA(arena);

	(void)state;
	ASSERT_OK(make(screen("home", NOW_MS), &ana), &err);
	first = messages[0].id;
	assert_string_equal(messages[0].topic, "fit.analytics.v1");
	assert_string_equal(messages[0].type, "screen_viewed");
	assert_int_equal(messages[0].time_ms, NOW_MS);
	assert_int_equal(messages[0].key.n, 16);
	assert_memory_equal(messages[0].key.p, ana.b, 16);
	ASSERT_OK(analytics_event_row(analytics_topic_find(messages[0].topic), messages[0].value,
				      messages[0].type, &messages[0].id, &rows, &err),
		  &err);
	ASSERT_OK(make(screen("other", NOW_MS - 5), &ana), &err);
	assert_true(uuid_eq(&first, &messages[0].id));
	ASSERT_OK(make(screen("home", NOW_MS), &ben), &err);
	assert_false(uuid_eq(&first, &messages[0].id));
}

static void
test_analytics_behaviour_needs_a_type(void **state)
{
	struct uuid user = uuid_v4();
	behaviour_event *e = screen("home", NOW_MS);

	(void)state;
	e->type_case = FIT__ANALYTICS__V1__BEHAVIOUR_EVENT__TYPE__NOT_SET;
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, make(e, &user), &err);
	assert_string_equal(err.fields[0].path, "events[0]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_analytics_behaviour_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_analytics_behaviour_times, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_analytics_behaviour_messages, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_analytics_behaviour_needs_a_type, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
