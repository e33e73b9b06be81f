# SPDX-License-Identifier: Apache-2.0
# One machine: set-up, running, trying.
.PHONY: setup up down status logs reset demo check chaos install

setup: ## run: Install missing Debian packages (build and run)
	@deploy/local/setup-packages build run

up: ## run: Set up what is missing, start everything, wait until ready
	@deploy/local/setup-packages build run
	@$(MAKE) -s --no-print-directory -j$(shell nproc) programs
	@deploy/local/stack up

down: ## run: Stop everything that `up` started
	@deploy/local/stack down

status: ## run: What runs, where, with pid, start-up time and memory
	@deploy/local/stack status || true

logs: ## run: Follow the logs (NAME=workout for one)
	@deploy/local/stack logs $(NAME)

reset: ## run: Stop and delete all local data (asks first; YES=1 does not)
	@deploy/local/stack reset $(if $(YES),--yes)

demo: ## run: A user's day with curl, against the running system
	@deploy/local/stack running || $(MAKE) -s --no-print-directory up
	@deploy/local/demo

check: ## test: Build and run all tests: "N passed, N failed" (STEPS="unit e2e" for some)
	@deploy/local/setup-packages build run test
	@tests/check $(STEPS)

chaos: ## test: kill -9 at random under load (MINUTES=20 SEED=n)
	@deploy/local/setup-packages build run test
	@$(MAKE) -s --no-print-directory -j$(shell nproc) programs
	@CHAOS_MINUTES=$(or $(MINUTES),5) CHAOS_SEED=$(SEED) $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/chaos
