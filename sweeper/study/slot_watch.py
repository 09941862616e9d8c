"""The slots of an executor as they come and go: who is told of it, and what waiting for them has cost."""

from collections.abc import Callable

from sweeper.executors import Executor
from sweeper.messages import Stopped
from sweeper.study.active import ActiveJobs
from sweeper.study.retries import LastWord, is_of_host
from sweeper.watch import Observer


class SlotWatch:
    """Looks at the slots for a study that has runs to give to them; all times are in seconds."""

    def __init__(
        self, executor: Executor, observer: Observer, now: Callable[[], float], wait_s: float
    ) -> None:
        """`wait_s`: what the executor said last is enough for so long."""
        self.waited_s = 0.0
        """How long there was no slot at all."""
        self.first_slot_s: float | None = None
        """How long there was none before the first one; None while there has been none."""
        self.n_preempted = 0
        """How often a run left since its host had it leave."""
        self.n_hosts_lost = 0
        """How often a run was lost with its host."""
        self._executor, self._observer, self._now, self._wait_s = executor, observer, now, wait_s
        self._looked_at = now()
        self._news_at: float | None = None
        self._is_waiting = self._has_told = self._has_looked = False

    def begin(self) -> None:
        """From now on runs are wanted; nobody has waited until then."""
        self._looked_at, self._is_waiting = self._now(), False

    def look(self, active: ActiveJobs) -> None:
        """See which slots are there, and tell of what has changed."""
        now = self._now()
        self.waited_s += (now - self._looked_at) * self._is_waiting
        self._looked_at = now
        for line in self._executor.news():
            self._news_at = now
            self._observer.noted(line)
        slots = self._executor.slots
        if active.see(slots) or not self._has_looked:
            self._has_looked = True
            self._observer.slots_changed(tuple(slots))
        self._is_waiting = not slots
        if slots:
            self._has_told, self._news_at = False, None
            self.first_slot_s = self.waited_s if self.first_slot_s is None else self.first_slot_s

    def say_waiting(self) -> None:
        """Say once that the study waits for a slot, unless the executor has just said something of it."""
        is_news = self._news_at is not None and self._now() - self._news_at < self._wait_s
        if not (self._has_told or is_news):
            self._has_told = True
            none = "no slot is there yet" if self.first_slot_s is None else "no slot is left"
            self._observer.noted(f"{none}; the study goes on when one comes")

    def totals(self) -> dict[str, float]:
        """What the study's totals say of it."""
        return {
            "preemptions": self.n_preempted,
            "hosts_lost": self.n_hosts_lost,
            "waited_s": self.waited_s,
            "first_slot_s": self.waited_s if self.first_slot_s is None else self.first_slot_s,
        }

    def count(self, message: LastWord) -> None:
        """Count a run that leaves its slot for its host's sake."""
        if is_of_host(message):
            self.n_preempted += isinstance(message, Stopped)
            self.n_hosts_lost += not isinstance(message, Stopped)
