/* SPDX-License-Identifier: Apache-2.0 */
/*
 * analytics_consume_test.c - the consumer's handler and the figures against a real server, without
 * a bus: batches as it would hand them over, twice, broken, and while nobody is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/ai_coaching/v1/event.pb-c.h"
#include "fit/analytics/v1/event.pb-c.h"
#include "fit/auth/v1/event.pb-c.h"
#include "fit/user/v1/event.pb-c.h"
#include "fit/workout/v1/event.pb-c.h"

#include "libcommon/base/compiler.h"
#include "libcommon/base/strbuf.h"
#include "libcommon/rpc/pb_arena.h"
#include "libcommon/store/clickhouse_migrate.h"
#include "libcommon/store/pg_migrate.h"
#include "services/analytics/analytics.h"
#include "services/analytics/analytics_consume.h"
#include "services/analytics/analytics_event.h"
#include "services/analytics/analytics_store.h"
#include "services/analytics/analytics_summary.h"
#include "tests/integration/analytics/clickhouse_server.h"

#define DAY INT64_C(86400000)
#define MONDAY INT64_C(1792972800000) /* 2026-10-26T00:00:00Z */

extern const struct pg_migration analytics_migration_list[];

static struct analytics service;
static struct arena *arena;
static struct err err;
static struct bus_message batch[2000];
static size_t nbatch;
static int64_t sequence;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new(16 << 20);
	err_init(&err);
	service.ch = server_open("analytics_test");
	analytics_consume_register_metrics();
	ASSERT_OK(clickhouse_migrate(service.ch, analytics_migration_list, DEADLINE, &err), &err);
	nbatch = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	clickhouse_close(service.ch);
	arena_free(arena);
	return 0;
}

/* ---- events ---- */

static struct uuid
uuid_of(unsigned n)
{
	struct uuid id = { { 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0x40, 0, 0x80 } };

	id.b[14] = (uint8_t)(n >> 8);
	id.b[15] = (uint8_t)n;
	return id;
}

static char *
text_of(const struct uuid *id)
{
	char *text = arena_alloc(arena, UUID_TEXT_SIZE);

	uuid_format(id, text);
	return text;
}

static char *
user(unsigned n)
{
	struct uuid id = uuid_of(n);

	return text_of(&id);
}

static Google__Protobuf__Timestamp *
time_of(int64_t ms)
{
	Google__Protobuf__Timestamp *t = ARENA_NEW(arena, Google__Protobuf__Timestamp);

	google__protobuf__timestamp__init(t);
	t->seconds = ms / 1000;
	t->nanos = (int32_t)(ms % 1000) * 1000000;
	return t;
}

static void
add_message(const char *topic, const char *type, const struct uuid *id,
	    const ProtobufCMessage *event)
{
	uint8_t *bytes = arena_alloc(arena, protobuf_c_message_get_packed_size(event) + 1);

	batch[nbatch++] = (struct bus_message){
		.topic = topic,
		.value = slice_make(bytes, protobuf_c_message_pack(event, bytes)),
		.id = *id,
		.type = type,
	};
}

/* Sets what all events have. */
#define BEGIN(package, when, who)                                                                  \
	package##__Event event;                                                                    \
	struct uuid id = uuid_v7();                                                                \
	BEGIN_INIT(package)(&event);                                                               \
	event.id = text_of(&id);                                                                   \
	event.time = time_of(when);                                                                \
	event.subject = user(who);                                                                 \
	event.sequence = ++sequence
#define BEGIN_INIT(package) BEGIN_INIT_##package
#define BEGIN_INIT_Fit__Workout__V1 fit__workout__v1__event__init
#define BEGIN_INIT_Fit__AiCoaching__V1 fit__ai_coaching__v1__event__init
#define BEGIN_INIT_Fit__User__V1 fit__user__v1__event__init
#define BEGIN_INIT_Fit__Analytics__V1 fit__analytics__v1__event__init

static void
signed_up(int64_t when, unsigned who)
{
	Fit__User__V1__UserCreated *m =
		pb_arena_new(arena, &fit__user__v1__user_created__descriptor);
	BEGIN(Fit__User__V1, when, who);

	m->role = (char[]){ "user" };
	m->subscription_tier = (char[]){ "pro" };
	event.user_created = m;
	event.type_case = FIT__USER__V1__EVENT__TYPE_USER_CREATED;
	add_message("fit.user.v1", "user_created", &id, &event.base);
}

