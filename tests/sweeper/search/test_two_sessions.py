"""Two sessions on one study, in real processes on one SQLite file: every trial once, known to both."""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweeper.errors import StudyError
from sweeper.layout import StudyFolder
from sweeper.locks import TurnLock, file_lock
from sweeper.results import RunResult, TrialResult
from sweeper.search import asking as asking_module
from sweeper.search.asking import ALONE_S, Adaptive, Enumerated, alone_with
from sweeper.search.trial_book import TrialBook
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import LEASE_S, open_storage
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.storage.leases import age_leases

N_TRIALS = 40
Asker = Enumerated | Adaptive


def candidate(x: float, number: int = -1) -> TrialSpec:
    return plain_trial(1).model_copy(update={"number": number, "params": {"x": x}, "fingerprint": f"x={x!r}"})


def enumerated(book: TrialBook, folder: StudyFolder, adopt: Callable[[TrialSpec], None]) -> Asker:
    drafts = [plain_trial(0), *(candidate(float(i)) for i in range(N_TRIALS))]
    return Enumerated(drafts, book, partial(alone_with, TurnLock(folder.asking_lock, ALONE_S)), adopt)


def adaptive(book: TrialBook, folder: StudyFolder, adopt: Callable[[TrialSpec], None]) -> Asker:
    def define(trial: optuna.Trial) -> Mapping[str, Any]:
        return {"x": trial.suggest_float("x", 0.0, 1.0)}

    def suggest() -> TrialSpec:
        return book.suggest(
            lambda number: optuna.samplers.RandomSampler(seed=number),
            define,
            lambda number, params: candidate(params["x"], number),
        )

    alone = partial(alone_with, TurnLock(folder.asking_lock, ALONE_S))
    return Adaptive(plain_trial(0), N_TRIALS, book, suggest, alone, adopt)


def ask_all(
    make: Callable[..., Asker], results: str, gate: Any, pause_s: float
) -> tuple[dict[int, str], list[int]]:
    """All trials that one session gets, fingerprints by number; and those that another one had begun."""
    folder, adopted = StudyFolder.of(results, "s"), list[int]()
    with open_storage(f"sqlite:///{results}/studies.db", "s", "o") as storage:
        book = TrialBook(storage.optuna_study(["maximize"]))
        asker = make(book, folder, lambda spec: adopted.append(spec.number))
        found = {spec.number: spec.fingerprint for spec in asker.known}
        gate.wait()
        while asker.n_left:
            if (trial := asker.ask()) is not None:
                assert trial.number not in found
                found[trial.number] = trial.fingerprint
            time.sleep(pause_s)
    return found, adopted


