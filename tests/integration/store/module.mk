# SPDX-License-Identifier: Apache-2.0
# Programs that tests/integration/store/test_store.py runs with servers of their own; alone they say "skipped".
STORE_TEST_BINS := pg_migrate_test pg_open_test pg_query_test pg_tx_test redis_test
STORE_TEST_DIR := $(B)/obj/tests/integration/store
define store_test_rule
$(B)/test/$(1): $(STORE_TEST_DIR)/$(1).o $(STORE_TEST_DIR)/store_test.o $(B)/obj/tests/support/testkit.o $(B)/libfit.a
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ -lcmocka $$(LDLIBS)
endef
$(foreach t,$(STORE_TEST_BINS),$(eval $(call store_test_rule,$(t))))
-include $(wildcard $(STORE_TEST_DIR)/*.d)
INTEGRATION_BINS += $(STORE_TEST_BINS:%=$(B)/test/%)