static void
planned(int64_t when, unsigned who)
{
	Fit__Workout__V1__PlanCreated *m =
		pb_arena_new(arena, &fit__workout__v1__plan_created__descriptor);
	BEGIN(Fit__Workout__V1, when, who);

	m->plan_id = user(900);
	m->exercises = 4;
	m->created_by = (char[]){ "ai" };
	event.plan_created = m;
	event.type_case = FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CREATED;
	add_message("fit.workout.v1", "plan_created", &id, &event.base);
}

static void
completed(int64_t when, unsigned who, unsigned session, int64_t started, unsigned seconds)
{
	Fit__Workout__V1__SessionCompleted *m =
		pb_arena_new(arena, &fit__workout__v1__session_completed__descriptor);
	BEGIN(Fit__Workout__V1, when, who);

	m->session_id = user(session);
	m->started_at = time_of(started);
	m->completed_at = time_of(started + seconds * INT64_C(1000));
	m->duration = seconds;
	event.session_completed = m;
	event.type_case = FIT__WORKOUT__V1__EVENT__TYPE_SESSION_COMPLETED;
	add_message("fit.workout.v1", "session_completed", &id, &event.base);
}

static void
deleted(int64_t when, unsigned who, unsigned session)
{
	Fit__Workout__V1__SessionDeleted *m =
		pb_arena_new(arena, &fit__workout__v1__session_deleted__descriptor);
	BEGIN(Fit__Workout__V1, when, who);

	m->session_id = user(session);
	event.session_deleted = m;
	event.type_case = FIT__WORKOUT__V1__EVENT__TYPE_SESSION_DELETED;
	add_message("fit.workout.v1", "session_deleted", &id, &event.base);
}

struct set {
	unsigned session, set, reps;
	int64_t weight_g;
	const char *type;
};

static void
set_told(Fit__Workout__V1__Event__TypeCase type, int64_t when, unsigned who, struct set set)
{
	static const char *const names[] = { "set_logged", "set_corrected" };
	Fit__Workout__V1__LoggedSet *m =
		pb_arena_new(arena, &fit__workout__v1__logged_set__descriptor);
	BEGIN(Fit__Workout__V1, when, who);

	m->session_id = user(set.session);
	m->set_id = user(set.set);
	m->exercise_id = user(901);
	m->reps = set.reps;
	m->weight_g = set.weight_g;
	m->set_type = arena_strdup(arena, set.type);
	event.set_logged = m; /* the members of the oneof share their place */
	event.type_case = type;
	add_message("fit.workout.v1", names[type == FIT__WORKOUT__V1__EVENT__TYPE_SET_CORRECTED],
		    &id, &event.base);
}
#define LOGGED FIT__WORKOUT__V1__EVENT__TYPE_SET_LOGGED
#define CORRECTED FIT__WORKOUT__V1__EVENT__TYPE_SET_CORRECTED

static void
set_removed(int64_t when, unsigned who, unsigned session, unsigned set)
{
	Fit__Workout__V1__SetRemoved *m =
		pb_arena_new(arena, &fit__workout__v1__set_removed__descriptor);
	BEGIN(Fit__Workout__V1, when, who);

	m->session_id = user(session);
	m->set_id = user(set);
	event.set_removed = m;
	event.type_case = FIT__WORKOUT__V1__EVENT__TYPE_SET_REMOVED;
	add_message("fit.workout.v1", "set_removed", &id, &event.base);
}

static void
spent(int64_t when, unsigned who, const char *name, uint32_t ms)
{
	Fit__Analytics__V1__TimeSpent *m =
		pb_arena_new(arena, &fit__analytics__v1__time_spent__descriptor);
	BEGIN(Fit__Analytics__V1, when, who);

	m->name = arena_strdup(arena, name);
	m->platform = (char[]){ "ios" };
	m->tier = (char[]){ "pro" };
	m->app_version = (char[]){ "2.1" };
	m->duration_ms = ms;
	event.time_spent = m;
	event.type_case = FIT__ANALYTICS__V1__EVENT__TYPE_TIME_SPENT;
	add_message("fit.analytics.v1", "time_spent", &id, &event.base);
}

