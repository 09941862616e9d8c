"""What a plan's runs have in common, for a dry run: the tree of forks, and the steps that it spares. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text
from rich.tree import Tree

from sweeper.study.prefix_tree import Node, Path, length, steps_to_train, tree_of

MAX_LINES = 20
N_NAMED = 6
"""Of trials that part at one step so many are named."""


@dataclass(frozen=True)
class SharedSteps:
    """The trials of a plan on one seed: the steps of all of them, and those that have to be trained."""

    roots: tuple[Node, ...]
    asked: int
    needed: int

    @property
    def rate(self) -> float:
        """The share of the steps that is trained, in [0, 1]."""
        return self.needed / self.asked if self.asked else 1.0

    @property
    def sentence(self) -> str:
        """How many steps of a seed are trained, and what that spares."""
        spared = self.asked - self.needed
        trained = f"{self.needed:,} of {self.asked:,} a seed are trained"
        return f"steps: {trained}; {spared:,} ({1 - self.rate:.0%}) are shared (study.share)"


def shared_steps(runs: Iterable[tuple[str, Path]]) -> SharedSteps | None:
    """What these trials, by name, have in common; None where that is nothing."""
    known = [(name, path) for name, path in runs if path]
    paths = [path for _, path in known]
    asked, needed = sum(map(length, paths)), steps_to_train(paths)
    return SharedSteps(tuple(tree_of(known)), asked, needed) if needed < asked else None


def drawn_steps(shared: SharedSteps) -> Tree:
    """The trees of forks; trials from which none other begins stand together."""
    tree = Tree(Text("shared steps of a seed"))
    left = [MAX_LINES]

    def add(parent: Tree, text: str, forks: Sequence[Node]) -> None:
        left[0] -= 1
        if left[0] > 0:
            branch = parent.add(Text(text))
            for line, further in _lines(forks):
                add(branch, line, further)
        elif left[0] == 0:
            parent.add(Text("..."))

    for root in shared.roots:
        if root.forks:
            add(tree, f"{root.name}: {length(root.path):,} steps", root.forks)
    return tree


def _lines(forks: Sequence[Node]) -> list[tuple[str, Sequence[Node]]]:
    """A line for each step at which leaves part, one for each that others begin from."""
    leaves: dict[int, list[str]] = {}
    for node in forks:
        if not node.forks:
            leaves.setdefault(node.begun, []).append(node.name)
    lines: list[tuple[int, str, Sequence[Node]]] = [
        (step, _named(names), ()) for step, names in leaves.items()
    ]
    lines += [(node.begun, node.name, node.forks) for node in forks if node.forks]
    lines.sort(key=lambda line: line[0])
    return [(f"from step {step:,}: {text}", further) for step, text, further in lines]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more
