"""What a program has said of itself in all, and the figures that come of it. Pure but for reading files."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sweeper.client import flattened
from sweeper.errors import NonFiniteResultError, NoResultError, did_you_mean
from sweeper.program_spec import ProgramSpec, figure_name, figures_of
from sweeper.wording import typed

RESULTS_IN_FOLDER = ("all_results.json", "eval_results.json", "results.json", "metrics.json")
"""The file of figures in a folder, as examples of Hugging Face write it: the first that is there."""
MAX_RESULTS_BYTES = 16 * 2**20
BLOCK_BYTES = 2**20
OF_APPS = "Return a number from the app's function, or report it: report(step, {{'{}': x}})."
OF_COMMANDS = (
    'Write it into the file of {{out}}, as JSON: {{"{}": 0.5}}; or name a pattern that finds it in what is '
    "printed, as in pattern.{}='{} ([-+.\\w]+)'; or report it."
)
WHERE_LISTED = 12
"""Names of figures in a message; an app may have hundreds."""

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
GOES_ON = re.compile(r"(?:[eE][+-]?|[.,])?\d+(?:[.,eE+-]*\d+)*")
"""A number behind another one without a gap."""
PATTERN_EXAMPLE = r"pattern.loss='loss: ([-+.\w]+)'"
OF_NUMBERS = (r"([-+.\w]+)", r"([-+.\deE]+)", r"([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)")
"""What takes a number, and not the comma, the bracket or the per cent behind it; the first takes nan, too."""
NUMBER = re.compile(OF_NUMBERS[-1])
GROUP = re.compile(r"(?<!\\)\((?!\?)[^()]*\)")

EMPTY: Mapping[str, str] = {}
Figures = dict[str, float]


@dataclass
class Heard:
    """What a program's processes have said beside their reports."""

    returned: dict[str, Any] | None = None
    raised: dict[str, Any] | None = None
    examples: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settled:
    """The figures of a run that is complete, and what is said about them; `missed`: what was in vain."""

    metrics: Figures
    notes: tuple[str, ...]
    missed: tuple[str, ...] = ()


def figures_in_all(
    spec: ProgramSpec, heard: Heard, latest: Mapping[str, float], log: Path, log_start: int
) -> Settled:
    """The figures of a program that has ended in order: returned, written, last reported, or printed.

    `latest` are those that were reported, `log_start` is where its output begins. Raises ProgramError where
    they are no result.
    """
    returned, problem = returned_figures(heard, spec)
    results = None if spec.results is None else Path(spec.cwd, spec.results)
    written, others = ({}, []) if results is None else written_figures(results)
    printed, cut, unread = printed_figures(log, log_start, spec.patterns)
    sources = (
        ("returned", returned),
        ("written", written),
        ("last reported", latest),
        ("printed", printed),
    )
    unfit = [name for name in others if figure_name(name) in {f"val/{one}" for one in spec.objectives}]
    written_so = f"{spec.results}: {', '.join(unfit)} is no number" if unfit else ""
    settled = settle(spec, sources, problem or cut or written_so, unread)
    left_out = {"returned": (heard.returned or {}).get("left_out") or (), "written": others}
    notes = [f"{who}, and no number: {', '.join(names)}" for who, names in left_out.items() if names]
    told = {*settled.metrics, *printed}
    missed = [
        name for name in spec.patterns if figure_name(name) not in told and f"pattern.{name} " not in cut
    ]
    vain = tuple(
        unread.get(name) or f"pattern.{name} found no number in any line of what was printed"
        for name in missed
    )
    return replace(settled, notes=(*settled.notes, *notes), missed=vain)


