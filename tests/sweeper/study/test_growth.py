"""Which trials join a study because of what others have shown, in whatever order these come to their ends."""

import random
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings, strategies as st

from sweeper.errors import Fault, UserError
from sweeper.findings import Alarm
from sweeper.layout import StudyFolder
from sweeper.monitor import compiled
from sweeper.results import Objective, Policy, RunKey, RunResult
from sweeper.schema import Monitor, StudyPlan
from sweeper.search import Enumerated, TrialBook, stages_of
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import open_storage
from sweeper.study.growth import FollowUpLimits, Growth, asked_follow_ups, runs_with_a_say
from sweeper.study.health import Health
from sweeper.study.run_table import RunTable
from sweeper.study.specs import TaskSpecs
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial

POLICY = Policy((0, 1), (), (Objective("auc", "maximize"),), None, 1.0, n_candidates=3)
RULES = compiled(
    Monitor(
        name="act",
        rules={
            "steadier": {"when": "val/auc < 1", "then": "follow_up", "change": {"optimizer.lr": "*0.5"}},
            "longer": {"when": "val/auc < 1", "then": "follow_up", "change": {"trainer.epochs": "*2"}},
            "seen": {"when": "val/auc < 1"},
        },
    )
)
VALUES = {"baseline": 0.6, "a": 0.5, "b": 0.7, "c": 0.8}
ASKS = {
    ("a", 0): ["steadier"],
    ("a", 1): ["longer", "seen"],
    ("c", 1): ["steadier"],
    ("a+longer", 0): ["steadier"],
}
"""The rules that hold in the runs of trials, by seed."""


def alarm(rule: str, seed: int = 0) -> Alarm:
    then = next(one.rule.then for one in RULES if one.name == rule)
    return Alarm(rule=rule, seed=seed, step=1, text="", then=then)


class FakeHealth:
    """Says what `ASKS` has."""

    def of_run(self, trial: TrialSpec, run: RunResult) -> tuple[Alarm, ...]:
        return tuple(alarm(rule, run.seed) for rule in ASKS.get((trial.name, run.seed), ()))


class FakeFactory:
    """A configuration is its overrides."""

    def spec(
        self, number: int, name: str, role: str, params: dict[str, Any], overrides: Sequence[str]
    ) -> TrialSpec:
        if "optimizer.lr=0.125" in overrides:
            raise UserError(Fault("optimizer.lr", "got 0.125; expected a larger one", ""))
        known = dict(line.split("=") for line in overrides)
        config = {
            "optimizer": {"lr": float(known.get("optimizer.lr", 1.0))},
            "trainer": {"epochs": int(known.get("trainer.epochs", 4))},
        }
        made = {"overrides": tuple(overrides), "params": dict(params), "config": config}
        return plain_trial(number, name=name).model_copy(
            update={**made, "fingerprint": " ".join([name.split("+")[0], *sorted(overrides)])}
        )

    def faults(self, trial: TrialSpec) -> list[Fault]:
        return []


def draft(name: str) -> TrialSpec:
    trial = FakeFactory().spec(-1, name, "candidate", {}, ())
    special = {"role": "baseline", "prunable": False} if name == "baseline" else {}
    return trial.model_copy(update=special)


def grown(
    folder: Path,
    seed: int,
    *,
    n_slots: int,
    stops: Collection[int] = (),
    plan: StudyPlan | None = None,
    **limits: int,
) -> list[tuple[int, str, int | None, str]]:
    """The trials of a study whose runs end in a random order, and which is interrupted after `stops` runs."""
    rng, n_done = random.Random(seed), 0
    drafts = [draft(name) for name in VALUES]
    stages = stages_of(plan) if plan else ()
    while True:
        with open_storage(f"sqlite:///{folder}/studies.db", "s", f"me {n_done}") as storage:
            trials = TrialBook(storage.optuna_study(["maximize"]))
            storage.release(lambda owner: True)  # those of the sessions before are gone
            asker = Enumerated(drafts[:1] if stages else drafts, trials)
            book = RunBook(storage, StudyFolder(folder / "s"), lambda spec: "w")
            table = RunTable(POLICY, book, asker, trials)
            for known in asker.known:
                table.add(known)
            growth = Growth(
                table,
                cast(TaskSpecs, FakeFactory()),
                cast(Health, FakeHealth()),
                RULES,
                FollowUpLimits(**{"depth": 1, "n": 4, **limits}),
                drafts,
                stages,
            )
            running: list[RunKey] = []
            while True:
                growth.grow(running)
                wanted = [key for key in table.wanted_screening().runs if key not in running]
                if len(running) < n_slots and wanted:
                    table.claim(wanted[0])
                    running.append(wanted[0])
                elif len(running) < n_slots and table.ask():
                    continue
                elif running:
                    key = running.pop(rng.randrange(len(running)))
                    trial = table.trials[key[0]]
                    value = VALUES.get(trial.name, 0.65)
                    table.settle(trial, RunResult(*key, "COMPLETE", metrics={"val/auc": value}))
                    n_done += 1
                    if n_done in stops:
                        break
                else:
                    return [(t.number, t.name, t.parent, t.rule) for t in table.trials.values()]


