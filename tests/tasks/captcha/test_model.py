"""The network: its outputs, what it knows beforehand, and no bias that a norm would make drift."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from sweeper_tasks.captcha.alphabet import N_CLASSES
from sweeper_tasks.captcha.heads import AttentionHead, equal_shares
from sweeper_tasks.captcha.model import Batch, CaptchaCnn, ChannelAttention
from tests.tasks.captcha.tiny import tiny_config

HEADS = ("dense", "attention")


def built(height: int = 8, width: int = 16, n_channels: int = 1, **model: object) -> CaptchaCnn:
    torch.manual_seed(0)
    return CaptchaCnn(tiny_config(model=dict(model)).model, n_channels, height, width, n_positions=5)


def batch(*shape: int) -> Batch:
    images = torch.rand(*shape, generator=torch.Generator().manual_seed(1))
    return Batch(images, torch.zeros(len(images), 5, dtype=torch.int64))


@pytest.mark.parametrize("shape", [(3, 1, 8, 16), (3, 3, 13, 30), (1, 1, 32, 80)])
@pytest.mark.parametrize("channel_attention", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_images_of_any_size_give_63_logits_a_position(
    shape: tuple[int, ...], channel_attention: bool, head: str
) -> None:
    _, channels, height, width = shape
    model = built(height, width, channels, channel_attention=channel_attention, head=head).eval()
    assert model(batch(*shape)).shape == (shape[0], 5, N_CLASSES)


@pytest.mark.parametrize("head", HEADS)
def test_an_untrained_network_says_no_as_often_as_it_is_true(head: str) -> None:
    """One output in 63 is right, and the classifiers start at that rate."""
    p = built(head=head).eval()(batch(50, 1, 8, 16)).sigmoid()
    assert p.mean().item() == pytest.approx(1 / 63, rel=0.2)


@pytest.mark.parametrize(("head", "n_norms"), [("dense", 3), ("attention", 4)])
def test_no_layer_before_a_norm_has_a_bias(head: str, n_norms: int) -> None:
    model = built(channel_attention=True, head=head)
    layers = [m for m in model.modules() if not list(m.children())]
    before_norms = [
        layer for layer, after in pairwise(layers) if isinstance(after, nn.BatchNorm2d | nn.BatchNorm1d)
    ]
    assert len(before_norms) == n_norms
    assert all(layer.bias is None for layer in before_norms)


def test_channel_attention_multiplies_each_channel_by_its_own_weight() -> None:
    torch.manual_seed(0)
    attention, x = ChannelAttention(8), torch.rand(2, 8, 3, 4) + 0.1
    ratio = attention(x) / x
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    assert ((ratio > 0) & (ratio < 1)).all()
    assert ratio[0, :, 0, 0].unique().numel() == 8


def test_positions_look_at_equal_shares_of_the_width_at_first() -> None:
    """Of 10 columns two each: the weight is largest on both, equally, as they are equally near its middle."""
    weights = equal_shares(n_positions=5, n_columns=10).softmax(dim=-1)
    for position, row in enumerate(weights):
        assert sorted(row.topk(2).indices.tolist()) == [2 * position, 2 * position + 1]
        assert row[2 * position].item() == pytest.approx(row[2 * position + 1].item())


def test_a_head_with_attention_reads_a_column_alike_wherever_it_stands() -> None:
    """What a position looks at is described by the column and its neighbours alone."""
    model = built(width=80, head="attention").eval()
    head = model.head
    assert isinstance(head, AttentionHead)
    features = torch.zeros(2, 6, 2, 20)
    features[0, :, :, 5], features[1, :, :, 12] = 1.0, 1.0
    one, other = head.describe(features)
    assert torch.allclose(one[:, 0, 4:7], other[:, 0, 11:14])
    assert not torch.allclose(one[:, 0, 5], one[:, 0, 12])


@pytest.mark.parametrize("head", HEADS)
def test_dropout_acts_in_training_only(head: str) -> None:
    model, images = built(conv_dropout=0.2, dense_dropout=0.4, head=head), batch(6, 1, 8, 16)

    def twice() -> tuple[Tensor, Tensor]:
        return model(images), model(images)

    one, other = twice()
    assert not torch.equal(one, other)
    model.eval()
    assert torch.equal(*twice())
