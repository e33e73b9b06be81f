# SPDX-License-Identifier: Apache-2.0
SERVICE_TESTS := test_admin
TESTS += $(SERVICE_TESTS)
$(foreach t,$(SERVICE_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/service/$(t).c))
