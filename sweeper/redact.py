"""Passwords out of texts, before anything is logged, tagged or raised."""

import re
import sys
import traceback
from types import TracebackType

_WITH_PASSWORD = re.compile(r"(://[^\s:/@]*:)(?:[^\s/]*|[^\s@]*)@")
_TOKEN_AS_USER = re.compile(r"(://)[^\s:/@]+@")
_IN_QUERY = re.compile(
    r"([?&][^=&\s]*(?:password|passwd|pwd|token|secret|api_?key)[^=&\s]*=)[^&\s'\"]+", re.I
)


def redact(text: str) -> str:
    """`text` with the secrets of every URL in it blanked: passwords, tokens as user, secret query fields.

    A password may hold an `@` (as HTTP clients allow) or a `/` (as SQLAlchemy does); where it cannot be told
    from the rest of the URL, more is blanked rather than less.
    """
    text = _WITH_PASSWORD.sub(r"\1***@", text)
    text = _TOKEN_AS_USER.sub(r"\1***@", text)
    return _IN_QUERY.sub(r"\1***", text)


def redacting_excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What `sys.excepthook` does, with the secrets blanked."""
    print(redact("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)
