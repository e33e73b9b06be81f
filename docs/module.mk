# SPDX-License-Identifier: Apache-2.0
# Documents that the programs themselves know: built, never committed.
.PHONY: docs
docs: build/docs/api.md build/docs/events.md build/docs/configuration.md ## build: Write api.md, events.md and configuration.md into build/docs

build/docs/events.md: $(GEN)/fit.protoset tools/build/events-markdown
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/build/events-markdown $< > $@.tmp && mv $@.tmp $@

build/docs/api.md: $(B)/obj/tools/build/api_markdown
	@mkdir -p $(@D)
	$(Q)$< > $@.tmp && mv $@.tmp $@

$(B)/obj/tools/build/api_markdown: $(B)/obj/tools/build/api_markdown.o $(LIBFIT)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

CONFIGURED := gateway auth user workout
build/docs/configuration.md: $(CONFIGURED:%=$(B)/bin/%)
	@mkdir -p $(@D)
	$(Q){ printf '# Configuration\n\nEach executable reads its settings from the environment; `NAME --check-config` checks them.\n'; \
	for program in $(CONFIGURED); do printf '\n## %s\n\n' $$program; $(B)/bin/$$program --print-config-markdown; done; } > $@.tmp && mv $@.tmp $@
