"""Any command line as the program of a study: each run is the command, its places filled."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.app.command_words import OUT, PLACE, SEED, CommandWords, filled, places_in
from sweeper.app.reading import AppSweep
from sweeper.app.specs import digests_of, grace_of, plain
from sweeper.errors import UserError
from sweeper.layout import RunFolder
from sweeper.models import digest_of
from sweeper.program_spec import ProgramSpec, figure_name
from sweeper.schema import Local
from sweeper.search import key_of


class CommandProgram:
    """Follows `specs.Program`."""

    def __init__(self, sweep: AppSweep, words: CommandWords, cwd: Path) -> None:
        self._sweep, self._words, self.cwd = sweep, words, cwd
        self.name = sweep.settings.task.name
        listed = sweep.settings.study.metrics or (sweep.settings.task.metric,)
        self.metrics = tuple(one.partition(":")[0] for one in listed)

    def config_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The parameters at these overrides, and the command that they go into."""
        tree, faults = self._sweep.composer.unresolved(overrides)
        if faults:
            raise UserError(faults)
        values = {key: value for key, value in plain(tree).items() if key != SEED}
        return {**values, "command": list(self._words.template)}

    def by_key(self, overrides: Sequence[str]) -> dict[str, str]:
        """The overrides by what they set."""
        return {key_of(override): line for line, override in self._sweep.composer.parse(overrides)[0]}

    def run(self, overrides: Sequence[str], seed: int, number: int, folder: RunFolder) -> ProgramSpec:
        """The command with this trial's values, this seed, and a file for its results."""
        out = folder.app_results.absolute()
        values = {key: _word(value) for key, value in self.config_at(overrides).items() if key != "command"}
        values |= {SEED: str(seed), OUT: str(out)}
        executor, test = self._sweep.settings.executor, self._sweep.app.test_metric
        return ProgramSpec(
            argv=tuple(filled(part, values) for part in self._words.template),
            cwd=str(self.cwd),
            objectives=self.metrics,
            test_figure=None if test is None else figure_name(test),
            results=str(out),
            examples=str(out.with_suffix(".npz")),
            patterns=dict(self._words.patterns),
            total_steps=self.total_steps,
            grace_s=grace_of(self._sweep.settings),
            silence_s=executor.silence_s if isinstance(executor, Local) else None,
        )

    def by_hand(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """The command line of one run outside of a study, the seed among its overrides."""
        tree, _ = self._sweep.composer.unresolved([f"++{line.lstrip('+')}" for line in overrides])
        values = {key: _word(value) for key, value in plain(tree).items()} | {OUT: "results.json"}
        return tuple(filled(part, values) for part in self._words.template)

    def seeded(self, seed: int) -> tuple[str, ...]:
        """How the seed is told to a run."""
        return (f"{SEED}={seed}",) if SEED in places_in(self._words.template) else ()

    def code(self) -> str:
        """A hash of the files that the command names, and of the Python files beside them."""
        named = [self.cwd / part for part in self._words.template if not PLACE.search(part)]
        files = {path.resolve() for path in named if path.is_file()}
        beside = {other for path in files if path.suffix == ".py" for other in path.parent.glob("*.py")}
        return digest_of(*(path.read_bytes() for path in sorted(files | beside))).removeprefix("sha256:")[:16]

    def data(self) -> Mapping[str, str]:
        """Digests of `app.data_files`."""
        return digests_of(self._sweep.app.data_files, self.cwd, self._sweep.settings)

    @property
    def code_counts(self) -> bool:
        """Whether results of other code are results of another study."""
        return self._sweep.app.code

    @property
    def announced(self) -> tuple[str, ...]:
        """The command of each run, and what it is judged by."""
        return (f"each run: {shlex.join(self._words.template)}", f"judged by {', '.join(self.metrics)}")

    @property
    def total_steps(self) -> int:
        """Steps of a whole run, 0 where nobody says."""
        return self._sweep.app.total_steps or 0

    @property
    def report_every(self) -> int:
        """Steps from one report to the next."""
        return self._sweep.app.report_every


def _word(value: Any) -> str:
    """A value as a command takes it: text as it is, everything else as JSON, whole lists in one word."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
