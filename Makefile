# make demo     train a sample project and look at it
# make test     run the tests
# make check    format, lint, types, floors of imports, documents
# make bench    measure
# make docs     write the generated parts of README.md again
# make lock     choose the newest versions of all dependencies

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(name) 2>/dev/null)))
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
TESTS ?= tests plugins
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
SOURCES := workbench tests packaging plugins

.PHONY: demo test check bench docs lock clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/.runtime
	@$(BIN)/workbench demo $(DEMO)

test: $(VENV)/.development
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

check: $(VENV)/.development
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "error: not formatted; hint: $(BIN)/ruff format $(SOURCES)" >&2; exit 1; }
	@$(BIN)/ruff check $(SOURCES) sample_projects
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python packaging/readme.py --check

bench: $(VENV)/.development
	@$(BIN)/python tests/bench $(BENCH)

docs: $(VENV)/.development
	@$(BIN)/python packaging/readme.py

UV_COMPILE = $(BIN)/uv pip compile --no-config --quiet --upgrade --python-version 3.11 --universal --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: $(VENV)/.development
	@$(PIP_INSTALL) uv
	@env -u PIP_FIND_LINKS $(UV_COMPILE) pyproject.toml packaging/build.in -o packaging/requirements.lock
	@env -u PIP_FIND_LINKS $(UV_COMPILE) --extra dev -c packaging/requirements.lock pyproject.toml packaging/build.in \
		-o packaging/requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

# An environment without pip is one that was begun while python3-venv was missing; it is made anew.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "error: there is no Python; hint: apt install python3 python3-venv" >&2; exit 3; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: $(PYTHON) is older than 3.11; hint: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot make virtual environments; hint: apt install python3-venv" >&2; exit 3; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: packaging/requirements.lock pyproject.toml | $(VENV)/.made
	@echo "Installing what Workbench needs (once; some minutes, most of it download) ..."
	@$(PIP_INSTALL) --require-hashes -r packaging/requirements.lock
	@$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.development: packaging/requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what the tests need ..."
	@$(PIP_INSTALL) --require-hashes -r packaging/requirements-dev.lock
	@touch $@
