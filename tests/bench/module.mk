# SPDX-License-Identifier: Apache-2.0
.PHONY: bench

bench: ## test: Figures: CPU per request beside HAProxy, from one run
	@deploy/local/setup-packages build run bench
	@$(MAKE) -s --no-print-directory -j$(shell nproc) programs
	@tests/bench/run
