"""What the screening of a study still wants, kept up to date as trials join and runs become known.

`run_state` has the same as pure functions of all trials and runs; here each event costs what it changes.
"""

import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeper.results import GIVEN_UP, Policy, RunKey, RunResult, Runs
from sweeper.study.line_of_runs import LineOfRuns, Mark, Rank
from sweeper.study.run_state import contenders, gains_of, opening_seeds
from sweeper.trial import TrialSpec


@dataclass(frozen=True)
class WantedNow:
    """Runs to start next and the phase that they belong to; the lines follow one another.

    `in` and `len` count those under way, too; to go through it gives those whose turn may come.
    """

    phase: str
    lines: tuple[LineOfRuns, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.lines))

    def __contains__(self, key: object) -> bool:
        return any(key in line for line in self.lines)

    def __iter__(self) -> Iterator[RunKey]:
        for line in self.lines:
            yield from line

    @property
    def runs(self) -> tuple[RunKey, ...]:
        """All of them in order, those under way among them."""
        return tuple(key for line in self.lines for key in line.runs)


class FirstSeeds:
    """The candidates that have finished their first seed, best first."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._ranked: list[tuple[float, int]] = []
        self._layered = len(policy.objectives) > 1
        self._known: set[int] | None = None

    def add(self, number: int, run: RunResult) -> None:
        """One more."""
        self._known = None
        first = gains_of(run, self._policy.objectives)[0]
        self._layered = self._layered or not math.isfinite(first)  # what is not finite belongs to no front
        insort(self._ranked, (-first, number))

    def best(self, trials: Sequence[TrialSpec], runs: Runs) -> set[int]:
        """Numbers of those that contend.

        With several objectives all are compared with each other, once after each that joins.
        """
        k = self._policy.replicate_top_k
        if k is None:
            return set()
        if not self._layered:
            return {number for _, number in self._ranked[:k]}
        if self._known is None:
            self._known = contenders(trials, runs, self._policy)
        return self._known


class Screening:
    """The judged trials of a study, in the order in which they joined, with what their runs leave to do.

    `runs` is read, never written; each of its runs is told by `know` as well.
    """

    def __init__(self, policy: Policy, runs: Runs) -> None:
        self._policy, self._runs = policy, runs
        self.trials: list[TrialSpec] = []
        self.baselines: list[TrialSpec] = []
        self.n_candidates = 0
        self.version = 0
        """Changes with all that screening depends on."""
        self._place: dict[int, int] = {}
        self._failed: set[int] = set()
        self._lost: set[int] = set()
        self._seeds = {seed: at for at, seed in enumerate(policy.seeds)}
        self._first_seeds = FirstSeeds(policy)
        self._newly_screened: set[int] = set()
        self._first, self._further = LineOfRuns(set()), LineOfRuns(set())
        self._rounds = [LineOfRuns(set()) for _ in policy.seeds] if policy.is_race else []
        self._aside: set[Mark] = set()

    @property
    def n_failed(self) -> int:
        """The number of candidates with a failed run on the screening seeds."""
        return len(self._failed)

    @property
    def has_open_candidate(self) -> bool:
        """Whether some candidate has lost no run."""
        return any(trial.role == "candidate" and trial.number not in self._lost for trial in self.trials)

    def contenders(self) -> set[int]:
        """Numbers of the candidates that are best on the first seed; none in enumerated studies."""
        return self._first_seeds.best(self.trials, self._runs)

    def newly_screened(self) -> set[int]:
        """The candidates that a pruner let finish their first seed, each told once."""
        new, self._newly_screened = self._newly_screened, set()
        return new if self._policy.is_screened else set()

    def add(self, trial: TrialSpec) -> None:
        """A trial joins; `know` tells of its runs."""
        self.version += 1
        self._place[trial.number] = len(self.trials)
        self.trials.append(trial)
        self.n_candidates += trial.role == "candidate"
        if trial.role == "baseline":
            self.baselines.append(trial)
        opening = opening_seeds(trial, self._policy)
        for seed in opening:
            if (trial.number, seed) not in self._runs:
                rank = (self._place[trial.number], self._seeds[seed])
                self._first.add((trial.number, seed), rank, (trial.fingerprint, seed))
        if len(opening) < len(self._seeds) and not self._policy.is_screened:
            self._add_further(trial)

    def know(self, key: RunKey, run: RunResult) -> None:
        """A run of one of the trials has ended, and was not known before."""
        number, seed = key
        if seed not in self._seeds or number not in self._place:
            return
        self.version += 1
        self._leave(key)
        trial = self.trials[self._place[number]]
        if run.state in GIVEN_UP:
            self._lost.add(number)
            for other in self._seeds:
                self._leave((number, other))
        if run.state == "FAILED" and trial.role == "candidate":
            self._failed.add(number)
        if run.state == "COMPLETE" and seed == self._policy.seeds[0] and trial.prunable:
            self._finish_first(trial, run)

    def is_open(self, number: int) -> bool:
        """Whether a trial is screened, and has lost no run."""
        return number in self._place and number not in self._lost

    def set_aside(self, mark: Mark) -> None:
        """Runs with this mark are under way, or held by somebody else."""
        for line in self._lines:
            line.set_aside(mark)
        self._aside.add(mark)

    def put_back(self, mark: Mark) -> None:
        """They are so no longer."""
        for line in self._lines:
            line.put_back(mark)
        self._aside.discard(mark)

    def wanted(self, *, all_asked: bool) -> WantedNow:
        """What `run_state.wanted_screening` says of the same trials and runs."""
        is_adaptive = self._policy.replicate_top_k is not None
        if not self._policy.is_staged or not all_asked or (is_adaptive and self._first):
            return WantedNow("screening", (self._first,))
        if is_adaptive:
            return WantedNow("replication", (self._first, self._replication()))
        if self._policy.is_race:
            now = next((line for line in (self._first, *self._rounds) if line), self._first)
            return WantedNow("screening", (now,))
        return WantedNow("screening", (self._first, self._further))

    def in_line(self, keys: Sequence[RunKey], trials: Sequence[TrialSpec]) -> LineOfRuns:
        """A line of these runs in this order; `trials` has theirs."""
        marks = {trial.number: trial.fingerprint for trial in trials}
        line = LineOfRuns(self._aside)
        for at, (number, seed) in enumerate(keys):
            line.add((number, seed), (at,), (marks[number], seed))
        return line

    @property
    def _lines(self) -> tuple[LineOfRuns, ...]:
        return (self._first, self._further, *self._rounds)

    def _leave(self, key: RunKey) -> None:
        for line in self._lines:
            line.remove(key)

    def _finish_first(self, trial: TrialSpec, run: RunResult) -> None:
        self._newly_screened.add(trial.number)
        if self._policy.replicate_top_k is not None:
            self._first_seeds.add(trial.number, run)
        elif self._policy.is_screened:
            self._add_further(trial)

    def _add_further(self, trial: TrialSpec) -> None:
        """The seeds after the first: of contenders they are named when these are known."""
        if self._policy.replicate_top_k is not None or trial.number in self._lost:
            return
        for seed in self._policy.seeds[1:]:
            if (trial.number, seed) not in self._runs:
                line = self._rounds[self._seeds[seed]] if self._policy.is_race else self._further
                line.add((trial.number, seed), self._rank(trial, seed), (trial.fingerprint, seed))

    def _rank(self, trial: TrialSpec, seed: int) -> Rank:
        rank = (self._place[trial.number], self._seeds[seed])
        return rank[::-1] if self._policy.is_seed_major else rank

    def _replication(self) -> LineOfRuns:
        trials = [self.trials[self._place[number]] for number in self.contenders() - self._lost]
        keys = [(one, seed) for one in trials for seed in self._policy.seeds[1:]]
        missing = [(one.number, seed) for one, seed in keys if (one.number, seed) not in self._runs]
        order = {(one.number, seed): self._rank(one, seed) for one, seed in keys}
        return self.in_line(sorted(missing, key=lambda key: order[key]), trials)
