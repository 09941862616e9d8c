"""How a run ended, in its own folder: written before the database is told, which may be away just then.

It is believed where the database still has the run under the very claim that it was written for: the same
configuration and data (the fingerprint), seed, session and attempt.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from sweeper.layout import RunFolder, write_atomic
from sweeper.results import ENDED
from sweeper.storage.rows import Claim, RunRow


@dataclass(frozen=True)
class Outcome:
    """What a session of `study` settled a run with; `owner` is that session."""

    study: str
    owner: str
    row: RunRow

    def is_of(self, study: str, claim: Claim, owner: str | None) -> bool:
        """Whether it tells how this claim of that owner ended."""
        own = Claim(self.row.fingerprint, self.row.seed, self.row.attempt)
        return (self.study, self.owner, own) == (study, owner, claim)


def keep_outcome(folder: RunFolder, outcome: Outcome) -> None:
    """Write it; nothing where there is no folder (nothing was trained), or no room: it is a second copy."""
    if folder.path.is_dir():
        with suppress(OSError):
            write_atomic(folder.outcome, json.dumps(asdict(outcome)), flush=False)


def read_outcome(folder: RunFolder) -> Outcome | None:
    """The last one of a run; None where there is none that can be read."""
    try:
        read = json.loads(folder.outcome.read_text())
        outcome = Outcome(read["study"], read["owner"], RunRow(**read["row"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return outcome if outcome.row.state in ENDED else None
