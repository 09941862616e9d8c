import json
import sys

import numpy as np
import pytest

from benchmarks import attribution
from benchmarks.attribution import ROWS, influence, judge, settings


@pytest.mark.parametrize(
    ("name", "right", "left_out"),
    [("one acts, 5 seeds", 0.88, 0.9), ("two act, 5 seeds", 0.55, 0.3), ("none acts, 3 seeds", 0.88, 1.0)],
)
def test_the_acting_groups_are_named_and_no_other(name: str, right: float, left_out: float) -> None:
    rates = judge(settings()[name], 200, np.random.default_rng(1))
    assert rates["right"] >= right
    assert rates["left_out_right"] <= left_out


def test_influence_values_have_the_variance_that_the_test_values_have() -> None:
    """Of a mean over the split: 0.2 for the split and 0.5 for the seed."""
    drawn = influence(200, np.random.default_rng(2))
    assert drawn.shape == (len(ROWS), 200, attribution.N_EXAMPLES)
    assert (drawn**2).sum(-1).mean() / attribution.N_EXAMPLES**2 == pytest.approx(0.7, rel=0.05)
    assert drawn.mean(-1) == pytest.approx(0.0, abs=1e-12)


def test_the_benchmark_ends_with_one_json_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["attribution.py", "--studies", "4"])
    attribution.main()
    lines = capsys.readouterr().out.splitlines()
    result = json.loads(lines[-1])
    assert {"right_group_rate", "right_pair_rate", "false_group_rate"} <= result.keys()
    assert result["by_setting"].keys() == settings().keys()
    assert "one acts, 5 seeds" in lines[2]
