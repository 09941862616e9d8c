"""Trials in Optuna: numbered in order, extended freely, suggested alike after a resume."""

import warnings
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, cast

import optuna
import pytest

from sweeper.results import TrialResult
from sweeper.search.asking import Adaptive, Enumerated
from sweeper.search.trial_book import TrialBook
from sweeper.storage.remembering import RememberingStorage
from sweeper.storage.storage import Storage
from sweeper.trial import TrialSpec, fingerprint

DIRECTIONS: list[Any] = ["maximize"]


def draft(role: str = "candidate", **params: Any) -> TrialSpec:
    return TrialSpec.model_validate(
        {
            "number": -1,
            "name": str(params or role),
            "role": role,
            "prunable": role == "candidate",
            "params": params,
            "overrides": (),
            "config": {},
            "fingerprint": fingerprint(params, role),
            "max_steps": 1,
        }
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


def book(url: str) -> TrialBook:
    return TrialBook(Storage(url, "s", "o").optuna_study(DIRECTIONS))


def ask_all(asker: Enumerated | Adaptive) -> list[TrialSpec]:
    found = []
    while (trial := asker.ask()) is not None:
        found.append(trial)
    return found


def test_drafts_are_numbered_in_order_and_known_ones_keep_their_numbers(url: str) -> None:
    drafts = [draft("baseline"), draft(gamma=1.0), draft(gamma=2.0)]
    assert [trial.number for trial in ask_all(Enumerated(drafts, book(url)))] == [0, 1, 2]
    more = Enumerated([draft("baseline"), draft(gamma=0.5), draft(gamma=2.0)], book(url))
    assert [trial.number for trial in more.known] == [0, 1, 2]
    (fresh,) = ask_all(more)
    assert (fresh.number, fresh.params) == (3, {"gamma": 0.5})


def test_a_point_that_another_session_has_begun_meanwhile_is_shared(url: str) -> None:
    drafts = [draft("baseline"), draft(gamma=1.0), draft(gamma=2.0)]
    one, other = Enumerated(drafts, book(url)), Enumerated(drafts, book(url))
    assert ask_all(one) == ask_all(other)
    assert [trial.number for trial in book(url).specs()] == [0, 1, 2]


def test_choices_of_any_kind_extend_a_grid(url: str) -> None:
    """Optuna's categorical distributions refuse an added choice; a grid of ours does not."""
    ask_all(Enumerated([draft(head=None), draft(head="a")], book(url)))
    (fresh,) = ask_all(Enumerated([draft(head="a"), draft(head=[1, "b"])], book(url)))
    assert fresh.params == {"head": [1, "b"]}
    assert [trial.params for trial in seen(url)] == [{"head": None}, {"head": "a"}, {}]


def test_optuna_sees_choices_of_words_and_lists(url: str) -> None:
    """Its dashboard plots what it sees as parameters, and nothing else."""
    drafts = [draft(loss=loss, gamma=1.0) for loss in ("focal", [1, "b"], True)]
    ask_all(Enumerated([*drafts, draft(loss=None), draft(gamma=2.0)], book(url)))
    shown = [trial.params for trial in seen(url)]
    assert [found.get("loss", "-") for found in shown] == ["focal", "[1,b]", True, None, "-"]
    assert [found.get("gamma") for found in shown] == [1.0, 1.0, 1.0, None, 2.0]
    ask_all(Enumerated([draft(loss="focal", gamma=3.0), draft(loss=0.5)], book(url)))
    assert [trial.params for trial in seen(url)[5:]] == [{"loss": "focal", "gamma": 3.0}, {}]


def test_optuna_knows_what_its_values_are_called(url: str) -> None:
    for _ in range(2):
        book(url).name_objectives(["ctcvr_auc"])
    assert optuna.load_study(study_name="s", storage=url).metric_names == ["ctcvr_auc"]


def seen(url: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=url).trials


def test_optuna_sees_numbers_with_the_bounds_of_the_grid(url: str) -> None:
    trials = book(url)
    ask_all(Enumerated([draft(gamma=1), draft(gamma=2.5)], trials))
    distribution = trials.distributions()["gamma"]
    assert isinstance(distribution, optuna.distributions.FloatDistribution)
    assert (distribution.low, distribution.high) == (1.0, 2.5)


def suggestions(url: str, n_trials: int) -> list[float]:
    """The learning rates of an adaptive study of so many candidates, as far as they are not known yet."""
    return [float(trial.params["lr"]) for trial in searched(url, n_trials)]  # type: ignore[arg-type]


def searched(url: str, n_trials: int) -> list[TrialSpec]:
    """The candidates of an adaptive study that are not known yet, each told as soon as it is asked for."""
    trials = book(url)
    for known in trials.candidates():
        trials.tell(TrialResult(known, "COMPLETE", None, {}), [float(str(known.params["lr"]))])

    def define(trial: optuna.Trial) -> Mapping[str, Any]:
        return {key: trial.suggest_float(key, 1e-4, 1e-1, log=True) for key in ("lr", "decay")}

    def describe(number: int, params: Mapping[str, Any]) -> TrialSpec:
        return draft(**params).model_copy(update={"number": number})

    def suggest() -> TrialSpec:
        spec = trials.suggest(lambda number: optuna.samplers.TPESampler(seed=number), define, describe)
        result = TrialResult(spec, "COMPLETE", None, {})
        trials.tell(result, [float(spec.params["lr"])])  # type: ignore[arg-type]
        return spec

    asked = ask_all(Adaptive(draft("baseline"), n_trials, trials, suggest))
    return [trial for trial in asked if trial.role == "candidate"]


class KilledHere(BaseException):
    """What a kill leaves is what was written before it."""


def kill_at(write: int, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the session end at this write of Optuna's trials, counted from now, before or after it is done."""
    n_writes = count()

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **words: Any) -> Any:
            is_last = next(n_writes) == write
            if is_last and when == "before":
                raise KilledHere
            result = original(*arguments, **words)
            if is_last:
                raise KilledHere
            return result

        return call

    for name in ("create_new_trial", "set_trial_param", "set_trial_user_attr", "set_trial_system_attr"):
        monkeypatch.setattr(RememberingStorage, name, watched(getattr(RememberingStorage, name)))


def listed(url: str, n_trials: int) -> list[TrialSpec]:
    """The new trials of a grid of so many candidates."""
    return ask_all(Enumerated([draft("baseline"), *(draft(lr=float(n)) for n in range(n_trials))], book(url)))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("study", [listed, searched])
def test_a_kill_while_asking_changes_no_number_and_no_point(
    study: Callable[[str, int], list[TrialSpec]], when: str, tmp_path: Path
) -> None:
    """Killed at each write of the first trials in turn; the same command then finds the undisturbed study."""
    whole, n_kills = f"sqlite:///{tmp_path}/whole.db", 0
    study(whole, 3)
    for write in count():
        url = f"sqlite:///{tmp_path}/{write}.db"
        with pytest.MonkeyPatch.context() as patched:
            kill_at(write, when, patched)
            try:
                study(url, 3)
            except KilledHere:
                n_kills += 1
            else:
                break
        study(url, 3)
        assert book(url).specs() == book(whole).specs(), f"killed {when} write {write}"
        assert [t.params for t in optunas_trials(url)] == [t.params for t in optunas_trials(whole)]
    assert n_kills >= 3


def test_a_resumed_search_suggests_what_an_undisturbed_one_does(tmp_path: Path) -> None:
    """15 trials at once, against 6 and then, in a new session, the other 9: TPE with 10 start-up trials."""
    at_once = suggestions(f"sqlite:///{tmp_path}/a.db", 15)
    first = suggestions(f"sqlite:///{tmp_path}/b.db", 6)
    then = suggestions(f"sqlite:///{tmp_path}/b.db", 15)
    assert len(set(at_once)) == 15
    assert first + then == at_once


@pytest.mark.parametrize("name", ["GPSampler", "CmaEsSampler", "QMCSampler"])
def test_the_baseline_does_not_take_the_search_space_from_a_sampler(url: str, name: str) -> None:
    """Such samplers work on parameters that all trials share, and draw at random, with a warning, without."""
    trials = book(url)
    ask_all(Enumerated([draft("baseline")], trials))
    trials.tell(TrialResult(trials.specs()[0], "COMPLETE", None, {}), [0.5])
    independent: list[str] = []

    def sampler(number: int) -> optuna.samplers.BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            made = getattr(optuna.samplers, name)(seed=1)
        original = made.sample_independent

        def watched(*arguments: Any) -> Any:
            independent.append(arguments[2])
            return original(*arguments)

        made.sample_independent = watched
        return cast(optuna.samplers.BaseSampler, made)

    def define(trial: optuna.Trial) -> Mapping[str, Any]:
        return {key: trial.suggest_float(key, 0.1, 1.0) for key in ("x", "y")}

    def describe(number: int, params: Mapping[str, Any]) -> TrialSpec:
        return draft(**params).model_copy(update={"number": number})

    for _ in range(12):  # a Gaussian process starts after ten trials
        spec = trials.suggest(sampler, define, describe)
        trials.tell(TrialResult(spec, "COMPLETE", None, {}), [float(str(spec.params["x"]))])
    independent.clear()
    trials.suggest(sampler, define, describe)
    assert independent == []


def test_a_trial_that_cannot_be_described_is_told_as_failed(url: str) -> None:
    def broken(number: int, params: Mapping[str, Any]) -> TrialSpec:
        raise ValueError("no such thing")

    trials = book(url)
    with pytest.raises(ValueError, match="no such thing"):
        trials.suggest(
            lambda _: optuna.samplers.RandomSampler(seed=1),
            lambda trial: {"lr": trial.suggest_float("lr", 0.5, 1.0)},
            broken,
        )
    assert trials.specs() == []
    trial = optunas(url)
    assert (trial.state.name, trial.user_attrs) == ("FAIL", {"reason": "no such thing"})
    assert list(trial.params) == ["lr"]


def test_what_is_remembered_first_stays(url: str) -> None:
    assert book(url).remember("code_hash", "a") == "a"
    assert book(url).remember("code_hash", "b") == "a"


def reported(url: str, *steps: tuple[int, float], below: float = 0.0) -> str | None:
    """What is said of the first candidate, a new session each time, where values below a bound end it."""
    trials = book(url)
    if not trials.specs():
        trials.add({}, {}, lambda number: draft().model_copy(update={"number": number}))
    pruner = optuna.pruners.ThresholdPruner(lower=below)
    said = [trials.report(1, step, value, pruner, f"too low at {step}") for step, value in steps]
    return said[-1]


def optunas_trials(url: str) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=url).trials


