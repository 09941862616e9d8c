"""The leaderboard so far of a study on a terminal: of its own runs, of earlier and of others' sessions."""

import time
from contextlib import suppress
from threading import Event, Lock, Thread

from sweeper.reports import KnownRuns, LiveBoard, LiveTrial, with_own
from sweeper.results import RunResult
from sweeper.trial import TrialSpec
from sweeper.watch.heard import HeardTrials
from sweeper.watch.observers import StudyStart

READ_S = 30.0
SHARE = 0.01
"""The largest part of the time that reading others' runs may take."""


class Standings:
    """Told by the study's thread, read by the one that draws; a third reads the runs of others from files."""

    def __init__(self) -> None:
        self._heard = HeardTrials()
        self._known: dict[int, LiveTrial] = {}
        self._lock, self._is_over = Lock(), Event()
        self._board: LiveBoard | None = LiveBoard()
        self._start: StudyStart | None = None

    def begin(self, start: StudyStart) -> None:
        """A study begins; what earlier sessions have of it is read."""
        self._start = start
        self._heard.begin(start)
        Thread(target=self._read_on, args=(start,), name="standings", daemon=True).start()

    def end(self, trial: TrialSpec, run: RunResult) -> None:
        """A run has ended."""
        self._heard.end(trial, run)
        with self._lock:
            self._board = None

    def board(self) -> LiveBoard:
        """The trials so far, ranked."""
        with self._lock:
            board, known = self._board, self._known
            if board is None and self._start is not None:
                board = self._board = _board(self._start, known, self._heard.seen())
        return board or LiveBoard()

    def close(self) -> None:
        """Nothing is read any more."""
        self._is_over.set()

    def _read_on(self, start: StudyStart) -> None:
        known = KnownRuns(start.folder, start.objectives[0].metric, start.seeds, has_curves=False)
        pause_s = 0.0
        while not self._is_over.wait(pause_s):
            began = time.monotonic()
            with suppress(OSError):  # a folder that is away; it is read again later
                self._know(known.trials(self._heard.runs()))
            pause_s = max(READ_S, (time.monotonic() - began) / SHARE)

    def _know(self, found: dict[int, LiveTrial]) -> None:
        with self._lock:
            self._board = self._board if found == self._known else None
            self._known = found


def _board(start: StudyStart, known: dict[int, LiveTrial], own: dict[int, LiveTrial]) -> LiveBoard:
    objective, trials = start.objectives[0], with_own(known, own)
    return LiveBoard(list(trials.values()), objective.sign, objective.metric, len(start.seeds))
