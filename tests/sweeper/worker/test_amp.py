"""What each precision computes in, and what fp16 does with a gradient that overflows."""

from typing import Literal

import pytest
import torch
from torch import nn

from sweeper.worker.amp import Precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_matrix_products_run_in_the_named_type(
    name: Literal["fp32", "bf16", "fp16"], dtype: torch.dtype
) -> None:
    with Precision(name, CPU).forward():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_gradients_are_clipped_to_the_norm_over_all_parameters() -> None:
    """Loss 3a + 4b: gradient (3, 4) of norm 5; clipped to 1 it is (0.6, 0.8), which lr 1 subtracts."""
    parameters = [nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))]
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    Precision("fp32", CPU).descend(3 * parameters[0] + 4 * parameters[1], optimizer, parameters, 1.0)
    assert [-parameter.item() for parameter in parameters] == pytest.approx([0.6, 0.8], abs=1e-5)


def test_fp16_clips_the_true_gradient_not_the_scaled_one() -> None:
    parameter = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    Precision("fp16", CPU).descend(0.25 * parameter, optimizer, [parameter], 100.0)
    assert parameter.item() == -0.25


def test_fp16_leaves_a_step_out_whose_gradient_overflows_and_halves_the_scale() -> None:
    parameter = nn.Parameter(torch.ones(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    precision = Precision("fp16", CPU)
    precision.descend(parameter * 1e38, optimizer, [parameter], None)
    assert parameter.item() == 1.0
    assert precision.scaler.get_scale() == 2**15
    precision.descend(parameter * 0.5, optimizer, [parameter], None)
    assert parameter.item() == 0.5
