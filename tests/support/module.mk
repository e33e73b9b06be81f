# SPDX-License-Identifier: Apache-2.0
TEST_SUPPORT_SRCS += tests/support/testkit.c
