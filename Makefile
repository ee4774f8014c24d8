# Two commands for a fresh machine: `make demo` and `make test`. Everything else is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

WHEEL := build/wheel-test

# A worker that has no tests left takes some from another one. More than four would each start physics threads for all
# cores.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal

.PHONY: demo test quick browser fuzz kill pages nightly lint format types site notebooks build wheel-test release-check clean

demo: $(VENV)/installed  ## train, adapt, evaluate, record, report: minutes on a laptop
	$(BIN)/robotmeta demo

test: $(VENV)/installed-dev  ## all tests, in parallel: minutes
	$(BIN)/python -m pytest $(PARALLEL)

quick: $(VENV)/installed-dev  ## the tests that a change usually breaks: under a minute
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" --durations 5 --durations-min 1

browser: $(VENV)/installed-dev  ## what people see in a browser: needs Chromium (apt-get install chromium)
	$(PIP) --editable '.[browser]'
	$(BIN)/python -m pytest -m browser tests/browser

fuzz: $(VENV)/installed-dev  ## ten thousand inputs that nobody meant
	ROBOTMETA_FUZZ=10000 $(BIN)/python -m pytest $(PARALLEL) tests/fuzz

kill: $(VENV)/installed-dev  ## fifty trainings that are killed at random moments and resumed: five minutes
	ROBOTMETA_KILLS=50 $(BIN)/python -m pytest tests/training/test_kill.py

pages: $(VENV)/installed-dev  ## each command of the documentation, for twenty seconds: half an hour
	$(PIP) --editable '.[bench,view,wandb]'
	ROBOTMETA_PAGES=20 $(BIN)/python -m pytest tests/docs/test_page_commands.py

nightly: $(VENV)/installed-dev  ## MuJoCo Warp beside MuJoCo in every family: a quarter of an hour on the CPU
	$(PIP) --editable '.[gpu]'
	$(BIN)/python benchmarks/warp_agreement.py
	$(BIN)/python benchmarks/tables.py

lint: $(VENV)/installed-dev  ## rules and formatting
	$(BIN)/ruff check robotmeta tests benchmarks docs examples typings
	$(BIN)/ruff format --check robotmeta tests benchmarks docs examples typings

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix robotmeta tests benchmarks docs examples typings
	$(BIN)/ruff format robotmeta tests benchmarks docs examples typings

types: $(VENV)/installed-dev
	$(BIN)/pyright

site: $(VENV)/installed-dev  ## the documentation site, in build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

notebooks: $(VENV)/installed-dev  ## runs the notebooks, and writes what they print into them: ten minutes
	$(PIP) --editable '.[notebooks]'
	cd notebooks && ../$(BIN)/jupyter execute --inplace --timeout=1800 *.ipynb

build: $(VENV)/installed-dev  ## sdist, and the wheel from it
	rm -rf dist
	$(BIN)/python -m build

wheel-test: $(WHEEL)/installed  ## the smoke tests, from the built wheel in a fresh environment
	rm -rf $(WHEEL)/tests && cp -r tests pyproject.toml $(WHEEL)/
	cd $(WHEEL) && venv/bin/python -m pytest $(PARALLEL) -m smoke $$(grep -rl mark.smoke tests)

$(WHEEL)/installed: $(VENV)/installed-dev pyproject.toml constraints.txt $(shell find robotmeta -type f -name '*.*' -not -name '*.pyc')
	rm -rf dist $(WHEEL) && mkdir -p $(WHEEL)
	$(BIN)/python -m build
	$(PYTHON) -m venv $(WHEEL)/venv
	$(WHEEL)/venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		dist/*.whl pytest pytest-xdist
	touch $@

release-check:  ## TAG=v0.2.0 is the version of the package, of CITATION.cff and of the changelog
	@grep -qxF '__version__ = "$(TAG:v%=%)"' robotmeta/__init__.py || { echo '$(TAG) is not the version in robotmeta/__init__.py'; exit 1; }
	@grep -qxF 'version: $(TAG:v%=%)' CITATION.cff || { echo '$(TAG) is not the version in CITATION.cff'; exit 1; }
	@grep -qF '## [$(TAG:v%=%)]' CHANGELOG.md || { echo 'CHANGELOG.md has no section $(TAG:v%=%)'; exit 1; }

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
