# SPDX-License-Identifier: Apache-2.0
WORKOUT_TESTS := test_workout_e1rm test_workout_records test_workout_weeks test_workout_patch test_workout_session \
	test_workout_plan test_workout_search
TESTS += $(WORKOUT_TESTS)
$(foreach t,$(WORKOUT_TESTS),$(eval $(t)_MAIN := tests/unit/services/workout/$(t).c) \
	$(eval $(t)_SRCS := $(WORKOUT_SRCS)))
