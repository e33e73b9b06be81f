# SPDX-License-Identifier: Apache-2.0
# Run by tests/integration/workout/test_plans.py; by itself it says "skipped".
TESTS += workout_rebuild_test
workout_rebuild_test_MAIN := tests/integration/workout/workout_rebuild_test.c
workout_rebuild_test_SRCS := $(WORKOUT_SRCS)
