"""What makes two points the same, and in which order they are begun, each once."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, strategies as st

from sweeper.search.asking import Enumerated, point_of
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial


def at(number: int = 1, mark: str = "f", **params: Any) -> TrialSpec:
    return plain_trial(number, mark).model_copy(update={"params": params})


def test_a_point_is_the_same_under_another_number_name_and_order_of_its_parameters() -> None:
    named = at(2, b=[1], a=None).model_copy(update={"name": "another"})
    assert point_of(at(1, a=None, b=[1])) == point_of(named)


def test_role_parameters_and_fingerprint_make_another_point() -> None:
    """A baseline, another value, and the same value of a configuration that is fixed elsewhere."""
    one = at(1, gamma=1)
    others = [at(0, gamma=1), at(1, gamma=2), at(1, gamma="1"), at(1, gama=1), at(1, "g", gamma=1)]
    assert len({point_of(one), *map(point_of, others)}) == 6


class Book:
    """Numbers what is begun, by us or by another session."""

    def __init__(self) -> None:
        self.begun: list[TrialSpec] = []

    def specs(self) -> list[TrialSpec]:
        return []

    def fail_undescribed(self) -> None:
        """There is none."""

    def candidates(self, after: int = 0) -> list[TrialSpec]:
        return self.begun[after:]

    def add_draft(self, draft: TrialSpec, grid: object) -> TrialSpec:
        self.begun.append(draft.model_copy(update={"number": len(self.begun) + 1}))
        return self.begun[-1]


def test_drafts_that_train_what_another_one_trains_are_counted() -> None:
    """The second and the third have the first one's fingerprint; the last one is alone."""
    drafts = [at(1, "f", a=1), at(2, "f", a=2), at(3, "f", a=3), at(4, "g", a=4)]
    asker = Enumerated(drafts, Book())  # type: ignore[arg-type]
    assert (asker.n_left, asker.n_alike) == (4, 2)
    asker.ask()
    assert (asker.n_left, asker.n_alike) == (3, 2)
    asker.ask()
    assert (asker.n_left, asker.n_alike) == (2, 1)


class Plain:
    """The same order from lists, gone through as a whole at every question."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str, str]] = []
        self.waiting: list[TrialSpec] = []

    def extend(self, drafts: Sequence[TrialSpec]) -> list[TrialSpec]:
        waiting = {point_of(draft) for draft in self.waiting}
        new = [d for d in drafts if point_of(d) not in self.begun and point_of(d) not in waiting]
        self.waiting += new
        return new

    def ask(self, others: list[TrialSpec]) -> TrialSpec | None:
        if not self.waiting:
            return None
        self.begun += [point_of(other) for other in others]
        self.waiting = [draft for draft in self.waiting if point_of(draft) not in self.begun]
        if others:
            return others.pop(0)
        return self.waiting.pop(0) if self.waiting else None


def names(trials: Sequence[TrialSpec]) -> list[object]:
    return [trial.params["x"] for trial in trials]


@given(
    st.lists(st.integers(0, 9), max_size=8),
    st.lists(
        st.tuples(st.sampled_from(["ask", "ask", "extend", "other"]), st.lists(st.integers(0, 9))),
        max_size=30,
    ),
)
def test_each_point_is_begun_once_in_order_whatever_others_begin_and_whatever_joins(
    first: list[int], history: list[tuple[str, list[int]]]
) -> None:
    book, plain = Book(), Plain()
    asker = Enumerated([at(x=x) for x in first], book)  # type: ignore[arg-type]
    plain.extend([at(x=x) for x in first])
    others: list[TrialSpec] = []
    for what, xs in history:
        drafts = [at(x=x) for x in xs]
        if what == "extend":
            assert names(asker.extend(drafts)) == names(plain.extend(drafts))
        elif what == "other" and plain.waiting:
            others += [book.add_draft(draft, {}) for draft in drafts]
        elif what == "ask" and plain.waiting:
            found, expected = asker.ask(), plain.ask(others)
            if found is not None:
                plain.begun.append(point_of(found))
            assert names([t for t in (found,) if t]) == names([t for t in (expected,) if t])
            assert asker.n_left == len(plain.waiting) + len(others)
