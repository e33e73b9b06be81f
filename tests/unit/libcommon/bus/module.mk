# SPDX-License-Identifier: Apache-2.0
TESTS += test_consumer
test_consumer_MAIN := tests/unit/libcommon/bus/test_consumer.c