def optunas(url: str) -> optuna.trial.FrozenTrial:
    return optunas_trials(url)[0]


def test_evaluations_are_stored_once_each_by_whatever_session(url: str) -> None:
    """A run that goes on from a checkpoint evaluates steps again that were known before."""
    assert reported(url, (100, 0.5), (200, 0.6)) is None
    assert reported(url, (200, 0.6), (300, 0.7)) is None
    assert optunas(url).intermediate_values == {100: 0.5, 200: 0.6, 300: 0.7}


def test_a_verdict_outlives_the_session_that_heard_it(url: str) -> None:
    """The run did not: it evaluates the same step again, or comes back with a later one."""
    assert reported(url, (100, 0.5), below=0.6) == "too low at 100"
    assert reported(url, (100, 0.5), below=0.0) == "too low at 100"
    assert reported(url, (200, 0.9), below=0.0) == "too low at 100"


def test_a_trial_that_is_not_promoted_stays_so_when_its_worker_comes_back(url: str) -> None:
    """Optuna's own pruner would take the rung that it wrote down for one that was passed."""
    trials = book(url)
    specs = [
        trials.add({}, {}, lambda number: draft().model_copy(update={"number": number})) for _ in range(2)
    ]
    pruner = optuna.pruners.SuccessiveHalvingPruner(100, reduction_factor=2)
    said = [trials.report(spec.number, 100, 1 - spec.number / 10, pruner, "why") for spec in specs]
    assert said == [None, "why"]
    assert book(url).report(2, 100, 0.8, pruner, "again") == "why"


