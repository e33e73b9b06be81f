# SPDX-License-Identifier: Apache-2.0
# The rules; the lists come from the module.mk fragments.

.PHONY: all help clean lib protos programs tests format format-check lint
all: programs ## build: Build all executables (the default)

help: ## build: This list
	@awk -F':.*## ' '/^[a-z-]+:.*## [a-z]+: /{at = index($$2, ": "); group = substr($$2, 1, at - 1); \
	of[group] = of[group] sprintf("  %-17s %s\n", $$1, substr($$2, at + 2))} \
	END {n = split("run build test", groups, " "); for (i = 1; i <= n; i++) {print toupper(groups[i]); cmd = "sort"; \
	printf "%s", of[groups[i]] | cmd; close(cmd)}}' $(MAKEFILE_LIST)
	@printf 'VARIABLES\n  SANITIZER=address (with UBSan) or thread, B=build/folder, V=1 (show commands), -jN\n'

# ---- probing: packages, and which hardening flags this compiler takes ----
$(B)/config.mk: Makefile build.mk tools/build/probe-flags
	@mkdir -p $(@D)
	$(Q)tools/build/probe-flags "$(CC)" "$(PKGS)" > $@.tmp && mv $@.tmp $@

# ---- protos: one descriptor set, from which everything else comes ----
PROTO_FILES := $(PROTOS:%=proto/%)
# Google's well-known types that messages may use: their C comes from the system's .proto files.
WKT := $(patsubst %,google/protobuf/%.proto,any duration timestamp struct wrappers field_mask empty descriptor)
PROTO_C := $(PROTOS:%.proto=$(GEN)/%.pb-c.c)
PROTO_H := $(PROTOS:%.proto=$(GEN)/%.pb-c.h)

# With comments and imports, complete: linked into the binaries.
$(GEN)/fit.protoset: $(PROTO_FILES)
	@mkdir -p $(@D)
	@echo "  PROTOSET $@"
	$(Q)protoc -Iproto -I/usr/include --include_imports --include_source_info -o $@ $(PROTOS) \
		$(WKT)

# protoc-c 1.4.1 refuses proto3 `optional`; its wire form is that of a plain field, so the marks are cleared in a copy.
$(GEN)/plain.protoset: $(GEN)/fit.protoset tools/build/strip-optional
	$(Q)$(PYTHON) tools/build/strip-optional $< $@

$(GEN)/protos.stamp: $(GEN)/plain.protoset
	@echo "  PROTOC-C"
	$(Q)protoc --descriptor_set_in=$< --c_out=$(GEN) $(PROTOS) $(WKT)
	$(Q)touch $@
WKT_C := $(WKT:%.proto=$(GEN)/%.pb-c.c)
$(PROTO_C) $(PROTO_H) $(WKT_C): $(GEN)/protos.stamp ;
protos: $(GEN)/protos.stamp ## build: Generate the C types and the descriptor set

$(GEN)/protoset.o: $(GEN)/fit.protoset
	$(Q)cd $(GEN) && printf '.section .rodata\n.global fit_protoset\n.global fit_protoset_end\n.balign 16\nfit_protoset:\n.incbin "fit.protoset"\nfit_protoset_end:\n.section .note.GNU-stack,"",@progbits\n' > protoset.s && $(CC) -c protoset.s -o protoset.o

# ---- compiling ----
# Generated code is compiled without our warnings.
GEN_OBJS := $(PROTO_C:.c=.o) $(WKT_C:.c=.o)
$(GEN_OBJS): %.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out $(WARNINGS),$(CFLAGS)) -w -c $< -o $@

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
$(B)/obj/%.o: %.c $(GEN)/protos.stamp $(B)/config.mk
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(LIBFIT): $(call obj,$(LIB_SRCS)) $(GEN_OBJS) $(GEN)/protoset.o
	@echo "  AR $@"
	$(Q)rm -f $@ && $(AR) crs $@ $^
lib: $(LIBFIT) ## build: Build the common library

define program_rule
$(B)/bin/$(1): $(call obj,$($(1)_SRCS)) $(LIBFIT)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$^ $$($(1)_LIBS) $(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))
programs: $(PROGRAMS:%=$(B)/bin/%)

define test_rule
$(B)/test/$(1): $(call obj,$($(1)_MAIN) $($(1)_SRCS)) $(call obj,$(TEST_SUPPORT_SRCS)) $(LIBFIT)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$^ $$($(1)_LIBS) -lcmocka $(LDLIBS)
endef
$(foreach t,$(TESTS),$(eval $(call test_rule,$(t))))
tests: $(TESTS:%=$(B)/test/%) ## build: Build the unit tests

# ---- fuzzing: clang's libFuzzer, with a library of its own under ASan and UBSan ----
FUZZ_CC ?= clang-14
FUZZ_SECONDS ?= 30
FUZZ_CFLAGS := -std=gnu17 -g -O1 -w -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
fuzz_obj = $(patsubst %.c,$(B)/fuzz/obj/%.o,$(1))
$(B)/fuzz/obj/%.o: %.c $(GEN)/protos.stamp $(B)/config.mk
	@mkdir -p $(@D)
	@echo "  FUZZ-CC $<"
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(B)/fuzz/libfit.a: $(call fuzz_obj,$(LIB_SRCS) $(PROTO_C) $(WKT_C)) $(GEN)/protoset.o
	@echo "  AR $@"
	$(Q)rm -f $@ && $(AR) crs $@ $^

define fuzz_rule
$(B)/fuzz/$(1): $(call fuzz_obj,$($(1)_MAIN) $($(1)_SRCS)) $(B)/fuzz/libfit.a
	@echo "  FUZZ-LD $$@"
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$($(1)_LIBS) $(LDLIBS)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$(f))))
fuzzers: $(FUZZERS:%=$(B)/fuzz/%)

# New inputs go to the build folder; one worth keeping is added to tests/fuzz/corpus/ by hand.
fuzz: fuzzers ## test: Run each fuzz target for FUZZ_SECONDS (30)
	@tests/fuzz/run $(B)/fuzz $(FUZZ_SECONDS) $(FUZZERS)

fuzz-corpus: fuzzers ## test: Run each fuzz target over its corpus
	@tests/fuzz/run $(B)/fuzz 0 $(FUZZERS)
.PHONY: fuzzers fuzz fuzz-corpus
-include $(patsubst %.o,%.d,$(call fuzz_obj,$(foreach f,$(FUZZERS),$($(f)_MAIN) $($(f)_SRCS)) $(LIB_SRCS)))

ALL_OBJS := $(call obj,$(LIB_SRCS) $(foreach p,$(PROGRAMS),$($(p)_SRCS)) $(foreach t,$(TESTS),$($(t)_MAIN) $($(t)_SRCS)) $(TEST_SUPPORT_SRCS))
-include $(ALL_OBJS:.o=.d)

clean: ## build: Delete this variant's build
	rm -rf $(B)
