"""Guards by hand: what an interval says of a bound, and what the verdict says of a winner then."""

from dataclasses import replace

import pytest

from sweeper.criteria import guard_state, parse_guard
from sweeper.findings import Confirmation, GuardResult, Pairs
from sweeper.results import StudyResult
from sweeper.verdict.guarding import guard_notes, guard_results, in_sentence, with_costs
from sweeper.verdict.judging import judge
from sweeper.verdict.selection import sentence
from tests.sweeper.factories import AUC, CONFIRM_SEEDS, SEEDS, study_result


@pytest.mark.parametrize(
    ("text", "low", "high", "state"),
    [
        ("m >= -0.002", -0.002, 0.1, "held"),
        ("m >= -0.002", -0.003, -0.002, "unproven"),
        ("m >= -0.002", -0.003, -0.0021, "broken"),
        ("m <= 0.01", -1.0, 0.01, "held"),
        ("m <= 0.01", 0.009, 0.02, "unproven"),
        ("m <= 0.01", 0.011, 0.02, "broken"),
        ("m >= 0", 0.0, 0.0, "held"),
        ("m >= 0", None, None, "unknown"),
    ],
)
def test_a_guard_is_held_by_the_whole_interval_or_broken_by_it(
    text: str, low: float | None, high: float | None, state: str
) -> None:
    assert guard_state(parse_guard(text), low, high) == state


def test_a_guard_is_read_whatever_its_spaces() -> None:
    guard = parse_guard("  ctr_auc>=  -2e-3 ")
    assert (guard.metric, guard.op, guard.bound) == ("ctr_auc", ">=", -0.002)
    assert guard.text == "ctr_auc>= -2e-3"


@pytest.mark.parametrize(
    "text", ["ctr_auc", "ctr_auc > 0", "ctr_auc == 0", "test/m >= 0", "m >= x", "0 <= m <= 1", ""]
)
def test_what_is_no_guard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected '<metric> >= <number>' or .* as in 'ctr_auc >= -0\.002'"):
        parse_guard(text)


def guard(metric: str, state: str, difference: float | None = -0.004) -> GuardResult:
    low, high = (None, None) if difference is None else (difference - 0.001, difference + 0.001)
    facts = {"difference": difference, "ci_low": low, "ci_high": high, "state": state}
    return GuardResult.model_validate({"guard": f"{metric} >= -0.002", "metric": metric, **facts})


@pytest.mark.parametrize(
    ("word", "states", "said"),
    [
        ("better", ("held", "held"), "better"),
        ("better", ("unproven", "unknown"), "better"),
        ("better", ("broken", "unproven"), "better, but costs m0"),
        ("better", ("broken", "broken"), "better, but costs m0 and m1"),
        ("worse", ("broken", "broken"), "worse"),
        ("equivalent", ("broken", "held"), "equivalent"),
        ("not distinguishable", ("broken", "held"), "not distinguishable"),
    ],
)
def test_guards_decide_on_a_winner_only(word: str, states: tuple[str, ...], said: str) -> None:
    assert with_costs(word, [guard(f"m{i}", state) for i, state in enumerate(states)]) == said


def test_the_sentence_tells_what_is_broken_and_what_is_open() -> None:
    of_each = [guard("a", "unproven", -0.0025), guard("b", "broken"), guard("c", "held", 0.0)]
    assert in_sentence([*of_each, guard("d", "unknown", None)], 0.95) == (
        "; b difference -0.0040, 95 % interval -0.0050 to -0.0030, breaks b >= -0.002, so that there is no "
        "champion; a >= -0.002 is unproven: a difference -0.0025, 95 % interval -0.0035 to -0.0015"
        "; d >= -0.002 is unproven: no figures of d to compare"
    )
    assert in_sentence([guard("c", "held", 0.0)], 0.95) == ""


def test_the_interval_of_a_guard_is_called_as_that_of_the_winner_after_several_verdicts() -> None:
    found = Confirmation(
        baseline_per_seed={1: 0.1, 2: 0.1},
        best_per_seed={1: 0.2, 2: 0.2},
        difference=0.1,
        improvement=0.1,
        ci_low=0.05,
        ci_high=0.15,
        p_value=0.001,
    )
    pairs = Pairs(budget=2, confidence=0.99391, is_sequential=False, n_judged=2)
    guards = [guard("a", "unproven", -0.0025)]
    said = sentence(found, best="A", metric="auc", confidence=0.95, guards=guards, pairs=pairs)
    assert said.count("99.39 % interval") == 2
    assert "95 %" not in said


