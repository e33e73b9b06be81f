# SPDX-License-Identifier: Apache-2.0
STORE_TESTS := test_clickhouse test_lease test_pg_error test_pg_label test_redis_wire
TESTS += $(STORE_TESTS)
$(foreach t,$(STORE_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/store/$(t).c))
