"""The words of `sweeper run --cmd`: a command with its parameters in braces, their values, how to judge it.

Words are read as an app's overrides are, by Hydra's grammar: a parameter is what stands in braces in the
command, anything else is a setting of the study, as below `hydra.sweeper`.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.app.options import OF_PLUGIN, AppOptions
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.models import DIRECTIONS, StrictModel
from sweeper.program_spec import figure_name
from sweeper.schema import Study
from sweeper.wording import typed

PLACE = re.compile(r"\{\{|\}\}|\{(\w+)\}")
DOTTED = re.compile(r"\{\{|\}\}|\{(\w+(?:\.\w+)+)\}")
"""What looks like a place, and is none."""
SHELL = re.compile(r"&&|\|\|?|;|[0-9]?>{1,2}(&[0-9])?|<")
"""Words of a command line that a shell would act on, unless they are quoted."""
NESTED = re.compile(r"""[()\[\]{}'"\\]""")
"""What a plain word has none of."""
PIECE = re.compile(
    r"""(?:\\.|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|[^,])+"""
)
"""What stands between two commas of a list, unless these are within quotes or brackets."""
SEED, OUT = "seed", "out"
OF_RUNS = (SEED, OUT)
"""Places that each run has its own words for."""
CHOICES = ("sampler", "pruner", "executor", "tracking")
OPTION_ROOTS = (
    *("app", "study", *CHOICES, "direction", "n_trials", "n_jobs"),
    *("storage", "study_name", "max_failure_rate", "custom_search_space"),
)
OF_APPS = re.compile(r"^hydra[./]sweeper[./]")
"""Before a setting on an app's command line, and in advice that is meant for both; here it is not needed."""
SETTING = re.compile(r"hydra[./]sweeper[./]((?:\w+\.)*\w+)")
"""A setting in a message, as an app has it."""
OF_COMMAND = {"app.metric": "metric"} | {
    theirs: ours for ours, theirs in OF_PLUGIN.items() if not ours.startswith("task.")
}
"""What these settings are called here, unless they are typed as an app has them."""
EXAMPLE = (
    "sweeper run --cmd 'python train.py --gamma {gamma} --seed {seed} --out {out}' "
    "gamma=0,1,2 baseline.gamma=0 metric=val/acc:max"
)
NAMED_TRIALS = "hydra.sweeper.study.trials="


@dataclass(frozen=True)
class CommandWords:
    """What a command line of `sweeper run --cmd` says.

    `arguments`: overrides of the parameters, each with a `+`; `options`: overrides of `hydra.sweeper`;
    `patterns`: regular expressions by figure, as it was typed; `written`: the plain words that were written
    for a parameter; `baseline`: the same of the baseline.
    """

    template: tuple[str, ...]
    arguments: tuple[str, ...]
    options: tuple[str, ...]
    patterns: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    baseline: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class _Sorted:
    """The words of a command line, by what they are about, and what is wrong with them."""

    parameters: dict[str, str] = field(default_factory=dict)
    baseline: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    patterns: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_words(template: str, words: Sequence[str]) -> CommandWords:
    """The words of a command line, read. Raises UserError with all that is wrong with them."""
    try:
        parts = tuple(shlex.split(template))
    except ValueError as error:
        problem = f"got {template!r}, which cannot be split into words: {error}"
        raise UserError(Fault("--cmd", problem, "Close the quote")) from error
    if not parts:
        raise UserError(Fault("--cmd", "got nothing; expected a command", EXAMPLE))
    if dotted := next((found[1] for found in DOTTED.finditer(template) if found[1]), None):
        plain = dotted.replace(".", "_")
        problem = f"got {{{dotted}}}; names in braces have no dots"
        advice = (
            f"Write {{{plain}}}, and {plain}=... for its values; braces that are meant as such are doubled"
        )
        raise UserError(Fault("--cmd", problem, advice))
    if shell := _for_a_shell(template):
        problem = f"got '{shell}', which only a shell understands, and no shell reads the command"
        raise UserError(Fault("--cmd", problem, "Give it to one: --cmd \"bash -c 'cd there && ...'\""))
    places = places_in(parts)
    read = _sorted(words, places)
    _fix_for_named_trials(read, places)
    faults = [*read.faults, *_missing(read, places), *_empty(read), *_baseline_faults(read, places)]
    own, wrong = _judged_by(read)
    if faults := [*faults, *wrong]:
        raise UserError(faults)
    _compare_fixed(read)
    if SEED in places:
        read.parameters.setdefault(SEED, "0")
    else:
        own.append("hydra.sweeper.app.seed_key=null")
    arguments = tuple(f"+{key}={value}" for key, value in read.parameters.items())
    written, of_baseline = _written(read.parameters), _written(read.baseline)
    return CommandWords(parts, arguments, (*own, *read.options), read.patterns, written, of_baseline)


def as_typed(faults: Iterable[Fault], template: str, words: Sequence[str]) -> UserError:
    """The faults with the keys as the user of a command writes them.

    That is without the `+` of our own before parameters, and of settings as this command line has them.
    """
    given = {OF_APPS.sub("", word).partition("=")[0] for word in words}
    own = re.compile(rf"(?<!\w)\+(?=({'|'.join(map(re.escape, places_in([template])))})=)")

    def name(found: re.Match[str]) -> str:
        return found[1] if found[1] in given else OF_COMMAND.get(found[1], found[1])

    def told(text: str) -> str:
        return SETTING.sub(name, own.sub("", text)).replace("study.baseline.", "baseline.")

    return UserError(Fault(*(told(text) for text in (one.where, one.problem, one.advice))) for one in faults)


def name_of(parts: Sequence[str]) -> str:
    """What a study of the command is called: its script, where an interpreter runs one."""
    words = [part for part in parts if not part.startswith("-") and not PLACE.search(part)]
    is_interpreted = len(words) > 1 and re.match(r"(python|bash|sh|uv|Rscript|julia)", Path(words[0]).name)
    return Path(words[1] if is_interpreted else (words or ["command"])[0]).stem


def places_in(parts: Iterable[str]) -> list[str]:
    """The names in braces, each once."""
    return list(dict.fromkeys(found[1] for part in parts for found in PLACE.finditer(part) if found[1]))


def filled(part: str, values: Mapping[str, str]) -> str:
    """A word of the command with its places filled; `{{` and `}}` are braces."""

    def put(found: re.Match[str]) -> str:
        return values[found[1]] if found[1] else found[0][0]

    return PLACE.sub(put, part)


def all_filled(parts: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """The words of the command; one that is a place alone is left out where its value is the empty text."""
    words = ((part, filled(part, values)) for part in parts)
    return tuple(word for part, word in words if word or not PLACE.fullmatch(part))


def _sorted(words: Sequence[str], places: Sequence[str]) -> _Sorted:
    read = _Sorted()
    for said in words:
        word = OF_APPS.sub("", said)
        key, is_pair, value = word.partition("=")
        root, _, rest = key.partition(".")
        if not is_pair:
            read.faults.append(Fault("command line", f"got '{word}'; expected key=value", EXAMPLE))
        elif key == "metric":
            read.metrics.append(value)
        elif key == "study.metrics":  # as messages call it
            read.metrics += re.split(r"\s*,\s*", value.strip("[] '\""))
        elif root == "pattern":
            read.faults += _bad_pattern(key, value)
            same = [name for name in read.patterns if figure_name(name) == figure_name(rest)]
            read.patterns = {name: read.patterns[name] for name in read.patterns if name not in same}
            read.patterns[rest] = value
        elif root == "baseline":
            read.baseline[rest] = value
        elif key in places and key != OUT:
            read.parameters[key] = value
        elif re.split(r"[/@]", root.lstrip("+"))[0] in OPTION_ROOTS:
            read.options.append(_option(word))
        else:
            read.faults.append(_unknown(word, key, places))
    return read


def _missing(read: _Sorted, places: Sequence[str]) -> Iterable[Fault]:
    for name in places:
        if name not in (*read.parameters, *OF_RUNS):
            yield Fault(name, "no value for this place in the command", f"Give one: {name}=...")


def _empty(read: _Sorted) -> Iterable[Fault]:
    """A list that begins or ends with a comma, as of a flag that is there or not."""
    for key, value in read.parameters.items():
        if (bare := value.strip(",")) != value and bare:
            spelt = re.sub("^,+", "'',", re.sub(",+$", ",''", value))
            problem = f"got '{value}', in which a comma has no value beside it"
            advice = (
                f"Write {typed(f'{key}={bare}')}; or, where one value is no text, {typed(f'{key}={spelt}')}"
            )
            yield Fault(key, problem, advice)


def _for_a_shell(template: str) -> str | None:
    """The first word of a command that means something to a shell alone; None where there is none."""
    try:
        words = shlex.split(template, posix=False)  # quotes stay
    except ValueError:
        return None
    if words[0] == "cd":
        return words[0]
    return next((word for word in words if SHELL.fullmatch(word)), None)


def _compare_fixed(read: _Sorted) -> None:
    """What is fixed and the baseline has, too, is a choice of one: a grid that shrank stays its study's."""
    swept = _swept(read)
    for key in read.baseline:
        if key in read.parameters and key not in swept:
            read.parameters[key] = f"choice({read.parameters[key]})"


def _fix_for_named_trials(read: _Sorted, places: Sequence[str]) -> None:
    """Named trials say what they change, of what is fixed: of the baseline's values."""
    if any(option.startswith(NAMED_TRIALS) for option in read.options):
        for key in [key for key in read.baseline if key in places]:
            if read.parameters.setdefault(key, read.baseline[key]) == read.baseline[key]:
                del read.baseline[key]


def _swept(read: _Sorted) -> list[str]:
    return [key for key, value in read.parameters.items() if key != SEED and re.search(r"[,(]", value)]


def _written(values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The plain words of lists; what is in quotes or brackets is read, and made again."""
    lists = {key: re.sub(r"^choice\((.*)\)$", r"\1", value.strip()) for key, value in values.items()}
    pieces = {key: PIECE.findall(listed) for key, listed in lists.items()}
    return {
        key: tuple(word.strip() for word in words if not NESTED.search(word)) for key, words in pieces.items()
    }


def _baseline_faults(read: _Sorted, places: Sequence[str]) -> Iterable[Fault]:
    for name in _swept(read):
        if name not in read.baseline:
            problem = "missing; a command has no values of its own that a baseline could have"
            yield Fault(f"baseline.{name}", problem, f"Say what the reference is: baseline.{name}=...")
    for name in read.baseline:
        if name not in places:
            problem = f"no such place in the command{did_you_mean(name, places)}"
            yield Fault(f"baseline.{name}", problem, f"It has {_listed(places)}")


def _judged_by(read: _Sorted) -> tuple[list[str], list[Fault]]:
    """The options that say what the command is judged by, and what is wrong with the words."""
    if several := next((text for text in read.metrics if "," in text), None):
        inner = several.strip("[] '\"").replace(" ", "")
        advice = f"Several objectives are typed instead of metric= as {typed(f'study.metrics=[{inner}]')}"
        return [], [Fault("metric", f"got '{several}'; expected one name and a direction", advice)]
    pairs = [_metric(text) for text in read.metrics]
    if None in pairs:
        wrong = next(text for text, pair in zip(read.metrics, pairs, strict=True) if pair is None)
        problem = f"got '{wrong}'; expected a name and a direction"
        return [], [Fault("metric", problem, "For example metric=val/acc:max")]
    if not pairs:
        return [], [
            Fault("metric", "missing; what is the command judged by?", "For example metric=val/acc:max")
        ]
    found = [pair for pair in pairs if pair is not None]
    directions = json.dumps([direction for _, direction in found])
    return [
        f"hydra.sweeper.study.baseline={json.dumps([f'+{k}={v}' for k, v in read.baseline.items()])}",
        f"hydra.sweeper.app.metric={json.dumps([name for name, _ in found])}",
        f"hydra.sweeper.direction={found[0][1] if len(found) == 1 else directions}",
    ], []


def _option(word: str) -> str:
    """A setting of the study below `hydra.sweeper`; a choice of a group is written with a slash there."""
    key, _, value = word.partition("=")
    if key in CHOICES:
        return f"hydra/sweeper/{word}"
    return f"hydra.sweeper.{OF_PLUGIN.get(key, key)}={value}"


def _metric(text: str) -> tuple[str, str] | None:
    """`val/acc:max`: the name and the direction; None where one is missing."""
    name, _, word = text.rpartition(":")
    direction = DIRECTIONS.get(word.lower())
    return (name, direction) if name and direction else None


def _bad_pattern(key: str, value: str) -> list[Fault]:
    try:
        n_groups = re.compile(value).groups
    except re.error as error:
        return [Fault(key, f"got '{value}', which is no regular expression: {error}")]
    if n_groups == 1:
        return []
    problem = f"got '{value}', which has {n_groups} groups; expected one, which holds the number"
    return [Fault(key, problem, r"For example pattern.acc='acc=([-+.\w]+)'")]


def _unknown(word: str, key: str, places: Sequence[str]) -> Fault:
    known = [*places, *OPTION_ROOTS, "metric", "baseline", "pattern"]
    sections: dict[str, type[StrictModel]] = {"app": AppOptions, "study": Study}
    of_section = {
        name: at for at, model in sections.items() for name in model.model_fields if name not in known
    }
    meant = did_you_mean(key, [*known, *of_section])
    for name, section in of_section.items():
        meant = meant.replace(f"'{name}'", f"'{section}.{name}'")
    problem = f"no such place in the command, and no setting (from '{word}'){meant}"
    return Fault(key, problem, f"The command has {_listed(places)}")


def _listed(places: Sequence[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in places) or "no places"
