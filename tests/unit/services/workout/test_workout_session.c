/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_time.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_session_reply.h"
#include "services/workout/workout_session_set.h"
#include "tests/support/testkit.h"

#define NOW TESTKIT_WALL_MS
#define SQUAT "539bc38d-c8d2-548a-a7b9-5b553cfe6173"
#define DIP "11111111-1111-5111-8111-111111111111"

static struct arena *arena;
static struct workout_events events;
static struct workout_rules rules;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(4 << 20);
	events = WORKOUT_EVENTS(arena);
	rules = (struct workout_rules){ arena, NOW, &events };
	err_init(&err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* A document from its JSON, as a client sends it. */
static session_doc *
session_of(const char *json)
{
	void *m;

	ASSERT_OK(workout_doc_decode(&fit__workout__v1__session__descriptor, slice_str(json), arena,
				     &m, &err),
		  &err);
	return m;
}

static session_set *
set_of(const char *json)
{
	void *m;

	ASSERT_OK(workout_doc_decode(&fit__workout__v1__session_set__descriptor, slice_str(json),
				     arena, &m, &err),
		  &err);
	return m;
}

static void
assert_field(const char *path)
{
	assert_int_equal(err.nfields, 1);
	assert_string_equal(err.fields[0].path, path);
}

static session_doc *
begun(const char *json)
{
	session_doc *s = session_of(json);

	ASSERT_OK(workout_session_begin(s, &rules, &err), &err);
	events = WORKOUT_EVENTS(arena);
	return s;
}

static void
test_workout_session_begin_completes(void **state)
{
	session_doc *s = session_of("{\"exercises\":[{\"exerciseId\":\"" SQUAT
				    "\",\"sets\":[{\"reps\":5},{\"reps\":3}]}]}");
	struct uuid id;

	(void)state;
	ASSERT_OK(workout_session_begin(s, &rules, &err), &err);
	assert_string_equal(s->status, "in_progress");
	assert_int_equal(pb_time_ms(s->started_at), NOW);
	assert_null(s->completed_at);
	assert_int_equal(s->version, 1);
	assert_true(uuid_parse_str(s->exercises[0]->entry_id, &id));
	assert_true(uuid_parse_str(s->exercises[0]->sets[1]->set_id, &id));
	assert_int_equal(s->exercises[0]->sets[1]->set_number, 2);
	assert_string_equal(s->exercises[0]->sets[1]->type, "normal");
	assert_int_equal(events.n, 3); /* started, two sets */
}

static void
test_workout_session_begin_refuses(void **state)
{
	static const struct {
		const char *json, *path;
	} rows[] = {
		{ "{\"startedAt\":\"1969-12-31T23:59:59Z\"}", "startedAt" },
		{ "{\"startedAt\":\"2026-11-26T00:00:00Z\"}", "startedAt" },
		{ "{\"startedAt\":\"9999-12-31T23:59:59Z\"}", "startedAt" },
		{ "{\"startedAt\":\"2026-11-20T10:00:00Z\",\"completedAt\":\"2026-11-20T09:59:"
		  "59Z\"}",
		  "completedAt" },
		{ "{\"startedAt\":\"2026-11-01T10:00:00Z\",\"completedAt\":\"2026-11-08T10:00:"
		  "01Z\"}",
		  "completedAt" },
		{ "{\"exercises\":[{\"exerciseId\":\"" SQUAT "\",\"entryId\":\"x\"}]}",
		  "exercises[0].entryId" },
		{ "{\"exercises\":[{\"exerciseId\":\"" SQUAT "\",\"entryId\":\"" DIP
		  "\"},{\"exerciseId\":\"" SQUAT "\",\"entryId\":\"" DIP "\"}]}",
		  "exercises[1].entryId" },
		{ "{\"exercises\":[{\"exerciseId\":\"" SQUAT
		  "\",\"sets\":[{\"reps\":1,\"rpe\":8.2}]}]}",
		  "exercises[0].sets[0].rpe" },
		{ "{\"exercises\":[{\"exerciseId\":\"" SQUAT "\",\"sets\":[{\"reps\":1},{}]}]}",
		  "exercises[0].sets[1].reps" },
		{ "{\"environmentData\":{\"location\":{\"type\":\"Point\",\"coordinates\":[10,-90."
		  "5]}}}",
		  "environmentData.location.coordinates" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_init(&err);
		assert_int_equal(workout_session_begin(session_of(rows[i].json), &rules, &err),
				 STATUS_INVALID_ARGUMENT);
		assert_field(rows[i].path);
	}
}

/* Hostile times overflow nothing. */
static void
test_workout_session_times_at_the_edge(void **state)
{
	static const int64_t seconds[] = { INT64_MAX, INT64_MIN, INT64_MAX / 1000, -1,
					   253402300800 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		session_doc *s = session_of("{}");

		s->started_at = pb_time_new(arena, NOW);
		s->started_at->seconds = seconds[i];
		assert_int_equal(workout_session_begin(s, &rules, &err), STATUS_INVALID_ARGUMENT);
	}
}

static void
test_workout_session_times_are_whole_milliseconds(void **state)
{
	session_doc *s = session_of("{\"startedAt\":\"2026-11-20T10:00:00.123456789Z\","
				    "\"completedAt\":\"2026-11-20T10:30:00.999999999Z\"}");

	(void)state;
	ASSERT_OK(workout_session_begin(s, &rules, &err), &err);
	assert_int_equal(s->started_at->nanos, 123000000);
	assert_int_equal(s->completed_at->nanos, 999000000);
	assert_int_equal(s->duration, 1800);
	assert_string_equal(s->status, "completed");
}

static void
test_workout_session_volume(void **state)
{
	session_doc *s = begun(
		"{\"exercises\":[{\"exerciseId\":\"" SQUAT "\",\"sets\":["
		"{\"reps\":10,\"weight\":20,\"type\":\"warmup\"},{\"reps\":5,\"weight\":100.001},"
		"{\"reps\":0,\"weight\":200},{\"reps\":4,\"weight\":60,\"type\":\"dropset\"}]},"
		"{\"exerciseId\":\"" DIP "\",\"sets\":[{\"reps\":12},{\"duration\":30}]}]}");
	struct workout_volume v = workout_session_volume(s);

	(void)state;
	assert_int_equal(v.sets, 4);
	assert_int_equal(v.reps, 21);
	assert_int_equal(v.load_g, 5 * 100001 + 4 * 60000);
}

/* The weight of an assisted exercise is help: the more of it, the less was lifted. */
static void
test_workout_session_help_is_no_load(void **state)
{
	session_doc *s =
		begun("{\"exercises\":[{\"exerciseId\":\"" SQUAT "\",\"sets\":[{\"reps\":5,"
		      "\"weight\":100}]},{\"exerciseId\":\"" DIP "\",\"tracking\":\"assisted\"}]}");
	session_set *set = set_of("{\"exerciseId\":\"" DIP "\",\"reps\":8,\"weight\":20}");
	const Fit__Workout__V1__LoggedSet *m;
	struct workout_volume v;
	session_entry *entry;
	bool same;

	(void)state;
	ASSERT_OK(workout_session_add_set(s, set, &rules, &same, &entry, &set, &err), &err);
	v = workout_session_volume(s);
	assert_int_equal(v.sets, 2);
	assert_int_equal(v.reps, 13);
	assert_int_equal(v.load_g, 500000);
	m = events.last->message.set_logged;
	assert_int_equal(m->weight_g, 0);
	assert_int_equal(m->assistance_g, 20000);
	workout_session_reply(s, NULL, 0, arena);
	assert_true(s->exercises[0]->sets[0]->e1rm > 0);
	assert_true(s->exercises[1]->sets[0]->e1rm == 0);
}

/* A swap into the same entry changes how its sets are measured. */
static void
test_workout_session_swap_takes_the_tracking(void **state)
{
	session_doc *s = begun("{\"exercises\":[{\"exerciseId\":\"" SQUAT
			       "\",\"tracking\":\"weight_reps\"}]}");

	(void)state;
	rules.tracking = WORKOUT_ASSISTED;
	ASSERT_OK(workout_session_swap(s, s->exercises[0]->entry_id, DIP, "", "user", &rules, &err),
		  &err);
	assert_string_equal(s->exercises[0]->tracking, WORKOUT_ASSISTED);
}

/* Five hundred of the heaviest sets fit. */
static void
test_workout_session_volume_is_exact_at_the_top(void **state)
{
	session_doc *s = begun("{\"exercises\":[{\"exerciseId\":\"" SQUAT "\"}]}");
	session_set **list = ARENA_ARRAY(arena, session_set *, 500);

	(void)state;
	for (size_t i = 0; i < 500; i++)
		list[i] = set_of("{\"reps\":1000,\"weight\":1000,\"type\":\"normal\"}");
	s->exercises[0]->sets = list;
	s->exercises[0]->n_sets = 500;
	assert_true(workout_session_volume(s).load_g == INT64_C(500000000000));
}

static void
test_workout_session_add_set_finds_its_entry(void **state)
{
	session_doc *s =
		begun("{\"exercises\":[{\"exerciseId\":\"" SQUAT "\"},{\"exerciseId\":\"" DIP "\"},"
		      "{\"exerciseId\":\"" SQUAT "\"}]}");
	session_entry *entry;
	session_set *set;
	bool same;

	(void)state;
	ASSERT_OK(workout_session_add_set(s, set_of("{\"exerciseId\":\"" SQUAT "\",\"reps\":5}"),
					  &rules, &same, &entry, &set, &err),
		  &err);
	assert_ptr_equal(entry, s->exercises[2]); /* the last of that exercise */
	assert_false(same);
	/* Text for the entry makes another place. */
	session_set *named = set_of("{\"reps\":5}");
	named->entry_id = s->exercises[0]->entry_id;
	ASSERT_OK(workout_session_add_set(s, named, &rules, &same, &entry, &set, &err), &err);
	assert_ptr_equal(entry, s->exercises[0]);
	ASSERT_OK(workout_session_add_set(s,
					  set_of("{\"exerciseId\":\"22222222-2222-4222-8222-"
						 "222222222222\",\"reps\":5}"),
					  &rules, &same, &entry, &set, &err),
		  &err);
	assert_int_equal(s->n_exercises, 4);
	assert_ptr_equal(entry, s->exercises[3]);
	assert_int_equal(events.n, 3);
	err_init(&err);
	assert_int_equal(workout_session_add_set(s, set_of("{\"reps\":5}"), &rules, &same, &entry,
						 &set, &err),
			 STATUS_INVALID_ARGUMENT);
	assert_field("exerciseId");
}

static void
test_workout_session_add_set_has_bounds(void **state)
{
	session_doc *s = begun("{}");
	session_entry *entry;
	session_set *set;
	bool same;

	(void)state;
	for (unsigned i = 0; i < WORKOUT_ENTRY_SETS_MAX; i++)
		ASSERT_OK(workout_session_add_set(s,
						  set_of("{\"exerciseId\":\"" SQUAT
							 "\",\"reps\":5}"),
						  &rules, &same, &entry, &set, &err),
			  &err);
	assert_int_equal(
		workout_session_add_set(s, set_of("{\"exerciseId\":\"" SQUAT "\",\"reps\":5}"),
					&rules, &same, &entry, &set, &err),
		STATUS_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "QUOTA_EXCEEDED");
}

static void
test_workout_session_remove_set_closes_the_gap(void **state)
{
	session_doc *s = begun("{\"exercises\":[{\"exerciseId\":\"" SQUAT
			       "\",\"sets\":[{\"reps\":1},{\"reps\":2},{\"reps\":3}]}]}");
	session_entry *e = s->exercises[0];

	(void)state;
	ASSERT_OK(workout_session_remove_set(s, e->sets[1]->set_id, &rules, &err), &err);
	assert_int_equal(e->n_sets, 2);
	assert_int_equal(e->sets[1]->reps, 3);
	assert_int_equal(e->sets[1]->set_number, 2);
	assert_int_equal(workout_session_remove_set(s, "33333333-3333-4333-8333-333333333333",
						    &rules, &err),
			 STATUS_NOT_FOUND);
	assert_int_equal(events.n, 1);
}

static void
test_workout_session_completed_is_closed(void **state)
{
	session_doc *s = begun(
		"{\"startedAt\":\"2026-11-20T10:00:00Z\",\"completedAt\":\"2026-11-20T10:30:00Z\","
		"\"exercises\":[{\"exerciseId\":\"" SQUAT "\"}]}");
	char *entry_id = s->exercises[0]->entry_id;
	session_entry *entry;
	session_set *set;
	bool same;

	(void)state;
	assert_int_equal(workout_session_complete(s, NULL, NULL, &rules, &err),
			 STATUS_FAILED_PRECONDITION);
	assert_string_equal(err.reason, "STATE_CONFLICT");
	assert_int_equal(
		workout_session_add_set(s, set_of("{\"exerciseId\":\"" SQUAT "\",\"reps\":5}"),
					&rules, &same, &entry, &set, &err),
		STATUS_FAILED_PRECONDITION);
	assert_int_equal(workout_session_skip(s, entry_id, "", "", &rules, &err),
			 STATUS_FAILED_PRECONDITION);
	assert_int_equal(workout_session_swap(s, entry_id, DIP, "", "", &rules, &err),
			 STATUS_FAILED_PRECONDITION);
	assert_int_equal(events.n, 0);
}

static void
test_workout_session_document_round_trip(void **state)
{
	static const char json[] =
		"{\"id\":\"" DIP "\",\"startedAt\":\"2026-11-20T10:00:00Z\",\"later\":{\"x\":[1]},"
		"\"exercises\":[{\"exerciseId\":\"" SQUAT "\",\"sets\":[{\"setId\":\"" DIP
		"\",\"weight\":102.5,\"rpe\":8.5,\"reps\":5}]}]}";
	struct slice text;

	(void)state;
	/* A member of a newer version is passed over. */
	ASSERT_OK(workout_doc_encode(&session_of(json)->base, arena, &text, &err), &err);
	ASSERT_CONTAINS(text.p, "\"weight\":102.5");
	ASSERT_CONTAINS(text.p, "\"startedAt\":\"2026-11-20T10:00:00Z\"");
	ASSERT_LACKS(text.p, "later");
	ASSERT_LACKS(text.p, "notes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_workout_session_begin_completes),
		TEST(test_workout_session_begin_refuses),
		TEST(test_workout_session_times_at_the_edge),
		TEST(test_workout_session_times_are_whole_milliseconds),
		TEST(test_workout_session_volume),
		TEST(test_workout_session_help_is_no_load),
		TEST(test_workout_session_swap_takes_the_tracking),
		TEST(test_workout_session_volume_is_exact_at_the_top),
		TEST(test_workout_session_add_set_finds_its_entry),
		TEST(test_workout_session_add_set_has_bounds),
		TEST(test_workout_session_remove_set_closes_the_gap),
		TEST(test_workout_session_completed_is_closed),
		TEST(test_workout_session_document_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
