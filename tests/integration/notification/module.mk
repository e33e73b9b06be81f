# SPDX-License-Identifier: Apache-2.0
# Run by the tests of this folder; by itself it says "skipped".
TESTS += notification_apply_test
notification_apply_test_MAIN := tests/integration/notification/notification_apply_test.c
notification_apply_test_SRCS := $(NOTIFICATION_SRCS)
