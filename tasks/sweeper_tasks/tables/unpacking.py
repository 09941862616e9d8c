"""A file as a stream of the bytes that it holds, whatever it is packed in."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from sweeper.task import Fault, UserError
from sweeper_tasks.tables.kinds import HEAD_BYTES, PACKED, Foreign, kind_of, kind_of_members

MAX_DEPTH = 4
"""Archives in archives, beyond which nobody means a table."""
N_LISTED = 8
PACKS = {
    "gzip": gzip.GzipFile,
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "lzma": lzma.LZMAFile,
}
EXPECTED = "expected a table, such as CSV or Parquet"


@dataclass(frozen=True)
class Unpacked:
    """What a file holds: its kind (see `kinds.py`), a stream of it, and what it was found in, in order."""

    kind: str
    stream: io.BufferedReader
    packed_in: tuple[str, ...]
    path: Path

    @property
    def where(self) -> str:
        """The file's name."""
        return self.path.name


@contextmanager
def unpacked(path: Path, member: str | None = None) -> Iterator[Unpacked]:
    """What `path` holds; `member` names one of several files in an archive.

    Raises UserError with one line for what cannot be read, whatever the reason.
    """
    inside: list[str] = []
    with ExitStack() as stack:
        try:
            yield _open(path, member, inside, stack)
        except UserError:
            raise
        except UnicodeError as error:
            raise UserError(Fault(path.name, f"got text that cannot be read ({error}); {EXPECTED}")) from None
        except Exception as error:  # readers of foreign formats raise whatever they like
            raise UserError(_unreadable(path, inside, error)) from None


def _open(path: Path, member: str | None, inside: list[str], stack: ExitStack) -> Unpacked:
    stream = _buffered(stack.enter_context(path.open("rb", buffering=0)))
    for _ in range(MAX_DEPTH):
        kind = kind_of(stream.peek(HEAD_BYTES)[:HEAD_BYTES])
        if isinstance(kind, Foreign):
            raise UserError(_foreign(path.name, kind, inside))
        if kind == "empty":
            what = f"{_article(inside[-1])} with nothing in it" if inside else "an empty file"
            raise UserError(Fault(path.name, f"got {what}; {EXPECTED}", "Was it written to its end?"))
        if kind not in (*PACKED, "tar"):
            return Unpacked(kind, stream, tuple(inside), path)
        inside.append(kind)
        opened = _member(kind, stream, path, member, stack)
        if isinstance(opened, str):
            return Unpacked(opened, stream, tuple(inside[:-1]), path)
        stream = opened
    raise UserError(
        Fault(path.name, f"got archives in archives ({' in '.join(inside[::-1])}); {EXPECTED}", "Unpack it")
    )


def _member(
    kind: str, stream: io.BufferedReader, path: Path, member: str | None, stack: ExitStack
) -> io.BufferedReader | str:
    """The stream of what is packed; the kind of a zip archive that is a format of its own."""
    if kind in PACKS:
        return _buffered(
            stack.enter_context(PACKS[kind](fileobj=stream) if kind == "gzip" else PACKS[kind](stream))
        )
    if kind in ("zstd", "lz4"):
        source = pa.PythonFile(stream, mode="r")
        return _buffered(stack.enter_context(pa.CompressedInputStream(source, kind)))
    if kind == "tar":
        archive = stack.enter_context(tarfile.TarFile(fileobj=stream))
        files = {one.name: one for one in archive if one.isfile()}
        found = archive.extractfile(files[_only(list(files), path, member)])
        return _buffered(cast(IO[bytes], found))
    zipped = stack.enter_context(zipfile.ZipFile(stream))
    names = [one.filename for one in zipped.infolist() if not one.is_dir()]
    mimetype = zipped.read("mimetype")[:100] if "mimetype" in names else b""
    own = kind_of_members(names, mimetype)
    if isinstance(own, Foreign):
        raise UserError(_foreign(path.name, own, []))
    if own is not None:
        stream.seek(0)
        return own
    return _buffered(stack.enter_context(zipped.open(_only(names, path, member))))


def _buffered(stream: Any) -> io.BufferedReader:
    return io.BufferedReader(stream, HEAD_BYTES)


def is_litter(name: str) -> bool:
    """Whether a system left a file of this name behind: nobody packed it on purpose."""
    *folders, last = name.split("/")
    return "__MACOSX" in folders or last.startswith(".") or last in ("Thumbs.db", "desktop.ini")


def _only(names: Sequence[str], path: Path, member: str | None) -> str:
    """The one file in an archive, or the one that is meant. Raises UserError where it is not clear."""
    kept = [name for name in names if not is_litter(name)]
    return only_one(kept, path.name, member, "files in the archive", "an archive without any file")


def only_one(names: Sequence[str], where: str, wanted: str | None, nouns: str, none: str) -> str:
    """The one of several tables in a file. Raises UserError that lists them where it is not clear."""
    if wanted in names:
        return str(wanted)
    shown = ", ".join(names[:N_LISTED]) + (", ..." if len(names) > N_LISTED else "")
    if not names:
        raise UserError(Fault(where, f"got {none}; expected one"))
    if wanted is not None:
        raise UserError(
            Fault("data.table", f"got '{wanted}'; expected one of the {nouns} of {where}", f"It has {shown}")
        )
    if len(names) > 1:
        advice = "Name one: data.table=<name>"
        raise UserError(Fault(where, f"got {len(names)} {nouns} ({shown}); expected one", advice))
    return names[0]


def _foreign(where: str, foreign: Foreign, inside: Sequence[str]) -> Fault:
    packed = f" in {_article(inside[-1])} file" if inside else ""
    return Fault(where, f"got {foreign.what}{packed}; {EXPECTED}", foreign.advice)


def _unreadable(path: Path, inside: Sequence[str], error: Exception) -> Fault:
    """The fault of a file that breaks its reader: what it claims to be, and the reader's words."""
    said = next(iter(str(error).splitlines()), "") or type(error).__name__
    if isinstance(error, PermissionError):
        return Fault(path.name, "got a file that may not be read; expected one with permission to read it")
    if "ncrypt" in said or "password" in said:
        return Fault(path.name, f"got a file with a password ({said}); {EXPECTED}", "Save it without one")
    if not inside:
        return Fault(
            path.name, f"got a file that breaks its reader ({said}); {EXPECTED}", "Get it again, or repair it"
        )
    what = f"{_article(inside[-1])} file that is cut short or damaged ({said})"
    return Fault(path.name, f"got {what}; expected a whole one", "Get it again")


def _article(kind: str) -> str:
    return (
        kind
        if kind.startswith("an ")
        else f"{'an' if kind[0] in 'aeio' or kind.startswith(('x', 'lz')) else 'a'} {kind}"
    )
