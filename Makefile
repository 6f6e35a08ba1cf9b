# The commands of the project. Each sets up what it needs in .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

PRESET ?= paper
PORT ?= 8000
# Settings go to the commands by way of the environment, where a space or a quote in them means nothing.
export MEASURED_FROM PRESET JOBS PORT DENOISER DENOISERS PYTHON
ENV := .venv/.ready
LAB := .venv/.lab
RUN := PATH="$$PWD/.venv/bin:$$PATH" PYTHONPATH="$$PWD" python
COMPANION := $(RUN) -m companion
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(RUN) -m pytest -n 2 --dist worksteal --durations=25

# What an interpreter must have; it says in one line what it lacks.
define CHECK
import sys
found = ".".join(map(str, sys.version_info[:3]))
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("it is Python %s, and 3.11, 3.12 or 3.13 is needed" % found)
try:
    import ensurepip, venv
except ImportError as error:
    sys.exit("it has no module %s; on Debian and Ubuntu: apt install python3-venv" % error.name)
endef
export CHECK

.PHONY: help env book lab smoke reproduce progress leaderboard verify publish measured test test-book attack mutants bench lint types links pdf serve clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo "Settings, as in: make book PRESET=smoke"
	@echo "  PRESET=paper|preview|smoke   sizes of experiments.yml; paper without it"
	@echo "  JOBS=2                       trainings side by side; all cores without it"
	@echo "  DENOISER='my file.py:Name'   one denoiser of your own"
	@echo "  DENOISERS='a.py:A;b.py:B'    several, separated by semicolons"
	@echo "  PYTHON=python3.12            interpreter of the environment; without it the first that is fit"
	@echo "  MEASURED_FROM=FOLDER         of make measured: a folder or address that has the files"
	@echo "  PORT=8000                    of make serve"

env: $(ENV) ## virtual environment .venv with the locked dependencies
$(ENV): requirements.lock pyproject.toml
	@set --; [ -z "$$PYTHON" ] || set -- "$$PYTHON"; \
	[ $$# -gt 0 ] || set -- python3.11 python3.12 python3.13 python3; \
	chosen=; reasons=; \
	for python in "$$@"; do \
	    if ! command -v "$$python" >/dev/null; then reason="there is none"; \
	    elif reason=$$("$$python" -c "$$CHECK" 2>&1); then chosen=$$python; break; fi; \
	    reasons="$$reasons; $$python: $$(tail -n 1 <<< "$$reason")"; \
	done; \
	[ -n "$$chosen" ] || { echo "error: no Python that is fit$$reasons" >&2; exit 1; }; \
	clear=--clear; [ ! -e $@ ] || clear=; rm -f $@; \
	echo "environment .venv with $$("$$chosen" -V)" && "$$chosen" -m venv $$clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

book: $(ENV) ## regenerate everything at the preset, and build the book
	@$(COMPANION) build --preset "$$PRESET" --jobs "$${JOBS:-all}"

lab: $(LAB) ## JupyterLab on the notebooks; builds the book first where that was not done
	@[ -d results/tables ] || $(COMPANION) build --preset "$$PRESET" --jobs "$${JOBS:-all}"
	@$(COMPANION) lab

$(LAB): requirements-lab.lock $(ENV)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-lab.lock --constraint requirements.lock
	@touch $@

smoke: $(ENV) ## the whole chain at toy size, in build/smoke
	@$(COMPANION) build --preset smoke --jobs all

reproduce: $(ENV) ## train every network here, then the book; for instance: make reproduce PRESET=paper JOBS=2
	@$(COMPANION) build --preset "$$PRESET" --jobs "$${JOBS:-all}" --published none

progress: $(ENV) ## how far the trainings of `make reproduce` are, and the time left; the same PRESET and JOBS
	@$(COMPANION) progress --preset "$$PRESET" --jobs "$${JOBS:-all}"

leaderboard: $(ENV) ## all methods in one table; with DENOISER=path/to/file.py:Name your own among them
	@$(COMPANION) own --preset "$$PRESET" --cache build/data --denoiser "$$DENOISER" --denoisers "$$DENOISERS" --benchmarks benchmarks/benchmarks.csv

verify: $(ENV) ## measure every published run again in full, and compare
	@$(COMPANION) verify

publish: $(ENV) ## bring the finished runs of the preset paper to published/
	@$(COMPANION) publish
	@cp results/tables/findings.png book/findings.png

test: $(ENV) ## the tests of the code; those that need a browser say so when there is none
	@$(PYTEST) -m "not book and not attack" --cov=mpicore --cov=companion --cov-report=term --cov-fail-under=95

test-book: $(ENV) ## the whole book at toy size: its graph, its numbers, and its pages in a browser
	@$(PYTEST) -m "book and not attack"

attack: $(ENV) ## what takes hours: kills, damage, bad calls, planted faults, mutants; the book shows the figures
	@rm -rf results/attack
	@status=0; ATTACK_REPORT=results/attack $(ONE_THREAD) $(RUN) -m pytest -m attack || status=1; \
	ATTACK_REPORT=results/attack $(ONE_THREAD) $(RUN) -m attacks.mutants --jobs "$${JOBS:-2}" || status=1; \
	$(RUN) -m attacks.collect results/attack || status=1; exit $$status

mutants: $(ENV) ## small faults in copies of the code, one at a time: do the tests notice them?
	@$(ONE_THREAD) $(RUN) -m attacks.mutants --jobs "$${JOBS:-2}"

measured: $(ENV) ## download the measured files of the page Measured signals, which the book then shows
	@$(COMPANION) measured

bench: $(ENV) ## time the library, and write benchmarks/benchmarks.csv, which the book shows
	@$(RUN) -m benchmarks.benchmark --output benchmarks/benchmarks.csv

lint: $(ENV) ## style of code, notebooks, Snakefile and Dockerfile, and the schema of the workflow files
	@git ls-files -z '*.py' | PATH="$$PWD/.venv/bin:$$PATH" xargs -0 ruff check
	@git ls-files -z '*.py' | PATH="$$PWD/.venv/bin:$$PATH" xargs -0 ruff format --check
	@PATH="$$PWD/.venv/bin:$$PATH" snakefmt --check Snakefile
	@PATH="$$PWD/.venv/bin:$$PATH" hadolint Dockerfile
	@git ls-files -z 'notebooks/*.md' | PATH="$$PWD/.venv/bin:$$PATH" xargs -0 .ci/notebooks
	@git ls-files -z '.github/workflows/*.yml' | PATH="$$PWD/.venv/bin:$$PATH" xargs -0 check-jsonschema --builtin-schema vendor.github-workflows
	@PATH="$$PWD/.venv/bin:$$PATH" check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

types: $(ENV) ## static types: strict for the library, basic for the companion
	@PATH="$$PWD/.venv/bin:$$PATH" mypy

links: book ## follow every link of the book to other machines
	@PATH="$$PWD/.venv/bin:$$PATH" PYTHONPATH="$$PWD" jupyter-book build build/source --config _config.yml --path-output build/links --builder linkcheck --quiet

pdf: book ## print the book as one PDF with Chromium, and offer it on the front page
	@$(COMPANION) pdf --preset "$$PRESET"

serve: $(ENV) ## serve the built book on http://localhost:PORT
	@$(COMPANION) serve --preset "$$PRESET" --port "$$PORT"

clean: ## remove what commands made, except the environment, finished runs and the rows of denoisers of your own
	@rm -rf build _build .snakemake .pytest_cache .ruff_cache .mypy_cache .coverage
	@[ ! -d results ] || find results -mindepth 1 -maxdepth 1 ! -name own -exec rm -rf {} +
