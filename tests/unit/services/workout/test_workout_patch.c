/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcommon/base/compiler.h"
#include "libcommon/base/rng.h"
#include "services/workout/workout_patch.h"
#include "tests/support/testkit.h"

static json_t *
parse(const char *text)
{
	json_error_t error;
	json_t *j = json_loads(text, JSON_DECODE_ANY, &error);

	if (j == NULL)
		fail_msg("%s: %s", text, error.text);
	return j;
}

static void
test_workout_patch_is_readable(void **state)
{
	static const struct {
		const char *from, *to, *changeset;
	} rows[] = {
		{ "{}", "{}", "[]" },
		{ "{\"name\":\"A\"}", "{\"name\":\"B\"}",
		  "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"B\"}]" },
		{ "{\"a\":1}", "{\"b\":2}",
		  "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"add\",\"path\":\"/"
		  "b\",\"value\":2}]" },
		{ "{\"a/b~c\":1}", "{\"a/b~c\":2}",
		  "[{\"op\":\"replace\",\"path\":\"/a~1b~0c\",\"value\":2}]" },
		/* a set's weight */
		{ "{\"e\":[{\"entryId\":\"x\",\"sets\":[{\"w\":100},{\"w\":100}]}]}",
		  "{\"e\":[{\"entryId\":\"x\",\"sets\":[{\"w\":100},{\"w\":105}]}]}",
		  "[{\"op\":\"replace\",\"path\":\"/e/0/sets/1/w\",\"value\":105}]" },
		/* an exercise in front; the others are not touched */
		{ "{\"e\":[{\"entryId\":\"x\",\"n\":1},{\"entryId\":\"y\"}]}",
		  "{\"e\":[{\"entryId\":\"z\"},{\"entryId\":\"x\",\"n\":2},{\"entryId\":\"y\"}]}",
		  "[{\"op\":\"add\",\"path\":\"/e/0\",\"value\":{\"entryId\":\"z\"}},"
		  "{\"op\":\"replace\",\"path\":\"/e/1/n\",\"value\":2}]" },
		/* one removed from the middle */
		{ "[{\"entryId\":\"x\"},{\"entryId\":\"y\"},{\"entryId\":\"z\"}]",
		  "[{\"entryId\":\"x\"},{\"entryId\":\"z\"}]",
		  "[{\"op\":\"remove\",\"path\":\"/1\"}]" },
		/* another exercise in its place is replaced whole */
		{ "[{\"entryId\":\"x\",\"n\":1}]", "[{\"entryId\":\"y\",\"n\":1}]",
		  "[{\"op\":\"replace\",\"path\":\"/0\",\"value\":{\"entryId\":\"y\",\"n\":1}}]" },
		{ "[1,2,3]", "[1,2,3,4]", "[{\"op\":\"add\",\"path\":\"/3\",\"value\":4}]" },
		{ "[1,2,3]", "{}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{}}]" },
		{ "[1]", "[1.0]", "[{\"op\":\"replace\",\"path\":\"/0\",\"value\":1.0}]" },
		{ "{\"a\":null}", "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *from = parse(rows[i].from), *to = parse(rows[i].to),
		       *want = parse(rows[i].changeset);
		json_t *got = workout_patch_diff(from, to);

		if (!json_equal(got, want))
			fail_msg("row %zu: %s", i, json_dumps(got, JSON_COMPACT));
		json_decref(from);
		json_decref(to);
		json_decref(want);
		json_decref(got);
	}
}

static void
test_workout_patch_refuses(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[1]",
		"[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]",
		"[{\"op\":\"add\",\"path\":\"/b\"}]",
		"[{\"path\":\"/b\",\"value\":1}]",
		"[{\"op\":\"remove\",\"path\":\"\"}]",
		"[{\"op\":\"remove\",\"path\":\"/missing\"}]",
		"[{\"op\":\"replace\",\"path\":\"/missing\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"/missing/x\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"/l/3\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"/l/01\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"/l/x\",\"value\":1}]",
		"[{\"op\":\"replace\",\"path\":\"/l/-\",\"value\":1}]",
		"[{\"op\":\"replace\",\"path\":\"/l/2\",\"value\":1}]",
		"[{\"op\":\"remove\",\"path\":\"/l/2\"}]",
		"[{\"op\":\"remove\",\"path\":\"/l/99999999999999999999\"}]",
		"[{\"op\":\"add\",\"path\":\"/a~2\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"/a~\",\"value\":1}]",
		"[{\"op\":\"add\",\"path\":\"/n/x\",\"value\":1}]",
		/* the first fits, the second does not: nothing is applied */
		"[{\"op\":\"add\",\"path\":\"/b\",\"value\":1},{\"op\":\"remove\",\"path\":\"/"
		"c\"}]",
	};
	json_t *doc = parse("{\"l\":[1,2],\"n\":5}"), *kept = json_deep_copy(doc), *out = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *changeset = parse(bad[i]);

		err_init(&err);
		if (workout_patch_apply(doc, changeset, &out, &err) != STATUS_FAILED_PRECONDITION)
			fail_msg("%s is taken", bad[i]);
		json_decref(changeset);
		assert_true(json_equal(doc, kept));
	}
	json_decref(doc);
	json_decref(kept);
}

