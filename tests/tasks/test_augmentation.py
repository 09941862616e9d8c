"""Augmentation: image and mask move together, the same seed gives the same pictures, off changes nothing."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from kornia.geometry.transform import get_rotation_matrix2d, warp_affine
from pydantic import ValidationError
from torch import Tensor

from sweeper_tasks.augmentation import augment, sampling_matrices
from sweeper_tasks.augmentation_config import Augmentation

untimed = settings(deadline=None, max_examples=25)
NOTHING: dict[str, Any] = {
    "enabled": True,
    "flip_rate": 0.0,
    "rotation_deg": 0.0,
    "scale": [1.0, 1.0],
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "noise": 0.0,
}
EVERYTHING = {"flip_rate": 0.5, "rotation_deg": 20.0, "scale": [0.85, 1.15]}
EVERYTHING |= {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "noise": 0.05}
SWAPS = ((4, 5), (6, 7))


def config(**changes: Any) -> Augmentation:
    """An augmentation that is enabled and changes nothing but what is given."""
    return Augmentation.model_validate(NOTHING | changes)


def drawn(n: int = 4, channels: int = 3, height: int = 16, width: int = 24) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(n, channels, height, width, generator=draw)
    return images, torch.randint(0, 8, (n, height, width), generator=draw, dtype=torch.uint8)


def test_off_returns_what_it_was_given_and_draws_nothing() -> None:
    images, masks = drawn()
    before = torch.get_rng_state()
    varied, moved = augment(images, masks, config(**EVERYTHING, enabled=False), SWAPS)
    assert varied is images
    assert moved is masks
    assert torch.equal(torch.get_rng_state(), before)


def test_on_without_any_range_changes_nothing() -> None:
    images, masks = drawn()
    varied, moved = augment(images, masks, config(), SWAPS)
    torch.testing.assert_close(varied, images, rtol=0, atol=1e-5)
    assert moved is not None
    assert torch.equal(moved, masks)


def test_a_flip_mirrors_both_and_swaps_left_and_right() -> None:
    """Class 4 at the left border becomes class 5 at the right one; class 3 has no other side."""
    images, masks = drawn()
    varied, moved = augment(images, masks, config(flip_rate=1.0), SWAPS)
    counterpart = torch.tensor([0, 1, 2, 3, 5, 4, 7, 6], dtype=torch.uint8)
    torch.testing.assert_close(varied, images.flip(-1), rtol=0, atol=1e-5)
    assert moved is not None
    assert moved.dtype == torch.uint8
    assert torch.equal(moved, counterpart[masks.flip(-1).long()])


def test_only_flipped_images_swap_their_classes() -> None:
    torch.manual_seed(3)
    masks = torch.full((64, 8, 8), 4)
    _, moved = augment(torch.rand(64, 3, 8, 8), masks, config(flip_rate=0.5), SWAPS)
    assert moved is not None
    assert 20 < int((moved[:, 0, 0] == 5).sum()) < 44
    assert torch.equal(moved, moved[:, :1, :1].expand_as(moved))


@untimed
@given(st.floats(-40, 40), st.floats(0.7, 1.4), st.booleans())
def test_the_sampling_matrix_is_kornias_rotation_and_scale_inverted(
    degrees: float, scale: float, flip: bool
) -> None:
    """As pixels: kornia warps by the rotation about the centre, we sample by its inverse."""
    images, _ = drawn(1)
    picture = config(rotation_deg=90.0, scale=[0.5, 1.5])
    angle, zoom = torch.tensor([(degrees + 90) / 180]), torch.tensor([scale - 0.5])
    to_source = sampling_matrices(torch.tensor([flip]), angle, zoom, picture, (16, 24))
    grid = torch.nn.functional.affine_grid(to_source[:, :2], [1, 3, 16, 24], align_corners=False)
    ours = torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    centre, factor = torch.tensor([[11.5, 7.5]]), torch.full((1, 2), scale)
    rotation = get_rotation_matrix2d(centre, torch.tensor([-degrees]), factor)
    source = images.flip(-1) if flip else images
    theirs = warp_affine(source, rotation, (16, 24), padding_mode="border", align_corners=False)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-3)


def test_image_and_mask_stay_together() -> None:
    """An image painted by its mask is, away from edges between classes, still painted by its moved mask."""
    torch.manual_seed(0)
    masks = torch.zeros(8, 32, 32, dtype=torch.int64)
    masks[:, 8:20, 6:26], masks[:, 20:28, 12:20] = 1, 2
    images = (masks / 2).unsqueeze(1).float()
    varied, moved = augment(images, masks, config(**{**EVERYTHING, **dict.fromkeys(COLOURS, 0.0)}))
    assert moved is not None
    off = (varied.squeeze(1) - moved / 2).abs() > 0.26
    assert off.float().mean() < 0.02
    assert not torch.equal(moved, masks)


COLOURS = ("brightness", "contrast", "saturation", "noise")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", COLOURS)
def test_each_colour_changes_images_within_range_and_never_masks(name: str, channels: int) -> None:
    if name == "saturation" and channels == 1:
        pytest.skip("grey has no saturation")
    images, masks = drawn(channels=channels)
    varied, moved = augment(images, masks, config(**{name: 0.3}))
    assert moved is not None
    assert torch.equal(moved, masks)
    assert (varied - images).abs().max() > 0.02
    assert 0 <= varied.min() <= varied.max() <= 1


def test_brightness_multiplies_each_image_by_one_factor_in_its_range() -> None:
    images = torch.full((500, 3, 4, 4), 0.5)
    torch.manual_seed(0)
    factors = augment(images, None, config(brightness=0.2))[0] / 0.5
    assert factors.flatten(1).std(dim=1).max() < 1e-6
    assert 0.8 <= factors.min() < 0.82
    assert 1.18 < factors.max() <= 1.2


def test_the_same_random_state_gives_the_same_pictures_and_the_next_batch_others() -> None:
    images, masks = drawn()
    everything = config(**EVERYTHING)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, after = augment(images, masks, everything), augment(images, masks, everything)
    torch.set_rng_state(state)
    again = augment(images, masks, everything)
    assert torch.equal(first[0], again[0])
    assert torch.equal(*(part[1] for part in (first, again)))  # type: ignore[arg-type]
    assert not torch.equal(first[0], after[0])


def test_masks_are_optional_and_change_no_image() -> None:
    images, masks = drawn()
    varied = []
    for given_masks in (masks, None):
        torch.manual_seed(1)
        varied.append(augment(images, given_masks, config(**EVERYTHING))[0])
    assert torch.equal(*varied)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": [1.2, 0.9]}, "smaller first"),
        ({"flip_rate": 1.5}, "less than or equal"),
        ({"brightness": 1.0}, "less"),
    ],
)
def test_ranges_out_of_order_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**changes)
