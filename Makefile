# Every target does all of its own set-up from a fresh clone: it needs Python 3.11 or newer, gcc, make and a package index.
#   make run [ARGS="--for 30"]   the whole platform and an exchange that trades with it
#   make test [ARGS="tests/unit"]
#   make lint, make types, make bench, make clean
#   make fuzz [ARGS="-max_total_time=600"]   decode, guided by coverage; needs clang
#   make soak [CAPTURES=FOLDER]   whatever strangers may post, exhaustively; hundreds of kills while events are shipped

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
KERNELS := $(shell find cython_ext domain openrtb targeting pacing eventlog prediction risk credit bidder -name '*.pyx' -o -name '*.pxd' -o -name '*.h')

.PHONY: help run test lint types bench fuzz soak servers lock clean

help:
	@sed -n '2,6s/^# *//p' Makefile

run: $(VENV)/built
	@$(BIN)/outbid run $(ARGS)

test servers soak: export PATH := $(PATH):/usr/sbin
test: $(VENV)/built $(VENV)/dev servers
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else # these wait more than they work: they run beside the others, and are told of at the end
	@mkdir -p build
	@failed=0; declare -A beside tests=([acceptance]=tests/acceptance [reporting]=tests/integration/reporting \
		[integration]="tests/integration --ignore=tests/integration/reporting"); for part in acceptance reporting integration; do \
		$(BIN)/python -m pytest $${tests[$$part]} >build/$$part.log 2>&1 & beside[$$part]=$$!; \
	done; \
	$(BIN)/python -m pytest --ignore=tests/acceptance --ignore=tests/integration || failed=1; \
	for part in "$${!beside[@]}"; do \
		wait "$${beside[$$part]}" || failed=1; \
		echo "== $$part"; cat build/$$part.log; \
	done; \
	exit $$failed
endif

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/built $(VENV)/dev
	$(BIN)/mypy .

bench: $(VENV)/built $(VENV)/dev
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python "$$script" $(ARGS); done

fuzz: $(VENV)/made
	@PYTHON="$(abspath $(BIN))/python" tests/fuzz/run $(ARGS)

soak: $(VENV)/built $(VENV)/dev servers
	SOAK=1 CAPTURES="$(CAPTURES)" $(BIN)/python -m pytest -s tests/acceptance/test_strangers.py tests/property/test_strangers.py \
		tests/integration/reporting/test_killing.py $(ARGS)

# The stamps: each names what was done, and depends on what would make it stale.

$(VENV)/made:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Outbid needs Python 3.11 or newer; '$(PYTHON)' is older. Name one with make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "== virtual environment in $(VENV)"
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/run: requirements.lock $(VENV)/made
	@echo "== dependencies, as locked (the analytics engine alone is 140 MB to fetch)"
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/run
	@echo "== development dependencies, as locked"
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/built: $(VENV)/run setup.py pyproject.toml $(KERNELS)
	@echo "== compiled kernels"
	$(BIN)/python setup.py build_ext --inplace | sed -nu '/^\[\|^building/p'
	OUTBID_KERNELS_BUILT=1 $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

servers:
	@tests/install-servers

# After a change of requirements*.in.
lock: $(VENV)/made
	$(PIP) install --quiet pip-tools
	$(BIN)/pip-compile $(LOCKING) --output-file requirements.lock requirements.in
	$(BIN)/pip-compile $(LOCKING) --constraint requirements.lock --output-file requirements-dev.lock requirements-dev.in
	$(BIN)/pip-compile $(LOCKING) --constraint requirements.lock --output-file tests/fuzz/requirements.lock tests/fuzz/requirements.in
LOCKING := --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# Everything that make made; the data of `make run` (var/) stays.
clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find cython_ext domain openrtb targeting pacing eventlog prediction risk credit bidder \
		\( -name '*.so' -o -name '*.cpp' -o -name '__pycache__' \) -prune -exec rm -rf {} +
