"""`data=captcha/folder`: pictures in a folder and below, each with its text in its name or in `labels.csv`.

A name is `<text>.png`, or `<text>-<number>.png` for several pictures of one text (also with `_`). The table
has the columns `file` (the picture's path below the folder) and `label`. Which split a picture is in follows
from that path alone, so that adding pictures never moves one to another split.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.task import BadFile, Fault, UserError, facts_of_skipped, fault_of, list_files
from sweeper_tasks.captcha.alphabet import CHARACTERS, Codes, encode
from sweeper_tasks.captcha.data_config import FolderData, GeneratedData
from sweeper_tasks.captcha.facts import SPLITS, facts_of
from sweeper_tasks.captcha.pictures import Pixels, copy_rows, draw_all, fitted, trimmed
from sweeper_tasks.picture_copies import copies_in
from sweeper_tasks.picture_facts import SUFFIXES, facts_of_read
from sweeper_tasks.pictures import ON_WHITE, BadPictureError, read_picture
from sweeper_tasks.split_folders import splits_of_paths

VERSION, FIRST_VERSION = 3, 2
"""Part of the digest; goes up with every change of what is prepared from the same files, see `build`."""
TABLE = "labels.csv"
MIN_SIDE = 8
"""Pixels; the stride of the network as documented. Nothing can be read in a picture that is smaller."""
SPLIT_ENDS = (0.8, 0.9, 1.0)
NUMBER = re.compile(r"([-_]\d+)+$")
"""What may follow a text in a name."""
COUNTED = re.compile(r"(\d+)[-_ .]+(.+)")
FEW, DENSE = 10, 1.5
"""Pictures whose names begin with numbers count them where there are 10, and 100 have numbers within 150."""
WAYS = (
    "Call pictures by their texts, <text>.png or <text>-<number>.png, or list the texts in a table "
    f"{TABLE} (file, label) in the folder"
)
LARGE_ENOUGH = f"an image needs at least {MIN_SIDE} pixels down and across"
NEEDS_TEXT = "an image needs a text"
KNOWN = "a text has no characters but 0-9, A-Z and a-z"
SHORT_ENOUGH = "a text has at most data.max_length characters"
ONE_ROW = f"an image has one row in {TABLE}"
NEEDS_IMAGE = f"a row of {TABLE} needs an image"

Texts = dict[str, str]
"""Picture, by its path below the folder with forward slashes -> text."""


@dataclass(frozen=True)
class Found:
    """The folder; by path below it the table, where it is used, and all pictures; what was not read."""

    root: Path
    files: Mapping[str, Path]
    ignored: Mapping[str, Any]


def locate(data: FolderData) -> Found:
    """The files that decide what is prepared. Raises UserError where there is no picture."""
    if data.path is None:
        advice = "Name the folder with the pictures: data.path=..."
        raise UserError(Fault("data.path", "got nothing; expected a folder", advice))
    folder = Path(data.path)
    if not folder.is_dir():
        what = "It is a file: unpack an archive, or name its folder" if folder.exists() else "There is none"
        raise UserError(Fault("data.path", f"got '{folder}'; expected a folder", what))
    table = _table(data, folder)
    listing = list_files(folder, SUFFIXES, known=[path.name for path in table.values()])
    if not listing.files:
        known = ", ".join(sorted(SUFFIXES))
        problem = f"got '{folder}' without a picture; expected files in {known}; there is {listing.words()}"
        raise UserError(Fault("data.path", problem))
    named = {file.relative_to(folder).as_posix(): file for file in listing.files}
    return Found(folder, table | named, listing.facts())


def build(data: FolderData, found: Found, folder: Path, as_before: str) -> dict[str, Any]:
    """Check, shrink and split the pictures into `folder`; the manifest's entries. Raises UserError.

    Where every file was read as the version before read it, the data are known as `as_before`, so that stored
    runs on them stay known.
    """
    files = found.files
    names, paths = zip(*((name, path) for name, path in files.items() if name != TABLE), strict=True)
    if TABLE not in files and (first := _numbered_first(names)):
        raise UserError(_count_first(data, first))
    texts, bad = _texts(data, names, files.get(TABLE))
    are_other_names = TABLE not in files and 2 * len(bad) > len(names)
    unsplit, shape = folder / "unsplit.npy", (len(names), data.n_channels, data.height, data.width)
    unusable, notes = draw_all(unsplit, shape, partial(read_noted, data, paths))
    bad += [BadFile(names[row], got, rule) for row, (got, rule) in unusable.items() if names[row] in texts]
    if bad and not data.skip_bad:
        fault = fault_of(bad, str(data.path))
        raise UserError(replace(fault, advice=WAYS) if are_other_names else fault)
    good = {name: row for row, name in enumerate(names) if row not in unusable and name in texts}
    if len({texts[name] for name in good}) == 1 < len(good):
        raise UserError(_all_alike(data, texts[next(iter(good))]))
    splits = splits_of_folders(good)
    codes = _split(data, good, splits, texts, unsplit, folder)
    unsplit.unlink()
    read = facts_of_read((names[row], notes[row]) for row in notes if names[row] in texts)
    shown = (
        {} if TABLE in files else {name: texts[name] for name in list(good)[:: max(1, len(good) // 2)][:3]}
    )
    told = {"skipped": facts_of_skipped(bad), "ignored": found.ignored, "read": read, "texts": shown}
    facts = facts_of(codes, copies_in(folder, "images")) | told
    is_as_before = not splits and read.keys() <= {ON_WHITE}
    known_as = {"digest": as_before} if is_as_before else {}
    return {"n_train": len(codes["train"]), "real": True, "facts": facts, **known_as}


def read_noted(
    data: FolderData | GeneratedData, paths: Sequence[Path], i: int
) -> tuple[Pixels, tuple[str, ...]]:
    """Picture i, as the network sees it, and what to say of how it was read. Raises BadPictureError."""
    picture = read_picture(paths[i])
    image = picture.image
    if min(image.size) < MIN_SIDE:
        raise BadPictureError(f"{image.width} x {image.height}", LARGE_ENOUGH)
    shown = trimmed(image) if isinstance(data, FolderData) and data.trim else image
    return fitted(shown, data.height, data.width, data.n_channels), picture.notes


def splits_of_folders(names: Iterable[str]) -> dict[str, str]:
    """The split of each picture where folders called train, val and test hold them all; else none.

    Where there is no val, a ninth of train is drawn; where there is no test, half of val; each by its path.
    """
    given = dict(splits_of_paths(names) or {})
    missing = set(SPLITS) - set(given.values())
    for split, source, share in (("val", "train", 1 / 9), ("test", "val", 1 / 2)):
        if given and split in missing:
            drawn = [name for name, found in given.items() if found == source and drawn_of(name) < share]
            given |= dict.fromkeys(drawn, split)
    return given


def drawn_of(name: str) -> float:
    """A number in [0, 1) that follows from the path alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def split_of(name: str) -> str:
    """The split of the picture with this path: train, val and test in parts of 80, 10 and 10 %."""
    return next(split for split, end in zip(SPLITS, SPLIT_ENDS, strict=True) if drawn_of(name) < end)


