# Every target needs only Python 3.11 or newer and access to a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?= --all
# Exact versions of all dependencies, if `make lock` has written them.
# Otherwise, pip chooses the newest versions that fit.
LOCK := $(wildcard requirements.lock)
# One process for each core. A file stays in one process, because its tests share slow fixtures.
# The slow files come first in the alphabet.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --quiet $(addprefix --constraint ,$(LOCK))

.PHONY: run unit test test-all check docs audit lock clean

run: $(VENV)/installed
	$(BIN)/python -m harness.run $(ARGS)

unit: check
	$(BIN)/python -m pytest $(PARALLEL) tests/unit tests/contract harness architectures

test: check
	$(BIN)/python -m pytest $(PARALLEL) -m 'not exhaustive'

test-all: check
	$(BIN)/python -m pytest $(PARALLEL) --hypothesis-profile thorough

check: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Material for MkDocs prints a notice about the end of MkDocs 1 unless this variable is set.
docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

audit: $(VENV)/installed
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --skip-editable

# Writes the lock file for all supported systems and Python versions. It installs only uv.
# To return to the newest versions, remove requirements.lock.
lock:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --extra test --extra docs --upgrade --quiet \
		--custom-compile-command 'make lock' --output-file requirements.lock

$(VENV)/installed: pyproject.toml $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) --editable '.[test]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(INSTALL) --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) site
