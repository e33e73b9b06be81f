# SPDX-License-Identifier: Apache-2.0
RUNTIME_TESTS := test_config test_cpus test_environment test_loop test_workpool
TESTS += $(RUNTIME_TESTS)
$(foreach t,$(RUNTIME_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/runtime/$(t).c))
