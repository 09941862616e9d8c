"""`python -m sweeper.predict study=... input=... output=...`: a study's model reads files of yours.

Words are key=value, as everywhere:

    study        its name, the beginning of it, or its folder; the name alone, without key, will do
    input        a file, or a folder: all pictures in it and below
    output       a folder, made where it is missing
    model        champion (the best candidate's best run; the default), ensemble, or <trial>/<seed>
    results_dir  where studies are (results)
    device       auto (a GPU where there is one), cpu, cuda:0
    skip_bad     true: files that cannot be used are left out; false (the default): they are named, and
                 nothing is written

Exit codes: 0 done, 2 the user's input, 130 after Ctrl-C.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.layout import ResultsFolder
from sweeper.report import choose
from sweeper.studies import find_study
from sweeper.wording import plural

NEEDED = ("study", "input", "output")
DEFAULTS = {"model": "champion", "results_dir": "results", "device": "auto", "skip_bad": "false"}
TRUTH = {"true": True, "false": False}


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
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words or {"-h", "--help"} & set(words):
        print(__doc__)
        return 0 if words else 2
    try:
        _predict(read_words(words))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or 'predict'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def read_words(words: Sequence[str]) -> Words:
    """The words, each key once. Raises UserError with all that is wrong with them."""
    known = (*NEEDED, *DEFAULTS)
    bare = [word for word in words if "=" not in word and word not in known]
    pairs = [(f"study={word}" if word in bare[:1] else word).partition("=") for word in words]
    given = {key: value for key, _, value in pairs}
    faults = [
        Fault(key, f"no such parameter (from '{''.join(pair)}'){did_you_mean(key, known)}")
        for pair in pairs
        if (key := pair[0]) not in known
    ]
    faults += [
        Fault(key, "got it more than once; expected one value")
        for key, n in Counter(key for key, _, _ in pairs).items()
        if n > 1 and key in known
    ]
    faults += [Fault(key, "missing", f"Give it a value: {key}=...") for key in NEEDED if not given.get(key)]
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


def _predict(words: Words) -> None:
    chosen = choose(find_study(ResultsFolder(words.results_dir), words.study), words.model)
    from sweeper.worker import PredictRequest, predict  # torch

    print(f"model: {chosen.words}", flush=True)
    request = PredictRequest(words.input, words.output, words.device, words.skip_bad)
    done = predict(chosen, request)
    if done.left_out:
        print(f"warning: {done.left_out}", file=sys.stderr)
    print(
        f"{plural(done.n_read, 'picture')} read, {plural(done.n_written, 'file')} written to {words.output}"
    )


if __name__ == "__main__":
    sys.exit(main())
