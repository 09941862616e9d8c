"""`study.dry_run=true`: what would be run, and how long that would take by earlier runs of the same kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType

from sweeper.executors import slots_in_words
from sweeper.reports import Column, FittedTable, Prose, Row, default_console, say
from sweeper.results import ENDED, Policy, Runs
from sweeper.schema import Remote
from sweeper.storage import RunBook, Storage
from sweeper.study.confirming import Confirming
from sweeper.study.division import most_trials
from sweeper.study.plan import Plan
from sweeper.study.run_state import n_confirmed, n_to_come, trial_results
from sweeper.study.shared_steps import SharedSteps, drawn_steps, shared_steps
from sweeper.study.stage_tree import Branch, drawn_tree
from sweeper.study.staged_forecast import staged_forecast
from sweeper.trial import Slot, TrialSpec
from sweeper.verdict import PairWalk, best_of, first_design, typical_pairs
from sweeper.wording import duration, plural

COLUMNS = (
    Column("#"),
    Column("trial", is_left=True, is_name=True),
    Column("role", leaves=1, is_left=True),
    Column("runs", leaves=3),
    Column("known", leaves=2),
)
N_ROWS = 20
"""So many trials are listed where there are more than twice as many."""
UNKNOWN = "unknown, no run of this task, data and device has finished yet"


@dataclass(frozen=True)
class Forecast:
    """What a study would do, by all that is known.

    `known`: by trial number, the runs that need not be trained. `n_later`: trials that an adaptive sampler
    will suggest as it goes, each on the first seed, the best `replicate_top_k` on all. `n_unlisted`: points
    of a very large grid beside `trials`. `seconds_per_run`: None where nothing comparable has run yet.
    `n_attributing`: the most runs that an attribution adds, whichever candidate is best. `stages`: those of
    the staged plan called `plan`, with all ways from the first one. `is_assumed`: the slots are agents that
    may come, or not. `shared`: what the trials have in common on one seed, None where that is nothing.
    `n_pairs_expected`: of an open number of confirmation pairs, of which `confirm_seeds` are the most, those
    that are known among them; None where the number is settled. `n_spared`: screening runs that none trains.
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
    replicate_top_k: int | None = None
    n_attributing: int | None = None
    n_follow_ups: int = 0
    plan: str = ""
    stages: Branch | None = None
    is_assumed: bool = False
    shared: SharedSteps | None = None
    n_pairs_expected: float | None = None
    n_spared: int = 0
    is_race: bool = False

    @property
    def on_slots(self) -> str:
        """`on 4 slots`, or what is assumed of slots that will come."""
        n = len(self.slots)
        if self.is_assumed:
            return f"if {plural(n, 'agent')} {'comes' if n == 1 else 'come'}"
        return f"on {plural(n, 'slot')}"

    @property
    def n_screening(self) -> int:
        """Runs to train before a best candidate is known."""
        n_known, n_seeds = sum(self.known.values()), len(self.seeds)
        if self.replicate_top_k is None:
            return self.n_trials * n_seeds - n_known - self.n_spared
        n_replicated = min(self.replicate_top_k, self.n_later)
        return len(self.trials) * n_seeds + self.n_later + n_replicated * (n_seeds - 1) - n_known

    @property
    def n_trials(self) -> int:
        """All trials, those that are not listed and those to come among them."""
        return len(self.trials) + self.n_unlisted + self.n_later

    @property
    def n_confirming(self) -> int:
        """Runs to train after that."""
        return max(0, 2 * len(self.confirm_seeds) - self.n_confirmed)

    @property
    def n_confirming_expected(self) -> int:
        """How many of these are to be expected; a pair at least where the verdict is open."""
        if self.n_pairs_expected is None:
            return self.n_confirming
        return min(self.n_confirming, max(2, round(2 * self.n_pairs_expected) - self.n_confirmed))


def show_forecast(plan: Plan, storage: Storage) -> int:
    """Print what a plan comes to and start nothing; the exit code."""
    forecast = forecast_of(plan, storage)
    console = default_console()
    console.print(drawn(forecast), crop=False)
    for line in (*plan.announced, *(f"warning: {text}" for text in (*plan.sweep.warnings, *plan.notices))):
        say(console, line)
    return 0


