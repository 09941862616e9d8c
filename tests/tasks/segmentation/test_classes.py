"""Which classes there are is a fact of the data option, and everything follows it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter, ValidationError
from torch.nn.functional import cross_entropy

from sweeper.errors import UserError
from sweeper.task import Predicted
from sweeper.task.prepared import Prepared
from sweeper_tasks.segmentation.class_facts import IGNORED, distinct_colour, stated
from sweeper_tasks.segmentation.config import SegmentationConfig
from sweeper_tasks.segmentation.data import prepare
from sweeper_tasks.segmentation.data_config import ADDED, DataConfig
from sweeper_tasks.segmentation.predicting import MaskPainter, Photograph
from sweeper_tasks.segmentation.task import SegmentationTask
from tests.sweeper.small_esmm import read_line
from tests.tasks.segmentation.tiny import FACES, LOSSES, MODELS, class_facts, tiny_config

DataOf = Callable[..., Any]
ROAD: dict[str, Any] = {"classes": ["road", "tree", "pavement", "car"], "background": "auto", "mirrored": []}
ROAD |= {"large": "auto", "values": None, "colours": None, "ignored": [255]}
STEP = torch.tensor(0)


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    """12 scenes of 4 classes; in each, the value 255 along the left edge."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (tmp_path / "roads" / folder).mkdir(parents=True)
    for i in range(12):
        mask = rng.choice(4, (4, 4), p=[0.5, 0.3, 0.18, 0.02]).astype(np.uint8).repeat(16, 0).repeat(16, 1)
        mask[:, :16] = 255
        Image.fromarray(np.dstack([60 * (mask % 5)] * 3)).save(tmp_path / "roads" / "images" / f"r{i}.png")
        Image.fromarray(mask).save(tmp_path / "roads" / "masks" / f"r{i}.png")
    return tmp_path / "roads"


def config_for(path: Path, loss: str = "ce_dice", **changes: Any) -> SegmentationConfig:
    data = read_line("task=segmentation", "data=segmentation/folder", multirun=False).task_config
    section = data.model_dump()["data"] | ROAD | {"path": str(path), "image_size": 64} | changes
    own = {"name": f"segmentation/{loss}", "ignore_index": None, **LOSSES[loss]}
    return SegmentationConfig.model_validate({"data": section, "model": MODELS["microseg"], "loss": own})


def task_of(config: SegmentationConfig, cache: Path) -> tuple[SegmentationTask, Prepared]:
    found = prepare(config, cache)
    return SegmentationTask(config, found, torch.device("cpu")), found


def test_as_many_classes_as_are_named_go_into_model_metrics_and_frequencies(
    roads: Path, tmp_path: Path
) -> None:
    task, found = task_of(config_for(roads), tmp_path)
    model = task.build_model()
    metrics = task.evaluate(model, "val", task.coefficients(), STEP).metrics
    assert model(task.train_batch(torch.arange(2))).shape[1] == len(found.facts["pixels"]) == 4
    assert {"f_road", "f_tree", "f_large"} <= metrics.keys()
    assert not {"f_skin", "f_background"} & metrics.keys()
    masks = found.array("train_masks")
    assert found.facts["pixels"] == [int((masks == c).sum()) for c in range(4)]
    assert found.facts["ignored_pixels"] == pytest.approx(0.25)
    assert found.facts["trivial_predictor"] == "every pixel is road"


