"""Trials that join a study because of what others have shown: follow-ups of rules, and stages of a plan.

What joins follows from the results alone, in the order of the trials' numbers: a trial has its say once all
before it have had theirs. So it does not matter who was faster, or whether the study was interrupted.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.errors import UserError, in_a_line
from sweeper.findings import Alarm, Decision
from sweeper.monitor import Compiled, changed
from sweeper.results import GIVEN_UP, Policy, RunKey, Runs, TrialResult
from sweeper.search import Draft, Known, NamedStage, TrialSeen, WantedTrial, wanted, way
from sweeper.study.health import Health, stopped_by
from sweeper.study.run_state import opening_seeds
from sweeper.study.run_table import RunTable
from sweeper.study.spec_factory import SpecFactory
from sweeper.trial import TrialSpec


@dataclass(frozen=True)
class FollowUpLimits:
    """How many follow-ups a study has at most, and how many steps they are from a trial that is none."""

    depth: int
    n: int


def runs_with_a_say(
    trial: TrialSpec, runs: Runs, policy: Policy, running: Collection[RunKey]
) -> list[RunKey] | None:
    """The runs whose alarms count for follow-ups of a trial; None while one is to come, or under way."""
    keys = [(trial.number, seed) for seed in opening_seeds(trial, policy)]
    is_lost = any(key in runs and runs[key].state in GIVEN_UP for key in keys)
    if any(key in running or (key not in runs and not is_lost) for key in keys):
        return None
    return [key for key in keys if key in runs]


def asked_follow_ups(
    trials: Iterable[TrialSpec],
    alarms_of: Callable[[TrialSpec], Sequence[Alarm] | None],
    depth: int,
    by_number: Mapping[int, TrialSpec],
) -> Iterator[tuple[TrialSpec, str]]:
    """Each trial with a rule that asks for a follow-up of it, once, in the order of the trials.

    `alarms_of`: None where a trial has not had its say; those after it wait. `by_number`: all trials.
    """
    for trial in trials:
        found = alarms_of(trial)
        if found is None:
            return
        if _depth(trial, by_number) < depth:
            for rule in dict.fromkeys(alarm.rule for alarm in found if alarm.then == "follow_up"):
                yield trial, rule


def _depth(trial: TrialSpec, by_number: Mapping[int, TrialSpec]) -> int:
    n = 0
    while trial.parent is not None and trial.parent in by_number:
        trial, n = by_number[trial.parent], n + 1
    return n


def known_of(results: Sequence[TrialResult], policy: Policy) -> Known:
    """What decides the way through a plan: candidates and baseline by their means on validation."""
    objective = policy.objectives[0]
    means = {one.spec.number: one.mean(policy.seeds, f"val/{objective.metric}") for one in results}
    seen = [_seen(one, means[one.spec.number]) for one in results if one.spec.role == "candidate"]
    baseline = next((means[one.spec.number] for one in results if one.spec.role == "baseline"), None)
    return Known(seen, objective.direction, baseline)


def _seen(result: TrialResult, mean: float | None) -> TrialSeen:
    spec = result.spec
    return TrialSeen(spec.number, spec.name, result.state, mean, spec.parent, spec.rule)


class _Scan:
    """How far the trials of a table have been asked for follow-ups, in the order of their numbers."""

    def __init__(self, table: RunTable, marks: Collection[str]) -> None:
        trials = table.judged_trials
        self._table, self._n_seen, self._rewritten = table, len(trials), table.n_rewritten
        self._order = sorted(trials, key=lambda trial: trial.number)
        self._n_done = 0
        self.begun = {(t.parent, t.rule): t for t in trials if t.parent is not None}
        self.marks = {*marks, *(t.fingerprint for t in trials if t.parent is None)}
        self.found: list[Draft] = []

    def is_still_true(self) -> bool:
        """Whether it can go on from where it is: takes in the trials that have joined since."""
        if self._rewritten != self._table.n_rewritten:
            return False
        new, self._n_seen = self._table.judged_trials[self._n_seen :], len(self._table.judged_trials)
        for trial in new:
            last = self._order[-1].number if self._order else -1
            if trial.parent is not None or trial.number < last or self._is_found(trial):
                return False
            self._order.append(trial)
            self.marks.add(trial.fingerprint)
        return True

    def left(self) -> Iterator[TrialSpec]:
        """The trials that have not had their say; the one given last stays until `done`."""
        while self._n_done < len(self._order):
            yield self._order[self._n_done]

    def done(self) -> None:
        """The trial given last has had its say."""
        self._n_done += 1

    def _is_found(self, trial: TrialSpec) -> bool:
        return any(draft.fingerprint == trial.fingerprint for draft in self.found)


class Growth:
    """Extends a table of runs by what its results ask for; `tell`, once set, is told of each extension."""

    def __init__(
        self,
        table: RunTable,
        factory: SpecFactory,
        health: Health,
        rules: Sequence[Compiled],
        limits: FollowUpLimits,
        drafts: Sequence[Draft],
        stages: Sequence[NamedStage] = (),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._table, self._factory, self._health = table, factory, health
        self._rules = {one.name: one for one in rules if one.rule.then == "follow_up"}
        self._limits, self._stages = limits, tuple(stages)
        self._drafts = {draft.name: draft for draft in drafts}
        self._marks = {draft.fingerprint for draft in drafts}
        self._warn = warn
        self.tell: Callable[[int, str], None] = lambda n_runs, why: None
        self._made: dict[tuple[int, str], Draft | None] = {}
        self._seen: tuple[int, int, int] | None = None
        self._scan: _Scan | None = None
        self._staged: int | None = None
        self.n_runs = 0
        """The runs that were added to the plan."""

    def grow(self, running: Collection[RunKey] = ()) -> None:
        """Let all join that the results ask for by now; `running` are the runs that are under way."""
        table = self._table
        now = (len(table.runs), len(table.trials), len(running))
        if now == self._seen:
            return
        self._seen = now
        if self._rules and self._limits.n:
            self._extend(self._follow_ups(running), "follow-up")
        is_baseline_begun = any(trial.role == "baseline" for trial in table.trials.values())
        n_waiting = table.n_unasked - (not is_baseline_begun)
        if self._stages and not n_waiting and self._staged != table.version:
            # a follow-up that waits is of a stage that is not over
            self._staged = table.version
            self._extend(self._of_stages(), "stage")

    def decisions(self) -> tuple[Decision, ...]:
        """The way through the plan so far; empty without stages."""
        return way(self._stages, self._known()) if self._stages else ()

    def alarms(self, results: Iterable[TrialResult]) -> dict[int, tuple[Alarm, ...]]:
        """What the rules found in the runs of each trial, with what was done, by the trial's number."""
        found = {
            result.spec.number: tuple(
                alarm.model_copy(update={"did": self._told_of(result.spec, alarm)})
                for _, run in sorted(result.runs.items())
                for alarm in self._health.of_run(result.spec, run)
            )
            for result in results
        }
        return {number: alarms for number, alarms in found.items() if alarms}

    def _told_of(self, trial: TrialSpec, alarm: Alarm) -> str:
        """What was done because of an alarm, in words; empty for nothing."""
        run = self._table.runs.get((trial.number, alarm.seed))
        if run is not None and stopped_by(run.reason) == alarm.rule:
            return "stopped"
        trials = self._table.trials.values()
        made = [one for one in trials if (one.parent, one.rule) == (trial.number, alarm.rule)]
        if alarm.then != "follow_up" or alarm.seed not in self._table.policy.seeds:
            return ""
        return f"follow-up: trial {made[0].number} {made[0].name}" if made else self._why_none(trial, alarm)

    def _why_none(self, trial: TrialSpec, alarm: Alarm) -> str:
        """Why a rule that holds in a trial has no follow-up."""
        limits, trials = self._limits, self._table.trials
        followed = [one for one in trials.values() if one.parent is not None and one.rule in self._rules]
        if _depth(trial, trials) >= limits.depth:
            return f"no follow-up: study.follow_up_depth={limits.depth}"
        if len(followed) >= limits.n:
            return f"no follow-up: study.max_follow_ups={limits.n}"
        made = self._made.get((trial.number, alarm.rule))
        return "no follow-up: it would equal another trial" if made else "no follow-up: nothing to change"

    def _extend(self, drafts: Sequence[Draft], kind: str) -> None:
        new = self._table.extend(drafts)
        if new:
            n_runs = len(new) * len(self._table.policy.seeds)
            self.n_runs += n_runs
            self.tell(n_runs, f"{kind}: {', '.join(draft.name for draft in new)}")

    def _follow_ups(self, running: Collection[RunKey]) -> list[Draft]:
        """All follow-ups of the study so far, those that have begun among them, at most `limits.n`."""
        scan = self._scan
        if scan is None or not scan.is_still_true():
            scan = self._scan = _Scan(self._table, self._marks)
        found = scan.found
        if len(found) >= self._limits.n:
            return found

        def alarms_of(trial: TrialSpec) -> list[Alarm] | None:
            keys = runs_with_a_say(trial, self._table.runs, self._table.policy, running)
            if keys is None:
                return None
            scan.done()
            return [a for key in keys for a in self._health.of_run(trial, self._table.runs[key])]

        for parent, rule in asked_follow_ups(scan.left(), alarms_of, self._limits.depth, self._table.trials):
            draft = scan.begun.get((parent.number, rule)) or self._follow_up(parent, rule)
            if draft is not None and draft.fingerprint not in scan.marks:
                scan.marks.add(draft.fingerprint)
                found.append(draft)
            if len(found) >= self._limits.n:
                break
        return found

    def _follow_up(self, parent: TrialSpec, rule: str) -> Draft | None:
        if (parent.number, rule) not in self._made:
            one = self._rules[rule]
            self._made[parent.number, rule] = self._changed(parent, one.rule.change, one.word, rule)
        return self._made[parent.number, rule]

    def _changed(self, parent: TrialSpec, change: Mapping[str, object], word: str, rule: str) -> Draft | None:
        """The trial with other values; None, with a warning, where it cannot be, or would be the same."""
        name = f"{parent.name}+{word}"
        changes = changed(change, parent.config, parent.overrides)
        if not changes.params:
            self._warn(
                f"no {name}: nothing that {rule} changes is a key of {parent.name}, or has another value"
            )
            return None
        try:
            params = {**parent.params, **changes.params}
            draft = self._factory.spec(-1, name, "candidate", params, changes.overrides)
            if faults := self._factory.faults(draft):
                raise UserError(faults)
        except UserError as error:
            self._warn(f"no {name}: {in_a_line(error)}")
            return None
        return draft.model_copy(update={"parent": parent.number, "rule": rule})

    def _of_stages(self) -> list[Draft]:
        """All trials of the stages that have begun."""
        known = self._known()
        asked = wanted(self._stages, way(self._stages, known), known.trials)
        return [draft for one in asked if (draft := self._draft_of(one)) is not None]

    def _draft_of(self, one: WantedTrial) -> Draft | None:
        if one.change is None:
            return self._drafts[one.name]
        parent = self._table.trials[one.parent.number] if one.parent else self._drafts[one.of]
        key = (parent.number, one.stage)
        if key not in self._made:
            word = one.name.removeprefix(f"{parent.name}+")
            self._made[key] = self._changed(parent, one.change, word, one.stage)
        return self._made[key]

    def _known(self) -> Known:
        return known_of(self._table.results(), self._table.policy)
