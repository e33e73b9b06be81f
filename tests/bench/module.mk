# SPDX-License-Identifier: Apache-2.0
TESTS += bench_schema
bench_schema_MAIN := tests/bench/bench_schema.c

BENCH_BINS := bus_test_program analytics_bench bench_schema
.PHONY: bench
bench: ## test: What requests, events, streams and idling cost, from one run (ROWS="bus inbox" for some)
	@deploy/local/setup-packages build run bench
	@$(MAKE) -s --no-print-directory -j$(shell nproc) programs $(BENCH_BINS:%=$(B)/test/%)
	@tests/bench/run $(ROWS)