def settle(
    spec: ProgramSpec,
    sources: Sequence[tuple[str, Mapping[str, float]]],
    problem: str = "",
    unread: Mapping[str, str] = EMPTY,
) -> Settled:
    """Each figure from the first source that has it; a source is known by how it is called in a message.

    `problem` is what kept a source from telling any; it is the reason where something is missing. `unread`
    says of a pattern what it has matched that is no number.

    What is not finite is left out and named. Raises NoResultError where an objective is missing on
    validation, or the figure that was named for the test split; NonFiniteResultError where one of these is
    no finite number.
    """
    found = {name: (value, who) for who, figures in reversed(sources) for name, value in figures.items()}
    metrics = {name: value for name, (value, _) in found.items()}
    needed = [f"val/{name}" for name in spec.objectives]
    if spec.test_figure is not None:
        needed.append(figure_name(spec.test_figure))
    patterns = {figure_name(key): key for key in spec.patterns}
    for name in needed:
        if name not in metrics and (key := patterns.get(name)):
            in_vain = f"{_typed(key, spec.patterns[key])} found no number in what was printed"
            raise NoResultError(problem or unread.get(key) or in_vain)
        if name not in metrics:
            reason = problem or _folder_without_results(spec) or _missing(name, metrics)
            raise NoResultError(reason, advice=_advice(spec, name, metrics))
    test = f"test/{spec.objectives[0]}"
    if spec.test_figure is not None:
        found[test] = found[needed[-1]]
        metrics[test] = metrics[needed[-1]]
    for name in (*needed, test):
        if not math.isfinite(metrics.get(name, 0.0)):
            raise NonFiniteResultError(f"{name} is {metrics[name]} ({found[name][1]})")
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    left_out = ", ".join(sorted(metrics.keys() - finite.keys()))
    said = (problem, f"left out, not finite: {left_out}" if left_out else "")
    return Settled(finite, tuple(filter(None, said)))


def returned_figures(heard: Heard, spec: ProgramSpec) -> tuple[Figures, str]:
    """Those in what the function returned, if it returned any, and why it is unfit, if it is."""
    returned = heard.returned or {}
    if (value := returned.get("value")) is None:
        return {}, str(returned.get("problem", ""))
    try:
        return figures_of(value, spec.objectives), ""
    except ValueError as error:
        return {}, str(error)


def written_figures(path: Path) -> tuple[Figures, list[str]]:
    """The figures in a JSON file, and the names of what is no number; none where there is no such file.

    Of a folder it is the file of figures in it. Raises NoResultError.
    """
    expected = "expected a JSON object of names and numbers"
    if path.is_dir():
        path = next((path / name for name in RESULTS_IN_FOLDER if (path / name).is_file()), path)
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_RESULTS_BYTES else b"too large"
    except OSError:
        return {}, []
    try:
        value = json.loads(raw, object_hook=_with_numbers)
        if not isinstance(value, dict):
            raise ValueError(f"it is {type(value).__name__}")
        numbers, others = flattened(value)
        return figures_of(numbers, ()), others
    except ValueError as error:
        raise NoResultError(f"{path}: {error}; {expected}") from error


def _folder_without_results(spec: ProgramSpec) -> str:
    """What is in the folder that a program has made of {out}, where no file of figures is; else empty."""
    folder = Path(spec.cwd, spec.results or "")
    if spec.results is None or not folder.is_dir():
        return ""
    names = sorted(path.name for path in folder.iterdir())
    if set(names) & set(RESULTS_IN_FOLDER):
        return ""
    *others, last = RESULTS_IN_FOLDER
    expected = f"a file of figures in it, {', '.join(others)} or {last}"
    return f"{{out}} is a folder now, in which there is {_listed(names)}; expected {expected}"


