# SPDX-License-Identifier: Apache-2.0
TESTS += test_auth_token test_auth_copy test_auth_keys test_auth_oidc
test_auth_token_MAIN := tests/unit/services/auth/test_auth_token.c
test_auth_token_SRCS := services/auth/auth_token.c
test_auth_copy_MAIN := tests/unit/services/auth/test_auth_copy.c
test_auth_copy_SRCS := services/auth/auth_copy.c
test_auth_keys_MAIN := tests/unit/services/auth/test_auth_keys.c
test_auth_keys_SRCS := services/auth/auth_keys.c
test_auth_oidc_MAIN := tests/unit/services/auth/test_auth_oidc.c
test_auth_oidc_SRCS := services/auth/auth_oidc.c services/auth/auth_provider.c \
	tests/unit/libcommon/net/http_stub.c
