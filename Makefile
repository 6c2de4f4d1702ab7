# Two commands to begin with: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
PACKAGES := protocols client_sdk aggregator lpm_secure
WORKERS := -n $(shell expr $(JOBS) + 1) --dist loadgroup --no-loadscope-reorder
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo calibrate amortise test test-all bench fuzz mutants faults check clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s'|'

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("lpm-secure needs Python 3.11 or later") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -qq -j $(JOBS) $(VENV)/lib $(PACKAGES) || true  # on all cores, unlike pip; some files are templates
	touch $@

demo: $(READY)  ## the private epidemic on measured contacts, and its replay in the clear
	$(BIN)/lpm run examples/workplace.toml

calibrate: $(READY)  ## 26 hospitals fit one model of the city, and forecast
	$(BIN)/lpm calibrate examples/hospitals.toml

amortise: $(READY)  ## a posterior for every new week at once, beside the fit
	$(BIN)/lpm amortise examples/hospitals.toml --compare

test: $(READY) check  ## every check, and the default tests
	$(BIN)/python -m pytest $(WORKERS) --durations=10

test-all: $(READY) check  ## all tests, the long ones too, and three times as many drawn examples
	LPM_REPETITIONS=all $(BIN)/python -m pytest $(WORKERS) -m 'slow or not slow'

bench: $(READY)  ## the benchmarks; ONLY=name for one, BASE=commit for CPU time beside that of a commit
	$(BIN)/python tests/benchmarks$(if $(BASE),/base.py $(BASE)) $(ONLY)

fuzz: $(READY)  ## fuzz every decoder and the servicer; SECONDS=600 each
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3,<4'
	for target in wire inner manifest files request sealed settings tables frames servicer; do \
	  $(BIN)/python tests/fuzz $$target -max_total_time=$(or $(SECONDS),600) || exit 1; done

mutants: $(READY)  ## apply listed mistakes to a copy, each of which the tests must notice; an hour
	$(BIN)/python -m tests.mutants

faults: $(READY)  ## 60 faults over processes of active runs, 40 of semi-honest ones, 5,000 within one; half an hour
	$(BIN)/python -m tests.faults
	$(BIN)/python -m tests.faults --semi-honest
	$(BIN)/python -m tests.faults --within

check: $(READY)  ## style, types, import contracts, generated code, the rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -n $(JOBS)
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m protocols.wire.generate --check
	$(BIN)/python -m tests.checks

clean:  ## what the other targets made
	rm -rf $(VENV) build runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
