"""Whole studies whose slots are agents on this machine, started by the line that the study prints."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import FaultStudy, kill, marked_environment, wait_for

pytestmark = pytest.mark.slow  # quick: the executor's contract over TCP, and the loop's tests of slots

WORDS = ("optimizer.lr=0.01,0.02", "study.n_seeds=2", "study.confirm_seeds=0", "tracking=none")
ON_AGENTS = (
    *WORDS,
    *("executor=agents", "executor.agents=2", "executor.environment=[SWEEPER_FAULT_TEST]"),
    *("~executor.devices", "~executor.n_slots"),
)
LINE = re.compile(r"type where it is to run: cd (?P<folder>\S+) && (?P<command>.*)")


class Crew:
    """The agents of one study."""

    def __init__(self, study: FaultStudy) -> None:
        self._study = study
        self.agents: list[subprocess.Popen[bytes]] = []

    def hire(self, n_agents: int = 1) -> None:
        """Start agents as the study says; of its invitations, the last counts."""
        wait_for(lambda: LINE.search(self._study.output()), 60.0)
        found = list(LINE.finditer(self._study.output()))[-1]
        for _ in range(n_agents):
            agent = subprocess.Popen(
                shlex.split(found["command"]),
                cwd=found["folder"],
                env={**marked_environment(self._study.mark), "CUDA_VISIBLE_DEVICES": ""},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self.agents.append(agent)

    def dismiss(self) -> None:
        """None stays."""
        for agent in self.agents:
            if agent.poll() is None:
                agent.kill()
            agent.wait()


@pytest.fixture
def study(tmp_path: Path) -> FaultStudy:
    return FaultStudy(tmp_path, ON_AGENTS)


@pytest.fixture
def crew(study: FaultStudy) -> Iterator[Crew]:
    crew = Crew(study)
    yield crew
    crew.dismiss()


def test_a_study_on_agents_has_the_bits_of_one_on_this_machine(
    study: FaultStudy, crew: Crew, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Encrypted, one agent killed on the way, another one late; and all end by themselves."""
    local = FaultStudy(tmp_path_factory.mktemp("local"), (*WORDS, "executor.n_threads=1"))
    local.run()
    process = study.start("executor.tls=true", "loss.pause_ms=10")
    crew.hire(2)
    wait_for(lambda: len(study.last_steps()) >= 2, 90.0)
    kill(crew.agents[0].pid)
    crew.hire()
    assert process.wait(200) == 0, study.output()
    assert study.figures() == local.figures()
    assert "left (" in study.output()
    assert [agent.wait(30) for agent in crew.agents[1:]] == [0, 0]
    study.wait_until_empty(20.0)


def test_an_ensemble_is_asked_for_where_the_agents_are(study: FaultStudy, crew: Crew) -> None:
    """The toy task has no probabilities to average: the agent says so, and the study ends as others do."""
    process = study.start("study.ensemble_top_k=2", "executor.agents=1")
    crew.hire()
    assert process.wait(200) == 0, study.output()
    assert "no ensemble, since its evaluation failed: ToyTask states no probabilities" in study.output()
    assert (study.results / "ensemble" / "log.txt").exists()


def test_a_first_ctrl_c_while_no_agent_is_there_ends_the_study_in_order(study: FaultStudy) -> None:
    process = study.start()
    wait_for(lambda: LINE.search(study.output()), 60.0)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    study.wait_until_empty(10.0)
