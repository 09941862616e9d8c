"""From runs on disk to a judgement."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeper.findings import Comparison, Look, PairBudget
from sweeper.layout import StudyFolder
from sweeper.results import Judgement, Objective, Policy, RunResult, StudyResult, TrialResult
from sweeper.verdict.judging import best_of, judge
from tests.sweeper.factories import AUC, CONFIRM_SEEDS, LOSS, SEEDS, run_result, study_result, trial_spec

NO_BASELINE = "The baseline did not finish on every seed, so that there is nothing to compare"


def policy(result: StudyResult) -> Policy:
    return Policy(result.seeds, result.confirm_seeds, result.objectives, None, 0.5, 3)


def with_run(result: StudyResult, number: int, run: RunResult) -> StudyResult:
    trials = [
        replace(trial, runs={**trial.runs, run.seed: run}) if trial.spec.number == number else trial
        for trial in result.trials
    ]
    return replace(result, trials=tuple(trials))


def test_the_candidate_to_confirm_is_best_on_validation(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    complete = [
        trial for trial in result.candidates if trial.mean(result.seeds, f"val/{AUC.metric}") is not None
    ]
    best = max(complete, key=lambda trial: trial.mean(result.seeds, f"val/{AUC.metric}") or 0)
    assert best_of(result.trials, policy(result)) == best.spec.number == 3
    assert best_of(result.trials, replace(policy(result), objectives=(AUC, LOSS))) is None
    lower = replace(policy(result), objectives=(Objective(AUC.metric, "minimize"),))
    assert best_of(result.trials, lower) == 1


def test_without_a_complete_baseline_nothing_is_confirmed(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    trials = [replace(t, state="FAILED") if t.spec.role == "baseline" else t for t in result.trials]
    assert best_of(trials, policy(result)) is None


def test_a_baseline_that_failed_is_no_reference(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    trials = tuple(
        replace(t, state="FAILED", reason="seed 0: loss is nan") if t.spec.role == "baseline" else t
        for t in result.trials
    )
    judged = judge(replace(result, trials=trials))
    assert judged == Judgement(verdict="no result", sentence=f"{NO_BASELINE} with: seed 0: loss is nan.")


def test_a_reason_that_ends_in_a_full_stop_does_not_get_another(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    failed = replace(result.trials[0], state="FAILED", reason="loss is nan. Try again.")
    judged = judge(replace(result, trials=(failed, *result.trials[1:])))
    assert judged.sentence == f"{NO_BASELINE} with: loss is nan. Try again."


def test_a_baseline_that_is_not_over_is_no_reference_either(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    running = replace(result.trials[0], state="RUNNING", reason=None)
    judged = judge(replace(result, trials=(running, *result.trials[1:])))
    assert (judged.verdict, judged.sentence) == ("no result", f"{NO_BASELINE} with.")


def moved(result: StudyResult, number: int, by: dict[int, float]) -> StudyResult:
    """The study with test values of trial `number` that are larger by so much, by seed."""
    for seed, more in by.items():
        run = result.trials[number].runs[seed]
        key = f"test/{AUC.metric}"
        result = with_run(result, number, replace(run, metrics={**run.metrics, key: run.metrics[key] + more}))
    return result


@pytest.mark.parametrize(
    ("shift", "verdict", "numbers"),
    [
        (0.0, "better than", "+0.00300, 95 % interval +0.00243 to +0.00357, p < 0.001"),
        (-0.0028, "not distinguishable from", "+0.00020, 95 % interval -0.00037 to +0.00077, p = 0.38"),
        (-0.006, "worse than", "-0.00300, 95 % interval -0.00357 to -0.00243, p < 0.001"),
    ],
)
def test_the_verdict_is_where_the_interval_of_the_confirmation_lies(
    shift: float, verdict: str, numbers: str
) -> None:
    """Trial 3 gains 0.003 on each seed, moved by -0.0005, 0, 0.0005 on the confirmation seeds and by `shift`.

    On the screening seeds nothing varies: squares of 2 * 0.0005**2 over 4 degrees of freedom, of a mean of 3
    0.00035355**2 / 3 = 0.00020412**2. Student's t with 4 degrees is below 2.7764 in 97.5 %: +-0.00056673.
    """
    steps = dict(zip(CONFIRM_SEEDS, (-0.0005, 0.0, 0.0005), strict=True))
    judged = judge(moved(study_result(), 3, {seed: shift + step for seed, step in steps.items()}))
    assert (judged.best, judged.verdict) == (3, verdict.removesuffix(" than").removesuffix(" from"))
    assert judged.sentence == (
        f"lambda=0.2 is {verdict} the baseline: ctcvr_auc improvement {numbers} "
        "(test split, 3 confirmation seeds)."
    )


def test_without_confirmation_seeds_nothing_is_said_to_be_tested(tmp_path: Path) -> None:
    judged = judge(replace(study_result(StudyFolder(tmp_path)), confirm_seeds=()))
    assert (judged.verdict, judged.confirmation) == ("not confirmed", None)
    assert (
        judged.sentence
        == "lambda=0.2 is the best candidate on validation; not confirmed: study.confirm_seeds=0."
    )


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("state", [None, "INTERRUPTED"])
def test_a_confirmation_is_judged_when_all_its_runs_have_ended(
    tmp_path: Path, number: int, state: str | None
) -> None:
    """Seed 1002 of the baseline, or of the best, is missing or interrupted; two pairs are complete."""
    result = study_result(StudyFolder(tmp_path))
    runs = dict(result.trials[number].runs)
    last = runs.pop(result.confirm_seeds[-1])
    if state is not None:
        runs[last.seed] = replace(last, state=state)  # type: ignore[arg-type]
    trials = [replace(t, runs=runs) if t.spec.number == number else t for t in result.trials]
    judged = judge(replace(result, trials=tuple(trials)))
    assert (judged.verdict, judged.confirmation, judged.best) == ("not confirmed", None, 3)
    assert (
        judged.sentence
        == "lambda=0.2 is the best candidate on validation; not confirmed: the confirmation is not complete."
    )


def test_confidence_and_the_smallest_effect_that_matters_are_the_study_s() -> None:
    """As above at 80 %: 1.5332 * 0.00020412 = 0.00031296.

    With 4 and 5 seeds the smallest effect that can be shown is (1.476 + 0.920) * 0.00035355 / 2 = 0.00042
    and (1.440 + 0.906) * 0.00035355 / 5**0.5 = 0.00037.
    """
    steps = dict(zip(CONFIRM_SEEDS, (-0.0033, -0.0028, -0.0023), strict=True))
    result = replace(moved(study_result(), 3, steps), confidence=0.8, min_effect=0.0004)
    judged = judge(result)
    assert judged.sentence == (
        "lambda=0.2 is not distinguishable from the baseline: ctcvr_auc improvement +0.00020, 80 % interval "
        "-0.00011 to +0.00051, p = 0.38 (test split, 3 confirmation seeds); to show an effect of 0.0004 in "
        "4 of 5 studies takes 5 confirmation seeds."
    )
    assert judged.confirmation is not None
    assert judged.confirmation.seeds_needed_for_min_effect == 5


def test_a_candidate_that_failed_in_the_confirmation_is_not_confirmed_on_what_is_left(tmp_path: Path) -> None:
    """On seeds 1000 and 1001 it gains 0.003, which would be better without a doubt."""
    result = study_result(StudyFolder(tmp_path))
    judged = judge(with_run(result, 3, RunResult(3, result.confirm_seeds[-1], "FAILED", "loss is nan.")))
    assert judged.confirmation is not None
    assert sorted(judged.confirmation.best_per_seed) == [1000, 1001]
    assert sorted(judged.confirmation.baseline_per_seed) == [1000, 1001, 1002]
    assert (judged.verdict, judged.confirmation.ci_low, judged.look) == ("not confirmed", None, None)
    assert judged.confirmation.best_failed == (1002,)
    assert judged.sentence == (
        "lambda=0.2 is the best candidate on validation; not confirmed: candidate failed on 1 of 3 seeds "
        "(1002: loss is nan); ctcvr_auc improvement +0.003 on the 2 seeds that both completed."
    )
    assert any("study.retry=failed" in note for note in judged.notes)


def test_a_candidate_that_failed_on_every_confirmation_seed_is_told_with_how_many(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    for seed in result.confirm_seeds:
        result = with_run(result, 3, RunResult(3, seed, "FAILED", "loss is nan"))
    judged = judge(result)
    assert (judged.verdict, judged.confirmation) == ("not confirmed", None)
    assert "not confirmed: candidate failed on 3 of 3 seeds (1000: loss is nan)." in judged.sentence


def test_a_run_without_a_value_of_the_objective_on_test_counts_as_one_that_failed(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    metrics = {"val/ctcvr_auc": 0.7, "test/ctcvr_auc": float("nan")}
    judged = judge(with_run(result, 3, RunResult(3, 1001, "COMPLETE", metrics=metrics)))
    assert judged.verdict == "not confirmed"
    assert "candidate failed on 1 of 3 seeds (1001: no finite value on test)" in judged.sentence


@pytest.mark.parametrize("others", [(), (1001, 1002)])
def test_a_baseline_that_failed_in_the_confirmation_is_the_end_whatever_else_is_known(
    tmp_path: Path, others: tuple[int, ...]
) -> None:
    """One slot has stopped with the baseline's first seed, six had all of them under way."""
    result = study_result(StudyFolder(tmp_path))
    trials = [
        replace(t, runs={s: r for s, r in t.runs.items() if s in (*SEEDS, *others)}) for t in result.trials
    ]
    lost = RunResult(0, 1000, "FAILED", "loss is nan")
    judged = judge(with_run(replace(result, trials=tuple(trials)), 0, lost))
    assert judged.verdict == "not confirmed"
    assert "baseline failed on 1 of 3 seeds (1000: loss is nan)" in judged.sentence


