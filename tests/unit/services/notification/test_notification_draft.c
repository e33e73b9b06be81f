/* SPDX-License-Identifier: Apache-2.0 */
#include "services/notification/notification_draft.h"

#include <string.h>

#include "fit/auth/v1/event.pb-c.h"
#include "fit/user/v1/event.pb-c.h"
#include "fit/workout/v1/event.pb-c.h"

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/bus/bus.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/notification/notification_prefs.h"
#include "tests/support/testkit.h"

#define USER "0b9a2f7e-4c61-4f0e-9d3a-2f6f1f1c7a01"
#define EVENT "018f2d7e-4c61-7f0e-9d3a-2f6f1f1c7a02"
#define NOW_S 1795505000

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	clock_fake_set(1000, NOW_S * INT64_C(1000));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	clock_fake_off();
	arena_free(arena);
	return 0;
}

static char *
text(const char *s)
{
	return arena_strdup(arena, s);
}

/* All topics have the same envelope. */
static struct bus_message
message_of(const char *topic, const ProtobufCMessageDescriptor *type, unsigned type_case,
	   void *member)
{
	Fit__Workout__V1__Event *e = pb_arena_new(arena, type);
	uint8_t *wire;

	e->id = text(EVENT);
	e->subject = text(USER);
	e->sequence = 1;
	e->time = pb_arena_new(arena, &google__protobuf__timestamp__descriptor);
	e->time->seconds = NOW_S;
	e->type_case = type_case;
	e->plan_created = member;
	wire = arena_alloc(arena, protobuf_c_message_get_packed_size(&e->base));
	return (struct bus_message){
		.topic = topic,
		.type = protobuf_c_message_descriptor_get_field(type, type_case)->name,
		.value = slice_make(wire, protobuf_c_message_pack(&e->base, wire)),
	};
}

static struct bus_message
workout(unsigned type_case, void *member)
{
	return message_of("fit.workout.v1", &fit__workout__v1__event__descriptor, type_case,
			  member);
}

static bool
read_draft(const struct bus_message *message, struct notification_draft *ret_draft)
{
	struct err err;
	bool has;

	err_init(&err);
	ASSERT_OK(notification_draft_read(message, arena, ret_draft, &has, &err), &err);
	return has;
}

static void *
record_of(const char *kind, int64_t grams)
{
	Fit__Workout__V1__RecordSet *m =
		pb_arena_new(arena, &fit__workout__v1__record_set__descriptor);

	m->kind = text(kind);
	m->value_g = grams;
	m->previous_value_g = 100000;
	m->exercise_id = text("e");
	m->session_id = text("s");
	m->set_id = text("t");
	return m;
}

