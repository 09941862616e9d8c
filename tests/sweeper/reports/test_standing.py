"""What is known of a study at this moment: files, and the leases in a real database."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.layout import StudyFolder, folder_name, write_atomic
from sweeper.reports.report import write_report
from sweeper.reports.standing import Activity, activities, status_of
from sweeper.reports.summary import summary_of, write_summary
from sweeper.reports.summary_model import as_json
from sweeper.results import RunResult, TrialResult
from sweeper.storage.owners import new_owner
from sweeper.storage.storage import LEASE_S, open_storage
from sweeper.study.study import run_sweep
from sweeper.verdict import judge
from tests.sweeper.factories import judgement, study_result
from tests.sweeper.small_esmm import small_sweep

NOW = 1_800_000_000.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "s")


def claimed(url: str, owner: str, n_running: int = 1, n_complete: int = 0, study: str = "s") -> None:
    """Runs of a study under the lease of `owner` from now on, after some that it has settled."""
    with open_storage(url, study, owner) as storage:
        for seed in range(n_running + n_complete):
            claim = storage.claim("f", seed, 1, "w")
            assert claim is not None
            if seed < n_complete:
                storage.settle(claim, "COMPLETE", {})


def of_the_dead() -> str:
    """The owner's name of a process of this host that has ended."""
    code = "from sweeper.storage.owners import new_owner; print(new_owner())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_live_lease_means_that_the_study_runs_and_where(url: str, folder: StudyFolder) -> None:
    claimed(url, new_owner(), n_running=2, n_complete=3)
    study = status_of(folder, activities(url, time.time() + 1)["s"])
    assert (study.state, study.runs) == ("running", "3 + 2")
    assert study.where == f"{socket.gethostname()[:18]}:{os.getpid()}"


@pytest.mark.parametrize(("owner", "later"), [("elsewhere:1:x", LEASE_S + 1), ("", 1.0)])
def test_a_lease_that_lapsed_or_whose_owner_died_means_interrupted(
    url: str, folder: StudyFolder, owner: str, later: float
) -> None:
    claimed(url, owner or of_the_dead())
    assert status_of(folder, activities(url, time.time() + later)["s"]).state == "interrupted"


def test_an_owner_on_another_host_is_believed_until_the_lease_ends(url: str, folder: StudyFolder) -> None:
    claimed(url, "elsewhere:1:x")
    assert status_of(folder, activities(url, time.time() + LEASE_S - 20)["s"]).state == "running"


def test_a_study_is_found_under_its_folders_name_whatever_it_is_called(url: str) -> None:
    claimed(url, new_owner(), study="my study / 1")
    assert activities(url)[folder_name("my study / 1")].names == {"my study / 1"}


def finished(folder: StudyFolder, moment: str, **changes: Any) -> None:
    result = study_result(folder, **changes)
    result.provenance["finished"] = moment
    write_summary(folder, summary_of(result, judgement()))


def test_a_study_that_was_extended_and_killed_is_interrupted_until_its_next_report(
    folder: StudyFolder,
) -> None:
    """A lease that ended after the report is of a later session; one before it is of no consequence."""
    finished(folder, "2027-01-15T08:00:00Z")  # 1,800,000,000 s
    assert status_of(folder, Activity(lost_until=NOW - 1)).state == "finished"
    killed = status_of(folder, Activity(lost_until=NOW + 1))
    assert (killed.state, killed.command) == ("interrupted", status_of(folder, None).command)
    write_atomic(folder.command_txt, "python -m sweeper -m lambda=1,2,3\n")  # of that session
    assert killed.hint == (
        "interrupted after its last report; goes on with: python -m sweeper -m lambda=1,2,3"
    )


def test_runs_done_are_shown_of_all(folder: StudyFolder) -> None:
    assert status_of(folder, Activity(n_ended=2)).runs == "2/?"
    states = {"COMPLETE": 5, "FAILED": 1, "INTERRUPTED": 1}
    totals = study_result().totals.model_copy(update={"states": states, "runs_planned": 9})
    finished(folder, "2027-01-15T08:00:00Z", totals=totals)
    assert status_of(folder, None).runs == "6/9"
    assert status_of(folder, Activity(n_ended=12)).runs == "6/9"  # those of a larger plan
    killed_later = Activity(n_ended=12, lost_until=NOW + 1)
    assert status_of(folder, killed_later).runs == "12/?"  # of whose plan the report knows nothing


