# SPDX-License-Identifier: Apache-2.0
GATEWAY_TESTS := test_head_filter test_chunked test_router test_problem test_gcra test_conn_limit test_sse_out \
	test_authn_session test_client_address test_gateway_config
TESTS += $(GATEWAY_TESTS)
$(foreach t,$(GATEWAY_TESTS),$(eval $(t)_MAIN := tests/unit/gateway/$(t).c))
test_head_filter_SRCS := gateway/head_filter.c gateway/http.c
test_chunked_SRCS := gateway/chunked.c gateway/http.c
test_router_SRCS := gateway/router.c gateway/http.c
test_problem_SRCS := gateway/problem.c gateway/http.c
test_gcra_SRCS := gateway/gcra.c
test_conn_limit_SRCS := gateway/conn_limit.c
test_sse_out_SRCS := gateway/sse_out.c
test_authn_session_SRCS := gateway/authn.c
test_client_address_SRCS := gateway/client_address.c gateway/http.c
test_gateway_config_SRCS := gateway/client_address.c gateway/gateway_config.c gateway/gcra.c gateway/http.c
fuzz_head_filter_SRCS := gateway/head_filter.c gateway/chunked.c gateway/http.c
fuzz_sse_out_SRCS := gateway/sse_out.c
