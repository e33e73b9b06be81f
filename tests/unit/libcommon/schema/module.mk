# SPDX-License-Identifier: Apache-2.0
SCHEMA_TESTS := test_schema_load test_schema_json test_schema_check test_schema_text test_schema_docs test_textnum
TESTS += $(SCHEMA_TESTS)
$(foreach t,$(SCHEMA_TESTS),$(eval $(t)_MAIN := tests/unit/libcommon/schema/$(t).c))
$(SCHEMA_TESTS:%=$(B)/test/%): $(GEN)/testing_protoset.o
