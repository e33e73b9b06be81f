# SPDX-License-Identifier: Apache-2.0
TESTS += test_http_client
test_http_client_MAIN := tests/unit/libcommon/net/test_http_client.c
test_http_client_SRCS := tests/unit/libcommon/net/http_stub.c
