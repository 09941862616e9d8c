"""What an app hands over, whichever library it comes from, as JSON has it."""

from typing import Any

import numpy as np
import pytest
import torch

from sweeper.client.hydra_callback import raised, returned
from sweeper.client.numbers import flattened, number, packed, plain, unpacked
from sweeper.client.reporting import Pruned


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 0.5),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (torch.tensor(0.5, requires_grad=True), 0.5),
        (torch.tensor([[3]]), 3.0),
    ],
)
def test_one_number_may_come_as_anything(value: Any, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize("value", ["0.5", None, np.zeros(2), {}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"text|NoneType|size|dict"):
        number(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (1, 1.0),
        ((0.1, torch.tensor(0.5)), [0.1, 0.5]),
        (np.array([1, 2]), [1.0, 2.0]),
        (torch.tensor(2), 2.0),
    ],
)
def test_a_returned_value_is_a_number_a_list_or_nothing(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert returned(value) == {"kind": "returned", "value": expected}


def test_of_a_mapping_the_numbers_are_taken_and_the_rest_is_named() -> None:
    found, others = flattened({"val": {"acc": torch.tensor(1.0), "by": {"a": 2}}, "model": "resnet", 3: None})
    assert found == {"val/acc": 1.0, "val/by/a": 2.0}
    assert others == ["model", "3"]


@pytest.mark.parametrize(
    ("value", "named"),
    [("best", "returned 'best'"), ([[1, 2]], "returned [[1, 2]]"), (object(), "returned a object")],
)
def test_what_cannot_be_handed_over_is_said(value: Any, named: str) -> None:
    problem = returned(value)["problem"]
    assert problem == f"{named}; expected a number, a list of numbers, or a mapping of names to numbers"


@pytest.mark.parametrize(
    "values", [[True, False], [0.5, float("nan")], np.arange(3) / 3, torch.tensor([1, 2])]
)
def test_values_by_example_arrive_as_they_were(values: Any) -> None:
    np.testing.assert_array_equal(np.asarray(unpacked(packed(values))), np.asarray(values, dtype=float))


def test_values_by_example_are_flat() -> None:
    with pytest.raises(TypeError, match="must be real number"):
        packed(np.zeros((2, 2)))


def test_an_exception_is_told_with_its_first_line_and_its_place() -> None:
    try:
        np.zeros(2).reshape(3)
    except ValueError as error:
        told = raised(error)
    assert told["error"] == "ValueError"
    assert told["reason"] == "cannot reshape array of size 2 into shape (3,)"
    assert told["place"].startswith("test_numbers.py:")
    assert (told["is_pruned"], told["errno"]) == (False, None)
    assert raised(Pruned())["is_pruned"]
    assert raised(OSError(28, "full"))["errno"] == 28
