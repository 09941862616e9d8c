"""How many digits of an estimate to show. Pure."""

from math import floor, isfinite, log10

MOST = 9
EXTRA = 2


def decimals(error: float, *shown: float) -> int:
    """Digits after the point that show two significant ones of `error`, say an interval's half-width.

    Up to two more where one of the numbers `shown` would read as a bare zero: a limit of -0.0004 beside
    p = 0.047 must not be -0.000.
    """
    least = 4 if error == 0 or not isfinite(error) else min(MOST, max(0, 1 - floor(log10(abs(error)))))
    enough = (
        n for n in range(least, least + EXTRA) if not any(value and not round(value, n) for value in shown)
    )
    return next(enough, least + EXTRA)


def percent(confidence: float) -> str:
    """`99.39 %`; of an interval that is as good as certain `over 99.99 %`."""
    text = f"{100 * confidence:.4g}"
    return f"{'over 99.99' if text == '100' else text} %"
