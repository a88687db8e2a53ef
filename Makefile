.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
PYTEST_ARGS ?=

.PHONY: help setup demo run test bench kills lock docs format vendor \
	check-format check-lint check-types check-imports check-tests check-coverage check-docs packages peers

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 20

setup: ## make .venv from the lock (again only when the lock changed)
	@tools/apt-packages.sh run --advise
	@PYTHON='$(PYTHON)' tools/setup.sh

demo: setup ## one whole call, from a recording to the published thread
	@$(BIN)/agentvoice demo $(ARGS)

run: setup ## the daemon in the foreground, ready to be called from the page whose address it prints
	@$(BIN)/agentvoice serve --first-use $(ARGS)

# The steps run in this order; the first that fails ends the run.
test: ## every gate: format, lint, types, imports, tests with coverage, docs
	@$(MAKE) --no-print-directory check-format
	@$(MAKE) --no-print-directory check-lint
	@$(MAKE) --no-print-directory check-types
	@$(MAKE) --no-print-directory check-imports
	@$(MAKE) --no-print-directory check-docs
	@$(MAKE) --no-print-directory check-tests
	@$(MAKE) --no-print-directory check-coverage

check-format: setup ## is the code formatted?
	@echo '== format'
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check . ; echo 'Run: make format'; exit 1; }

check-lint: setup ## ruff's rules, the ban on reading clocks among them
	@echo '== lint'
	@$(BIN)/ruff check --quiet .

check-types: setup ## mypy --strict
	@echo '== types'
	@$(BIN)/mypy --no-error-summary

check-imports: setup ## imports only go down
	@echo '== imports'
	@mkdir -p build
	@$(BIN)/lint-imports --no-logo --no-cache > build/imports.log || { cat build/imports.log; exit 1; }

check-tests: setup packages peers ## the tests, with coverage (PYTEST_ARGS="-k name")
	@echo '== tests'
	@$(BIN)/pytest --cov --cov-report= $(PYTEST_ARGS)

check-coverage: setup ## what the last tests covered: core and protocols whole, the rest mostly
	@echo '== coverage'
	@$(BIN)/coverage report --include='agentvoice/core/*,agentvoice/protocols/*' --fail-under=100
	@$(BIN)/coverage report

check-docs: docs ## the docs build without a warning

docs: setup ## the documentation, into build/docs
	@echo '== docs'
	@$(BIN)/properdocs build --strict --quiet

reference: setup ## write docs/reference and config/agentvoice.toml again from the code
	@$(BIN)/python tools/reference.py

format: setup ## format the code and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## measure: latency, throughput, memory (ARGS="name")
	@$(BIN)/python -m tests.benchmarks $(ARGS)

kills: setup ## kill -9 the publisher at 300 random points over 100 calls (ARGS="--seed 7")
	@$(BIN)/python -m tests.publisher_kills $(ARGS)

lock: ## write the lock files from pyproject.toml (UPGRADE=1: newest versions)
	@mkdir -p build
	@PYTHON='$(or $(PYTHON),python3)' UPGRADE='$(UPGRADE)' tools/lock.sh

packages: ## the Debian packages that the tests need
	@tools/apt-packages.sh test
	@tools/unpacked.sh prometheus promtool >/dev/null
	@tools/unpacked.sh nginx nginx >/dev/null
	@tools/unpacked.sh caddy caddy >/dev/null

vendor: setup ## the page's libraries again, from tools/vendor's lock
	@tools/vendor.sh

peers: setup ## the npm peers that the tests talk to
	@tools/peers.sh
