# SPDX-License-Identifier: Apache-2.0
# schema_cli is driven by test_equality.py. The test messages have a descriptor set of their own: they are not the product's.
TESTS += schema_cli
schema_cli_MAIN := tests/integration/schema/schema_cli.c

TESTING_PROTOS := fit/testing/v1/everything.proto fit/testing/v1/rules.proto
$(GEN)/testing.protoset: $(TESTING_PROTOS:%=proto/tests/%) $(PROTOS:%=proto/%)
	@mkdir -p $(@D)
	@echo "  PROTOSET $@"
	$(Q)protoc -Iproto/tests -Iproto -I/usr/include --include_imports --include_source_info -o $@ $(TESTING_PROTOS)
tests: $(GEN)/testing.protoset