static void
test_notification_draft_record(void **state)
{
	static const struct {
		const char *kind, *exercise;
		int64_t grams;
		bool pounds, has;
		const char *title, *body;
	} rows[] = {
		{ "e1rm", "", 102500, false, true, "New estimated maximum: 102.5 kg",
		  "Your estimated one-repetition maximum rose from 100 kg to 102.5 kg." },
		{ "e1rm", "Back Squat", 102500, false, true,
		  "New estimated maximum: Back Squat 102.5 kg",
		  "Your estimated one-repetition maximum in Back Squat rose from 100 kg to "
		  "102.5 kg." },
		{ "weight_4_6", "Back Squat", 102500, true, true, "New record: Back Squat 226 lb",
		  "Your heaviest weight for 4 to 6 repetitions of Back Squat is now 226 lb; "
		  "it was 220.5 lb." },
		{ "weight_1", "", 101000, false, true, "New record: 101 kg",
		  "Your heaviest weight for one repetition is now 101 kg; it was 100 kg." },
		{ "volume", "", 101000, false, false, NULL, NULL }, /* not known here */
		{ "e1rm", "", 0, false, false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notification_wants wants = { .active = true, .pounds = rows[i].pounds };
		Fit__Workout__V1__RecordSet *set = record_of(rows[i].kind, rows[i].grams);
		struct notification_draft d;

		set->exercise_name = text(rows[i].exercise);
		struct bus_message m = workout(FIT__WORKOUT__V1__EVENT__TYPE_RECORD_SET, set);

		assert_int_equal(read_draft(&m, &d), rows[i].has);
		if (!rows[i].has)
			continue;
		assert_int_equal(d.time_ms, NOW_S * INT64_C(1000));
		notification_draft_finish(&d, &wants, arena);
		assert_string_equal(d.title, rows[i].title);
		assert_string_equal(d.body, rows[i].body);
		assert_string_equal(d.group, "s");
		assert_string_equal(d.collapse, "s/e");
		assert_string_equal(notification_params_get(&d.params, "exerciseId"), "e");
		assert_int_equal(d.channels, NOTIFICATION_PUSH);
	}
}

static void
test_notification_draft_every_kind_renders(void **state)
{
	Fit__Workout__V1__PlanChanged *ai =
		pb_arena_new(arena, &fit__workout__v1__plan_changed__descriptor);
	Fit__Workout__V1__PlanCreated *made =
		pb_arena_new(arena, &fit__workout__v1__plan_created__descriptor);
	const struct notification_wants wants = { .active = true, .product_mail = true };
	bool seen[NOTIFICATION_KINDS] = { [NOTIFICATION_STREAK] = true }; /* see the inbox */

	(void)state;
	ai->created_by = made->created_by = text("ai");
	const struct bus_message messages[] = {
		workout(FIT__WORKOUT__V1__EVENT__TYPE_RECORD_SET, record_of("e1rm", 1000)),
		workout(FIT__WORKOUT__V1__EVENT__TYPE_RECORD_SET, record_of("weight_16", 1000)),
		workout(FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CHANGED, ai),
		workout(FIT__WORKOUT__V1__EVENT__TYPE_PLAN_CREATED, made),
		message_of("fit.user.v1", &fit__user__v1__event__descriptor,
			   FIT__USER__V1__EVENT__TYPE_USER_CREATED,
			   pb_arena_new(arena, &fit__user__v1__user_created__descriptor)),
		message_of("fit.auth.v1", &fit__auth__v1__event__descriptor,
			   FIT__AUTH__V1__EVENT__TYPE_SIGNED_IN,
			   pb_arena_new(arena, &fit__auth__v1__signed_in__descriptor)),
		message_of("fit.auth.v1.retry", &fit__auth__v1__event__descriptor,
			   FIT__AUTH__V1__EVENT__TYPE_REFRESH_REUSE_DETECTED,
			   pb_arena_new(arena, &fit__auth__v1__refresh_reuse_detected__descriptor)),
		message_of("fit.auth.v1", &fit__auth__v1__event__descriptor,
			   FIT__AUTH__V1__EVENT__TYPE_ALL_SESSIONS_ENDED,
			   pb_arena_new(arena, &fit__auth__v1__all_sessions_ended__descriptor)),
	};
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		struct notification_draft d;

		assert_true(read_draft(&messages[i], &d));
		notification_draft_finish(&d, &wants, arena);
		assert_null(strchr(d.title, '{'));
		assert_null(strchr(d.body, '{'));
		assert_int_equal(d.channels, notification_kinds[d.id].channels);
		seen[d.id] = true;
	}
	for (size_t i = 0; i < NOTIFICATION_KINDS; i++)
		assert_true(seen[i]);
}

static void
test_notification_draft_session_is_news_for_a_while(void **state)
{
	static const struct {
		int64_t age_s;
		bool has;
	} rows[] = {
		{ 0, true }, { 7 * 86400, true }, { 8 * 86400, false }, { 400 * 86400, false }
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		Fit__Workout__V1__SessionCompleted *m =
			pb_arena_new(arena, &fit__workout__v1__session_completed__descriptor);
		struct notification_draft d;

		m->completed_at = pb_arena_new(arena, &google__protobuf__timestamp__descriptor);
		m->completed_at->seconds = NOW_S - rows[i].age_s;
		struct bus_message message =
			workout(FIT__WORKOUT__V1__EVENT__TYPE_SESSION_COMPLETED, m);
		assert_int_equal(read_draft(&message, &d), rows[i].has);
	}
}

static void
test_notification_draft_end_of_a_session(void **state)
{
	Fit__Auth__V1__SignedOut *out = pb_arena_new(arena, &fit__auth__v1__signed_out__descriptor);
	Fit__Auth__V1__SessionRevoked *revoked =
		pb_arena_new(arena, &fit__auth__v1__session_revoked__descriptor);
	Fit__Auth__V1__RefreshReuseDetected *reuse =
		pb_arena_new(arena, &fit__auth__v1__refresh_reuse_detected__descriptor);
	struct uuid session;

	(void)state;
	assert_true(uuid_parse_str(EVENT, &session));
	out->session_id = revoked->session_id = reuse->session_id = text(EVENT);
	const struct {
		struct bus_message message;
		enum notification_id id;
	} rows[] = {
		{ message_of("fit.auth.v1", &fit__auth__v1__event__descriptor,
			     FIT__AUTH__V1__EVENT__TYPE_SIGNED_OUT, out),
		  NOTIFICATION_NOTHING },
		{ message_of("fit.auth.v1", &fit__auth__v1__event__descriptor,
			     FIT__AUTH__V1__EVENT__TYPE_SESSION_REVOKED, revoked),
		  NOTIFICATION_NOTHING },
		{ message_of("fit.auth.v1", &fit__auth__v1__event__descriptor,
			     FIT__AUTH__V1__EVENT__TYPE_REFRESH_REUSE_DETECTED, reuse),
		  NOTIFICATION_REFRESH_REUSE },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notification_draft d;

		assert_true(read_draft(&rows[i].message, &d));
		assert_int_equal(d.id, rows[i].id);
		assert_true(d.ends_session && uuid_eq(&d.session, &session));
	}
}