def forecast_of(plan: Plan, storage: Storage) -> Forecast:
    """The trials and runs of a plan, and how long they would take, by all that the storage knows."""
    sweep, policy, slots = plan.sweep, plan.policy, plan.arrangement.slots
    kind = plan.factory.workload(plan.drafts[0], slots[0])
    trials = [draft.model_copy(update={"number": number}) for number, draft in enumerate(plan.drafts)]
    book = RunBook(storage, plan.folder, lambda trial: kind)
    known = {key: run for key, run in book.known(trials).items() if run.state not in plan.reopened}
    step_s = storage.seconds_per_step(kind)
    pairs = _pairs(plan, trials, known, book)
    return Forecast(
        study=storage.study,
        trials=trials,
        seeds=policy.seeds,
        confirm_seeds=pairs.seeds,
        slots=slots,
        known={t.number: sum((t.number, seed) in known for seed in policy.seeds) for t in trials},
        n_confirmed=pairs.n_known,
        n_later=policy.n_candidates if sweep.is_adaptive else 0,
        replicate_top_k=policy.replicate_top_k,
        n_unlisted=0 if sweep.points is None else len(sweep.points) - len(trials) + 1,
        seconds_per_run=_seconds_per_run(storage, kind, step_s, max(trial.max_steps for trial in trials)),
        n_attributing=_n_attributing(plan, pairs.n_attributed),
        n_follow_ups=_n_follow_ups(plan),
        plan=plan.settings.plan.name,
        stages=staged_forecast(plan, trials, book, step_s) if sweep.stages else None,
        is_assumed=isinstance(plan.settings.executor, Remote),
        shared=_shared(plan, trials),
        n_pairs_expected=pairs.n_expected,
        n_spared=spared(trials, known, policy),
        is_race=policy.is_race,
    )


def _seconds_per_run(storage: Storage, kind: str, step_s: float | None, max_steps: int) -> float | None:
    """Of the longest run; a program may tell no steps, and its runs take about the same time."""
    if not max_steps:
        return storage.seconds_per_run(kind)
    return None if step_s is None else step_s * max_steps


def spared(trials: Sequence[TrialSpec], known: Runs, policy: Policy) -> int:
    """Screening runs of an enumerated study that none trains: of trials given up, or equal to one before."""
    if policy.replicate_top_k is not None:
        return 0
    n_missing = sum((trial.number, seed) not in known for trial in trials for seed in policy.seeds)
    return n_missing - n_to_come(trials, known, policy, 0)


def _shared(plan: Plan, trials: Sequence[TrialSpec]) -> SharedSteps | None:
    if plan.settings.study.share == "off":
        return None
    return shared_steps((trial.name, plan.factory.run_path(trial).path) for trial in trials)


@dataclass(frozen=True)
class _Pairs:
    """The confirmation seeds there may be, the runs known on them, and on how many seeds is attributed."""

    seeds: Sequence[int]
    n_known: int
    n_expected: float | None
    n_attributed: int


def _pairs(plan: Plan, trials: Sequence[TrialSpec], known: Runs, book: RunBook) -> _Pairs:
    policy, confidence = plan.policy, plan.settings.study.confidence
    walked = _walked(plan, trials, known, book) if policy.is_sequential else None
    if walked is None:
        seeds, is_open = policy.confirm_seeds, policy.is_sequential
        expected = typical_pairs(first_design(policy, confidence)) if is_open else None
        return _Pairs(seeds, n_confirmed(trials, known, policy), expected, len(seeds))
    pair = {one.number for one in trials if one.fingerprint in (walked.budget.best, walked.budget.baseline)}
    n_known = sum(number in pair and seed in walked.seeds for number, seed in known)
    expected = typical_pairs(walked.design) if walked.walk.state is None else None
    return _Pairs(walked.seeds, n_known, expected, len(walked.for_attribution))


def _walked(plan: Plan, trials: Sequence[TrialSpec], known: Runs, book: RunBook) -> PairWalk | None:
    """How far the best of a list of trials has come, where its screening is over; else None."""
    policy, study = plan.policy, plan.settings.study
    if plan.sweep.stages or len(plan.sweep.points or ()) != len(trials) - 1:
        return None
    results = trial_results(trials, known, lambda _: policy.seeds)
    if any(result.state not in ENDED for result in results) or (best := best_of(results, policy)) is None:
        return None
    confirming = Confirming(policy, book, plan.split, study.confidence, study.min_effect)
    return confirming.foreseen(results[0], next(one for one in results if one.spec.number == best))


def _n_attributing(plan: Plan, n_seeds: int) -> int | None:
    if not plan.settings.study.attribution:
        return None
    return most_trials(plan.sweep, plan.factory, plan.drafts) * n_seeds


def _n_follow_ups(plan: Plan) -> int:
    is_possible = any(one.rule.then == "follow_up" for one in plan.rules)
    return plan.settings.study.max_follow_ups if is_possible else 0


