"""What the README and the documents show is real."""

import re
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from docs.pictures import verdicts
from sweeper.cli import COMMANDS
from sweeper.predict import main as predict
from sweeper.studies import main as studies
from tests.sweeper.small_esmm import read_line

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = (README, *sorted((ROOT / "docs").rglob("*.md")))
PAGES = (
    *(*DOCS, ROOT / "results" / "README.md", ROOT / "results" / "LOG.md", ROOT / "sweeper" / "README.md"),
    *sorted(ROOT.glob("tasks/**/README.md")),
)
SUBCOMMANDS = set(COMMANDS)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    """The page, each command on one line, and some value for what a reader fills in."""
    return re.sub(r"=<[^>\n]*>", "=some", page.read_text().replace("\\\n", " "))


def commands(program: str) -> list[str]:
    """The words after every `<program> ...` in code on these pages, each once.

    `python -m` may stand in front: the two are the same command.
    """
    before = r"(?:^|`|\$ )python -m |(?:`|\$ )"
    pattern = re.compile(rf"(?:{before}){re.escape(program)}((?: [^`\n]*)?)(?:`|$)", re.MULTILINE)
    found = [match.strip() for page in PAGES for match in pattern.findall(text_of(page))]
    return list(dict.fromkeys(found))


def runs() -> list[str]:
    """The commands that train. What follows `#` in a shell is no part of them."""
    shown = [shlex.split(words, comments=True) for words in commands("sweeper")]
    kept = [words for words in shown if not words or words[0] not in SUBCOMMANDS]
    return list(dict.fromkeys(shlex.join(word for word in words if word != "...") for words in kept))


@pytest.mark.parametrize("command", runs())
def test_a_shown_command_is_composed_and_valid(command: str) -> None:
    """Those of the task from outside are run by `test_outside_task.py`."""
    words = shlex.split(command)
    if "--config-dir" in words:
        assert words[:2] == ["--config-dir", "my_conf"]
        assert "task=my_task" in words
    elif not {"--help", "--cfg"} & set(words):
        overrides = [word for word in words if word != "-m"]
        read_line(*overrides, multirun="-m" in words)


def test_the_pages_show_commands() -> None:
    assert len(runs()) >= 60


def test_a_subcommand_that_is_shown_is_one() -> None:
    first = {words.split()[0] for words in commands("sweeper") if words}
    assert {word for word in first if "=" not in word and not word.startswith("-")} - {"..."} == SUBCOMMANDS


@pytest.mark.parametrize("name", ["list", "show", "best", "export", "publish", "replay", "clean", "delete"])
def test_the_companion_command_has_what_the_pages_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "guides" / "managing_studies.md").read_text()
    with pytest.raises(SystemExit, match="0"):
        studies([name, "--help"])
    usage = capsys.readouterr().out
    shown = [words.split() for words in (*commands("sweeper studies"), *commands("sweeper.studies")) if words]
    options = {word for words in shown if words[0] == name for word in words if word.startswith("-")}
    assert {option for option in options if option not in usage} == set()


def test_the_companion_command_has_all_verbs_that_are_shown() -> None:
    shown = {
        words.split()[0] for words in (*commands("sweeper studies"), *commands("sweeper.studies")) if words
    }
    reading = {"list", "show", "open", "serve", "best", "export", "publish", "page", "replay"}
    verbs = reading | {"clean", "delete", "..."}
    assert shown <= verbs


def test_prediction_has_the_keys_that_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(SystemExit):
        predict(["--help"])
    known = capsys.readouterr().out
    shown = {
        word.partition("=")[0]
        for words in commands("sweeper.predict")
        for word in words.split()
        if "=" in word
    }
    assert {"study", "input", "output", "model"} <= shown
    assert {key for key in shown if key not in known} == set()


@pytest.mark.parametrize("target", ["sweep", "test", "lint", "ui", "chaos"])
def test_make_has_what_the_pages_name(target: str) -> None:
    assert any(f"make {target}" in page.read_text() for page in DOCS)
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    folders = "conf|docs|sweeper|tasks|tests|benchmarks|results|hydra_plugins"
    names = re.findall(rf"`((?:{folders})/[\w./]*)`", page.read_text())
    places = (ROOT, page.with_suffix(""))  # a tutorial's own files lie in a folder of its name
    missing = [name for name in names if not any((place / name).exists() for place in places)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(CODE.sub("", page.read_text())) if "://" not in link]
    missing = [link for link in links if not leads_somewhere(page, link)]
    assert missing == []


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether the file is there, and the heading that is named behind `#`."""
    name, _, heading = link.partition("#")
    target = page.parent / name if name else page
    if not heading or not target.exists():
        return target.exists()
    headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
    return heading in {re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings}


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert {page.resolve() for page in DOCS} - listed - {index.resolve()} == set()


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 120


@pytest.mark.parametrize(
    "study", ["sentiment-f04cdce1", "segmentation-bdcdcc10", "captcha-a23b1a5b", "esmm-440a89c6"]
)
def test_the_readme_has_the_figures_of_the_index(study: str) -> None:
    """The index itself is held against the published files by `test_published.py`."""
    index = (ROOT / "results" / "README.md").read_text()
    row = re.search(rf"^\| \[`{study}`\].*\*\*(.*)\*\*: .* (\S+) \((\S+) to (\S+)\) \|$", index, re.MULTILINE)
    assert row is not None
    verdict, improvement, low, high = row.groups()
    shown = f"{improvement} ({low.removeprefix('+')} to {high.removeprefix('+') if low[0] == '+' else high})"
    assert [shown in line for line in README.read_text().splitlines() if f"**{verdict}**" in line].count(
        True
    ) == 1


def test_the_picture_shows_what_is_published() -> None:
    with Image.open(verdicts.HERE / "verdicts.png") as picture:
        assert picture.info["Description"] == verdicts.figures_of(verdicts.published())
