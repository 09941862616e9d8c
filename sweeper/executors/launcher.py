"""`python -m sweeper.executors.launcher slurm|ray`: starts a study's agents, and sees to it that none stays.

A process of its own, for two reasons. When the study is killed, this hears its standard input end, and takes
back what it has started. And Ray ends the process that uses it when its head is gone: not the study, then.

The first line of standard input is an `AgentCall`; each line of standard output is a `LauncherWord`.
"""

import os
import signal
import sys
from collections.abc import Sequence
from threading import Event, Thread
from typing import Protocol, TextIO

from sweeper.errors import UserError, in_a_line
from sweeper.executors.agent_call import AgentCall, LauncherWord

POLL_S = 3.0
"""How often an engine is asked about a study's agents."""


class Launching(Protocol):
    """How one engine starts agents."""

    @property
    def jobs(self) -> Sequence[str]:
        """By which agents can be found again, where a launcher dies and they do not."""

    def launch(self) -> None:
        """Start them, or find those of `AgentCall.jobs` again. Raises UserError."""

    def look(self) -> list[str]:
        """What is to be told since the last look; replaces agents that were ended."""

    def cancel(self) -> None:
        """End all; returns when nothing is left."""


def main(arguments: Sequence[str]) -> int:
    """0, or 2 where nothing could be started."""
    words = _words_alone()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the study decides; it is heard by its end, too
    (engine,) = arguments
    agents = _agents(engine, AgentCall.model_validate_json(sys.stdin.readline()))
    is_over = Event()
    Thread(target=_wait_for_the_end, args=(is_over,), daemon=True).start()
    try:
        agents.launch()
    except UserError as error:
        (fault,) = error.faults
        _say(words, LauncherWord(kind="refused", where=fault.where, text=fault.problem, advice=fault.advice))
        return 2
    try:
        _watch(agents, words, is_over)
    finally:
        agents.cancel()
    return 0


def _agents(engine: str, call: AgentCall) -> Launching:
    if engine == "slurm":
        from sweeper.executors.launch_slurm import SlurmAgents

        return SlurmAgents(call)
    from sweeper.executors.launch_ray import RayAgents

    return RayAgents(call)


def _watch(agents: Launching, words: TextIO, is_over: Event) -> None:
    failed = ""
    jobs = _tell_jobs(agents, words, before=None)
    while not is_over.wait(POLL_S):
        try:
            said, failed = agents.look(), ""
        except Exception as error:  # an engine that cannot be asked now may be asked later
            said = [in_a_line(error)] if in_a_line(error) != failed else []
            failed = in_a_line(error)
        for line in said:
            _say(words, LauncherWord(kind="said", text=line))
        jobs = _tell_jobs(agents, words, jobs)


def _tell_jobs(agents: Launching, words: TextIO, before: tuple[str, ...] | None) -> tuple[str, ...]:
    jobs = tuple(agents.jobs)
    if jobs != before:
        _say(words, LauncherWord(kind="launched", jobs=jobs))
    return jobs


def _wait_for_the_end(is_over: Event) -> None:
    while sys.stdin.read(1024):
        pass
    is_over.set()


def _words_alone() -> TextIO:
    """Standard output for words only: what libraries print there goes to standard error."""
    words = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return words


def _say(words: TextIO, word: LauncherWord) -> None:
    try:
        print(word.model_dump_json(), file=words, flush=True)
    except OSError:  # nobody listens any more, which standard input tells, too
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
