"""Which model a configuration means. See `microseg.py` and `unet.py`."""

from torch import nn

from sweeper.task import Fault, UserError
from sweeper_tasks.segmentation.config import MicroSeg, UnetSmall
from sweeper_tasks.segmentation.microseg import MicroSegNet
from sweeper_tasks.segmentation.unet import Unet

MAX_PARAMETERS = 1_821_085
"""Any microseg has fewer: it is meant for devices that a face is parsed on."""


def build_model(config: MicroSeg | UnetSmall, n_classes: int) -> nn.Module:
    """The configured model for `n_classes`, initialised from torch's global generator, on the CPU.

    Its output for a `Batch` are logits [B, C, H, W].
    """
    match config:
        case MicroSeg():
            return _light(MicroSegNet(config, n_classes))
        case UnetSmall():
            return Unet(config, n_classes)


def _light(model: nn.Module) -> nn.Module:
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    if n_parameters >= MAX_PARAMETERS:
        problem = f"got {n_parameters:,} parameters; expected fewer than {MAX_PARAMETERS:,}"
        raise UserError(Fault("model.widths, model.depths", problem, "Use smaller ones"))
    return model
