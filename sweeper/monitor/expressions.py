"""What a rule's `when` can say, as values; `str` of each is what the user would write."""

from dataclasses import dataclass

TREND = 3
"""So many evaluations, each above (or below) the one before, are a rise (or a fall)."""
OBJECTIVE = "objective"
"""The name by which a rule calls what the study optimises."""


@dataclass(frozen=True)
class Span:
    """So many `evaluations`, `steps`, `epochs`, or `%` of the run."""

    amount: float
    unit: str

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.amount:g}" if self.unit == "evaluations" else f"{self.amount:g} {self.unit}"


@dataclass(frozen=True)
class Constant:
    """A number."""

    value: float

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.value:g}"


@dataclass(frozen=True)
class Metric:
    """The value of `split/name` at an evaluation; `objective` is the name of whatever is optimised."""

    key: str

    def __str__(self) -> str:
        """As it is written, with its split."""
        return self.key


@dataclass(frozen=True)
class SoFar:
    """The `first` value of a metric, once there is another to compare it with, or the `best` so far."""

    word: str
    of: Metric

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.word}({self.of})"


@dataclass(frozen=True)
class Window:
    """Of a quantity over the last evaluations: `highest`, `lowest`, or `spread`, half of their difference.

    A spread of 0.05 is an oscillation of +-0.05.
    """

    word: str
    of: "Quantity"
    over: Span

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.word}({self.of}, {self.over})"


@dataclass(frozen=True)
class Arithmetic:
    """`left` + - * / `right`."""

    left: "Quantity"
    op: str
    right: "Quantity"

    def __str__(self) -> str:
        """With no more parentheses than it needs, but for sums in products."""
        left, right = (
            f"({side})" if self.op in "*/" and isinstance(side, Arithmetic) and side.op in "+-" else str(side)
            for side in (self.left, self.right)
        )
        if isinstance(self.right, Arithmetic) and self.op in "-/" and not right.startswith("("):
            right = f"({right})"
        return f"{left} {self.op} {right}"


Quantity = Constant | Metric | SoFar | Window | Arithmetic
"""What has a value at an evaluation."""


@dataclass(frozen=True)
class Comparison:
    """`left` < <= > >= `right`."""

    left: Quantity
    op: str
    right: Quantity

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.left} {self.op} {self.right}"


@dataclass(frozen=True)
class Trend:
    """Whether a quantity rises (or falls) from each of the last three evaluations to the next."""

    of: Quantity
    word: str

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.of} {self.word}"


@dataclass(frozen=True)
class NoGain:
    """Whether the best value of a metric so far is this long ago, or longer."""

    of: Metric
    over: Span

    def __str__(self) -> str:
        """As it is written."""
        return f"no_gain({self.of}, {self.over})"


@dataclass(frozen=True)
class Diverged:
    """Whether the run failed because its loss became NaN or infinite."""

    def __str__(self) -> str:
        """As it is written."""
        return "diverged"


@dataclass(frozen=True)
class Joined:
    """All of the parts (`and`), or at least one of them (`or`)."""

    word: str
    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        """As it is written."""
        inner = (f"({part})" if isinstance(part, Joined) else str(part) for part in self.parts)
        return f" {self.word} ".join(inner)


Condition = Comparison | Trend | NoGain | Diverged | Joined
"""What holds at an evaluation or does not."""
Expression = Quantity | Condition


def metrics_in(expression: Expression) -> tuple[str, ...]:
    """The `split/name` of all metrics that it asks for, each once."""
    return tuple(dict.fromkeys(part.key for part in parts_of(expression) if isinstance(part, Metric)))


def parts_of(expression: Expression) -> list[Expression]:
    """The expression and everything within it."""
    inner: tuple[Expression, ...] = ()
    if isinstance(expression, Joined):
        inner = expression.parts
    elif isinstance(expression, Comparison | Arithmetic):
        inner = (expression.left, expression.right)
    elif isinstance(expression, SoFar | Window | Trend | NoGain):
        inner = (expression.of,)
    return [expression, *(part for one in inner for part in parts_of(one))]
