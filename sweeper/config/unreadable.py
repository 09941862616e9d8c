"""What is wrong with an override that Hydra's grammar refuses, in plain words, and the override corrected.

A correction is offered only where the grammar reads it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from sweeper.errors import Fault, did_you_mean, sentences
from sweeper.search import LIKE_DOUBLE_QUOTES, LIKE_SINGLE_QUOTES, UNSEEN
from sweeper.wording import typed

Reads = Callable[[str], bool]
"""Whether Hydra's grammar reads an override."""

STARTS = re.compile(r"~|\+{0,2}[A-Za-z_$][\w.$@/:-]*=")
STANDS_ALONE = re.compile(r"\s|^[A-Za-z_][\w.]*:")
"""A word that a shell has not taken apart, since it holds a space, or that is a key with a colon."""
PLAIN = re.compile(r"[\w.+/:%@?*|\- ]*")
PAIRS = {"(": ")", "[": "]", "{": "}"}
LOOKALIKES = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
    **dict.fromkeys(LIKE_DOUBLE_QUOTES, '"'),
    **dict.fromkeys(LIKE_SINGLE_QUOTES, "'"),
    "\uff1d": "=",
    "\uff0c": ",",
    "\uff1a": ":",
    "\uff08": "(",
    "\uff09": ")",
    "\uff3b": "[",
    "\uff3d": "]",
    "\uff0e": ".",
    "\uff0b": "+",
    **dict.fromkeys("\u00a0\u2007\u202f\u3000", " "),
    **dict.fromkeys(UNSEEN, ""),
}
"""What word processors and web pages put in place of characters that the grammar knows."""
FORMS = {
    "choice": "choice(a, b)",
    "range": "range(start, stop, step), of numbers",
    "interval": "interval(low, high), of two numbers",
    "tag": "tag(log, interval(low, high)), a sweep in its last place",
    "sort": "sort(3, 1, 2), or a range or choice(...) in it",
    "shuffle": "shuffle(1, 2, 3), or a range or choice(...) in it",
    "glob": "glob(pattern), or glob(pattern, exclude=pattern)",
    "int": "int(...) around numbers, or around a sweep over numbers",
    "float": "float(...) around numbers, or around a sweep over numbers",
    "bool": "bool(...) around true, false, 0 or 1",
    "str": "str(...) around values, or around a choice(...)",
}
OTHER_NAMES = {
    "uniform": "interval(low, high)",
    "loguniform": "tag(log, interval(low, high))",
    "log_uniform": "tag(log, interval(low, high))",
    "randint": "int(interval(low, high))",
    "quniform": "range(low, high, step)",
    "linspace": "range(start, stop, step)",
    "arange": "range(start, stop, step)",
    "grid": "choice(a, b)",
    "categorical": "choice(a, b)",
    "list": "[a, b]",
}
"""What other tools call a function of the grammar."""
OF_PYTHON = re.compile(
    r"mismatch type|argument|NoneType|not supported|object|must be|could not convert|Error"
)


def rejoined(words: Sequence[str], reads: Reads) -> tuple[list[str], list[Fault]]:
    """The words that stand alone; a fault for each run of words that a shell has taken apart at spaces."""
    whole, faults = [], []
    for run in _runs(words):
        if len(run) == 1:
            whole += run
        else:
            faults.append(_taken_apart(run, reads))
    return whole, faults


def unreadable(where: str, line: str, error: BaseException, reads: Reads) -> Fault:
    """The fault of an override that cannot be read."""
    evaluated = _evaluation(str(error))
    if evaluated is not None:
        return Fault(where, f"cannot be read: {evaluated[0]}", evaluated[1])
    for why, corrected in (*_as_a_path(line), *_corrections(line)):
        if reads(corrected):
            return Fault(where, f"cannot be read: {why}", f"Write {typed(corrected)}.")
    why = next((why for why, _ in _corrections(line)), "it is not of the form key=value")
    return Fault(
        where, f"cannot be read: {why}", "Write key=value; quote what is to stay as it is: 'key=\"a b\"'."
    )


def _runs(words: Sequence[str]) -> Iterator[list[str]]:
    """Each word with those after it that begin no override."""
    run: list[str] = []
    for word in words:
        if run and (STARTS.match(word) or STANDS_ALONE.search(word) or not word.strip()):
            yield run
            run = []
        elif word.startswith("=") and len(run) > 1:  # the key of it is the word before
            yield run[:-1]
            run = run[-1:]
        run.append(word)
    if run:
        yield run


def _taken_apart(run: Sequence[str], reads: Reads) -> Fault:
    said = " ".join(run)
    key, equals, value = said.partition("=")
    together = re.sub(r"\s*=\s*", "=", said, count=1)
    tight = re.sub(r"\s*([,=()\[\]{}])\s*", r"\1", said)
    quoted = f"{key.strip()}='{value.strip()}'" if equals else ""
    paired = f"{run[0]}={run[1]}" if len(run) == 2 and not equals else ""
    seams = pairwise(run)
    is_plain = any(
        a.endswith(("=", ",", "(", "[", "{")) or b.startswith(("=", ",", ")", "]", "}")) for a, b in seams
    )
    order = [tight, together, quoted] if is_plain else [quoted, together, tight]
    best = next((one for one in [*order, paired] if one and " " not in one.strip() and reads(one)), None)
    best = best or next((one for one in [*order, paired] if one and reads(one)), None)
    problem = "cannot be read: it was taken apart at its spaces"
    advice = "Each override is one word, key=value; quote it where it has spaces: 'key=\"a b\"'."
    return Fault(f"override '{said}'", problem, f"Write {typed(best)}." if best else advice)


