"""The configuration: every option composes, nonsense is refused, what means nothing is in no fingerprint."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sweeper.config.validation import faults_of
from sweeper.models import stackable_values
from sweeper_tasks.segmentation.config import SegmentationConfig
from tests.sweeper.small_esmm import read_line
from tests.tasks.segmentation.tiny import tiny_config

CONF = Path(__file__).parents[3] / "conf"
SWEEPS = ("focal", "gamma", "alpha", "ablation")


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group / "segmentation").glob("*.yaml"))


def config_of(*overrides: str) -> SegmentationConfig:
    found = read_line("task=segmentation", *overrides, multirun=False).task_config
    assert isinstance(found, SegmentationConfig)
    return found


@pytest.mark.parametrize("option", options("loss"))
def test_every_loss_composes_under_its_own_name(option: str) -> None:
    assert config_of(f"loss=segmentation/{option}").loss.name == f"segmentation/{option}"


@pytest.mark.parametrize("option", options("data"))
def test_every_data_option_fits_every_model(option: str) -> None:
    for model in options("model"):
        found = config_of(f"data=segmentation/{option}", f"model=segmentation/{model}")
        assert found.data.image_size % found.model.stride == 0


@pytest.mark.parametrize("option", ["celebamask", "synthetic_faces_full"])
def test_the_full_presets_are_the_documented_configuration(option: str) -> None:
    sweep = read_line("task=segmentation", f"data=segmentation/{option}", multirun=False)
    trainer, optimizer = sweep.settings.trainer, sweep.settings.optimizer
    assert (trainer.epochs, trainer.batch_size, trainer.max_steps) == (250, 32, None)
    assert (optimizer.lr, optimizer.weight_decay) == (8e-4, 1e-4)
    assert trainer.schedule.lr_warmup_steps == 10 * (800 // 32)
    preset = sweep.task_config.model_dump()["data"]["preset"]
    assert (preset["lr_focal"], preset["lr_aggressive"]) == (5e-4, 3e-4)
    assert (preset["epochs_long"], preset["batch_size_small"]) == (300, 24)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_documented_grid_composes_with_a_baseline_that_is_no_candidate(name: str) -> None:
    study = read_line(f"sweep=segmentation_{name}", multirun=True).settings.study
    assert study.trials is not None
    assert len(study.trials) >= 2
    assert study.baseline not in study.trials.values()


@pytest.mark.parametrize(
    ("loss", "changes", "message"),
    [
        ("ce_dice", {"ce_weight": 0.0, "dice_weight": 0.0}, "nothing to minimise"),
        ("focal", {"focal_gamma": -1.0}, "greater than or equal to 0"),
        ("focal", {"focal_alpha": 1.5}, "less than or equal to 1"),
        ("focal", {"focal_alpha": [0.5, 0.5]}, "each of 19 classes"),
        ("ce_weighted", {"class_weights": [0.0] * 19}, "not all 0"),
        ("ce_weighted", {"class_weights": "inverse"}, "inverse_frequency"),
        ("ce", {"ignore_index": 19}, "expected a class, 0 to 18"),
        ("ce", {"focal_gamma": 1.0}, "Extra inputs"),
    ],
)
def test_nonsense_is_refused(loss: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tiny_config(loss=loss, **changes)


def test_a_picture_must_be_a_multiple_of_the_networks_stride() -> None:
    sections = tiny_config().model_dump(by_alias=True)
    sections["data"]["image_size"] = 40
    with pytest.raises(
        ValidationError, match=r"got 40; expected a multiple of the network's stride, 16. Use 32"
    ):
        SegmentationConfig.model_validate(sections)


def test_what_siblings_may_differ_in() -> None:
    assert stackable_values(tiny_config(loss="focal_dice_weighted")).keys() == {
        *("loss.ce_weight", "loss.dice_weight", "loss.focal_gamma", "loss.focal_alpha", "loss.class_weights")
    }


def test_without_weight_the_shape_of_a_focal_term_means_nothing() -> None:
    one, other = (tiny_config(loss="focal_dice", ce_weight=0.0, focal_gamma=g) for g in (1.0, 2.0))
    assert one.effective(10) == other.effective(10)
    assert tiny_config(loss="focal_dice", focal_gamma=1.0).effective(10) != one.effective(10)


def test_ranges_of_an_augmentation_that_is_off_mean_nothing() -> None:
    off, on = (
        tiny_config(augment=augment).effective(10)["data"]["augmentation"] for augment in (False, True)
    )
    assert {key for key, value in off.items() if value is not None} == {"enabled"}
    assert None not in on.values()


def test_a_focal_loss_that_is_none_is_said() -> None:
    (notice,) = tiny_config(loss="focal", focal_gamma=0.0, focal_alpha=None).notices(10)
    assert "plain cross-entropy" in notice
    assert tiny_config(loss="focal").notices(10) == []


def test_the_log_says_which_loss_with_which_values() -> None:
    text = tiny_config(loss="focal_dice").describe()
    assert (
        text == "loss: focal_dice (ce_weight 1, dice_weight 0.7, focal_gamma 1.5, focal_alpha 0.25); lmsa on"
    )


def test_a_word_where_a_number_a_list_or_auto_may_stand_is_one_fault() -> None:
    """The first of pydantic's errors, one a type, is not the one that knows the words."""
    config = {"loss": {"name": "segmentation/focal", "focal_alpha": "atuo"}}
    with pytest.raises(ValidationError) as raised:
        tiny_config(loss="focal", focal_alpha="atuo")
    (fault,) = faults_of(raised.value, config, {})
    assert str(fault) == (
        "loss.focal_alpha: got 'atuo'; expected a number or a list or auto; did you mean 'auto'?"
    )
