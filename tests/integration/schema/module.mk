# SPDX-License-Identifier: Apache-2.0
# schema_cli is driven by test_equality.py. The test messages have a descriptor set of their own: they are not the product's.
TESTS += schema_cli
schema_cli_MAIN := tests/integration/schema/schema_cli.c

TESTING_PROTOS := fit/testing/v1/everything.proto fit/testing/v1/rules.proto
$(GEN)/testing.protoset: $(TESTING_PROTOS:%=proto/tests/%) $(PROTOS:%=proto/%)
	@mkdir -p $(@D)
	@echo "  PROTOSET $@"
	$(Q)protoc -Iproto/tests -Iproto -I/usr/include --include_imports --include_source_info -o $@ $(TESTING_PROTOS)
tests integration-bins: $(GEN)/testing.protoset

# For unit tests and fuzz targets: linked in, as fit_testing_protoset.
$(GEN)/testing_protoset.o: $(GEN)/testing.protoset
	$(Q)cd $(GEN) && printf '.section .rodata\n.global fit_testing_protoset\n.global fit_testing_protoset_end\nfit_testing_protoset:\n.incbin "testing.protoset"\nfit_testing_protoset_end:\n.section .note.GNU-stack,"",@progbits\n' > testing_protoset.s && $(CC) -c testing_protoset.s -o testing_protoset.o
