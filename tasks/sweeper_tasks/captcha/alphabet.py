"""The characters that can be read, and texts as codes. No torch here.

A text is written as codes [L] uint8: a character's place in CHARACTERS, and PADDING behind the last one.
"""

from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]

CHARACTERS = digits + ascii_uppercase + ascii_lowercase
PADDING = len(CHARACTERS)
N_CLASSES = len(CHARACTERS) + 1
"""62 characters and the padding."""
ANY_CASE = np.array([CHARACTERS.index(char.lower()) for char in CHARACTERS] + [PADDING], dtype=np.uint8)
"""[63] the code of each character's small letter."""


def encode(text: str, length: int) -> Codes:
    """[length] the codes of `text`, padded. Raises ValueError on an unknown character or a text too long."""
    if len(text) > length:
        raise ValueError(f"got {len(text)} characters; expected at most {length}")
    codes = [CHARACTERS.index(char) for char in text]
    return np.array(codes + [PADDING] * (length - len(text)), dtype=np.uint8)


def decode(codes: Sequence[int] | Codes) -> str:
    """The text that the codes [L] stand for: it ends at the first padding."""
    text = ""
    for code in codes:
        if code == PADDING:
            break
        text += CHARACTERS[code]
    return text


def ended(codes: NDArray[Any]) -> Codes:
    """The codes [n, L] of the same texts with nothing but padding behind the first padding.

    Two texts are equal where their ended codes are.
    """
    is_over = np.logical_or.accumulate(codes == PADDING, axis=1)
    return np.where(is_over, PADDING, codes).astype(np.uint8)
