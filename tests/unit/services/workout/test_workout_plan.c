/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libcommon/base/compiler.h"
#include "services/workout/workout_doc.h"
#include "services/workout/workout_page.h"
#include "services/workout/workout_patch.h"
#include "services/workout/workout_plan.h"
#include "tests/support/testkit.h"

#define SQUAT "539bc38d-c8d2-548a-a7b9-5b553cfe6173"
#define DIP "11111111-1111-5111-8111-111111111111"

static struct arena *arena;
static struct err err;
static const struct uuid plan_id = { { 1, 2, 3 } };

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(4 << 20);
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

static plan_doc *
plan_of(const char *json)
{
	void *m;

	ASSERT_OK(workout_doc_decode(&fit__workout__v1__plan__descriptor, slice_str(json), arena,
				     &m, &err),
		  &err);
	return m;
}

static json_t *
json_of(const char *text)
{
	json_t *j;

	ASSERT_OK(workout_json_parse(slice_str(text), arena, &j, &err), &err);
	return j;
}

static void
test_workout_plan_entry_ids(void **state)
{
	static const char json[] = "{\"name\":\"A\",\"exercises\":[{\"exerciseId\":\"" SQUAT
				   "\"},{\"exerciseId\":\"" SQUAT "\"}]}";
	plan_doc *a = plan_of(json), *b = plan_of(json), *c = plan_of(json);

	(void)state;
	ASSERT_OK(workout_plan_check(a, &plan_id, false, arena, &err), &err);
	ASSERT_OK(workout_plan_check(b, &plan_id, false, arena, &err), &err);
	ASSERT_OK(workout_plan_check(c, &plan_id, true, arena, &err), &err);
	/* The same plan sent twice is the same document; entries added later never get an id that
	 * was used. */
	assert_string_equal(a->exercises[0]->entry_id, b->exercises[0]->entry_id);
	assert_string_not_equal(a->exercises[0]->entry_id, a->exercises[1]->entry_id);
	assert_string_not_equal(a->exercises[0]->entry_id, c->exercises[0]->entry_id);
}

static void
test_workout_plan_derive(void **state)
{
	char quads[] = "quadriceps", chest[] = "chest", bar[] = "barbell", rack[] = "rack",
	     none[] = "none";
	char *squat_m[] = { quads }, *squat_e[] = { rack, bar }, *dip_m[] = { chest },
	     *dip_e[] = { none };
	struct workout_exercise_brief briefs[2] = {
		{ .muscles = squat_m, .nmuscles = 1, .equipment = squat_e, .nequipment = 2 },
		{ .muscles = dip_m, .nmuscles = 1, .equipment = dip_e, .nequipment = 1 }
	};
	plan_doc *p = plan_of("{\"name\":\"A\",\"exercises\":[{\"exerciseId\":\"" SQUAT
			      "\"},{\"exerciseId\":\"" DIP "\"},{\"exerciseId\":\"" SQUAT "\"}]}");

	(void)state;
	assert_true(uuid_parse_str(SQUAT, &briefs[0].id) && uuid_parse_str(DIP, &briefs[1].id));
	ASSERT_OK(workout_plan_derive(p, briefs, 2, arena, &err), &err);
	assert_int_equal(p->n_equipment_required, 2);
	assert_string_equal(p->equipment_required[0], "barbell");
	assert_string_equal(p->equipment_required[1], "rack");
	assert_int_equal(p->n_muscle_groups_targeted, 2);
	assert_string_equal(p->muscle_groups_targeted[0], "chest");
	assert_int_equal(workout_plan_derive(p, briefs, 1, arena, &err), STATUS_INVALID_ARGUMENT);
	assert_string_equal(err.fields[0].path, "exercises[1].exerciseId");
	assert_string_equal(err.reason, "REFERENCE_INVALID");
	p->n_exercises = 0;
	ASSERT_OK(workout_plan_derive(p, briefs, 0, arena, &err), &err);
	assert_int_equal(p->n_equipment_required, 0);
}

static void
test_workout_plan_patch(void **state)
{
	plan_doc *p = plan_of("{\"name\":\"A\",\"description\":\"old\",\"isActive\":true,"
			      "\"estimatedDurationMinutes\":30}");
	plan_doc *patch = plan_of(
		"{\"name\":\"B\",\"description\":\"new\",\"exercises\":[{\"exerciseId\":\"" SQUAT
		"\"}]}");
	char name[] = "name", description[] = "description", below[] = "exercises.sets",
	     id[] = "id";
	char *mask[] = { name, below }, *bad[] = { description, id };

	(void)state;
	ASSERT_OK(workout_plan_patch(p, patch, mask, 2, arena, &err), &err);
	assert_string_equal(p->name, "B");
	assert_string_equal(p->description, "old");
	assert_int_equal(p->n_exercises, 1);
	assert_true(p->is_active);
	assert_int_equal(workout_plan_patch(p, patch, bad, 2, arena, &err),
			 STATUS_INVALID_ARGUMENT);
	assert_string_equal(err.fields[0].path, "id");
}

