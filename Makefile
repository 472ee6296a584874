# One file for all that one does here: `make help` lists it. Needs Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8080
DATA   ?= data

# Node comes as a Python package, so both toolboxes are in .venv/bin.
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Stamps: a step runs again only when what it depends on has changed.
PACKAGES := .venv/.packages
MODULES  := node_modules/.modules
BUNDLE   := client_js/dist/manifest.json
PEERS    := .venv-bench/.packages
SOURCES  := $(wildcard client_js/*.js client_js/*.mjs client_js/*.css client_js/*/*.css strings/*.json templates/icons.json)

# Runs a set-up step with its output kept for the case that it fails.
quietly = { mkdir -p .venv && ( $(1) ) > .venv/setup.log 2>&1 || \
	{ cat .venv/setup.log; echo "That step failed; its output is above."; exit 1; }; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup build run check test test-fast torture compiled bench bench-server bench-growth bench-browser screenshots format docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(PACKAGES) $(MODULES) $(BUNDLE) ## install everything into .venv and node_modules (once, a minute or two)
	@:

build: $(BUNDLE) ## build what the browser loads into client_js/dist
	@:

run: setup ## serve at http://127.0.0.1:8080, pads kept in ./data (HOST=, PORT=, DATA= change that)
	@$(BIN)/deltapad serve --host "$(HOST)" --port "$(PORT)" --data "$(DATA)"

check: setup ## format, lint and types, of Python and of JavaScript
	@echo "Checking format, lint and types (half a minute) ..."
	@$(BIN)/ruff format --check --quiet . || \
		{ echo "Not formatted as ruff does it; 'make format' repairs that."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@node_modules/.bin/tsc -p tsconfig.json
	@echo "Format, lint and types are fine."

test: check ## everything: the checks, all tests, a real browser, the wheel (some twenty minutes)
	@# The browser's also when others fail: who waits for a run learns all of it.
	@echo "Running all tests but the browser's, on two cores (some ten minutes) ..."
	@$(BIN)/pytest -n 2 -m "not browser" --cov; others=$$?; \
		echo "Running the browser's tests (some ten minutes) ..."; \
		$(BIN)/pytest -n 2 -m browser && exit $$others

test-fast: setup ## what to run while working: no browser, nothing slow (under a minute)
	@$(BIN)/pytest -n auto -m "not slow and not browser"

torture: setup ## power failures, kills, stops, turned bits, frames, crashed tabs by the thousand, for an hour (ARGS="power 1000 kill 20")
	@$(BIN)/python -m tests.torture $(ARGS)

compiled: setup ## compile the core with mypyc into build/compiled (needs a C compiler)
	@echo "Compiling ot into build/compiled (ten seconds) ..."
	@$(call quietly, $(BIN)/python hatch_build.py build/compiled)

# A machine without a C compiler measures all the rest.
bench: setup $(PEERS) ## measure the core beside its peers, into docs/explanation/performance.md (ARGS=--help)
	@$(MAKE) --no-print-directory compiled || echo "Not compiled: those cells stay empty."
	@$(BIN)/python -m benchmarks $(ARGS)
	@# With options it is for a look at a part of it.
	@$(if $(ARGS),:,$(MAKE) --no-print-directory bench-browser)

bench-server: setup $(PEERS) ## measure the server beside its peers, into the same page (ARGS=--help)
	@$(MAKE) --no-print-directory compiled || echo "Not compiled: those cells stay empty."
	@$(BIN)/python -m benchmarks.server $(ARGS)

bench-growth: setup ## measure how the server's own cost grows, into the same page (ARGS=--help)
	@$(MAKE) --no-print-directory compiled || echo "Not compiled: those rows stay away."
	@$(BIN)/python -m benchmarks.growth $(ARGS)

bench-browser: setup ## measure how long a key takes in the browser, into the same page (ARGS=--help)
	@$(BIN)/python -m benchmarks.browser $(ARGS)

screenshots: setup ## take a picture of every page and state into build/screenshots, and those of the docs anew
	@$(BIN)/pytest --no-cov -q tests/browser/take_screenshots.py

format: setup ## format the Python files and sort their imports
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

docs: setup ## write the parts of docs/reference that come from the code
	@$(BIN)/python -m tests.test_docs

clean: ## remove everything that make has made (never the pads in ./data)
	rm -rf .venv .venv-bench node_modules benchmarks/node_modules benchmarks/results client_js/dist dist build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PACKAGES): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "deltapad needs Python 3.11 or newer, and '$(PYTHON)' is not that."; \
		echo "Name another one: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { \
		echo "'$(PYTHON)' cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; \
		exit 1; }
	@echo "Setting up Python packages in .venv (once, about a minute) ..."
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(call quietly, $(PYTHON) -m venv --clear .venv)
	@# The build backend first, at its pinned version, rather than the newest one in a place of its own.
	@$(call quietly, $(BIN)/pip install --disable-pip-version-check -c constraints.txt hatchling && \
		$(BIN)/pip install --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]')
	@touch $@

# esbuild and chromium come as plain packages, so no install script needs to run.
$(MODULES): package.json package-lock.json .npmrc | $(PACKAGES)
	@echo "Setting up JavaScript packages in node_modules (once, about half a minute) ..."
	@$(call quietly, npm ci --ignore-scripts)
	@touch $@

$(BUNDLE): $(SOURCES) $(MODULES)
	@echo "Building the browser bundle in client_js/dist (a second) ..."
	@$(call quietly, node client_js/build.mjs)
	@touch $@

# What deltapad is measured beside, away from its own packages. One that cannot be had is left out.
$(PEERS): benchmarks/requirements.txt benchmarks/package.json benchmarks/package-lock.json | $(PACKAGES)
	@echo "Setting up the benchmarks' peers in .venv-bench and benchmarks/node_modules (once, half a minute) ..."
	@$(call quietly, $(BIN)/python -m venv --clear .venv-bench)
	@while read -r package; do \
		.venv-bench/bin/pip install -qq --disable-pip-version-check "$$package" || \
			echo "$$package cannot be installed here: its cells stay empty."; \
	done < benchmarks/requirements.txt
	@cd benchmarks && npm ci --ignore-scripts --silent || \
		echo "The peers from npm cannot be installed here: their cells stay empty."
	@touch $@
