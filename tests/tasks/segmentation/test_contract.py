"""What every task owes to whoever trains it, for both models and every term of the losses."""

from pathlib import Path

import pytest

from tasks.base import Task
from tests.contracts.test_task_contract import TaskContract
from tests.tasks.segmentation.tiny import tiny_config, tiny_prepared, tiny_task


@pytest.mark.parametrize(
    ("model", "loss"),
    [("microseg", "focal_dice_weighted"), ("microseg", "ce_weighted"), ("unet", "focal_dice")],
)
class TestSegmentation(TaskContract):
    """Augmentation is off: it varies a picture from batch to batch on purpose."""

    objective = "f_score"

    @pytest.fixture
    def task(self, tmp_path: Path, model: str, loss: str) -> Task:
        return tiny_task(tiny_prepared(tmp_path), tiny_config(model, loss))