static void
answered(int64_t when, unsigned who)
{
	Fit__AiCoaching__V1__TurnFinished *m =
		pb_arena_new(arena, &fit__ai_coaching__v1__turn_finished__descriptor);
	BEGIN(Fit__AiCoaching__V1, when, who);

	m->provider = (char[]){ "built_in" };
	m->confidence = 0.75;
	m->duration_ms = 12;
	event.turn_finished = m;
	event.type_case = FIT__AI_COACHING__V1__EVENT__TYPE_TURN_FINISHED;
	add_message("fit.ai_coaching.v1", "turn_finished", &id, &event.base);
}

static enum status
consume(size_t first, size_t n)
{
	struct arena *own = arena_new(4 << 20);
	enum status st = analytics_consume(&service, batch + first, n, own, DEADLINE, &err);

	arena_free(own);
	return st;
}

static uint64_t
number(const char *sql)
{
	return server_number(service.ch, sql);
}

/* ---- tests ---- */

static void
test_analytics_columns(void **state)
{
	struct clickhouse_result *res;

	(void)state;
	set_told(LOGGED, MONDAY + 1234, 1, (struct set){ 100, 200, 8, 62500, "warmup" });
	signed_up(MONDAY, 1);
	spent(MONDAY, 1, "plan_editor", 4000000000u);
	completed(MONDAY + DAY, 1, 100, MONDAY, 3600);
	ASSERT_OK(consume(0, nbatch), &err);
	ASSERT_OK(
		clickhouse_query(
			service.ch, DEADLINE,
			"SELECT type, source, toString(time), time_ms, toString(user_id), kind, reps,"
			" load_g, duration_ms, name, tier, platform, extra, toString(at), sequence,"
			" toString(set_id), toString(event_id) FROM events ORDER BY type",
			CLICKHOUSE_NO_ARGS, arena, &res, &err),
		&err);
	static const char *const want[4][15] = {
		{ "session_completed", "workout", "2026-10-27 00:00:00", "0", NULL, "", "0", "0",
		  "3600000", "", "", "", "{\"completed_at\":\"2026-10-26T01:00:00Z\"}",
		  "2026-10-26 00:00:00", NULL },
		{ "set_logged", "workout", "2026-10-26 00:00:01", "234", NULL, "warmup", "8",
		  "62500", "0", "", "", "", "", "2026-10-26 00:00:01", NULL },
		{ "time_spent", "analytics", "2026-10-26 00:00:00", "0", NULL, "", "0", "0",
		  "4000000000", "plan_editor", "pro", "ios", "{\"app_version\":\"2.1\"}",
		  "2026-10-26 00:00:00", NULL },
		{ "user_created", "user", "2026-10-26 00:00:00", "0", NULL, "", "0", "0", "0", "",
		  "pro", "", "{\"role\":\"user\"}", "2026-10-26 00:00:00", NULL },
	};
	assert_int_equal(res->nrows, 4);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 15; j++)
			if (want[i][j] != NULL)
				assert_string_equal(clickhouse_text(res, i, j), want[i][j]);
	assert_string_equal(clickhouse_text(res, 1, 15), user(200));
	assert_string_equal(clickhouse_text(res, 1, 16), text_of(&batch[0].id));
}

static void
test_analytics_topic_of_the_coach(void **state)
{
	(void)state;
	answered(MONDAY, 1);
	ASSERT_OK(consume(0, 1), &err);
	assert_int_equal(
		number("SELECT count() FROM events WHERE source = 'ai-coaching' AND duration_ms = 12"
		       " AND extra = '{\"provider\":\"built_in\",\"confidence\":0.75}'"),
		1);
}

static void
test_analytics_replay_changes_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		/* Over several months, so that one batch goes into several partitions. */
		completed(MONDAY - i * DAY, i % 7, 1000 + i, MONDAY - i * DAY, 60);
		spent(MONDAY - i * DAY, i % 7, "home", i);
	}
	ASSERT_OK(consume(0, nbatch), &err);
	ASSERT_OK(consume(0, nbatch), &err);
	ASSERT_OK(consume(100, 77), &err);
	for (size_t i = 0; i < 20; i++)
		ASSERT_OK(consume(i * 30, 30), &err);
	assert_int_equal(number("SELECT uniqExact(event_id) FROM events"), 600);
	assert_int_equal(number("SELECT count() FROM events FINAL"), 600);
	assert_int_equal(number("SELECT sum(duration_ms) FROM events FINAL"),
			 300 * 60000 + 299 * 150);
}

