"""What every source of reviews offers to `sweeper_tasks.sentiment.data`, and what those with files share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.task import Fault, UserError
from sweeper_tasks.sentiment.reviews import Collection


@dataclass(frozen=True)
class Source:
    """Files (below `root`) with their reader; `version` goes up with every change of what it reads."""

    version: str
    read: Callable[[], Collection]
    root: Path = Path()
    files: Sequence[Path] = ()


def existing(path: str | None, names: Sequence[str], what: str) -> tuple[Path, list[Path]]:
    """The folder `path` and the files of these names in it. Raises UserError where one is missing."""
    if path is None:
        raise UserError(Fault("data.path", "got nothing; expected a folder", f"Name the folder with {what}"))
    files = [Path(path) / name for name in names]
    if missing := [file.name for file in files if not file.is_file()]:
        problem = f"got '{path}' without {', '.join(missing)}; expected {', '.join(names)} in it"
        raise UserError(Fault("data.path", problem, f"Name the folder with {what}"))
    return Path(path), files


def text_of(file: Path) -> str:
    """What is written in the file, UTF-8 with or without a mark. Raises UserError where it is not."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"got a byte at {error.start} that is no UTF-8; expected a text file in UTF-8"
        raise UserError(Fault(str(file), problem, "Save it again in UTF-8")) from None
