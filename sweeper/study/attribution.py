"""When the trials of an attribution join a study: once its verdict is known."""

from sweeper.results import Mix
from sweeper.study.division import division, with_control
from sweeper.study.plan import Plan
from sweeper.study.run_table import RunTable
from sweeper.verdict import best_of


def begun_attribution(plan: Plan, table: RunTable) -> Mix | None:
    """What the study's attribution is made of, its trials begun; None where none is asked for, or possible.

    It takes a winner, judged on all confirmation seeds. Where few pairs have decided, winner and baseline are
    trained on further ones for it, which play no part in the verdict.
    """
    results = table.results()
    best = best_of(results, table.policy)
    if not plan.settings.study.attribution or best is None or table.wanted_confirmation().runs:
        return None
    ends = [result for result in results if result.spec.number == best or result.spec.role == "baseline"]
    baseline, winner = (result.spec for result in sorted(ends, key=lambda r: r.spec.role != "baseline"))
    if any(result.runs[seed].state != "COMPLETE" for result in ends for seed in table.policy.confirm_seeds):
        return None
    divided = division(plan.sweep, plan.factory, baseline, winner)
    divided = with_control(divided, plan.factory, baseline, winner, table.runs)
    table.begin_all(divided.all_drafts)
    seeds = table.attribution_seeds
    mix = divided.numbered(table.trials.values(), baseline.number, winner.number, seeds)
    table.attributing = mix.numbers
    return mix
