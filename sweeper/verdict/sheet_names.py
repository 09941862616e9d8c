"""What columns of tables of runs are called, by habit or as the user says. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.verdict.sheets import Sheet

TRIAL = (
    *("trial", "config", "configuration", "method", "model", "variant", "arm", "name", "tags.sweeper.name"),
    *("run_name", "run name", "tags.mlflow.runname", "run", "experiment", "setting", "candidate"),
)
SEED = ("seed", "random_seed", "rng_seed", "random_state", "rep", "repetition", "replicate", "repeat")
FOLD = ("fold",)
"""It counts as the seed where there is none."""
PHASE, STATE, ROLE = ("phase", "tags.sweeper.phase"), ("state", "status"), ("role", "tags.sweeper.role")
STUDY = ("tags.sweeper.study", "sweeper.study", "study")
PHASES = ("screening", "confirmation", "attribution", "unused")
_LOGGED = re.compile(r"^(?:metrics?|summary|params?|config)[./]|^final/", re.I)


@dataclass(frozen=True)
class Asked:
    """What the user says of the columns; what is None, or empty, is found by name."""

    baseline: str | None = None
    metric: str | None = None
    trial: tuple[str, ...] = ()
    seed: str | None = None
    val: str | None = None
    test: str | None = None


def key_of(name: str) -> str:
    """A column's name without the prefixes that loggers put before it, in small letters."""
    bare = name.strip()
    while (shorter := _LOGGED.sub("", bare, count=1)) != bare:
        bare = shorter
    return bare.lower()


def without_seed(name: str) -> tuple[str, str]:
    """`focal` and `3` of `focal seed 3`, `focal_seed=3`, `focal-s3`; the name and nothing without a seed."""
    found = re.fullmatch(r"(.+?)[\s_./,-]+(?:seed|s)[\s_=:-]*(\d+)", name, re.I)
    return (found[1], found[2]) if found else (name, "")


def column_of(sheet: Sheet, keys: Sequence[str]) -> str | None:
    """The first column called as the first of `keys` that there is; `Random Seed` is `random_seed`."""
    known = {_underscored(key_of(name)): name for name in reversed(sheet.names)} | {
        _underscored(name.strip().lower()): name for name in reversed(sheet.names)
    }
    return next((known[key] for key in keys if key in known), None)


def _underscored(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name)


def listed(names: Sequence[str], limit: int = 12) -> str:
    """The first names, in quotation marks, and how many there are more."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
