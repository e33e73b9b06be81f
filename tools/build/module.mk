# SPDX-License-Identifier: Apache-2.0
# Checks of the sources, and installing.
.PHONY: lint lint-layers lint-protos lint-shell lint-cppcheck format format-check install

# By find, since a tree without git can be checked too.
SOURCE_FILES = find . \( -path ./build -o -path ./.git \) -prune -o -type f
C_FILES = $(shell $(SOURCE_FILES) -name '*.[ch]' -print)
SHELL_FILES = $(shell $(SOURCE_FILES) -print | xargs -r grep -lE '^\#!/bin/(ba)?sh')

lint: format-check lint-layers lint-protos lint-shell lint-cppcheck ## test: Format, include layers, protos, shellcheck, cppcheck

format: ## build: Format all C sources
	@clang-format-14 -i $(C_FILES)

format-check:
	@clang-format-14 --dry-run -Werror $(C_FILES)

lint-layers:
	@tools/build/lint-layers

lint-protos: $(GEN)/fit.protoset ## test: Access policies, owners, bounds and data classes of the protos
	@tools/build/lint-protos $<

lint-shell:
	@shellcheck $(SHELL_FILES)

lint-cppcheck: $(GEN)/protos.stamp
	@cppcheck -q -j$(shell nproc) --std=c11 --language=c --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppressions-list=tools/build/cppcheck.txt -I. -I$(GEN) --cppcheck-build-dir=$(shell mkdir -p $(B)/cppcheck && echo $(B)/cppcheck) \
		$(filter ./libcommon/% ./services/% ./gateway/% ./tools/%,$(filter %.c,$(C_FILES)))

PREFIX ?= /usr/local
DESTDIR ?=
# Daemons go to libexec: their names (user, auth …) are too plain for a PATH.
install: programs ## build: Install into DESTDIR and PREFIX (/usr/local)
	@install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/fit $(DESTDIR)$(PREFIX)/share/doc/fit
	@install -m 755 $(patsubst %,$(B)/bin/%,$(filter-out fitctl,$(PROGRAMS))) $(DESTDIR)$(PREFIX)/libexec/fit
	@install -m 755 $(B)/bin/fitctl $(DESTDIR)$(PREFIX)/bin
	@install -m 644 README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/fit
