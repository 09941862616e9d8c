"""The network: its outputs, what it knows beforehand, and no bias that a norm would make drift."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from tasks.captcha.alphabet import N_CLASSES
from tasks.captcha.model import Batch, CaptchaCnn, ChannelAttention
from tests.tasks.captcha.tiny import tiny_config


def built(height: int = 8, width: int = 16, n_channels: int = 1, **model: object) -> CaptchaCnn:
    torch.manual_seed(0)
    return CaptchaCnn(tiny_config(model=dict(model)).model, n_channels, height, width, n_positions=5)


def batch(*shape: int) -> Batch:
    images = torch.rand(*shape, generator=torch.Generator().manual_seed(1))
    return Batch(images, torch.zeros(len(images), 5, dtype=torch.int64))


@pytest.mark.parametrize("shape", [(3, 1, 8, 16), (3, 3, 13, 30), (1, 1, 32, 80)])
@pytest.mark.parametrize("channel_attention", [True, False])
def test_images_of_any_size_give_63_logits_a_position(
    shape: tuple[int, ...], channel_attention: bool
) -> None:
    _, channels, height, width = shape
    model = built(height, width, channels, channel_attention=channel_attention).eval()
    assert model(batch(*shape)).shape == (shape[0], 5, N_CLASSES)


def test_an_untrained_network_says_no_as_often_as_it_is_true() -> None:
    """One output in 63 is right, and the classifiers start at that rate."""
    p = built().eval()(batch(50, 1, 8, 16)).sigmoid()
    assert p.mean().item() == pytest.approx(1 / 63, rel=0.2)


def test_no_layer_before_a_norm_has_a_bias() -> None:
    layers = [m for m in built(channel_attention=True).modules() if not list(m.children())]
    before_norms = [
        layer for layer, after in pairwise(layers) if isinstance(after, nn.BatchNorm2d | nn.BatchNorm1d)
    ]
    assert len(before_norms) == 3
    assert all(layer.bias is None for layer in before_norms)


def test_channel_attention_multiplies_each_channel_by_its_own_weight() -> None:
    torch.manual_seed(0)
    attention, x = ChannelAttention(8), torch.rand(2, 8, 3, 4) + 0.1
    ratio = attention(x) / x
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    assert ((ratio > 0) & (ratio < 1)).all()
    assert ratio[0, :, 0, 0].unique().numel() == 8


def test_dropout_acts_in_training_only() -> None:
    model, images = built(conv_dropout=0.2, dense_dropout=0.4), batch(6, 1, 8, 16)

    def twice() -> tuple[Tensor, Tensor]:
        return model(images), model(images)

    one, other = twice()
    assert not torch.equal(one, other)
    model.eval()
    assert torch.equal(*twice())
