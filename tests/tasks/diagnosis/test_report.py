"""What a report shows: figures by hand, curves that end where they must, and pictures that can be drawn."""

import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.special import expit
from sklearn.metrics import average_precision_score

from sweeper.reports.curves import all_curves
from sweeper.task.reporting import Arm, Comparison, Plot, Table
from sweeper_tasks.diagnosis.report import gaps, report_parts, spreads
from sweeper_tasks.diagnosis.report_plots import precisions, probabilities
from tests.contracts.test_task_contract import seeded
from tests.tasks.diagnosis.tiny import BINARY, THREE, tiny_config, tiny_prepared, tiny_task

STEP = torch.tensor(0)


def comparison(folder: Path, classes: tuple[str, ...], *, with_best: bool = True) -> Comparison:
    """Untrained models of two seeds a side."""
    prepared = tiny_prepared(folder, classes)
    task = tiny_task(prepared)
    arms = []
    for name, seeds in (("baseline", (0, 1)), ("best", (2, 3))):
        found = [task.evaluate(seeded(task, seed), "test", task.coefficients(), STEP) for seed in seeds]
        metrics = {k: {f"test/{name}": v for name, v in e.metrics.items()} for k, e in enumerate(found)}
        arms.append(Arm(name, metrics, {k: e.records for k, e in enumerate(found)}))
    return Comparison(arms[0], arms[1] if with_best else None, "seeds 0, 1", tiny_config(), prepared)


@pytest.mark.parametrize("classes", [BINARY, THREE], ids=["two classes", "three"])
@pytest.mark.parametrize("with_best", [True, False])
def test_tables_and_pictures_are_made_without_a_warning(
    tmp_path: Path, classes: tuple[str, ...], with_best: bool
) -> None:
    compared = comparison(tmp_path, classes, with_best=with_best)
    parts = report_parts(compared)
    tables = [part for part in parts if isinstance(part, Table)]
    plots = [part for part in parts if isinstance(part, Plot)]
    assert [plot.name for plot in plots] == ["reliability", "precision-recall"]
    assert all(len(row) == len(table.head) for table in tables for row in table.rows)
    for plot in plots:
        figure = Figure(figsize=plot.size)
        plot.draw(figure)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            FigureCanvasAgg(figure).print_figure(io.BytesIO(), format="png")
        n_curves = 2 if plot.name == "reliability" else 1
        legend = figure.axes[0].get_legend()
        assert legend is not None
        assert len(legend.get_texts()) == n_curves * len(compared.arms)


def test_the_table_shows_the_trivial_predictor_both_arms_and_their_difference(tmp_path: Path) -> None:
    compared = comparison(tmp_path, BINARY)
    table = report_parts(compared)[0]
    assert isinstance(table, Table)
    assert table.head == ["on test", "trivial", "baseline", "best", "difference"]
    rows = {row[0]: row[1:] for row in table.rows}
    ours, theirs = (
        arm.per_seed("test/auprc") for arm in (compared.best or compared.baseline, compared.baseline)
    )
    difference = np.mean([ours[seed] - theirs[seed] for seed in (0, 1)])
    assert rows["AUPRC"][3].startswith(f"{difference:+.4f} ± ")
    assert compared.prepared is not None
    assert rows["AUPRC"][0] == f"{compared.prepared.facts['trivial']['test']['auprc']:.4f}"
    assert rows["temperature, fitted on validation"][0] == "-"


def test_without_records_or_data_there_are_still_tables(tmp_path: Path) -> None:
    whole = comparison(tmp_path, BINARY)
    bare = Comparison(Arm("baseline", whole.baseline.metrics, {}), None, "seed 0", whole.config, None)
    parts = report_parts(bare)
    assert [type(part) for part in parts] == [Table, Table]
    table = parts[1]
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == ["-", "-"]


def test_gap_and_spread_by_hand() -> None:
    """0.9 - 0.6. The last five are 1, 1, 1, 1, 2, mean 1.2: variance (4 x 0.04 + 0.64) / 5 = 0.16."""
    metrics = {0: {"train/auprc": 0.9, "val/auprc": 0.6}, 1: {"val/auprc": 0.5}}
    curves = {0: {"val/auprc": [9.0, 1.0, 1.0, 1.0, 1.0, 2.0]}, 1: {"val/auprc": [0.5]}}
    arm = Arm("a", metrics, {}, curves)
    assert gaps(arm) == pytest.approx([0.3])
    assert spreads(arm) == pytest.approx([0.4])


def test_precision_at_each_recall_by_hand_and_its_area() -> None:
    """Ill patients rank 1 and 3 of 4: precision 1 up to recall 1/2, then 2/3; the area is 5/6."""
    is_positive, scores = np.array([[1.0], [0.0], [1.0], [0.0]]), np.array([[4.0], [3.0], [2.0], [1.0]])
    found = precisions(is_positive, scores)
    assert found[:50] == pytest.approx(np.ones(50))
    assert found[50:] == pytest.approx(np.full(50, 2 / 3))
    assert found.mean() == pytest.approx(average_precision_score(is_positive[:, 0], scores[:, 0]))


def test_calibrated_probabilities_are_the_softmax_of_cooler_logits() -> None:
    """Two classes with a logit of z: at temperature T the probability is sigmoid(z / T)."""
    z = np.array([2.0, -1.0])
    records = {0: {"score": np.stack([-z, z], axis=1), "label": np.array([1, 0])}}
    arm = Arm("a", {0: {"test/temperature": 4.0}}, records)
    before, after = probabilities(arm, calibrated=False), probabilities(arm, calibrated=True)
    assert before is not None
    assert after is not None
    assert before[1] == pytest.approx(expit(z))
    assert after[1] == pytest.approx(expit(z / 4))
    assert after[0].tolist() == [1, 0]
    assert probabilities(Arm("a", {0: {}}, records), calibrated=True) is None


def test_the_spread_is_read_from_what_a_run_wrote_while_it_trained(tmp_path: Path) -> None:
    """Two evaluations of both splits, 0.4 and 0.6 on validation: deviation 0.1."""
    rows = [
        {"epoch": 1, "split": split, "global_step": step, "auprc": value, "lr": 0.1}
        for step, value in ((10, 0.4), (20, 0.6))
        for split in ("train", "val")
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    curves = all_curves(tmp_path / "metrics.jsonl")
    assert curves["val/auprc"] == [0.4, 0.6]
    assert spreads(Arm("a", {0: {}}, {}, {0: curves})) == pytest.approx([0.1])
