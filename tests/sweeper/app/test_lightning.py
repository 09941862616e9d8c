"""Somebody's Lightning app, as it is: its sweep is ours with two words on the command line."""

import re
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.faults.app_studies import AppStudy
from tests.faults.harness import kill, wait_for
from tests.sweeper.app.apps import write
from tests.sweeper.app.lightning_app import FILES

pytestmark = [
    pytest.mark.slow,  # quick: tests/sweeper/app/test_whole_studies.py; tests/sweeper/client, of the callback
    pytest.mark.skipif(
        find_spec("lightning") is None, reason="needs the extra: pip install 'sweeper[lightning]'"
    ),
    pytest.mark.skipif(
        not entry_points(group="lightning.pytorch.callbacks_factory", name="sweeper"),
        reason="sweeper was installed before it had callbacks for Lightning",
    ),
]
STUDY = (
    "hparams_search=optuna",
    "hydra.sweeper.n_trials=3",
    "hydra/sweeper/pruner=asha",
    "hydra.sweeper.pruner.reduction_factor=2",
    "hydra.sweeper.app.report_every=4",
    "hydra.sweeper.app.total_steps=16",
    "hydra.sweeper.study.n_seeds=2",
    "hydra.sweeper.study.confirm_seeds=0",
    "hydra.sweeper.study_name=s",
    "hydra/sweeper/tracking=none",
)


def starts(study: AppStudy) -> dict[tuple[str, str], int]:
    """How often each run has begun, by trial and seed, as its log tells."""
    logs = study.results.glob("trials/*/seed*/log.txt")
    return {
        (path.parts[-3][:4], path.parts[-2]): len(re.findall(r"hydra\.mode=RUN", path.read_text()))
        for path in logs
    }


def test_an_unmodified_app_is_searched_pruned_killed_and_resumed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    study = AppStudy(tmp_path, ["-m", "sweeper", "run", "src/train.py", *STUDY])
    parent = study.start()
    # the second candidate is the best by far, so that those after it are pruned
    wait_for(lambda: {"0001", "0002"} <= {trial for trial, _ in starts(study)}, 180, study.output)
    kill(parent.pid)
    parent.wait()
    study.wait_until_empty()
    known = {run for run, row in study.rows().items() if row[0] != "RUNNING"}
    begun = starts(study)
    study.run()
    rows = study.rows()
    assert {state for state, _, _ in rows.values()} == {"COMPLETE", "PRUNED"}
    assert {seed for trial, seed in rows if trial == 0} == {0, 1}
    assert len({trial for trial, _ in rows}) == 4
    trained = starts(study)
    for trial, seed in rows:
        run = (f"{trial:04}", f"seed{seed}")
        assert trained.pop(run) == 1 + (run in begun and (trial, seed) not in known)
    assert not trained
    assert rows[0, 0][2]["metrics"].keys() >= {"val/loss", "val/acc", "test/loss", "test/acc"}
