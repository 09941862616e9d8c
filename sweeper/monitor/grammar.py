"""The text of a rule's `when` becomes an expression: a parser of our own, no `eval`.

    val/f_score < 0.2                          a metric; without a split it is one of val
    val/loss - train/loss > 2.0                + - * / (with spaces around + and -) and parentheses
    spread(val/f_score, 5) > 0.05              half of maximum minus minimum over the last 5 evaluations
    highest(val/f_score, 50 epochs) < 0.65     likewise: lowest
    no_gain(val/f_score, 50 epochs)            the best value is that long ago: 5, 500 steps, 20 %
    val/loss rises and train/loss falls        each of the last three evaluations above the one before
    train/loss >= first(train/loss)            the value of the first evaluation
    best(objective) < 0.7                      the best value so far; objective: what is optimised
    diverged                                   the run failed, its loss NaN or infinite
    a > b or (c < 1 and d < 2)

A `/` with spaces around it divides.
"""

import re
from collections.abc import Callable
from typing import NoReturn

from sweeper.criteria import NUMBER, OPERATORS, SPLITS
from sweeper.monitor.expressions import (
    Arithmetic,
    Comparison,
    Condition,
    Constant,
    Diverged,
    Expression,
    Joined,
    Metric,
    NoGain,
    Quantity,
    SoFar,
    Span,
    Trend,
    Window,
)

UNITS = {
    **dict.fromkeys(("evaluation", "evaluations"), "evaluations"),
    **dict.fromkeys(("epoch", "epochs"), "epochs"),
    **dict.fromkeys(("step", "steps"), "steps"),
    "%": "%",
}
"""The units of a span, however they are written."""
WINDOWS = ("spread", "highest", "lowest")
FUNCTIONS = (*WINDOWS, "no_gain", "first", "best")
MAX_TOKENS = 200
"""Of one condition; each may open a parenthesis."""
WORDS = ("and", "or", "rises", "falls", *UNITS)
_NAME = r"[^\W\d][^\s/<>=(),*%]*"
_TOKEN = re.compile(rf"\s*((?:{'|'.join(SPLITS)})/{_NAME}|{NUMBER}|<=|>=|[<>()+\-*/,%]|{_NAME})")


def condition_of(text: str) -> Condition:
    """The condition that `text` states. Raises ValueError, which says what was expected where."""
    tokens = tokens_of(text)
    if len(tokens) > MAX_TOKENS:
        raise ValueError(f"expected a condition of at most {MAX_TOKENS} words and signs, not {len(tokens)}")
    reader = _Reader(tokens)
    found = reader.any_of()
    reader.end()
    return _as_condition(found)


def tokens_of(text: str) -> list[str]:
    """The words and signs of a text. Raises ValueError at what is neither."""
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"cannot read '{text[position:].strip()}'")
        tokens.append(found[1])
        position = found.end()
    return tokens


class _Reader:
    """Tokens, read from left to right; each method reads what its name says."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at = tokens, 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        """The next token where it is one of these, else nothing."""
        token = self._next
        if not token or token not in wanted:
            return ""
        self._at += 1
        return token

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            self._fail(f"'{wanted}'")

    def _fail(self, wanted: str) -> NoReturn:
        after = f" after '{' '.join(self._tokens[: self._at])}'" if self._at else ""
        got = f"'{self._next}'" if self._next else "the end"
        raise ValueError(f"expected {wanted}{after}, not {got}")

    def end(self) -> None:
        """Nothing is left."""
        if self._next:
            self._fail("the end, a comparison (< <= > >=), 'and' or 'or'")

    def any_of(self) -> Expression:
        """Conditions with `or` between them."""
        return self._joined("or", lambda: self._joined("and", self._comparison))

    def _joined(self, word: str, part: Callable[[], Expression]) -> Expression:
        found = [part()]
        while self._take(word):
            found.append(part())
        return found[0] if len(found) == 1 else Joined(word, tuple(map(_as_condition, found)))

    def _comparison(self) -> Expression:
        left = self._sum()
        if op := self._take(*OPERATORS):
            return Comparison(_as_quantity(left), op, _as_quantity(self._sum()))
        if word := self._take("rises", "falls"):
            return Trend(_as_quantity(left), word)
        return left

    def _sum(self) -> Expression:
        return self._chain("+-", lambda: self._chain("*/", self._atom))

    def _chain(self, ops: str, part: Callable[[], Expression]) -> Expression:
        found = part()
        while op := self._take(*ops):
            found = Arithmetic(_as_quantity(found), op, _as_quantity(part()))
        return found

    def _atom(self) -> Expression:
        if self._take("("):
            inner = self.any_of()
            self._need(")")
            return inner
        if self._take("-"):
            return _negative(_as_quantity(self._atom()))
        token = self._next
        if re.fullmatch(NUMBER, token):
            self._at += 1
            return Constant(float(token))
        if self._take("diverged"):
            return Diverged()
        return self._function() if self._take(*FUNCTIONS) else self._metric()

    def _metric(self) -> Metric:
        token = self._next
        if not re.match(r"[^\W\d]", token) or token in (*WORDS, *SPLITS):
            self._fail("a metric or a number")
        self._at += 1
        return Metric(token if "/" in token else f"val/{token}")

    def _function(self) -> Expression:
        name = self._tokens[self._at - 1]
        self._need("(")
        if name in WINDOWS:
            found: Expression = Window(name, _as_quantity(self._sum()), self._span(least=2))
        elif name == "no_gain":
            found = NoGain(self._metric(), self._span(least=1))
        else:
            found = SoFar(name, self._metric())
        self._need(")")
        return found

    def _span(self, least: int) -> Span:
        self._need(",")
        number = self._next
        if not re.fullmatch(NUMBER, number):
            self._fail("how long, as in 5, 50 epochs, 500 steps, 20 %")
        self._at += 1
        if self._next not in (*UNITS, ")"):
            self._fail("a unit (evaluations, epochs, steps, %) or ')'")
        return _checked(Span(float(number), UNITS[self._take(*UNITS) or "evaluations"]), least)


def _checked(span: Span, least: int) -> Span:
    if span.unit == "evaluations" and (span.amount < least or not span.amount.is_integer()):
        raise ValueError(f"expected a whole number of evaluations, {least} or more, not {span.amount:g}")
    if not 0 < span.amount <= (100 if span.unit == "%" else float("inf")):
        raise ValueError(f"expected a length above 0, and of at most 100 %, not {span}")
    return span


def _negative(of: Quantity) -> Quantity:
    return Constant(-of.value) if isinstance(of, Constant) else Arithmetic(Constant(0.0), "-", of)


def _as_quantity(found: Expression) -> Quantity:
    if isinstance(found, Comparison | Trend | NoGain | Diverged | Joined):
        raise ValueError(f"expected a number or a metric, not the condition '{found}'")
    return found


def _as_condition(found: Expression) -> Condition:
    if isinstance(found, Comparison | Trend | NoGain | Diverged | Joined):
        return found
    raise ValueError(f"expected a condition, not the number '{found}': compare it (< <= > >=)")
