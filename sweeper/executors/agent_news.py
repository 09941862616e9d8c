"""What is told of agents: who came, who left, who was not taken; a line for many at a time."""

from collections import Counter
from threading import Lock

from sweeper.wording import plural

QUIET_S = 60.0
"""A reason to turn somebody away is told once, then at most so often."""
MOST_NAMED = 8


class AgentNews:
    """Collected by any thread, told by one."""

    def __init__(self, n_expected: int) -> None:
        self._n_expected, self._lock = n_expected, Lock()
        self._came: Counter[str] = Counter()
        self._gone: dict[str, Counter[str]] = {}
        self._refused: Counter[str] = Counter()
        self._last_refused: dict[str, str] = {}
        self._told_at: dict[str, float] = {}

    def came(self, label: str) -> None:
        """An agent has joined."""
        with self._lock:
            self._came[label] += 1

    def left(self, label: str, why: str) -> None:
        """An agent is gone, or takes no further job."""
        with self._lock:
            self._gone.setdefault(why, Counter())[label] += 1

    def refused(self, who: str, why: str) -> None:
        """Somebody was not taken."""
        with self._lock:
            self._refused[why] += 1
            self._last_refused[why] = who

    def lines(self, n_slots: int, now: float) -> list[str]:
        """What has not been told yet; `n_slots` are there at `now`, in seconds of the monotonic clock."""
        with self._lock:
            came, self._came = self._came, Counter()
            gone, self._gone = self._gone, {}
            due = [why for why in self._refused if now - self._told_at.get(why, -QUIET_S) >= QUIET_S]
            refused = [(self._refused.pop(why), self._last_refused.pop(why), why) for why in due]
            self._told_at |= dict.fromkeys(due, now)
        there = f"{n_slots} of {self._n_expected} slots"
        lines = [f"{_agents(came)} joined; {there}"] if came else []
        lines += [f"{_agents(labels)} left ({why}); {there}" for why, labels in gone.items()]
        return [*lines, *(_turned_away(*facts) for facts in refused)]


def _agents(labels: Counter[str]) -> str:
    named = [label + (f" x {count}" if count > 1 else "") for label, count in labels.items()]
    more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return f"{plural(labels.total(), 'agent')} ({', '.join(named[:MOST_NAMED])}{more})"


def _turned_away(count: int, who: str, why: str) -> str:
    times = f"{count} times, at last " if count > 1 else ""
    return f"turned away: {times}{who}: {why}"
