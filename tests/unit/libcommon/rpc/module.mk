# SPDX-License-Identifier: Apache-2.0
RPC_TESTS := test_pb_time test_pb_wire test_principal test_rpc_frame test_rpc_status
TESTS += $(RPC_TESTS)
$(foreach t,$(RPC_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/rpc/$(t).c))
