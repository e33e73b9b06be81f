# SPDX-License-Identifier: Apache-2.0
# Run by tests/integration/store/test_store.py; by themselves they say "skipped".
STORE_INTEGRATION_TESTS := pg_migrate_test pg_query_test pg_tx_test redis_test
TESTS += $(STORE_INTEGRATION_TESTS)
$(foreach t,$(STORE_INTEGRATION_TESTS),$(eval $(t)_MAIN := tests/integration/store/$(t).c) \
	$(eval $(t)_SRCS := tests/integration/store/store_test.c))
