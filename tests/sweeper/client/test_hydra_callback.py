"""The callback in a real Hydra app, in which nothing is changed for it."""

from pathlib import Path

import pytest

from sweeper.messages import Failed, Finished, Message, Stopped
from sweeper.worker.runners import run_job
from tests.sweeper.worker.programs import program_job
from tests.sweeper.worker.toy_jobs import Listener, folder_of

APP = """
import sys
import hydra
import numpy as np
from omegaconf import OmegaConf

@hydra.main(config_path=None, config_name=None, version_base=None)
def main(cfg):
    what = cfg.what
    if what == "raise":
        inner = {}
        inner["key"]
    if what == "exit":
        sys.exit(0)
    if what == "prune":
        from sweeper import report
        report(3, {"val/acc": 0.1})
    return {"acc": np.float32(0.5), "test": {"acc": OmegaConf.create([1])[0]}, "model": "resnet"}

main()
"""


def last_word(tmp_path: Path, what: str) -> Message:
    line = (f"+what={what}", f"hydra.run.dir={tmp_path}/run/app", "hydra.job.chdir=true")
    job = program_job(tmp_path, APP, *line, "+hydra.callbacks.sweeper._target_=sweeper.client.JobCallback")
    run_job(job, listener := Listener(["prune"]))
    print(folder_of(job).log.read_text())
    return listener.last


def test_what_the_function_returns_is_handed_over(tmp_path: Path) -> None:
    last = last_word(tmp_path, "return")
    assert isinstance(last, Finished)
    assert last.metrics == {"val/acc": 0.5, "test/acc": 1.0}
    assert (tmp_path / "run" / "app" / ".hydra" / "config.yaml").exists()
    log = (tmp_path / "run" / "log.txt").read_text()
    assert f"its output folder: {tmp_path}/run/app" in log
    assert "returned, and no number: model" in log


def test_what_it_raises_is_told_with_its_place(tmp_path: Path) -> None:
    last = last_word(tmp_path, "raise")
    assert isinstance(last, Failed)
    assert (last.error, last.reason) == ("KeyError", "KeyError: 'key' (app.py:12)")
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("Error executing job with overrides") == 1


@pytest.mark.parametrize(("what", "kind"), [("prune", Stopped), ("exit", Failed)])
def test_a_run_that_ends_early_is_no_result(what: str, kind: type[Message], tmp_path: Path) -> None:
    assert isinstance(last_word(tmp_path, what), kind)
