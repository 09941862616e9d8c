"""What a model answered in an evaluation, kept to be given again: runs that begin alike ask it once."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from sweeper.worker.training import MisfitError

Answers = list[list[Any]]
"""Of each call of the model in an evaluation, what it returned, in the order of its parts."""
MAX_BYTES = 64 * 2**20
"""Of the answers of one evaluation; where they are larger, the model itself is kept."""


@contextmanager
def heard(model: nn.Module) -> Iterator[Answers]:
    """What `model` returns meanwhile."""
    answers: Answers = []

    def hear(_: nn.Module, __: Any, returned: Any) -> None:
        parts, _structure = tree_flatten(returned)
        answers.append([part.detach().clone() if isinstance(part, Tensor) else part for part in parts])

    hook = model.register_forward_hook(hear)
    try:
        yield answers
    finally:
        hook.remove()


def can_be_kept(by_split: Mapping[str, Answers]) -> bool:
    """Whether these are tensors alone, and not too many bytes."""
    parts = [part for answers in by_split.values() for answer in answers for part in answer]
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        return False
    return bool(sum(part.nbytes for part in parts) <= MAX_BYTES)


@contextmanager
def answering(model: nn.Module, answers: Answers, device: torch.device) -> Iterator[None]:
    """`model` returns these meanwhile, in order, whatever its weights.

    The first call asks it all the same: its answer says how the parts belong together. Raises MisfitError
    where it is called another number of times, or answers in other parts.
    """
    own, left, structure = model.forward, deque(answers), None

    def answer(*arguments: Any, **words: Any) -> Any:
        nonlocal structure
        if structure is None:
            _, structure = tree_flatten(own(*arguments, **words))
        if not left or structure.num_leaves != len(left[0]):
            raise MisfitError("evaluates its model otherwise than the run that was here before")
        return tree_unflatten([part.to(device) for part in left.popleft()], structure)

    model.forward = answer
    try:
        yield
    finally:
        del model.forward
    if left:
        raise MisfitError("evaluates fewer batches than the run that was here before")
