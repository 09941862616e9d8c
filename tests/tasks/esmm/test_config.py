"""Configuration of esmm: what is warned of, what a fingerprint sees, and that every option composes."""

import re
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, strategies as st
from omegaconf import OmegaConf
from pydantic import ValidationError

from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.task.base import config_of
from sweeper_tasks.esmm.config import EsmmConfig
from tests.tasks.esmm.tiny import AUX_FOCAL, tiny_config

CONF = Path(__file__).parents[3] / "conf"
MAX_STEPS = 50
UNSTABLE = (
    "unstable start: the focal term acts before the model tells easy from hard examples. "
    "The documented values are 1000 and 2000 of 10000 steps."
)
IDLE = (
    "the focal term never acts: the trial is inactive and equals its baseline. "
    "Use less than 50, or train longer."
)
DOMINANT = "above 0.3 the auxiliary term dominates. The documented values are 0.05, 0.1 and 0.2."
DOCUMENTED = {
    "focal-1": (0.05, 1.0, 2000),
    "focal-2": (0.1, 1.0, 2000),
    "focal-3": (0.2, 1.0, 2000),
    "focal-4": (0.1, 2.0, 2000),
    "focal-5": (0.1, 1.0, 1000),
    "focal-6": (0.2, 2.0, 1000),
}


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): section for key, section in config.items()}


def with_aux(**aux: Any) -> EsmmConfig:
    return tiny_config(aux_focal=aux)


BASELINE = with_aux(enabled=False).effective(MAX_STEPS)


@pytest.mark.parametrize(
    "config",
    [
        tiny_config(absent=True),
        with_aux(enabled=False, gamma=2.0, warmup_steps=0),
        with_aux(warmup_steps=MAX_STEPS),
        with_aux(warmup_steps=MAX_STEPS + 1, gamma=3.0),
        with_aux(**{"lambda": 0.0}),
    ],
    ids=["absent", "disabled", "warm-up to the end", "warm-up beyond the end", "lambda 0"],
)
def test_a_focal_term_that_never_acts_leaves_no_trace_in_the_fingerprint(config: EsmmConfig) -> None:
    assert config.effective(MAX_STEPS) == BASELINE
    assert BASELINE["aux_focal"] is None


@pytest.mark.parametrize(
    "aux", [{"lambda": 0.2}, {"gamma": 2.0}, {"warmup_steps": 49}, {"detach_p_for_weight": False}]
)
def test_what_changes_training_changes_the_fingerprint(aux: dict[str, Any]) -> None:
    assert with_aux(**aux).effective(MAX_STEPS) not in (with_aux().effective(MAX_STEPS), BASELINE)


def test_logging_and_an_unused_alpha_are_not_in_the_fingerprint() -> None:
    assert with_aux(log_components=False, alpha=0.9).effective(MAX_STEPS) == with_aux().effective(MAX_STEPS)
    used = [with_aux(use_alpha=True, alpha=alpha).effective(MAX_STEPS) for alpha in (0.25, 0.9)]
    assert used[0] != used[1]


@pytest.mark.parametrize(
    ("aux", "expected"),
    [
        ({}, {"alpha"}),
        ({"use_alpha": True}, set()),
        ({"enabled": False}, set(AUX_FOCAL) - {"enabled"}),
        ({"warmup_steps": MAX_STEPS}, set(AUX_FOCAL) - {"enabled", "warmup_steps"}),
        ({"lambda": 0.0}, set(AUX_FOCAL) - {"enabled", "lambda"}),
    ],
)
def test_inactive_keys_are_named_and_those_that_make_them_so_are_not(
    aux: dict[str, Any], expected: set[str]
) -> None:
    assert with_aux(**aux).inactive(MAX_STEPS) == {f"aux_focal.{key}" for key in expected}


@pytest.mark.parametrize(
    ("aux", "expected"),
    [
        ({}, []),
        ({"warmup_steps": 0}, [f"aux_focal.warmup_steps: got 0; {UNSTABLE}"]),
        ({"warmup_steps": 49}, []),
        ({"warmup_steps": 50}, [f"aux_focal.warmup_steps: got 50 of 50 steps; {IDLE}"]),
        ({"lambda": 0.3}, []),
        ({"lambda": 0.31}, [f"aux_focal.lambda: got 0.31; {DOMINANT}"]),
        (
            {"lambda": 0.5, "warmup_steps": 0},
            [f"aux_focal.warmup_steps: got 0; {UNSTABLE}", f"aux_focal.lambda: got 0.5; {DOMINANT}"],
        ),
        ({"enabled": False, "lambda": 0.5, "warmup_steps": 0}, []),
    ],
)
def test_values_that_are_likely_not_meant_are_warned_of(aux: dict[str, Any], expected: list[str]) -> None:
    assert list(with_aux(**aux).notices(MAX_STEPS)) == expected


def test_a_run_says_at_its_start_what_is_on() -> None:
    assert tiny_config(absent=True).describe() == with_aux(enabled=False).describe() == "aux_focal: off"
    assert with_aux(use_alpha=True).describe() == (
        "aux_focal: on; loss_ctcvr + 0.1 x focal from step 10 "
        "(gamma 1, alpha 0.25, detached weight, computed in float32)"
    )