@pytest.mark.parametrize("make", [enumerated, adaptive])
def test_two_processes_ask_every_trial_once_and_know_all(make: Callable[..., Asker], tmp_path: Path) -> None:
    """40 candidates and the baseline; the sessions begin together, one asks more slowly than the other."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(2) as pool:
        gate = manager.Barrier(2)
        one, other = pool.starmap(
            ask_all, [(make, str(tmp_path), gate, pause) for pause in (0.0, 0.01)], chunksize=1
        )
    assert sorted(one[0]) == list(range(N_TRIALS + 1))
    assert one[0] == other[0]
    assert sorted(one[1] + other[1]) == list(range(1, N_TRIALS + 1))  # each was begun by one of the two
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "o") as storage:
        assert len(storage.optuna_study(["maximize"]).trials) == N_TRIALS


@pytest.mark.parametrize("make", [enumerated, adaptive])
def test_a_session_that_has_asked_everything_still_learns_of_anothers_trials(
    make: Callable[..., Asker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking_module, "LOOK_S", 0.0)
    folder, url = StudyFolder.of(tmp_path, "s"), f"sqlite:///{tmp_path}/studies.db"
    with open_storage(url, "s", "a") as first, open_storage(url, "s", "b") as second:
        one = make(TrialBook(first.optuna_study(["maximize"])), folder, lambda _: None)
        while one.n_left:
            one.ask()
        assert one.ask() is None
        larger = TrialBook(second.optuna_study(["maximize"]))
        added = larger.add({}, {}, lambda number: candidate(99.0, number))
        assert one.ask() == added
        assert one.ask() is None


def test_a_trial_whose_session_died_while_asking_does_not_run_for_ever(tmp_path: Path) -> None:
    """Optuna knows trial 0, but nobody could say what it was; both candidates are asked all the same."""
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "o") as storage:
        study = storage.optuna_study(["maximize"])
        study.ask()
        asker = Enumerated([plain_trial(0), candidate(1.0), candidate(2.0)], TrialBook(study))
        assert [trial.number for trial in iter(asker.ask, None) if trial] == [0, 2, 3]
        assert [trial.state.name for trial in study.trials] == ["FAIL", "RUNNING", "RUNNING"]


def test_a_trial_that_two_sessions_tell_keeps_the_first_word(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    with open_storage(url, "s", "a") as first, open_storage(url, "s", "b") as second:
        one, other = (TrialBook(storage.optuna_study(["maximize"])) for storage in (first, second))
        spec = one.add({}, {}, lambda number: candidate(1.0, number))
        other.candidates()  # its cache now holds the trial as running
        one.tell(TrialResult(spec, "COMPLETE", None, {}), [0.5])
        other.tell(TrialResult(spec, "FAILED", "another word", {}), None)
        (trial,) = first.optuna_study(["maximize"]).trials
    assert (trial.state.name, trial.value) == ("COMPLETE", 0.5)


def test_a_session_that_hangs_with_the_lock_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_module, "ALONE_S", 0.1)
    lock = tmp_path / ".asking.lock"
    with (
        file_lock(lock, 0.0),
        pytest.raises(StudyError, match=r"asking\.lock: held by another process, for 0\.1 s"),
        alone_with(TurnLock(lock, 0.1)),
    ):
        pass


def test_a_session_that_was_suspended_is_told_which_runs_it_lost(tmp_path: Path) -> None:
    """Seeds 0 and 1 are claimed; the clock jumps beyond the lease, and another session takes seed 1."""
    now, trial, url = [1000.0], plain_trial(1), f"sqlite:///{tmp_path}/studies.db"
    folder = StudyFolder.of(tmp_path, "s")
    with open_storage(url, "s", "late") as late, open_storage(url, "s", "next") as successor:
        mine = RunBook(late, folder, lambda _: "w", clock=lambda: now[0])
        theirs = RunBook(successor, folder, lambda _: "w", clock=lambda: now[0])
        assert (mine.claim(trial, 0), mine.claim(trial, 1)) == (1, 1)
        now[0] += LEASE_S + 1
        age_leases(late, LEASE_S + 1)
        assert theirs.claim(trial, 1) == 2
        assert mine.renew() == [(1, 1)]
        assert mine.renew() == []
        result = RunResult(1, 1, "COMPLETE", metrics={"val/auc": 0.5}, attempt=1)
        assert not mine.settle(trial, result)
        assert theirs.settle(trial, result)
        assert mine.settle(trial, RunResult(1, 0, "COMPLETE"))


def test_a_run_that_never_started_is_settled_with_its_incidents(tmp_path: Path) -> None:
    folder, trial = StudyFolder.of(tmp_path, "s"), plain_trial(1)
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "o") as storage:
        book = RunBook(storage, folder, lambda _: "w")
        book.claim(trial, 3)
        assert book.settle(trial, RunResult(1, 3, "PRUNED", "hopeless", incidents=("worker 7 was killed",)))
        (run,) = book.known([trial]).values()
    assert (run.state, run.reason, run.steps_trained) == ("PRUNED", "hopeless", 0)
    assert run.incidents == ("worker 7 was killed",)
    assert run.folder == folder.run(trial, 3).path


def test_a_row_from_before_there_were_incidents_is_read_as_one_without(tmp_path: Path) -> None:
    folder, trial = StudyFolder.of(tmp_path, "s"), plain_trial(1)
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "o") as storage:
        claim = storage.claim(trial.fingerprint, 0, 1, "w")
        assert claim is not None
        storage.settle(claim, "COMPLETE", {"folder": "trials/0001-t1/seed0", "seconds": 2.0})
        (run,) = RunBook(storage, folder, lambda _: "w").known([trial]).values()
    assert (run.incidents, run.seconds) == ((), 2.0)
