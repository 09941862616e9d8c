"""What a study leaves to another process to log."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import StudyFolder
from sweeper.reports import Summary, write_report
from sweeper.schema import Tracking
from sweeper.watch.afterwards import Rest, send_afterwards
from sweeper.watch.tracker import Tracker
from sweeper.watch.tracking import replay_study
from tests.browser.browser import until
from tests.sweeper.factories import judgement, study_result, study_start

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, on import

EMBEDDED = Tracking(name="mlflow", uri=None, experiment=None)
NOBODY_LISTENS = Tracking(name="mlflow", uri="http://user:secret@127.0.0.1:9", experiment=None)


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """A finished one of which nothing is logged."""
    folder = StudyFolder.of(tmp_path, "esmm-3f2a91c0")
    write_report(folder, study_result(folder), judgement())
    return folder


def test_what_is_missing_is_logged_by_a_process_that_nobody_waits_for(study: StudyFolder) -> None:
    send_afterwards(Rest(study.path, EMBEDDED, study.path.parent))
    assert study.afterwards_log.exists()  # it is at work: loading MLflow takes a second
    until(lambda: not study.afterwards_log.exists(), 60, "the end of the process")
    assert replay_study(study, EMBEDDED, study.path.parent).n_logged == 0


def test_why_it_failed_stands_in_the_studys_folder_without_the_password(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    send_afterwards(Rest(study.path, NOBODY_LISTENS, study.path.parent))
    until(lambda: bool(study.afterwards_log.read_text()), 60, "a reason")
    told = study.afterwards_log.read_text()
    assert "Connection refused" in told
    assert "secret" not in told


class Log:
    """Takes everything at once; whether it lacks a champion is said when it is made."""

    def __init__(self, *, lacks: bool) -> None:
        self._lacks = lacks

    def lacks_champion(self, summary: Summary, folder: StudyFolder) -> bool:
        return self._lacks

    def __getattr__(self, name: str) -> Any:
        return lambda *words: None


@pytest.mark.parametrize("lacks", [True, False])
def test_a_best_model_is_left_to_it_and_nothing_where_all_is_there(
    study: StudyFolder, *, lacks: bool
) -> None:
    told, sent = list[str](), list[StudyFolder]()
    tracker = Tracker(lambda start: Log(lacks=lacks), "a log", told.append, sent.append)
    result = study_result(study)
    tracker.study_started(study_start(study))
    tracker.study_ended(result, write_report(study, result, judgement()))
    tracker.close()
    assert (sent, told) == ([study] if lacks else [], [])
