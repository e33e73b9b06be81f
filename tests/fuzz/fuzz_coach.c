/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_coach.c - what a user types: any bytes are read, checked for safety and answered, in the
 * voice that the first byte says, with a small library and no data. An answer is never empty, and
 * with a serious finding never more than the table's.
 */
#include <stdlib.h>

#include "libcommon/base/arena.h"
#include "libcommon/base/compiler.h"
#include "libcommon/rpc/pb_arena.h"
#include "services/ai-coaching/coach_answer.h"

#define MESSAGE_MAX 8000 /* 2000 characters */

static const char *const names[] = { "Bench Press", "Back Squat", "Deadlift", "Romanian Deadlift",
				     "Pull-Up",     "Dip",        "Plank" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct coach_brain *
make_brain(struct arena *arena)
{
	coach_exercise **list = ARENA_ARRAY(arena, coach_exercise *, ARRAY_LEN(names));

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		list[i] = pb_arena_new(arena, &fit__workout__v1__exercise__descriptor);
		list[i]->id = list[i]->name = arena_strdup(arena, names[i]);
		list[i]->tracking = arena_strdup(arena, "weight_reps");
		list[i]->n_muscle_groups = 1;
		list[i]->muscle_groups = ARENA_ARRAY(arena, char *, 1);
		list[i]->muscle_groups[0] =
			arena_strdup(arena, i % 2 == 0 ? "chest" : "quadriceps");
	}
	return coach_brain_new(list, ARRAY_LEN(names));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *kept;
	static struct coach_brain *brain;
	struct coach_facts facts = { .level = "", .last_intent = "", .now_ms = 1795500000000 };
	struct coach_reading reading;
	struct coach_answer answer;
	struct arena *arena;

	if (n < 1 || n > MESSAGE_MAX)
		return 0;
	if (brain == NULL) {
		kept = arena_new(1 << 20);
		brain = make_brain(kept);
	}
	arena = arena_new(8 << 20);
	facts.library = coach_brain_library(brain);
	coach_brain_read(brain, slice_make(data + 1, n - 1), arena, &reading);
	coach_answer_make(&reading, &facts, (enum coach_personality)(data[0] % COACH_PERSONALITIES),
			  arena, &answer);
	if (answer.text.len == 0)
		panic("no answer");
	if (coach_reading_level(&reading) >= COACH_LEVEL_REFUSE &&
	    (reading.intent != COACH_INTENT_SAFETY || answer.has_draft ||
	     strstr(strbuf_cstr(&answer.text), reading.findings.rows[0]->message) == NULL))
		panic("a serious finding is answered with something else");
	arena_free(arena);
	return 0;
}
