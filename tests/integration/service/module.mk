# SPDX-License-Identifier: Apache-2.0
# A service with nothing in it; pytest drives it (tests/integration/service/test_service.py).
$(B)/test/service_test_program: $(B)/obj/tests/integration/service/service_test_program.o $(B)/libfit.a
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(wildcard $(B)/obj/tests/integration/service/*.d)
INTEGRATION_BINS += $(B)/test/service_test_program
