"""`python -m sweeper.worker.ensemble request.json`: evaluate the average of several runs' models.

Writes records.npz and, last, result.json beside the request. Exit code 0: done; 1: failed, the last line says
why; 2: not a request.

As a study starts it, a second argument is the descriptor of a pipe: when it ends, the study is gone, and so
is this process.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

from pydantic import ValidationError

from sweeper.ensemble_spec import EnsembleSpec
from sweeper.layout import EnsembleFolder

USAGE = "usage: python -m sweeper.worker.ensemble <request.json>"
LEFT_BEHIND = 70


def main(arguments: Sequence[str]) -> int:
    """The exit code; see the top."""
    if not 1 <= len(arguments) <= 2:
        print(USAGE, file=sys.stderr)
        return 2
    if len(arguments) == 2:
        Thread(target=_leave_with_the_parent, args=(int(arguments[1]),), daemon=True).start()
    request = Path(arguments[0])
    try:
        spec = EnsembleSpec.model_validate_json(request.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        problem = str(error).splitlines()[0]
        print(f"{request}: got no request ({problem}). {USAGE}", file=sys.stderr)
        return 2
    return _run(spec, EnsembleFolder(request.parent))


def _run(spec: EnsembleSpec, folder: EnsembleFolder) -> int:
    from sweeper.worker.average import run  # torch: once the parent is watched, and the request is one
    from sweeper.worker.failures import failure_of

    try:
        run(spec, folder)
    except Exception as error:
        traceback.print_exc()
        failure = failure_of(error)
        print(f"{failure.reason} {failure.advice}".rstrip(), file=sys.stderr)
        return 1
    return 0


def _leave_with_the_parent(descriptor: int) -> None:
    """Nothing is ever written into the pipe: reading from it waits for its end."""
    os.read(descriptor, 1)
    os._exit(LEFT_BEHIND)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
