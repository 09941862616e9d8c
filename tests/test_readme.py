"""What the README and the documents show is real."""

import re
import shlex
from pathlib import Path

import pytest

from sweeper.studies import main as studies
from tests.sweeper.small_esmm import read_line

ROOT = Path(__file__).parent.parent
PAGES = (
    *(ROOT / "README.md", ROOT / "docs" / "aux_focal.md", ROOT / "results" / "LOG.md"),
    *sorted(ROOT.glob("tasks/*/README.md")),
)


def commands(program: str) -> list[str]:
    """Every `python -m <program> ...` in code on these pages, each once."""
    pattern = re.compile(rf"(?:^|`|\$ )(python -m {re.escape(program)}(?: [^`\n]*)?)(?:`|$)", re.MULTILINE)
    lines = [page.read_text().replace("\\\n", " ") for page in PAGES]  # a command may go on over lines
    texts = [re.sub(r"=<[^>\n]*>", "=some", text) for text in lines]  # <what a reader fills in>
    found = [match.strip() for text in texts for match in pattern.findall(text)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("command", commands("sweeper"))
def test_a_shown_command_is_composed_and_valid(command: str) -> None:
    words = [word for word in shlex.split(command, comments=True)[3:] if word != "..."]
    if "--help" not in words:
        overrides = [word for word in words if word != "-m"]
        read_line(*overrides, multirun="-m" in words)


def test_the_pages_show_commands() -> None:
    assert len(commands("sweeper")) >= 7


@pytest.mark.parametrize("name", ["show", "best", "export", "publish", "replay", "clean", "delete"])
def test_the_companion_command_has_what_the_readme_names(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"`{name}`" in (ROOT / "README.md").read_text()
    with pytest.raises(SystemExit, match="0"):
        studies([name, "--help"])
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["sweep", "test", "lint", "ui"])
def test_make_has_what_the_readme_names(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_files_that_the_readme_names_exist() -> None:
    names = re.findall(
        r"`((?:conf|docs|sweeper|tasks|tests|benchmarks|results)/[\w./]*)`", (ROOT / "README.md").read_text()
    )
    missing = [name for name in names if not (ROOT / name).exists()]
    assert missing == []
