"""The report in markdown; reads well raw, too."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sweeper.errors import sentences
from sweeper.findings import Confirmation
from sweeper.reports.attribution_text import attribution_section
from sweeper.reports.curves import flatten
from sweeper.reports.front_text import front_section
from sweeper.reports.guards_text import guards_section
from sweeper.reports.health_text import health_section
from sweeper.reports.incidents import endings, grouped, on_the_way
from sweeper.reports.leaderboard import (
    Row,
    difference,
    ensemble_section,
    p_in_words,
    pruning,
    rows,
    shown_splits,
)
from sweeper.reports.markdown_text import block, code, heading, inline, line
from sweeper.reports.pairs_text import how_often, interval_words, pairs_lines
from sweeper.reports.plan_text import plan_section
from sweeper.reports.slots_text import devices_in_words, slots_lines
from sweeper.reports.summary_model import Summary
from sweeper.reports.trivial import sentence as sentence_of_trivial
from sweeper.results import JudgedOn, Judgement, StudyResult, Totals
from sweeper.verdict import n_met_in_words, result_in_words
from sweeper.wording import NOTHING, duration, number, plural, split_name

MAX_LISTED = 6
"""A longer list of facts is for programs."""
CAPTIONS = {
    "curves": "Validation over the steps: mean over the seeds, band from the lowest to the highest.",
    "forest": "Differences to the baseline on {split} with their intervals; right of zero means a larger "
    "value. The confirmed one is a single test; the others hold all at once, and come from other seeds.",
    "pairs": "Winner against baseline on {split}, pair by pair: the improvement in standard errors, and the "
    "boundary beyond which it is decided.",
    "attribution": "What each group of keys does, and on top all of them together: improvement on {split}, "
    "with simultaneous intervals. In the color of the whole: the groups that are named.",
    "pareto": "The trials on validation; the steps lead along those that no other beats in both objectives.",
}


def report_markdown(
    result: StudyResult,
    judgement: Judgement,
    summary: Summary,
    images: Sequence[str],
    sections: Sequence[list[str]] = (),
) -> str:
    """The report of a study; `images` are paths relative to it, `sections` those of its task, in lines."""
    blocks = [
        [f"# {heading(result.study)}", "", f"> **{inline(judgement.sentence)}**", *_stopped(summary)],
        _leaderboard(result, summary),
        front_section(summary, judgement.notes, table),
        _confirmation(result, judgement),
        guards_section(summary, result.confidence, table),
        _notes(summary, judgement),
        attribution_section(summary, table),
        plan_section(summary, table),
        ensemble_section(summary, table),
        _plots(images, result.judged_on),
        *sections,
        _success(summary),
        health_section(summary, table),
        _listed("Warnings", _warnings(summary)),
        _listed("Failed", grouped(endings(summary.trials, "FAILED"))),
        _listed("Interrupted", grouped(endings(summary.trials, "INTERRUPTED"))),
        _pruned(summary),
        _listed("What went wrong on the way", grouped(on_the_way(summary.trials))),
        _data(result),
        _reproduce(result, judgement),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def table(head: Sequence[str], body: Iterable[Sequence[str]], left: Sequence[str] = ()) -> list[str]:
    """A markdown table whose columns line up when it is read raw; those named in `left` are left-aligned."""
    lines = [[inline(text) for text in row] for row in (head, *body)]
    widths = [max(3, *(len(row[i]) for row in lines)) for i in range(len(head))]
    is_left = [name in left for name in head]
    rule = ["-" * width if is_left[i] else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines.insert(1, rule)
    return [
        "| " + " | ".join(_pad(text, widths[i], is_left[i]) for i, text in enumerate(row)) + " |"
        for row in lines
    ]


def _pad(text: str, width: int, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _leaderboard(result: StudyResult, summary: Summary) -> list[str]:
    several, metrics = summary.is_multi_objective, summary.metric
    compared = (
        []
        if several
        else [f"{summary.judged_on} difference", f"{result.confidence:.0%} interval", "p (Holm)"]
    )
    head = [
        *("#", "trial", *(f"{split} {metric}" for split in shown_splits(summary) for metric in metrics)),
        *(*compared, "state", "time"),
    ]
    body = [_line(row, summary) for row in rows(summary)]
    below = [*_legend(result, several), *_trivial(summary)]
    return ["## Leaderboard", "", *table(head, body, left=("trial", "state")), "", *below]


def _trivial(summary: Summary) -> list[str]:
    text = sentence_of_trivial(summary)
    return ["", line(text)] if text else []


def _line(row: Row, summary: Summary) -> list[str]:
    n, several = len(summary.metric), summary.is_multi_objective
    compared = [] if several else [row.difference, row.interval, row.p_adjusted]
    values = row.values or (NOTHING,) * n
    test = (row.test or (NOTHING,) * n) if "test" in shown_splits(summary) else ()
    return [
        *(str(row.trial), _name(row), *values, *test),
        *(*compared, row.ending, duration(row.seconds)),
    ]


def _name(row: Row) -> str:
    special = {*row.marks, *row.rules} - ({"baseline"} if row.name == "baseline" else set())
    return row.name + (f" ({', '.join(sorted(special))})" if special else "")


def _legend(result: StudyResult, several: bool) -> list[str]:
    goal = ", ".join(f"{inline(objective.metric)}: {objective.direction}" for objective in result.objectives)
    seeds = f"Mean ± standard deviation over seeds {_enumerate(result.seeds)} ({goal})."
    if several:
        return [f"{seeds} Trials of the front come first."]
    return [
        f"{seeds} {_chosen_and_compared(result)}",
        "Holm-adjusted and exploratory: the verdict rests on the confirmation alone.",
        *_counted_in(len(result.given_up)),
    ]


def _chosen_and_compared(result: StudyResult) -> str:
    where = split_name(result.judged_on)
    return f"The best is chosen on validation; differences are trial minus baseline on {where},"


def _counted_in(n_given_up: int) -> list[str]:
    if not n_given_up:
        return []
    why = "so that the others look no surer for it"
    return [f"Pruned and failed candidates ({n_given_up}) count in intervals and p values, {why}."]


def _confirmation(result: StudyResult, judgement: Judgement) -> list[str]:
    found = judgement.confirmation
    if found is None:
        return []
    metric = f"{result.judged_on} {result.objectives[0].metric}"
    where = f"{split_name(result.judged_on)} split" + (
        ", which chose the best" if result.judged_on == "val" else ""
    )
    (estimate, interval), p_value = difference(found), p_in_words(found.p_value)
    pairs = [(s, base, found.best_per_seed.get(s)) for s, base in found.baseline_per_seed.items()]
    body = [[str(seed), number(base), number(best), _signed(best, base)] for seed, base, best in pairs]
    return [
        *("## Confirmation", ""),
        f"Baseline and best, trained again on fresh seeds and compared {how_often(judgement)} on the "
        f"{where}.",
        *("", *table(["seed", f"{metric}, baseline", f"{metric}, best", "difference"], body), ""),
        f"- difference {estimate}, {interval_words(result, judgement, f'{interval}, {p_value}')}",
        *pairs_lines(result, judgement),
        f"- standard error from seeds {_small(found.se_seeds)}, from the finite "
        f"{split_name(result.judged_on)} set {_small(found.se_examples)}; "
        f"degrees of freedom {_small(found.df)}",
        *_seeds_needed(result, found),
        *(f"- note: {inline(note)}" for note in (*judgement.notes, *judgement.remarks)),
    ]


def _notes(summary: Summary, judgement: Judgement) -> list[str]:
    """What to know of a verdict, where neither a confirmation nor a front tells it."""
    is_told = judgement.confirmation is not None or summary.is_multi_objective
    return [] if is_told else _listed("Notes", judgement.notes)


def _signed(best: float | None, base: float) -> str:
    return NOTHING if best is None else f"{best - base:+.2g}"


def _small(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2g}"


def _seeds_needed(result: StudyResult, confirmation: Confirmation) -> list[str]:
    needed = confirmation.seeds_needed_for_min_effect
    if needed is None or result.min_effect is None:
        return []
    return [f"- seeds needed to find an effect of {result.min_effect:g}: {needed}"]


def _plots(images: Sequence[str], judged_on: JudgedOn) -> list[str]:
    if not images:
        return []
    lines = ["## Plots"]
    for image in images:
        caption = CAPTIONS[image.rsplit("/", 1)[-1].removesuffix(".png")].format(split=split_name(judged_on))
        lines += ["", f"![{caption}]({quote(image)})", "", f"*{caption}*"]
    return lines


def _listed(title: str, entries: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {line(entry)}" for entry in entries)] if entries else []


def _success(summary: Summary) -> list[str]:
    """What each trial reached of `trainer.success`, in the order of the leaderboard."""
    results = {trial.trial: trial.success for trial in summary.trials}
    ranked = [row for row in rows(summary) if results[row.trial]]
    if not ranked:
        return []
    head = ["trial", *(one.criterion for one in results[ranked[0].trial]), "met"]
    body = [
        [_name(row), *map(result_in_words, results[row.trial]), n_met_in_words(results[row.trial])]
        for row in ranked
    ]
    return [
        *("## Success criteria", "", *table(head, body, left=("trial",)), ""),
        "Means over the seeds, of validation where no split is named; a ratio is that of two means. Not",
        "available: what the runs of a trial have not all measured, or have not finite.",
    ]


def _warnings(summary: Summary) -> list[str]:
    """Each once: what is said of trials' configurations stands with the trials that it is about."""
    notices: dict[str, list[str]] = {}
    for trial in summary.trials:
        for notice in trial.warnings:
            notices.setdefault(notice, []).append(f"{trial.trial} {trial.name}")
    about = tuple(f"{notice} (in " for notice in notices)
    others = [
        text for text in summary.warnings if text not in notices and not (about and text.startswith(about))
    ]
    return [*dict.fromkeys(others), *(f"{notice} ({_trials(who)})" for notice, who in notices.items())]


