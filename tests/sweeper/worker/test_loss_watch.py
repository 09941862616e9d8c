"""A loss that is not finite is found, with its step, and in bounded time."""

import pytest
import torch

from sweeper.errors import NonFiniteLossError
from sweeper.worker.loss_watch import CHECK_EVERY, LossWatch


@pytest.mark.parametrize(
    ("value", "word"), [(float("nan"), "nan"), (float("inf"), "inf"), (-float("inf"), "-inf")]
)
def test_the_first_bad_step_is_named_with_its_value(value: float, word: str) -> None:
    watch = LossWatch("Try less.")
    for step in range(1200, 1210):
        watch.see(torch.tensor(value if step >= 1204 else 0.5), step)
    with pytest.raises(NonFiniteLossError, match=f"^loss is {word} at step 1204") as caught:
        watch.check()
    assert (caught.value.step, caught.value.advice) == (1204, "Try less.")


def test_a_bad_loss_is_found_without_an_evaluation_after_a_bounded_number_of_steps() -> None:
    watch = LossWatch("")
    watch.see(torch.tensor(float("nan")), 0)
    for step in range(1, CHECK_EVERY - 1):
        watch.see(torch.tensor(0.5), step)
    with pytest.raises(NonFiniteLossError, match="at step 0"):
        watch.see(torch.tensor(0.5), CHECK_EVERY - 1)


def test_checks_look_at_new_losses_only() -> None:
    watch = LossWatch("")
    watch.check()
    watch.see(torch.tensor(1.0), 0)
    watch.check()
    watch.see(torch.tensor(float("nan")), 1)
    with pytest.raises(NonFiniteLossError, match="at step 1"):
        watch.check()
