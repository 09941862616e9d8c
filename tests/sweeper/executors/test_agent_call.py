"""How agents are asked for, and when it is said that they have not come."""

import shlex
from pathlib import Path

from sweeper.executors.agent_call import AgentCall, invitation
from sweeper.executors.replacing import Replacing
from sweeper.executors.waiting import Waiting
from tests.sweeper.executors.calls import TOKEN, call_of


def test_a_call_comes_out_of_its_own_text(tmp_path: Path) -> None:
    call = call_of(tmp_path, sbatch=("--partition=gpu",), options=("--tls-file", "a b"))
    assert AgentCall.model_validate_json(call.model_dump_json()) == call


def test_the_token_is_in_no_text_that_is_made_of_a_call(tmp_path: Path) -> None:
    call = call_of(tmp_path)
    texts = [call.model_dump_json(), *call.command_with_file, *invitation(call)]
    assert not [text for text in texts if TOKEN in text]
    assert call.token_file in invitation(call)[0]


def test_the_line_to_type_survives_a_shell(tmp_path: Path) -> None:
    call = call_of(tmp_path, cwd="/a folder/of mine", options=("--name", "it's"))
    line = invitation(call)[0].partition(": ")[2]
    words = shlex.split(line)
    assert words[:3] == ["cd", "/a folder/of mine", "&&"]
    assert words[4:] == [
        "-m",
        "sweeper.agent",
        "127.0.0.1:9",
        "--name",
        "it's",
        "--token-file",
        call.token_file,
    ]


def test_many_agents_do_not_come_at_once_nor_do_they_dawdle(tmp_path: Path) -> None:
    staggers = [call_of(tmp_path, n_agents=n).command[-1] for n in (1, 300, 10_000)]
    assert staggers == ["0.02", "6", "10"]


def test_waiting_is_said_once_it_has_lasted_and_when_its_reason_changes() -> None:
    waiting = Waiting(60.0)
    said = [(at, waiting.told(at, "Priority")) for at in (0.0, 59.0, 60.0, 61.0, 500.0)]
    assert [at for at, lines in said if lines] == [60.0]
    assert waiting.told(501.0, "Resources") == ["Resources"]


def test_a_reason_that_flickers_is_said_once_a_minute() -> None:
    waiting = Waiting(10.0)
    reasons = ["Priority", "Resources"]
    said = [at for at in range(200) if waiting.told(float(at), reasons[at % 2])]
    assert said == [10, 71, 132, 193]


def test_who_no_longer_waits_is_told_of_anew() -> None:
    waiting = Waiting(10.0)
    assert waiting.told(0.0, "Priority") + waiting.told(10.0, "Priority") == ["Priority"]
    assert waiting.told(11.0, "") == []
    assert waiting.told(80.0, "Priority") == []
    assert waiting.told(90.0, "Priority") == ["Priority"]


def test_agents_that_worked_are_replaced_for_ever() -> None:
    replacing = Replacing()
    assert {replacing.delay_s("0", 3600.0) for _ in range(100)} == {2.0}


def test_agents_that_end_as_soon_as_they_begin_are_replaced_later_and_later_then_no_more() -> None:
    replacing = Replacing()
    assert [replacing.delay_s("0", 1.0) for _ in range(4)] == [5.0, 15.0, None, None]
    assert replacing.delay_s("0", 3600.0) == 2.0


def test_what_one_agent_does_is_not_held_against_another() -> None:
    replacing = Replacing()
    assert [replacing.delay_s(str(agent), 1.0) for agent in range(50)] == [5.0] * 50


def test_who_is_killed_early_has_more_patience() -> None:
    replacing = Replacing()
    delays = [replacing.delay_s("0", 1.0, is_killed=True) for _ in range(15)]
    assert delays == [2.0] * 4 + [5.0] * 5 + [15.0] * 5 + [None]
