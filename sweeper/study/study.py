"""One study from its sweep to its report: plan, open, screen, confirm, conclude."""

from collections.abc import Iterator
from contextlib import contextmanager

from sweeper.config import TaskSweep
from sweeper.errors import StudyError
from sweeper.executors import Executor, Workplace, make_executor
from sweeper.reports import get_ready_to_draw
from sweeper.search import ALONE_S, Adaptive, Enumerated, Sweep, TrialBook, pruning_of, with_race
from sweeper.storage import (
    RunBook,
    Storage,
    is_gone,
    new_owner,
    open_storage,
    place_faults_named,
    refuse_closed,
    url_to_look_at,
)
from sweeper.study.asked_for import warnings_of_others
from sweeper.study.begun import FIXED, as_begun, opened
from sweeper.study.confirming import Confirming
from sweeper.study.dry_run import show_forecast
from sweeper.study.growth import FollowUpLimits, Growth
from sweeper.study.health import Health
from sweeper.study.interrupts import Interrupt, watch_signals
from sweeper.study.job_files import JobFiles, sharing_of
from sweeper.study.loop import Hooks, StudyLoop
from sweeper.study.plan import Plan, plan
from sweeper.study.proposals import asker_of, check_known_space
from sweeper.study.provenance import (
    changed_code,
    refuse_another_study,
    refuse_shared_folder,
)
from sweeper.study.recovery import completed, recovered
from sweeper.study.run_table import RunTable
from sweeper.study.session import Session
from sweeper.study.spec_factory import SpecFactory
from sweeper.study.specs import TaskSpecs
from sweeper.trial import TrialSpec
from sweeper.watch import LOCK_S, Observer, Observers, PageWriter, Terminal, make_tracker
from sweeper.wording import plural
from sweeper.worker import collect_from_here, collector_resting


def run_sweep(sweep: TaskSweep) -> int:
    """Run, resume or extend the study that a task's `sweep` describes; the process's exit code."""
    return run_planned(sweep, TaskSpecs(sweep))


def run_planned(sweep: Sweep, factory: SpecFactory) -> int:
    """Run, resume or extend the study of the trials that `factory` makes; the process's exit code."""
    with place_faults_named(sweep.settings.study.results_dir), collector_resting():
        planned = plan(sweep, factory)
        is_dry, url = sweep.settings.study.dry_run, sweep.settings.study.storage
        with open_storage(url_to_look_at(url) if is_dry else url, planned.study, new_owner()) as storage:
            if is_dry:
                return show_forecast(_foreseen(planned, storage), storage)
            with watch_signals() as interrupt, open_session(planned, storage, interrupt) as session:
                collect_from_here()
                return session.run()


def _foreseen(plan: Plan, storage: Storage) -> Plan:
    """The plan as the study of its name would go on with it. Nothing is written.

    Raises UserError where `open_session` would refuse the command beside an earlier one.
    """
    refuse_shared_folder(plan.folder, plan.study)
    study = storage.begun_study([o.direction for o in plan.policy.objectives])
    if study is None:
        return as_begun(plan, {})
    trials = TrialBook(study)
    plan = as_begun(plan, trials.attributes)
    if FIXED in trials.attributes:  # else its first session was killed before it remembered anything
        refuse_another_study(trials, plan.factory, plan.study)
    check_known_space(plan.sweep, trials)
    for trial in trials.specs():
        plan.factory.adopt(trial)
    return plan


