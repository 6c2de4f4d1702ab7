# Two commands to begin with: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
PACKAGES := protocols client_sdk aggregator lpm_secure
WORKERS := -n $(shell expr $(JOBS) + 1) --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo calibrate amortise test test-all test-web bench fuzz mutants faults check dist site clean

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

test-all: $(READY) check  ## all tests but the browser's, the long ones too, and three times as many drawn examples
	LPM_REPETITIONS=all $(BIN)/python -m pytest $(WORKERS) -m 'not web'

test-web: $(READY)  ## the pages of lpm serve and the reports, in a browser; needs Debian's package chromium
	@command -v chromium >/dev/null || { echo "make test-web needs Debian's package chromium, which is not here: apt-get install chromium" >&2; exit 2; }
	$(BIN)/python -m pytest -m web --durations=5 tests/web

bench: $(READY)  ## the benchmarks; ONLY=name for one, BASE=commit for CPU time beside that of a commit
	$(BIN)/python tests/benchmarks$(if $(BASE),/base.py $(BASE)) $(ONLY)

fuzz: $(READY)  ## fuzz every decoder and the servicer; SECONDS=600 each
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3,<4'
	for target in wire inner manifest files request sealed settings tables frames servicer; do \
	  $(BIN)/python tests/fuzz $$target -max_total_time=$(or $(SECONDS),600) || exit 1; done

mutants: $(READY)  ## apply listed mistakes to a copy, each of which the tests must notice; an hour
	$(BIN)/python -m tests.mutants

faults: $(READY)  ## 60 faults over processes of active runs, 40 of semi-honest ones; 5,000 and 2,000 within one; two hours
	$(BIN)/python -m tests.faults
	$(BIN)/python -m tests.faults --semi-honest
	$(BIN)/python -m tests.faults --within
	$(BIN)/python -m tests.faults --within --semi-honest

check: $(READY)  ## style, types, import contracts, generated code, the rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -n $(JOBS)
	$(BIN)/mypy --platform win32 protocols client_sdk
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m protocols.wire.generate --check
	$(BIN)/python -m tests.checks

$(VENV)-site/.ready: docs/site.lock
	$(PYTHON) -m venv $(VENV)-site
	$(VENV)-site/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r docs/site.lock
	touch $@

site: $(VENV)-site/.ready  ## the pages as a site in build/site/html, its links checked
	PYTHONPATH=. $(VENV)-site/bin/python -m tests.site build/site

dist: $(READY)  ## wheels and a source distribution in dist/, each installed where nothing else is, and tried
	$(BIN)/python -m tests.distributions dist

clean:  ## what the other targets made
	rm -rf $(VENV) $(VENV)-site build dist runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
