"""Runs that share their first steps, killed at any moment: the same figures to the last bit."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import FaultStudy, kill, wait_for

LENGTHS = "trainer.max_steps=30,60,90"
WORDS = (LENGTHS, "loss.pause_ms=20", "study.n_seeds=2", "study.confirm_seeds=1", "tracking=none")


def told(study: FaultStudy) -> dict[tuple[int, int], Any]:
    """All that runs came to, whoever trained their steps, and their curves."""
    found = {}
    for key, (metrics, best, _, arrays) in study.figures().items():
        found[key] = (metrics, best, arrays)
    steps = {row[:2]: row[4]["steps_trained"] + row[4]["steps_inherited"] for row in study.rows()}
    curves = {
        str(path.relative_to(study.results)): [
            {name: value for name, value in json.loads(line).items() if name != "inherited"}
            for line in path.read_text().splitlines()
        ]
        for path in study.results.glob("trials/*/*/metrics.jsonl")
    }
    return {**found, (-1, -1): (steps, curves)}


def left(study: FaultStudy) -> list[Path]:
    return [*study.results.glob("prefixes/*/*/*/step*.pt")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> FaultStudy:
    """Every run trains all its steps."""
    study = FaultStudy(tmp_path_factory.mktemp("alone"), [*WORDS, "study.share=off"])
    study.run()
    return study


def test_a_study_that_shares_and_is_killed_again_and_again_comes_to_the_same(
    tmp_path: Path, alone: FaultStudy
) -> None:
    """Killed as the first prefix is there, as a fork trains, and with a worker that leads."""
    study = FaultStudy(tmp_path, WORDS)

    def is_forked() -> bool:
        logs = study.results.glob("trials/*/*/log.txt")
        return any("begins at step" in log.read_text() for log in logs)

    for moment in (lambda: left(study), is_forked):
        parent = study.start()
        wait_for(moment)
        assert kill(parent.pid)
        parent.wait()
        study.wait_until_empty(60.0)
    parent = study.start()
    wait_for(lambda: study.workers())
    kill(study.workers()[0])
    assert parent.wait(180) == 0, study.output()
    assert told(study) == told(alone)
    assert sum(row[4]["steps_inherited"] for row in study.rows()) > 0
    assert not (study.results / "prefixes").exists()


def test_a_study_of_lengths_trains_each_step_once(tmp_path: Path, alone: FaultStudy) -> None:
    """90 steps a seed instead of 30 + 40 + 60 + 90; those of the confirmation share the shorter run."""
    study = FaultStudy(tmp_path, WORDS)
    study.run()
    assert told(study) == told(alone)
    by_seed: dict[int, list[int]] = {}
    for _, seed, _, _, result in study.rows():
        by_seed.setdefault(seed, []).append(result["steps_trained"])
    assert [sum(by_seed[seed]) for seed in (0, 1)] == [90, 90]
    whole = [row[4]["steps_trained"] for row in alone.rows() if row[1] not in (0, 1)]
    (fresh,) = by_seed.keys() - {0, 1}
    assert sum(by_seed[fresh]) == max(whole)
