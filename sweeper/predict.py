"""`sweeper predict STUDY INPUT -o DIR`: a study's model reads files of yours.

The same as words, as `python -m sweeper.predict study=STUDY input=INPUT output=DIR` has always taken them.

Exit codes: 0 done, 2 the user's input, 130 after Ctrl-C.
"""

import re
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.cli import Parser, exit_code
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.layout import ResultsFolder, at_home
from sweeper.output import output_survives
from sweeper.reports import choose
from sweeper.studies import find_study
from sweeper.wording import plural

NEEDED = ("study", "input", "output")
DEFAULTS = {"model": "champion", "results_dir": "results", "device": "auto", "skip_bad": "false"}
HOW = {
    "study": "sweeper predict STUDY ...",
    "input": "input=... or the word after the study",
    "output": "-o DIR",
}
KEYS = (*NEEDED, *DEFAULTS, "trial")
TRUTH = {"true": True, "false": False}
KEY_VALUE = re.compile(r"([\w-]+)=(.*)", re.DOTALL)
FORMS = """\
Each may also be a word: study=STUDY input=INPUT output=DIR model=ensemble trial=baseline device=cpu
results_dir=DIR skip_bad=true. Where a path looks like such a word, write ./name=1.png."""


@dataclass(frozen=True)
class Words:
    """What the command line says."""

    study: str
    input: Path
    output: Path
    model: str
    results_dir: Path
    device: str
    skip_bad: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code; every mistake of the user is one line on stderr."""
    with output_survives():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words:
        _parser().print_help()
        return 2
    return exit_code(lambda: _predict(read_words(words)), where="predict")


def read_words(words: Sequence[str]) -> Words:
    """What the words say, each thing once. Raises UserError with all that is wrong with them."""
    said, faults = _said(words)
    faults += [
        Fault(key, f"got it more than once ({', '.join(values)}); expected one value")
        for key, values in said.items()
        if len(values) > 1
    ]
    paths = ("input", "output", "results_dir", "study")
    given = {key: at_home(values[-1]) if key in paths else values[-1] for key, values in said.items()}
    if "trial" in given and "model" in given:
        problem = f"got trial={given['trial']} and model={given['model']}, which say the same; expected one"
        faults.append(Fault("trial", problem))
    if trial := given.pop("trial", None):
        given["model"] = trial
    faults += [Fault(key, "missing", f"Give it a value: {HOW[key]}") for key in NEEDED if not given.get(key)]
    found = {**DEFAULTS, **given}
    if found["skip_bad"] not in TRUTH:
        faults.append(Fault("skip_bad", f"got '{found['skip_bad']}'; expected true or false"))
    if given.get("input") and not Path(given["input"]).exists():
        faults.append(Fault("input", f"got '{given['input']}'; expected a file or a folder. There is none"))
    if given.get("output") and Path(given["output"]).is_file():
        faults.append(Fault("output", f"got '{given['output']}', a file; expected a folder"))
    if faults:
        raise UserError(faults)
    return Words(
        study=found["study"],
        input=Path(found["input"]),
        output=Path(found["output"]),
        model=found["model"],
        results_dir=Path(found["results_dir"]),
        device=found["device"],
        skip_bad=TRUTH[found["skip_bad"]],
    )


def _said(words: Sequence[str]) -> tuple[dict[str, list[str]], list[Fault]]:
    """The values of each key, by whatever form they came, and the faults of what is no key."""
    options = vars(_parser().parse_intermixed_args(words))
    pairs = [(KEY_VALUE.fullmatch(word), word) for word in options.pop("words")]
    bare = [word for pair, word in pairs if not pair]
    faults = [
        Fault("command line", f"got '{word}' after STUDY and INPUT; expected key=value") for word in bare[2:]
    ]
    said = {key: list(values) for key, values in options.items() if values}
    for key, value in [*zip(("study", "input"), bare, strict=False), *(p.groups() for p, _ in pairs if p)]:
        if key in KEYS:
            said.setdefault(key, []).append(value)
        else:
            faults.append(Fault(key, f"no such parameter (from '{key}={value}'){did_you_mean(key, KEYS)}"))
    return said, faults


def _parser() -> Parser:
    parser = Parser(
        prog="sweeper predict",
        usage="sweeper predict STUDY INPUT -o DIR [options]",
        description="A study's model reads files of yours.",
        epilog=FORMS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    text = "the study: its name, the beginning of it, or its folder; then a file, or a folder with pictures"
    parser.add_argument("words", nargs="*", metavar="STUDY INPUT", help=text)
    flags = {
        "--model": (
            "champion (the best candidate's best run; the default), baseline, ensemble, a trial's number or "
            "name (its best run), or <trial>/<seed>"
        ),
        "--trial": "the same: baseline, or a trial's number or name",
        "--results-dir": f"where studies are (default: {DEFAULTS['results_dir']})",
        "--device": "auto (a GPU where there is one; the default), cpu, cuda:0",
    }
    for flag, text in flags.items():
        parser.add_argument(flag, action="append", help=text)
    text = "a folder, made where it is missing"
    parser.add_argument("-o", "--output", action="append", metavar="DIR", help=text)
    text = "leave out files that cannot be used; without it they are named, and nothing is written"
    parser.add_argument("--skip-bad", action="append_const", const="true", help=text)
    return parser


def _predict(words: Words) -> None:
    chosen = choose(find_study(ResultsFolder(words.results_dir), words.study), words.model)
    from sweeper.worker import PredictRequest, predict  # torch

    print(f"model: {chosen.words}", flush=True)
    request = PredictRequest(words.input, words.output, words.device, words.skip_bad)
    done = predict(chosen, request)
    for line in done.ignored:
        print(line, flush=True)
    if done.left_out:
        print(f"warning: {done.left_out}", file=sys.stderr)
    print(
        f"{plural(done.n_read, 'picture')} read, {plural(done.n_written, 'file')} written to {words.output}"
    )


if __name__ == "__main__":
    sys.exit(main())
