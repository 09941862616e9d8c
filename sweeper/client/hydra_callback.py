"""How a Hydra app's run began and ended, told without a line in the app.

`+hydra.callbacks.sweeper._target_=sweeper.client.JobCallback` on the command line is all. It is no subclass
of Hydra's `Callback`, so that nothing here imports Hydra.
"""

import io
from collections.abc import Mapping
from contextlib import redirect_stderr
from typing import Any

from sweeper.client.numbers import flattened, plain
from sweeper.client.places import place_of
from sweeper.client.reporting import Pruned
from sweeper.client.wire import is_in_study, wire

EXPECTED = "expected a number, a list of numbers, or a mapping of names to numbers"


class JobCallback:
    """Hydra calls it around a job; what it says of several jobs (`-m`) is nobody's business here."""

    def on_job_start(self, config: Any, **_: Any) -> None:
        """Tell where the output goes."""
        if is_in_study():
            wire.tell({"kind": "began", "output_dir": str(config.hydra.runtime.output_dir)})

    def on_job_end(self, config: Any, job_return: Any, **_: Any) -> None:
        """Hand over what the app's function returned, or raised."""
        if not is_in_study():
            return
        try:
            with redirect_stderr(io.StringIO()):  # Hydra's own word of it comes twice otherwise
                value = job_return.return_value
        except Exception as error:
            wire.tell(raised(error))
        else:
            wire.tell(returned(value))

    def on_run_start(self, **_: Any) -> None:
        """Nothing."""

    def on_run_end(self, **_: Any) -> None:
        """Nothing."""

    def on_multirun_start(self, **_: Any) -> None:
        """Nothing."""

    def on_multirun_end(self, **_: Any) -> None:
        """Nothing."""

    def on_compose_config(self, **_: Any) -> None:
        """Nothing."""


def returned(value: Any) -> dict[str, Any]:
    """The message that hands a value over; `problem` says why it cannot be, `left_out` what is no number."""
    if isinstance(value, Mapping):
        numbers, left_out = flattened(value)
        return {"kind": "returned", "value": numbers, "left_out": left_out}
    try:
        return {"kind": "returned", "value": plain(value)}
    except (TypeError, ValueError, RuntimeError):
        return {"kind": "returned", "value": None, "problem": f"returned {_named(value)}; {EXPECTED}"}


def raised(error: BaseException) -> dict[str, Any]:
    """The message that tells of an exception: its class, its first line, and where it comes from."""
    return {
        "kind": "raised",
        "error": type(error).__name__,
        "reason": (str(error).strip().splitlines() or ["without a message"])[0][:2000],
        "place": place_of(error),
        "errno": error.errno if isinstance(error, OSError) else None,
        "is_pruned": isinstance(error, Pruned),
    }


def _named(value: Any) -> str:
    return f"{value!r:.60}" if isinstance(value, str | list | tuple) else f"a {type(value).__name__}"
