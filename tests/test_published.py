"""Each committed study's interval follows from its committed files, and the index tells it as it is."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import StudyFolder
from sweeper.records import read_influence
from sweeper.report.summary import read_sentence
from sweeper.verdict.selection import Arm, confirm

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
INDEX = PUBLISHED.parent / "README.md"
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


def facts_of(study: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PUBLISHED / study / "summary.json").read_text())
    return loaded


@pytest.mark.parametrize("study", STUDIES)
def test_the_confirmation_can_be_recomputed(study: str) -> None:
    folder = PUBLISHED / study
    facts = facts_of(study)
    best, baseline = (arm(folder, facts, facts[key]["trial"]) for key in ("best", "baseline"))
    got = confirm(best, baseline, direction=facts["direction"], confidence=0.95)
    assert got is not None
    assert got.se_examples is not None
    for figure in FIGURES:
        assert getattr(got, figure) == pytest.approx(facts["confirmation"][figure], rel=1e-6), figure


def test_there_are_published_studies() -> None:
    """Else the test above would pass for want of any."""
    assert STUDIES


@pytest.mark.parametrize("study", STUDIES)
def test_the_index_has_the_verdict_and_the_figures_of_the_report(study: str) -> None:
    rows = [row for row in INDEX.read_text().splitlines() if row.startswith(f"| [`{study}`]")]
    facts = facts_of(study)
    sentence = read_sentence(StudyFolder(PUBLISHED / study))
    found = re.search(r"improvement (\S+), 95 % interval (\S+) to (\S+),", sentence)
    assert found is not None
    improvement, low, high = found.groups()
    said = (
        f"**{facts['verdict']}**: {facts['best']['name']}, {facts['metric']} {improvement} ({low} to {high})"
    )
    assert [said in row for row in rows] == [True]


@pytest.mark.parametrize("study", [name for name in STUDIES if name.endswith("-a")])
def test_a_study_that_was_repeated_with_other_seeds_agrees_as_the_index_says(study: str) -> None:
    one, other = facts_of(study), facts_of(f"{study.removesuffix('-a')}-b")
    seeds = [{*facts["seeds"], *facts["confirm_seeds"]} for facts in (one, other)]
    intervals = [
        (facts["confirmation"]["ci_low"], facts["confirmation"]["ci_high"]) for facts in (one, other)
    ]
    assert not seeds[0] & seeds[1]
    assert one["verdict"] == other["verdict"]
    assert max(low for low, _ in intervals) <= min(high for _, high in intervals)
    assert "verdicts agree and the intervals overlap" in " ".join(INDEX.read_text().split())
