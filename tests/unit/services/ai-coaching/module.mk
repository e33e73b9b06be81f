# SPDX-License-Identifier: Apache-2.0
COACH_TESTS := test_coach_turns test_coach_text test_coach_rules test_coach_safety
TESTS += $(COACH_TESTS)
$(foreach t,$(COACH_TESTS),$(eval $(t)_MAIN := tests/unit/services/ai-coaching/$(t).c) \
	$(eval $(t)_SRCS := $(COACH_PURE) tests/unit/services/ai-coaching/coach_fixture.c))
