import json
import sys

import numpy as np
import pytest

from benchmarks import verdicts
from benchmarks.one_float import rates_of
from benchmarks.verdicts import Setting, judge


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_study_without_an_effect_ends_with_better_once_in_twenty_at_most(
    n_seeds: int, correlation: float
) -> None:
    rates = judge(Setting(n_seeds, correlation), n_studies=200)
    assert rates["ours"] <= 0.05 < rates["bootstrap"]


@pytest.mark.parametrize(
    "name", ["one candidate twice as noisy", "baseline twice as noisy", "candidates alike (0.9)"]
)
def test_unequal_arms_do_not_make_it_worse(name: str) -> None:
    assert judge(verdicts.hard_settings()[name], n_studies=200)["ours"] <= 0.05


@pytest.mark.parametrize(
    "name", ["5 seeds, correlation 0.0", "5 seeds, correlation 0.9", "5 seeds, seed noise only"]
)
def test_five_seeds_see_an_effect_of_three_and_a_half_standard_errors(name: str) -> None:
    assert judge(verdicts.power_settings()[name], n_studies=200)["ours"] >= 0.8


def test_an_unstable_candidate_hides_an_effect_from_the_pooled_test_only() -> None:
    rates = judge(verdicts.power_settings()["one other candidate unstable (10 x)"], n_studies=200)
    assert rates["ours"] > 2 * rates["pooled"]


def test_the_split_that_chose_calls_nothing_better_far_oftener_than_a_test_split() -> None:
    rates = rates_of(20, 1.0, 100, np.random.default_rng(0))
    assert rates["validation"] > 0.2 > rates["validation_examples"] > 0.05 >= rates["test_examples"]


def test_the_benchmark_ends_with_one_json_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["verdicts.py", "--studies", "2"])
    verdicts.main()
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"false_better_rate", "power"} <= last.keys()