static void
test_workout_patch_applies_appending(void **state)
{
	json_t *doc = parse("{\"l\":[1]}"), *out, *want = parse("{\"l\":[1,2]}");
	json_t *changeset = parse("[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":2}]");
	struct err err;

	(void)state;
	err_init(&err);
	ASSERT_OK(workout_patch_apply(doc, changeset, &out, &err), &err);
	assert_true(json_equal(out, want));
	json_decref(doc);
	json_decref(out);
	json_decref(want);
	json_decref(changeset);
}

/* ---- random documents ---- */

static json_t *random_value(struct rng_seeded *rng, int depth);

static const char *const keys[] = { "name", "sets", "entryId", "a/b", "~", "", "w", "x~1y" };

static json_t *
random_object(struct rng_seeded *rng, int depth)
{
	json_t *o = json_object();
	unsigned n = rng_seeded_below(rng, 5);

	for (unsigned i = 0; i < n; i++) {
		const char *key = keys[rng_seeded_below(rng, ARRAY_LEN(keys))];
		char id[4] = { (char)('a' + rng_seeded_below(rng, 6)), 0 };

		json_object_set_new(o, key,
				    strcmp(key, "entryId") == 0 ? json_string(id)
								: random_value(rng, depth - 1));
	}
	return o;
}

static json_t *
random_value(struct rng_seeded *rng, int depth)
{
	json_t *a;
	unsigned n;

	switch (rng_seeded_below(rng, depth > 0 ? 7 : 5)) {
	case 0:
		return json_integer(rng_seeded_below(rng, 4));
	case 1:
		return json_real(rng_seeded_below(rng, 4) / 2.0);
	case 2:
		return rng_seeded_below(rng, 2) ? json_true() : json_false();
	case 3:
		return json_null();
	case 4:
		return json_string(keys[rng_seeded_below(rng, ARRAY_LEN(keys))]);
	case 5:
		a = json_array();
		n = rng_seeded_below(rng, 7);
		for (unsigned i = 0; i < n; i++)
			json_array_append_new(a, random_value(rng, depth - 1));
		return a;
	default:
		return random_object(rng, depth);
	}
}

/* A document made from another by a few changes: what patches are for. */
static json_t *
mutate(const json_t *j, struct rng_seeded *rng, int depth)
{
	json_t *copy = json_deep_copy(j), *value;
	size_t i, n;

	if (json_is_array(copy)) {
		n = json_array_size(copy);
		for (unsigned k = rng_seeded_below(rng, 3); k > 0; k--) {
			i = rng_seeded_below(rng, (uint32_t)n + 1);
			if (rng_seeded_below(rng, 2))
				json_array_insert_new(copy, i, random_value(rng, depth - 1));
			else if (i < n)
				json_array_remove(copy, i);
			n = json_array_size(copy);
		}
		for (i = 0; i < n; i++)
			if (rng_seeded_below(rng, 4) == 0)
				json_array_set_new(copy, i,
						   mutate(json_array_get(copy, i), rng, depth - 1));
		return copy;
	}
	if (json_is_object(copy)) {
		for (i = 0; i < ARRAY_LEN(keys); i++) {
			value = json_object_get(copy, keys[i]);
			if (rng_seeded_below(rng, 3) != 0)
				continue;
			if (value == NULL)
				json_object_set_new(copy, keys[i], random_value(rng, depth - 1));
			else if (rng_seeded_below(rng, 3) == 0)
				json_object_del(copy, keys[i]);
			else
				json_object_set_new(copy, keys[i], mutate(value, rng, depth - 1));
		}
		return copy;
	}
	if (rng_seeded_below(rng, 2)) {
		json_decref(copy);
		return random_value(rng, depth);
	}
	return copy;
}

static void
test_workout_patch_leads_to_the_target(void **state)
{
	const char *given = getenv("TEST_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 0;
	struct rng_seeded rng;

	(void)state;
	if (given == NULL)
		rng_bytes(&seed, sizeof(seed));
	printf("TEST_SEED=%llu\n", (unsigned long long)seed);
	rng_seeded_init(&rng, seed);
	for (int round = 0; round < 20000; round++) {
		json_t *from = random_value(&rng, 4);
		json_t *to = round % 2 ? mutate(from, &rng, 4) : random_value(&rng, 4);
		json_t *changeset = workout_patch_diff(from, to), *got = NULL;
		struct err err;

		err_init(&err);
		if (workout_patch_apply(from, changeset, &got, &err) != STATUS_OK ||
		    !json_equal(got, to))
			fail_msg("round %d: %s + %s is not %s", round,
				 json_dumps(from, JSON_ENCODE_ANY), json_dumps(changeset, 0),
				 json_dumps(to, JSON_ENCODE_ANY));
		if (json_equal(from, to))
			assert_int_equal(json_array_size(changeset), 0);
		json_decref(from);
		json_decref(to);
		json_decref(changeset);
		json_decref(got);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workout_patch_is_readable),
		cmocka_unit_test(test_workout_patch_refuses),
		cmocka_unit_test(test_workout_patch_applies_appending),
		cmocka_unit_test(test_workout_patch_leads_to_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
