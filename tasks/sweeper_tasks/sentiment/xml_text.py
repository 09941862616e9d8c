"""XML from files, in the encoding that they have: by the mark at their beginning, else as they declare.

A declaration that cannot be true is refused rather than guessed at: letters that turn into others change what
a model reads, and nothing afterwards would show it.
"""

import codecs
import re
from html.entities import html5
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from sweeper.task import Fault, UserError
from sweeper_tasks.tables.decoding import encoding_of
from sweeper_tasks.tables.kinds import HEAD_BYTES, Foreign

ONE_BYTE = ("iso8859", "cp12", "koi8", "mac")
"""Encodings of one byte a letter, as which any text in UTF-8 can be read, with other letters."""
DECLARATION = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
DECLARED_ENTITY = re.compile(r"<!ENTITY\s+([\w.-]+)")
ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
OF_XML = {"amp", "lt", "gt", "quot", "apos"}
"""The names that mean something in every XML file; those of HTML need a declaration that few files bring."""
WRITTEN_ALIKE = "<?xml"
"""Whoever can read this byte by byte has no file in UTF-16 or UTF-32 before him."""


def xml_of(file: Path) -> Element:
    """The file's root element. Raises UserError where it is no XML, or not in the encoding it declares.

    Names of letters and signs that HTML knows (`&nbsp;`) are read without a declaration. Files that the
    document refers to are never opened, and entities that grow without measure are refused (expat).
    """
    text = _xml_text(file)
    if not text.strip():
        raise UserError(Fault(str(file), "got an empty file; expected an XML file"))
    try:
        return ElementTree.fromstring(_with_letters(text))
    except ElementTree.ParseError as error:
        raise UserError(
            Fault(str(file), f"got {error}; expected an XML file", _advice(text, error))
        ) from None


def _xml_text(file: Path) -> str:
    content = file.read_bytes()
    seen = encoding_of(content[:HEAD_BYTES], None)
    if isinstance(seen, Foreign):
        raise UserError(
            Fault(str(file), "got bytes that are no text; expected an XML file", "Unpack it first")
        )
    if seen != "utf-8":
        return _decoded(file, content, seen, "Save it again in UTF-8")
    found = DECLARATION.match(content)
    declared = found[1].decode("ascii", "replace").strip() if found else "utf-8"
    name = _codec(file, declared)
    if name.startswith(("utf-16", "utf-32")) and WRITTEN_ALIKE in content[:64].decode("ascii", "ignore"):
        name = "utf-8"  # its writer declared what it held in memory, and wrote it byte by byte
    advice = f"It declares {declared}: declare the encoding that it has, or save it again in UTF-8"
    if name == "iso8859-1" and re.search(rb"[\x80-\x9f]", content) and not _is_utf8(content):
        name = "cp1252"  # no text holds the control characters that these bytes are: they are quotation marks
    text = _decoded(file, content, name, advice)
    if name.startswith(ONE_BYTE) and _is_utf8(content):
        problem = f"got text in UTF-8 in a file that declares {declared}; expected what it declares"
        raise UserError(Fault(str(file), problem, "Correct its first line"))
    return text


def _codec(file: Path, declared: str) -> str:
    """Python's name of a text encoding, small letters."""
    try:
        info = codecs.lookup(declared)
    except LookupError:
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True):
        problem = f"got the declared encoding '{declared}', which is not known; expected one such as UTF-8"
        raise UserError(Fault(str(file), problem, "Save it again in UTF-8, and declare that"))
    return info.name.lower()


def _decoded(file: Path, content: bytes, name: str, advice: str) -> str:
    try:
        return content.decode(name)
    except UnicodeError as error:
        at = f" at {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        shown = name.removesuffix("-sig").upper()
        problem = f"got a byte{at} that is no {shown}; expected a text file in {shown}"
        raise UserError(Fault(str(file), problem, advice)) from None


def _is_utf8(content: bytes) -> bool:
    """Whether it holds letters of several bytes, all of them well formed: no accident in other text."""
    try:
        return not content.isascii() and bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _with_letters(text: str) -> str:
    """The text with the letters that HTML's names stand for, where the document declares no such name."""
    own = OF_XML | set(DECLARED_ENTITY.findall(text))
    return ENTITY.sub(lambda m: m[0] if m[1] in own else _letter(m[1]), text)


def _letter(name: str) -> str:
    letter = html5.get(f"{name};")
    return f"&{name};" if letter is None else escape(letter)


def _advice(text: str, error: ElementTree.ParseError) -> str:
    if not text.lstrip().startswith("<"):
        return "It does not begin with <: is it another kind of file?"
    line = text.splitlines()[error.position[0] - 1] if error.position[0] <= len(text.splitlines()) else ""
    if re.search(r"&(?![A-Za-z#][\w.-]*;)", line):
        return "In XML an & of the text is written &amp;"
    if re.search(r"<(?![A-Za-z_:/!?])", line):
        return "In XML a < of the text is written &lt;"
    if "invalid character number" in str(error) or re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", line):
        return "XML knows no control characters: take them out of the text"
    if "junk after document element" in str(error):
        return "It holds more than one document: make a file of each"
    if "declaration not at start" in str(error):
        return "Nothing may stand before its declaration <?xml ...?>, not even an empty line"
    return "Is it complete?"