def test_lines_left_out_are_announced() -> None:
    told = tiny_config().announce({"skipped": {"a.csv: a label is 0 or 1": 3}})
    assert told == ["left out 3 lines (data.skip_bad): a.csv: a label is 0 or 1"]
    assert tiny_config().announce({}) == []


def test_a_nan_advises_float32_for_the_focal_term_unless_it_is_off() -> None:
    assert with_aux(compute_fp32=False).nan_advice() == "Try aux_focal.compute_fp32=true."
    assert with_aux().nan_advice().startswith("aux_focal.compute_fp32=true is set already. Try")
    assert "aux_focal" not in with_aux(enabled=False).nan_advice()


@pytest.mark.parametrize(
    ("aux", "message"),
    [
        ({"target_head": "ctr"}, "got 'ctr'; expected 'ctcvr'. Only ctcvr is supported"),
        ({"lambda": -0.1}, "aux_focal.lambda\n.*greater than or equal to 0"),
        ({"lambda": float("nan")}, "aux_focal.lambda\n.*finite"),
        ({"lamda": 0.1}, "aux_focal.lamda\n.*not permitted"),
        ({"warmup_steps": 10.5}, "aux_focal.warmup_steps\n.*integer"),
        ({"alpha": 1.5}, "aux_focal.alpha\n.*less than or equal to 1"),
        ({"enabled": "yes"}, "aux_focal.enabled\n.*boolean"),
    ],
)
def test_a_wrong_value_is_refused(aux: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        with_aux(**aux)


@given(st.floats(max_value=0))
def test_a_static_pos_weight_is_positive_or_auto(weight: float) -> None:
    with pytest.raises(ValidationError, match=r"static_pos_weight\.ctr"):
        tiny_config(static_pos_weight={"ctr": weight, "ctcvr": "auto"})


def test_the_default_configuration_is_the_documented_one() -> None:
    config = composed()
    assert config["aux_focal"] == {**AUX_FOCAL, "warmup_steps": config["data"]["preset"]["warmup_steps"]}
    assert config["task"]["metric"] == "ctcvr_auc"
    assert config["task"]["baseline"] == ["aux_focal.enabled=false"]
    assert config["loss"] == {
        "name": "esmm/bce",
        "w_ctr": 1.0,
        "w_ctcvr": 1.0,
        "w_cvr_aux": 0.0,
        "static_pos_weight": {"ctr": "auto", "ctcvr": "auto"},
    }


OPTIONS = [
    f"{group}={path.relative_to(CONF / group).with_suffix('')}"
    for group in ("model", "loss", "data")
    for path in sorted((CONF / group / "esmm").glob("*.yaml"))
] + ["aux_focal=ctcvr", "aux_focal=disabled"]


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_into_a_valid_configuration(option: str) -> None:
    config = config_of(EsmmConfig, composed(option))
    assert isinstance(config, EsmmConfig)
    assert config.notices(config.data.preset.max_steps) == []


def test_disabled_is_the_default_but_for_one_key() -> None:
    on, off = (composed(f"aux_focal={name}")["aux_focal"] for name in ("ctcvr", "disabled"))
    assert off == {**on, "enabled": False}


def test_ali_ccp_brings_its_documented_weights_and_the_command_line_still_wins() -> None:
    weights = {"ctr": 24.7, "ctcvr": 4800}
    assert composed("data=esmm/ali_ccp")["loss"]["static_pos_weight"] == weights
    assert composed("data=esmm/ali_ccp", "loss=esmm/bce")["loss"]["static_pos_weight"]["ctr"] == "auto"


def test_the_documented_weights_of_ali_ccp_are_an_option() -> None:
    assert composed("loss=esmm/ali_ccp")["loss"]["static_pos_weight"] == {"ctr": 24.7, "ctcvr": 4800}


def test_the_documented_grid_is_six_named_trials_whatever_the_data_and_the_defaults() -> None:
    """With a preset of 10000 steps each name means its documented values, though all defaults changed."""
    changed = ["aux_focal.lambda=0.7", "aux_focal.gamma=5", "aux_focal.warmup_steps=3"]
    preset = ["++data.preset.warmup_steps=2000", "++data.preset.warmup_steps_short=1000"]
    trials = composed("sweep=esmm_aux_focal", *preset)["study"]["trials"]
    got = {name: composed(*changed, *preset, *overrides)["aux_focal"] for name, overrides in trials.items()}
    assert {
        name: (aux["lambda"], aux["gamma"], aux["warmup_steps"]) for name, aux in got.items()
    } == DOCUMENTED


def test_every_key_of_the_section_has_a_comment_and_the_swept_ones_their_documented_values() -> None:
    lines = dict(re.findall(r"^(\w+):(.*)", (CONF / "aux_focal/ctcvr.yaml").read_text(), re.MULTILINE))
    assert set(lines) == set(AUX_FOCAL)
    assert all(" # " in line for line in lines.values())
    assert "documented: 0.05, 0.1, 0.2" in lines["lambda"]
    assert "documented: 1, 2" in lines["gamma"]
    assert "documented: 1000, 2000" in lines["warmup_steps"]
