"""What every source of reviews offers to `sweeper_tasks.sentiment.data`, and what those with files share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.task import Fault, SplitFiles, UserError, did_you_mean, placed
from sweeper_tasks.sentiment.reviews import Collection


@dataclass(frozen=True)
class Source:
    """Files (below `root`) with their reader; `version` goes up with every change of what it reads.

    `way_out`: what to do where two of its splits are the same texts; nothing where all are made here.
    """

    version: str
    read: Callable[[], Collection]
    root: Path = Path()
    files: Sequence[Path] = ()
    way_out: str = ""


def existing(path: str | None, names: SplitFiles, what: str) -> tuple[Path, dict[str, list[Path]]]:
    """The folder `path`, and the files of each split in it; a name may be a pattern such as `part-*.csv`.

    Raises UserError where one is missing.
    """
    advice = f"Name the folder with {what}"
    if path is None:
        raise UserError(Fault("data.path", "got nothing; expected a folder", advice))
    folder = Path(path).expanduser()
    if folder.is_file():
        problem = f"got '{path}', a file; expected the folder that it is in"
        raise UserError(Fault("data.path", problem, "Name the file in data.files.train"))
    files = {split: _matching(folder, name) for split, name in names.given.items()}
    if missing := [name for split, name in names.given.items() if not files[split]]:
        listed = ", ".join(names.given.values())
        problem = f"got '{path}' without {', '.join(missing)}; expected {listed} in it"
        hint = did_you_mean(missing[0], _names_in(folder))
        raise UserError(Fault("data.path", problem + hint, f"{advice}; data.files says what they are called"))
    return folder, files


def _matching(folder: Path, name: str) -> list[Path]:
    """The file of this name, or all whose names follow the pattern, in alphabetical order."""
    file = placed(str(folder), name)
    if file.is_file():
        return [file]
    if "*" not in name or Path(name).is_absolute():
        return []
    return sorted(match for match in folder.glob(name) if match.is_file() and not match.name.startswith("."))


def _names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()] if folder.is_dir() else []


def all_of(files: Mapping[str, Sequence[Path]]) -> list[Path]:
    """The files of all splits, in their order."""
    return [file for some in files.values() for file in some]
