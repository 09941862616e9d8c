"""Which of the overrides in which two trials differ only make sense together. Pure.

A config group goes with all that is set inside it; a loss's weights, gamma and alpha go together; so do the
learning rate, its schedule, the batch size and the length of training; a key that means nothing unless
another one has some value goes with that one; keys named together by the user go together, and with nothing
else. Any other key is a group of its own.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

from sweeper.results import Group

LOSS = ("loss", "aux_focal")
"""Sections whose keys are one loss."""
SIZE = (
    *("optimizer.lr", "trainer.schedule", "trainer.batch_size", "trainer.max_steps", "trainer.epochs"),
    *("trainer.eval_every", "trainer.patience", "trainer.min_delta", "trainer.max_seconds"),
)
"""How large the steps are, how many, and how the last one is found: each only makes sense for the others."""
MAX_IN_NAME = 3


def groups_of(
    keys: Sequence[str],
    named: Sequence[Collection[str]] = (),
    conditional: Mapping[str, Collection[str]] | None = None,
) -> tuple[Group, ...]:
    """The groups of these override keys, in the order of their first ones.

    `named`: keys that the user wants together. `conditional`: for each dotted path those that give it a
    meaning.
    """
    by_user = {key: i for i, names in enumerate(named) for key in keys if _is_within(key, names)}
    parts = {key: {key} for key in keys}
    for one, other in combinations(keys, 2):
        if one in by_user or other in by_user:
            is_joined = one in by_user and by_user.get(one) == by_user.get(other)
        else:
            is_joined = _belong_together(one, other, conditional or {})
        if is_joined and parts[one] is not parts[other]:
            parts[one] |= parts[other]
            for key in parts[one]:
                parts[key] = parts[one]
    found = list({id(part): [key for key in keys if key in part] for part in parts.values()}.values())
    return tuple(Group(name, tuple(part)) for name, part in zip(_names(found), found, strict=True))


def merged(groups: Sequence[Group], limit: int, n_changes: Mapping[str, int]) -> tuple[Group, ...]:
    """At most `limit` groups: those that change the fewest keys (`n_changes` by name) become one.

    Among equals the later ones are taken together.
    """
    if len(groups) <= limit:
        return tuple(groups)
    by_size = sorted(range(len(groups)), key=lambda i: (n_changes.get(groups[i].name, 0), -i))
    small = sorted(by_size[: len(groups) - limit + 1])
    together = Group(
        ", ".join(groups[i].name for i in small), tuple(key for i in small for key in groups[i].keys)
    )
    return (*(group for i, group in enumerate(groups) if i not in small), together)


def _belong_together(one: str, other: str, conditional: Mapping[str, Collection[str]]) -> bool:
    families = {_family(one), _family(other)}
    is_family = len(families) == 1 and None not in families
    return (
        is_family
        or _is_within(one, [other])
        or _is_within(other, [one])
        or _is_conditional(one, other, conditional)
    )


def _is_conditional(one: str, other: str, conditional: Mapping[str, Collection[str]]) -> bool:
    return other in conditional.get(one, ()) or one in conditional.get(other, ())


def is_of_loss(key: str) -> bool:
    """Whether an override's key is of a loss."""
    return _section(key) in LOSS


def _section(key: str) -> str:
    return re.split(r"[./@]", key)[0]


def _family(key: str) -> str | None:
    if is_of_loss(key):
        return "loss"
    return "size" if _is_within(key, SIZE) else None


def _is_within(key: str, sections: Iterable[str]) -> bool:
    return any(key == section or key.startswith((f"{section}.", f"{section}/")) for section in sections)


def _names(parts: Sequence[Sequence[str]]) -> list[str]:
    """A short name for each: the section of a loss, else the last words of its keys if no other has them."""
    short = [_short(part) for part in parts]
    return [
        name if short.count(name) == 1 else ", ".join(part) for name, part in zip(short, parts, strict=True)
    ]


def _short(part: Sequence[str]) -> str:
    if all(_family(key) == "loss" for key in part):
        return ", ".join(dict.fromkeys(map(_section, part)))
    words = [key.rpartition(".")[2] for key in part]
    rest = f" and {len(words) - MAX_IN_NAME} more" if len(words) > MAX_IN_NAME else ""
    return ", ".join(words[:MAX_IN_NAME]) + rest