def text_in_name(name: str) -> str:
    """`7c2` of `lower/7c2-0.png`; what else follows a dash stays, and is no character that is known."""
    return NUMBER.sub("", Path(name).stem)


def _table(data: FolderData, folder: Path) -> dict[str, Path]:
    alike = [path for path in folder.iterdir() if path.name.casefold() == TABLE]
    table = alike[0] if len(alike) == 1 else folder / TABLE
    if data.labels == "csv" and not table.is_file():
        advice = "Write the table, or take the texts from the file names: data.labels=names"
        raise UserError(Fault("data.labels", f"got 'csv'; expected {table}. There is none", advice))
    return {TABLE: table} if data.labels != "names" and table.is_file() else {}


def _texts(data: FolderData, names: Sequence[str], table: Path | None) -> tuple[Texts, list[BadFile]]:
    """The usable texts, and what is wrong with the others."""
    texts, bad = _listed(table, names) if table else ({name: text_in_name(name) for name in names}, [])
    broken = {name: _rule_broken_by(text, data.max_length) for name, text in texts.items()}
    bad += [BadFile(name, f"'{texts[name]}'", rule) for name, rule in broken.items() if rule]
    return {name: text for name, text in texts.items() if not broken[name]}, bad


def _all_alike(data: FolderData, text: str) -> Fault:
    """Names such as `img_0001.png` number the pictures: nothing could be learnt of them."""
    problem = f"got the text '{text}' for every picture; expected the text that each one shows"
    advice = (
        f"It is the file's name up to a number (<text>-<number>.png), or in the table {TABLE} (file, label)"
    )
    return Fault(str(data.path), problem, advice)


