/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coach_fixture.h - a user with a plan and some weeks of training, for tests of the coach. Exercise
 * ids are slugs.
 *
 * Three days: 1 Bench Press 3 × 8–12 at 60 kg, Dumbbell Curl 3 × 10–15 at 12; 2 Deadlift 3 × 5 at
 * 100, Lat Pulldown 3 × 10–12 at 50; 3 Back Squat 3 × 5–8 at 80, Plank 3 × 60 s. Last done: day 1
 * with 3 × 12 at 60, RPE 8. Before: day 3 with 8, 7, 6 at 80; day 2 with 5, 5, 3 at 100. The plan's
 * name, notes and a session's name try to give orders.
 */
#ifndef FIT_COACH_FIXTURE_H
#define FIT_COACH_FIXTURE_H

#include "services/ai-coaching/coach_answer.h"

#define FIXTURE_NOW_MS INT64_C(1795500000000) /* 2026-11-24T05:20:00Z, a Tuesday */

struct fixture {
	struct arena *arena;
	struct coach_brain *brain;
	struct coach_facts facts;
};

void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
/* The library file as messages. */
size_t fixture_library(struct arena *arena, coach_exercise ***ret_list);
/* Sets of one exercise: reps, ended by 0. */
coach_session *fixture_session(struct arena *arena, const char *exercise, double kg, double rpe,
			       int64_t started_ms, unsigned day, const unsigned *reps);
/* The answer to a message. */
void fixture_ask(struct fixture *f, const char *message, enum coach_personality personality,
		 struct coach_reading *ret_reading, struct coach_answer *ret_answer);

#endif
