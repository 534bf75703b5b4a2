# `make demo` and `make test` set up everything they need in .venv; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo strace test test-crash test-docker lint docs bench fuzz clean

help:
	@echo "make demo    the story on your machine: two faults, found, named and undone (under 3 minutes)"
	@echo "make test    lint, types and every test (under 10 minutes on 2 cores)"
	@echo "make test-crash   the long crash sweep: every kind of accident at 60 and more system calls (needs strace)"
	@echo "make test-docker  the tests against a real ClickHouse server (needs Docker)"
	@echo "make lint    ruff and mypy alone"
	@echo "make docs    write the generated references in docs/ anew"
	@echo "make bench   what it costs on this machine, beside its peers (20 minutes; FLOWTRAIL_BENCH=quick: less)"
	@echo "make fuzz    a million mangled log lines, none of which may be lost (under 5 minutes)"
	@echo "make clean   remove .venv and everything that was built"

install: $(STAMP)

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Flowtrail needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." >&2; \
	  echo "Install one and name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) (once; again when setup.py or constraints.txt change)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e ".[test]"
	@touch $@

demo: $(STAMP)
	@$(BIN)/flowtrail demo

# The crash sweep stands on strace, the one part that no Python package brings.
strace:
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq strace >/dev/null; } || { \
	  echo "The crash sweep needs strace: apt-get install strace. Without it the sweep is skipped; in CI that fails." >&2; \
	  test -z "$$CI"; }

test: lint strace
	$(BIN)/pytest -n 2 --dist worksteal

test-crash: $(STAMP)
	@CI=true $(MAKE) --no-print-directory strace
	CI=true $(BIN)/pytest -m crash tests/crash

test-docker: $(STAMP)
	$(BIN)/pytest -m docker tests/integration/test_server_docker.py

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python docs/generate.py

bench: $(STAMP)
	$(BIN)/python -m benchmarks

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz_parse

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
