# SPDX-License-Identifier: Apache-2.0
# A file fuzz_X.c here is a target; its seeds are in corpus/fuzz_X/. Sources outside the library that it needs:
# fuzz_X_SRCS, set in the fragment of their folder.
FUZZERS += $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
$(foreach f,$(FUZZERS),$(eval $(f)_MAIN := tests/fuzz/$(f).c))

$(B)/fuzz/fuzz_json $(B)/fuzz/fuzz_wire_check: $(GEN)/testing_protoset.o
