"""Optimizers without torch's compiler.

The first optimizer of a process makes torch load torch._dynamo, and with it sympy and torch.distributed: much
of a worker's start, for telling a compiler that is not there to leave a few methods alone. A task that
compiles its model loads it then, and is served as ever.
"""

from functools import cache
from inspect import unwrap
from typing import Any

import torch

COMPILE = "_compile.py"
"""The file of torch that wraps such methods; they know what to call by this mark:"""
MARK = "__dynamo_disable"


@cache
def without_dynamo(kind: type[torch.optim.Optimizer]) -> type[Any]:
    """The same optimizer: its step is `kind`'s, without gradients, as torch's wrapper has it."""
    for method in vars(torch.optim.Optimizer).values():
        if _is_wrapped_by_torch(method) and not hasattr(method.__wrapped__, MARK):
            setattr(method.__wrapped__, MARK, method.__wrapped__)
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(unwrap(kind.step))})


def _is_wrapped_by_torch(method: Any) -> bool:
    code = getattr(method, "__code__", None)
    return hasattr(method, "__wrapped__") and code is not None and code.co_filename.endswith(COMPILE)