FOLLOWED = [
    (0, "baseline", None, ""),
    (1, "a", None, ""),
    (2, "b", None, ""),
    (3, "c", None, ""),
    (4, "a+steadier", 1, "steadier"),
    (5, "a+longer", 1, "longer"),
    (6, "c+steadier", 3, "steadier"),
]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), n_slots=st.integers(1, 4), stops=st.sets(st.integers(1, 13), max_size=3))
def test_an_interrupted_study_follows_up_as_an_undisturbed_one(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_slots: int, stops: set[int]
) -> None:
    """Whatever run is the first to end, and whenever the study is stopped."""
    folder = tmp_path_factory.mktemp("s")
    assert grown(folder, seed, n_slots=n_slots, stops=stops) == FOLLOWED


def test_follow_ups_end_at_their_number_and_their_depth(tmp_path: Path) -> None:
    for name in ("one", "deep"):
        (tmp_path / name).mkdir()
    assert grown(tmp_path / "one", 0, n_slots=2, n=1) == FOLLOWED[:5]
    deeper = grown(tmp_path / "deep", 0, n_slots=2, depth=2)
    assert deeper == [*FOLLOWED, (7, "a+longer+steadier", 5, "steadier")]


STAGED = StudyPlan(
    name="p",
    stages={
        "first": {"trials": ["a"], "then": [{"when": "best >= 0.7", "go": "stop"}, {"go": "mended"}]},
        "mended": {"adjust": {"change": {"trainer.epochs": 9}}, "then": [{"go": "last"}]},
        "last": {"trials": ["b", "c"]},
    },
)


@pytest.mark.parametrize("stops", [(), (1,), (3, 5), (7, 9)])
def test_a_stage_begins_when_the_one_before_is_over_follow_ups_included(
    tmp_path: Path, stops: tuple[int, ...]
) -> None:
    """`a` has 0.5 and is followed up; the best of them, 0.65, is below 0.7, so that the plan goes on."""
    assert grown(tmp_path, 3, n_slots=2, stops=stops, plan=STAGED) == [
        (0, "baseline", None, ""),
        (1, "a", None, ""),
        (2, "a+steadier", 1, "steadier"),
        (3, "a+longer", 1, "longer"),
        (4, "a+steadier+mended", 2, "mended"),
        (5, "b", None, ""),
        (6, "c", None, ""),
        (7, "c+steadier", 6, "steadier"),
    ]


def test_a_trial_has_its_say_when_its_runs_have_ended() -> None:
    trial = plain_trial(3)
    done, lost = RunResult(3, 0, "COMPLETE"), RunResult(3, 1, "FAILED")
    assert runs_with_a_say(trial, {}, POLICY, ()) is None
    assert runs_with_a_say(trial, {(3, 0): done}, POLICY, ()) is None
    assert runs_with_a_say(trial, {(3, 0): done, (3, 1): done}, POLICY, ()) == [(3, 0), (3, 1)]
    assert runs_with_a_say(trial, {(3, 1): lost}, POLICY, [(3, 0)]) is None  # still under way
    assert runs_with_a_say(trial, {(3, 1): lost}, POLICY, ()) == [(3, 1)]  # a lost trial gets no other seeds


def test_those_after_a_trial_without_its_say_wait() -> None:
    trials = [plain_trial(number) for number in (1, 2, 3)]
    found = {1: [alarm("steadier"), alarm("steadier", 1)], 2: None, 3: [alarm("longer")]}
    by_number = {trial.number: trial for trial in trials}
    asked = asked_follow_ups(trials, lambda trial: found[trial.number], 1, by_number)
    assert [(trial.number, rule) for trial, rule in asked] == [(1, "steadier")]
