# Every target makes what it needs, .venv first.
#
#   make test PYTHON=python3.12             another Python for .venv
#   make test WORKERS=8                     more test processes
#   make test ARGS="-k elr -x"              other arguments for pytest
#   make test CONSTRAINTS=.ci/oldest.txt    another set of versions

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
EXTRAS ?= test,lint
WORKERS ?= 2
ARGS ?=
SPHINXOPTS ?= -W --keep-going

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)
INSTALLED := $(VENV)/.installed
INSTALLED_DOCS := $(VENV)/.installed-docs
INSTALLED_DIST := $(VENV)/.installed-dist
BENCHMARKS := $(sort $(wildcard benchmarks/[!_]*.py benchmarks/papers/[!_]*.py))

# One thread in each test process: more of them only wait for each other.
TEST_ENV := SCIPY_ARRAY_API=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 MPLBACKEND=Agg
PYTEST := $(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-fast test-long test-ecosystem lint format bench picture docs docs-check dist clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: $(INSTALLED)  ## train on noisy labels and find them: the quickstart example
	MPLBACKEND=Agg $(BIN)/python examples/plot_quickstart.py

test: $(INSTALLED)  ## run all tests but the longest, and the examples in the docstrings
	$(PYTEST) -m "not long and not ecosystem" $(ARGS)

test-fast: $(INSTALLED)  ## the same without the tests marked slow
	$(PYTEST) -m "not slow and not long and not ecosystem" $(ARGS)

# pytest exits with 5 where no test is selected.
test-long: $(INSTALLED)  ## run the tests that `make test` leaves out
	PROPERTY_EXAMPLES=400 $(PYTEST) -m "long or property" $(ARGS) || test $$? -eq 5

test-ecosystem: $(INSTALLED)  ## install other libraries into .venv, and run the tests with them
	$(PIP) -e '.[ecosystem]'
	$(PYTEST) -m ecosystem -n 1 $(ARGS)

lint: $(INSTALLED)  ## check style, types, imports, spelling and wording; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy sknoisy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/codespell
	$(BIN)/python tools/check_wording.py

format: $(INSTALLED)  ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED)  ## run the benchmarks, one after another
	@set -e; for script in $(BENCHMARKS); do echo "==> $$script"; $(BIN)/python $$script; done

picture: demo  ## draw the picture of the README again
	cp examples/output/quickstart.png docs/_static/quickstart.png

docs: $(INSTALLED_DOCS)  ## build the documentation in docs/_build/html
	MPLBACKEND=Agg $(BIN)/python -m sphinx -b html $(SPHINXOPTS) docs docs/_build/html

# A browser is not needed: without one only the files are checked.
docs-check: docs  ## look at the built documentation in headless Chromium (apt: chromium, chromium-driver)
	$(BIN)/python tools/check_docs.py docs/_build/html

# setuptools would add the files that an older SOURCES.txt lists.
dist: $(INSTALLED_DIST)  ## build the sdist and the wheel in dist, and check them
	rm -rf build dist *.egg-info/SOURCES.txt
	$(BIN)/python -m build
	@if git rev-parse HEAD >/dev/null 2>&1; then $(BIN)/check-manifest; fi
	$(BIN)/check-wheel-contents dist
	$(BIN)/twine check --strict dist/*

clean:  ## remove what the targets made, except .venv
	rm -rf build dist *.egg-info .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf docs/_build docs/auto_examples docs/generated docs/_charts docs/_outputs docs/_*.rst docs/sg_execution_times.rst
	rm -rf examples/output
	find sknoisy tests benchmarks examples docs tools -name __pycache__ -prune -exec rm -rf {} +

# A .venv that is already there is kept; pip then installs only what is missing or of another version.
$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		$(PYTHON) -c 'import sys; sys.exit("sknoisy needs Python 3.11 or newer: make PYTHON=python3.x" if sys.version_info < (3, 11) else 0)' \
		&& echo "making $(VENV)" && $(PYTHON) -m venv $(VENV); }
	@echo "installing torch (the largest part, so first)"
	@$(PIP) torch
	@echo "installing sknoisy with its extras: $(EXTRAS)"
	@$(PIP) -e '.[$(EXTRAS)]'
	@touch $@

$(INSTALLED_DOCS): $(INSTALLED)
	@echo "installing the documentation tools"
	@$(PIP) -e '.[docs]'
	@touch $@

$(INSTALLED_DIST): $(INSTALLED)
	@echo "installing the packaging tools"
	@$(PIP) -e '.[dist]'
	@touch $@
