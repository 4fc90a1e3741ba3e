PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo setup test check lint lock
demo: setup
	$(BIN)/dvc repro
	@$(BIN)/python -m pipelines.summary

setup: $(INSTALLED)

$(INSTALLED): requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	touch $@

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

check: lint test

lock: setup
	$(BIN)/uv pip compile --quiet --upgrade --all-extras --no-emit-index-url --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements.lock
