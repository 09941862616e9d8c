"""Losses are computed at least in float32."""

import pytest
import torch

from sweeper_tasks.precision import at_least_float32

WIDENED = {torch.float16: torch.float32, torch.bfloat16: torch.float32}


@pytest.mark.parametrize("given", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_half_precisions_become_float32_and_wider_ones_stay(given: torch.dtype) -> None:
    assert at_least_float32(torch.ones(2, dtype=given)).dtype == WIDENED.get(given, given)
