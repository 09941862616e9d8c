"""The trials of a study with all that is known of their runs; what is wanted next follows from it."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sweeper.findings import Look
from sweeper.results import ENDED, Policy, RunKey, RunResult, TrialResult
from sweeper.search import Asker, Draft
from sweeper.storage import RunBook
from sweeper.study.confirming import Confirming, Settled
from sweeper.study.fresh_seeds import FreshSeeds
from sweeper.study.line_of_runs import Mark
from sweeper.study.run_state import (
    baseline_failure,
    judged,
    n_confirmed,
    n_distinct,
    n_to_come,
    screening_seeds,
    trial_results,
    trial_state,
    wanted_confirmation,
    wanted_on,
)
from sweeper.study.screening import Screening, WantedNow
from sweeper.trial import TrialSpec
from sweeper.verdict import best_of


class TrialLedger(Protocol):
    """The optimizer's record of a study, kept true as trials end."""

    def mark_screened(self, numbers: set[int]) -> None:
        """These trials have finished their first seed."""

    def tell(self, result: TrialResult, values: Sequence[float] | None) -> None:
        """A trial has ended, with these values of the objectives where it is complete."""


class RunTable:
    """Trials by number, and results by (number, seed), whoever trained them.

    `runs` are those that have ended; `interrupted` those that this session began and did not bring to an end.
    Runs of equal fingerprint and seed are one run, so that a result may belong to several trials.
    """

    def __init__(
        self,
        policy: Policy,
        book: RunBook,
        asker: Asker,
        ledger: TrialLedger,
        confirming: Confirming | None = None,
    ) -> None:
        """`confirming` settles how many pairs a winner has; without it that is all that the policy names."""
        self.trials: dict[int, TrialSpec] = {}
        self.runs: dict[RunKey, RunResult] = {}
        self.interrupted: dict[RunKey, RunResult] = {}
        self._policy, self._book, self._asker, self._ledger = policy, book, asker, ledger
        self._screening = Screening(policy, self.runs)
        self._alike: dict[str, list[TrialSpec]] = {}
        self._runs_of: dict[int, dict[int, RunResult]] = {}
        self._attribution: list[TrialSpec] = []
        self._places: dict[int, int] = {}
        self._under_way: set[Mark] = set()
        self._held: set[Mark] = set()
        self._told: set[int] = set()
        self._contending: set[int] = set()
        self.n_rewritten = 0
        """How often a run that had ended has ended otherwise: another session tried it again."""
        self._best: tuple[tuple[int, bool], tuple[TrialSpec, int] | None] | None = None
        self.attributing: frozenset[int] = frozenset()
        self._fresh = FreshSeeds(
            policy, confirming, self._contest, lambda: (self.version, len(self.runs), self.n_rewritten)
        )
        self._screened: tuple[tuple[int, int], bool] | None = None

    @property
    def judged_trials(self) -> Sequence[TrialSpec]:
        """The baseline and the candidates."""
        return self._screening.trials

    @property
    def version(self) -> int:
        """Changes with all that the screening depends on."""
        return self._screening.version

    @property
    def policy(self) -> Policy:
        """How the study spends its runs; its candidates are those of all its commands.

        The confirmation seeds are those that the verdict takes, or may still take.
        """
        return replace(self._policy, n_candidates=self._n_candidates, confirm_seeds=self._fresh.of_verdict)

    @property
    def _n_candidates(self) -> int:
        """All candidates, those of earlier commands and those to come."""
        return self._screening.n_candidates + self._n_unasked_candidates

    @property
    def _n_unasked_candidates(self) -> int:
        return max(0, self.n_unasked - (not self._screening.baselines))

    @property
    def n_to_come(self) -> int:
        """The runs still to train, confirmation included, if no trial is given up."""
        n_unasked = self._n_unasked_candidates - self._asker.n_alike
        screening = n_to_come(self.judged_trials, self.runs, self._policy, n_unasked)
        if not self.n_unasked and not screening:
            return self.n_distinct(self.wanted_confirmation().runs)
        if self.n_unasked > self._n_unasked_candidates:
            screening += len(self._policy.seeds)  # of the baseline
        known = n_confirmed(self.judged_trials, self.runs, self._policy)
        return screening + max(0, 2 * len(self._policy.confirm_seeds) - known)

    @property
    def n_known(self) -> int:
        """The runs that have ended; those of one fingerprint and seed are one."""
        return self.n_distinct(self.runs)

    def n_distinct(self, keys: Iterable[RunKey]) -> int:
        """How many runs of the table these are, where those of one fingerprint and seed are one."""
        return n_distinct(keys, self.trials.values())

    @property
    def n_unasked(self) -> int:
        """How many trials are still to come."""
        return self._asker.n_left

    @property
    def n_failed(self) -> int:
        """The number of candidates with a failed screening run."""
        return self._screening.n_failed

    @property
    def baseline_failure(self) -> RunResult | None:
        """The baseline's first failed run, if it has one."""
        return baseline_failure(self._screening.baselines, self.runs, self.policy)

    def add(self, trial: TrialSpec) -> None:
        """A trial joins, with all that is known of its runs."""
        self._join(trial)
        self._learn([trial])
        self._tell([trial])

    def add_known(self, trials: Sequence[TrialSpec]) -> None:
        """Trials of earlier commands join, one after another, with all that is known of their runs."""
        if self._policy.replicate_top_k is not None:  # who contends when one joins depends on those before it
            for trial in trials:
                self.add(trial)
            return
        for trial in trials:
            self._join(trial)
        self._learn(trials)
        self._tell(trials)

    def _join(self, trial: TrialSpec) -> None:
        self._places.setdefault(trial.number, len(self.trials))
        self.trials[trial.number] = trial
        self._alike.setdefault(trial.fingerprint, []).append(trial)
        if trial.role == "attribution":
            self._attribution.append(trial)
        else:
            self._screening.add(trial)

    def ask(self) -> bool:
        """Let the next trial join; False where none comes now. Our claims outlive a slow sampler."""
        with self._book.kept_alive():
            trial = self._asker.ask()
        if trial is not None:
            self.add(trial)
        return trial is not None

    def extend(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Let these trials come, too, after all others; those of them that are new."""
        return self._asker.extend(drafts)

    def begin_all(self, drafts: Sequence[Draft]) -> None:
        """Let these trials join at once."""
        self._asker.extend(drafts)
        while self.n_unasked and self.ask():
            pass

    def is_screening(self, seed: int) -> bool:
        """Whether candidates are compared on this seed before a best one is known."""
        return seed in self._policy.seeds

    def may_come(self, key: RunKey) -> bool:
        """Whether a run is not known, its trial not given up, and its seed one that may come to it.

        That of the screening, or of a confirmation that is certain while nobody knows whose it is.
        """
        if key in self.runs or not self._screening.is_open(key[0]):
            return False
        return self.is_screening(key[1]) or (key[1] in self._fresh.certain and not self._is_screened)

    def claim(self, key: RunKey) -> int | None:
        """The attempt number of a run that is now ours, or None where somebody else has it.

        Its turn does not come again before it is settled, or before others are looked at again.
        """
        trial, seed = self.trials[key[0]], key[1]
        attempt = self._book.claim(trial, seed)
        (self._held if attempt is None else self._under_way).add((trial.fingerprint, seed))
        self._screening.set_aside((trial.fingerprint, seed))
        return attempt

    @property
    def holders(self) -> dict[str, int]:
        """By host and process, how many runs other sessions held when we last looked."""
        return self._book.holders

    def keep(self, trial: TrialSpec, result: RunResult) -> None:
        """A run that we claimed has ended, of which the database cannot be told now."""
        self._book.keep(trial, result)

    def lost_claims(self) -> set[RunKey]:
        """Runs of ours that another session has taken over; renews the claims on all others."""
        return set(self._book.renew())

    def settle(self, trial: TrialSpec, result: RunResult) -> None:
        """A run that we claimed has ended; nothing is kept of it where the claim was lost."""
        if result.state == "INTERRUPTED":
            self.interrupted[trial.number, result.seed] = result
        is_kept = self._book.settle(trial, result)
        if is_kept and result.state != "INTERRUPTED":
            same = self._alike[trial.fingerprint]
            self._learn(same)
            self._tell(same)
        self._under_way.discard((trial.fingerprint, result.seed))
        self._screening.put_back((trial.fingerprint, result.seed))

    def judged(self, result: RunResult) -> RunResult:
        """The result; FAILED where a complete run lacks a value of some objective."""
        return judged(result, self._policy.objectives)

    def learn_from_others(self) -> None:
        """Take over what other sessions have finished; one light query where that is nothing."""
        has_news = self._book.look()
        for mark in self._held:
            self._screening.put_back(mark)
        self._held.clear()
        if has_news:
            self._learn(list(self.trials.values()))
            self._tell(list(self.trials.values()))

    def wanted_screening(self) -> WantedNow:
        """The runs to start next, before a best candidate is known."""
        return self._screening.wanted(all_asked=self.n_unasked == 0)

    def wanted_ahead(self) -> WantedNow:
        """The baseline's runs that the confirmation takes whoever wins, once no other waits for its turn.

        They keep slots busy while the last runs of the screening are under way.
        """
        is_early = not self.n_unasked and self._screening.has_open_candidate and not self._is_screened
        if not is_early or any(True for _ in self.wanted_screening()):
            return WantedNow("confirmation")
        baselines = self._screening.baselines[:1]
        wanted = wanted_on(self._fresh.certain, baselines, self.runs)
        return WantedNow("confirmation", (self._screening.in_line(wanted.runs, baselines),))

    def wanted_confirmation(self) -> WantedNow:
        """The runs to start next, once a best candidate is known."""
        chosen = self._chosen()
        if chosen is None:
            return WantedNow("confirmation")
        baseline, best = chosen[0], self.trials[chosen[1]]
        wanted = wanted_confirmation(baseline, [best], self.runs, self.policy)
        return WantedNow(wanted.phase, (self._screening.in_line(wanted.runs, [baseline, best]),))

    def wanted_attribution(self) -> WantedNow:
        """The runs to start next of the trials that are `attributing`, seed by seed."""
        numbers = self.attributing & self.trials.keys()
        trials = [self.trials[number] for number in sorted(numbers, key=self._places.__getitem__)]
        wanted = wanted_on(self.attribution_seeds, trials, self.runs)
        return WantedNow(wanted.phase, (self._screening.in_line(wanted.runs, trials),))

    def settled(self) -> Settled | None:
        """The budgets of the study's winners, the present one's among them; None where none is known."""
        return self._fresh.settled()

    def looks(self, split: str) -> tuple[Look, ...]:
        """The confirmations that the study has been judged by on the data of digest `split`."""
        return self._book.looks(split)

    def add_look(self, split: str, look: Look) -> None:
        """One more; a look that is known changes nothing."""
        self._book.add_look(split, look)

    def lock(self, file: Path, timeout_s: float) -> AbstractContextManager[None]:
        """Hold `file` against all sessions of the study, wherever they run."""
        return self._book.lock(file, timeout_s)

    def results(self, *, with_interrupted: bool = False) -> tuple[TrialResult, ...]:
        """Baseline and candidates, each with its ended runs, in order of the numbers."""
        return self._results(self.judged_trials, with_interrupted)

    def added(self, *, with_interrupted: bool = False) -> tuple[TrialResult, ...]:
        """The trials of attributions, each with its ended runs, in order of the numbers."""
        return self._results(self._attribution, with_interrupted)

    def _results(self, trials: Sequence[TrialSpec], with_interrupted: bool) -> tuple[TrialResult, ...]:
        runs = {**self._left_open(), **self.runs} if with_interrupted else self.runs
        numbers, contending = {trial.number for trial in trials}, self._contenders()
        own = {key: run for key, run in runs.items() if key[0] in numbers}
        return trial_results(trials, own, lambda trial: self._seeds(trial, contending))

    def _contenders(self) -> set[int]:
        return set() if self.n_unasked else self._screening.contenders()

    def _seeds(self, trial: TrialSpec, contending: set[int]) -> tuple[int, ...]:
        if trial.role == "attribution":
            return self.attribution_seeds
        return screening_seeds(trial, self._policy, contending)

    @property
    def attribution_seeds(self) -> tuple[int, ...]:
        """The confirmation seeds that the trials of an attribution are trained on."""
        return self._fresh.of_attribution

    @property
    def needless_seeds(self) -> frozenset[int]:
        """Confirmation seeds that there might have been, and that nothing takes any more."""
        return self._fresh.needless(attributes=bool(self.attributing))

    def _contest(self) -> tuple[TrialResult, TrialResult] | None:
        """The baseline and the winner, once the screening is over; None where nothing is confirmed."""
        if not self._policy.confirm_seeds or not self._is_screened:
            return None
        chosen = self._chosen()
        if chosen is None:
            return None
        baseline, best = (self._result(one, set()) for one in (chosen[0], self.trials[chosen[1]]))
        return baseline, best

    @property
    def _is_screened(self) -> bool:
        """Whether all trials are asked for, and no run of the screening is left."""
        now = (self.version, self.n_unasked)
        if self._screened is None or self._screened[0] != now:
            self._screened = now, not self.n_unasked and not self.wanted_screening()
        return self._screened[1]

    def _left_open(self) -> dict[RunKey, RunResult]:
        """Runs that did not end, without those that were stopped since the verdict was known."""
        needless = self.needless_seeds
        return {key: run for key, run in self.interrupted.items() if key[1] not in needless}

    def _chosen(self) -> tuple[TrialSpec, int] | None:
        """The baseline and the best candidate's number, chosen anew when the screening has changed."""
        now = (self.version, self.n_unasked == 0)
        if self._best is None or self._best[0] != now:
            results = self.results()
            best = best_of(results, self._policy)
            self._best = now, None if best is None else (results[0].spec, best)
        return self._best[1]

    def _learn(self, trials: Sequence[TrialSpec]) -> None:
        known = {key: self.judged(run) for key, run in self._book.known(trials).items()}
        new = {key: run for key, run in known.items() if self.runs.get(key) != run}
        is_changed = any(key in self.runs for key in new)
        self.runs.update(new)
        for (number, seed), run in new.items():
            self._runs_of.setdefault(number, {})[seed] = run
        if is_changed:  # another session has tried again what had ended
            self._begin_anew()
        else:
            for key, run in new.items():
                self._screening.know(key, run)

    def _begin_anew(self) -> None:
        self.n_rewritten += 1
        known, self._screening = self._screening, Screening(self._policy, self.runs)
        self._screening.version = known.version + 1
        for trial in known.trials:
            self._screening.add(trial)
        for key, run in self.runs.items():
            self._screening.know(key, run)
        for mark in self._under_way | self._held:
            self._screening.set_aside(mark)

    def _tell(self, changed: Sequence[TrialSpec]) -> None:
        """Tell the optimizer of trials that have ended since; `changed` are those with new runs."""
        if screened := self._screening.newly_screened():
            self._ledger.mark_screened(screened)
        contending = self._contenders()  # how a trial ends may depend on any other's runs
        numbers = {trial.number for trial in changed} | (contending ^ self._contending)
        self._contending = contending
        keys = [f"val/{objective.metric}" for objective in self._policy.objectives]
        for number in sorted(numbers - self._told):
            result = self._result(self.trials[number], contending)
            if result.state in ENDED:
                self._told.add(number)
                means = [result.mean(self._seeds(result.spec, contending), key) for key in keys]
                self._ledger.tell(result, [mean for mean in means if mean is not None])

    def _result(self, trial: TrialSpec, contending: set[int]) -> TrialResult:
        runs = dict(self._runs_of.get(trial.number, {}))
        return TrialResult(trial, *trial_state(runs, self._seeds(trial, contending)), runs)