def test_a_study_in_which_every_run_failed_says_so_with_the_first_reason() -> None:
    result = study_result()
    trials = [
        TrialResult(
            t.spec, "FAILED", "seed 0: no GPU.", {0: RunResult(t.spec.number, 0, "FAILED", "no GPU.")}
        )
        for t in result.trials
    ]
    judged = judge(replace(result, trials=tuple(trials)))
    assert judged.verdict == "no result"
    assert judged.sentence == "Every run has failed (4 of 4), the first of baseline: seed 0: no GPU."


def test_where_all_candidates_failed_the_first_reason_is_told() -> None:
    result = study_result()
    lost = [
        TrialResult(t.spec, "FAILED", "seed 0: loss is nan", {0: RunResult(t.spec.number, 0, "FAILED", "x")})
        for t in result.candidates
    ]
    judged = judge(replace(result, trials=(result.baseline, *lost)))
    assert judged.verdict == "no result"
    assert (
        "3 of 3 candidates failed, lambda=0.05 first: seed 0: loss is nan. With study.retry"
        in judged.sentence
    )


def width(judged: Judgement) -> float:
    """Of the interval of trial 1."""
    (one,) = judged.comparisons[1]
    assert one is not None
    assert one.ci_low is not None
    assert one.ci_high is not None
    return one.ci_high - one.ci_low


