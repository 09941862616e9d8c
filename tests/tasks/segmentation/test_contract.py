"""What every task owes to whoever trains it, for both models and every term of the losses."""

from pathlib import Path

import pytest

from sweeper_tasks.segmentation.task import SegmentationTask
from tests.contracts.test_task_contract import Parts, TaskContract, metric_names
from tests.tasks.segmentation.tiny import LOSSES, tiny_config, tiny_prepared, tiny_task


@pytest.mark.parametrize(
    ("model", "loss"),
    [("microseg", "focal_dice_weighted"), ("microseg", "ce_weighted"), ("unet", "focal_dice")],
)
class TestSegmentation(TaskContract):
    """Augmentation is off: it varies a picture from batch to batch on purpose."""

    objective = "f_score"
    task_class = SegmentationTask

    @pytest.fixture
    def parts(self, tmp_path: Path, model: str, loss: str) -> Parts:
        return tiny_config(model, loss), tiny_prepared(tmp_path)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_classes_that_a_split_lacks_have_no_metric_there(tmp_path: Path, loss: str) -> None:
    """Rare classes are in some splits only."""
    config, prepared = tiny_config("unet", loss), tiny_prepared(tmp_path)
    names = {split: config.metric_names(prepared.facts, split) for split in ("val", "test")}
    assert names == {split: metric_names(tiny_task(prepared, config), split) for split in names}
    assert names["test"] != names["val"]