def drawn(forecast: Forecast) -> RenderableType:
    """The plan as a table, what its runs share, and lines on runs, slots and time."""
    n_rows = N_ROWS if len(forecast.trials) + forecast.n_unlisted > 2 * N_ROWS else len(forecast.trials)
    rows = [
        Row([str(t.number), t.name, t.role, str(len(forecast.seeds)), str(forecast.known.get(t.number, 0))])
        for t in forecast.trials[:n_rows]
    ]
    if n_left := len(forecast.trials) - n_rows + forecast.n_unlisted:
        rows.append(Row(["", f"... and {n_left} more", "candidate", "", ""]))
    later = f" and {forecast.n_later} more as the sampler suggests them" if forecast.n_later else ""
    lines = [
        f"{plural(forecast.n_trials - forecast.n_later, 'trial')}{later} "
        f"on {plural(len(forecast.seeds), 'seed')}; "
        f"{_n_screening(forecast)} to train{_confirming(forecast)}{_attributing(forecast)}",
        slots_in_words(forecast.slots),
        f"estimated time: {_estimate(forecast)}",
    ]
    title = Prose(f"plan of {forecast.study}")
    table = FittedTable(COLUMNS, rows, has_rule=False)
    if forecast.stages is not None:
        tree, lines = drawn_tree(forecast.plan, forecast.stages), _staged_lines(forecast, forecast.stages)
        return Group(title, table, tree, *(Prose(line) for line in lines))
    parts: list[RenderableType] = [title, table]
    if forecast.shared is not None:
        parts.append(drawn_steps(forecast.shared))
        lines.insert(1, forecast.shared.sentence)
    return Group(*parts, *(Prose(line) for line in lines))


def _staged_lines(forecast: Forecast, stages: Branch) -> list[str]:
    """How much the shortest way and the longest one come to, the baseline and the confirmation with them."""
    costs = sorted((end.in_all for end in stages.ends), key=lambda cost: (cost.n_runs, cost.seconds or 0))
    n_runs = " to ".join(dict.fromkeys(str(cost.n_runs) for cost in (costs[0], costs[-1])))
    time, seconds = UNKNOWN, sorted(cost.seconds for cost in costs if cost.seconds is not None)
    if seconds:
        ends = " to ".join(dict.fromkeys(map(duration, (seconds[0], seconds[-1]))))
        most = "at most " if forecast.n_pairs_expected is not None else ""
        time = f"{most}{ends} {forecast.on_slots}, as earlier runs took"
    said = f"{plural(len(forecast.seeds), 'seed')} a trial; {n_runs} runs to train, with baseline and"
    is_open = forecast.n_pairs_expected is not None
    pairs = f" ({_n_confirming(forecast).rstrip(',')})" if is_open else ""
    return [
        f"{said} confirmation{pairs}{_attributing(forecast)}",
        slots_in_words(forecast.slots),
        f"estimated time: {time}",
    ]


def _estimate(forecast: Forecast) -> str:
    if forecast.seconds_per_run is None:
        return UNKNOWN
    # confirmation begins when the last of the screening has ended
    total, each = (
        duration(n * forecast.seconds_per_run) for n in (_n_rounds(forecast, forecast.n_confirming), 1)
    )
    n_runs = forecast.n_screening + forecast.n_confirming + (forecast.n_attributing or 0)
    is_open = forecast.n_pairs_expected is not None
    runs = plural(n_runs, "run")
    most = "at most " if forecast.n_attributing or forecast.is_race or is_open else ""
    about = ""
    if is_open and not forecast.n_attributing:
        n_rounds = _n_rounds(forecast, forecast.n_confirming_expected)
        about = f", about {duration(n_rounds * forecast.seconds_per_run)} expected"
    return f"{most}{total} for {runs} {forecast.on_slots}{about} ({each} a run, as earlier ones took)"


def _n_rounds(forecast: Forecast, n_confirming: int) -> float:
    """So many times each slot trains a run, where so many runs confirm."""
    phases = (forecast.n_screening, n_confirming, forecast.n_attributing or 0)
    rounds = [-(-n_runs // len(forecast.slots)) for n_runs in phases]
    return sum(rounds) - rounds[0] * (0.0 if forecast.shared is None else 1 - forecast.shared.rate)


def _attributing(forecast: Forecast) -> str:
    n, told = forecast.n_attributing, ""
    if n is not None:
        told = f", then at most {n} to tell which difference made it"
        told = told if n else "; no attribution, since one group of keys differs"
    up = f"; besides at most {plural(forecast.n_follow_ups, 'follow-up')}" if forecast.n_follow_ups else ""
    return f"{told}{up}"


def _n_screening(forecast: Forecast) -> str:
    most = "at most " if forecast.is_race and forecast.n_screening > 0 else ""
    return f"{most}{plural(forecast.n_screening, 'run')}"


def _confirming(forecast: Forecast) -> str:
    """Nothing to add where nothing is ever confirmed."""
    if not forecast.confirm_seeds:
        return ""
    return f", then {_n_confirming(forecast)} to confirm the best against the baseline"


def _n_confirming(forecast: Forecast) -> str:
    n = str(forecast.n_confirming)
    if forecast.n_pairs_expected is None:
        return n
    return f"at most {n}, about {forecast.n_confirming_expected} expected,"