@pytest.mark.parametrize("state", ["PRUNED", "FAILED"])
def test_a_trial_that_was_given_up_makes_the_others_no_surer(tmp_path: Path, state: str) -> None:
    result = study_result(StudyFolder(tmp_path))
    lost = TrialResult(trial_spec(4, 0.4), state, "why", {})  # type: ignore[arg-type]
    noisy = with_run(result, 1, replace(result.trials[1].runs[0], metrics={f"test/{AUC.metric}": 0.7}))
    before, after = judge(noisy), judge(replace(noisy, trials=(*noisy.trials, lost)))
    assert width(before) < width(after)
    assert after.confirmation == before.confirmation


def grown(judged: Judgement) -> list[str]:
    return [note for note in judged.notes if "This study has grown" in note]


def test_a_second_confirmed_winner_is_said_to_weaken_the_verdict(tmp_path: Path) -> None:
    result = study_result(StudyFolder(tmp_path))
    assert grown(judge(result)) == []
    best = judge(result).best
    other = next(trial for trial in result.candidates if trial.spec.number != best)
    seed = result.confirm_seeds[0]
    run = RunResult(other.spec.number, seed, "COMPLETE", metrics={f"test/{AUC.metric}": 0.7})
    (note,) = grown(judge(with_run(result, other.spec.number, run)))
    assert "judged 2 times on the same test split (2 winners)" in note
    assert "no longer holds" in note


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seeds": (0, 1)}, "2 sets of screening seeds"),
        ({"confirm_seeds": (1000, 1001)}, "2 sets of confirmation seeds"),
        ({"confirm_seeds": (5, 6, 7)}, "2 sets of confirmation seeds"),
        ({"best": "another"}, "2 winners"),
        ({"baseline": "another"}, "2 baselines"),
        ({"seeds": (0,), "confirm_seeds": (9,)}, "2 sets of confirmation seeds, 2 sets of screening seeds"),
    ],
)
def test_an_earlier_look_is_said_to_weaken_the_verdict_whatever_grew(
    changes: dict[str, object], what: str
) -> None:
    result = study_result()
    look = judge(result).look
    assert look is not None
    assert grown(judge(replace(result, looks=(look,)))) == []
    earlier = look.model_copy(update=changes)
    (note,) = grown(judge(replace(result, looks=(earlier, look))))
    assert f"judged 2 times on the same test split ({what})" in note


