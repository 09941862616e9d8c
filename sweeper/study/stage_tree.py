"""What each way through a staged plan costs, as a tree: stages, what decides after each, runs and time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text
from rich.tree import Tree

from sweeper.findings import Decision
from sweeper.search import BEST, STOP, NamedStage, Turn
from sweeper.wording import duration, plural

MAX_LINES = 60
"""A tree with more lines ends there."""


@dataclass(frozen=True)
class Cost:
    """Runs to train, and for how long; None where nothing comparable has run yet."""

    n_runs: int
    seconds: float | None

    def __add__(self, other: "Cost") -> "Cost":
        known = self.seconds is not None and other.seconds is not None
        seconds = (self.seconds or 0) + (other.seconds or 0) if known else None
        return Cost(self.n_runs + other.n_runs, seconds)

    def __str__(self) -> str:
        """`3 runs, 2 min 05 s`, or the runs alone."""
        time = "" if self.seconds is None else f", {duration(self.seconds)}"
        return f"{plural(self.n_runs, 'run')}{time}"


@dataclass(frozen=True)
class Branch:
    """A stage, or the end of a way: what leads there, what it costs, and all from the beginning to there.

    `stage` is None at an end. Of a stage that is over only the way that was taken is there.
    """

    when: str
    stage: str | None
    what: str
    cost: Cost
    in_all: Cost
    further: tuple["Branch", ...] = ()

    @property
    def ends(self) -> Iterator["Branch"]:
        """The ends of all ways from here."""
        if self.stage is None:
            yield self
        for one in self.further:
            yield from one.ends


def branches(
    stages: Sequence[NamedStage],
    costs: Mapping[str, Cost],
    around: Cost,
    decisions: Sequence[Decision] = (),
) -> Branch:
    """The first stage with all ways from it; `around`: the baseline and the confirmation, on every way."""
    by_name = {stage.name: stage for stage in stages}
    taken = {decision.stage: decision for decision in decisions if decision.go is not None}

    def at(name: str, when: str, so_far: Cost) -> Branch:
        if name == STOP:
            return Branch(when, None, STOP, Cost(0, 0.0), so_far)
        stage, in_all = by_name[name], so_far + costs[name]
        over = taken.get(name)
        turns = [(over.go, over.because)] if over else [(one.go, _when(stage, one)) for one in stage.turns]
        further = tuple(at(go or STOP, said, in_all) for go, said in turns)
        return Branch(when, name, _what(stage), costs[name], in_all, further)

    return at(stages[0].name, "", around)


def drawn_tree(plan: str, first: Branch) -> Tree:
    """The tree for a terminal of any width."""
    tree = Tree(Text(f"stages of {plan}"))
    left = [MAX_LINES]

    def add(parent: Tree, branch: Branch) -> None:
        left[0] -= 1
        if left[0] > 0:
            node = parent.add(Text(_line(branch)))
            for one in branch.further:
                add(node, one)
        elif left[0] == 0:
            parent.add(Text("..."))

    add(tree, first)
    return tree


def _when(stage: NamedStage, turn: Turn) -> str:
    if turn.when is not None:
        return turn.when.text
    return "else" if len(stage.turns) > 1 else "then"


def _what(stage: NamedStage) -> str:
    if stage.adjusted is None:
        return ", ".join(stage.trials)
    origin = "the best" if stage.adjusted.of == BEST else stage.adjusted.of
    return f"{origin} with other {', '.join(key.rpartition('.')[2] for key in stage.adjusted.change)}"


def _line(branch: Branch) -> str:
    lead = f"{branch.when}: " if branch.when else ""
    if branch.stage is None:
        return f"{lead}{STOP}; in all {branch.in_all}"
    return f"{lead}{branch.stage} ({branch.what}), {branch.cost}"
