# SPDX-License-Identifier: Apache-2.0
# Programs that integration tests run; pytest starts them with the servers they need.
include $(sort $(wildcard tests/integration/*/module.mk))
.PHONY: integration-bins
INTEGRATION_BINS += $(foreach t,$(TESTS),$(if $(filter tests/integration/%,$($(t)_MAIN)),$(B)/test/$(t)))
integration-bins: $(INTEGRATION_BINS) ## build: Build the programs that integration tests drive
