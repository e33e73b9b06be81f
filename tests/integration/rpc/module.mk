# SPDX-License-Identifier: Apache-2.0
# A server and a client of the tests' own service; pytest drives them (tests/integration/rpc/test_*.py).
$(GEN)/rpc_test.protoset: tests/integration/rpc/rpc_test.proto $(GEN)/fit.protoset
	$(Q)protoc -Itests/integration/rpc -Iproto -I/usr/include --include_imports --include_source_info -o $@ rpc_test.proto
$(GEN)/rpc_test.pb-c.c: $(GEN)/rpc_test.protoset
	$(Q)protoc --descriptor_set_in=$< --c_out=$(GEN) rpc_test.proto
	$(Q)touch $@
$(GEN)/rpc_test.pb-c.o: $(GEN)/rpc_test.pb-c.c $(GEN)/protos.stamp
	$(Q)$(CC) $(CPPFLAGS) $(filter-out $(WARNINGS),$(CFLAGS)) -w -c $< -o $@

define rpc_test_rule
$(B)/obj/tests/integration/rpc/$(1).o: $(GEN)/rpc_test.pb-c.c
$(B)/test/$(1): $(B)/obj/tests/integration/rpc/$(1).o $(GEN)/rpc_test.pb-c.o $(B)/libfit.a
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
RPC_TEST_BINS := rpc_test_server rpc_test_client
$(foreach t,$(RPC_TEST_BINS),$(eval $(call rpc_test_rule,$(t))))
-include $(wildcard $(B)/obj/tests/integration/rpc/*.d)
INTEGRATION_BINS += $(RPC_TEST_BINS:%=$(B)/test/%)
