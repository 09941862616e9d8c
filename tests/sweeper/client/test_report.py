"""`report` in an app: nothing outside of a study, never in an app's way within."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from sweeper import Pruned, report
from sweeper.client.wire import CHANNEL, wire
from sweeper.worker.program_channel import ProgramChannel

LIGHT = """
import sys
from sweeper import Pruned, report
report(1, {"acc": "no number"})
report.examples("acc", "nonsense")
others = {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(sorted(others - {"sweeper", "__main__"}))
"""


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProgramChannel]:
    """A worker's end; this process is the app."""
    wire.start_afresh()
    opened = ProgramChannel()
    monkeypatch.setenv(CHANNEL, str(opened.path))
    yield opened
    wire.start_afresh()
    opened.close()


def answering(channel: ProgramChannel, *answers: str) -> Thread:
    """Answers so many reports."""

    def work() -> None:
        rest = list(answers)
        while rest:
            for said in channel.receive(5):
                said.speaker.answer(rest.pop(0))

    thread = Thread(target=work)
    thread.start()
    return thread


def test_an_app_loads_nothing_and_says_nothing_outside_of_a_study() -> None:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-S", "-c", LIGHT]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": root}, check=True)
    assert done.stdout == "[]\n"


def test_the_answer_is_heard(channel: ProgramChannel) -> None:
    thread = answering(channel, "continue", "prune", "stop")
    report(1, {"acc": 0.1})
    with pytest.raises(Pruned, match="the study gives this run up at step 2"):
        report(2, {"acc": 0.1})
    with pytest.raises(Pruned, match="the study stops at step 3"):
        report(3, {"acc": 0.1})
    thread.join()


def test_what_cannot_be_told_is_the_app_s_mistake(channel: ProgramChannel) -> None:
    with pytest.raises(TypeError, match=r"report: phase: got 'warm'; expected a number"):
        report(1, {"phase": "warm"})
    with pytest.raises(ValueError, match=r"report: step: got -1; expected 0 or more"):
        report(-1, {})
    with pytest.raises(TypeError, match=r"report.examples\('acc'\): got dict; expected a flat list"):
        report.examples("acc", {"a": 1})
    assert channel.rest() == []


@pytest.mark.parametrize("rank", ["RANK", "LOCAL_RANK"])
def test_of_a_distributed_program_the_first_process_speaks(
    rank: str, channel: ProgramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(rank, "1")
    report(1, {"acc": 0.1})
    report.examples("acc", [1.0])
    assert channel.rest() == []


def test_a_worker_that_is_gone_is_warned_of_once_and_trained_without(
    channel: ProgramChannel, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = answering(channel, "continue")
    report(1, {"acc": 0.1})
    thread.join()
    channel.close()
    for step in (2, 3):
        report(step, {"acc": 0.1})
    report.examples("acc", [1.0])
    told = capsys.readouterr().err
    assert told.startswith("sweeper: the study cannot be reached (")
    assert told.count("\n") == 1
    wire.start_afresh()
    report(4, {"acc": 0.1})
    assert "No such file or directory); goes on without it" in capsys.readouterr().err
