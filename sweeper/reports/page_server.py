"""`sweeper studies serve`: the pages of all studies and an index, for browsers. It changes nothing."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from sweeper.errors import Fault, UserError
from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.reports.page_index import index_page
from sweeper.reports.standing import StudyStatus
from sweeper.reports.summary import read_sentence

REFRESH_S = 10.0
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Studies = Callable[[], Sequence[StudyStatus]]


def serve(results: ResultsFolder, host: str, port: int, studies: Studies) -> None:
    """Answer browsers until Ctrl-C. Raises UserError where the address cannot be had."""
    server = server_of(results, host, port, studies)
    if not is_loopback(host):
        print(
            f"warning: whoever reaches {host} can read all pages, which show configurations and logs",
            file=sys.stderr,
        )
    print(f"serving the studies of {results.path}: {address_of(server)} (Ctrl-C ends)", flush=True)
    with server:
        server.serve_forever()


def server_of(results: ResultsFolder, host: str, port: int, studies: Studies) -> ThreadingHTTPServer:
    """The server, which has its port and answers once it is told to serve."""

    class Pages(_Handler):
        """The pages of these studies."""

    Pages.results, Pages.studies = results, staticmethod(studies)
    try:
        server = ThreadingHTTPServer((host, port), Pages)
    except (OSError, OverflowError) as error:
        problem = f"got {host}:{port}; that address cannot be had ({error})"
        raise UserError(Fault("serve", problem, "Choose another: --port 0 takes a free one")) from error
    server.daemon_threads = True
    Pages.address = address_of(server)
    return server


def address_of(server: ThreadingHTTPServer) -> str:
    """Its URL."""
    host, port = server.server_address[:2]
    return f"http://{host!s}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def index_of(studies: Sequence[StudyStatus]) -> str:
    """The index: each study with its state, its verdict and a link to its page."""
    rows = []
    for study in studies:
        name = study.folder.path.name
        has_page = study.folder.report_html.exists()
        verdict = "" if study.state == "running" else read_sentence(study.folder)
        rows.append(
            (name, f"/{quote(name)}/report.html" if has_page else "", study.state, study.runs, verdict)
        )
    return index_page(rows, datetime.now().astimezone(), REFRESH_S)


class _Handler(BaseHTTPRequestHandler):
    """Knows two kinds of addresses: the index, and the page of a study that is there."""

    results: ResultsFolder
    studies: Studies
    address: str
    server_version, sys_version = "sweeper", ""

    def do_GET(self) -> None:  # the name that http.server calls
        """The page, or 404."""
        self._answer(has_body=True)

    def do_HEAD(self) -> None:  # the name that http.server calls
        """The same without the page."""
        self._answer(has_body=False)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""

    def _answer(self, *, has_body: bool) -> None:
        if not self._is_asked_by_its_name():
            return self._send(HTTPStatus.FORBIDDEN, b"ask by the address that was printed\n", "text/plain")
        path = unquote(urlsplit(self.path).path)
        page = index_of(self.studies()).encode() if path == "/" else self._page(path)
        if page is None:
            return self._send(HTTPStatus.NOT_FOUND, b"no such page\n", "text/plain", has_body=has_body)
        return self._send(HTTPStatus.OK, page, "text/html", has_body=has_body)

    def _is_asked_by_its_name(self) -> bool:
        """A page of elsewhere that points a name of its own at this machine asks by that name."""
        if not is_loopback(urlsplit(self.address).hostname or ""):
            return True
        return urlsplit(f"//{self.headers.get('Host', '')}").hostname in LOCAL_NAMES

    def _page(self, path: str) -> bytes | None:
        """The page of one of the studies by its folder's name, which is compared, never joined."""
        names = {folder.name: folder for folder in self.results.path.iterdir() if folder.is_dir()}
        for name, folder in names.items():
            if path == f"/{name}/report.html" and (page := StudyFolder(folder).report_html).is_file():
                return page.read_bytes()
        return None

    def _send(self, status: HTTPStatus, body: bytes, kind: str, *, has_body: bool = True) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if has_body:
            self.wfile.write(body)
