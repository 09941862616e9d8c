"""`studies serve`: pages and an index, read-only, for this machine alone."""

import http.client
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.reports.page_server import address_of, is_loopback, serve, server_of
from sweeper.reports.report import write_report
from sweeper.reports.standing import StudyStatus, status_of
from tests.sweeper.factories import SENTENCE, judgement, study_result


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    folder = StudyFolder.of(tmp_path / "results", "one")
    write_report(folder, study_result(folder, study="one"), judgement())
    (tmp_path / "results" / "two" / "trials").mkdir(parents=True)
    (tmp_path / "results" / "report.html").write_text("not a study's")
    (tmp_path / "secret.txt").write_text("secret")
    return ResultsFolder(tmp_path / "results")


@pytest.fixture
def server(results: ResultsFolder) -> Iterator[ThreadingHTTPServer]:
    def studies() -> list[StudyStatus]:
        return [status_of(StudyFolder(results.path / name), None) for name in ("one", "two")]

    found = server_of(results, "127.0.0.1", 0, studies)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def asked(
    server: ThreadingHTTPServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    try:
        connection.request(method, path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


def test_the_index_names_each_study_its_state_and_its_verdict(server: ThreadingHTTPServer) -> None:
    status, page, headers = asked(server, "/")
    assert status == 200
    assert 'href="/one/report.html"' in page
    assert SENTENCE[:40] in page
    assert "two" in page
    assert "/two/report.html" not in page  # it has none yet
    assert "interrupted" in page
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_is_served_as_it_is(server: ThreadingHTTPServer, results: ResultsFolder) -> None:
    status, page, _ = asked(server, "/one/report.html")
    assert (status, page) == (200, StudyFolder(results.path / "one").report_html.read_text())
    assert asked(server, "/one/report.html", "HEAD")[:2] == (200, "")


@pytest.mark.parametrize(
    "path",
    [
        *("/one/summary.json", "/one/trials.csv", "/one/", "/one", "/report.html", "/two/report.html"),
        *("/../secret.txt", "/%2e%2e/secret.txt", "/one/../../secret.txt", "/one%2freport.html/x"),
        *("//etc/passwd", "/one/report.html/..", "/./report.html", "/%00"),
    ],
)
def test_nothing_else_is_served(server: ThreadingHTTPServer, path: str) -> None:
    status, page, _ = asked(server, path)
    assert (status, page) == (404, "no such page\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(server: ThreadingHTTPServer, method: str) -> None:
    assert asked(server, "/one/report.html", method)[0] == 501


def test_who_asks_by_another_name_is_turned_away(server: ThreadingHTTPServer) -> None:
    """A page of elsewhere whose name has been pointed at this machine."""
    port = server.server_address[1]
    assert asked(server, "/", host=f"evil.example:{port}")[0] == 403
    assert asked(server, "/", host=f"localhost:{port}")[0] == 200


def test_an_address_that_is_taken_is_one_line(server: ThreadingHTTPServer, results: ResultsFolder) -> None:
    port = int(server.server_address[1])
    with pytest.raises(UserError, match=rf"serve: got 127\.0\.0\.1:{port}; that address cannot be had"):
        server_of(results, "127.0.0.1", port, list)
    with pytest.raises(UserError, match=r"serve: got 127\.0\.0\.1:70000"):
        server_of(results, "127.0.0.1", 70_000, list)


@pytest.mark.parametrize(("host", "warns"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_an_address_that_others_reach_is_warned_of(
    results: ResultsFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
    warns: bool,
) -> None:
    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", lambda *_: None)
    serve(results, host, 0, list)
    said = capsys.readouterr()
    assert f"http://{host}:" in said.out
    assert ("can read all pages" in said.err) == warns


def test_loopback_is_known_by_its_addresses_and_its_name() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "example.org", "")] == [False] * 4


def test_the_address_is_one_to_click_on(server: ThreadingHTTPServer) -> None:
    assert address_of(server) == f"http://127.0.0.1:{server.server_address[1]}/"