@pytest.mark.parametrize("loss", LOSSES)
def test_an_ignored_value_has_no_gradient_in_any_loss(roads: Path, tmp_path: Path, loss: str) -> None:
    task, _ = task_of(config_for(roads, loss), tmp_path)
    batch = task.train_batch(torch.arange(4))
    logits = torch.randn(4, 4, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    total, _ = task.loss(logits, batch, task.coefficients(), STEP)
    gradient = torch.autograd.grad(total, logits)[0].abs().sum(dim=1)
    assert gradient[batch.masks == IGNORED].max() == 0
    assert gradient[batch.masks == 0].max() > 0


def test_a_loss_with_ignored_pixels_is_that_of_the_others_alone(roads: Path, tmp_path: Path) -> None:
    task, _ = task_of(config_for(roads, "ce"), tmp_path)
    batch = task.train_batch(torch.arange(4))
    logits = torch.randn(4, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    total, _ = task.loss(logits, batch, task.coefficients(), STEP)
    torch.testing.assert_close(total, cross_entropy(logits, batch.masks, ignore_index=IGNORED))


def test_what_a_model_says_of_ignored_pixels_changes_no_metric(roads: Path, tmp_path: Path) -> None:
    task, _ = task_of(config_for(roads), tmp_path)

    class Painter(torch.nn.Module):
        def __init__(self, at_ignored: int) -> None:
            super().__init__()
            self.at_ignored = at_ignored

        def forward(self, batch: Any) -> torch.Tensor:
            said = batch.masks.where(batch.masks != IGNORED, self.at_ignored)
            return 8 * torch.nn.functional.one_hot(said, 4).movedim(-1, 1).float()

    right, other = (task.evaluate(Painter(c), "test", task.coefficients(), STEP).metrics for c in (0, 3))
    assert right == other
    assert right["f_score"] == right["miou"] == right["pixel_accuracy"] == 1


def test_nothing_is_swapped_where_nothing_is_mirrored(roads: Path, tmp_path: Path) -> None:
    """Every picture is flipped: faces swap classes 1 and 2 where they were named, roads do not."""
    plain = config_for(roads).data.augmentation.model_dump() | {"flip_rate": 1.0, "rotation_deg": 0.0}
    plain |= {"scale": [1.0, 1.0], "brightness": 0.0, "contrast": 0.0, "saturation": 0.0}
    for mirrored, expected in ([], [0, 1, 2, 3, 255]), ([["tree", "pavement"]], [0, 2, 1, 3, 255]):
        task, found = task_of(config_for(roads, augmentation=plain, mirrored=mirrored), tmp_path)
        stored = found.array("train_masks")[:4, :, ::-1]
        table = np.zeros(256, dtype=np.int64)
        table[[0, 1, 2, 3, 255]] = expected
        assert np.array_equal(task.train_batch(torch.arange(4)).masks.numpy(), table[stored])


def test_masks_of_other_classes_are_refused_by_value_and_file(roads: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"counts nowhere: data.ignored\): masks/r0.png \(value 255\)"):
        prepare(config_for(roads, ignored=[]), tmp_path)


def test_a_picture_of_which_nothing_counts_is_refused(roads: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(roads / "masks" / "r3.png")
    with pytest.raises(UserError, match=r"a pixel that counts, after it was resized: masks/r3\.png"):
        prepare(config_for(roads), tmp_path)


def test_road_scenes_read_as_faces_are_warned_of(roads: Path, tmp_path: Path) -> None:
    config = config_for(roads, **FACES | {"ignored": [255], "mirrored": [["background", "eye_g"]]})
    first, second = config.warnings(prepare(config, tmp_path).facts)
    assert first.startswith(
        "data.classes: 15 of 19 classes occur nowhere in the training split (l_eye, r_eye, "
    )
    assert "are these the classes of these masks?" in first
    assert second.startswith("data.mirrored: background (")
    assert "differ too much to be left and right of one thing" in second
    own = config_for(roads)
    assert own.warnings(prepare(own, tmp_path).facts) == []


def test_predicted_masks_have_the_users_values_colours_and_a_legend(roads: Path) -> None:
    colours = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    config = config_for(roads, values=[10, 20, 30, 40], colours=colours)
    painter = MaskPainter(config, torch.device("cpu"))
    said = torch.zeros(4, 64, 64)
    said[2] = 1
    one = Predicted("a.jpg", Photograph(np.zeros((3, 64, 64), np.uint8), (30, 20)), (said,))
    (target, content), (legend, table) = painter.results([one])
    (roads / "out.png").write_bytes(content)
    with Image.open(roads / "out.png") as mask:
        assert (target, mask.size, mask.getpixel((3, 3))) == ("a.png", (30, 20), 30)
        assert mask.convert("RGB").getpixel((3, 3)) == (7, 8, 9)
    assert (legend, table.decode().splitlines()[3]) == ("classes.csv", "30,pavement,7,8,9")


def test_without_colours_neighbours_differ_as_in_the_palette_of_voc() -> None:
    assert [distinct_colour(i) for i in (0, 1, 2, 15)] == [
        (0, 0, 0),
        (128, 0, 0),
        (0, 128, 0),
        (192, 128, 128),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a", "b", "a"]}, "'a' is in it more than once"),
        ({"classes": ["a", "score"]}, "f_score is another metric"),
        ({"classes": ["traffic light", "b"]}, "pattern"),
        ({"mirrored": [["tree", "pavment"]]}, r"data.mirrored: got 'pavment'; did you mean 'pavement'\?"),
        ({"mirrored": [["tree", "car"], ["car", "road"]]}, "expected each once"),
        ({"large": ["sky"]}, "data.large: got 'sky'"),
        ({"values": [0, 1]}, "data.values: got 2; expected a different one for each of the 4 classes"),
        ({"colours": [[0, 0, 0]] * 4}, "data.colours: got 4; expected a different one"),
        ({"ignored": [3]}, "data.ignored: got 3, the value of class 'car'"),
    ],
)
def test_a_description_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        class_facts(**ROAD | changes)


def test_the_two_options_of_faces_have_one_description_that_stored_fingerprints_leave_out(
    data_of: DataOf,
) -> None:
    one, other = data_of("celebamask"), data_of("synthetic_faces")
    assert stated(one) == stated(other) == {}
    assert "classes" not in tiny_config().effective(10)["data"]
    changed = data_of("celebamask", mirrored=[])
    assert stated(changed)["mirrored"] == []


def test_configurations_of_stored_runs_state_no_classes_and_mean_those_of_faces(data_of: DataOf) -> None:
    data = data_of("celebamask", path="faces").model_dump()
    old = {key: value for key, value in data.items() if key not in ADDED}
    assert TypeAdapter[Any](DataConfig).validate_python(old).model_dump() == data
    with pytest.raises(ValidationError, match="classes"):
        TypeAdapter[Any](DataConfig).validate_python(old | {"name": "segmentation/folder"})


def test_drawn_faces_need_the_classes_that_are_drawn(data_of: DataOf, tmp_path: Path) -> None:
    data = data_of("synthetic_faces", n_train=2, **ROAD | {"mirrored": []})
    with pytest.raises(UserError, match=r"data.classes: got no 'background'; .*data=segmentation/folder"):
        prepare(SimpleNamespace(data=data), tmp_path)
