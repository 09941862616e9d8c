PYTHON ?= python3
VENV := .venv
WORKERS ?= 2
ENGINE ?= here
KILLS ?= 200
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: sweep test test-slow test-all lint chaos cluster-test browser-test ui laws

$(STAMP): pyproject.toml constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(STAMP)

.venv: $(STAMP)

sweep: $(STAMP)  ## the documented lambda grid against its baseline
	$(RUN) -m sweeper -m aux_focal.lambda=0.05,0.1,0.2

# A module stays together; the long ones, which tests/conftest.py puts first, begin first. Compiled modules
# are kept for the many processes that tests start.
PYTEST = PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

test: $(STAMP)  ## the quick tests
	$(PYTEST) -m 'not slow and not exhaustive and not cluster and not browser'

test-slow: $(STAMP)  ## the others, but for those that only test-all runs
	$(PYTEST) -m 'slow and not cluster and not browser'

test-all: $(STAMP)
	$(PYTEST) -m 'not cluster and not browser'

lint: $(STAMP)
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

chaos: $(STAMP)  ## 200 kills at random moments, or ENGINE=slurm, ray, agents KILLS=100; no bit of a result may change
	$(RUN) -m tests.faults.chaos --kills $(KILLS) --engine $(ENGINE)

cluster-test: $(STAMP)  ## on a throw-away SLURM, Ray and PostgreSQL; SWEEPER_CLUSTER_INSTALL=1 installs what is missing
	PYTHONDONTWRITEBYTECODE= $(RUN) -m tests.cluster $(CLUSTER)

browser-test: $(STAMP)  ## pages in a headless Chromium; SWEEPER_BROWSER_INSTALL=1 installs it, as root
	PYTHONDONTWRITEBYTECODE= $(RUN) -m tests.browser

ui: $(STAMP)  ## MLflow's UI on the embedded store; each study's page is printed first
	@$(RUN) -c 'from sweeper.watch import pages; print(*(f"{s}: {p}" for s, p in pages("results").items()), sep="\n")'
	$(RUN) -m mlflow ui --backend-store-uri sqlite:///results/mlflow.db --port 5000

laws: $(STAMP)  ## the packages, and the number of imports from each to each
	$(RUN) -m tests.laws
