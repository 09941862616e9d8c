"""The study's side of a launcher: started, listened to, ended, and started again where it dies."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

from pydantic import ValidationError

from sweeper.agent import SAME_PATH, import_path
from sweeper.errors import Fault, UserError
from sweeper.executors.agent_call import AgentCall, Engine, LauncherWord, invitation
from sweeper.schema import ByHand, Ray, Remote, Slurm
from sweeper.worker import ending

FIRST_WORD_S = 120.0
CLOSE_S = 90.0
RESTART_S = (2.0, 10.0, 30.0)
MAX_WORDS = 2000
"""Characters of a dead launcher's standard error that are read."""


class InvitedAgents:
    """Agents that somebody starts by hand: all that there is to do is to say how."""

    def __init__(self, call: AgentCall) -> None:
        self._lines = invitation(call)

    def news(self) -> list[str]:
        """How to start one, the first time."""
        lines, self._lines = self._lines, []
        return lines

    def close(self) -> None:
        """Nothing: they leave when the study is over."""

    def abandon(self) -> None:
        """Nothing: they leave when the study is gone."""


class LaunchedAgents:
    """Agents that SLURM or Ray starts for this study.

    Made, they are asked for. Raises UserError where the engine is not here, or refuses. A launcher that dies
    is started again, and looks after the jobs of the one before.
    """

    def __init__(self, engine: Engine, call: AgentCall) -> None:
        self._engine, self._call = engine, call
        self._news: SimpleQueue[str] = SimpleQueue()
        self._first: SimpleQueue[LauncherWord | str] = SimpleQueue()
        self._is_over, self._refused = Event(), ""
        self._launcher = _Launcher(engine, call)
        self._listener = Thread(target=self._listen, name="launcher", daemon=True)
        self._listener.start()
        try:
            _check(self._first_word())
        except BaseException:
            self.abandon()
            raise

    def news(self) -> list[str]:
        """What the engine says of its agents since the last call."""
        lines = []
        with suppress(Empty):
            while True:
                lines.append(self._news.get_nowait())
        return lines

    def close(self) -> None:
        """Returns when the engine has nothing left of this study; after `CLOSE_S` in any case."""
        self.abandon()
        self._listener.join(CLOSE_S)
        self._launcher.kill()

    def abandon(self) -> None:
        """Returns at once; the launcher takes back what it has started."""
        self._is_over.set()
        self._launcher.finish()

    def _first_word(self) -> LauncherWord | str:
        try:
            return self._first.get(timeout=FIRST_WORD_S)
        except Empty:
            return f"no word for {FIRST_WORD_S:g} s of whether agents could be started"

    def _listen(self) -> None:
        n_deaths = 0
        while True:
            began = time.monotonic()
            for word in self._launcher.words():
                self._hear(word)
            how = self._launcher.reap()
            self._first.put(how)  # nobody reads it but where there was no first word
            n_deaths = n_deaths + 1 if time.monotonic() - began < RESTART_S[-1] else 1
            delay_s = RESTART_S[min(n_deaths, len(RESTART_S)) - 1]
            if not self._is_over.is_set() and not self._refused:
                self._news.put(f"{self._engine}: {how}; started again in {delay_s:g} s")
            if self._is_over.wait(delay_s):
                return
            self._launcher = _Launcher(self._engine, self._call)
            if self._is_over.is_set():
                self._launcher.finish()

    def _hear(self, word: LauncherWord) -> None:
        self._first.put(word)
        if word.kind == "launched":
            self._call = self._call.model_copy(update={"jobs": word.jobs})
            self._refused = ""
        elif word.kind == "refused":
            self._hear_refusal(str(Fault(word.where, word.text, word.advice)))
        else:
            self._news.put(f"{self._engine}: {word.text}")

    def _hear_refusal(self, fault: str) -> None:
        """Of a launcher that was started again: said once, however often it is tried."""
        if fault != self._refused:
            self._news.put(f"{fault} It is tried again until it works.")
        self._refused = fault


class _Launcher:
    """One process of `sweeper.executors.launcher`."""

    def __init__(self, engine: Engine, call: AgentCall) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `reap`
        self._process = subprocess.Popen(
            [sys.executable, *SAME_PATH, "-m", "sweeper.executors.launcher", engine],
            env={**os.environ, **import_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            start_new_session=True,  # Ctrl-C is the study's to hear
        )
        assert self._process.stdin is not None
        with suppress(OSError):  # it is dead already, as its last words will tell
            self._process.stdin.write(call.model_dump_json() + "\n")
            self._process.stdin.flush()

    def words(self) -> Iterator[LauncherWord]:
        """What it says, one after the other, until its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValidationError):  # it was killed within a line
                yield LauncherWord.model_validate_json(line)

    def finish(self) -> None:
        """Have it take back what it has started, and leave."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        """End it, where it has not ended."""
        self._process.kill()

    def reap(self) -> str:
        """Wait for its end; how it ended, in words."""
        self.finish()
        code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - MAX_WORDS))
        words = self._stderr.read().decode(errors="replace")
        self._stderr.close()
        return ending(code, words, who="launcher")


def _check(first: LauncherWord | str) -> None:
    """Raises UserError where nothing was started."""
    if isinstance(first, str):
        raise UserError(Fault("executor", first, "Look whether the cluster answers."))
    if first.kind == "refused":
        raise UserError(Fault(first.where, first.text, first.advice))


def agents_of(config: ByHand | Ray | Slurm, call: AgentCall) -> InvitedAgents | LaunchedAgents:
    """The agents that a study is configured with, asked for. Raises UserError."""
    if isinstance(config, ByHand):
        return InvitedAgents(call)
    return LaunchedAgents(config.name, call)


def agent_call(
    config: Remote, *, study: str, address: str, token_file: Path, folder: Path, options: tuple[str, ...] = ()
) -> AgentCall:
    """How agents for `study` are started, importing what this process does; `folder` is for their logs."""
    return AgentCall(
        study=study,
        address=address,
        token_file=str(token_file.resolve()),
        options=options,
        folder=str(folder.resolve()),
        python=sys.executable,
        cwd=str(Path.cwd()),
        environment=import_path(),
        n_agents=config.agents,
        n_threads=config.n_threads,
        gpus=config.gpus if isinstance(config, Ray) else 0.0,
        wait_s=config.wait_s,
        sbatch=config.sbatch if isinstance(config, Slurm) else (),
        cluster=config.address if isinstance(config, Ray) else "auto",
    )
