# Two commands for a fresh machine: `make demo` and `make test`. Everything else is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint format types build wheel-test clean

demo: $(VENV)/installed  ## train, adapt, evaluate, record, report: minutes on a laptop
	$(BIN)/robotmeta demo

test: $(VENV)/installed-dev  ## the tests
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev  ## what ruff has to say
	$(BIN)/ruff check robotmeta tests benchmarks docs typings
	$(BIN)/ruff format --check robotmeta tests benchmarks docs typings

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix robotmeta tests benchmarks docs typings
	$(BIN)/ruff format robotmeta tests benchmarks docs typings

types: $(VENV)/installed-dev
	$(BIN)/pyright

build: $(VENV)/installed-dev  ## sdist, and the wheel from it
	rm -rf dist
	$(BIN)/python -m build

wheel-test: build  ## the suite, from the built wheel in a fresh environment
	rm -rf build/wheel-test && mkdir -p build/wheel-test
	$(PYTHON) -m venv build/wheel-test/venv
	build/wheel-test/venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		"$$(ls dist/*.whl)[dev]"
	cp -r tests docs benchmarks typings README.md pyproject.toml build/wheel-test/
	cd build/wheel-test && venv/bin/python -m pytest -q

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/installed

clean:
	rm -rf build dist .pytest_cache .ruff_cache
