"""Studies on a real PostgreSQL: shared, resumed, and with all that may happen to a server done to it."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.reports.standing import activities
from sweeper.storage import waiting
from sweeper.storage.owners import new_owner
from sweeper.storage.storage import LEASE_S, Storage, open_storage
from tests.cluster.postgres import Server, missing, postgres
from tests.faults.harness import STARTED, FaultStudy, kill, marked_processes, trials, wait_for
from tests.sweeper.storage.leases import age_leases

pytestmark = pytest.mark.cluster

GRID = "optimizer.lr=0.01,0.02"
SLOW = (GRID, "loss.pause_ms=25", "trainer.max_steps=100", "tracking=none")
LONG = (GRID, "loss.pause_ms=50", "trainer.max_steps=200", "tracking=none")
LEAVE_S = 10.0
DatabaseOf = Callable[[str], str]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if problem := missing():
        pytest.skip(problem)
    with postgres() as running:
        yield running


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    """A database of the test's own."""
    return server.create(str(abs(hash(request.node.name))))


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    yield
    for mark, process in STARTED:
        for pid in marked_processes(mark):
            kill(pid)
        process.wait()
    STARTED.clear()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> FaultStudy:
    """What a study on PostgreSQL must come to: the same on SQLite."""
    study = FaultStudy(tmp_path_factory.mktemp("undisturbed"), SLOW)
    study.run()
    return study


def is_training(study: FaultStudy, n_runs: int = 2) -> bool:
    return len(study.last_steps()) >= n_runs


def states(study: FaultStudy) -> list[str]:
    return [row[2] for row in study.rows()]


def test_a_study_runs_is_known_afterwards_and_grows(
    tmp_path: Path, url: str, undisturbed: FaultStudy
) -> None:
    study = FaultStudy(tmp_path, SLOW, storage=url)
    study.run()
    assert study.figures() == undisturbed.figures()
    begun = study.rows()
    study.run()
    assert study.rows() == begun
    study.run("optimizer.lr=0.01,0.02,0.1")
    assert [row for row in study.rows() if row[0] < 3] == begun
    assert states(study) == ["COMPLETE"] * 4


def test_a_parent_that_is_killed_is_resumed_to_the_same_bits(
    tmp_path: Path, url: str, undisturbed: FaultStudy
) -> None:
    study = FaultStudy(tmp_path, SLOW, storage=url)
    parent = study.start()
    wait_for(lambda: is_training(study, 3))
    assert kill(parent.pid)
    parent.wait()
    study.wait_until_empty(LEAVE_S)
    assert "resumed from the checkpoint of step" in study.run()
    assert study.figures() == undisturbed.figures()


def test_two_parents_share_a_study_and_train_each_run_once(tmp_path: Path, url: str) -> None:
    words = ("optimizer.lr=0.01,0.02,0.03,0.04,0.05,0.06", *SLOW[1:])
    study = FaultStudy(tmp_path, words, storage=url)
    parents = [study.start(), study.start()]
    assert [parent.wait(300) for parent in parents] == [0, 0], study.output()
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 7
    logs = [path.read_text() for path in study.results.glob("trials/*/*/log.txt")]
    assert [log.count("starts at step") for log in logs] == [1] * 7


@pytest.mark.slow
def test_two_parents_ask_a_sampler_for_each_trial_once(tmp_path: Path, url: str) -> None:
    words = ("optimizer.lr=interval(0.01,0.1)", "study.n_trials=8", "trainer.max_steps=10", "tracking=none")
    study = FaultStudy(tmp_path, words, storage=url)
    parents = [study.start(), study.start()]
    assert [parent.wait(300) for parent in parents] == [0, 0], study.output()
    assert sorted(row[0] for row in study.rows()) == list(range(9))


@pytest.mark.slow
def test_a_server_that_is_away_for_25_s_is_waited_for_with_one_warning(
    tmp_path: Path, server: Server, url: str
) -> None:
    study = FaultStudy(tmp_path, LONG, storage=url)
    parent = study.start()
    wait_for(lambda: is_training(study))
    server.stop()
    time.sleep(25)
    server.start()
    assert parent.wait(300) == 0, study.output()
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 3
    assert study.output().count("does not answer; waiting up to 300 s") == 1


def test_connections_that_are_cut_all_the_time_cost_nothing(
    tmp_path: Path, server: Server, url: str, undisturbed: FaultStudy
) -> None:
    study = FaultStudy(tmp_path, SLOW, storage=url)
    parent, n_cut = study.start(), 0
    wait_for(lambda: is_training(study, 1))
    while parent.poll() is None:
        n_cut += server.cut_connections()
        time.sleep(0.05)
    assert parent.wait() == 0, study.output()
    assert n_cut > 20
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 3
    assert study.figures() == undisturbed.figures()
    with open_storage(url, "s", "o") as storage:
        assert len(storage.optuna_study(["minimize"]).trials) == 2


def test_a_session_without_work_leaves_and_says_who_has_it(tmp_path: Path, url: str) -> None:
    """Two runs of 10 s on two slots: a second session finds nothing to start for 2 s."""
    study = FaultStudy(tmp_path, (trials(other=["optimizer.lr=0.1"]), *LONG[1:]), storage=url)
    first = study.start()
    wait_for(lambda: is_training(study))
    printed = study.run("study.idle_s=2", timeout_s=60)
    assert (
        "nothing was left to start for 2 s (study.idle_s); other sessions hold the runs that are left"
        in printed
    )
    assert f":{first.pid} (2 runs)" in printed
    assert first.poll() is None
    assert not (study.results / "summary.json").exists()
    assert first.wait(120) == 0
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 2


