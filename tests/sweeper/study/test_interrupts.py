"""Signals to a real process: remembered the first time, obeyed at once the second."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

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


@pytest.fixture(autouse=True)
def _hangups_count() -> Iterator[None]:
    """Under `nohup` they are ignored here and in the processes of these tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


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
