"""Configuration of sentiment: what siblings share, what a fingerprint sees, that every option composes."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pydantic import TypeAdapter, ValidationError

from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.errors import UserError
from sweeper.models import stackable_values
from sweeper.schema import Settings
from sweeper.task.base import config_of
from sweeper_tasks.sentiment.config import SentimentConfig
from sweeper_tasks.sentiment.data_config import AbsaCsv, SyntheticReviews
from tests.sweeper.small_esmm import read_line
from tests.tasks.sentiment.test_sources import CSV
from tests.tasks.sentiment.tiny import DATA, tiny_config

CONF = Path(__file__).parents[3] / "conf"
MAX_STEPS = 50
OPTIONS = {
    group: sorted(file.stem for file in (CONF / group / "sentiment").glob("*.yaml"))
    for group in ("data", "model", "loss")
}
DOCUMENTED: dict[str, tuple[float, Any]] = {
    "gamma-2-alpha-auto": (2.0, "auto"),
    "gamma-2-alpha-list": (2.0, (0.8, 1.0, 2.5)),
    "gamma-2-alpha-null": (2.0, None),
    "gamma-1-alpha-auto": (1.0, "auto"),
    "gamma-3-alpha-auto": (3.0, "auto"),
}


@cache
def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        config = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): section for key, section in config.items()}


def sentiment_config(*overrides: str) -> SentimentConfig:
    config = config_of(SentimentConfig, composed("task=sentiment", *overrides))
    assert isinstance(config, SentimentConfig)
    return config


@pytest.mark.parametrize(
    ("group", "option"), [(group, option) for group, names in OPTIONS.items() for option in names]
)
def test_every_option_composes_and_validates(group: str, option: str) -> None:
    config = composed("task=sentiment", f"{group}=sentiment/{option}")
    settings = Settings.model_validate({key: config[key] for key in Settings.model_fields})
    assert settings.optimizer.lr == config["model"]["preset"]["lr"]
    assert settings.trainer.max_steps == config["data"]["preset"]["max_steps"]
    found = config_of(SentimentConfig, config).effective(MAX_STEPS)
    assert found[group]["name"] == f"sentiment/{option}"


def test_there_are_the_options_of_the_documents() -> None:
    assert OPTIONS == {
        "data": ["absa_csv", "semeval_xml", "synthetic_reviews", "visfd"],
        "model": ["pretrained", "textcnn", "transformer_small"],
        "loss": ["ce", "multilabel_focal"],
    }


def test_the_documented_grid_states_the_documented_values() -> None:
    trials = composed("sweep=sentiment_alpha")["study"]["trials"]
    found = {name: sentiment_config(*overrides).loss.model_dump() for name, overrides in trials.items()}
    assert {name: (loss["focal_gamma"], loss["focal_alpha"]) for name, loss in found.items()} == DOCUMENTED
    assert {loss["name"] for loss in found.values()} == {"sentiment/multilabel_focal"}
    assert all(len(overrides) == 3 for overrides in trials.values())  # each states all its values


def test_nothing_swept_means_the_documented_grid_against_ce() -> None:
    config = composed("task=sentiment")
    assert config["task"]["default_sweep"] == "sentiment_alpha"
    assert config["task"]["baseline"] == ["loss=sentiment/ce"]


def test_the_reviews_of_the_grammar_have_the_documented_shares() -> None:
    assert composed("task=sentiment")["data"]["shares"] == [0.57, 0.29, 0.14]


def test_siblings_may_differ_in_gamma_and_alpha() -> None:
    assert stackable_values(tiny_config()).keys() == set()
    focal = stackable_values(tiny_config("multilabel_focal"))
    assert focal == {"loss.focal_gamma": 2.0, "loss.focal_alpha": "auto"}


def test_a_tokenizer_is_trained_only_for_networks_that_bring_none() -> None:
    sizes = ({"vocabulary_size": 100}, {"vocabulary_size": 200})
    own, other = (tiny_config(model="pretrained", data=size).effective(MAX_STEPS) for size in sizes)
    assert own == other
    trained, larger = (tiny_config(data=size).effective(MAX_STEPS) for size in sizes)
    assert trained != larger


def test_presets_are_in_no_fingerprint() -> None:
    preset = DATA["preset"] | {"max_steps": 999}
    assert tiny_config(data={"preset": preset}).effective(MAX_STEPS) == tiny_config().effective(MAX_STEPS)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"focal_gamma": -1.0}, "greater than or equal to 0"),
        (
            {"focal_alpha": [0.8, 1.0]},
            r"got \[0.8, 1.0\]; expected 3 numbers >= 0.*positive, negative, neutral",
        ),
        ({"focal_alpha": [1.0, 1.0, 1.0], "absent": "class"}, "expected 4 numbers .* neutral, not named"),
        ({"focal_alpha": [0.0, 0.0, 0.0]}, "not all 0"),
        ({"focal_alpha": [1.0, -1.0, 2.0]}, r"got \[1.0, -1.0, 2.0\]; expected 3 numbers >= 0"),
        ({"focal_alpha": "automatic"}, "auto"),
        ({"absent": "ignored"}, "masked"),
    ],
)
def test_values_of_the_loss_out_of_range_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        tiny_config("multilabel_focal", **changes)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("loss.focal_alpha=[1,1,1],[1,1]",), r"\[1.0, 1.0\]; expected 3 numbers .*'loss.focal_alpha=\["),
        (
            ("loss.focal_alpha=choice([1,1,1])", "loss.absent=masked,class"),
            "expected 4 numbers .*absent=class",
        ),
        (("study.trials={a:['loss.focal_alpha=[1,2]']}",), r"'loss.focal_alpha=\[1,2\]' of study.trials.a"),
    ],
)
def test_an_alpha_of_the_wrong_length_in_a_later_trial_is_refused_by_its_key(
    overrides: tuple[str, ...], told: str
) -> None:
    """Before anything is prepared, with the place where it was written."""
    with pytest.raises(UserError, match=f"^loss.focal_alpha: got .*{told}[^\n]*$"):
        read_line("task=sentiment", "loss=sentiment/multilabel_focal", *overrides, multirun=True)


def test_what_a_section_refuses_is_told_by_the_key_that_is_to_blame() -> None:
    told = (
        r"^data.shares: got .* of positive, negative and neutral opinions \(from override 'data.shares=.*'\)$"
    )
    with pytest.raises(UserError, match=told):
        read_line("task=sentiment", "data.shares=[0.5,0.5,0.5]", multirun=False)


def test_a_fixed_alpha_that_the_baseline_has_no_place_for_says_how_to_give_it_to_candidates_alone() -> None:
    fixed = ("task=sentiment", "loss=sentiment/multilabel_focal", "loss.focal_gamma=1,2")
    told = r"^baseline: loss.focal_alpha: no such .*sweep one value: loss.focal_alpha=choice\(...\).$"
    with pytest.raises(UserError, match=told):
        read_line(*fixed, "loss.focal_alpha=[1,1,2]", multirun=True)
    assert read_line(*fixed, "loss.focal_alpha=choice([1,1,2])", multirun=True).points is not None


def test_shares_must_be_of_one_whole() -> None:
    with pytest.raises(ValidationError, match=r"data.shares: got \[0.5, 0.3, 0.3\], in sum 1.1; expected"):
        TypeAdapter(SyntheticReviews).validate_python(DATA | {"shares": [0.5, 0.3, 0.3]})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"val_rate": 0.6, "test_rate": 0.5}, "got 0.6 [+] 0.5; expected a sum below 1"),
        ({"words": CSV["words"] | {"neutral": ["0", "POSITIVE"]}}, "got 'positive' twice"),
    ],
)
def test_a_table_that_cannot_be_read_so_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        TypeAdapter(AbsaCsv).validate_python(CSV | {"path": None} | changes)


def test_heads_share_the_width() -> None:
    with pytest.raises(
        ValidationError, match=r"model.heads: got 3 heads for a width of 64; expected a divisor"
    ):
        sentiment_config("model=sentiment/transformer_small", "model.heads=3")


def test_the_start_up_line_says_what_is_trained() -> None:
    assert tiny_config("multilabel_focal", focal_alpha=[0.8, 1.0, 2.5]).describe() == (
        "sentiment: transformer_small; multilabel_focal (gamma 2, alpha 0.8 1 2.5); "
        "aspects not named are masked"
    )
    assert tiny_config(model="textcnn", absent="class").describe() == (
        "sentiment: textcnn; ce; aspects not named are a class of their own"
    )


def test_a_focal_loss_that_is_none_is_noticed() -> None:
    (notice,) = tiny_config("multilabel_focal", focal_gamma=0.0, focal_alpha=None).notices(MAX_STEPS)
    assert notice.startswith("loss.focal_gamma: got 0 without loss.focal_alpha")
    assert tiny_config("multilabel_focal").notices(MAX_STEPS) == []
