# SPDX-License-Identifier: Apache-2.0
.PHONY: docs
docs: docs/api.md ## Generate docs/api.md from the protos

docs/api.md: $(B)/test/schema_cli $(GEN)/fit.protoset
	$(Q)echo 'markdown - 0' | $< $(GEN)/fit.protoset | tail -n +2 > $@.tmp && mv $@.tmp $@
