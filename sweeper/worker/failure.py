"""How a run failed, in the words that a leaderboard shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """The fields of a `Failed` message that depend on what went wrong."""

    error: str
    reason: str
    advice: str = ""
    step: int | None = None
