# SPDX-License-Identifier: Apache-2.0
# One machine: set-up, running, trying.
.PHONY: setup up down status logs reset demo check chaos install

setup: ## Install missing Debian packages (build and run)
	@deploy/local/setup-packages build run

up: ## Set up what is missing, start everything, wait until ready
	@deploy/local/setup-packages build run
	@$(MAKE) -s --no-print-directory -j$(shell nproc) programs
	@deploy/local/stack up

down: ## Stop everything that `up` started
	@deploy/local/stack down

status: ## What runs, where, since when, how big
	@deploy/local/stack status

logs: ## Follow the logs (NAME=workout for one)
	@deploy/local/stack logs $(NAME)

reset: ## Stop and delete all local data (asks first; YES=1 does not)
	@deploy/local/stack reset $(if $(YES),--yes)

demo: ## A user's day with curl, against the running system
	@deploy/local/stack running || $(MAKE) -s --no-print-directory up
	@deploy/local/demo

check: ## Build and run all tests on a stack of their own
	@deploy/local/setup-packages build run test
	@tests/check $(STEPS)

chaos: ## kill -9 at random under load: make chaos MINUTES=20 [SEED=n]
	@deploy/local/setup-packages build run test
	@$(MAKE) -s --no-print-directory -j$(shell nproc) programs
	@CHAOS_MINUTES=$(or $(MINUTES),5) CHAOS_SEED=$(SEED) $(PYTHON) -m pytest -q -s -p no:cacheprovider tests/chaos