/* As the bus does: halves, until what fails is alone. */
static size_t
consume_halving(size_t first, size_t n)
{
	if (consume(first, n) == STATUS_OK)
		return 0;
	assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
	if (n == 1)
		return 1;
	return consume_halving(first, n / 2) + consume_halving(first + n / 2, n - n / 2);
}

/* All good ones are stored at once, and each bad one is found. */
static void
test_analytics_bad_events_stand_aside(void **state)
{
	size_t n = 1000;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		completed(MONDAY, 1, 1000 + i, MONDAY, 60);
	batch[417].value.n -= 3;
	batch[999].value.n = 0;
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, consume(0, n), &err);
	assert_int_equal(number("SELECT uniqExact(event_id) FROM events"), n - 2);
	assert_int_equal(consume_halving(0, n), 2);
	assert_int_equal(number("SELECT uniqExact(event_id) FROM events"), n - 2);
	assert_int_equal(number("SELECT count() FROM events FINAL"), n - 2);
}

static void
test_analytics_bad_in_every_way(void **state)
{
	static const char *const texts[] = { "", "\xff", "\x0a\x01x",
					     "\x0a\x24not-a-uuid-not-a-uuid-not-a-uuid-not-" };
	const struct analytics_topic *topic = analytics_topic_find("fit.workout.v1.retry");
	struct strbuf rows = STRBUF_ARENA(arena);
	struct uuid other = uuid_v4();

	(void)state;
	assert_non_null(topic);
	assert_null(analytics_topic_find("fit.workout.v2"));
	assert_null(analytics_topic_find(".retry"));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
			      analytics_event_row(topic, slice_str(texts[i]), NULL, NULL, &rows,
						  &err),
			      &err);
	completed(MONDAY, 1, 100, MONDAY, 60);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      analytics_event_row(topic, batch[0].value, NULL, &other, &rows, &err), &err);
	assert_int_equal(rows.len, 0);
	ASSERT_OK(analytics_event_row(topic, batch[0].value, NULL, &batch[0].id, &rows, &err),
		  &err);
	batch[0].topic = "fit.unknown.v1";
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT, consume(0, 1), &err);
}

/* A type that a newer producer knows is kept with what all events have. */
static void
test_analytics_unknown_type_is_kept(void **state)
{
	char *wire;

	(void)state;
	signed_up(MONDAY, 1);
	/* The oneof's member under a number that nobody has: \x52 is number 10, \xfa\x01 is 31. */
	wire = arena_alloc(arena, batch[0].value.n + 8);
	const char *member = memchr(batch[0].value.p + 70, 0x52, batch[0].value.n - 70);
	assert_non_null(member);
	size_t head = (size_t)(member - batch[0].value.p);
	memcpy(wire, batch[0].value.p, head);
	memcpy(wire + head, "\xfa\x01", 2);
	memcpy(wire + head + 2, member + 1, batch[0].value.n - head - 1);
	batch[0].value = slice_make(wire, batch[0].value.n + 1);
	batch[0].type = "user_ennobled";
	ASSERT_OK(consume(0, 1), &err);
	assert_int_equal(number("SELECT count() FROM events WHERE type = 'user_ennobled'"), 1);
}

static void
test_analytics_waits_while_the_world_is_away(void **state)
{
	struct clickhouse *there = service.ch;
	struct clickhouse_options opts = { .database = "analytics_test" };

	(void)state;
	completed(MONDAY, 1, 100, MONDAY, 60);
	opts.url = arena_printf(arena, "http://127.0.0.1:%u", testkit_free_port());
	ASSERT_OK(clickhouse_open(&opts, &service.ch, &err), &err);
	ASSERT_STATUS(STATUS_UNAVAILABLE, consume(0, 1), &err);
	clickhouse_close(service.ch);
	service.ch = there;
	/* A table that is not there is no fault of the event's either. */
	ASSERT_OK(clickhouse_exec(there, DEADLINE, "RENAME TABLE events TO elsewhere",
				  CLICKHOUSE_NO_ARGS, &err),
		  &err);
	ASSERT_STATUS(STATUS_UNAVAILABLE, consume(0, 1), &err);
	ASSERT_OK(clickhouse_exec(there, DEADLINE, "RENAME TABLE elsewhere TO events",
				  CLICKHOUSE_NO_ARGS, &err),
		  &err);
	ASSERT_OK(consume(0, 1), &err);
	assert_int_equal(number("SELECT count() FROM events"), 1);
}

