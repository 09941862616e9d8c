"""Each committed study's interval follows from its committed files."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.records import read_influence
from sweeper.selection import Arm, confirm

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
STUDIES = sorted(path.name for path in PUBLISHED.iterdir())
FIGURES = ("difference", "ci_low", "ci_high", "p_value", "se_seeds", "se_examples", "df")


def arm(folder: Path, facts: dict[str, Any], trial: int) -> Arm:
    """A trial as its rows of `trials.csv` and its records tell it."""
    metric = facts["metric"]
    with (folder / "trials.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if int(row["trial"]) == trial]
    test = {int(row["seed"]): float(row[f"metrics.test/{metric}"]) for row in rows}
    paths = {
        int(path.stem.removeprefix("seed")): path for path in folder.glob(f"records/{trial:04d}-*/*.npz")
    }
    influence = {seed: read_influence(path, metric) for seed, path in paths.items()}
    return Arm(
        trial,
        "",
        test={seed: test[seed] for seed in facts["seeds"]},
        confirmation={seed: test[seed] for seed in facts["confirm_seeds"]},
        influence={seed: values for seed, values in influence.items() if values is not None},
    )


@pytest.mark.parametrize("study", STUDIES)
def test_the_confirmation_can_be_recomputed(study: str) -> None:
    folder = PUBLISHED / study
    facts = json.loads((folder / "summary.json").read_text())
    best, baseline = (arm(folder, facts, facts[key]["trial"]) for key in ("best", "baseline"))
    got = confirm(best, baseline, direction=facts["direction"], confidence=0.95)
    assert got is not None
    assert got.se_examples is not None
    for figure in FIGURES:
        assert getattr(got, figure) == pytest.approx(facts["confirmation"][figure], rel=1e-6), figure


def test_there_are_published_studies() -> None:
    """Else the test above would pass for want of any."""
    assert STUDIES