def test_a_summary_of_an_earlier_version_counts_as_what_its_trials_say(folder: StudyFolder) -> None:
    document = as_json(summary_of(study_result(folder), judgement()))
    del document["state"], document["totals"]["states"]
    folder.summary.write_text(json.dumps(document))
    assert (status_of(folder, None).state, status_of(folder, None).runs) == ("finished", "18/18")
    document["trials"][1]["state"] = "WAITING"
    folder.summary.write_text(json.dumps(document))
    assert status_of(folder, None).state == "interrupted"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"study": "s", ', "is damaged \\(Expecting"),
        ("[]", "is damaged \\(it is no object"),
        ('{"schema_version": 1, "study": "s"}', "is damaged \\(it has no 'task'"),
        ('{"schema_version": 9}', "got schema_version 9; expected 1"),
        ("\x00" * 40, "is damaged"),
    ],
)
def test_a_summary_that_cannot_be_read_is_a_state_with_a_reason(
    folder: StudyFolder, text: str, said: str
) -> None:
    folder.path.mkdir()
    folder.summary.write_text(text)
    study = status_of(folder, None)
    assert study.state == "damaged"
    assert study.problem is not None
    with pytest.raises(UserError, match=said):
        raise study.problem


def test_without_a_database_or_its_table_nothing_runs(tmp_path: Path, url: str) -> None:
    assert activities(url) == {}
    assert not (tmp_path / "studies.db").exists()
    sqlite3.connect(tmp_path / "studies.db").close()
    assert activities(url) == {}


def test_a_database_that_cannot_be_read_is_said_without_its_password(tmp_path: Path, url: str) -> None:
    (tmp_path / "studies.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(UserError, match=r"cannot read 'sqlite:.*file is not a database"):
        activities(url)
    with pytest.raises(UserError, match=r"cannot read '.*user:\*\*\*@") as caught:
        activities("nosuchdialect://user:secret@host/db")
    assert "secret" not in str(caught.value)


def test_any_sqlalchemy_url_will_do(tmp_path: Path, url: str) -> None:
    claimed(url, new_owner())
    other = f"sqlite+pysqlite:///{tmp_path}/studies.db"
    assert activities(other) == activities(url)
    assert activities(f"sqlite+pysqlite:///{tmp_path}/empty.db") == {}


def test_looking_does_not_wait_for_a_writer(tmp_path: Path, url: str) -> None:
    claimed(url, new_owner())
    writer = sqlite3.connect(tmp_path / "studies.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert activities(url)["s"].n_running == 1
    assert time.monotonic() - began < 1.0
    writer.close()


def test_age_is_of_the_report_or_of_the_last_word_of_a_run(folder: StudyFolder) -> None:
    finished(folder, "2027-01-15T08:00:00Z")
    assert status_of(folder, None).last_s == NOW
    metrics = folder.runs[0].metrics
    os.utime(metrics, (NOW + 50, NOW + 50))
    assert status_of(folder, Activity(n_running=1)).last_s == NOW + 50


@pytest.mark.parametrize("n_failed", [1, 4])
def test_a_study_whose_baseline_or_whose_every_run_failed_is_no_interrupted_one(
    folder: StudyFolder, n_failed: int
) -> None:
    result = study_result(folder)
    lost = [
        TrialResult(t.spec, "FAILED", "seed 0: no GPU", {0: RunResult(t.spec.number, 0, "FAILED", "no GPU")})
        for t in result.trials[:n_failed]
    ]
    why, advice = "the baseline has failed on seed 0 (no GPU)", "mend it, then study.retry=failed"
    totals = result.totals.model_copy(update={"stopped_because": why, "to_go_on": advice})
    result = replace(result, trials=(*lost, *result.trials[n_failed:]), totals=totals)
    write_report(folder, result, judge(result))
    status = status_of(folder, None)
    assert status.state == "failed"
    assert status.hint.startswith(f"failed ({why}): {advice}: python -m sweeper")
    report = folder.report_md.read_text()
    assert "Not finished: the baseline has failed on seed 0" in report
    assert "Mend it, then study.retry=failed." in report
    assert "goes on" not in report


def test_a_study_that_more_failures_than_allowed_ended_has_failed_and_says_what_to_do(tmp_path: Path) -> None:
    words = ("optimizer.lr=1e30,1e31", "study.name=s", "study.n_seeds=1", "study.max_failure_rate=0")
    assert run_sweep(small_sweep(tmp_path, *words, "executor=inline")) == 1
    status = status_of(StudyFolder.of(tmp_path, "s"), None)
    assert status.state == "failed"
    assert "failed candidate" in status.hint
    assert "with study.retry=failed, which tries the failed runs again" in status.hint
    assert "goes on with" not in status.hint


def test_a_database_in_a_folder_that_cannot_be_written_is_read(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's log wants a file beside it, so that it opens there only what nobody changes."""
    claimed(url, new_owner(), n_running=0, n_complete=3)
    connect = sqlite3.connect

    def only_immutable(name: str, **options: Any) -> Any:
        if "immutable" not in name:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(name, **options)

    monkeypatch.setattr(sqlite3, "connect", only_immutable)
    with pytest.raises(UserError, match="cannot read"):
        activities(url)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert activities(url)["s"].n_ended == 3
