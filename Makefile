PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: sweep test lint ui

$(STAMP): pyproject.toml constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(STAMP)

.venv: $(STAMP)

sweep: $(STAMP)  ## the documented lambda grid against its baseline
	$(RUN) -m sweeper -m aux_focal.lambda=0.05,0.1,0.2

test: $(STAMP)
	$(RUN) -m pytest

lint: $(STAMP)
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

ui: $(STAMP)  ## MLflow's UI on the embedded store
	$(RUN) -m mlflow ui --backend-store-uri sqlite:///results/mlflow.db --port 5000
