# SPDX-License-Identifier: Apache-2.0
TESTS += front_test_server
front_test_server_MAIN := tests/integration/gateway/front_test_server.c
front_test_server_SRCS := $(GATEWAY_FRONT_SRCS)
front_test_server_LIBS := $(GATEWAY_FRONT_LIBS)
