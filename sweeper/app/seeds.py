"""How the seeds of a study reach an app: by which of its keys, from which number on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import DictConfig

from sweeper.app.options import AppOptions, Options
from sweeper.app.trees import has_key, selected
from sweeper.errors import Fault
from sweeper.search import SearchSpace

REPETITIONS = "app.seed_key=null: runs of one trial are plain repetitions, on whatever seeds the app takes"


@dataclass(frozen=True)
class Seeds:
    """The key that a run's seed is given to, None for none; the first seed; what is to be said about them."""

    key: str | None
    first: int = 0
    warnings: tuple[str, ...] = ()


def seeds_of(app: AppOptions, tree: DictConfig | None, command: Sequence[str]) -> Seeds:
    """The seeds of an app that is fixed as in `tree`; a key that the command adds (`+seed=0`) counts."""
    key = app.seed_key
    if key is None:
        return Seeds(None, warnings=(REPETITIONS,))
    if tree is not None and has_key(tree, key):
        value = selected(tree, key)
        return Seeds(key, value if type(value) is int and value >= 0 else 0)
    if any(re.match(rf"\+{{1,2}}{re.escape(key)}=", line) for line in command):
        return Seeds(key)
    text = (
        f"hydra.sweeper.app.seed_key: the app has no key '{key}', so that runs of one trial are plain "
        "repetitions, and pairs of them share no seed. Name the key that it takes its seed from"
    )
    return Seeds(None, warnings=(text,))


def seed_faults(options: Options, space: SearchSpace, seed_key: str | None) -> list[Fault]:
    """What is wrong with seeds on the command line: there are others, or the app has no such key."""
    key = options.app.seed_key
    if space.seeds is None:
        return []
    if seed_key is None:
        problem = f"no such parameter (from the swept key '{key}')"
        return [Fault(str(key), problem, "Name the key that the app takes its seed from: app.seed_key=...")]
    if options.given["study"].get("seeds") is None:
        return []
    return [Fault("study.seeds", f"got seeds twice (from here and from the swept key '{key}')", "Keep one.")]
