"""What the simulation of confirmation pairs finds, on few studies."""

import json
import sys

import numpy as np
import pytest

from benchmarks import sequential
from benchmarks.sequential import GROWN, fixed_pairs, grown, race, spent, study
from benchmarks.verdicts import Setting


@pytest.mark.parametrize(
    ("effect", "pairs", "better"), [(0.0, (7.5, 11.0), (0.0, 0.05)), (2.0, (9.5, 12.5), (0.8, 0.97))]
)
def test_pairs_and_power_are_those_of_the_design(
    effect: float, pairs: tuple[float, float], better: tuple[float, float]
) -> None:
    """At most 20 pairs; the design expects 8.5 at no effect, 10.5 at 2 standard errors with .89 better."""
    n, share = spent(20, effect, 150)
    assert pairs[0] <= n <= pairs[1]
    assert better[0] <= share <= better[1]


def test_a_large_effect_takes_few_pairs() -> None:
    n, share = spent(20, 5.0, 60)
    assert n < 6
    assert share == 1.0


def test_a_fixed_number_has_the_power_that_it_is_asked_for() -> None:
    """(1.96 + 0.84)**2 x 5 / 2**2 = 9.8 pairs at 2 standard errors, and a little for Student's tails."""
    assert 9.8 < fixed_pairs(2.0, 0.8, 0.05) < 12.0


def test_studies_that_grow_are_seldom_wrong() -> None:
    for steps in GROWN.values():
        assert grown(steps, 150) < 0.08


def test_a_race_saves_runs_and_loses_little() -> None:
    regret, runs = race(5, 20, 2.0, 60)
    assert runs < 0.65
    assert abs(regret) < 0.2
    assert race(2, 6, 1.0, 5) == (0.0, 1.0)


def test_validation_follows_the_seed_noise_on_test_as_the_setting_says() -> None:
    arms = study(Setting(n_seeds=4000, correlation=0.9, split_variance=0.0), 2, np.random.default_rng(1))
    pairs = [(arm.screening[seed], arm.test[seed]) for arm in arms for seed in arm.screening]
    assert np.corrcoef(np.array(pairs).T)[0, 1] == pytest.approx(0.9, abs=0.01)


def test_the_benchmark_ends_with_one_json_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sequential.py", "--studies", "60"])
    monkeypatch.setattr(sequential, "EFFECTS", (0.0, 1.0, 2.0))
    sequential.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"pairs_ratio", "false_better_grown", "race_regret", "race_runs_ratio"} <= result.keys()


def test_a_handful_of_studies_makes_a_table_too() -> None:
    """Of 20, none may err and all may be right: neither has a number of pairs that would do the same."""
    found = sequential.pairs_table(10, 20)
    assert 0 < found["pairs_ratio"] < 2  # type: ignore[operator]
