/* SPDX-License-Identifier: Apache-2.0 */
/* Searches as people type them, over the library that is linked in. */
#include <stdio.h>
#include <string.h>

#include "services/workout/workout_doc.h"
#include "services/workout/workout_library.h"
#include "services/workout/workout_search.h"
#include "services/workout/workout_search_word.h"
#include "tests/support/testkit.h"

#define MAX 400

static struct arena *arena;
static struct workout_search_entry entries[MAX];
static size_t nentries;

struct hit {
	const struct workout_search_entry *entry;
	int score;
};

static const char *
text_of(json_t *e, const char *member)
{
	return json_string_value(json_object_get(e, member));
}

/* Strings of a list, or the names of its objects. */
static struct workout_search_texts
texts_of(json_t *e, const char *member)
{
	json_t *list = json_object_get(e, member), *item;
	char **out = ARENA_ARRAY(arena, char *, json_array_size(list) + 1);
	size_t i;

	json_array_foreach(list, i, item) out[i] =
		arena_strdup(arena, json_is_string(item) ? json_string_value(item)
							 : text_of(item, "name"));
	return (struct workout_search_texts){ out, json_array_size(list) };
}

static int
setup(void **state)
{
	json_error_t error;
	struct slice json = workout_library_builtin();
	json_t *file = json_loadb(json.p, json.n, 0, &error), *e;

	(void)state;
	arena = arena_new(4 << 20);
	workout_json_own(arena, file);
	json_array_foreach(json_object_get(file, "exercises"), nentries, e)
	{
		assert_true(nentries < MAX);
		entries[nentries] = (struct workout_search_entry){
			.name = arena_strdup(arena, text_of(e, "name")),
			.description = arena_strdup(arena, text_of(e, "description")),
			.aliases = texts_of(e, "aliases"),
			.variations = texts_of(e, "variations"),
			.muscles = texts_of(e, "muscleGroups"),
			.secondary = texts_of(e, "secondaryMuscles"),
			.equipment = texts_of(e, "equipmentRequired"),
			.popularity = (int)json_integer_value(json_object_get(e, "popularity")),
		};
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static int
by_score(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->score != y->score ? y->score - x->score : strcmp(x->entry->name, y->entry->name);
}

static size_t
search(const char *text, struct hit *hits)
{
	struct workout_search_query query;
	size_t n = 0;

	workout_search_parse(text, &query);
	for (int typos = 0; typos < 2 && n == 0; typos++) {
		for (size_t i = 0; i < nentries; i++) {
			int score = workout_search_score(&query, &entries[i], typos != 0);

			if (score > 0)
				hits[n++] = (struct hit){ &entries[i], score };
		}
	}
	qsort(hits, n, sizeof(*hits), by_score);
	return n;
}

/* What must come first, in this order; "A | B": both, in any order. */
static const struct {
	const char *query, *first;
} rows[] = {
	/* names, however written */
	{ "back squat", "Back Squat" },
	{ "BACK squ", "Back Squat" },
	{ "squat", "Back Squat" },
	{ "squats", "Back Squat" },
	{ "squatting", "Back Squat" },
	{ "bench press", "Bench Press" },
	{ "press bench", "Bench Press" },
	{ "bench pr", "Bench Press" },
	{ "bench", "Bench Press" },
	{ "benchpress", "Bench Press" },
	{ "deadlift", "Deadlift" },
	{ "deadlifts", "Deadlift" },
	{ "dead lift", "Deadlift" },
	{ "dead", "Deadlift" },
	{ "pullup", "Pull-Up" },
	{ "pull-ups", "Pull-Up" },
	{ "pull up", "Pull-Up" },
	{ "chin ups", "Chin-Up" },
	{ "pushups", "Push-Up" },
	{ "press ups", "Push-Up" },
	{ "dips", "Dip" },
	{ "plank", "Plank" },
	{ "planks", "Plank" },
	{ "skullcrusher", "Skull Crusher" },
	{ "skull crushers", "Skull Crusher" },
	{ "farmer", "Farmer's Carry" },
	{ "farmers walk", "Farmer's Carry" },
	{ "situps", "Sit-Up" },
	{ "step ups", "Step-Up" },
	{ "face pulls", "Face Pull" },
	{ "lunges", "Walking Lunge" },
	{ "hip thrusts", "Hip Thrust" },
	{ "muscle up", "Muscle-Up" },
	{ "L-sit", "L-Sit" },
	{ "lsit", "L-Sit" },
	{ "lying leg raise", "Lying Leg Raise" },
	{ "leg raises", "Lying Leg Raise" },
	{ "hanging leg raises", "Hanging Leg Raise" },
	{ "clean and jerk", "Clean and Jerk" },
	{ "clean & jerk", "Clean and Jerk" },
	{ "wall ball", "Wall Ball" },
	{ "wall balls", "Wall Ball" },
	{ "glute ham raise", "Glute-Ham Raise" },
	{ "ghd", "Glute-Ham Raise | GHD Sit-Up" },
	{ "zottman curls", "Zottman Curl" },
	{ "pendulum squat", "Pendulum Squat" },
	{ "sumo squat", "Sumo Squat" },
	{ "decline sit up", "Decline Sit-Up" },
	{ "machine crunch", "Machine Crunch" },
	{ "incline fly", "Incline Dumbbell Fly" },
	{ "low to high fly", "Low-to-High Cable Fly" },
	{ "rope hammer curl", "Rope Hammer Curl" },
	{ "preacher machine", "Machine Preacher Curl" },
	{ "dumbbell deadlift", "Dumbbell Deadlift" },
	{ "kettlebell deadlift", "Kettlebell Deadlift" },
	{ "rower", "Rowing Machine" },
	{ "  rowing;machine  ", "Rowing Machine" },
	{ "child's pose", "Child's Pose" },
	{ "childs pose", "Child's Pose" },
	/* shorthand */
	{ "rdl", "Romanian Deadlift" },
	{ "db rdl", "Dumbbell Romanian Deadlift" },
	{ "ohp", "Overhead Press" },
	{ "tgu", "Turkish Get-Up" },
	{ "bss", "Bulgarian Split Squat" },
	{ "db row", "One-Arm Dumbbell Row" },
	{ "single arm rows", "One-Arm Dumbbell Row" },
	{ "one arm row", "One-Arm Dumbbell Row" },
	{ "db shoulder press", "Dumbbell Shoulder Press" },
	{ "db benchpress", "Dumbbell Bench Press" },
	{ "kb swings", "Kettlebell Swing" },
	{ "bb row", "Barbell Row" },
	{ "dumbbell shrug", "Dumbbell Shrug" },
	{ "db shrugs", "Dumbbell Shrug" },
	{ "side delts", "Lateral Raise" },
	{ "rear delts", "Reverse Fly" },
	{ "one leg hip thrust", "Single-Leg Hip Thrust" },
	{ "single leg hip thrust", "Single-Leg Hip Thrust" },
	{ "single-leg rdl", "Single-Leg Romanian Deadlift" },
	/* many answers: the common ones */
	{ "curl", "Barbell Curl | Dumbbell Curl | Hammer Curl" },
	{ "curls", "Barbell Curl | Dumbbell Curl | Hammer Curl" },
	{ "curls with the dumbbell", "Dumbbell Curl" },
	{ "row", "Barbell Row | Seated Cable Row | One-Arm Dumbbell Row" },
	{ "rows", "Barbell Row | Seated Cable Row | One-Arm Dumbbell Row" },
	{ "pull over", "Dumbbell Pullover" },
	{ "pullovers", "Dumbbell Pullover" },
	{ "press", "Bench Press | Overhead Press | Leg Press" },
	{ "dumbbell press", "Dumbbell Bench Press | Dumbbell Shoulder Press" },
	{ "calf raise", "Standing Calf Raise" },
	{ "leg curl", "Lying Leg Curl, Seated Leg Curl" },
	{ "chest fly", "Dumbbell Fly" },
	{ "shoulder press", "Overhead Press, Dumbbell Shoulder Press" },
	{ "stretch", "Calf Stretch | Hamstring Stretch" },
	/* variations */
	{ "knee push up", "Push-Up" },
	{ "jump squat", "Bodyweight Squat" },
	{ "pigeon pose", "Figure-Four Stretch" },
	{ "paused squat", "Back Squat" },
	{ "weighted pullups", "Pull-Up" },
	/* muscles and equipment */
	{ "chest", "Bench Press | Push-Up | Cable Fly | Dumbbell Bench Press" },
	{ "biceps", "Barbell Curl | Dumbbell Curl" },
	{ "bicep", "Barbell Curl | Dumbbell Curl" },
	{ "triceps", "Triceps Pushdown" },
	{ "obliques", "Side Plank" },
	{ "hip flexors", "Half-Kneeling Hip Flexor Stretch" },
	{ "tibialis", "Tibialis Raise" },
	{ "hamstrings", "Lying Leg Curl" },
	{ "calves", "Standing Calf Raise" },
	{ "lower back", "Back Extension" },
	{ "row", "Barbell Row" }, /* not the rower, which only begins so */
	{ "sq", "Back Squat" },
	/* mistyped */
	{ "dedlift", "Deadlift" },
	{ "deadlfit", "Deadlift" },
	{ "hip trust", "Hip Thrust" },
	{ "dumbell row", "One-Arm Dumbbell Row" },
	{ "benhc press", "Bench Press" },
	{ "lateral rase", "Lateral Raise" },
	{ "romainan deadlift", "Romanian Deadlift" },
	{ "tricpes pushdown", "Triceps Pushdown" },
	{ "kettelbell swing", "Kettlebell Swing" },
	{ "pulup", "Pull-Up" },
	/* nothing */
	{ "zzzz", NULL },
	{ "squat zzzz", NULL },
	{ ":* & | !", NULL },
	{ "\xe2\x98\x83", NULL },
};

static bool
is_in(const char *group, size_t n, const char *name)
{
	size_t m = strlen(name);

	for (const char *p = group; p + m <= group + n; p++)
		if (memcmp(p, name, m) == 0 && (p == group || p[-1] == ' ') &&
		    (p + m == group + n || p[m] == ' '))
			return true;
	return false;
}

static size_t
count(const char *group, size_t n, char c)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += group[i] == c;
	return found;
}

static void
test_workout_search_first(void **state)
{
	struct hit hits[MAX];
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = search(rows[i].query, hits), at = 0;
		bool good = rows[i].first != NULL || n == 0;

		for (const char *p = rows[i].first; p != NULL;) {
			size_t len = strcspn(p, ","), names = count(p, len, '|') + 1;

			for (size_t k = 0; k < names; k++, at++)
				good = good && at < n && is_in(p, len, hits[at].entry->name);
			p = p[len] == ',' ? p + len + 2 : NULL;
		}
		if (good)
			continue;
		wrong++;
		fprintf(stderr, "\"%s\": wanted %s, found", rows[i].query,
			rows[i].first != NULL ? rows[i].first : "nothing");
		for (size_t k = 0; k < n && k < 6; k++)
			fprintf(stderr, " [%s %d]", hits[k].entry->name, hits[k].score);
		fprintf(stderr, "\n");
	}
	assert_int_equal(wrong, 0);
}

