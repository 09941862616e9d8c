"""Configuration of diagnosis: what siblings share, what a fingerprint sees, that every option composes."""

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
from sweeper_tasks.diagnosis.config import DiagnosisConfig
from tests.tasks.diagnosis.tiny import AUTO, LOSSES, tiny_config

CONF = Path(__file__).parents[3] / "conf"
MAX_STEPS = 50
DATA_SETS = ("synthetic_cohort", "breast_cancer", "csv", "thyroid")
DOCUMENTED = {
    "balanced": ("balanced", 0.2, 2.5),
    "focal_smooth": ("focal_smooth", 0.15, 3.0),
    "focal_smooth-common": ("focal_smooth", 0.2, 2.5),
    "confidence_aware": ("confidence_aware", 0.25, 2.0),
    "confidence_aware-common": ("confidence_aware", 0.2, 2.5),
    "adversarial": ("adversarial", 0.2, 2.5),
}


@cache
def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): section for key, section in config.items()}


def diagnosis_config(*overrides: str) -> DiagnosisConfig:
    config = config_of(DiagnosisConfig, composed("task=diagnosis", *overrides))
    assert isinstance(config, DiagnosisConfig)
    return config


@pytest.mark.parametrize("data", DATA_SETS)
def test_every_data_set_composes_and_sets_its_size(data: str) -> None:
    config = composed("task=diagnosis", f"data=diagnosis/{data}")
    settings = Settings.model_validate({key: config[key] for key in Settings.model_fields})
    assert settings.trainer.max_steps == config["data"]["preset"]["max_steps"]
    assert config_of(DiagnosisConfig, config).effective(MAX_STEPS)["data"]["name"] == f"diagnosis/{data}"


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_the_defaults_of_each_strategy_are_the_documented_values(loss: str) -> None:
    assert diagnosis_config(f"loss=diagnosis/{loss}").loss.model_dump() == LOSSES[loss]


def test_auto_holds_the_same_values_of_each_strategy() -> None:
    assert diagnosis_config("loss=diagnosis/auto").loss.model_dump() == AUTO


def test_the_documented_grid_has_each_trial_once() -> None:
    trials = composed("sweep=diagnosis_strategies")["study"]["trials"]
    assert trials.keys() == DOCUMENTED.keys()
    found = [diagnosis_config(*overrides).loss.model_dump() for overrides in trials.values()]
    for config, (loss, alpha, gamma) in zip(found, DOCUMENTED.values(), strict=True):
        assert config == LOSSES[loss] | {"alpha": alpha, "gamma": gamma}
    found.append(diagnosis_config().loss.model_dump())
    assert len({str(sorted(config.items())) for config in found}) == len(found)


def test_the_grid_of_the_plain_question_varies_gamma_and_alpha_only() -> None:
    """The baseline is cross-entropy: gamma 0, all classes alike."""
    study = composed("sweep=diagnosis_focal")["study"]
    assert study["baseline"] == ["loss=diagnosis/dual_focal", "loss.gamma=0.0", "loss.alpha=0.5"]
    found = {
        name: diagnosis_config(*overrides).loss.model_dump()
        for name, overrides in (study["trials"] | {"baseline": study["baseline"]}).items()
    }
    assert {name: (loss.pop("gamma"), loss.pop("alpha")) for name, loss in found.items()} == {
        "baseline": (0.0, 0.5),
        "gamma-1": (1.0, 0.5),
        "gamma-2": (2.0, 0.5),
        "gamma-3": (3.0, 0.5),
        "alpha-auto": (0.0, "auto"),
        "gamma-2-alpha-auto": (2.0, "auto"),
        "gamma-2.5-alpha-0.2": (2.5, 0.2),
    }
    assert all(loss == found["baseline"] for loss in found.values())
    assert found["baseline"]["name"] == "diagnosis/dual_focal"


def test_nothing_swept_means_the_documented_grid_against_dual_focal() -> None:
    config = composed("task=diagnosis")
    assert config["task"]["default_sweep"] == "diagnosis_strategies"
    assert config["task"]["baseline"] == ["loss=diagnosis/dual_focal"]


def test_siblings_may_differ_in_all_weights_alpha_and_gamma() -> None:
    not_numbers = {"name", "divergence"}
    for name, values in LOSSES.items():
        expected = {f"loss.{key}" for key in values.keys() - not_numbers}
        assert stackable_values(tiny_config(name)).keys() == expected


def test_the_cap_means_nothing_for_a_bounded_divergence() -> None:
    one, other = (tiny_config("adversarial", kl_cap=cap).effective(MAX_STEPS) for cap in (1.0, 2.0))
    assert one == other
    one, other = (
        tiny_config("adversarial", divergence="kl", kl_cap=cap).effective(MAX_STEPS) for cap in (1.0, 2.0)
    )
    assert one != other


def test_what_the_user_needs_counts_for_auto_only() -> None:
    for loss, is_the_same in (("dual_focal", True), ("auto", False)):
        one, other = (
            tiny_config(loss, data={"has_noise": noise}).effective(MAX_STEPS) for noise in (True, False)
        )
        assert (one == other) == is_the_same


@pytest.mark.parametrize(
    ("loss", "changes", "problem"),
    [
        ("dual_focal", {"gamma": -1.0}, "greater than or equal to 0"),
        ("dual_focal", {"main_weight": 0.0}, "greater than 0"),
        ("dual_focal", {"alpha": 1.5}, "less than or equal to 1"),
        ("dual_focal", {"alpha": [1.0]}, "at least 2 items"),
        ("dual_focal", {"smoothing": 0.1}, "Extra inputs"),
        ("focal_smooth", {"divergence": "l2"}, "'js' or 'kl'"),
        ("confidence_aware", {"aux_confidence_weight": 0.6}, r"got 0.6 above loss.aux_weight \(0.5\)"),
    ],
)
def test_values_out_of_range_are_refused(loss: str, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        tiny_config(loss, **changes)


def test_the_label_cannot_be_dropped() -> None:
    with pytest.raises(ValidationError, match=r"data.drop: got 'sick', the column of data.label; expected"):
        diagnosis_config("data=diagnosis/csv", "data.label=sick", "data.drop=[id,sick]")


def test_the_start_up_line_says_what_is_trained() -> None:
    told = "loss: dual_focal (alpha 0.2, gamma 2.5, main_weight 0.7, aux_weight 0.3)"
    assert tiny_config().describe() == told
    assert tiny_config("auto").describe() == "loss: auto (chosen by the data)"
