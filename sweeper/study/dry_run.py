"""`study.dry_run=true`: what would be run, and how long that would take by earlier runs of the same kind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.config import Sweep
from sweeper.executors import arrange, slots_in_words
from sweeper.layout import StudyFolder
from sweeper.report import default_console
from sweeper.results import RunKey, RunResult
from sweeper.search import pruner_warnings
from sweeper.storage import RunBook, Storage
from sweeper.study.proposals import drafts_of, policy_of, reopened
from sweeper.study.specs import SpecFactory, notices_of, workload
from sweeper.trial import Slot, TrialSpec
from sweeper.wording import duration


@dataclass(frozen=True)
class Plan:
    """What a study would do.

    `known`: by trial number, the runs that need not be trained. `n_later`: trials that an adaptive sampler
    will suggest as it goes. `seconds_per_run`: None where nothing comparable has run yet.
    """

    study: str
    trials: Sequence[TrialSpec]
    seeds: Sequence[int]
    confirm_seeds: Sequence[int]
    slots: tuple[Slot, ...]
    known: Mapping[int, int]
    n_confirmed: int = 0
    n_later: int = 0
    seconds_per_run: float | None = None

    @property
    def n_screening(self) -> int:
        """Runs to train before a best candidate is known."""
        return (len(self.trials) + self.n_later) * len(self.seeds) - sum(self.known.values())

    @property
    def n_confirming(self) -> int:
        """Runs to train after that."""
        return max(0, 2 * len(self.confirm_seeds) - self.n_confirmed)


def show_plan(sweep: Sweep, factory: SpecFactory, storage: Storage) -> int:
    """Print the plan of a sweep and start nothing; the exit code."""
    arrangement = arrange(sweep.settings.executor)
    plan = plan_of(sweep, factory, storage, arrangement.slots)
    console = default_console()
    console.print(drawn(plan))
    for line in factory.announced(plan.trials):
        console.print(line, soft_wrap=True)
    about_pruner = pruner_warnings(
        sweep.settings, plan.trials[0].max_steps, len(plan.seeds), policy_of(sweep).n_candidates
    )
    notices = (*notices_of(plan.trials), *factory.warnings(plan.trials))
    for warning in (*sweep.warnings, *arrangement.warnings, *notices, *about_pruner):
        console.print(f"warning: {warning}", soft_wrap=True)
    return 0


def plan_of(sweep: Sweep, factory: SpecFactory, storage: Storage, slots: tuple[Slot, ...]) -> Plan:
    """The plan of a sweep on these slots, by all that the storage knows."""
    settings, policy = sweep.settings, policy_of(sweep)
    kind = workload(settings, factory.prepare(settings, sweep.task_config), slots[0])
    drafts = drafts_of(sweep, factory)
    trials = [draft.model_copy(update={"number": number}) for number, draft in enumerate(drafts)]
    book = RunBook(storage, StudyFolder.of(settings.study.results_dir, storage.study), lambda trial: kind)
    again = reopened(settings)
    known = {key: run for key, run in book.known(trials).items() if run.state not in again}
    step_s = storage.seconds_per_step(kind)
    return Plan(
        study=storage.study,
        trials=trials,
        seeds=policy.seeds,
        confirm_seeds=policy.confirm_seeds,
        slots=slots,
        known={t.number: sum((t.number, seed) in known for seed in policy.seeds) for t in trials},
        n_confirmed=_n_confirmed(known, policy.confirm_seeds),
        n_later=policy.n_candidates if sweep.is_adaptive else 0,
        seconds_per_run=None if step_s is None else step_s * max(trial.max_steps for trial in trials),
    )


def _n_confirmed(known: Mapping[RunKey, RunResult], seeds: Sequence[int]) -> int:
    """Known confirmation runs of the baseline (number 0) and of the candidate that has most."""
    counts = Counter(number for number, seed in known if seed in seeds)
    return counts.pop(0, 0) + max(counts.values(), default=0)


def drawn(plan: Plan) -> RenderableType:
    """The plan as a table and three lines: runs, slots, time."""
    table = Table(
        title=f"plan of {plan.study}", title_justify="left", box=None, pad_edge=False, padding=(0, 2)
    )
    for name in ("#", "trial", "role", "runs", "known"):
        table.add_column(name, justify="left" if name in ("trial", "role") else "right", overflow="ellipsis")
    for trial in plan.trials:
        n_known = plan.known.get(trial.number, 0)
        cells = [str(trial.number), trial.name, trial.role, str(len(plan.seeds)), str(n_known)]
        table.add_row(*(Text(cell) for cell in cells))
    later = f" and {plan.n_later} more as the sampler suggests them" if plan.n_later else ""
    lines = [
        f"{_counted(len(plan.trials), 'trial')}{later} on {_counted(len(plan.seeds), 'seed')}; "
        f"{_counted(plan.n_screening, 'run')} to train{_confirming(plan)}",
        slots_in_words(plan.slots),
        f"estimated time: {_estimate(plan)}",
    ]
    return Group(table, *(Text(line) for line in lines))


def _estimate(plan: Plan) -> str:
    if plan.seconds_per_run is None:
        return "unknown, no run of this task, data and device has finished yet"
    # confirmation begins when the last of the screening has ended
    n_rounds = sum(-(-n_runs // len(plan.slots)) for n_runs in (plan.n_screening, plan.n_confirming))
    total, each = duration(n_rounds * plan.seconds_per_run), duration(plan.seconds_per_run)
    runs = _counted(plan.n_screening + plan.n_confirming, "run")
    return f"{total} for {runs} on {_counted(len(plan.slots), 'slot')} ({each} a run, as earlier ones took)"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def _confirming(plan: Plan) -> str:
    """Nothing to add where nothing is ever confirmed."""
    return (
        f", then {plan.n_confirming} to confirm the best against the baseline" if plan.confirm_seeds else ""
    )
