"""What is said of an ensemble, made from the object `ensemble` of a `summary.json`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeper.report.leaderboard import difference, number

Table = Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[str]], list[str]]


def sentence_of(entry: Mapping[str, Any], metric: str, confidence: float) -> str:
    """The ensemble beside the best single run, on the test split, in one sentence."""
    best = entry["best_run"]
    estimate, interval = difference({**entry, "difference": entry["improvement"]})
    known = entry["ci_low"] is not None
    error = f"{100 * confidence:g} % interval {interval}" if known else "no interval"
    return (
        f"The average of {len(entry['members'])} runs reaches test {metric} {number(entry['test'])}, "
        f"the run that is best on validation ({run_name(best)}) {number(best['test'])}: "
        f"improvement {estimate}, {error} "
        "(of these very models on other test examples; no variance of seeds is in it)."
    )


def run_name(run: Mapping[str, Any]) -> str:
    """`trial 3 lambda=0.2 seed 1`."""
    return f"trial {run['trial']} {run['name']} seed {run['seed']}"


def ensemble_line(summary: Mapping[str, Any]) -> str:
    """The sentence, for a terminal; empty where there is no ensemble."""
    entry = summary.get("ensemble")
    return f"ensemble: {entry['sentence']}" if entry else ""


def ensemble_section(summary: Mapping[str, Any], table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty without an ensemble."""
    entry = summary.get("ensemble")
    if not entry:
        return []
    metric, best = summary["metric"], entry["best_run"]
    body = [
        [f"average of {len(entry['members'])} runs", number(entry["val"]), number(entry["test"])],
        [f"best single run: {run_name(best)}", number(best["val"]), number(best["test"])],
    ]
    members = "; ".join(f"{run_name(one)} (val {number(one['val'])})" for one in entry["members"])
    return [
        *("## Ensemble", "", entry["sentence"], ""),
        *table(["model", f"val {metric}", f"test {metric}"], body, ["model"]),
        *("", f"The mean of the probabilities of the best runs on validation: {members}."),
    ]