/* ---- figures ---- */

static struct analytics_scope
scope_of(const char *zone, int64_t from, int64_t to)
{
	struct analytics_scope scope = {
		.ch = service.ch, .deadline = deadline_in(20000), .arena = arena, .zone = zone
	};

	ASSERT_OK(analytics_store_range(&scope, from, to, &err), &err);
	return scope;
}

static Fit__Analytics__V1__MySummary
summary_of(const struct analytics_scope *scope, unsigned who)
{
	Fit__Analytics__V1__MySummary summary;

	struct analytics_training *training;
	struct analytics_activity *activity;
	size_t ntraining, nactivity;
	struct uuid id = uuid_of(who);

	fit__analytics__v1__my_summary__init(&summary);
	ASSERT_OK(analytics_store_training(scope, &id, &training, &ntraining, &err), &err);
	ASSERT_OK(analytics_store_activity(scope, &id, &activity, &nactivity, &err), &err);
	analytics_fill_summary(scope, training, ntraining, activity, nactivity, &summary);
	return summary;
}

static void
test_analytics_my_summary(void **state)
{
	Fit__Analytics__V1__MySummary s;
	struct analytics_scope scope;

	(void)state;
	/* Session 100: three working sets, one corrected twice, one removed, a warm-up, a failed
	 * one. */
	set_told(LOGGED, MONDAY, 1, (struct set){ 100, 200, 5, 100000, "normal" });
	set_told(LOGGED, MONDAY, 1, (struct set){ 100, 201, 5, 100000, "normal" });
	set_told(LOGGED, MONDAY, 1, (struct set){ 100, 202, 5, 100000, "normal" });
	set_told(LOGGED, MONDAY, 1, (struct set){ 100, 203, 10, 50000, "warmup" });
	set_told(LOGGED, MONDAY, 1, (struct set){ 100, 204, 0, 120000, "failure" });
	completed(MONDAY + 3600000, 1, 100, MONDAY, 3600);
	set_told(CORRECTED, MONDAY + DAY, 1, (struct set){ 100, 201, 6, 102500, "normal" });
	set_told(CORRECTED, MONDAY + DAY, 1, (struct set){ 100, 201, 7, 102500, "normal" });
	set_removed(MONDAY + DAY, 1, 100, 202);
	/* Session 101: told two weeks later, for the week between. */
	set_told(LOGGED, MONDAY + 14 * DAY, 1, (struct set){ 101, 210, 3, 80000, "normal" });
	completed(MONDAY + 14 * DAY, 1, 101, MONDAY + 8 * DAY, 1800);
	/* Session 102 was deleted, 103 never completed, 104 is somebody else's. */
	set_told(LOGGED, MONDAY, 1, (struct set){ 102, 220, 3, 80000, "normal" });
	completed(MONDAY + 2 * DAY, 1, 102, MONDAY + 2 * DAY, 1800);
	deleted(MONDAY + 20 * DAY, 1, 102);
	set_told(LOGGED, MONDAY, 1, (struct set){ 103, 230, 3, 80000, "normal" });
	set_told(LOGGED, MONDAY, 2, (struct set){ 104, 240, 3, 80000, "normal" });
	completed(MONDAY, 2, 104, MONDAY, 900);
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(consume(0, nbatch), &err);
		scope = scope_of("UTC", MONDAY, MONDAY + 21 * DAY);
		s = summary_of(&scope, 1);
		assert_string_equal(s.first_day, "2026-10-26");
		assert_string_equal(s.last_day, "2026-11-16");
		assert_int_equal(s.sessions, 2);
		assert_int_equal(s.training_days, 2);
		assert_int_equal(s.duration, 5400);
		assert_int_equal(s.sets, 3);
		assert_int_equal(s.reps, 5 + 7 + 3);
		assert_true(s.volume_load == 5 * 100 + 7 * 102.5 + 3 * 80);
		assert_int_equal(s.active_days, 5); /* days 0, 1, 2, 14, 20 */
		assert_int_equal(s.n_weeks, 4);
		assert_string_equal(s.weeks[1]->week_start, "2026-11-02");
		assert_int_equal(s.weeks[1]->sessions, 1);
		assert_int_equal(s.weeks[1]->active_days, 0);
		assert_true(s.weeks[1]->volume_load == 240);
		assert_int_equal(s.streak->longest_weeks, 2);
		assert_int_equal(s.streak->current_weeks, 0);
	}
	scope = scope_of("UTC", MONDAY, MONDAY + 14 * DAY);
	s = summary_of(&scope, 1);
	assert_int_equal(s.streak->current_weeks, 2); /* the third week is not over */
	/* In Honolulu that Monday begins on Sunday: another week. */
	scope = scope_of("Pacific/Honolulu", MONDAY - 7 * DAY, MONDAY + 14 * DAY);
	s = summary_of(&scope, 1);
	assert_int_equal(s.n_weeks, 4);
	assert_string_equal(s.weeks[1]->week_start, "2026-10-19");
	assert_int_equal(s.weeks[1]->sessions, 1);
}

