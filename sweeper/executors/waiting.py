"""When it is said that something is waited for: once it has lasted, and again when the reason changes."""

AGAIN_S = 60.0
"""A reason that changes is said so often at most."""


class Waiting:
    """Remembers what was said. Times are of any clock, in seconds."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since: float | None = None
        self._said, self._said_at = "", -AGAIN_S

    def told(self, now: float, reason: str) -> list[str]:
        """`reason`, where it is to be said now; an empty one means that nothing is waited for."""
        if not reason:
            self._since, self._said = None, ""
            return []
        self._since = now if self._since is None else self._since
        has_lasted = now - self._since >= self._patience_s
        if not has_lasted or reason == self._said or now - self._said_at < AGAIN_S:
            return []
        self._said, self._said_at = reason, now
        return [reason]
