"""Pages of studies as a reader has them: in a browser, without a server, without other files."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.reports.page_final import rebuild_page
from sweeper.reports.page_server import address_of, server_of
from sweeper.reports.report import write_report
from sweeper.studies import all_studies
from tests.browser.browser import Browser, until
from tests.faults.harness import ROOT
from tests.sweeper.factories import judgement, study_result

pytestmark = pytest.mark.browser
LOADED = "document.documentElement.dataset.drawn"
IMAGES = """return [...document.images].filter((one) => !one.hidden).every(
  (one) => one.complete && one.naturalWidth > 0)"""
FITS = "return document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    folder = StudyFolder.of(tmp_path / "results", "esmm-3f2a91c0")
    write_report(folder, study_result(folder, with_failure=True), judgement())
    return folder


def first_column(browser: Browser) -> list[str]:
    cells = "document.querySelectorAll('#leaderboard tbody tr')"
    return [str(text) for text in browser.run(f"return [...{cells}].map((row) => row.cells[0].textContent)")]


def test_a_moved_page_shows_all_its_figures_and_pictures(
    browser: Browser, folder: StudyFolder, tmp_path: Path
) -> None:
    away = tmp_path / "away" / "report.html"
    away.parent.mkdir()
    shutil.move(folder.report_html, away)
    shutil.rmtree(folder.path)
    for width in (1280, 400):
        browser.open(away.as_uri(), width)
        assert browser.wait(LOADED) == "yes"
        drawn = browser.run("return [...document.querySelectorAll('.plot')].map((one) => one.id)")
        assert set(drawn) >= {"curves-0", "differences-0", "parameter-0", "timeline"}
        assert browser.run("return document.querySelectorAll('.plot .main-svg').length") >= len(drawn)
        assert browser.run(IMAGES)
        assert browser.run(FITS)
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def test_on_a_phone_a_wide_picture_is_moved_sideways_and_the_page_is_not(
    browser: Browser, folder: StudyFolder
) -> None:
    """Letters of 9 points in a picture of 9 inches would have 4 pixels, were it as narrow as the screen."""
    Image.new("RGB", (1080, 200), "grey").save(folder.plots / "wide.png")
    report = folder.report_md.read_text()
    folder.report_md.write_text(f"{report}\n## Wide\n\n![wide](plots/wide.png)\n")
    rebuild_page(folder)
    one = "document.querySelector('#wide img')"
    shown = f"return [{one}.clientWidth, {one}.parentElement.clientWidth]"
    browser.open(folder.report_html.as_uri(), 400)
    assert browser.run(FITS)
    width, room = browser.run(shown)
    assert width > 800 > 400 > room
    browser.open(folder.report_html.as_uri(), 1280)
    width, room = browser.run(shown)
    assert width == 1080 <= room


def test_without_scripts_the_verdict_the_tables_and_a_picture_are_there(
    browser: Browser, folder: StudyFolder
) -> None:
    page = folder.report_html.read_text().replace("script-src 'unsafe-inline'", "script-src 'none'")
    folder.report_html.write_text(page)
    browser.open(folder.report_html.as_uri())
    assert "cannot be told from the baseline" in browser.run(
        "return document.querySelector('blockquote').innerText"
    )
    assert browser.run("return document.querySelectorAll('#leaderboard tbody tr').length") == 5
    assert browser.run("return document.images.length") >= 1
    assert browser.run(IMAGES)


def test_the_leaderboard_is_sorted_by_a_click_on_a_column(browser: Browser, folder: StudyFolder) -> None:
    """The best first; then by number, down and up; a trial without a difference is last both ways."""
    browser.open(folder.report_html.as_uri())
    assert first_column(browser) == ["3", "2", "1", "0", "4"]
    click = "document.querySelectorAll('#leaderboard th button')[{}].click()"
    browser.run(click.format(0))
    assert first_column(browser) == ["4", "3", "2", "1", "0"]
    browser.run(click.format(0))
    assert first_column(browser) == ["0", "1", "2", "3", "4"]
    browser.run(click.format(4) + ";" + click.format(4))
    assert first_column(browser) == ["1", "2", "3", "0", "4"]


def test_the_page_of_a_running_study_changes_until_it_is_the_final_one(
    browser: Browser, tmp_path: Path
) -> None:
    words = ["aux_focal.lambda=0.1,0.2", "trainer.max_steps=200", "trainer.eval_every=10", "study.n_seeds=2"]
    places = [f"study.results_dir={tmp_path}", "study.name=live", "tracking=none", "study.page_every_s=1"]
    command = [sys.executable, "-m", "sweeper", "-m", *words, *places, "study.confirm_seeds=2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tasks")])}
    page = StudyFolder(tmp_path / "live").report_html
    with (tmp_path / "log.txt").open("w") as log:
        study = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            until(page.exists, 120, "the first page")
            browser.open(page.as_uri())
            running = "document.querySelector('.chip').textContent"
            assert browser.run(f"return {running}") == "running"
            first = browser.run("return document.querySelector('time').textContent")
            browser.wait(f"document.querySelector('time').textContent !== '{first}'")
            browser.wait("document.querySelectorAll('#leaderboard tbody tr').length > 1")
            browser.wait(f"{running} === 'finished'", 240)
            assert study.wait(60) == 0
        finally:
            study.kill()
            study.wait()
    assert browser.wait(LOADED) == "yes"
    assert browser.run("return document.getElementById('confirmation') !== null")


def test_the_served_index_leads_to_each_page(browser: Browser, folder: StudyFolder) -> None:
    from sweeper.reports import status_of

    results = ResultsFolder(folder.path.parent)
    server = server_of(
        results, "127.0.0.1", 0, lambda: [status_of(one, None) for one in all_studies(results)]
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        browser.open(address_of(server))
        assert "cannot be told from the baseline" in browser.run("return document.body.innerText")
        browser.run("document.querySelector('#studies a').click()")
        browser.wait("document.getElementById('leaderboard') !== null")
        assert browser.wait(LOADED) == "yes"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