def test_a_trial_that_equals_the_winner_is_no_second_look() -> None:
    result = study_result()
    best = result.trials[3]
    again = replace(best, spec=best.spec.model_copy(update={"number": 4, "name": "again"}))
    assert grown(judge(replace(result, trials=(*result.trials, again)))) == []


def test_runs_on_seeds_of_an_earlier_command_have_no_part_in_the_error(tmp_path: Path) -> None:
    """Seed 7 is neither a screening nor a confirmation seed of this command."""
    folder = StudyFolder(tmp_path)
    result = study_result(folder)
    more = result
    for number in (0, 3):
        more = with_run(more, number, run_result(folder, result.trials[number].spec, 7))
    of_all = np.random.default_rng(99).normal(size=400)
    for seed in more.trials[3].runs:
        influence = of_all + np.random.default_rng(100 + seed).normal(size=400)
        np.savez(folder.run(result.trials[3].spec, seed).records, influence_ctcvr_auc=influence)
    before = judge(result).confirmation
    assert before is not None
    assert before.se_examples
    assert before.se_examples > 0
    assert judge(more).confirmation == before


def test_influence_values_are_those_of_the_objective_or_none(tmp_path: Path) -> None:
    """The runs have values of ctcvr_auc, which say nothing of the error of bce."""
    result = study_result(StudyFolder(tmp_path))
    of_auc = judge(result).confirmation
    seed, bce = CONFIRM_SEEDS[0], f"test/{LOSS.metric}"  # one that differs, so that there is an interval
    run = result.trials[3].runs[seed]
    noisy = with_run(result, 3, replace(run, metrics={**run.metrics, bce: run.metrics[bce] + 0.01}))
    judged = judge(replace(noisy, objectives=(LOSS,)))
    assert of_auc is not None
    assert judged.confirmation is not None
    assert of_auc.se_examples is not None
    assert judged.confirmation.se_examples is None
    assert "seed noise only" in judged.notes[0]


