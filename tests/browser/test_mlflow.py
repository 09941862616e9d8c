"""A study in MLflow's own pages, as a reader meets it there: its trials, who is who, a comparison, the model.

With SWEEPER_SHOTS=<folder> it leaves pictures there; those of docs/images/ were made so.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from sweeper.layout import StudyFolder
from sweeper.reports import read_summary
from sweeper.watch import pages
from tests.browser.browser import Browser, until
from tests.faults.harness import ROOT

pytestmark = pytest.mark.browser
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tasks")])}
STUDY = (
    *("aux_focal.lambda=0.1,0.3,1.0", "study.name=three", "study.page_every_s=null"),
    *("study.n_seeds=2", "study.confirm_seeds=2"),
    *("data.n_train=20000", "data.n_val=6000", "data.n_test=6000", "data.n_users=200", "data.n_items=200"),
    *("trainer.max_steps=60", "trainer.eval_every=20", "aux_focal.warmup_steps=10", "executor.n_threads=1"),
    *("executor=local", "executor.devices=cpu", "executor.n_slots=1"),
)
NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
LOAD = """
import mlflow, sys, torch
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pytorch.load_model(sys.argv[2])
print([tuple(one.shape) for one in model(torch.zeros(3, 26, dtype=torch.int32), torch.zeros(3, 4))])
"""
TEXT = "document.body.innerText"
START_S = 300.0


@dataclass(frozen=True)
class Store:
    """A study's results, and where MLflow shows its trials."""

    folder: StudyFolder
    uri: str
    ui: str
    page: str

    @property
    def alias(self) -> str:
        """The alias that the best model should have."""
        return "champion" if read_summary(self.folder).verdict == "better" else "candidate"


@pytest.fixture(scope="module")
def store(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real study, three values of lambda beside the baseline, and MLflow's server on its store."""
    results = tmp_path_factory.mktemp("mlflow") / "results"
    words = [sys.executable, "-m", "sweeper", "-m", *STUDY, f"study.results_dir={results}"]
    done = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    uri, port = f"sqlite:///{results / 'mlflow.db'}", free_port()
    words = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--port", str(port)]
    server = subprocess.Popen(
        [*words, "--workers", "1"],
        env={**ENVIRONMENT, **NO_JOBS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ui = f"http://127.0.0.1:{port}"
        until(lambda: answers(ui), START_S, "MLflow's server")
        page = ui + pages(results)["three"].removeprefix("http://127.0.0.1:5000")
        yield Store(StudyFolder(results / "three"), uri, ui, page)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def keep_shot(browser: Browser, name: str, height: int = 900) -> None:
    """A picture, where they are asked for."""
    if folder := os.environ.get("SWEEPER_SHOTS"):
        browser.shot(Path(folder) / f"{name}.png", height)


def has(browser: Browser, *texts: str) -> None:
    """The page shows all of them before long."""
    for text in texts:
        browser.wait(f"{TEXT}.includes({json.dumps(text)})", START_S)


def lacks(browser: Browser, *texts: str) -> bool:
    return not any(browser.run(f"return {TEXT}.includes({json.dumps(text)})") for text in texts)


def search(browser: Browser, condition: str) -> None:
    """Type a condition into the box above the table of runs."""
    browser.run("const box = document.querySelector('[data-testid=search-box]'); box.focus(); box.select()")
    browser.enter(condition)


def show_trials(browser: Browser, store: Store) -> None:
    """The page that a study names at its end; what MLflow offers to talk about beside it is closed."""
    browser.open("about:blank")
    browser.open(store.page)
    has(browser, "0 baseline", "3 lambda=1.0")
    browser.run("document.querySelector('button[aria-label=Close]')?.click()")


def cells(browser: Browser, column: str) -> list[str]:
    """A column of the table of runs from above, by its name; of a run's name without its color."""
    script = f"""
      const heads = [...document.querySelectorAll('.ag-header-cell')];
      const head = heads.find((one) => one.innerText.trim() === '{column}');
      const row = (cell) => Number(cell.closest('.ag-row').getAttribute('row-index'));
      return [...document.querySelectorAll(`.ag-row .ag-cell[col-id="${{head.getAttribute('col-id')}}"]`)]
        .sort((a, b) => row(a) - row(b)).map((one) => one.innerText)"""
    return [str(text).splitlines()[-1] for text in browser.run(script)]


def test_a_study_is_a_row_a_trial_the_best_first_with_what_was_swept(browser: Browser, store: Store) -> None:
    """The baseline has no lambda, since it means nothing there."""
    show_trials(browser, store)
    has(browser, "Model training", "aux_focal.lambda", "val/ctcvr_auc", "4 matching runs")
    lambdas = dict(zip(cells(browser, "Run Name"), cells(browser, "aux_focal.lambda"), strict=True))
    assert lambdas == {"0 baseline": "-", "1 lambda=0.1": "0.1", "2 lambda=0.3": "0.3", "3 lambda=1.0": "1.0"}
    values = [float(text) for text in cells(browser, "val/ctcvr_auc")]
    assert values == sorted(values, reverse=True)
    keep_shot(browser, "mlflow_study", 450)


def test_baseline_and_champion_are_found_by_their_tags(browser: Browser, store: Store) -> None:
    (champion,) = read_summary(store.folder).champions
    show_trials(browser, store)
    search(browser, "tags.`sweeper.role` = 'baseline' and tags.`sweeper.kind` = 'trial'")
    has(browser, "1 matching run", "0 baseline")
    assert lacks(browser, "1 lambda=0.1", "3 lambda=1.0")
    search(browser, "tags.`sweeper.champion` = 'true' and tags.`sweeper.kind` = 'trial'")
    has(browser, "1 matching run", f"{champion} lambda=")
    assert lacks(browser, "0 baseline")


def test_three_trials_are_compared_by_the_parameter_that_was_swept(browser: Browser, store: Store) -> None:
    show_trials(browser, store)
    for name in ("1 lambda=0.1", "2 lambda=0.3", "3 lambda=1.0"):
        browser.run(f"""
          const rows = [...document.querySelectorAll('.ag-row')];
          const row = rows.find((one) => one.innerText.includes('{name}'));
          row.querySelector('.ag-selection-checkbox input').click()""")
    has(browser, "Compare")
    browser.run("[...document.querySelectorAll('button')].find((one) => one.innerText === 'Compare').click()")
    has(browser, "Comparing 3 Runs", "aux_focal.lambda", "test/ctcvr_auc", "difference")
    drawn = "document.querySelector('.js-plotly-plot')?.innerHTML.includes('aux_focal.lambda')"
    browser.wait(drawn, START_S)
    keep_shot(browser, "mlflow_compare")


def test_the_registered_model_leads_to_its_study_and_is_loaded(browser: Browser, store: Store) -> None:
    browser.open("about:blank")
    browser.open(f"{store.ui}/#/models/sweeper-esmm")
    has(browser, "Version 1", store.alias, "sweeper.study", "three")
    browser.open(f"{store.ui}/#/models/sweeper-esmm/versions/1")
    has(browser, "Source Run", "Inputs (2)", "Outputs (2)", "Given sparse, dense.", "three")
    browser.run("document.querySelector('button[aria-label=Close]')?.click()")
    keep_shot(browser, "mlflow_model", 300)
    command = [sys.executable, "-c", LOAD, store.uri, f"models:/sweeper-esmm@{store.alias}"]
    loaded = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=900)
    assert loaded.stdout.splitlines()[-1:] == ["[(3,), (3,)]"], loaded.stderr
