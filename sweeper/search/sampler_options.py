"""Options of samplers that are objects themselves, written as nodes with a `_target_`, as Hydra does."""

from collections.abc import Mapping
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException

from sweeper.errors import Fault, UserError

TARGET = "_target_"
NODE_DIRECTIVES = (TARGET, "_convert_", "_partial_", "_recursive_", "_args_")
"""Keys of a node that tell Hydra how to build it."""


def built(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with an object in place of each node that names a class, at any depth.

    Raises UserError with all that cannot be built.
    """
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for key, value in options.items():
        try:
            found[key] = _built(value, f"sampler.options.{key}")
        except UserError as error:
            faults += error.faults
    if faults:
        raise UserError(faults)
    return found


def _built(value: Any, where: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_built(item, f"{where}.{index}") for index, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    if TARGET not in value:
        return {key: _built(item, f"{where}.{key}") for key, item in value.items()}
    directives = {key: item for key, item in value.items() if key in NODE_DIRECTIVES}
    inner = {key: _built(item, f"{where}.{key}") for key, item in value.items() if key not in NODE_DIRECTIVES}
    try:
        return instantiate({**directives, "_recursive_": False}, **inner)
    except (HydraException, OmegaConfBaseException, TypeError, ValueError) as error:
        cause = error.__cause__ or error
        problem = f"got '{value[TARGET]}', which cannot be made: {str(cause).partition(chr(10))[0]}"
        expected = "expected the dotted path of a class, and its arguments as keys beside it"
        raise UserError(Fault(f"{where}.{TARGET}", f"{problem}; {expected}")) from None
