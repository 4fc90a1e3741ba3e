PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
INSTALLED := .venv/.installed
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# The tests wait for servers and pages a fifth of their time: one process more than two cores.
SIDE_BY_SIDE := --numprocesses 3 --no-loadscope-reorder

.PHONY: help demo setup test test-stack check lint docs coverage mutants audit lock
.DEFAULT_GOAL := help

help:  ## print this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: setup  ## install, run the whole graph on the default scenes, say where pictures, scores and model are
	$(BIN)/dvc repro
	@$(BIN)/python -m pipelines.summary

setup: $(INSTALLED)  ## make .venv from requirements.lock

$(INSTALLED): requirements.lock
	@sh deploy/check_machine.sh $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	touch $@

test: setup  ## install and run the tests, but for those of test-stack
	$(PYTEST) $(SIDE_BY_SIDE) --ignore tests/stack

test-stack: setup  ## tests on real servers that fail: PostgreSQL, S3, MLflow, Prefect, a worker
	$(PYTEST) tests/stack

lint: setup  ## format, lint, types, import rules, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

check: lint test test-stack  ## lint and all tests: what CI runs

docs: setup  ## build the documentation into docs/_build/site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --doctree-dir docs/_build/trees docs docs/_build/site

coverage: setup  ## run all tests and say which branches of components and pipelines they reach: build/coverage
	mkdir -p build
	$(PYTEST) $(SIDE_BY_SIDE) --cov --cov-report html:build/coverage --cov-report term:skip-covered

mutants: setup  ## mutation testing of encoding, losses, pooling, editing and the gate: four minutes
	.ci/mutants

audit: setup  ## bill of materials, licences, secrets, known vulnerabilities: build/audit
	.ci/audit

lock: setup  ## write requirements.lock anew, with the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --all-extras --no-emit-index-url --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements.lock
