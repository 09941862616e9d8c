"""The arithmetic and the command line of the scripts that compare with DataLoaders."""

import pytest
import torch

from benchmarks.throughput import OURS, arguments_of, best_peer, figures


def test_the_best_peer_is_the_one_that_ours_gains_least_against_within_a_round() -> None:
    """Ratios 3 and 2 by round for the first, 1.5 and 2.5 for the second: medians 2.5 and 2."""
    blocks = {OURS: [10.0, 20.0], "0 workers": [30.0, 40.0], "2 workers": [15.0, 50.0]}
    assert best_peer(blocks) == "2 workers"


def test_speeds_are_of_the_median_round_and_the_ratio_is_to_the_best_peer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """64 reviews in 20 ms are 3200 a second, in 40 ms 1600: twice as fast; the slow peer is told of only."""
    blocks = {OURS: [20.0, 20.0, 90.0], "quick": [40.0, 40.0, 40.0], "slow": [80.0, 80.0, 900.0]}
    found = figures("sentiment", "samples", 64, blocks)
    assert found == {
        "throughput_ratio_sentiment": 2.0,
        "samples_per_s_sentiment": 3200.0,
        "samples_per_s_sentiment_peer": 1600.0,
    }
    assert "ours is 4.00 x as fast" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--rounds", "0"], "--rounds: got 0; expected a whole number >= 1"),
        (["--workers", "0", "-1"], "--workers: got -1; expected a whole number >= 0"),
        (["--cores", "some"], "--cores: got some; expected a whole number >= 1"),
        (["--device", "cuda"], "expected an NVIDIA GPU, and there is none. Use --device cpu."),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    words: list[str], fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        arguments_of("", ["sentiment"], words)
    assert fault in capsys.readouterr().err
