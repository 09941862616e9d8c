"""What a worker needs to run somebody's program: one run of a study of an app. Pure, JSON both ways.

A figure is a number with a name, `split/name`; a name without a split is one of validation. What a program
hands over, wherever it does so, is brought into this form by `figures_of`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from sweeper.client import CHANNEL as CHANNEL, MARK as MARK, RESUME as RESUME
from sweeper.models import StrictModel, Strings

SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    **dict.fromkeys(("val", "valid", "validation", "eval"), "val"),
}
"""How a name may begin, and the split that it is then of."""
_NAMED = re.compile(rf"({'|'.join(SPLITS)})[/_](.+)", re.IGNORECASE | re.DOTALL)
_UNFIT = re.compile(r"[\s/<>=]+")


class ProgramSpec(StrictModel):
    """One run of a program.

    `argv`: the whole command line, which a person can type in `cwd`, with `environment` added. `objectives`:
    the names of the figures that the study is judged by, without a split, as `figures_of` spells them: a
    single number that is returned is the first one on validation, a list has one for each. `test_figure`:
    which figure is the first objective on test, where that is not `test/<objective>`. `results`: a JSON file
    of figures that the program writes, `examples`: an `.npz` beside it with values by example of the test
    split. `patterns`: for each figure a regular expression with one group; its last match in the output
    counts. `total_steps`: of a whole run, 0 where nobody knows. `grace_s`: how long a program that is told
    to leave may take. `silence_s`: a program that neither prints, nor reports, nor computes for so long
    hangs. `prefork`: the script is imported once a worker, and each run is a fork of that.
    """

    argv: Strings = Field(min_length=1)
    cwd: str
    environment: dict[str, str] = Field(default_factory=dict)
    objectives: Strings = Field(min_length=1)
    test_figure: str | None = None
    results: str | None = None
    examples: str | None = None
    patterns: dict[str, str] = Field(default_factory=dict)
    total_steps: int = Field(ge=0)
    grace_s: float = Field(gt=0)
    silence_s: float | None = Field(gt=0)
    prefork: bool = False

    @field_validator("patterns")
    @classmethod
    def _have_one_group(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, pattern in patterns.items():
            try:
                n_groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"{name}: {pattern!r} is no regular expression: {error}") from error
            if n_groups != 1:
                raise ValueError(f"{name}: {pattern!r} has {n_groups} groups; expected 1, around the number")
        return patterns


def figure_name(text: str) -> str:
    """`split/name` of a figure as a program calls it: `acc`, `valid/acc` and `eval_acc` are `val/acc`.

    `test/val_acc` is `test/acc`: the value on test of what is called `val_acc` elsewhere. The name itself has
    no slash and no white space: `val/acc/top 1` is `val/acc_top_1`.
    """
    found = _NAMED.fullmatch(text.strip())
    split, name = (SPLITS[found[1].lower()], found[2]) if found else ("val", text.strip())
    inner = _NAMED.fullmatch(name) if split != "val" else None
    if inner and SPLITS[inner[1].lower()] == "val":
        name = inner[2]
    return f"{split}/{_UNFIT.sub('_', name)}"


def figures_of(value: Any, objectives: Sequence[str]) -> dict[str, float]:
    """The figures in what a program returned: a number, a list with one for each objective, or a mapping.

    Raises ValueError with what was got and expected.
    """
    if isinstance(value, Mapping):
        return {figure_name(str(key)): _number(one, str(key)) for key, one in value.items()}
    values = list(value) if isinstance(value, list | tuple) else [value]
    if len(values) != len(objectives):
        raise ValueError(
            f"returned {len(values)} numbers; expected {len(objectives)}: {', '.join(objectives)}"
        )
    return {f"val/{name}": _number(one, name) for name, one in zip(objectives, values, strict=True)}


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is {value!r}; expected a number") from error