@contextmanager
def open_session(plan: Plan, storage: Storage, interrupt: Interrupt) -> Iterator[Session]:
    """The study, open in its database and folder, with an executor at work and observers that listen.

    What can be wrong with a command beside an earlier one (another study of this name, another range of a
    parameter, data of earlier trials that are gone) is asked before anything is changed. Raises UserError.
    """
    refuse_shared_folder(plan.folder, plan.study)
    refuse_closed(plan.folder.path, plan.settings.study.results_dir)
    storage.refuse_other_hosts()
    trials = TrialBook(storage.optuna_study([o.direction for o in plan.policy.objectives]))
    plan = opened(plan, trials)
    refuse_another_study(trials, plan.factory, plan.study)
    check_known_space(plan.sweep, trials)
    turns = storage.turns(plan.folder.asking_lock, ALONE_S)
    asker = asker_of(plan.sweep, plan.factory, plan.drafts, trials, turns)
    for trial in asker.known:
        plan.factory.adopt(trial)
    observer = _observers(plan, storage)
    storage.warn_of_waits(observer.warned, lambda: interrupt.received is not None)
    target, n_new = plan.settings.task.target, asker.n_left
    workplace = Workplace(plan.study, plan.folder.path, target, n_expected=n_new)
    executor = make_executor(plan.settings.executor, plan.arrangement, workplace)  # its workers import now
    try:
        with _at_once(executor, interrupt):
            session, loop = _session(plan, storage, interrupt, trials, asker, observer, executor)
            try:
                yield session
            except StudyError:
                loop.keep_last_words()
                raise
    finally:
        with _at_once(executor, interrupt):
            executor.close()
            observer.close()


@contextmanager
def _at_once(executor: Executor, interrupt: Interrupt) -> Iterator[None]:
    """Within, a second signal ends all slots, and this process."""
    try:
        yield
    except KeyboardInterrupt:
        executor.abandon()
        interrupt.leave()


def _observers(plan: Plan, storage: Storage) -> Observer:
    """Who is told: the terminal, the page, the tracking store."""
    logging = storage.turns(plan.folder.tracking_lock, LOCK_S)
    terminal, results = Terminal(), plan.settings.study.results_dir
    tracker = make_tracker(plan.settings.tracking, results, terminal.warned, logging)
    every_s = plan.settings.study.page_every_s
    pages = () if every_s is None else (PageWriter(every_s),)
    return Observers(terminal, *pages, tracker)


def _session(
    plan: Plan,
    storage: Storage,
    interrupt: Interrupt,
    trials: TrialBook,
    asker: Adaptive | Enumerated,
    observer: Observer,
    executor: Executor,
) -> tuple[Session, StudyLoop]:
    """The session, and the loop within it; from here on the database changes."""
    pruning = with_race(pruning_of(plan.settings, plan.policy, trials, plan.factory.eval_every), plan.policy)
    trials.name_objectives([o.metric for o in plan.policy.objectives])
    storage.release(is_gone)
    warnings = [
        *plan.sweep.warnings,
        *completed(storage, plan.folder, trials),
        *_tried_again(storage.reopen(plan.reopened, plan.is_kept)),
        *recovered(storage, plan.folder, trials),
        *changed_code(trials, plan.factory.code_hash()),
        *warnings_of_others(plan, trials.specs()),
        *plan.notices,
    ]
    slot = plan.arrangement.slots[0]

    def workload_of(trial: TrialSpec) -> str:
        return plan.factory.workload(trial, slot)

    book, asks = RunBook(storage, plan.folder, workload_of), plan.settings.study
    confirming = Confirming(plan.policy, book, plan.split, asks.confidence, asks.min_effect)
    table = RunTable(plan.policy, book, asker, trials, confirming)
    health = Health(
        plan.rules, plan.policy.objectives[0], plan.factory, plan.policy.seeds, plan.folder, observer.warned
    )
    limits = FollowUpLimits(asks.follow_up_depth, asks.max_follow_ups)
    growth = Growth(
        table, plan.factory, health, plan.rules, limits, plan.drafts, plan.sweep.stages, observer.warned
    )
    sharing = sharing_of(plan, table)
    job_of = JobFiles(plan, sharing).job_of
    hooks = Hooks(job_of, pruning, observer, health, growth.grow, sharing, get_ready_to_draw)
    table.add_known(asker.known)
    loop = StudyLoop(table, executor, hooks, plan.limits, interrupt)
    return Session(plan, table, loop, growth, observer, interrupt, warnings), loop


def _tried_again(n_runs: int) -> list[str]:
    return [f"tried again: {plural(n_runs, 'failed or pruned run')} of earlier commands"] if n_runs else []