@pytest.mark.slow
def test_sessions_of_one_array_each_leave_and_the_last_one_concludes(tmp_path: Path, url: str) -> None:
    study = FaultStudy(tmp_path, (*SLOW, "study.idle_s=1"), storage=url)
    parents = [study.start("executor.n_slots=1") for _ in range(3)]
    assert [parent.wait(300) for parent in parents] == [0, 0, 0], study.output()
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 3
    assert study.summary()["verdict"]


@pytest.mark.slow
def test_a_run_whose_end_the_database_never_heard_of_is_not_trained_again(
    tmp_path: Path, server: Server, url: str, monkeypatch: pytest.MonkeyPatch, undisturbed: FaultStudy
) -> None:
    """The limit is 3 s here; the server stops as the first run ends, for longer than that."""
    monkeypatch.setattr(waiting, "RUNNING_S", 3.0)
    settle, has_stopped = Storage.settle, list[bool]()

    def after_the_server_has_stopped(self: Storage, *arguments: Any) -> bool:
        if not has_stopped:
            has_stopped.append(True)
            server.stop()
        return settle(self, *arguments)

    study = FaultStudy(tmp_path, SLOW, storage=url)
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "settle", after_the_server_has_stopped)
        study.run_here(code=1)
    server.start()
    assert states(study) == ["RUNNING", "RUNNING"]
    with open_storage(url, "s", "o") as storage:
        age_leases(storage, LEASE_S + 1)  # their owner is this process, which lives
    ended = {int(path.parts[-3][:4]) for path in study.results.glob("trials/*/*/outcome.json")}
    assert ended
    printed = study.run()
    assert "had ended of which the database was not told; taken over from the run folders" in printed
    logs = {int(log.parts[-3][:4]): log.read_text() for log in study.results.glob("trials/*/*/log.txt")}
    assert {number: logs[number].count("starts at step") for number in ended} == dict.fromkeys(ended, 1)
    assert study.figures() == undisturbed.figures()


def test_a_clock_that_is_90_s_ahead_takes_no_live_run(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    with open_storage(url, "s", new_owner()) as storage, open_storage(url, "s", "hasty") as hasty:
        assert storage.claim("f", 0, 1, "w") is not None
        monkeypatch.setattr(time, "time", lambda: now() + 90)
        assert hasty.claim("f", 0, 1, "w") is None
        assert hasty.left_behind() == []
        assert activities(url)["s"].n_running == 1
        age_leases(storage, LEASE_S + 1)
        assert hasty.claim("f", 0, 1, "w") is not None


def test_what_lapsed_while_the_server_was_away_is_its_owners_for_as_long_again(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could renew: a session that is first to be back takes nothing from one that lives."""
    monkeypatch.setattr(waiting, "WARN_AFTER_S", 0.5)
    with open_storage(url, "s", "mine") as storage, open_storage(url, "s", "other") as other:
        other.warn_of_waits(lambda text: None, lambda: False)
        assert storage.claim("f", 0, 1, "w") is not None
        age_leases(storage, LEASE_S - 1)
        server.stop()
        threading.Timer(2, server.start).start()
        assert other.claim("f", 0, 1, "w") is None
        assert other.claim("g", 0, 1, "w") is not None


def test_a_turn_is_one_sessions_wherever_the_others_run(url: str, server: Server, tmp_path: Path) -> None:
    lock = tmp_path / ".asking.lock"
    with open_storage(url, "s", "a") as one, open_storage(url, "s", "b") as other:
        mine, theirs = one.turns(lock, 1.0), other.turns(lock, 0.2)
        with mine.take() as has_changed:
            assert has_changed
            with (
                pytest.raises(TimeoutError, match=r"s: \.asking\.lock: held by another process"),
                theirs.take(),
            ):
                pass
            with other_study(url).turns(lock, 0.2).take():
                pass
        changes = []
        for turns in (mine, theirs, theirs, mine):
            with turns.take() as has_changed:
                changes.append(has_changed)
        assert changes == [False, True, False, True]
        with mine.take():
            server.cut_connections()  # with the connection the lock is gone; nothing fails
        with theirs.take():
            pass
    assert not lock.exists()


def other_study(url: str) -> Storage:
    return Storage(url, "another", "o")


def test_many_sessions_may_open_a_new_database_at_once(tmp_path: Path, url: str) -> None:
    code = (
        "import sys\nfrom sweeper.storage.storage import open_storage\n"
        "with open_storage(sys.argv[1], 's', sys.argv[2]) as storage:\n"
        "    storage.optuna_study(['maximize'])\n    print(storage.claim('f', 0, 1, 'w') is not None)"
    )
    study = FaultStudy(tmp_path, ())
    command = [str(part) for part in (study.command[0], "-c", code, url)]
    opened = [
        subprocess.Popen([*command, f"o{n}"], stdout=subprocess.PIPE, text=True, env=study.environment)
        for n in range(6)
    ]
    said = sorted(process.communicate(timeout=120)[0].strip() for process in opened)
    assert said == ["False"] * 5 + ["True"]
