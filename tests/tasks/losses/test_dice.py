"""Soft Dice over classes: overlap by hand, against kornia, and absent classes left out."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from kornia.losses import dice_loss as kornia_dice
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import one_hot as torch_one_hot

from sweeper_tasks.losses.dice import one_hot, soft_dice

untimed = settings(deadline=None, max_examples=20)
seeds = st.integers(0, 2**31)


def drawn(seed: int, n_classes: int = 4) -> tuple[Tensor, Tensor]:
    """Logits [2, C, 6, 5] and classes [2, 6, 5], each of which occurs."""
    draw = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, n_classes, 6, 5, generator=draw, dtype=torch.float64)
    target = torch.randint(0, n_classes, (2, 6, 5), generator=draw)
    target.view(-1)[:n_classes] = torch.arange(n_classes)
    return logits, target


def test_two_pixels_by_hand() -> None:
    """Two classes, p = (0.75, 0.25) and (0.5, 0.5); the right ones are class 0 and class 1.

    Class 0: 2 x 0.75 / (1.25 + 1) = 2/3; class 1: 2 x 0.5 / (0.75 + 1) = 4/7. 1 - (2/3 + 4/7) / 2 = 8/21.
    """
    logits = torch.tensor([[0.75, 0.25], [0.5, 0.5]], dtype=torch.float64).log()
    assert soft_dice(logits, torch.tensor([0, 1])).item() == pytest.approx(8 / 21)


def test_a_class_that_does_not_occur_is_left_out() -> None:
    """As before with a third class that nobody has and the model never says: nothing changes."""
    logits = torch.tensor([[0.75, 0.25, 1e-30], [0.5, 0.5, 1e-30]], dtype=torch.float64).log()
    assert soft_dice(logits, torch.tensor([0, 1])).item() == pytest.approx(8 / 21)


@untimed
@given(seeds)
def test_with_all_classes_there_it_is_kornias_mean_over_classes_of_the_whole_batch(seed: int) -> None:
    """Kornia sums over one image; the batch laid side by side is one image."""
    logits, target = drawn(seed)
    one_image = logits.transpose(0, 1).flatten(1)[None, :, None], target.flatten()[None, None]
    expected = kornia_dice(*one_image, average="macro", eps=1e-12)
    torch.testing.assert_close(soft_dice(logits, target), expected)


@untimed
@given(seeds)
def test_it_lies_between_0_and_1_and_ignores_the_order_of_images(seed: int) -> None:
    logits, target = drawn(seed)
    loss = soft_dice(logits, target)
    assert 0 <= loss.item() <= 1
    torch.testing.assert_close(soft_dice(logits.flip(0), target.flip(0)), loss)


@untimed
@given(seeds)
def test_a_sure_and_right_model_has_no_loss_and_a_sure_and_wrong_one_all_of_it(seed: int) -> None:
    _, target = drawn(seed)
    right = 200.0 * torch_one_hot(target, 4).movedim(-1, 1).double()
    assert soft_dice(right, target).item() == pytest.approx(0, abs=1e-12)
    assert soft_dice(right.roll(1, dims=1), target).item() == pytest.approx(1, abs=1e-12)


@untimed
@given(seeds)
def test_what_does_not_count_could_as_well_be_missing(seed: int) -> None:
    logits, target = drawn(seed)
    counted = torch.ones(2, 6, 5, dtype=torch.float64)
    counted[:, 2:] = 0
    expected = soft_dice(logits[:, :, :2], target[:, :2])
    torch.testing.assert_close(soft_dice(logits, target, counted), expected)
    assert soft_dice(logits, target, 0 * counted).item() == 0


def test_the_gradient_is_the_derivative() -> None:
    logits, target = drawn(0)
    assert torch.autograd.gradcheck(lambda z: soft_dice(z, target), logits.requires_grad_())


def test_members_are_stacked_as_they_are_alone_over_weights_and_logits() -> None:
    logits, target = drawn(1)

    def loss(z: Tensor, weight: Tensor) -> Tensor:
        return weight * soft_dice(z, target)

    members, weights = torch.stack([logits, -logits]), torch.tensor([0.5, 1.5], dtype=torch.float64)
    stacked = vmap(grad(loss, argnums=(0, 1)))(members, weights)
    for k in range(2):
        alone = grad(loss, argnums=(0, 1))(members[k], weights[k])
        torch.testing.assert_close(tuple(part[k] for part in stacked), alone)


def test_one_hot_is_torchs_with_classes_first() -> None:
    _, target = drawn(2)
    assert torch.equal(one_hot(target, 4), torch_one_hot(target, 4).movedim(-1, 1).bool())
