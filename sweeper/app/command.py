"""Any command line as the program of a study: each run is the command, its places filled."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.app.command_code import code_files, named_files, starts_of
from sweeper.app.command_words import OUT, PLACE, SEED, CommandWords, all_filled, filled, places_in
from sweeper.app.reading import AppSweep
from sweeper.app.specs import config_at, facts_of
from sweeper.layout import RunFolder
from sweeper.models import digest_of
from sweeper.program_spec import ProgramSpec, figure_name
from sweeper.search import overrides_parser
from sweeper.task import file_digest

PATTERNS = "read by"
"""Of a trial's configuration: how its figures are read out of the output. No place has a name like this."""
FILES = "files named"
"""The same of files whose names hold a parameter: by word of the command, a digest of what is in them."""
NO_FIGURES = (
    "the command has no place {out}, and no pattern finds a figure in what it prints: it has to report them "
    "(from sweeper import report)"
)
NO_CODE = "the command names no file: if its code changes, name another study (study_name=...)"


class CommandProgram:
    """Follows `specs.Program`."""

    def __init__(self, sweep: AppSweep, words: CommandWords, cwd: Path) -> None:
        self._sweep, self._words, self.cwd = sweep, words, cwd
        self._written, of_baseline = _spellings(words.written), _spellings(words.baseline)
        self._spelt = _spelling(self._written, of_baseline)
        self._spelt_in_baseline = _spelling(of_baseline, self._written)

    def config_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The parameters at these overrides, the command that they go into, and what reads its output."""
        patterns = {figure_name(name): pattern for name, pattern in self._words.patterns.items()}
        read_by = {PATTERNS: patterns} if patterns else {}
        values = self._values_at(overrides)
        files = self._digests(self._spelt_out(values, overrides))
        named = {FILES: files} if files else {}
        return {**values, "command": list(self._words.template), **named, **read_by}

    def _digests(self, values: Mapping[str, str]) -> dict[str, str]:
        """Of the files that the command names with these values, where it does not without them."""
        filled_in = [
            filled(part, values)
            for part in self._words.template
            if PLACE.search(part) and set(places_in([part])) <= set(values)
        ]
        cache = Path(self._sweep.settings.study.results_dir) / "cache"
        return {word: file_digest(path, cache) for word in filled_in for path in named_files(word, self.cwd)}

    def run(self, overrides: Sequence[str], seed: int, number: int, folder: RunFolder) -> ProgramSpec:
        """The command with this trial's values, this seed, and a file for its results."""
        out = folder.app_results.absolute()
        values = self._spelt_out(self._values_at(overrides), overrides) | {SEED: str(seed), OUT: str(out)}
        return ProgramSpec(
            **facts_of(self._sweep, self.cwd),
            argv=all_filled(self._words.template, values),
            results=str(out),
            examples=str(out.with_suffix(".npz")),
            patterns=dict(self._words.patterns),
        )

    def _values_at(self, overrides: Sequence[str]) -> dict[str, Any]:
        return {key: value for key, value in config_at(self._sweep, overrides).items() if key != SEED}

    def _spelt_out(self, values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, str]:
        """The words of these values, as the user wrote them where he did: `1e5`, not 100000.0."""
        is_baseline = tuple(overrides) == self._sweep.settings.study.baseline
        spelt = self._spelt_in_baseline if is_baseline else self._spelt
        words = {key: _word(value) for key, value in values.items()}
        return {key: spelt.get((key, word), word) for key, word in words.items()}

    def by_hand(self, overrides: Sequence[str]) -> tuple[str, ...]:
        """The command line of one run outside of a study, the seed among its overrides."""
        given = config_at(self._sweep, [f"++{line.lstrip('+')}" for line in overrides])
        own = [line for line in overrides if not line.startswith(f"{SEED}=")]
        values = self._spelt_out(given, own) | {OUT: "results.json"}
        return all_filled(self._words.template, values)

    def seeded(self, seed: int) -> tuple[str, ...]:
        """How the seed is told to a run."""
        return (f"{SEED}={seed}",) if SEED in places_in(self._words.template) else ()

    def code(self) -> str:
        """A hash of the files that the command names, and of what its scripts import from beside them."""
        files = sorted(code_files(self._always, self.cwd))
        return digest_of(*(path.read_bytes() for path in files)).removeprefix("sha256:")[:16]

    @property
    def _always(self) -> list[str]:
        """The words of the command that no value changes."""
        return [part for part in self._words.template if not PLACE.search(part)]

    @property
    def announced(self) -> tuple[str, ...]:
        """The command of each run, what it is judged by, and what may not be as it was meant."""
        words = self._words
        tells = OUT in places_in(words.template) or words.patterns
        return (
            f"each run: {shlex.join(words.template)}",
            f"judged by {', '.join(self._sweep.objectives)}",
            *self._equal_values(),
            *(() if starts_of(self._always, self.cwd) else (NO_CODE,)),
            *(() if tells else (NO_FIGURES,)),
        )

    def _equal_values(self) -> Iterator[str]:
        """What is said of values that were written in several ways, and are one."""
        for (key, _), texts in self._written.items():
            if len(texts) > 1:
                yield f"{key}: {' and '.join(texts)} are one value, of which {texts[0]} is passed on"


def _spellings(written: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], list[str]]:
    """How numbers, truth values and null were written, by key and the word that would be made of them."""
    spellings: dict[tuple[str, str], list[str]] = {}
    parser = overrides_parser()
    for key, text in ((key, text) for key, texts in written.items() for text in dict.fromkeys(texts)):
        value = parser.parse_override(f"x={text}").value()
        if value is None or isinstance(value, bool | int | float):
            spellings.setdefault((key, _word(value)), []).append(text)
    return spellings


def _spelling(
    spellings: Mapping[tuple[str, str], Sequence[str]], others: Mapping[tuple[str, str], Sequence[str]]
) -> dict[tuple[str, str], str]:
    """The first way in which each value was written, or else the first among the others."""
    return {value: texts[0] for value, texts in {**others, **spellings}.items()}


def _word(value: Any) -> str:
    """A computed value as a command takes it: text as it is, all else as JSON, whole lists in one word."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
