# SPDX-License-Identifier: Apache-2.0
# Producers, relays and consumers as processes; pytest starts and kills them (tests/integration/bus/test_bus.py).
# Crash points are compiled in, also into the library that it links.
$(B)/test/bus_test_program: $(B)/obj/tests/integration/bus/bus_test_program.o $(B)/libfit.a
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(wildcard $(B)/obj/tests/integration/bus/*.d)
INTEGRATION_BINS += $(B)/test/bus_test_program
