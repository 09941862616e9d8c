"""A Hydra app as the program of a study: each run is its own command line in a process of its own."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeper.app.code import code_of
from sweeper.app.launch import Launch
from sweeper.app.reading import AppSweep
from sweeper.app.specs import config_at, facts_of
from sweeper.app.trees import has_key
from sweeper.client import RESUME
from sweeper.layout import RunFolder
from sweeper.models import drop_key
from sweeper.program_spec import ProgramSpec
from sweeper.search import text_of


class HydraApp:
    """Follows `specs.Program`."""

    def __init__(self, sweep: AppSweep, launch: Launch) -> None:
        self._sweep, self._launch, self._app = sweep, launch, sweep.app
        self.cwd = launch.cwd

    def config_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        """What the app is given, with its interpolations, without the seed and what `app.ignore` names."""
        config = config_at(self._sweep, overrides)
        for key in filter(None, (self._sweep.seed_key, *self._app.ignore)):
            drop_key(config, key.split("."))
        return config

    def run(self, overrides: Sequence[str], seed: int, number: int, folder: RunFolder) -> ProgramSpec:
        """One run: the app's own words, then the trial's, then its seed; of a key the last one counts."""
        resumed = self._resumed(folder)
        words = [*self._sweep.space.fixed, *overrides, *self.seeded(seed), *resumed]
        lines = self._sweep.by_key(words).values()
        return ProgramSpec(
            **facts_of(self._sweep, self.cwd),
            argv=self._launch.job(tuple(lines), folder, number),
            prefork=self._app.prefork,
            environment={RESUME: str(folder.app.absolute())} if resumed else {},
        )

    def by_hand(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """The command line of one run outside of a study, the seed among its overrides."""
        lines = self._sweep.by_key([*self._sweep.space.fixed, *overrides]).values()
        return self._launch.by_hand(tuple(lines))

    def _resumed(self, folder: RunFolder) -> tuple[str, ...]:
        """The override by which an interrupted run goes on, where its earlier attempt left the file."""
        resume = self._app.resume
        if resume is None or not (path := folder.app.absolute() / resume.file).exists():
            return ()
        return (f"{resume.key}={text_of(str(path))}",)

    def seeded(self, seed: int) -> tuple[str, ...]:
        """The override that gives a run its seed."""
        key = self._sweep.seed_key
        if key is None:
            return ()
        mark = "" if has_key(self._sweep.config, key) else "+"  # `+seed=1,2` of an app without such a key
        if any(line.startswith((f"+{key}=", f"++{key}=")) for line in self._sweep.space.fixed):
            mark = "++"  # that line is left out for this one
        return (f"{mark}{key}={seed}",)

    def code(self) -> str:
        """A hash of the modules of the app, below its folder and where it was started."""
        program = Path(self._launch.program[-1])
        folders = [self.cwd, program.parent] if program.is_file() else [self.cwd]
        return code_of(folders, self._sweep.config)

    @property
    def announced(self) -> tuple[str, ...]:
        """The line that each run is a variant of, and what it is judged by."""
        words = shlex.join((*self._launch.program, *self._launch.flags, *self._sweep.space.fixed))
        seed = self._sweep.seed_key
        return (
            f"each run is a process of its own: {words} <overrides>{f' {seed}=<seed>' if seed else ''}",
            f"judged by {', '.join(self._sweep.objectives)}; settings of the study stand below "
            "hydra.sweeper: study.retry is hydra.sweeper.study.retry, study.max_failure_rate "
            "hydra.sweeper.max_failure_rate",
        )
