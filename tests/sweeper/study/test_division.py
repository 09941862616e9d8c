"""How the differences between a winner and the baseline are told apart: on a real task, without training."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.results import RunResult
from sweeper.study.division import Division, division, most_trials, with_control, words_of
from sweeper.study.plan import Plan
from sweeper.trial import TrialSpec
from tests.sweeper.small_esmm import small_plan

OTHERS = "optimizer.lr=0.01,optimizer.weight_decay=0.1"
FOCAL = "aux_focal=ctcvr,aux_focal.gamma=2,aux_focal.warmup_steps=4"


@cache
def planned(folder: Path, own: str, *overrides: str) -> Plan:
    lines = ",".join(f"'{line}'" for line in own.split(","))
    return small_plan(folder, f"study.trials={{a: [{lines}]}}", *overrides)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("division")


def ends(found: Plan) -> tuple[TrialSpec, TrialSpec]:
    baseline, winner = found.drafts
    return baseline, winner.model_copy(update={"number": 1})


def divided(found: Plan) -> Division:
    return division(found.sweep, found.factory, *ends(found))


def test_each_combination_has_the_winner_s_values_of_its_groups_alone(folder: Path) -> None:
    found = divided(planned(folder, f"{FOCAL},{OTHERS}"))
    assert [group.name for group in found.groups] == ["aux_focal", "lr", "weight_decay"]
    assert found.drafts is not None
    rates = {row: _lr(draft) for row, draft in found.drafts.items()}
    assert len(rates) == 6
    assert all(rate == (0.01 if row[1] else 0.001) for row, rate in rates.items())
    only_focal: Any = found.drafts[True, False, False].config["aux_focal"]
    assert (only_focal["enabled"], only_focal["gamma"]) == (True, 2.0)
    without: Any = found.drafts[False, True, True].config["aux_focal"]
    assert without["enabled"] is False
    assert len({draft.fingerprint for draft in found.drafts.values()}) == 6


def test_one_group_of_keys_is_nothing_to_divide(folder: Path) -> None:
    found = divided(planned(folder, FOCAL))
    assert [group.name for group in found.groups] == ["aux_focal"]
    assert not found.all_drafts


def test_a_key_that_changes_nothing_is_left_out_and_named(folder: Path) -> None:
    found = divided(planned(folder, f"{FOCAL},optimizer.lr=0.01,trainer.patience=999"))
    assert [group.name for group in found.groups] == ["aux_focal", "lr, patience"]
    idle = divided(planned(folder, f"aux_focal.enabled=false,aux_focal.gamma=2,{OTHERS}"))
    assert [group.name for group in idle.groups] == ["lr", "weight_decay"]
    assert idle.notes == ("changes nothing, and is left out: aux_focal",)


def test_the_control_has_the_winner_s_gradients_where_their_size_acts(folder: Path) -> None:
    found = planned(folder, f"{FOCAL},optimizer.lr=0.01", "optimizer=sgd")
    baseline, winner = ends(found)
    runs = {
        (number, seed): RunResult(number, seed, "COMPLETE", metrics={"train/grad_norm": norm})
        for number, norm in ((0, 2.0), (1, 3.0))
        for seed in (0, 1)
    }
    numbered = baseline.model_copy(update={"number": 0}), winner
    control = with_control(divided(found), found.factory, *numbered, runs)
    assert control.scale == 1.5
    assert control.control is not None
    trainer: Any = control.control.config["trainer"]
    assert trainer["loss_scale"] == 1.5
    assert control.control.fingerprint != baseline.fingerprint
    unmeasured = with_control(divided(found), found.factory, *numbered, {})
    assert unmeasured.control is None
    assert "did not measure" in unmeasured.notes[-1]
    adam = planned(folder, f"{FOCAL},optimizer.lr=0.01")
    assert with_control(divided(adam), adam.factory, *ends(adam), runs).control is None


def test_a_dry_run_counts_the_most_that_any_candidate_can_need(folder: Path) -> None:
    found = planned(folder, f"{FOCAL},{OTHERS}")
    assert most_trials(found.sweep, found.factory, found.drafts) == 6
    assert most_trials(found.sweep, found.factory, found.drafts[:1]) == 0


def test_the_words_that_both_have_stay(folder: Path) -> None:
    words = words_of(
        planned(folder, FOCAL).factory,
        ["optimizer.lr=0.1", "trainer.epochs=3"],
        ["optimizer.lr=0.1", "+seed=3", "a.b=1"],
    )
    assert words.common == ("optimizer.lr=0.1",)
    assert words.keys == ["a.b", "trainer.epochs"]
    assert words.mixed(["a.b"]) == ("optimizer.lr=0.1", "trainer.epochs=3", "a.b=1")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["study.attribution=true", "study.confirm_seeds=0"],
            "got true with 0 confirmation seeds",
        ),
        (["study.attribution_groups=[[optimizer.lr],[optimizer.lr]]"], "'optimizer.lr' more than once"),
        (["study.attribution_groups=[[optimizer.rl]]"], "did you mean 'optimizer.lr'"),
        (["study.attribution=true", "study.metrics=[ctcvr_auc,bce:min]"], "2 objectives"),
    ],
)
def test_what_cannot_be_attributed_is_said_before_anything_trains(
    folder: Path, overrides: list[str], said: str
) -> None:
    with pytest.raises(UserError, match=said.replace("[", r"\[")):
        planned(folder, f"{FOCAL},optimizer.lr=0.01", *overrides)


def _lr(draft: TrialSpec) -> float:
    optimizer: Any = draft.config["optimizer"]
    return float(optimizer["lr"])
