"""`study.dry_run=true`: what would be run, and how long that would take by earlier runs of the same kind."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console

from sweeper.compose import Sweep
from sweeper.layout import StudyFolder
from sweeper.proposals import drafts_of, policy_of
from sweeper.results import RunResult
from sweeper.run_book import RunBook
from sweeper.run_state import RunKey
from sweeper.specs import SpecFactory, notices_of, workload
from sweeper.storage import Storage
from sweeper.terminal import plan


def _n_confirmed(known: Mapping[RunKey, RunResult], seeds: Sequence[int]) -> int:
    """Known confirmation runs of the baseline (number 0) and of the candidate that has most."""
    counts = Counter(number for number, seed in known if seed in seeds)
    return counts.pop(0, 0) + max(counts.values(), default=0)


def show_plan(sweep: Sweep, factory: SpecFactory, storage: Storage) -> int:
    """Print the plan of a sweep and start nothing; the exit code."""
    settings, policy = sweep.settings, policy_of(sweep)
    prepared = factory.prepare(settings, sweep.task_config)
    kind = workload(settings, prepared, settings.executor.device)
    drafts = drafts_of(sweep, factory)
    trials = [draft.model_copy(update={"number": number}) for number, draft in enumerate(drafts)]
    book = RunBook(storage, StudyFolder.of(settings.study.results_dir, storage.study), lambda trial: kind)
    known = book.known(trials)
    step_s = storage.seconds_per_step(kind)
    console = Console()
    console.print(
        plan(
            storage.study,
            trials,
            policy.seeds,
            policy.confirm_seeds,
            known={t.number: sum((t.number, seed) in known for seed in policy.seeds) for t in trials},
            seconds_per_run=None if step_s is None else step_s * max(trial.max_steps for trial in trials),
            n_confirmed=_n_confirmed(known, policy.confirm_seeds),
            n_later=policy.n_candidates if sweep.is_adaptive else 0,
        )
    )
    for warning in (*sweep.warnings, *notices_of(trials)):
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    return 0
