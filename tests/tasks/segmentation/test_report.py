"""What a report shows of face parsing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from sweeper.task.prepared import Prepared
from sweeper.task.reporting import Arm, Comparison, Plot, Table
from sweeper_tasks.segmentation.overlays import (
    GAINED,
    LOST,
    WRONG,
    differing,
    most_changed,
    overlays,
    painted,
)
from sweeper_tasks.segmentation.report import report_parts
from tests.tasks.segmentation.tiny import CLASSES, LARGE, SMALL, tiny_config, tiny_prepared, tiny_task

SEEDS = (0, 1)


def arm(name: str, **f: tuple[float, float]) -> Arm:
    """`f_<part>` on test by seed."""
    return Arm(name, {s: {f"test/f_{part}": values[s] for part, values in f.items()} for s in SEEDS}, {})


def prepared(**pixels: int) -> Prepared:
    """Data with so many pixels of a class in training."""
    counts = [pixels.get(name, 0) for name in CLASSES]
    return Prepared(Path("nowhere"), "sha256:abc", 1, real=False, facts={"pixels": counts})


def compared(best: Arm | None, data: Prepared | None = None) -> Comparison:
    baseline = arm("baseline", large=(0.5, 0.7), skin=(0.5, 0.7), small=(0.2, 0.2), nose=(0.1, 0.3))
    return Comparison(baseline, best, "screening seeds 0, 1", tiny_config(), data)


BEST = arm("focal", large=(0.6, 0.8), skin=(0.6, 0.8), small=(0.3, 0.5), nose=(0.3, 0.5))


def tables(comparison: Comparison) -> list[Table]:
    return [part for part in report_parts(comparison) if isinstance(part, Table)]


def drawn(comparison: Comparison) -> Figure:
    (plot,) = (part for part in report_parts(comparison) if isinstance(part, Plot))
    figure = Figure(figsize=plot.size)
    plot.draw(figure)
    return figure


def test_tables_by_hand() -> None:
    """Two seeds a and b have the mean (a + b) / 2 and the standard deviation |a - b| / sqrt(2).

    skin: 0.5, 0.7 -> 0.6 ± 0.1414; differences 0.1, 0.1. nose: 0.1, 0.3 against 0.3, 0.5: 0.2, 0.2. Small
    parts: 0.2, 0.2 against 0.3, 0.5: 0.1, 0.3 -> 0.2 ± 0.1414. 90 of 100 pixels are skin.
    """
    large, small = tables(compared(BEST, prepared(skin=90, nose=10)))
    assert large.head == ["part", "of training pixels", "baseline", "best: focal", "difference"]
    assert large.rows == [
        ["all large parts", "90.00%", "0.6000 ± 0.1414", "0.7000 ± 0.1414", "+0.1000 ± 0.0000"],
        ["skin", "90.00%", "0.6000 ± 0.1414", "0.7000 ± 0.1414", "+0.1000 ± 0.0000"],
    ]
    assert small.rows == [
        ["all small parts", "10.00%", "0.2000 ± 0.0000", "0.4000 ± 0.1414", "+0.2000 ± 0.1414"],
        ["nose", "10.00%", "0.2000 ± 0.1414", "0.4000 ± 0.1414", "+0.2000 ± 0.0000"],
    ]


def test_without_a_best_and_without_data_the_baseline_stands_alone() -> None:
    large, _ = tables(compared(None))
    assert large.head == ["part", "of training pixels", "baseline"]
    assert large.rows[1] == ["skin", "-", "0.6000 ± 0.1414"]


def test_every_class_is_in_one_group_and_parts_are_ordered_by_their_pixels() -> None:
    every: dict[str, Any] = dict.fromkeys(CLASSES, (0.5, 0.5))
    full = arm("baseline", large=(0.5, 0.5), small=(0.5, 0.5), **every)
    pixels = {name: n for n, name in enumerate(CLASSES)}  # the later, the larger
    comparison = Comparison(full, None, "seeds", tiny_config(), prepared(**pixels))
    named = [[row[0] for row in table.rows[1:]] for table in tables(comparison)]
    assert named == [[CLASSES[c] for c in reversed(group)] for group in (LARGE, SMALL)]


def test_bars_are_the_means_of_baseline_and_best_with_the_spread_over_seeds() -> None:
    """Of both panels, the group's mean first: large, skin; small, nose."""
    figure = drawn(compared(BEST, prepared(skin=90, nose=10)))
    bars = [[bar for bar in axes.patches if isinstance(bar, Rectangle)] for axes in figure.axes]
    widths = [[bar.get_width() for bar in panel] for panel in bars]
    assert widths == [pytest.approx([0.6, 0.6, 0.7, 0.7]), pytest.approx([0.2, 0.2, 0.4, 0.4])]
    labels = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure.axes]
    assert labels == [["all large parts", "skin"], ["all small parts", "nose"]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["baseline", "focal"]
    (lines,) = (found for found in figure.axes[0].collections[:1] if isinstance(found, LineCollection))
    skin = lines.get_segments()[1]
    assert [x for x, _ in skin] == pytest.approx([0.6 - 0.1414, 0.6 + 0.1414], abs=1e-4)


def test_one_seed_has_no_spread() -> None:
    one = Arm("baseline", {0: {"test/f_large": 0.5, "test/f_small": 0.25}}, {})
    comparison = Comparison(one, None, "screening seed 0", tiny_config(), None)
    assert [table.rows for table in tables(comparison)] == [
        [["all large parts", "-", "0.5000"]],
        [["all small parts", "-", "0.2500"]],
    ]
    assert len(drawn(comparison).axes) == 2


def test_what_evaluation_measures_is_what_the_tables_show(tmp_path: Path) -> None:
    """Real names of metrics, of real data: a part a row, but for those that no test image has."""
    import torch

    data = tiny_prepared(tmp_path)
    task = tiny_task(data)
    metrics = task.evaluate(task.build_model(), "test", task.coefficients(), torch.tensor(0)).metrics
    named = {f"test/{name}": number for name, number in metrics.items()}
    rows = {
        row[0]: row[2]
        for table in tables(Comparison(Arm("baseline", {0: named}, {}), None, "seed 0", tiny_config(), data))
        for row in table.rows
    }
    parts = {name: f"{metrics[f'f_{name}']:.4f}" for name in CLASSES if f"f_{name}" in metrics}
    groups = {f"all {name} parts": f"{metrics[f'f_{name}']:.4f}" for name in ("large", "small")}
    assert rows == parts | groups


def masked(name: str, read: Any, f_score: Any) -> Arm:
    """An arm whose runs have seen these masks, with these F-scores of the images."""
    records: dict[int, dict[str, NDArray[Any]]] = {
        seed: {"read": np.asarray(read, np.uint8), "f_score": np.asarray(f_score, np.float32)}
        for seed in SEEDS
    }
    return Arm(name, {seed: {} for seed in SEEDS}, records)


def changed(tmp_path: Path) -> Comparison:
    """Three images of 2 x 2 pixels, all of part 1: the first gains, the second loses, the third stays."""
    images = np.full((3, 3, 2, 2), 100, np.uint8)
    truth = np.ones((3, 2, 2), np.uint8)
    np.save(tmp_path / "test_images.npy", images)
    np.save(tmp_path / "test_masks.npy", truth)
    base, best = truth.copy(), truth.copy()
    base[0, 0, 0], best[1, 0, 0] = 2, 2
    base[1, 1, 1], best[1, 1, 1] = 2, 3
    data = Prepared(tmp_path, "sha256:abc", 1, real=False, facts={"pixels": [1] * len(CLASSES)})
    arms = (masked("baseline", base, [0.5, 0.9, 0.7]), masked("focal", best, [0.75, 0.6, 0.7]))
    return Comparison(*arms, "screening seeds 0, 1", tiny_config(), data)


def test_the_images_shown_are_those_of_the_largest_gain_and_loss(tmp_path: Path) -> None:
    shots = most_changed(changed(tmp_path), 3)
    assert [shot.difference for shot in shots] == pytest.approx([0.25, -0.3])
    gain, loss = map(differing, shots)
    assert tuple(gain[0, 0]) == GAINED
    assert tuple(loss[0, 0]) == LOST
    assert tuple(loss[1, 1]) == WRONG
    assert tuple(loss[0, 1]) not in (GAINED, LOST, WRONG)


def test_the_picture_of_images_shows_data_and_is_named_so(tmp_path: Path) -> None:
    plot = overlays(changed(tmp_path))
    assert plot is not None
    assert plot.name == "examples-changed"
    figure = Figure(figsize=plot.size)
    plot.draw(figure)
    assert len(figure.axes) == 10


def test_without_masks_images_or_a_candidate_there_is_no_such_picture(tmp_path: Path) -> None:
    found = changed(tmp_path)
    assert overlays(replace(found, best=None)) is None
    assert overlays(replace(found, prepared=None)) is None
    assert overlays(replace(found, baseline=arm("baseline"))) is None


def test_pixels_that_do_not_count_keep_the_image_s_color() -> None:
    image = np.full((1, 2, 3), 0.25)
    seen = painted(image, np.array([[255, 1]], np.uint8))
    assert tuple(seen[0, 0]) == (0.25, 0.25, 0.25)
    assert tuple(seen[0, 1]) != (0.25, 0.25, 0.25)
