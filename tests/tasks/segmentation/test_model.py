"""The networks: their documented size, their shapes, and what the multi-scale block costs."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from sweeper.errors import UserError
from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.config import MicroSeg, UnetSmall
from sweeper_tasks.segmentation.lmsa import Lmsa
from sweeper_tasks.segmentation.model import MAX_PARAMETERS, build_model as build_for
from tests.tasks.segmentation.tiny import N_CLASSES

DOCUMENTED = {"depths": [2, 2, 2, 2], "mlp_ratio": 4, "first_stride": 4}
MODELS = Path(__file__).parents[3] / "conf" / "model" / "segmentation"


def microseg(**changes: Any) -> MicroSeg:
    """The documented network."""
    section = yaml.safe_load((MODELS / "microseg.yaml").read_text())
    return MicroSeg.model_validate(section | DOCUMENTED | changes)


def unet() -> UnetSmall:
    return UnetSmall.model_validate(yaml.safe_load((MODELS / "unet_small.yaml").read_text()))


def build_model(config: MicroSeg | UnetSmall) -> nn.Module:
    return build_for(config, N_CLASSES)


def n_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def pictures(size: int, n: int = 2) -> Batch:
    draw = torch.Generator().manual_seed(0)
    return Batch(torch.rand(n, 3, size, size, generator=draw), torch.zeros(n, size, size, dtype=torch.int64))


def test_the_documented_network_has_fewer_parameters_than_it_may() -> None:
    assert 1_500_000 < n_parameters(build_model(microseg())) < MAX_PARAMETERS == 1_821_085


@pytest.mark.parametrize("small", [{}, {"depths": [1, 1, 1, 1], "mlp_ratio": 2}], ids=["documented", "cpu"])
def test_the_multi_scale_block_adds_less_than_2_percent(small: dict[str, Any]) -> None:
    with_block, without = (n_parameters(build_model(microseg(lmsa=lmsa, **small))) for lmsa in (True, False))
    assert 0 < with_block - without < 0.02 * without


def test_a_network_that_is_too_large_is_refused() -> None:
    with pytest.raises(UserError, match=r"got 2,\d+,\d+ parameters; expected fewer than 1,821,085"):
        build_model(microseg(widths=[32, 64, 160, 192]))


@pytest.mark.parametrize(("size", "first_stride"), [(64, 4), (32, 4), (48, 2), (16, 2)])
def test_logits_have_the_size_of_the_picture(size: int, first_stride: int) -> None:
    model = build_model(microseg(first_stride=first_stride)).eval()
    assert model(pictures(size)).shape == (2, N_CLASSES, size, size)
    assert build_model(unet()).eval()(pictures(size)).shape == (2, N_CLASSES, size, size)


@pytest.mark.parametrize("config", [microseg(), unet()], ids=["microseg", "unet"])
def test_a_picture_is_parsed_alike_in_any_company(config: MicroSeg | UnetSmall) -> None:
    model, together = build_model(config).eval(), pictures(64, 3)
    alone = Batch(together.images[1:2], together.masks[1:2])
    torch.testing.assert_close(model(together)[1:2], model(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [microseg(), unet()], ids=["microseg", "unet"])
def test_no_norm_follows_a_bias(config: MicroSeg | UnetSmall) -> None:
    """A bias before a norm does nothing, and drifts when members are stacked."""
    model = build_model(config)
    before = [name for name, layer in model.named_modules() if name.endswith(("patches", "mix", "squares"))]
    convolutions = [model.get_submodule(name) for name in before]
    convolutions += [
        layers[i]
        for layers in model.modules()
        if isinstance(layers, nn.Sequential)
        for i in range(len(layers) - 1)
        if isinstance(layers[i + 1], nn.GroupNorm)
    ]
    assert convolutions
    assert all(layer.bias is None for layer in convolutions)


def test_dropout_acts_in_training_only() -> None:
    model, batch = build_model(microseg()), pictures(32)
    assert not torch.equal(model.train()(batch), model(batch))
    assert torch.equal(model.eval()(batch), model(batch))


def test_the_multi_scale_block_is_the_sum_of_its_convolutions_weighed_by_channel() -> None:
    """Written out: `x + s(m) g` with g the activated, normalised sum, m its means by channel."""
    torch.manual_seed(0)
    block, x = Lmsa(16).double(), torch.randn(2, 16, 9, 11, dtype=torch.float64)
    g = block.gelu(block.norm(sum(scale(x) for scale in block.scales)))
    weights = block.attention[1:](g.mean(dim=(2, 3), keepdim=True))
    assert ((weights > 0) & (weights < 1)).all()
    torch.testing.assert_close(block(x), x + g * weights)
