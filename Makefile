# Everything a person does with the project; `make help` lists it.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest
SOURCES := pyproject.toml constraints.txt hatch_build.py
FUZZ_SECONDS ?= 600

.PHONY: help run install environments demo test quick-tests test-all lint types test-unit test-training \
	test-contract test-faults test-browser test-colab test-wheel fuzz benchmark screenshots format golden clean
.DEFAULT_GOAL := help

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: install  ## start the app on http://127.0.0.1:8000
	$(BIN)/tunebook serve

install: .venv/installed  ## put tunebook and what dry runs need into .venv

environments:  ## install all that the tests need; installing one keeps one core busy at most
	$(MAKE) --jobs 2 .venv/installed-dev .venv-colab/installed

demo: install  ## do the main job through the HTTP API, without a browser
	$(BIN)/python examples/main_job.py

test: lint  ## every check: lint, types, unit, contract, faults, browser, wheel
	$(MAKE) --jobs 2 types quick-tests

# One more than the cores of a small machine: many tests wait for a server, a kernel or a browser. With Colab's package
# versions too, where `make environments` has installed them.
quick-tests: .venv/installed-dev
	TUNEBOOK_STOCK_PYTHON=$(wildcard $(CURDIR)/.venv-colab/bin/python) $(PYTEST) -n 3 --dist worksteal --durations 40 -m "not slow"

test-all: .venv/installed-dev lint types  ## the same with every model and long fuzzing, and what of the code they reach
	$(PYTEST) -n 2 --dist worksteal --cov --cov-report=term
	$(MAKE) test-colab

lint: .venv/installed-dev  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev  ## mypy --strict
	$(BIN)/mypy

test-unit: .venv/installed-dev  ## what needs no server, no kernel and no browser
	$(PYTEST) -m "not slow" --ignore tests/contract --ignore tests/faults --ignore tests/browser --ignore tests/wheel \
		--ignore tests/training --ignore tests/notebooks/test_running.py

test-training: .venv/installed-dev  ## the training core and dry runs
	$(PYTEST) -n 2 -m "not slow" tests/training tests/notebooks/test_running.py

test-contract: .venv/installed-dev  ## the OpenAPI document and schemathesis
	$(PYTEST) -m "not slow" tests/contract

test-faults: .venv/installed-dev  ## real servers, killed: 20 rounds on each database, where `make test` has two
	TUNEBOOK_TEST_FAULTS=full $(PYTEST) -m "not slow" --timeout 7200 tests/faults

test-browser: .venv/installed-dev  ## the pages in Chromium
	$(PYTEST) -m "not slow" tests/browser

test-colab: .venv/installed-dev .venv-colab/installed  ## notebooks with the package versions of Colab's stock image
	TUNEBOOK_STOCK_PYTHON=$(CURDIR)/.venv-colab/bin/python $(PYTEST) -n 2 tests/colab

test-wheel: .venv/installed-dev  ## the wheel in an empty environment
	$(PYTEST) tests/wheel

fuzz: .venv/installed-fuzz  ## look for bytes that the analysis cannot take, FUZZ_SECONDS long (Linux on x86-64)
	$(BIN)/python tests/fuzz/fuzz.py .fuzz -max_total_time=$(FUZZ_SECONDS)

benchmark: .venv/installed-dev  ## the measured claims of docs/benchmarks.md
	$(BIN)/python benchmarks/dry_run.py
	$(BIN)/python benchmarks/executor.py
	$(BIN)/python benchmarks/generate.py
	$(BIN)/python benchmarks/tokens.py
	$(BIN)/python benchmarks/near_duplicates.py
	$(BIN)/python benchmarks/analysis.py
	$(BIN)/python benchmarks/gate.py
	$(BIN)/python benchmarks/recommend.py
	$(BIN)/python benchmarks/streams.py
	$(BIN)/python benchmarks/claims.py
	$(BIN)/python benchmarks/upload.py
	$(BIN)/python benchmarks/pages.py

screenshots: .venv/installed-dev  ## write the pictures of README anew; needs Chromium
	$(BIN)/python docs/screenshots.py

format: .venv/installed-dev  ## rewrite the sources in the house format
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

golden: .venv/installed-dev  ## write the golden notebooks anew; look at the diff
	$(BIN)/python -m tests.notebooks.test_golden

clean:  ## remove the environment and caches
	rm -rf .venv .venv-colab build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .fuzz

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tunebook needs Python 3.11 or later; set PYTHON=")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python $(SOURCES)
	$(PIP) --editable '.[train]'
	@touch $@

.venv/installed-dev: .venv/bin/python $(SOURCES)
	$(PIP) --editable '.[train,ray,postgres,supabase,redis,dev]'
	@touch $@ .venv/installed

.venv/installed-fuzz: .venv/installed-dev
	$(PIP) --editable '.[train,dev,fuzz]'
	@touch $@

.venv-colab/installed: tests/colab/requirements.txt
	$(PYTHON) -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
