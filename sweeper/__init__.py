"""Hydra + Optuna sweeps of PyTorch losses, each ending with a verdict against the baseline.

What an app may import: `report`, which tells the study of an evaluation, and `Pruned`, which it may raise.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeper.client import Pruned as Pruned, report as report

__version__ = "0.1.0"
__all__ = ["Pruned", "report"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from sweeper import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