def _with_numbers(values: dict[str, Any]) -> dict[str, Any]:
    """Texts that are numbers, as programs that format their figures write them, are these numbers."""
    return {key: _number(value) if isinstance(value, str) else value for key, value in values.items()}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def printed_figures(
    path: Path, start: int, patterns: Mapping[str, str]
) -> tuple[Figures, str, dict[str, str]]:
    """For each pattern its last match in the log from byte `start`, which is searched from its end.

    Colours do not count, nor does a number that goes on behind the match: what is to be said of such comes
    beside the figures, and of each pattern whose matches are no numbers what the last of them is.
    """
    wanted = {name: re.compile(pattern) for name, pattern in patterns.items()}
    found: Figures = {}
    cut: list[str] = []
    unread: dict[str, str] = {}
    for line in lines_from_end(path, start) if wanted else ():
        text = COLOURS.sub("", line)
        for name in tuple(wanted):
            every = list(wanted[name].finditer(text))
            if matches := [match for match in every if _is_number(match)]:
                if problem := _cut(matches[-1], name):
                    cut.append(problem)
                else:
                    found[figure_name(name)] = float(matches[-1][1])
                del wanted[name]
            elif every and name not in unread:
                unread[name] = _unread(every[-1], name)
        if not wanted:
            break
    return found, "; ".join(cut), {name: said for name, said in unread.items() if name in wanted}


def lines_from_end(path: Path, start: int) -> Iterator[str]:
    """The lines from byte `start` on, the last one first; a carriage return ends one too."""
    rest = b""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > start:
            size = min(BLOCK_BYTES, end - start)
            end -= size
            file.seek(end)
            first, *lines = re.split(rb"[\r\n]", file.read(size) + rest)
            yield from (line.decode(errors="replace") for line in reversed(lines))
            rest = first[:BLOCK_BYTES]
    yield rest.decode(errors="replace")


def _cut(match: re.Match[str], name: str) -> str:
    """What is wrong where a pattern takes the beginning of a number only; else empty."""
    rest = GOES_ON.match(match.string, match.end(1))
    if rest is None or (rest[0].startswith(",") and "." in match[1]):
        return ""
    why = "a decimal comma is no point" if rest[0].startswith(",") else "the number goes on"
    return (
        f"pattern.{name} takes '{match[1]}' of '{match[1]}{rest[0]}': {why}; expected the number as a whole, "
        f"as {PATTERN_EXAMPLE} takes it"
    )


def _unread(match: re.Match[str], name: str) -> str:
    """What a pattern has matched that is no number, and the pattern that takes the number in it."""
    text = match[1] or ""
    said = f"pattern.{name} matched {text!r}, which is no number"
    number = NUMBER.search(text)
    if number is None:
        return f"{said}; expected one, as {PATTERN_EXAMPLE} takes it"
    before = re.escape(text[: number.start()])
    for group in OF_NUMBERS:
        less = GROUP.sub((before + group).replace("\\", r"\\"), match.re.pattern, count=1)
        found = re.search(less, match.string)
        if found is not None and found[1] == number[0]:
            return f"{said}; take less, as {_typed(name, less)} does"
    return f"{said}; take less, as {OF_NUMBERS[0]} does"


def _typed(name: str, pattern: str) -> str:
    """A pattern as it is typed into a shell."""
    return f"pattern.{name}={typed(pattern)}"


def _is_number(match: re.Match[str]) -> bool:
    try:
        float(match[1])
    except (ValueError, TypeError, IndexError):
        return False
    return True


def _advice(spec: ProgramSpec, name: str, found: Mapping[str, float]) -> str:
    """How the figure `name` can be handed over, or another one that was named instead."""
    bare = name.removeprefix("val/")
    handed_over = OF_APPS.format(name) if spec.results is None else OF_COMMANDS.format(name, bare, bare)
    others = [one.removeprefix("val/") for one in sorted(found) if one.startswith("val/")]
    if not others or name != f"val/{spec.objectives[0]}" or len(spec.objectives) > 1:
        return handed_over
    if spec.results is not None:
        return f"Name what it is judged by: metric={others[0]}:max (or :min). Or: {handed_over}"
    return f"Name what it is judged by: hydra.sweeper.app.metric={others[0]}. Or: {handed_over}"


def _missing(name: str, found: Mapping[str, float]) -> str:
    names = sorted(found)
    return f"no {name} among what it handed over ({_listed(names)}){did_you_mean(name, names)}"


def _listed(names: Sequence[str]) -> str:
    return (", ".join(names[:WHERE_LISTED]) or "nothing") + (", ..." if len(names) > WHERE_LISTED else "")
