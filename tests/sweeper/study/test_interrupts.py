"""Signals to a real process: remembered the first time, obeyed at once the second."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.study.interrupts import watch_signals

WAITING = """
import sys, time
from sweeper.study.interrupts import watch_signals
with watch_signals() as interrupt:
    print("ready", flush=True)
    until = time.monotonic() + 20
    while interrupt.received is None and time.monotonic() < until:
        time.sleep(0.01)
sys.exit(interrupt.exit_code)
"""


AT_ONCE = "stopped at once; the same command resumes the study\n"
BEGUN = """
import os, signal, sys
from sweeper.study.interrupts import watch_signals
def told(number):
    os.kill(os.getpid(), number)
"""
AGAIN = {
    "within": """
with watch_signals():
    told(signal.SIGINT)
    told(signal.SIGTERM)
""",
    "while the second is obeyed": """
with watch_signals():
    told(signal.SIGINT)
    try:
        told(signal.SIGINT)
    except KeyboardInterrupt:
        told(signal.SIGINT)
""",
    "where nobody heard the second": """
with watch_signals():
    told(signal.SIGINT)
    try:
        told(signal.SIGINT)
    except BaseException:
        pass
told(signal.SIGINT)
""",
    "afterwards": """
with watch_signals() as interrupt:
    told(signal.SIGINT)
told(signal.SIGHUP)
""",
}
CLOSING = """
import sys
from pathlib import Path
from sweeper.executors.inline import InlineExecutor
from sweeper.study.study import run_sweep
from sweeper.watch import Observers
from tests.sweeper.small_esmm import small_sweep
def close(self):
    told(signal.SIGTERM)
    told(signal.SIGINT)
{closed}.close = close
InlineExecutor.abandon = lambda self: print("abandoned")
words = ("optimizer.lr=0.001,0.002", "executor=inline", "study.n_seeds=1", "study.confirm_seeds=0")
sys.exit(run_sweep(small_sweep(Path(sys.argv[1]), *words)))
"""


@pytest.fixture(autouse=True)
def _hangups_count() -> Iterator[None]:
    """Under `nohup` they are ignored here and in the processes of these tests."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_is_remembered_and_gives_its_exit_code(number: signal.Signals, code: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code


def test_the_second_signal_is_not_waited_for() -> None:
    with watch_signals() as interrupt:
        os.kill(os.getpid(), signal.SIGHUP)
        assert interrupt.received is signal.SIGHUP
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.exit_code == 129


@pytest.mark.parametrize("when", AGAIN)
def test_another_signal_until_the_process_ends_is_one_line_and_the_firsts_exit_code(when: str) -> None:
    program = [sys.executable, "-c", BEGUN + AGAIN[when]]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=20)
    assert (done.stderr, done.returncode) == (AT_ONCE, 130)


@pytest.mark.parametrize("closed", ["InlineExecutor", "Observers"])
def test_a_second_signal_while_a_study_closes_is_one_line_and_its_exit_code(
    closed: str, tmp_path: Path
) -> None:
    program = [sys.executable, "-c", BEGUN + CLOSING.format(closed=closed), str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stderr, done.returncode) == (AT_ONCE, 143)
    assert done.stdout.endswith("abandoned\n")


def test_under_nohup_a_closed_terminal_changes_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with watch_signals() as interrupt:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
            assert interrupt.received is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


WITH_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
"""


@pytest.mark.parametrize("closes", [True, False])
def test_a_terminal_that_goes_away_ends_nothing_but_a_signal_that_somebody_sends_does(closes: bool) -> None:
    ours, theirs = os.openpty()
    reader, writer = os.pipe()
    program = WITH_A_TERMINAL + WAITING.replace(
        'print("ready", flush=True)', f"__import__('os').write({writer}, b'ready')"
    ).replace("+ 20", f"+ {1 if closes else 20}")
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        pass_fds=[writer],
        start_new_session=True,
    )
    os.close(theirs)
    assert os.read(reader, 5) == b"ready"
    if closes:
        os.close(ours)  # the kernel sends SIGHUP
    else:
        process.send_signal(signal.SIGHUP)
    process.communicate(timeout=20)
    assert process.returncode == (0 if closes else 129)


def test_earlier_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with watch_signals():
        pass
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