def test_a_run_whose_folder_was_removed_is_named(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    result = study_result(folder)
    whole = judge(result).notes
    folder.run(result.trials[3].spec, SEEDS[0]).records.unlink()
    (note,) = set(judge(result).notes) - set(whole)
    said = f"missing for 1 run ({result.trials[3].spec.name} seed {SEEDS[0]}): what the intervals hold"
    assert said in note


def without_noise(result: StudyResult) -> StudyResult:
    """The study with one confirmation seed and a winner that gains 0.25 on every seed."""
    at, others = f"test/{AUC.metric}", result.trials[0].runs
    by = {s: others[s].metrics[at] + 0.25 - run.metrics[at] for s, run in result.trials[3].runs.items()}
    return replace(moved(result, 3, by), confirm_seeds=CONFIRM_SEEDS[:1])


def test_values_that_differ_in_the_screening_are_no_sign_of_a_seed_that_is_lost() -> None:
    judged = judge(without_noise(study_result()))
    assert judged.confirmation is not None
    assert judged.confirmation.p_value is None
    assert judged.notes == ("Every seed gave the same difference, to the last digit, hence no interval.",)


def test_of_a_candidate_that_equals_the_baseline_no_note_speaks_of_an_interval() -> None:
    result = study_result()
    equal = [replace(trial, runs=result.trials[0].runs) for trial in result.candidates]
    judged = judge(replace(result, trials=(result.trials[0], *equal)))
    assert judged.verdict == "nothing was compared"
    assert not any("interval" in note for note in judged.notes)


def test_each_candidate_is_compared_in_each_objective(tmp_path: Path) -> None:
    """The loss is 0.5 - auc / 10: trial 3 gains 0.003 in the one and 0.0003 in the other."""
    judged = judge(replace(study_result(StudyFolder(tmp_path)), objectives=(AUC, LOSS)))
    assert (judged.verdict, judged.front, sorted(judged.comparisons)) == ("front", [3], [1, 2, 3])
    assert judged.sentence == "1 of 4 trials are not dominated in ctcvr_auc and bce: lambda=0.2."
    gained = [(one.difference, one.improvement) for one in judged.comparisons[3] if one is not None]
    assert gained == [pytest.approx((0.003, 0.003)), pytest.approx((-0.0003, 0.0003))]
    assert judged.notes == ("The intervals of bce hold seed noise only: there are no influence values.",)


def test_where_no_trial_has_every_objective_there_is_no_front() -> None:
    judged = judge(replace(study_result(), objectives=(AUC, Objective("elsewhere", "maximize"))))
    assert (judged.verdict, judged.front) == ("no result", [])
    assert judged.sentence == "0 of 0 trials are not dominated in ctcvr_auc and elsewhere: none."


def test_a_front_without_a_complete_baseline_compares_nothing(tmp_path: Path) -> None:
    result = replace(study_result(StudyFolder(tmp_path)), objectives=(AUC, LOSS))
    failed = replace(result.trials[0], state="FAILED", reason="loss is nan")
    assert judge(replace(result, trials=(failed, *result.trials[1:]))).comparisons == {}


def spreading(result: StudyResult, number: int, *gains: float) -> StudyResult:
    """The study in which `number` gains so much more on test, on each screening seed."""
    return moved(result, number, dict(zip(result.seeds, gains, strict=True)))


def row(judged: Judgement, number: int) -> Comparison:
    (found,) = judged.comparisons[number]
    assert found is not None
    return found


def test_the_seed_that_picked_a_contender_is_left_out_of_its_row() -> None:
    """Trial 2 was picked by a lucky first seed: 0.002, and 0.5 more there; trial 1 had that seed only."""
    result = spreading(study_result(), 2, 0.5, 0.0005, -0.0005)
    only_first = replace(result.trials[1], runs={0: result.trials[1].runs[0]})
    result = replace(result, trials=(result.trials[0], only_first, *result.trials[2:]), replicate_top_k=2)
    judged = judge(result)
    assert row(judged, 2).difference == pytest.approx(0.002)
    assert row(judged, 2).ci_low is not None
    assert row(judged, 1).difference == pytest.approx(0.001)
    assert row(judged, 1).ci_low is None
    enumerated = judge(replace(result, replicate_top_k=None))
    assert row(enumerated, 2).difference == pytest.approx(0.002 + 0.5 / 3)


def test_adaptive_rows_are_corrected_over_the_rows_shown_and_with_wilcoxon_over_all() -> None:
    """Trials pruned on the seed that picks do not count; those given up later do; wilcoxon sees all."""
    result = spreading(study_result(), 2, 0.0, 0.0005, -0.0005)
    result = replace(result, replicate_top_k=2)

    def with_lost(*seeds: int) -> StudyResult:
        runs = {seed: RunResult(4, seed, "PRUNED", "why") for seed in seeds}
        return replace(
            result, trials=(*result.trials, TrialResult(trial_spec(4, 0.4), "PRUNED", "why", runs))
        )

    def size(given: StudyResult) -> float:
        found = row(judge(given), 2)
        assert found.ci_low is not None
        assert found.ci_high is not None
        return found.ci_high - found.ci_low

    assert size(with_lost(0)) == pytest.approx(size(result))
    assert size(with_lost(0, 1)) > 1.01 * size(result)
    side_by_side = replace(with_lost(0), is_seed_major=True)
    assert row(judge(side_by_side), 2).difference == pytest.approx(row(judge(result), 2).difference)
    assert size(side_by_side) > size(replace(result, is_seed_major=True))


@pytest.mark.parametrize(("top_k", "df"), [(None, 4), (5, 4), (1, 3)])
def test_one_contender_alone_was_picked_by_its_first_seed_which_then_tells_nothing_of_its_spread(
    top_k: int | None, df: int
) -> None:
    steps = dict(zip(CONFIRM_SEEDS, (-0.0005, 0.0, 0.0005), strict=True))
    result = spreading(moved(study_result(), 3, steps), 3, 0.01, 0.0, 0.0)
    found = judge(replace(result, replicate_top_k=top_k)).confirmation
    assert found is not None
    assert found.df == df
    assert found.se_seeds is not None
    assert (found.se_seeds < 0.001) is (top_k == 1)


def open_pairs(result: StudyResult, n: int, **changes: object) -> StudyResult:
    """The study with a budget of `n` pairs for its winner, of which those count that its runs are on."""
    budget = PairBudget(
        best=result.trials[3].spec.fingerprint,
        baseline=result.baseline.spec.fingerprint,
        seeds=SEEDS,
        pairs=tuple(range(1000, 1000 + n)),
        is_sequential=bool(changes.pop("is_sequential", True)),
    )
    return replace(result, budgets=(budget,), pair_budget=0, **changes)  # type: ignore[arg-type]


def test_pairs_that_decide_are_told_with_a_repeated_interval_and_how_many_they_were() -> None:
    """Each seed's difference is 0.003, to the last digits: any look decides."""
    result = moved(study_result(), 3, {seed: 0.0002 * (seed % 2) for seed in (*SEEDS, *CONFIRM_SEEDS)})
    judged = judge(open_pairs(result, 3, confirm_seeds=CONFIRM_SEEDS[:2]))
    assert judged.verdict == "better"
    assert "repeated 95 % interval" in judged.sentence
    assert "(test split, 2 of at most 3 confirmation seeds)" in judged.sentence
    assert judged.pairs is not None
    assert (judged.pairs.ended, judged.pairs.budget, len(judged.pairs.looks)) == ("decided", 3, 1)
    assert judged.pairs.because == "decided after 2 pairs of at most 3"
    assert judged.confirmation is not None
    assert judged.confirmation.ci_low == pytest.approx(judged.pairs.looks[-1].ci_low)
    assert judged.notes == judge(replace(result, budgets=(), pair_budget=None)).notes


def test_a_fixed_number_of_pairs_is_judged_as_without_budgets() -> None:
    result = study_result()
    assert judge(open_pairs(result, 3, is_sequential=False)) == judge(result)


def test_a_later_winner_has_a_wider_interval_and_says_why() -> None:
    """An earlier one was judged: of the error 0.05 the second claim has 0.2 x 6 / pi**2, 0.6 %."""
    first = PairBudget(
        best="other",
        baseline=study_result().baseline.spec.fingerprint,
        seeds=SEEDS,
        pairs=CONFIRM_SEEDS,
        is_sequential=False,
    )
    look = Look(best="other", baseline=first.baseline, seeds=SEEDS, confirm_seeds=CONFIRM_SEEDS)
    noise = {seed: 0.0002 * (seed % 2) for seed in (*SEEDS, *CONFIRM_SEEDS)}
    alone = open_pairs(moved(study_result(), 3, noise), 3, is_sequential=False)
    result = replace(alone, budgets=(first, *alone.budgets), pair_budget=1, looks=(look,))
    judged = judge(result)
    unmoved = judge(replace(result, trials=without_noise(result).trials))
    assert grown(unmoved) == ["This study has grown: it has been judged 2 times on the same test split."]
    ours, theirs = judged.confirmation, judge(alone).confirmation
    assert ours is not None
    assert theirs is not None
    assert (ours.ci_high or 0.0) - ours.improvement > 1.5 * ((theirs.ci_high or 0.0) - theirs.improvement)
    assert "99.39 % interval" in judged.sentence
    assert any("it has been judged 2 times" in note for note in judged.notes)
    assert not grown(judge(alone))


def test_a_raised_budget_by_which_the_same_pairs_are_judged_is_no_further_verdict() -> None:
    noise = {seed: 0.0002 * (seed % 2) for seed in (*SEEDS, *CONFIRM_SEEDS)}
    result = open_pairs(moved(study_result(), 3, noise), 3, confirm_seeds=CONFIRM_SEEDS[:2])
    (first,) = result.budgets
    raised = first.model_copy(update={"pairs": tuple(range(1000, 1006))})
    look = judge(result).look
    assert look is not None
    judged = judge(replace(result, budgets=(first, raised), pair_budget=1, looks=(look,)))
    assert judged.pairs is not None
    assert (judged.pairs.budget, judged.pairs.n_judged, judged.look) == (6, 1, look)
    assert not grown(judged)


def test_another_screening_seed_makes_no_new_verdict_of_the_same_pairs() -> None:
    before = open_pairs(study_result(), 3, is_sequential=False)
    noisier = with_run(with_run(before, 0, extra(0, 0.0)), 3, extra(3, 0.5))
    assert judge(replace(noisier, seeds=(*SEEDS, 3))).confirmation == judge(before).confirmation


def extra(number: int, by: float) -> RunResult:
    run = run_result(None, trial_spec(number), 3)
    return replace(run, metrics={key: value + by for key, value in run.metrics.items()})
