PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
INSTALLED := .venv/.installed
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder

.PHONY: help demo setup test check lint docs coverage mutants audit lock
.DEFAULT_GOAL := help

help:  ## print this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 10

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

test: setup  ## install and run all tests
	$(PYTEST)

lint: setup  ## format, lint, types, import rules, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

check: lint test  ## lint and test: what CI runs

docs: setup  ## build the documentation into docs/_build/site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --doctree-dir docs/_build/trees docs docs/_build/site

coverage: setup  ## run all tests and say which branches of components and pipelines they reach: build/coverage
	mkdir -p build
	$(PYTEST) --cov --cov-report html:build/coverage --cov-report term:skip-covered

mutants: setup  ## mutation testing of encoding, losses, pooling, editing and the gate: about 10 minutes
	.ci/mutants

audit: setup  ## bill of materials, licences, secrets, known vulnerabilities: build/audit
	.ci/audit

lock: setup  ## write requirements.lock anew, with the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --all-extras --no-emit-index-url --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements.lock
