"""`python zygote.py <control> <folder> <target...>`: imports an app once, and forks for each of its runs.

Standard library only, since it runs in the app's own Python. `target` is a script, or `-m` and a module; it
is run as `__main__` up to where `@hydra.main` reads its arguments. There this process waits: each message on
the socket `control` brings a run's arguments, its environment, and the descriptors of its leash, its status,
its log and its lock (see `supervisor.py`). What is answered is JSON: `ready`, the `pid` of a run's
supervisor, or `cannot` and why no run can be forked.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from typing import Any, NoReturn

MAX_REQUEST_BYTES = 2**20
N_DESCRIPTORS = 4
NEVER_CALLED = "the script has ended without calling @hydra.main"


def load_supervisor() -> Any:
    """The module beside this file, from whatever Python."""
    spec = util.spec_from_file_location("_sweeper_supervisor", Path(__file__).with_name("supervisor.py"))
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


supervisor = load_supervisor()


class Zygote:
    """The process that has imported the app. `is_run` is true in the forks that are one run each."""

    def __init__(self, control: socket.socket, folder: str, script: str) -> None:
        self._control, self._folder, self._script = control, folder, script
        self._is_ready = self.is_run = False

    def until_a_run(self) -> None:
        """Serve the worker; returns in each fork that is a run, and in no other process."""
        if not self._is_ready:
            gc.collect()
            gc.freeze()
            supervisor.prctl(supervisor.PR_SET_PDEATHSIG, 0)  # from now on the end of the stream is noticed
            self._is_ready = True
            self._say(ready=True)
        while True:
            message, descriptors, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, N_DESCRIPTORS)
            if not message:
                self.leave()
            while not message.endswith(b"\n"):
                message += self._control.recv(MAX_REQUEST_BYTES)
            supervisor.is_alone()  # of runs that have ended nothing remains
            if self._fork(json.loads(message), descriptors):
                return
            for descriptor in descriptors:
                os.close(descriptor)

    def give_up(self, why: str) -> NoReturn:
        """Tell the worker that no run can be forked from here."""
        self._say(cannot=why)
        self.leave()

    def leave(self) -> NoReturn:
        """End, without what an app would do at its end."""
        supervisor.remove(self._folder)
        os._exit(0)

    def _say(self, **words: Any) -> None:
        try:
            self._control.sendall(json.dumps(words).encode() + b"\n")
        except OSError:  # the worker is gone
            self.leave()

    def _fork(self, run: dict[str, Any], descriptors: list[int]) -> bool:
        """Whether this is the process of the run now."""
        if problem := cannot_fork():
            self._say(cannot=problem)
            return False
        sys.stdout.flush()
        sys.stderr.flush()
        if pid := os.fork():
            self._say(pid=pid)
            return False
        try:
            self._supervise(run, descriptors)
        except _RunError:
            self.is_run = True
            return True
        except BaseException:
            traceback.print_exc()
        supervisor.remove(run["folder"])
        os._exit(0)

    def _supervise(self, run: dict[str, Any], descriptors: list[int]) -> None:
        """See a run to its end. Raises _RunError in the process that is the run."""
        os.setsid()
        self._control.close()
        leash, status, log, _ = descriptors
        os.dup2(log, 1)
        os.dup2(log, 2)
        handlers = {number: signal.getsignal(number) for number in OWN_SIGNALS}
        parent = os.getpid()

        def start() -> int:
            if pid := os.fork():
                return pid
            supervisor.as_leader(parent)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for descriptor in descriptors:
                os.close(descriptor)
            become(run, self._script)
            raise _RunError

        supervisor.supervise(start, leash, status)


class _RunError(Exception):
    """In a fork that is a run: there is nothing more to supervise."""


OWN_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)


def cannot_fork() -> str:
    """Why a fork of this process could not run; empty where it can."""
    others = [one.name for one in threading.enumerate() if one is not threading.main_thread()]
    if others:
        return f"importing it starts threads ({', '.join(others)})"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "importing it initialises CUDA"
    return ""


def become(run: dict[str, Any], script: str) -> None:
    """Make this process what a new one would be."""
    os.environ.clear()
    os.environ.update(run["environment"])
    os.chdir(run["cwd"])
    sys.argv[:] = [script, *run["arguments"]]
    if "numpy" in sys.modules:  # Python's own generator is seeded anew in every fork
        import_module("numpy.random").seed()
    if "torch" in sys.modules:
        import_module("torch").seed()


def hold_hydra(wait: Callable[[], None]) -> None:
    """Have `@hydra.main` call `wait` before it reads the command line, once."""
    module: Any = import_module("hydra.main")
    read_arguments = module.get_args_parser

    def held() -> Any:
        module.get_args_parser = read_arguments
        wait()
        return read_arguments()

    module.get_args_parser = held


def run_target(target: list[str]) -> None:
    """Run a script, or a module, as Python would."""
    if target[0] == "-m":
        runpy.run_module(target[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(target[0], run_name="__main__")


def main(arguments: list[str]) -> None:
    """Import the app, and serve."""
    control, folder, *target = arguments
    parent = os.getppid()
    supervisor.prctl(supervisor.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    is_module = target[0] == "-m"
    script = target[-1] if is_module else os.path.abspath(target[0])
    sys.path[0] = os.getcwd() if is_module else os.path.dirname(os.path.realpath(script))
    sys.argv[:] = [target[-1]]
    zygote = Zygote(socket.socket(fileno=int(control)), folder, target[-1])
    try:
        hold_hydra(zygote.until_a_run)
        run_target(target if is_module else [script])
    except BaseException as error:
        if zygote.is_run:
            raise
        said = str(error).strip().splitlines() or [""]
        zygote.give_up(f"{NEVER_CALLED} ({type(error).__name__}: {said[0]})")
    if not zygote.is_run:
        zygote.give_up(NEVER_CALLED)


if __name__ == "__main__":
    main(sys.argv[1:])
