"""The text and the header of a configuration file, as people write them: any editor, any line ends, any mark.

A file that cannot be read is a UserError that names it and the line.
"""

import codecs
import re
from pathlib import Path

import yaml

from sweeper.errors import Fault, UserError

GLOBAL_GROUPS = ("task", "sweep")
"""Groups whose options write root keys, whether they say so in their `@package` line or not."""
PACKAGE = re.compile(r"\s*#\s*@package[\s:]+([^\s#]+)")
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
IN_WORDS = {
    "found character '\\t' that cannot start any token": "got a tab; YAML is indented with spaces",
    "mapping values are not allowed here": "got a second colon, or a line that is indented too far",
    "expected <block end>, but found": "this line is not indented as those around it",
    "could not find expected ':'": "got a line without a colon; expected key: value",
}


def text_of_file(path: Path) -> str:
    """The file's text, without the mark that some editors put in front of it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(Fault(str(path), f"cannot be read: {error.strerror or error}")) from None
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = (
            f"got the byte 0x{content[error.start]:02x}, which is no {encoding.upper()}; expected UTF-8 text"
        )
        raise UserError(Fault(f"{path}, line {line}", problem, "Save the file as UTF-8.")) from None


def package_of(text: str, config_path: str) -> str | None:
    """The package that a file's first comments name; root keys for a task or a sweep; else None."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            break
        named = PACKAGE.match(line)
        if named:
            return named[1]
    group = config_path.strip("/").partition("/")[0]
    return "_global_" if group in GLOBAL_GROUPS and "/" in config_path.strip("/") else None


def yaml_fault(path: Path, error: yaml.YAMLError) -> UserError:
    """The fault of a file that is no YAML."""
    mark = getattr(error, "problem_mark", None)
    said = str(getattr(error, "problem", None) or error).partition("\n")[0]
    words = next((text for start, text in IN_WORDS.items() if said.startswith(start)), said)
    words = re.sub(r"^found duplicate key (.*)$", r"the key '\1' is there twice; expected each once", words)
    where = str(path) if mark is None else f"{path}, line {mark.line + 1}"
    return UserError(Fault(where, f"cannot be read: {words}"))


def not_a_section(path: Path, content: object) -> UserError:
    """The fault of a file that holds something other than keys."""
    kind = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false"}
    return UserError(
        Fault(str(path), f"got {kind.get(type(content), 'a value')}; expected keys, as study: ...")
    )
