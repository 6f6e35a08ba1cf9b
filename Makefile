# The commands of the project. Each sets up what it needs in .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PRESET ?= paper
CORES := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
JOBS ?= $(CORES)
THREADS := $(shell t=$$(( $(CORES) / $(JOBS) )); echo $$(( t > 0 ? t : 1 )))
PYTHON ?= $(shell command -v python3.11 || command -v python3)
ENV := .venv/.ready
RUN := PATH="$(CURDIR)/.venv/bin:$$PATH"
SNAKEMAKE := $(RUN) PYTHONPATH="$(CURDIR)" snakemake --cores $(CORES) --quiet rules host reason --rerun-incomplete --keep-going

.PHONY: help env book smoke reproduce progress leaderboard verify publish test bench lint serve clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Settings: PRESET=paper|preview|smoke (default paper), JOBS=parallel trainings (default: all cores)."

env: $(ENV) ## virtual environment .venv with the locked dependencies
$(ENV): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or later is needed, found " + sys.version'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

book: $(ENV) ## regenerate everything at the preset, and build the book
	$(SNAKEMAKE) --config preset=$(PRESET) threads=$(THREADS)
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

reproduce: $(ENV) ## train every network here, then the book; for instance: make reproduce PRESET=paper JOBS=2
	$(SNAKEMAKE) --config preset=$(PRESET) published=none threads=$(THREADS)
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

progress: $(ENV) ## how far the trainings of `make reproduce` are, and the time left; the same PRESET and JOBS
	$(RUN) python -m companion progress --preset $(PRESET) --jobs $(JOBS)

leaderboard: $(ENV) ## all methods in one table; with DENOISER=path/to/file.py:Name your own among them
	$(RUN) python -m companion leaderboard --preset $(PRESET) $(if $(DENOISER),--denoiser $(DENOISER)) $(if $(wildcard results/benchmarks.csv),--benchmarks results/benchmarks.csv) --output results/leaderboard.csv

verify: $(ENV) ## measure every published run again in full, and compare
	$(RUN) python -m companion verify

publish: $(ENV) ## copy the finished runs of the preset paper to published/
	$(RUN) python -m companion publish

smoke: $(ENV) ## the whole chain at toy size, in build/smoke, in 7 minutes
	$(SNAKEMAKE) --config preset=smoke out=build/smoke threads=1
	@echo "The smoke book: file://$(CURDIR)/build/smoke/_build/html/index.html"

test: $(ENV) ## all tests; those that need a browser say so when there is none
	$(RUN) python -m pytest

bench: $(ENV) ## the speed ratios, also written to results/benchmarks.csv
	$(RUN) python -m benchmarks.benchmark --output results/benchmarks.csv

lint: $(ENV) ## ruff, and the schema of the workflow files
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

serve: $(ENV) ## serve the built book on http://localhost:8000
	$(RUN) python -m http.server --directory _build/html --bind 127.0.0.1 8000

clean: ## remove what commands made, except the environment and finished runs
	rm -rf build results _build .snakemake .pytest_cache .ruff_cache .coverage