/* Every entry is the first answer to its own name, and among the first three to each of its
 * aliases. */
static void
test_workout_search_finds_each_by_its_names(void **state)
{
	struct hit hits[MAX];

	(void)state;
	for (size_t i = 0; i < nentries; i++) {
		const struct workout_search_entry *e = &entries[i];

		if (search(e->name, hits) == 0 || hits[0].entry != e)
			fail_msg("%s: first is %s", e->name, hits[0].entry->name);
		for (size_t a = 0; a < e->aliases.n; a++) {
			size_t n = search(e->aliases.list[a], hits), k = 0;

			while (k < n && k < 3 && hits[k].entry != e)
				k++;
			if (k >= n || k >= 3)
				fail_msg("%s: \"%s\" finds %s", e->name, e->aliases.list[a],
					 n > 0 ? hits[0].entry->name : "nothing");
		}
	}
}

static void
test_workout_search_stems(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{ "squats", "squat", true },   { "squatting", "squat", true },
		{ "presses", "press", true },  { "pressing", "press", true },
		{ "flyes", "fly", true },      { "flies", "fly", true },
		{ "raises", "raise", true },   { "raising", "raise", true },
		{ "calves", "calf", true },    { "crunches", "crunch", true },
		{ "pulling", "pull", true },   { "legged", "leg", true },
		{ "triceps", "tricep", true }, { "swimming", "swim", true },
		{ "press", "pres", false },    { "ring", "r", false },
		{ "sled", "sl", false },       { "thruster", "thrust", false },
	};
	struct workout_search_words a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		workout_search_split(pairs[i].a, &a);
		workout_search_split(pairs[i].b, &b);
		if ((strcmp(a.list[0].stem, b.list[0].stem) == 0) != pairs[i].same)
			fail_msg("%s is %s, %s is %s", pairs[i].a, a.list[0].stem, pairs[i].b,
				 b.list[0].stem);
	}
}

/* Whatever is typed: bounded, and the answer is one of the entries. */
static void
test_workout_search_takes_odd_text(void **state)
{
	static const char *const odd[] = {
		"",
		" ",
		"the",
		"'",
		"a a a a a a a a a a a a a a a a a a a a a a a a a a a",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"\xff\xfe\xc3",
		"'\"\\:*&|!()<->",
		"\xf0\x9f\x8f\x8b",
	};
	struct hit hits[MAX];
	struct workout_search_words words;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		workout_search_split(odd[i], &words);
		assert_true(words.n <= WORKOUT_SEARCH_WORDS);
		for (size_t k = 0; k < words.n; k++)
			assert_true(strlen(words.list[k].text) < WORKOUT_SEARCH_WORD);
		assert_true(search(odd[i], hits) < nentries);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workout_search_first),
		cmocka_unit_test(test_workout_search_finds_each_by_its_names),
		cmocka_unit_test(test_workout_search_stems),
		cmocka_unit_test(test_workout_search_takes_odd_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
