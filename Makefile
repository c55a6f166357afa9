# Two commands for newcomers: `make demo` and `make test`. Each makes .venv and installs what it
# needs; nothing but Python >= 3.11 and make must be there before.

VENV ?= .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.PHONY: help demo test lint format bench answers matrix clean

help:
	@echo "make demo     see cacheback at work: no key, no network but pip"
	@echo "make test     run the whole test suite"
	@echo "make lint     style, types and layers"
	@echo "make bench    measure every promised figure against its floor"
	@echo "make answers  measure how right the answers are"
	@echo "make matrix   run the tests on other Pythons and SDKs"

demo: $(VENV)/.installed
	$(BIN)/cacheback demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

answers: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.answers

matrix: $(VENV)/.installed-dev
	$(BIN)/nox

clean:
	rm -rf $(VENV) .nox build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "cacheback needs Python 3.11 or newer; install it and try again"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[openai,anthropic]'
	@touch $@

# hnswlib has no wheels: where there is no compiler, everything but its own tests runs without it.
$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --quiet 'hnswlib>=0.8' || \
		echo "hnswlib could not be built (it needs a C++ compiler): its tests are skipped"
	@touch $@
