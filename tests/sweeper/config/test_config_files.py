"""Files of one's own, as any editor writes them."""

from pathlib import Path

import pytest
from hydra.core.config_loader import ConfigLoader

from sweeper.config.command_line import read_overrides
from sweeper.config.compose import TaskSweep
from sweeper.config.config_source import ConfigSource
from sweeper.config.hydra_adapter import loader_of
from sweeper.errors import UserError
from sweeper.layout import CONF

GOOD = "# @package _global_\nstudy:\n  trials:\n    low: [optimizer.lr=1e-4]\n    no: [optimizer.lr=1e-2]\n"


def swept(folder: Path, name: str) -> TaskSweep:
    """What `--config-dir folder -m sweep=name` sweeps."""
    with loader_of(CONF, folder) as loader:
        assert isinstance(loader, ConfigLoader)
        lines = [f"sweep={name}"]
        return read_overrides(ConfigSource(loader, "config", lines), lines, multirun=True)


def write(folder: Path, content: bytes, name: str = "mine.yaml") -> Path:
    path = folder / "sweep" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        GOOD.partition("\n")[2].encode(),
        f"# my grid\n\n{GOOD}".encode(),
    ],
    ids=["plain", "crlf", "mark", "utf-16", "no header", "header below a comment"],
)
def test_a_sweep_of_ones_own_is_read_as_it_was_meant(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, content)
    sweep = swept(tmp_path, "mine")
    assert sweep.points is not None
    assert [point.name for point in sweep.points] == ["low", "no"]


def test_the_name_of_a_sweep_may_be_a_number(tmp_path: Path) -> None:
    write(tmp_path, GOOD.encode(), "0.1.yaml")
    assert swept(tmp_path, "0.1").points is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "sweep: got 'mine', which sweeps nothing (FILE)"),
        (b"# @package _global_\nstudy: {}\n", "sweep: got 'mine', which sweeps nothing (FILE)"),
        (b"- a\n- b\n", "FILE: got a list; expected keys"),
        (b"study:\n\ttrials: 3\n", "FILE, line 2: cannot be read: got a tab; YAML is indented with spaces"),
        (f"{GOOD}    low: []\n".encode(), "FILE, line 6: cannot be read: the key 'low' is there twice"),
        (f"# gr\xf6\xdfer\n{GOOD}".encode("latin-1"), "FILE, line 1: got the byte 0xf6, which is no UTF-8"),
        (
            b"optimizer: {lr: '1e-4'}\nstudy: {trials: {a: []}}\n",
            "optimizer.lr: got '1e-4' (from FILE); expected a number",
        ),
    ],
    ids=["empty", "nothing in it", "list", "tab", "twice", "latin-1", "text"],
)
def test_what_cannot_be_used_is_one_line_never_another_grid(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(UserError, match="mine") as caught:
        swept(tmp_path, "mine")
    assert str(caught.value).startswith(message.replace("FILE", str(path)))


def test_a_file_under_a_name_that_is_not_read_is_said_to_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.encode(), "mine.yml")
    write(tmp_path, GOOD.encode(), "other.yaml")
    with pytest.raises(UserError, match=r"a name that ends in \.yaml\. Rename it to mine\.yaml") as caught:
        swept(tmp_path, "mine")
    assert str(path) in str(caught.value)
