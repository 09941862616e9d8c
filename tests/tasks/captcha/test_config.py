"""Configuration of captcha: what siblings share, what a fingerprint sees, and that every option composes."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pydantic import ValidationError

from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.models import stackable_values
from sweeper.schema import Settings
from sweeper.task.base import config_of
from sweeper_tasks.captcha.config import CaptchaConfig
from tests.tasks.captcha.tiny import AUGMENTATION, LOSSES, tiny_config

CONF = Path(__file__).parents[3] / "conf"
MAX_STEPS = 50
DATA_SETS = ("generated", "generated_long", "generated_mixed", "folder", "folder_cpu")
DOCUMENTED = {
    "gamma-1.5": ("captcha/binary_focal", 1.5, 0.25),
    "gamma-2": ("captcha/binary_focal", 2.0, 0.25),
    "gamma-3": ("captcha/binary_focal", 3.0, 0.25),
    "alpha-0.5": ("captcha/binary_focal", 2.0, 0.5),
    "alpha-0.75": ("captcha/binary_focal", 2.0, 0.75),
}


@cache
def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): section for key, section in config.items()}


def captcha_config(*overrides: str) -> CaptchaConfig:
    config = config_of(CaptchaConfig, composed("task=captcha", *overrides))
    assert isinstance(config, CaptchaConfig)
    return config


@pytest.mark.parametrize(
    ("data", "loss"), [*((data, "bce") for data in DATA_SETS), *(("generated", loss) for loss in LOSSES)]
)
def test_every_option_composes_and_validates(data: str, loss: str) -> None:
    config = composed("task=captcha", f"data=captcha/{data}", f"loss=captcha/{loss}")
    settings = Settings.model_validate({key: config[key] for key in Settings.model_fields})
    preset = config["data"]["preset"]
    assert settings.optimizer.lr == preset["lr"]
    assert settings.trainer.schedule.name == preset["schedule"]
    assert settings.trainer.patience == preset["patience"]
    assert config_of(CaptchaConfig, config).effective(MAX_STEPS)["loss"]["name"] == f"captcha/{loss}"


@pytest.mark.parametrize(("data", "epoch"), [("generated_mixed", 40_000 // 64), ("folder", 4800 // 32)])
def test_data_of_full_size_are_trained_as_documented(data: str, epoch: int) -> None:
    """Rate 0.0012, 10 epochs of warm-up, plateau by 0.5, patience of 35 epochs, 150 epochs in all."""
    config = composed("task=captcha", f"data=captcha/{data}")
    trainer = Settings.model_validate({key: config[key] for key in Settings.model_fields}).trainer
    schedule = trainer.schedule
    assert config["optimizer"]["lr"] == 0.0012
    assert (schedule.name, schedule.plateau_factor) == ("plateau", 0.5)
    assert (trainer.eval_every, trainer.patience) == (epoch, 35)
    assert (schedule.lr_warmup_steps, trainer.max_steps) == (10 * epoch, 150 * epoch)


def test_the_network_is_the_documented_one() -> None:
    model = captcha_config().model
    assert (model.conv_dropout, model.dense_dropout, model.channel_attention) == (0.2, 0.4, False)


def test_two_configurations_are_among_the_documented_ones() -> None:
    grid, two = (composed(f"sweep=captcha_focal{end}")["study"]["trials"] for end in ("", "_two"))
    assert two == {name: grid[name] for name in ("gamma-2", "weighted-3")}


def test_the_documented_grid_states_the_documented_values() -> None:
    trials = composed("sweep=captcha_focal")["study"]["trials"]
    for name, (loss, gamma, alpha) in DOCUMENTED.items():
        config = captcha_config(*trials[name]).loss.model_dump()
        assert (config["name"], config["gamma"], config["alpha"]) == (loss, gamma, alpha)
    assert captcha_config(*trials["weighted-3"]).loss.model_dump()["pos_weight"] == 3.0
    assert trials.keys() == {*DOCUMENTED, "weighted-3"}


def test_nothing_swept_means_the_documented_grid_against_bce() -> None:
    config = composed("task=captcha")
    assert config["task"]["default_sweep"] == "captcha_focal"
    assert config["task"]["baseline"] == ["loss=captcha/bce"]


@pytest.mark.parametrize(
    ("loss", "paths"),
    [
        ("bce", set()),
        ("weighted_bce", {"loss.pos_weight"}),
        ("binary_focal", {"loss.gamma", "loss.alpha"}),
        ("ce", set()),
        ("focal_ce", {"loss.gamma"}),
    ],
)
def test_siblings_may_differ_in_the_coefficients_of_their_loss(loss: str, paths: set[str]) -> None:
    assert stackable_values(tiny_config(loss)).keys() == paths


def test_alpha_means_nothing_where_it_is_not_used() -> None:
    one, other = (tiny_config("binary_focal", use_alpha=False, alpha=alpha) for alpha in (0.25, 0.75))
    assert one.effective(MAX_STEPS) == other.effective(MAX_STEPS)
    with_alpha = tiny_config("binary_focal", alpha=0.75)
    assert with_alpha.effective(MAX_STEPS) != other.effective(MAX_STEPS)


def test_what_augmentation_would_do_means_nothing_where_it_is_off() -> None:
    on, off = (tiny_config(data={"augmentation": AUGMENTATION | {"enabled": e}}) for e in (True, False))
    other = tiny_config(data={"augmentation": AUGMENTATION | {"enabled": False, "rotation_deg": 20.0}})
    assert off.effective(MAX_STEPS) == other.effective(MAX_STEPS) != on.effective(MAX_STEPS)


def test_images_smaller_than_the_networks_stride_are_refused() -> None:
    expected = r"data.height, data.width: got 8 x 16; expected at least 16 each, the stride of the 4 conv"
    with pytest.raises(ValidationError, match=expected):
        tiny_config(model={"widths": [4, 4, 4, 4]})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"gamma": -1.0}, "greater than or equal to 0"),
        ({"alpha": 1.5}, "less than or equal to 1"),
        ({"pos_weight": 1.0}, "Extra inputs"),
    ],
)
def test_coefficients_out_of_range_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        tiny_config("binary_focal", **changes)


def test_the_start_up_line_says_what_is_trained() -> None:
    assert tiny_config("binary_focal").describe() == (
        "captcha: 4 positions, not augmented; captcha/binary_focal (gamma 2, alpha 0.25)"
    )
