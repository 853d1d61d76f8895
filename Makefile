# Three targets matter: `make setup` (once, implied by the others), `make test`, `make demo`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup test test-slow lint types demo docs wheel hooks clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/pyright

test: lint types
	$(BIN)/pytest -m "not slow" --numprocesses auto --dist worksteal

test-slow: setup
	$(BIN)/pytest -m slow --numprocesses auto --dist worksteal

demo: setup
	$(BIN)/recircle demo --output runs/demo
	@echo "once in each shell, so that it finds the command recircle: source $(BIN)/activate"

docs: $(VENV)/.docs
	$(BIN)/python -m recircle.recipes.page > docs/recipes.md
	$(BIN)/python -m recircle.models.weights.page > docs/weights.md
	$(BIN)/zensical build --strict --clean

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

# the wheel and the source archive, in dist/
wheel: setup
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*

# from then on each commit is checked first; needs the program pre-commit
hooks: setup
	pre-commit install

clean:
	rm -rf $(VENV) runs build dist site .cache src/*.egg-info .pytest_cache .ruff_cache