def _numbered_first(names: Sequence[str]) -> str | None:
    """A name, where all begin with numbers that count the pictures: `0001_5832.png`, `0002_7cX.png`.

    Texts that are all numbers from 0 to 999 may look so, too, but the number behind them is then the same.
    """
    parts = [found.groups() for name in names if (found := COUNTED.fullmatch(Path(name).stem))]
    if len(parts) < len(names) or len(names) < FEW:
        return None
    counts, rest = {int(count) for count, _ in parts}, {text for _, text in parts}
    is_count = len(counts) == len(names) and max(counts) - min(counts) < DENSE * len(names)
    return names[0] if is_count and len(rest) > 2 else None


def _count_first(data: FolderData, name: str) -> Fault:
    problem = (
        f"got names that begin with a count of the pictures, such as '{Path(name).name}'; "
        "expected their texts"
    )
    return Fault(str(data.path), problem, WAYS)


def _rule_broken_by(text: str, max_length: int) -> str | None:
    if not text:
        return NEEDS_TEXT
    if not set(text) <= set(CHARACTERS):
        return KNOWN
    return f"{SHORT_ENOUGH} ({max_length})" if len(text) > max_length else None


def _listed(table: Path, names: Sequence[str]) -> tuple[Texts, list[BadFile]]:
    """The texts of all pictures by the table, "" for one that it leaves out; rows that cannot be used."""
    from sweeper_tasks.tables.keys import DEFAULTS
    from sweeper_tasks.tables.reading import read_sheet

    sheet = read_sheet(table, DEFAULTS.model_copy(update={"header": True}))
    if not {"file", "label"} <= set(sheet.names):
        got = ", ".join(sheet.names)
        raise UserError(Fault(str(table), f"got columns {got}; expected file and label"))
    columns = (sheet.columns[sheet.names.index(name)].to_pylist() for name in ("file", "label"))
    entries = [(name or "", (text or "").strip()) for name, text in zip(*columns, strict=True)]
    known, clear = set(names), _clear_names(names)
    entries = [(name if name in known else clear.get(_plain(name), name), text) for name, text in entries]
    texts = dict.fromkeys(names, "")
    times = Counter(name for name, _ in entries)
    bad = [BadFile(name, f"{n} rows", ONE_ROW) for name, n in times.items() if n > 1 and name in texts]
    bad += [BadFile(name, "no image", NEEDS_IMAGE) for name in times if name not in texts]
    texts |= {name: text for name, text in entries if name in texts}
    return {name: text for name, text in texts.items() if times[name] <= 1}, bad


def _clear_names(names: Sequence[str]) -> dict[str, str]:
    """By what names share that differ in capitals or in how accents are written, those alone in it."""
    times = Counter(map(_plain, names))
    return {plain: name for name in names if times[plain := _plain(name)] == 1}


def _plain(name: str) -> str:
    slashed = name.strip().replace("\\", "/").removeprefix("./")
    return unicodedata.normalize("NFC", slashed).casefold()


def _split(
    data: FolderData,
    good: Mapping[str, int],
    splits: Mapping[str, str],
    texts: Texts,
    unsplit: Path,
    folder: Path,
) -> dict[str, Codes]:
    codes = {}
    for split in SPLITS:
        names = [name for name in good if (splits.get(name) or split_of(name)) == split]
        if not names:
            problem = (
                f"got no usable picture for {split} out of {len(good)}; expected one or more in each split"
            )
            raise UserError(
                Fault(str(data.path), problem, "Use more pictures: 80 / 10 / 10 %, by their names")
            )
        codes[split] = np.stack([encode(texts[name], data.max_length) for name in names])
        np.save(folder / f"{split}_codes.npy", codes[split])
        copy_rows(unsplit, np.array([good[name] for name in names]), folder / f"{split}_images.npy")
    return codes
