"""Curves and pruning for PyTorch Lightning without a line in the app.

Lightning asks every package that is installed for callbacks: entry points of the group
`lightning.pytorch.callbacks_factory` and, under its other name, `pytorch_lightning.callbacks_factory`.
"""

from importlib import import_module
from typing import Any

from sweeper.client.reporting import report
from sweeper.client.wire import is_in_study


def lightning_callbacks() -> list[Any]:
    """For a `lightning.pytorch.Trainer`; none outside of a study."""
    return [_callback("lightning.pytorch")] if is_in_study() else []


def pytorch_lightning_callbacks() -> list[Any]:
    """For a `pytorch_lightning.Trainer`; none outside of a study."""
    return [_callback("pytorch_lightning")] if is_in_study() else []


def _callback(library: str) -> Any:
    """Reports what the module logs; a run that is given up leaves `fit` with Pruned."""

    def on_validation_end(self: Any, trainer: Any, pl_module: Any) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking and trainer.is_global_zero:
            report(trainer.global_step, _of(trainer.callback_metrics, lambda name: not _is_test(name)))

    def on_test_end(self: Any, trainer: Any, pl_module: Any) -> None:
        if trainer.is_global_zero:
            report(trainer.global_step, _of(trainer.callback_metrics, _is_test))

    methods = {"on_validation_end": on_validation_end, "on_test_end": on_test_end}
    return type("StudyCallback", (import_module(library).Callback,), methods)()


def _of(logged: Any, is_wanted: Any) -> dict[str, Any]:
    """The wanted ones of what was logged that are single numbers."""
    return {name: value for name, value in logged.items() if is_wanted(name) and value.numel() == 1}


def _is_test(name: str) -> bool:
    return name.startswith(("test/", "test_"))