def _trials(who: Sequence[str]) -> str:
    more = f" and {len(who) - MAX_LISTED} more" if len(who) > MAX_LISTED else ""
    return f"trial {', '.join(who[:MAX_LISTED])}{more}"


def _stopped(summary: Summary) -> list[str]:
    if summary.state == "finished":
        return []
    why, advice = summary.stopped_because, "The same command goes on with the study."
    if to_go_on := summary.totals.to_go_on:
        if why and to_go_on.startswith(why):
            return ["", f"Not finished: {inline(to_go_on)}."]
        advice = f"{to_go_on[0].upper()}{to_go_on[1:]}."
    return ["", sentences(f"Not finished: {inline(why)}" if why else "Not finished", advice)]


def _pruned(summary: Summary) -> list[str]:
    pruned = grouped(endings(summary.trials, "PRUNED"))
    return [*_listed("Pruned", pruned), "", f"{pruning(summary)}."] if pruned else []


def _data(result: StudyResult) -> list[str]:
    kinds = {True: "Real data", False: "Generated data"}
    kind = kinds.get(result.data.get("real", False), "Data")
    announced = ("skipped", "contents", "reading", "doubts", "unseen")
    told_elsewhere = ("name", "real", "trivial", "trivial_predictor", *announced)
    facts = flatten({key: value for key, value in result.data.items() if key not in told_elsewhere})
    shown = ((key.removeprefix("facts."), _fact(value)) for key, value in facts.items())
    return [
        *("## Data", "", f"{kind}: {code(str(result.data.get('name')))}.", ""),
        *(f"- {line(key.replace('_', ' ').replace('.', ' '))}: {text}" for key, text in shown if text),
        *(("", *block(result.announced)) if result.announced else ()),
    ]


