"""How an app was started, so that its jobs can be started in the same way: a line that a person can type."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.config import arguments_parser
from sweeper.layout import RunFolder

CALLBACK = "+hydra.callbacks.sweeper._target_=sweeper.client.JobCallback"
AS_ONE_RUN = "hydra.mode=RUN"
OF_SWEEP = (
    *("hydra.mode", "hydra.sweeper", "hydra.sweep.", "hydra.launcher"),
    *("hydra.run.dir", "hydra.job.num", "hydra.job.id"),
)
"""Overrides of Hydra's own node that are about a sweep, or that each job has its own of.

The choice of a sweeper or a launcher stays: files of the app may set options of it, and cannot be composed
without.
"""
IN_VAIN = {
    **dict.fromkeys(("hydra.sweep.", "hydra.run.dir"), "a run's output is the folder app in its own"),
    **dict.fromkeys(("hydra.job.num", "hydra.job.id"), "a run's job.num is the number of its trial"),
}
"""Those that a user may have meant, and what holds instead."""


@dataclass(frozen=True)
class Launch:
    """How an app was started.

    `program`: Python and what it runs, `["python", "train.py"]`; `flags`: Hydra's; `hydra`: overrides of
    Hydra's own node that jobs have too; `cwd`: where that was; `always_sweeps`: its configuration says
    `hydra.mode: MULTIRUN`.
    """

    program: tuple[str, ...]
    flags: tuple[str, ...]
    hydra: tuple[str, ...]
    cwd: Path
    always_sweeps: bool = False

    def by_hand(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The command line of one run with these overrides, outside of a study."""
        python, *rest = self.program
        mode = (AS_ONE_RUN,) if self.always_sweeps else ()
        return (Path(python).name, *rest, *self.flags, *self.hydra, *lines, *mode)

    def job(self, lines: Sequence[str], folder: RunFolder, number: int) -> tuple[str, ...]:
        """The command line of one run with these overrides."""
        own = (
            AS_ONE_RUN,
            f"hydra.run.dir={_quoted(folder.app.absolute())}",
            f"hydra.job.num={number}",
            CALLBACK,
        )
        return (*self.program, *self.flags, *self.hydra, *lines, *own)


def _quoted(path: Path) -> str:
    """The path as Hydra's grammar takes it, whatever is in it."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def without_effect(hydra_lines: Sequence[str]) -> tuple[str, ...]:
    """What is to be said of overrides of Hydra's own node that change nothing in a study."""
    keys = [line.lstrip("+~").partition("=")[0] for line in hydra_lines]
    return tuple(
        f"{key}: has no effect; {instead}"
        for key in keys
        for beginning, instead in IN_VAIN.items()
        if key.startswith(beginning)
    )


def launch_of(hydra_lines: Sequence[str], cwd: str, *, always_sweeps: bool = False) -> Launch:
    """How this process was started."""
    arguments = arguments_parser().parse_args(sys.argv[1:])
    named = {
        "--config-path": arguments.config_path,
        "--config-name": arguments.config_name,
        "--config-dir": None if arguments.config_dir is None else os.path.abspath(arguments.config_dir),
    }
    flags = [word for flag, value in named.items() if value is not None for word in (flag, value)]
    kept = [line for line in hydra_lines if not line.lstrip("+~").startswith(OF_SWEEP)]
    return Launch((sys.executable, *_main()), tuple(flags), tuple(kept), Path(cwd), always_sweeps)


def _main() -> list[str]:
    """What Python was told to run: `-m package.module`, or a file."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return ["-m", spec.name.removesuffix(".__main__")]
    return [os.path.abspath(str(getattr(main, "__file__", sys.argv[0])))]
