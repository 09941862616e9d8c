"""What importing a module may bring with it, which decides how fast a command answers.

One process tells of all: it has what everybody may import, and forks for each claim.
"""

import json
import subprocess
import sys

import pytest

from tests.laws import PACKAGES

PROGRAM = """
import importlib, json, os, sys
import numpy, pydantic, yaml
for words in sys.argv[1:]:
    if os.fork() == 0:
        for name in words.split():
            importlib.import_module(name)
        print(json.dumps([words, sorted(sys.modules)]), flush=True)
        os._exit(0)
    os.wait()
"""
TASKS = "sweeper_tasks"
HEAVY = "torch optuna mlflow hydra omegaconf sklearn sqlalchemy"
WITHOUT = {
    f"{TASKS}.esmm.config": "torch sklearn scipy",
    f"{TASKS}.diagnosis.config {TASKS}.diagnosis.data": "torch pandas sklearn scipy",
    f"{TASKS}.diagnosis.table {TASKS}.diagnosis.synthetic_cohort {TASKS}.diagnosis.report": "torch",
    f"{TASKS}.captcha.config {TASKS}.captcha.data": "torch PIL captcha.image kornia scipy",
    f"{TASKS}.captcha.generated {TASKS}.captcha.folder": "torch kornia",
    (
        f"{TASKS}.sentiment.config {TASKS}.sentiment.data {TASKS}.sentiment.report"
    ): "torch tokenizers matplotlib",
    (
        f"{TASKS}.sentiment.synthetic_reviews {TASKS}.sentiment.visfd {TASKS}.sentiment.absa_csv "
        f"{TASKS}.sentiment.semeval_xml {TASKS}.sentiment.tokens {TASKS}.sentiment.pretrained_tokens"
    ): "torch transformers",
    f"{TASKS}.segmentation.facts {TASKS}.segmentation.report": "torch",
    "sweeper.executors.inline": "torch",
    **dict.fromkeys(sorted(PACKAGES), HEAVY),
    "sweeper.predict": HEAVY,
    "sweeper.studies": HEAVY,
    "sweeper.judge_runs": HEAVY,
    "sweeper.worker.predicting": "optuna mlflow hydra omegaconf",
}
"""Modules, and what must not come with them; reading, preparing and reporting are the torch-free parent's."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """By claim, all modules that are there after the import."""
    command = [sys.executable, "-c", PROGRAM, *WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return {words: set(names) for words, names in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("words", WITHOUT, ids=lambda words: words.split()[0])
def test_a_torch_free_module_brings_nothing_heavy(words: str, loaded: dict[str, set[str]]) -> None:
    assert loaded[words] >= set(words.split())
    assert loaded[words] & set(WITHOUT[words].split()) == set()


def test_every_claim_is_told_apart(loaded: dict[str, set[str]]) -> None:
    """What one claim imports is not there for the next."""
    assert (
        "sweeper_tasks.diagnosis.table"
        not in loaded["sweeper_tasks.segmentation.facts sweeper_tasks.segmentation.report"]
    )


def test_a_prediction_at_work_has_torch(loaded: dict[str, set[str]]) -> None:
    assert "torch" in loaded["sweeper.worker.predicting"]


def test_the_plugins_that_every_start_of_any_hydra_app_imports_bring_little() -> None:
    told = "import hydra_plugins.optuna_study.sweeper, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    heavy = {
        "pydantic",
        "numpy",
        "optuna",
        "mlflow",
        "torch",
        "sqlalchemy",
        "sweeper.schema",
        "sweeper.client",
    }
    assert heavy & set(done.stdout.split()) == set()
