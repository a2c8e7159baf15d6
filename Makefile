# Everything runs in a virtual environment of its own; nothing else on the machine is touched.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
DATA ?=
FLOWS := tests/flow

.PHONY: help demo test test-flows test-parts check bench build clean

help: ## What can be made here
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## A real retailer's data, from raw files to a console in the browser
	$(BIN)/bespeak demo $(DEMO) $(DEMO_OPTIONS)

test: check $(VENV)/.test ## All checks and all tests
	$(BIN)/python tests/browser.py
	$(MAKE) -j2 VENV=$(VENV) test-flows test-parts

# two processes, since one leaves a core idle: whole flows beside all else
test-flows:
	$(BIN)/python -m pytest $(FLOWS)

test-parts:
	$(BIN)/python -m pytest $(FLOWS:%=--ignore=%)

check: $(VENV)/.test ## Linters, types and import rules
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test ## Speed and accuracy beside their peers: make bench DATA=folder-of-data-sets
	$(BIN)/python -m benchmarks.demo
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.truth
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.catalogue
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.parity $(if $(DATA),--data $(DATA))
	$(BIN)/python -m benchmarks.cluster --only features
	$(BIN)/python -m benchmarks.recommend $(if $(DATA),--data $(DATA))
	$(if $(DATA),$(BIN)/python -m benchmarks.sessions --data $(DATA))

build: $(VENV)/.test ## The wheel, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove the environment and what was built
	rm -rf $(VENV) dist $(DEMO)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bespeak needs Python 3.11 or newer; found $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test,kafka,postgres,spark]'
	@touch $@ $(VENV)/.demo
