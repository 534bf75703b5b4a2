# `make demo` and `make test` install everything they need into .venv; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo strace prism browser test test-crash test-docker test-engines test-long lint docs bench bench-accuracy fuzz clean

help:
	@echo "make demo    run the whole story on your machine: two faults, found, explained and undone (under 3 minutes)"
	@echo "make test    run lint, type checks and all tests (12 to 15 minutes on 2 cores)"
	@echo "make test-crash   run the long crash sweep: kill the process or fail a call at 60 or more system calls (needs strace)"
	@echo "make test-engines  run only the tests of each kind of Beam runner (builds Prism, which needs Go)"
	@echo "make test-long   run the long forms: every story with every format and reading, the portable runner (10 minutes)"
	@echo "make test-docker  run the tests against a real ClickHouse server (needs Docker)"
	@echo "make lint    run only ruff, mypy and codespell"
	@echo "make docs    regenerate the reference pages in docs/"
	@echo "make bench   run the benchmarks against comparable tools (20 minutes; less with FLOWTRAIL_BENCH=quick)"
	@echo "make bench-accuracy  judge 468 simulated incidents and 3,000 clean hours (over an hour; continues when run again)"
	@echo "make fuzz    parse a million mangled log lines, try 100,000 hostile SQL statements, a million packets and 10,000 hostile requests (about 20 minutes)"
	@echo "make clean   remove .venv and all build output"

install: $(STAMP)

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Flowtrail needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not installed)." >&2; \
	  echo "Install it and pass its name: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot create virtual environments. On Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, and again when setup.py or constraints.txt changes)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e ".[test]"
	@touch $@

demo: $(STAMP)
	@$(BIN)/flowtrail demo

# The crash sweep needs strace, the only requirement that is not a Python package.
strace:
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq strace >/dev/null; } || { \
	  echo "The crash sweep needs strace: apt-get install strace. Without it the sweep is skipped, or fails in CI." >&2; \
	  test -z "$$CI"; }

# Prism is the one Beam runner that is not a Python package. It is built once, from source, for the Beam of constraints.txt.
BEAM := $(shell sed -n 's/^apache-beam==//p' constraints.txt)
PRISM := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/flowtrail/prism-$(BEAM)

prism:
	@test -x "$(PRISM)/prism" || { command -v go >/dev/null \
	  && echo "Building Prism in $(PRISM) (once; takes some minutes)" && mkdir -p "$(PRISM)" \
	  && GOBIN="$(PRISM)" go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$(BEAM); } || { \
	  echo "The tests of Prism need Go, which builds it: https://go.dev/doc/install, or apt-get install golang-go." \
	    "Without it they are skipped, or fail in CI." >&2; \
	  test -z "$$CI"; }

# The console is tried in a real browser.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || { \
	  echo "The tests of the console need Chromium: apt-get install chromium. Without it they are skipped, or fail in CI." >&2; \
	  test -z "$$CI"; }

# Tests start hundreds of processes, which read their bytecode from files even where the environment says not to.
test: lint strace prism browser
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 4 --dist worksteal

test-crash: $(STAMP)
	@CI=true $(MAKE) --no-print-directory strace
	CI=true $(BIN)/pytest -m crash tests/crash tests/integration

test-engines: $(STAMP) prism
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2 --dist worksteal -m engines tests/engines

test-long: $(STAMP) prism
	PYTHONDONTWRITEBYTECODE= CI=true $(BIN)/pytest -n 2 --dist worksteal -m long tests

test-docker: $(STAMP)
	$(BIN)/pytest -m docker tests/integration/test_server_docker.py

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell

docs: $(STAMP)
	$(BIN)/python docs/generate.py

bench: $(STAMP)
	$(BIN)/python -m benchmarks

bench-accuracy: $(STAMP)
	$(BIN)/python -m benchmarks.accuracy

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz_parse
	$(BIN)/python -m tests.fuzz_sql
	$(BIN)/python -m tests.fuzz_verdict
	$(BIN)/python -m tests.fuzz_web

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
