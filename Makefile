# The words of this project. `make run` and `make test` set everything up by themselves.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run test check oracle bench bench-peers fix wheel lock clean

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# SOAK=1: every crash step with every kind of stream on both databases, and more repeats
export SOAK
PYTEST_ARGS ?=
# a test that waits leaves its core to another's
WORKERS ?= 3
# a hundred processes are started: compiled once, each starts half a second sooner
unexport PYTHONDONTWRITEBYTECODE

help:  ## show the words
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 20

setup: .venv/.installed  ## make .venv from the hash-checked locks and build the front end
	@scripts/frontend.sh

.venv/.installed: pyproject.toml requirements-dev.lock scripts/venv.sh
	scripts/venv.sh "$(PYTHON)"
	@touch $@

run: setup  ## the demo on http://127.0.0.1, in the folder .demo
	$(BIN)/tallymark demo --home .demo

test: setup  ## the tests; SOAK=1 runs the long ones too
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q $(PYTEST_ARGS)

check: setup  ## lint, types, imports, documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/house

fix: setup  ## mend what the linter can mend, format, write the generated documents
	$(BIN)/ruff check --fix . || true
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

oracle: setup  ## make docs/calendar-suite again: PostgreSQL and Java say what is right
	$(BIN)/python -m tests.oracle

bench: setup  ## measure against the peers; writes bench/results.md
	$(BIN)/python -m bench

bench-peers: setup  ## the same, against peers that take long to install; writes bench/peers.md
	$(BIN)/python -m bench peers

wheel: setup  ## dist/tallymark-*.whl, with the built front end inside
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

COMPILE = $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links -q
lock: .venv/.installed  ## compile the locks anew from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --group pyproject.toml:bench -o requirements-bench.lock
	$(COMPILE) --group pyproject.toml:peers -o requirements-peers.lock
	$(COMPILE) --group pyproject.toml:node -o requirements-node.lock

clean:  ## remove what the words made (never .demo)
	rm -rf .venv dist build frontend/node_modules src/tallymark/web/static/dist bench/work
