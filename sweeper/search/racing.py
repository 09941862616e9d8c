"""Candidates that race to be the study's choice: after each seed, who can hardly be it any more is out."""

from sweeper.messages import Reported
from sweeper.results import Policy, Runs
from sweeper.search.pruning import BASELINE_NUMBER, Pruning
from sweeper.trial import TrialSpec
from sweeper.verdict import beaten
from sweeper.wording import plural

RACE = "race: "
"""How the reason of a run begins that a race spared."""


class Racing:
    """Spares candidates that are out their further seeds, beside what another pruning ends."""

    def __init__(self, other: Pruning, policy: Policy) -> None:
        self._other, self._policy = other, policy

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """What the other pruning says."""
        return self._other.after_report(trial, reported)

    def before_run(self, trial: TrialSpec, seed: int, runs: Runs) -> str | None:
        """Why the candidate is out by the seeds before this one, which all others have finished."""
        if (why := self._other.before_run(trial, seed, runs)) is not None or seed not in self._policy.seeds:
            return why
        seeds = self._policy.seeds
        before = seeds[: seeds.index(seed)]
        found = beaten(self._gains(before, runs), len(seeds)).get(trial.number)
        if found is None:
            return None
        objective = self._policy.objectives[0]
        return (
            f"{RACE}val/{objective.metric} is {found.behind:.3g} behind trial {found.leader} after "
            f"{plural(len(before), 'seed')}; the chance to overtake it is {found.chance:.1%}"
        )

    def _gains(self, seeds: tuple[int, ...], runs: Runs) -> dict[int, list[float]]:
        """By candidate, its values on these seeds, such that more is better; of those that have them all."""
        objective = self._policy.objectives[0]
        key, found = f"val/{objective.metric}", {}
        for number in sorted({number for number, _ in runs} - {BASELINE_NUMBER}):
            own = [runs.get((number, seed)) for seed in seeds]
            values = [run.metrics[key] for run in own if run is not None and run.state == "COMPLETE"]
            if len(values) == len(seeds):
                found[number] = [objective.sign * value for value in values]
        return found


def with_race(pruning: Pruning, policy: Policy) -> Pruning:
    """The pruning, with a race where the policy asks for one."""
    return Racing(pruning, policy) if policy.is_race else pruning