static void
test_analytics_my_uses(void **state)
{
	struct analytics_scope scope;
	struct analytics_use *uses;
	struct uuid me = uuid_of(1);
	size_t n;

	(void)state;
	spent(MONDAY, 1, "home", 1000);
	spent(MONDAY, 1, "home", 500);
	spent(MONDAY, 2, "home", 500);
	spent(MONDAY, 1, "editor", 70);
	spent(MONDAY + 5 * DAY, 1, "late", 70);
	ASSERT_OK(consume(0, nbatch), &err);
	ASSERT_OK(consume(0, nbatch), &err);
	scope = scope_of("Europe/Berlin", MONDAY, MONDAY + DAY);
	ASSERT_OK(analytics_store_uses(&scope, &me, 10, &uses, &n, &err), &err);
	assert_int_equal(n, 2);
	assert_string_equal(uses[0].name, "home");
	assert_int_equal(uses[0].uses, 2);
	assert_int_equal(uses[0].users, 1);
	assert_int_equal(uses[0].duration_ms, 1500);
	ASSERT_OK(analytics_store_uses(&scope, NULL, 1, &uses, &n, &err), &err);
	assert_int_equal(n, 1);
	assert_int_equal(uses[0].users, 2);
	assert_int_equal(uses[0].duration_ms, 2000);
}

static void
test_analytics_overview(void **state)
{
	Fit__Analytics__V1__Overview o;
	struct analytics_scope scope;
	struct analytics_day *days;
	struct analytics_retained *retained;
	uint64_t active[3], funnel[3];
	size_t n;

	(void)state;
	fit__analytics__v1__overview__init(&o);
	/* Week 0: users 1, 2, 3 sign up; 1 makes a plan and trains in week 2; 2 a plan only; 3
	 * trains before planning. Week 1: user 4. User 9 is older than the range. */
	signed_up(MONDAY, 1);
	signed_up(MONDAY + DAY, 2);
	signed_up(MONDAY + 2 * DAY, 3);
	signed_up(MONDAY + 7 * DAY, 4);
	planned(MONDAY + 3600000, 1);
	completed(MONDAY + 15 * DAY, 1, 100, MONDAY + 15 * DAY, 60);
	planned(MONDAY + 2 * DAY, 2);
	completed(MONDAY + 3 * DAY, 3, 101, MONDAY + 3 * DAY, 60);
	planned(MONDAY + 8 * DAY, 3);
	spent(MONDAY + 20 * DAY, 9, "home", 5);
	signed_up(MONDAY - 100 * DAY, 9);
	for (int i = 0; i < 2; i++)
		ASSERT_OK(consume(0, nbatch), &err);
	scope = scope_of("UTC", MONDAY, MONDAY + 20 * DAY);
	ASSERT_OK(analytics_store_days(&scope, &days, &n, &err), &err);
	analytics_fill_days(&scope, days, n, &o);
	assert_int_equal(o.n_days, 21);
	assert_int_equal(o.events, 10);
	assert_int_equal(o.days[0]->active_users, 1);
	assert_int_equal(o.days[0]->new_users, 1);
	assert_int_equal(o.days[2]->active_users, 2);
	assert_int_equal(o.days[3]->sessions, 1);
	assert_int_equal(o.days[20]->new_users, 0);

	ASSERT_OK(analytics_store_active(&scope, active, &err), &err);
	assert_int_equal(active[0], 1); /* 9 */
	assert_int_equal(active[1], 2); /* 1 on day 15, 9 on day 20 */
	assert_int_equal(active[2], 5);

	ASSERT_OK(analytics_store_retention(&scope, &retained, &n, &err), &err);
	analytics_fill_retention(&scope, retained, n, &o);
	assert_int_equal(o.n_retention, 2);
	assert_string_equal(o.retention[0]->week_start, "2026-10-26");
	assert_int_equal(o.retention[0]->users, 3);
	assert_int_equal(o.retention[0]->n_retained, 3);
	assert_int_equal(o.retention[0]->retained[0], 3);
	assert_int_equal(o.retention[0]->retained[1], 1); /* 3 */
	assert_int_equal(o.retention[0]->retained[2], 1); /* 1 */
	assert_int_equal(o.retention[1]->users, 1);
	assert_int_equal(o.retention[1]->n_retained, 2);

	ASSERT_OK(analytics_store_funnel(&scope, funnel, &err), &err);
	assert_int_equal(funnel[0], 4);
	assert_int_equal(funnel[1], 3);
	assert_int_equal(funnel[2], 1);
}

