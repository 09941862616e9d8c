"""`study.dry_run=true`: what would be run, and how long that would take by earlier runs of the same kind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.executors import slots_in_words
from sweeper.report import default_console
from sweeper.results import RunKey, RunResult
from sweeper.storage import RunBook, Storage
from sweeper.study.plan import Plan
from sweeper.study.specs import workload
from sweeper.trial import Slot, TrialSpec
from sweeper.wording import duration, plural

N_ROWS = 20
"""So many trials are listed where there are more than twice as many."""


@dataclass(frozen=True)
class Forecast:
    """What a study would do, by all that is known.

    `known`: by trial number, the runs that need not be trained. `n_later`: trials that an adaptive sampler
    will suggest as it goes. `n_unlisted`: points of a very large grid beside `trials`. `seconds_per_run`:
    None where nothing comparable has run yet.
    """

    study: str
    trials: Sequence[TrialSpec]
    seeds: Sequence[int]
    confirm_seeds: Sequence[int]
    slots: tuple[Slot, ...]
    known: Mapping[int, int]
    n_confirmed: int = 0
    n_later: int = 0
    n_unlisted: int = 0
    seconds_per_run: float | None = None

    @property
    def n_screening(self) -> int:
        """Runs to train before a best candidate is known."""
        return self.n_trials * len(self.seeds) - sum(self.known.values())

    @property
    def n_trials(self) -> int:
        """All trials, those that are not listed and those to come among them."""
        return len(self.trials) + self.n_unlisted + self.n_later

    @property
    def n_confirming(self) -> int:
        """Runs to train after that."""
        return max(0, 2 * len(self.confirm_seeds) - self.n_confirmed)


def show_forecast(plan: Plan, storage: Storage) -> int:
    """Print what a plan comes to and start nothing; the exit code."""
    forecast = forecast_of(plan, storage)
    console = default_console()
    console.print(drawn(forecast))
    for line in plan.announced:
        console.print(line, soft_wrap=True)
    for warning in (*plan.sweep.warnings, *plan.notices):
        console.print(f"warning: {warning}", soft_wrap=True)
    return 0


def forecast_of(plan: Plan, storage: Storage) -> Forecast:
    """The trials and runs of a plan, and how long they would take, by all that the storage knows."""
    sweep, policy, slots = plan.sweep, plan.policy, plan.arrangement.slots
    kind = workload(plan.settings, plan.factory.prepare(plan.settings, sweep.task_config), slots[0])
    trials = [draft.model_copy(update={"number": number}) for number, draft in enumerate(plan.drafts)]
    book = RunBook(storage, plan.folder, lambda trial: kind)
    known = {key: run for key, run in book.known(trials).items() if run.state not in plan.reopened}
    step_s = storage.seconds_per_step(kind)
    return Forecast(
        study=storage.study,
        trials=trials,
        seeds=policy.seeds,
        confirm_seeds=policy.confirm_seeds,
        slots=slots,
        known={t.number: sum((t.number, seed) in known for seed in policy.seeds) for t in trials},
        n_confirmed=_n_confirmed(known, policy.confirm_seeds),
        n_later=policy.n_candidates if sweep.is_adaptive else 0,
        n_unlisted=0 if sweep.points is None else len(sweep.points) - len(trials) + 1,
        seconds_per_run=None if step_s is None else step_s * max(trial.max_steps for trial in trials),
    )


def _n_confirmed(known: Mapping[RunKey, RunResult], seeds: Sequence[int]) -> int:
    """Known confirmation runs of the baseline (number 0) and of the candidate that has most."""
    counts = Counter(number for number, seed in known if seed in seeds)
    return counts.pop(0, 0) + max(counts.values(), default=0)


def drawn(forecast: Forecast) -> RenderableType:
    """The plan as a table and three lines: runs, slots, time."""
    table = Table(
        title=f"plan of {forecast.study}", title_justify="left", box=None, pad_edge=False, padding=(0, 2)
    )
    for name in ("#", "trial", "role", "runs", "known"):
        table.add_column(name, justify="left" if name in ("trial", "role") else "right", overflow="ellipsis")
    n_rows = N_ROWS if len(forecast.trials) + forecast.n_unlisted > 2 * N_ROWS else len(forecast.trials)
    for trial in forecast.trials[:n_rows]:
        n_known = forecast.known.get(trial.number, 0)
        cells = [str(trial.number), trial.name, trial.role, str(len(forecast.seeds)), str(n_known)]
        table.add_row(*(Text(cell) for cell in cells))
    if n_left := len(forecast.trials) - n_rows + forecast.n_unlisted:
        table.add_row("", Text(f"... and {n_left} more"), "candidate", "", "")
    later = f" and {forecast.n_later} more as the sampler suggests them" if forecast.n_later else ""
    lines = [
        f"{plural(forecast.n_trials - forecast.n_later, 'trial')}{later} "
        f"on {plural(len(forecast.seeds), 'seed')}; "
        f"{plural(forecast.n_screening, 'run')} to train{_confirming(forecast)}",
        slots_in_words(forecast.slots),
        f"estimated time: {_estimate(forecast)}",
    ]
    return Group(table, *(Text(line) for line in lines))


def _estimate(forecast: Forecast) -> str:
    if forecast.seconds_per_run is None:
        return "unknown, no run of this task, data and device has finished yet"
    # confirmation begins when the last of the screening has ended
    n_rounds = sum(
        -(-n_runs // len(forecast.slots)) for n_runs in (forecast.n_screening, forecast.n_confirming)
    )
    total, each = duration(n_rounds * forecast.seconds_per_run), duration(forecast.seconds_per_run)
    runs = plural(forecast.n_screening + forecast.n_confirming, "run")
    return f"{total} for {runs} on {plural(len(forecast.slots), 'slot')} ({each} a run, as earlier ones took)"


def _confirming(forecast: Forecast) -> str:
    """Nothing to add where nothing is ever confirmed."""
    return (
        f", then {forecast.n_confirming} to confirm the best against the baseline"
        if forecast.confirm_seeds
        else ""
    )