def test_a_metric_that_was_not_found_is_unknown_and_seed_noise_is_noted() -> None:
    found = Confirmation(baseline_per_seed={}, best_per_seed={}, difference=0.0, improvement=0.0)
    (one,) = guard_results([parse_guard("m >= 0")], {})
    assert (one.state, one.difference) == ("unknown", None)
    assert "of m rests on seed noise only" in guard_notes({"m": found, "n": None})[0]
    assert guard_notes({"m": found.model_copy(update={"se_examples": 0.1})}) == ()


def costing(*drops: float) -> StudyResult:
    """Trial 3 gains 0.003 of auc, and 0.0005 more or less, and loses so much of `ctr_auc` by seed."""
    result = study_result()
    steps = dict(zip((*SEEDS, *CONFIRM_SEEDS), (0.0, 0.0, 0.0, -0.0005, 0.0, 0.0005), strict=True))
    lost = dict(zip((*SEEDS, *CONFIRM_SEEDS), (0.0, 0.0, 0.0, *drops), strict=True))
    trials = list(result.trials)
    for number in (0, 3):
        runs = {}
        for seed, run in trials[number].runs.items():
            more = steps[seed] if number == 3 else 0.0
            metrics = {**run.metrics, f"test/{AUC.metric}": run.metrics[f"test/{AUC.metric}"] + more}
            metrics["test/ctr_auc"] = 0.7 - (lost[seed] if number == 3 else 0.0)
            runs[seed] = replace(run, metrics=metrics)
        trials[number] = replace(trials[number], runs=runs)
    return replace(result, trials=tuple(trials), guards=("ctr_auc >= -0.002",))


@pytest.mark.parametrize(
    ("drop", "verdict", "state", "champions"),
    [
        (0.004, "better, but costs ctr_auc", "broken", ()),
        (0.002, "better", "unproven", (3,)),
        (0.001, "better", "held", (3,)),
    ],
)
def test_a_winner_is_held_to_its_guards_by_the_interval_of_the_verdict(
    drop: float, verdict: str, state: str, champions: tuple[int, ...]
) -> None:
    """Drops of `drop` and 0.0005 more or less: a half-width of 0.00056673, as that of the objective."""
    judged = judge(costing(drop - 0.0005, drop, drop + 0.0005))
    (one,) = judged.guards
    assert (judged.verdict, one.state, judged.champions, judged.best) == (verdict, state, champions, 3)
    assert judged.look is not None
    assert one.difference == pytest.approx(-drop)
    assert (one.ci_low, one.ci_high) == pytest.approx((-drop - 0.00056673, -drop + 0.00056673), abs=1e-8)


def test_the_sentence_on_a_winner_that_costs_something() -> None:
    assert judge(costing(0.0035, 0.004, 0.0045)).sentence == (
        "lambda=0.2 is better than the baseline, but costs ctr_auc: ctcvr_auc improvement +0.00300, "
        "95 % interval +0.00243 to +0.00357, p < 0.001 (test split, 3 confirmation seeds); "
        "ctr_auc difference -0.00400, 95 % interval -0.00457 to -0.00343, breaks ctr_auc >= -0.002, "
        "so that there is no champion."
    )


def test_guards_wait_for_the_confirmation() -> None:
    result = costing(0.0035, 0.004, 0.0045)
    runs = {seed: run for seed, run in result.trials[3].runs.items() if seed != CONFIRM_SEEDS[0]}
    trials = (*result.trials[:3], replace(result.trials[3], runs=runs))
    judged = judge(replace(result, trials=trials))
    assert (judged.verdict, judged.champions) == ("not confirmed", (3,))
    assert [(one.state, one.difference) for one in judged.guards] == [("unknown", None)]


def test_an_equivalent_winner_was_looked_at() -> None:
    judged = judge(replace(costing(0.0, 0.0, 0.0), min_effect=0.01))
    assert (judged.verdict, judged.look is not None) == ("equivalent", True)
    assert judged.sentence.startswith("lambda=0.2 is equivalent to the baseline: ")