def test_a_pruned_trial_is_told_with_its_last_value_and_its_reason(url: str) -> None:
    reported(url, (100, 0.5), (200, 0.4), below=0.45)
    trials = book(url)
    trials.tell(TrialResult(trials.specs()[0], "PRUNED", "seed 0: too low at 200", {}), [])
    told = optunas(url)
    assert (told.state, told.value) == (optuna.trial.TrialState.PRUNED, 0.4)
    assert told.user_attrs["reason"] == "seed 0: too low at 200"


def test_a_finished_trial_is_never_reported_to(url: str) -> None:
    reported(url, (100, 0.5))
    trials = book(url)
    trials.tell(TrialResult(trials.specs()[0], "COMPLETE", None, {}), [0.7])
    assert reported(url, (200, 0.1), below=0.6) is None
    assert optunas(url).intermediate_values == {100: 0.5}
    trials.mark_screened([1])
    assert "screened" not in optunas(url).user_attrs


def test_a_trial_counts_as_complete_for_pruners_once_it_is_screened(url: str) -> None:
    """By the median of one earlier trial; all sessions know of it."""
    trials = book(url)
    for _ in range(2):
        trials.add({}, {}, lambda number: draft().model_copy(update={"number": number}))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=1)
    assert trials.report(1, 100, 0.5, pruner, "why") is None
    assert trials.report(2, 100, 0.4, pruner, "why") is None
    trials.mark_screened([1])
    trials.mark_screened([1])
    assert book(url).report(2, 200, 0.4, pruner, "why") is None, "trial 1 has no value at step 200"
    assert book(url).report(1, 200, 0.5, pruner, "why") is None
    assert book(url).report(2, 300, 0.4, pruner, "why") is None
    other = trials.add({}, {}, lambda number: draft().model_copy(update={"number": number}))
    assert book(url).report(other.number, 200, 0.4, pruner, "why") == "why"