static void
test_notification_draft_refuses(void **state)
{
	struct bus_message good =
		workout(FIT__WORKOUT__V1__EVENT__TYPE_RECORD_SET, record_of("e1rm", 1000));
	struct bus_message torn = good, other = good, unknown = good;
	struct notification_draft d;
	struct err err;
	bool has;

	(void)state;
	torn.value.n--;
	err_init(&err);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      notification_draft_read(&torn, arena, &d, &has, &err), &err);
	other.type = "plan_changed";
	err_init(&err);
	ASSERT_STATUS(STATUS_INVALID_ARGUMENT,
		      notification_draft_read(&other, arena, &d, &has, &err), &err);
	/* A type that says nothing is not even looked into. */
	unknown.type = "set_logged";
	unknown.value = SLICE_LIT("\xff");
	assert_false(read_draft(&unknown, &d));
	good.topic = "fit.workout.v10";
	assert_false(read_draft(&good, &d));
}

static void
test_notification_draft_wanted(void **state)
{
	struct notification_draft d = { .id = NOTIFICATION_RECORD_E1RM };
	struct notification_wants wants = { .active = true };

	(void)state;
	assert_true(notification_draft_wanted(&d, &wants));
	wants.muted[NOTIFICATION_STREAKS] = true;
	assert_true(notification_draft_wanted(&d, &wants));
	wants.muted[NOTIFICATION_RECORDS] = true;
	assert_false(notification_draft_wanted(&d, &wants));
	d.id = NOTIFICATION_REFRESH_REUSE;
	assert_true(notification_draft_wanted(&d, &wants));
	wants.active = false;
	assert_false(notification_draft_wanted(&d, &wants));
}

/* Whatever the texts name. */
static void
fill_params(struct notification_draft *d)
{
	static const char *const names[] = { "value", "previous", "platform" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		notification_params_add(&d->params, arena, names[i], "x");
}

static void
test_notification_draft_channels(void **state)
{
	static const struct {
		enum notification_id id;
		unsigned off;
		bool product_mail;
		int64_t age_h;
		unsigned want;
	} rows[] = {
		{ NOTIFICATION_WELCOME, 0, false, 0, 0 },
		{ NOTIFICATION_WELCOME, 0, true, 0, NOTIFICATION_MAIL },
		{ NOTIFICATION_WELCOME, NOTIFICATION_MAIL, true, 0, 0 },
		{ NOTIFICATION_REFRESH_REUSE, 0, false, 0, NOTIFICATION_PUSH | NOTIFICATION_MAIL },
		{ NOTIFICATION_REFRESH_REUSE, NOTIFICATION_PUSH, false, 0, NOTIFICATION_MAIL },
		{ NOTIFICATION_REFRESH_REUSE, NOTIFICATION_PUSH | NOTIFICATION_MAIL, true, 0, 0 },
		/* Old events of a backlog are entries, and ring nobody. */
		{ NOTIFICATION_RECORD_E1RM, 0, false, 24, NOTIFICATION_PUSH },
		{ NOTIFICATION_RECORD_E1RM, 0, false, 25, 0 },
		{ NOTIFICATION_NEW_DEVICE, 0, false, 72, NOTIFICATION_PUSH | NOTIFICATION_MAIL },
		{ NOTIFICATION_NEW_DEVICE, 0, false, 7 * 24, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct notification_wants wants = { .active = true,
							  .channels_off = rows[i].off,
							  .product_mail = rows[i].product_mail };
		struct notification_draft d = {
			.id = rows[i].id,
			.time_ms = (NOW_S - rows[i].age_h * 3600) * INT64_C(1000),
		};

		fill_params(&d);
		notification_draft_finish(&d, &wants, arena);
		assert_int_equal(d.channels, rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_notification_draft_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notification_draft_every_kind_renders, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_notification_draft_session_is_news_for_a_while,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_notification_draft_end_of_a_session, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_notification_draft_refuses, setup, teardown),
		cmocka_unit_test(test_notification_draft_wanted),
		cmocka_unit_test_setup_teardown(test_notification_draft_channels, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
