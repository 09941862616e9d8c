"""The combinations of groups of keys that an attribution is made of. Pure.

They are an orthogonal array of strength 3: of any two groups each of the four patterns occurs equally often,
of any three each of the eight.
"""

from itertools import product

from sweeper.wording import plural

Row = tuple[bool, ...]
"""A combination: of each group, whether it has the winner's values."""

MAX_GROUPS = 8
POINTS = (0, 1, 2, 4, 3, 5, 6, 7)
"""Those of F_2^3, in which the first four are in general position: five groups already need all 16 rows."""


def design(n_groups: int) -> tuple[Row, ...]:
    """The combinations to train, the baseline (all False) first and the winner (all True) last.

    All of them for two and three groups (4, 8), those with an even number of changes for four (8), and
    columns of the self-dual [8, 4, 4] code for five to eight (16). Raises ValueError for other numbers.
    """
    if not 2 <= n_groups <= MAX_GROUPS:
        raise ValueError(f"got {plural(n_groups, 'group')}; expected 2 to {MAX_GROUPS}")
    if n_groups > 4:
        return tuple(sorted(_codeword(a, b)[:n_groups] for a in (0, 1) for b in range(8)))
    every = product((False, True), repeat=n_groups)
    return tuple(row for row in every if n_groups < 4 or sum(row) % 2 == 0)


def _codeword(a: int, b: int) -> Row:
    """The affine function a + b.v over the points v: these are the words of the [8, 4, 4] code."""
    return tuple((a + (b & v).bit_count()) % 2 == 1 for v in POINTS)
