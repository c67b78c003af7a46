# Everything installs into .venv from requirements.lock (versions and hashes); no root, no system package.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROMETHEUS := $(BIN)/prometheus
BENCH ?= all

.PHONY: install demo test check bench format lock clean
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

# a real one for the tests: the one on PATH, else Debian's package, unpacked without root; else it says what to install
$(PROMETHEUS): | $(STAMP)
	sh deploy/prometheus/bring.sh $@

demo: install
	$(BIN)/iuran demo $(if $(filter 1,$(DEMO_ONCE)),--once)

test: install $(PROMETHEUS)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore tests/chaos
	$(BIN)/python -m pytest tests/chaos

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house -q

bench: install
	$(BIN)/python -m deploy.bench $(BENCH)

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
