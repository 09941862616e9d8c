"""What the monitor's rules find in the runs of a study.

Alarms follow from a run's evaluations alone: of a run that is under way from those that it has reported, of
any other from its `metrics.jsonl`. Nothing of them is stored, so that a resumed study, or one with other
rules, comes to the same as if nothing had happened in between.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from sweeper.errors import sentences
from sweeper.findings import Alarm
from sweeper.layout import RunFolder, StudyFolder
from sweeper.messages import Reported, Started
from sweeper.monitor import Clock, Compiled, History, alarms, is_ever_asked, measurable
from sweeper.reports import read_evaluations
from sweeper.results import ENDED, Objective, RunKey, RunResult
from sweeper.study.spec_factory import SpecFactory
from sweeper.trial import TrialSpec
from sweeper.wording import plural

Evaluations = dict[int, Mapping[str, float]]
"""The metrics by `split/name`, by step."""
STOPPED = "monitor: "
"""How the reason of a run begins that a rule has stopped."""
NOT_REPORTED = ("lr",)
"""What a line of metrics.jsonl has beside the metrics."""


def clock_of(trial: TrialSpec, n_train: int) -> Clock:
    """How long the runs of a trial are, on so many training examples."""
    trainer: Any = trial.config.get("trainer", {})
    return Clock(trial.max_steps, max(1, n_train // trainer.get("batch_size", 1)))


def never_asked(rules: Iterable[Compiled], trial: TrialSpec, n_train: int, every: int) -> list[str]:
    """A warning for each rule of the user's own that no evaluation of the trial's runs can fall under.

    `every`: steps from one evaluation to the next.
    """
    steps = [*range(every, trial.max_steps, every), trial.max_steps]
    clock = clock_of(trial, n_train)
    idle = [one for one in rules if not one.rule.if_known and not is_ever_asked(one, steps, clock)]
    return [
        f"monitor.rules.{one.name}: never asked: phase '{one.rule.phase}', {one.rule.in_a_row} in a row, but "
        f"a run has {plural(len(steps), 'evaluation')} in {trial.max_steps:,} steps"
        for one in idle
    ]


def stopped_by(reason: str | None) -> str | None:
    """The rule that has ended a run with this reason; None where none has."""
    is_ours = reason is not None and reason.startswith(STOPPED)
    return reason.removeprefix(STOPPED).partition(":")[0] if is_ours and reason else None


class RunHealth(Protocol):
    """Who follows the runs of a study, and may end them."""

    def run_started(self, trial: TrialSpec, started: Started) -> None:
        """The run goes on after what it has reported up to there."""

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """Why the run ends at this evaluation, or None."""

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """A run has ended, in whatever state."""


class NoHealth:
    """Nobody follows the runs."""

    def run_started(self, trial: TrialSpec, started: Started) -> None:
        """Nothing."""

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """None."""
        return None

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """Nothing."""


class Health:
    """Asked at every evaluation. `warn` is told of each rule that holds in a trial, once."""

    def __init__(
        self,
        rules: tuple[Compiled, ...],
        objective: Objective,
        factory: SpecFactory,
        screening: Iterable[int],
        folder: StudyFolder,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._rules, self._objective, self._factory = rules, objective, factory
        self._screening, self._folder, self._warn = frozenset(screening), folder, warn
        self._running: dict[RunKey, Evaluations] = {}
        self._found: dict[tuple[RunKey, int, str], tuple[Alarm, ...]] = {}
        self._measurable: dict[str, tuple[Compiled, ...]] = {}
        self._clocks: dict[int, Clock] = {}
        self._told: set[tuple[int, str]] = set()

    def run_started(self, trial: TrialSpec, started: Started) -> None:
        """The run goes on after what it has reported up to there."""
        metrics = self._folder.run(trial, started.seed).metrics
        before = _evaluations(metrics) if self._rules and started.resumed_step else {}
        kept = {step: metrics for step, metrics in before.items() if step <= started.resumed_step}
        self._running[trial.number, started.seed] = kept

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """Why the run ends at this evaluation, or None: only a candidate's screening runs are ended."""
        seen = self._running.setdefault((trial.number, reported.seed), {})
        seen[reported.step] = {**seen.get(reported.step, {}), **reported.metrics}
        found = self._alarms(trial, reported.seed, History(tuple(sorted(seen.items()))))
        self._tell(trial, found)
        stops = trial.prunable and reported.seed in self._screening
        first = next((alarm for alarm in found if alarm.then == "stop"), None) if stops else None
        return None if first is None else f"{STOPPED}{first.rule}: {first.text}"

    def run_ended(self, trial: TrialSpec, run: RunResult) -> None:
        """The last word on a run, where more can be said than at its evaluations."""
        self._running.pop((trial.number, run.seed), None)
        if run.state in ENDED:
            self._tell(trial, self.of_run(trial, run))

    def of_run(self, trial: TrialSpec, run: RunResult) -> tuple[Alarm, ...]:
        """What the rules say of a run that is not under way."""
        known = ((trial.number, run.seed), run.attempt, run.state)
        if known not in self._found:
            read = _evaluations(RunFolder(run.folder).metrics) if self._rules and run.folder else {}
            history = History(
                tuple(sorted(read.items())),
                error=run.error,
                error_step=run.steps_trained + run.steps_inherited if run.error else None,
                is_over=run.state == "COMPLETE",
            )
            self._found[known] = self._alarms(trial, run.seed, history)
        return self._found[known]

    def _alarms(self, trial: TrialSpec, seed: int, history: History) -> tuple[Alarm, ...]:
        rules = self._rules_for(trial)
        return alarms(rules, history, self._clock(trial), self._objective, seed) if rules else ()

    def _rules_for(self, trial: TrialSpec) -> tuple[Compiled, ...]:
        if trial.refused or trial.role == "attribution" or not self._rules:
            return ()  # nobody could act on a combination of an attribution
        if trial.fingerprint not in self._measurable:
            known = self._factory.metric_names(trial)
            self._measurable[trial.fingerprint] = measurable(self._rules, known)
        return self._measurable[trial.fingerprint]

    def _clock(self, trial: TrialSpec) -> Clock:
        if trial.number not in self._clocks:
            self._clocks[trial.number] = clock_of(trial, self._factory.n_train(trial))
        return self._clocks[trial.number]

    def _tell(self, trial: TrialSpec, found: Iterable[Alarm]) -> None:
        for alarm in found:
            if (trial.number, alarm.rule) not in self._told:
                self._told.add((trial.number, alarm.rule))
                who = f"trial {trial.number} {trial.name} seed {alarm.seed}"
                self._warn(f"{who}: {alarm.rule}: {sentences(alarm.text, alarm.say)}")


def _evaluations(path: Path) -> Evaluations:
    found: dict[int, dict[str, float]] = {}
    for evaluation in read_evaluations(path, NOT_REPORTED):
        found.setdefault(evaluation.step, {}).update(evaluation.metrics)
    return dict(found)
