"""What is wrong with a configuration tree, in the user's terms: unknown keys, missing values."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.config.validation import Sources, source_of
from sweeper.errors import Fault, did_you_mean


def unknown_key(key: str, tree: DictConfig, source: str, hint: str = "") -> Fault:
    """The fault of a key that does not exist; without another hint, a key of a similar name is suggested."""
    known = dotted_keys(tree, hydra=key.startswith("hydra."))
    hint = hint or did_you_mean(key, known) or _of_the_same_name(key, known)
    problem = f"no such parameter (from {source}){hint}"
    return Fault(key, problem, "" if hint else "Add a new one with +key=value.")


def _of_the_same_name(key: str, known: Iterable[str]) -> str:
    """`"; did you mean 'optimizer.lr'?"` for `lr`: keys of some section with the last name of this one."""
    last = key.rpartition(".")[2]
    names: dict[str, str] = {}
    for one in known:
        names.setdefault(one.rpartition(".")[2], one)
    near = get_close_matches(last, list(names), n=1, cutoff=0.85)
    return f"; did you mean '{names[near[0]]}'?" if near else ""


def dotted_keys(tree: DictConfig, *, hydra: bool = False) -> list[str]:
    """Every key of the tree as a dotted path, sections included; Hydra's own only when asked for."""
    plain = OmegaConf.to_container(tree, resolve=False)
    assert isinstance(plain, dict)
    return list(_paths({key: value for key, value in plain.items() if hydra or key != "hydra"}, ""))


OF_HYDRA = (
    "What is fixed before a run begins cannot ask it of the run. Paths are relative to the folder you are "
    "in anyway; it is ${oc.env:PWD}, too."
)


def unresolved(tree: DictConfig, sources: Sources) -> Iterator[Fault]:
    """A fault for each `???` and for each interpolation that leads nowhere."""
    yield from _unresolved(tree, "", sources)


def first_line(error: BaseException) -> str:
    """The first line of the innermost message: Hydra wraps OmegaConf's errors in empty ones."""
    while not str(error).strip() and error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0].rstrip(".") or f"Hydra has raised {type(error).__name__}"


def required_group(error: BaseException) -> str | None:
    """The group that has to be chosen (`- model: ???`), where that is what Hydra stopped at."""
    found = re.match(r"You must specify '([^']+)'", first_line(error))
    return found[1] if found else None


def _unresolved(node: DictConfig | ListConfig, prefix: str, sources: Sources) -> Iterator[Fault]:
    keys: Iterable[Any] = range(len(node)) if isinstance(node, ListConfig) else list(node)
    for key in keys:
        path = f"{prefix}{key}"
        if OmegaConf.is_missing(node, key):
            yield Fault(path, f"missing{source_of(path, sources)}", f"Give it a value: {path}=...")
        elif OmegaConf.is_interpolation(node, key):
            yield from _dead_reference(node, key, path, sources)
        elif isinstance(inner := node[key], (DictConfig, ListConfig)):
            yield from _unresolved(inner, f"{path}.", sources)


def _dead_reference(node: DictConfig | ListConfig, key: Any, path: str, sources: Sources) -> Iterator[Fault]:
    try:
        node[key]
    except OmegaConfBaseException as error:
        text = OmegaConf.to_container(node, resolve=False)[key]  # type: ignore[index]
        problem = f"got {text}{source_of(path, sources)}, which leads nowhere: {first_line(error)}"
        section = re.search(r"\$\{(\w+)\.", str(text))
        advice = OF_HYDRA if "${hydra:" in str(text) else ""
        yield Fault(path, problem, advice, follows_from=section[1] if section else "")


def _paths(node: Mapping[Any, Any], prefix: str) -> Iterator[str]:
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{key}.")
