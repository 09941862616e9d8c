"""`summary.json`: the bytes that are written, the model that is read, and files of other versions."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sweeper.errors import UserError
from sweeper.findings import BestRun, Comparison, Ensemble, EnsembleMember
from sweeper.layout import StudyFolder
from sweeper.reports.summary import read_summary, summary_of, write_summary
from sweeper.reports.summary_model import (
    BaselineEntry,
    BestEntry,
    Summary,
    TrialEntry,
    Trivial,
    as_json,
    from_json,
)
from sweeper.results import Judgement, Objective, RunResult, StudyResult, Totals, TrialResult
from tests.sweeper.factories import AUC, LOSS, front_judgement, judgement, study_result, trial_spec, value

GOLDEN = Path(__file__).parents[2] / "golden" / "summaries"
WORSE = "median: 0.7012 at step 120, the median of 4 trials is 0.7341"
TOTALS = Totals(
    trials=7,
    runs=21,
    jobs=22,
    train_s=69.0,
    steps_trained=10800,
    devices=("cpu",),
    states={"COMPLETE": 18, "FAILED": 1, "INTERRUPTED": 1, "PRUNED": 1},
    incidents=1,
    wall_s=74.2,
    steps_saved=480,
    runs_planned=24,
    stopped_because="SIGINT",
)
ENSEMBLE = Ensemble(
    k=2,
    members=tuple(EnsembleMember(trial=3, name="lambda=0.2", seed=s, val=value(3, s)) for s in (2, 1)),
    val=0.75,
    test=0.76,
    best_run=BestRun(trial=3, name="lambda=0.2", seed=2, val=value(3, 2), test=value(3, 2)),
    difference=0.0168,
    improvement=0.0168,
    ci_low=0.001,
    ci_high=0.0326,
    p_value=0.04,
    metrics={"val/ctcvr_auc": 0.75, "test/ctcvr_auc": 0.76},
    device="cpu",
    seconds=1.5,
    sentence="The average of 2 runs is better.",
)


def eventful(*objectives: Objective) -> StudyResult:
    """A stopped study with a failed, a pruned and an unfinished trial, an incident, criteria, known data."""
    result = study_result(objectives=objectives, with_failure=True)
    first = result.trials[1]
    incidents = ("attempt 1: worker killed by SIGKILL at step 40",)
    met = replace(first.runs[0], incidents=incidents, attempt=2, device="gpu 3", steps_inherited=20)
    pruned = RunResult(5, 0, "PRUNED", WORSE, steps_trained=120, seconds=1.0, device="cpu")
    half = RunResult(6, 0, "INTERRUPTED", "at step 40", steps_trained=40, seconds=0.4567)
    trials = (
        result.trials[0],
        replace(first, runs={**first.runs, 0: met}),
        *result.trials[2:],
        TrialResult(trial_spec(5, 0.5), "PRUNED", f"seed 0: {WORSE}", {0: pruned}),
        TrialResult(trial_spec(6, 0.6), "RUNNING", None, {0: half}),
    )
    known = {"trivial_predictor": "one score for all", "trivial": {"train": {}, "test": {"ctcvr_auc": 0.5}}}
    criteria = ["ctcvr_auc > 0.742", "val/bce / test/bce < 1.5", "recal > 0.95"]
    return replace(
        result,
        trials=trials,
        totals=TOTALS,
        data={**result.data, **known},
        config={"trainer": {"success": criteria}},
    )


def nothing_found() -> Summary:
    said = Judgement(verdict="no result", sentence="No candidate finished.")
    return summary_of(study_result(lambdas=(), totals=TOTALS), said)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    found = StudyFolder.of(tmp_path, "s")
    found.path.mkdir()
    return found


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("one_objective", summary_of(eventful(AUC), judgement(ensemble=ENSEMBLE))),
        ("two_objectives", summary_of(eventful(AUC, LOSS), front_judgement())),
        ("no_candidate", nothing_found()),
    ],
)
def test_the_file_keeps_its_bytes(folder: StudyFolder, name: str, summary: Summary) -> None:
    """The golden files were written before there was a model."""
    write_summary(folder, summary)
    assert folder.summary.read_text() == (GOLDEN / f"{name}.json").read_text()
    assert read_summary(folder) == summary


def test_in_the_model_everything_of_an_objective_is_a_list() -> None:
    for objectives, said in (((AUC,), judgement()), ((AUC, LOSS), front_judgement())):
        summary = summary_of(eventful(*objectives), said)
        assert summary.objectives == objectives
        assert len(summary.baseline.value) == len(summary.best[0].test) == len(objectives)
        assert len(summary.trials[3].comparisons) == len(summary.trials[3].per_seed[0]) == len(objectives)
        assert not summary.trials[4].value
        assert not summary.trials[4].comparisons
        assert summary.trivial is not None
        assert len(summary.trivial.test) == len(objectives)


NUMBERS = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False)
TEXTS = st.text(max_size=5)


def values(n: int) -> st.SearchStrategy[Any]:
    return st.just(()) | st.tuples(*[NUMBERS] * n)


def entries(n: int, *, has_comparisons: bool = True, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of a baseline, best or trial; of several objectives one may have no comparison."""
    known = st.builds(
        Comparison,
        difference=NUMBERS,
        improvement=NUMBERS,
        **dict.fromkeys(("ci_low", "ci_high", "p_adjusted"), st.none() | NUMBERS),
    )
    compared = st.tuples(*[known if n == 1 else known | st.none()] * n)
    return st.fixed_dictionaries(
        {
            "trial": st.integers(0, 99),
            "name": TEXTS,
            "params": st.dictionaries(TEXTS, NUMBERS | TEXTS | st.lists(NUMBERS, max_size=2), max_size=2),
            **dict.fromkeys(("value", "test", "train"), values(n)),
            "per_seed": st.dictionaries(st.integers(0, 9999), st.tuples(*[NUMBERS] * n), max_size=3),
            **({"comparisons": st.just(()) | compared} if has_comparisons else {}),
            **more,
        }
    )


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """The golden summaries with other values, for one to three objectives."""
    n = draw(st.integers(1, 3))
    best = entries(n, has_comparisons=n > 1, overrides=st.tuples(TEXTS))
    states = st.sampled_from(["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED", "INTERRUPTED"])
    trial = entries(
        n, role=st.sampled_from(["baseline", "candidate"]), state=states, reason=st.none() | TEXTS
    )
    figures = st.tuples(*[st.none() | NUMBERS] * n)
    trivial = st.builds(Trivial, predictor=TEXTS, test=st.tuples(*[NUMBERS] * n), margin=figures)
    base = summary_of(eventful(AUC), judgement(ensemble=ENSEMBLE))
    return base.model_copy(
        update={
            "metric": tuple(f"metric {i}" for i in range(n)),
            "direction": draw(st.tuples(*[st.sampled_from(["maximize", "minimize"])] * n)),
            "baseline": BaselineEntry(**draw(entries(n, has_comparisons=False))),
            "best": tuple(BestEntry(**one) for one in draw(st.lists(best, max_size=1 if n == 1 else 3))),
            "trials": tuple(TrialEntry(**one) for one in draw(st.lists(trial, max_size=3))),
            "trivial": draw(st.none() | trivial),
            "state": draw(st.sampled_from(["finished", "interrupted"])),
            "confirmation": draw(st.sampled_from([base.confirmation, None])),
            "ensemble": draw(st.sampled_from([ENSEMBLE, None])),
        }
    )


