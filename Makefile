# What one does with a checkout. Everything lives in .venv/, installed from requirements.lock, hashes checked.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs lock clean moved

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url
# Names the first Python that serves, or says what is missing.
FIND_PYTHON := for p in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && \
	{ echo "$$p"; exit 0; }; done; \
	echo "Casewright needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: apt install python3-venv)." >&2; exit 1

help:  ## what can be made (this list)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: setup  ## judge the example cases, no key and no network needed
	@$(BIN)/casewright demo

test: check  ## the gates, then every test; what CI runs
	@$(BIN)/pytest

check: setup  ## the gates alone: ruff, mypy, the arrows between rooms
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "not formatted; run $(BIN)/ruff format"; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo) || { echo "$$report"; exit 1; }
	@echo "ruff, mypy and import-linter have nothing to say."

bench: setup  ## measure what benchmarks/ measures
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: setup  ## draw the graph and the rooms in docs/architecture.md anew
	@$(BIN)/python docs/draw.py

lock: setup  ## pin what pyproject.toml asks for; `make lock UP=1` takes newer versions
	@$(COMPILE) $(if $(UP),--upgrade) --extra dev --output-file requirements.lock
	@$(COMPILE) --no-annotate --constraint requirements.lock --output-file requirements-run.lock

clean:  ## forget .venv/ and every cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup: .venv/.installed

# A copied or moved checkout must not go on using the environment, and the code, of the old place.
ifneq ($(shell cat .venv/.place 2>/dev/null),$(shell pwd -P))
.venv/.locked: moved
endif

.venv/.locked: requirements.lock
	@echo "Setting up .venv from requirements.lock (once, about a minute) ..."
	@set -e; python=$$($(FIND_PYTHON)); "$$python" -m venv --clear .venv
	@$(PIP) install --progress-bar off --no-compile --require-hashes --no-deps -r requirements.lock
	@pwd -P > .venv/.place
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
