# `make demo` flies a pass; `make test` checks everything. Both set up .venv themselves:
# a machine needs python3 (3.11 or newer), make and nothing else.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= out/demo
WORKERS ?= auto

.PHONY: demo test quick lint bench clean lock

# One worker a processor: threads of the linear algebra would only wait for each other.
test quick: export OPENBLAS_NUM_THREADS := 1

demo: .venv/run
	$(BIN)/qsky run leo_haps_downlink --out $(OUT)
	@echo "report: $(OUT)/report.html"

test: lint
	$(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

quick: .venv/dev
	$(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder -m "not slow"

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/python -m benchmarks

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("qsky needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

# hatchling comes from the lock too, so that building needs no isolated, unpinned environment.
.venv/run: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Resolves the pins anew; needs uv. The files hold names, versions and hashes, no addresses.
lock:
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --all-extras --no-emit-index-url --no-header --no-annotate -o requirements-dev.lock pyproject.toml
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --extra build --no-emit-index-url --no-header --no-annotate -c requirements-dev.lock -o requirements.lock pyproject.toml

clean:
	rm -rf .venv out .mypy_cache .ruff_cache .hypothesis