@given(summaries())
def test_what_is_written_reads_back_as_it_was(summary: Summary) -> None:
    document = json.loads(json.dumps(as_json(summary)))
    assert from_json(document) == summary
    assert json.dumps(as_json(from_json(document))) == json.dumps(as_json(summary))


def test_a_file_of_the_first_version_gets_what_it_lacks() -> None:
    """It has neither `state` nor counts by state, no criteria, no runs, and perhaps no `schema_version`."""
    document = as_json(summary_of(study_result(), judgement()))
    for key in ("schema_version", "state", "stopped_because", "warnings", "ensemble"):
        del document[key]
    document["totals"] = {"trials": 4, "runs": 18, "steps_trained": 10800}
    for entry in (document["baseline"], document["best"], *document["trials"]):
        for key in ("train", "success", "runs", "max_steps", "pruned_at"):
            entry.pop(key, None)
    summary = from_json(document)
    assert (summary.schema_version, summary.state, summary.ensemble) == (1, "finished", None)
    assert (summary.totals.states, summary.totals.steps_saved) == ({"COMPLETE": 18}, 0)
    assert (summary.trials[1].runs, summary.trials[1].success, summary.baseline.train) == ((), (), ())
    document["trials"][1]["state"] = "WAITING"
    assert from_json(document).state == "interrupted"


def test_keys_that_are_not_known_are_left_out_and_those_of_the_provenance_kept() -> None:
    document = as_json(summary_of(study_result(), judgement()))
    document["baseline"]["mood"] = document["mood"] = "good"
    document["provenance"]["host"] = "elsewhere"
    again = as_json(from_json(document))
    assert "mood" not in {*again, *again["baseline"]}
    assert again["provenance"]["host"] == "elsewhere"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "got schema_version 2; expected 1.*later version.*update this one"),
        ({"schema_version": "x"}, r"is damaged \(schema_version: "),
        ({"baseline": None}, r"is damaged \(baseline: "),
        ({"trials": 7}, r"is damaged \(trials: "),
        ({"trials": [{"trial": 0}]}, r"is damaged \(it has no 'trials\.0\.name'\)"),
        ({"metric": {}}, r"is damaged \(metric\.0: "),
    ],
)
def test_what_cannot_be_read_is_the_user_s_to_know(
    folder: StudyFolder, change: dict[str, Any], said: str
) -> None:
    document = as_json(summary_of(study_result(), judgement()))
    folder.summary.write_text(json.dumps(document | change))
    with pytest.raises(UserError, match=said):
        read_summary(folder)
