"""Kills workers, agents, nodes and parents of studies at random moments, until it has done so often enough.

`python -m tests.faults.chaos --kills 200 [--engine slurm|ray|agents]`: afterwards every run of every study
has exactly one COMPLETE result, bitwise equal to that of an undisturbed study on slots of this machine with
the same threads, no process is left, and no queue holds anything.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from tests.cluster.engines import OnRay, OnSlurm
from tests.cluster.ray import running_ray
from tests.cluster.slurm import running_slurm
from tests.faults.harness import FaultStudy, kill, wait_for
from tests.faults.places import ByHand, Here, OnEngine, Place

WORDS = (
    "optimizer.lr=0.01,0.02,0.1",
    "study.n_seeds=2",
    "study.confirm_seeds=1",
    "loss.pause_ms=25",
    "executor.retries=1000",
    "tracking=none",
)
PARENT_RATE = 0.3
"""Share of the kills that hit the parent; a new one is started by the same command."""
PROGRESS_RATE = 0.7
PROGRESS_S = 30.0
ORPHANS_GONE_S = 10.0
QUEUE_EMPTY_S = 40.0


@dataclass
class Chaos:
    """What was done so far; `rng` decides what is done next."""

    rng: random.Random
    n_wanted: int
    place: Place = field(default_factory=Here)
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def is_enough(self) -> bool:
        """Whether all wanted kills were done."""
        return self.kills.total() >= self.n_wanted

    def disturb(self, study: FaultStudy) -> None:
        """See one study to its end, killing all the while."""
        parent = study.start()
        while parent.poll() is None:
            self._let_work(study, parent)
            self.place.tend(study)
            victims = {kind: which for kind, which in self.place.victims(study).items() if which}
            if self.is_enough or not victims:
                continue
            if self.rng.random() < PARENT_RATE:
                parent = self._replaced(parent, study)
            else:
                kind = self.rng.choice(list(victims))
                self.kills[kind] += self.place.kill(kind, self.rng.choice(victims[kind]))
        assert parent.returncode == 0, study.output()[-3000:]
        wait_for(lambda: not self.place.left(study), QUEUE_EMPTY_S, lambda: str(self.place.left(study)))

    def _let_work(self, study: FaultStudy, parent: "subprocess.Popen[str]") -> None:
        """A random while; often not before a run has been evaluated again, so that there is work to lose."""
        before = study.last_steps()
        deadline = time.monotonic() + (PROGRESS_S if self.rng.random() < PROGRESS_RATE else 0.0)
        while time.monotonic() < deadline and parent.poll() is None and study.last_steps() == before:
            time.sleep(0.1)
        time.sleep(self.rng.uniform(0.0, 1.2))

    def _replaced(self, parent: "subprocess.Popen[str]", study: FaultStudy) -> "subprocess.Popen[str]":
        """Another parent of the study, in the place of this one."""
        self.kills["parent"] += kill(parent.pid)
        parent.wait()
        if self.rng.random() < 0.5:  # else the next session meets workers that are about to leave
            study.wait_until_empty(QUEUE_EMPTY_S)
        return study.start()


def compare(study: FaultStudy, reference: FaultStudy) -> None:
    """Fails unless both have the same runs, each COMPLETE once, with the same bits."""
    figures, expected = study.figures(), reference.figures()
    assert figures.keys() == expected.keys()
    for key, value in expected.items():
        assert figures[key] == value, f"trial {key[0]} seed {key[1]} differs"
    assert [state for state, _ in study.optuna_trials()] == ["COMPLETE"] * 3


def run(folder: Path, n_kills: int, seed: int, say: bool = False, place: Place | None = None) -> Counter[str]:
    """Studies in `folder` until `n_kills` were survived; how many of which kind."""
    place = place or Here()
    reference = FaultStudy(_made(folder / "reference"), WORDS)
    reference.run()
    chaos, n_studies = Chaos(random.Random(seed), n_kills, place), 0
    while not chaos.is_enough:
        study = FaultStudy(_made(folder / f"disturbed-{n_studies}"), (*WORDS, *place.words))
        with patch.dict("os.environ", place.environment):
            chaos.disturb(study)
        compare(study, reference)
        n_studies += 1
        if say:
            print(f"{n_studies} studies, {dict(chaos.kills)}", flush=True)
    return chaos.kills


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=["here", "agents", "slurm", "ray"], default="here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, place_of(arguments.engine, arguments.seed) as place:
        kills = run(Path(folder), arguments.kills, arguments.seed, say=True, place=place)
    who = ", ".join(f"{n} {kind}s" for kind, n in sorted(kills.items()))
    print(f"survived {kills.total()} kills ({who}), all runs bitwise equal")
    return 0


@contextmanager
def place_of(engine: str, seed: int) -> Iterator[Place]:
    """Where studies run, for as long as this lasts."""
    if engine == "slurm":
        with running_slurm() as slurm:
            yield OnEngine(OnSlurm(slurm), random.Random(seed))
    elif engine == "ray":
        with running_ray() as ray:
            yield OnEngine(OnRay(ray), random.Random(seed))
    else:
        yield ByHand() if engine == "agents" else Here()


if __name__ == "__main__":
    sys.exit(main())