/* Sign-up, plan and session of somebody, as milliseconds from `since`; < 0: never. */
static const struct {
	int64_t signed_up, planned, completed;
	int level;
} paths[] = {
	{ 100, 150, 900, 3 },      /* in one second */
	{ 100, 100, 100, 3 },      /* at once */
	{ 100, 50, 900, 1 },       /* a plan before the sign-up is none */
	{ 100, 200, 150, 2 },      /* trained before there was a plan */
	{ 0, -1, 900, 1 },         /* never planned */
	{ 999, 1000, -1, 2 },      /* never trained */
	{ -1, 50, 900, 0 },        /* signed up before the range */
	{ 0, 0, 30 * DAY, 3 },     /* the last instant that counts */
	{ 0, 0, 30 * DAY + 1, 2 }, /* and the first that does not */
	{ 0, 30 * DAY, 30 * DAY, 3 },
	{ 0, 30 * DAY + 1, 30 * DAY + 1, 1 },
};

static void
test_analytics_funnel_is_exact(void **state)
{
	struct analytics_scope scope = scope_of("UTC", MONDAY, MONDAY + 40 * DAY);
	uint64_t funnel[3], want[3] = { 0 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		size_t first = nbatch;

		/* Last step first: the order of arrival says nothing. */
		if (paths[i].completed >= 0)
			completed(MONDAY + paths[i].completed, i + 1, 100 + i, MONDAY, 60);
		if (paths[i].planned >= 0)
			planned(MONDAY + paths[i].planned, i + 1);
		if (paths[i].signed_up >= 0)
			signed_up(MONDAY + paths[i].signed_up, i + 1);
		for (int replay = 0; replay < 2; replay++)
			ASSERT_OK(consume(first, nbatch - first), &err);
		for (int level = 0; level < paths[i].level; level++)
			want[level]++;
		ASSERT_OK(analytics_store_funnel(&scope, funnel, &err), &err);
		for (int level = 0; level < 3; level++)
			if (funnel[level] != want[level])
				fail_msg("path %u: %llu users at step %d, not %llu", i,
					 (unsigned long long)funnel[level], level + 1,
					 (unsigned long long)want[level]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_analytics_columns),
		TEST(test_analytics_topic_of_the_coach),
		TEST(test_analytics_replay_changes_nothing),
		TEST(test_analytics_bad_events_stand_aside),
		TEST(test_analytics_bad_in_every_way),
		TEST(test_analytics_unknown_type_is_kept),
		TEST(test_analytics_waits_while_the_world_is_away),
		TEST(test_analytics_my_summary),
		TEST(test_analytics_my_uses),
		TEST(test_analytics_overview),
		TEST(test_analytics_funnel_is_exact),
	};

	(void)server_env("TEST_CLICKHOUSE_URL");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
