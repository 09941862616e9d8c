"""Any command line as the program of a study: each run is the command, its places filled."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.app.command_words import OUT, PLACE, SEED, CommandWords, filled, places_in
from sweeper.app.reading import AppSweep
from sweeper.app.specs import config_at, facts_of
from sweeper.layout import RunFolder
from sweeper.models import digest_of
from sweeper.program_spec import ProgramSpec
from sweeper.search import overrides_parser

PATTERNS = "read by"
"""Of a trial's configuration: how its figures are read out of the output. No place has a name like this."""
NO_CODE = "the command names no file: if its code changes, name another study (study_name=...)"


class CommandProgram:
    """Follows `specs.Program`."""

    def __init__(self, sweep: AppSweep, words: CommandWords, cwd: Path) -> None:
        self._sweep, self._words, self.cwd = sweep, words, cwd
        self._spelt = {key: _spelt(written) for key, written in words.written.items()}

    def config_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The parameters at these overrides, the command that they go into, and what reads its output."""
        read_by = {PATTERNS: dict(self._words.patterns)} if self._words.patterns else {}
        return {**self._values_at(overrides), "command": list(self._words.template), **read_by}

    def run(self, overrides: Sequence[str], seed: int, number: int, folder: RunFolder) -> ProgramSpec:
        """The command with this trial's values, this seed, and a file for its results."""
        out = folder.app_results.absolute()
        values = self._spelt_out(self._values_at(overrides)) | {SEED: str(seed), OUT: str(out)}
        return ProgramSpec(
            **facts_of(self._sweep, self.cwd),
            argv=tuple(filled(part, values) for part in self._words.template),
            results=str(out),
            examples=str(out.with_suffix(".npz")),
            patterns=dict(self._words.patterns),
        )

    def _values_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        return {key: value for key, value in config_at(self._sweep, overrides).items() if key != SEED}

    def _spelt_out(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The words of these values, as the user wrote them where he did: `1e5`, not 100000.0."""
        words = {key: _word(value) for key, value in values.items()}
        return {key: self._spelt.get(key, {}).get(word, word) for key, word in words.items()}

    def by_hand(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """The command line of one run outside of a study, the seed among its overrides."""
        given = config_at(self._sweep, [f"++{line.lstrip('+')}" for line in overrides])
        values = self._spelt_out(given) | {OUT: "results.json"}
        return tuple(filled(part, values) for part in self._words.template)

    def seeded(self, seed: int) -> tuple[str, ...]:
        """How the seed is told to a run."""
        return (f"{SEED}={seed}",) if SEED in places_in(self._words.template) else ()

    def code(self) -> str:
        """A hash of the files that the command names, and of the Python files beside them."""
        files = self._named_files()
        beside = {other for path in files if path.suffix == ".py" for other in path.parent.glob("*.py")}
        return digest_of(*(path.read_bytes() for path in sorted(files | beside))).removeprefix("sha256:")[:16]

    def _named_files(self) -> set[Path]:
        named = [self.cwd / part for part in self._words.template if not PLACE.search(part)]
        return {path.resolve() for path in named if path.is_file()}

    @property
    def announced(self) -> tuple[str, ...]:
        """The command of each run, what it is judged by, and that its code is not known."""
        return (
            f"each run: {shlex.join(self._words.template)}",
            f"judged by {', '.join(self._sweep.objectives)}",
            *(() if self._named_files() else (NO_CODE,)),
        )


def _spelt(written: Sequence[str]) -> dict[str, str]:
    """How numbers, truth values and null were written, by the word that would be made of them."""
    spelt: dict[str, str] = {}
    for text in written:
        value = overrides_parser().parse_override(f"x={text}").value()
        if value is None or isinstance(value, bool | int | float):
            spelt.setdefault(_word(value), text)
    return spelt


def _word(value: Any) -> str:
    """A computed value as a command takes it: text as it is, all else as JSON, whole lists in one word."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
