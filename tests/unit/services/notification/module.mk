# SPDX-License-Identifier: Apache-2.0
NOTIFICATION_TESTS := test_notification_kinds test_notification_draft test_notification_spool
TESTS += $(NOTIFICATION_TESTS)
$(foreach t,$(NOTIFICATION_TESTS),$(eval $(t)_MAIN := tests/unit/services/notification/$(t).c))
$(foreach t,$(NOTIFICATION_TESTS),$(eval $(t)_SRCS := $(addprefix services/notification/,notification_kinds.c \
	notification_draft.c notification_spool.c)))
