# SPDX-License-Identifier: Apache-2.0
OBSERVE_TESTS := test_log test_metrics test_trace
TESTS += $(OBSERVE_TESTS)
$(foreach t,$(OBSERVE_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/observe/$(t).c))