def _corrections(line: str) -> Iterator[tuple[str, str]]:
    """What may be wrong, with the line mended in that respect; the likeliest first."""
    strange = next((char for char in line if char in LOOKALIKES), None)
    if strange is not None:
        plain = "".join(LOOKALIKES.get(char, char) for char in line)
        name = unicodedata.name(strange, "a character that cannot be seen").lower()
        why = f"got {name} (U+{ord(strange):04X}), which the grammar does not know"
        yield why, plain
        yield from ((why, mended) for _, mended in _corrections(plain))
        return
    bare = line.strip().lstrip("-")
    if bare != line:
        yield "an override begins with its key", bare
    key, equals, value = bare.partition("=")
    if not equals:
        why = "it has no '='; expected key=value" if bare else "it is empty"
        yield why, bare.replace(":", "=", 1)
        return
    key, value = key.strip(), value.strip()
    if value.startswith("="):
        yield "it has one '=' too many", f"{key}={value.lstrip('= ')}"
    open_brackets = _unclosed(value)
    if open_brackets:
        closed = value.rstrip(", ") + "".join(PAIRS[bracket] for bracket in reversed(open_brackets))
        yield f"'{open_brackets[-1]}' is not closed", f"{key}={closed}"
    elif open_brackets is None:
        yield "it closes a bracket that is not open", f"{key}={_without_surplus(value)}"
    for quote in "'\"":
        if value.count(quote) % 2:
            why = f"the quote {quote} is not closed"
            if value.startswith(quote):
                yield why, f"{key}={value}{quote}"
            other = "\"'".replace(quote, "")
            yield why, f"{key}={other}{value}{other}"
            yield why, f"{key}={value.replace(quote, '')}"
    tidy = re.sub(r"(,\s*)+", ",", value).strip(", ")
    tidy = re.sub(r"([(\[{]),|,(?=[)\]}])", r"\1", tidy)
    if tidy != value:
        yield "a comma has no value beside it", f"{key}={tidy}"
    inner = re.sub(r"(?<=[\[,{:])\s*([^\[\]{},:'\"]*=[^\[\],{}'\"]*)", r"'\1'", value)
    if inner != value:
        yield "an override within it has an '=' and needs quotes", f"{key}={inner}"
    pieces = value.split(",")
    if len(pieces) > 1 and not re.search(r"[()\[\]{}'\"]", value):
        quoted = (one if PLAIN.fullmatch(one) else f"'{one}'" for one in pieces)
        yield "a value has characters that need quotes", f"{key}={','.join(quoted)}"
    if "'" not in value:
        reason = "its value has an '='" if "=" in value else "its value has characters that need quotes"
        yield reason, f"{key}='{value}'"
    if '"' not in value:
        yield "its value has characters that need quotes", f'{key}="{value}"'
    yield "it is not of the form key=value", f"{re.sub(r'[^A-Za-z0-9_.@/+~$-]', '', key)}={value}"


def _as_a_path(line: str) -> Iterator[tuple[str, str]]:
    """The name of one file, whatever is in it."""
    key, equals, value = line.partition("=")
    if equals and key.endswith("path") and not re.search("['\"\u2018-\u201f]", value):
        yield "its value has characters that need quotes", f"{key}='{value.strip()}'"


def _unclosed(value: str) -> list[str] | None:
    """The brackets that stay open, outside quotes; None where one is closed that is not open."""
    stack: list[str] = []
    for char in re.sub(r"'[^']*'|\"[^\"]*\"", "", value):
        if char in PAIRS:
            stack.append(char)
        elif char in PAIRS.values() and (not stack or PAIRS[stack.pop()] != char):
            return None
    return stack


def _without_surplus(value: str) -> str:
    kept: list[str] = []
    stack: list[str] = []
    for char in value:
        if char in PAIRS.values():
            if not stack or PAIRS[stack[-1]] != char:
                continue
            stack.pop()
        elif char in PAIRS:
            stack.append(char)
        kept.append(char)
    return "".join(kept)


def _evaluation(message: str) -> tuple[str, str] | None:
    """What is wrong with a function of the grammar, and what to write; None where it is something else."""
    unknown = re.search(r"Unknown function '(\w+)'", message)
    if unknown:
        name = unknown[1]
        hint = did_you_mean(name, FORMS)
        other = OTHER_NAMES.get(name.lower())
        advice = f"Write {other}." if other else "" if hint else "Quote the value if it is text."
        return f"there is no function '{name}'; expected one of {', '.join(FORMS)}{hint}", advice
    failed = re.search(r"(\w+) while evaluating '((\w+)\(.*?)': (.*)", message, re.DOTALL)
    if not failed:
        return None
    _, call, name, reason = failed.groups()
    reason = reason.strip().split("\n")[0]
    form = FORMS.get(name, "a function of the grammar")
    if OF_PYTHON.search(reason) or not reason:
        return f"got {call}; expected {form}", ""
    return sentences(f"got {call}: {reason}", ""), ""
