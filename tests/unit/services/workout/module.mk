# SPDX-License-Identifier: Apache-2.0
WORKOUT_TESTS := test_workout_e1rm test_workout_records test_workout_weeks test_workout_patch
TESTS += $(WORKOUT_TESTS)
$(foreach t,$(WORKOUT_TESTS),$(eval $(t)_MAIN := tests/unit/services/workout/$(t).c))
test_workout_e1rm_SRCS := services/workout/workout_e1rm.c
test_workout_records_SRCS := services/workout/workout_records.c services/workout/workout_e1rm.c
test_workout_weeks_SRCS := services/workout/workout_weeks.c
test_workout_patch_SRCS := services/workout/workout_patch.c
