"""`data=captcha/folder`: pictures in a folder and below, each with its text in its name or in `labels.csv`.

A name is `<text>.png`, or `<text>-<number>.png` for several pictures of one text (also with `_`). The table
has the columns `file` (the picture's path below the folder) and `label`. Which split a picture is in follows
from that path alone, so that adding pictures never moves one to another split.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sweeper.task import BadFile, Fault, UserError, facts_of_skipped, fault_of
from sweeper_tasks.captcha.alphabet import CHARACTERS, Codes, encode
from sweeper_tasks.captcha.data_config import FolderData, GeneratedData
from sweeper_tasks.captcha.facts import SPLITS, facts_of
from sweeper_tasks.captcha.pictures import BadPictureError, Pixels, copy_rows, draw_all, fitted, trimmed
from sweeper_tasks.picture_copies import copies_in

VERSION = 2
"""Part of the digest; goes up with every change of what is prepared from the same files."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
TABLE = "labels.csv"
MIN_SIDE = 8
"""Pixels; the stride of the network as documented. Nothing can be read in a picture that is smaller."""
SPLIT_ENDS = (0.8, 0.9, 1.0)
NUMBER = re.compile(r"([-_]\d+)+$")
"""What may follow a text in a name."""
READABLE = "an image must be readable"
LARGE_ENOUGH = f"an image needs at least {MIN_SIDE} pixels down and across"
NEEDS_TEXT = "an image needs a text"
KNOWN = "a text has no characters but 0-9, A-Z and a-z"
SHORT_ENOUGH = "a text has at most data.max_length characters"
ONE_ROW = f"an image has one row in {TABLE}"
NEEDS_IMAGE = f"a row of {TABLE} needs an image"

Texts = dict[str, str]
"""Picture, by its path below the folder with forward slashes -> text."""


def locate(data: FolderData) -> tuple[Path, dict[str, Path]]:
    """The folder; the table, where it is used, and all pictures, by their path below the folder."""
    if data.path is None:
        advice = "Name the folder with the pictures: data.path=..."
        raise UserError(Fault("data.path", "got nothing; expected a folder", advice))
    folder = Path(data.path)
    if not folder.is_dir():
        raise UserError(Fault("data.path", f"got '{folder}'; expected a folder. There is none"))
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        known = ", ".join(sorted(SUFFIXES))
        raise UserError(Fault("data.path", f"got '{folder}' without a picture; expected files in {known}"))
    return folder, _table(data, folder) | {file.relative_to(folder).as_posix(): file for file in files}


def build(data: FolderData, files: Mapping[str, Path], folder: Path) -> dict[str, Any]:
    """Check, shrink and split the pictures into `folder`; the manifest's entries. Raises UserError."""
    names, paths = zip(*((name, path) for name, path in files.items() if name != TABLE), strict=True)
    texts, bad = _texts(data, names, files.get(TABLE))
    unsplit, shape = folder / "unsplit.npy", (len(names), data.n_channels, data.height, data.width)
    unusable = draw_all(unsplit, shape, partial(read_picture, data, paths))
    bad += [BadFile(names[row], got, rule) for row, (got, rule) in unusable.items() if names[row] in texts]
    if bad and not data.skip_bad:
        raise UserError(fault_of(bad, str(data.path)))
    good = {name: row for row, name in enumerate(names) if row not in unusable and name in texts}
    codes = _split(data, good, texts, unsplit, folder)
    unsplit.unlink()
    facts = facts_of(codes, copies_in(folder, "images")) | {"skipped": facts_of_skipped(bad)}
    return {"n_train": len(codes["train"]), "real": True, "facts": facts}


def read_picture(data: FolderData | GeneratedData, paths: Sequence[Path], i: int) -> Pixels:
    """Picture i, as the network sees it. Raises BadPictureError."""
    try:
        with Image.open(paths[i]) as picture:
            if min(picture.size) < MIN_SIDE:
                raise BadPictureError(f"{picture.width} x {picture.height}", LARGE_ENOUGH)
            shown = trimmed(picture) if isinstance(data, FolderData) and data.trim else picture
            return fitted(shown, data.height, data.width, data.n_channels)
    # Pillow answers a damaged file with any of these
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadPictureError(type(error).__name__, READABLE) from None


def split_of(name: str) -> str:
    """The split of the picture with this path: train, val and test in parts of 80, 10 and 10 %."""
    drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return next(split for split, end in zip(SPLITS, SPLIT_ENDS, strict=True) if drawn < end)


def text_in_name(name: str) -> str:
    """`7c2` of `lower/7c2-0.png`; what else follows a dash stays, and is no character that is known."""
    return NUMBER.sub("", Path(name).stem)


def _table(data: FolderData, folder: Path) -> dict[str, Path]:
    table = folder / TABLE
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


def _rule_broken_by(text: str, max_length: int) -> str | None:
    if not text:
        return NEEDS_TEXT
    if not set(text) <= set(CHARACTERS):
        return KNOWN
    return f"{SHORT_ENOUGH} ({max_length})" if len(text) > max_length else None


def _listed(table: Path, names: Sequence[str]) -> tuple[Texts, list[BadFile]]:
    """The texts of all pictures by the table, "" for one that it leaves out; rows that cannot be used."""
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.DictReader(file)
        if not {"file", "label"} <= set(rows.fieldnames or ()):
            got = ", ".join(rows.fieldnames or ("nothing",))
            raise UserError(Fault(str(table), f"got columns {got}; expected file and label"))
        entries = [(row["file"], row["label"] or "") for row in rows]
    texts = dict.fromkeys(names, "")
    times = Counter(name for name, _ in entries)
    bad = [BadFile(name, f"{n} rows", ONE_ROW) for name, n in times.items() if n > 1 and name in texts]
    bad += [BadFile(name, "no image", NEEDS_IMAGE) for name in times if name not in texts]
    texts |= {name: text for name, text in entries if name in texts}
    return {name: text for name, text in texts.items() if times[name] <= 1}, bad


def _split(
    data: FolderData, good: Mapping[str, int], texts: Texts, unsplit: Path, folder: Path
) -> dict[str, Codes]:
    codes = {}
    for split in SPLITS:
        names = [name for name in good if split_of(name) == split]
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
