"""In which precision losses and metrics are computed."""

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Any shape: float16 and bfloat16 become float32, anything wider stays as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