static void
test_workout_plan_document_has_exercises(void **state)
{
	json_t *doc;

	(void)state;
	ASSERT_OK(workout_plan_to_json(plan_of("{\"name\":\"A\",\"id\":\"x\",\"versionNumber\":7}"),
				       arena, &doc, &err),
		  &err);
	assert_true(json_equal(doc, json_of("{\"name\":\"A\",\"exercises\":[]}")));
}

static struct workout_plan_event
event(const char *type, int seq, const char *changeset)
{
	return (struct workout_plan_event){ .type = type,
					    .seq = seq,
					    .changeset = json_of(changeset),
					    .changes_description = type,
					    .created_by = "user",
					    .rev = 10 + seq,
					    .created_ms = 1000 * seq };
}

static void
test_workout_plan_fold(void **state)
{
	struct workout_plan_event history[] = {
		event("created", 1, "[{\"op\":\"add\",\"path\":\"/name\",\"value\":\"A\"}]"),
		event("updated", 2, "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"B\"}]"),
		event("archived", 3, "[{\"op\":\"add\",\"path\":\"/isActive\",\"value\":false}]"),
		event("deleted", 4, "[]"),
	};
	struct workout_plan_state s = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		ASSERT_OK(workout_plan_fold(&s, &history[i], arena, &err), &err);
	assert_true(json_equal(s.doc, json_of("{\"name\":\"B\",\"isActive\":false}")));
	assert_int_equal(s.version, 3);
	assert_int_equal(s.created_ms, 1000);
	assert_int_equal(s.updated_ms, 3000);
	assert_int_equal(s.rev, 13);
	assert_string_equal(s.changes_description, "archived");
	ASSERT_OK(workout_plan_fold(&s, &history[3], arena, &err), &err);
	assert_true(s.deleted);
	assert_int_equal(s.version, 3); /* its last content */
	assert_int_equal(s.rev, 14);
	assert_int_equal(workout_plan_fold(&s, &history[3], arena, &err),
			 STATUS_FAILED_PRECONDITION);
}

static void
test_workout_plan_fold_refuses(void **state)
{
	struct workout_plan_event created = event("created", 1, "[]"),
				  gap = event("updated", 3, "[]");
	struct workout_plan_event misfit =
		event("updated", 2, "[{\"op\":\"remove\",\"path\":\"/x\"}]");
	struct workout_plan_event first = event("updated", 1, "[]"),
				  again = event("created", 2, "[]");
	struct workout_plan_state s = { 0 };

	(void)state;
	assert_int_equal(workout_plan_fold(&s, &first, arena, &err), STATUS_FAILED_PRECONDITION);
	ASSERT_OK(workout_plan_fold(&s, &created, arena, &err), &err);
	assert_int_equal(workout_plan_fold(&s, &gap, arena, &err), STATUS_FAILED_PRECONDITION);
	assert_int_equal(workout_plan_fold(&s, &again, arena, &err), STATUS_FAILED_PRECONDITION);
	s.rev = 5;
	assert_int_equal(workout_plan_fold(&s, &misfit, arena, &err), STATUS_FAILED_PRECONDITION);
	assert_int_equal(s.version, 1);
}

static void
test_workout_plan_page_tokens(void **state)
{
	struct workout_page page, next;
	struct uuid id = { { 9, 8, 7 } };
	char *token;

	(void)state;
	ASSERT_OK(workout_page_open(&page, 0, "", SLICE_LIT("plans"), &err), &err);
	assert_true(page.first);
	assert_int_equal(page.limit, WORKOUT_PAGE_SIZE);
	token = workout_page_next(&page, arena, -5, &id);
	ASSERT_OK(workout_page_open(&next, 7, token, SLICE_LIT("plans"), &err), &err);
	assert_false(next.first);
	assert_int_equal(next.key, -5);
	assert_true(uuid_eq(&next.id, &id));
	assert_int_equal(next.limit, 7);
	assert_int_equal(workout_page_open(&next, 7, token, SLICE_LIT("records"), &err),
			 STATUS_INVALID_ARGUMENT);
	assert_string_equal(err.fields[0].path, "pageToken");
	/* Damage anywhere shows, except that base64's last digit has bits without a meaning, which
	 * must be zero. */
	for (size_t i = 0; token[i] != '\0'; i++) {
		char *bad = arena_strdup(arena, token);

		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		if (workout_page_open(&next, 7, bad, SLICE_LIT("plans"), &err) !=
		    STATUS_INVALID_ARGUMENT)
			fail_msg("damage at %zu is taken", i);
		bad[i] = '\0';
		if (i > 0)
			assert_int_equal(workout_page_open(&next, 7, bad, SLICE_LIT("plans"), &err),
					 STATUS_INVALID_ARGUMENT);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_workout_plan_entry_ids),   TEST(test_workout_plan_derive),
		TEST(test_workout_plan_patch),       TEST(test_workout_plan_document_has_exercises),
		TEST(test_workout_plan_fold),        TEST(test_workout_plan_fold_refuses),
		TEST(test_workout_plan_page_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