def _fact(value: Any) -> str:
    """A number or a name as people write it; nothing for what is too long to read."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if _is_list(value) and (len(value) > MAX_LISTED or any(map(_is_list, value))):
        return ""
    if isinstance(value, Mapping):
        return _described(value)
    text = ", ".join(map(_fact, value)) if _is_list(value) else inline(str(value))
    return text if len(text) <= 100 else ""


def _described(value: Mapping[str, Any]) -> str:
    """`user (vocabulary 500)`, of a list of things with names."""
    facts = ", ".join(f"{inline(str(key))} {_fact(one)}" for key, one in value.items() if key != "name")
    name = inline(str(value["name"])) if "name" in value else ""
    return f"{name} ({facts})" if name and facts else name or facts


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


GROWN = "- the study was judged before this command: all its commands make it again, in their order"


def _reproduce(result: StudyResult, judgement: Judgement) -> list[str]:
    facts, totals = result.provenance, result.totals
    state = " (with uncommitted changes)" if facts.get("git_dirty") else ""
    versions = ", ".join(
        f"{inline(name)} {inline(version)}" for name, version in facts.get("versions", {}).items()
    )
    return [
        *("## How to reproduce", "", *block([str(facts.get("command", ""))]), ""),
        *_by_hand(result),
        *([GROWN] if any(look != judgement.look for look in result.looks) else []),
        f"- code: git {facts.get('git_sha') or 'unknown'}{state}, hash {facts.get('code_hash')}",
        f"- versions: {versions}",
        f"- machine: {inline(str(facts.get('cpu')))}, threads {facts.get('threads')}, "
        f"devices {devices_in_words(totals)}",
        f"- study: {plural(totals.runs, 'run')} of {plural(totals.trials, 'trial')}, "
        f"{_fact(totals.steps_trained)} steps trained in {duration(totals.train_s)}{_shared(totals)}",
        f"- this session: {facts.get('started')} to {facts.get('finished')}, "
        f"{duration(totals.wall_s)}; {plural(totals.runs_reused, 'run')} without training",
        *slots_lines(totals),
    ]


def _shared(totals: Totals) -> str:
    """What was not trained again: inherited from runs that begin alike, and saved by pruning."""
    told = {"inherited": totals.steps_inherited, "saved by pruning": totals.steps_saved}
    return "".join(f", {_fact(n)} {how}" for how, n in told.items() if n)


def _by_hand(result: StudyResult) -> list[str]:
    """How the baseline of a program is run by hand; of a task the command of the study is enough."""
    command = result.commands.get(result.baseline.spec.number)
    told = "each run's own line is in its job.json and log.txt"
    return [f"- one run of the baseline by hand: {inline(command)}; {told}"] if command else []


def _enumerate(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) if len(seeds) <= 10 else f"{seeds[0]} to {seeds[-1]} ({len(seeds)})"
