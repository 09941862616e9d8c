import copy
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from sweeper.config.compose import Composer
from sweeper.config.config_source import ConfigSource
from sweeper.errors import UserError
from sweeper.search import overrides_parser
from tests.sweeper.toy_app import TOY, source, toy_composer
from tests.sweeper.toy_task import ToyConfig

GROUPS = ["model=toy/wide", "data=toy/large", "optimizer=sgd", "data=toy/small", "~sweep"]
VALUES = [
    "loss.weight=0.25",
    "loss.words=[x,'y z']",
    "loss.words=[]",
    "++loss.table.a={b:1}",
    "+loss.table.c=3",
    "loss.table={}",
    "~loss.label",
    "data.preset.max_steps=7",
    "trainer.max_steps=${data.preset.batch_size}",
    "optimizer={lr:0.5}",
    "optimizer.lr=3",
    "loss.label='${loss.kind}'",
]


@given(
    st.lists(st.sampled_from(GROUPS), unique=True, max_size=3),
    st.lists(st.sampled_from(VALUES), unique=True, max_size=4),
    st.lists(st.sampled_from(VALUES), unique=True, max_size=2),
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_fast_path_gives_what_hydra_gives(groups: list[str], own: list[str], fixed: list[str]) -> None:
    """Also where Hydra refuses, with its reason and the override: deleting twice, adding what is there.

    It stops at the first; ours name all.
    """
    composer = toy_composer(*fixed)
    overrides = [*own[:1], *groups, *own[1:]]
    try:
        expected = composer.recompose(overrides)
    except Exception as error:  # of several kinds, by what Hydra trips over
        reason = re.escape(str(error).strip().split("\n")[0].rstrip("."))
        culprit = "|".join(map(re.escape, (*fixed, *overrides)))
        told = rf"{reason} \(from override '({culprit})'\)"
        if "Could\\ not\\ override" in reason:  # a key that is not there: ours say so, with the nearest
            told = rf"no such parameter \(from override '({culprit})'\); did you mean '[\w.]+'\?"
        with pytest.raises(UserError, match=rf"(?m)^[\w.]+: {told}$"):
            composer.compose(overrides)
    else:
        assert composer.compose(overrides) == expected


PLAIN = [
    "loss.weight=0.25",
    "loss.weight=0.5",
    "loss.weight=7",
    "loss.weight=8",
    "loss.weight=true",
    "loss.weight=nan",
    "loss.words=[x,'y z']",
    "loss.kind=other",
    "data.preset.max_steps=7",
    "data.preset.max_steps=8",
    "trainer.max_steps=9",
    "trainer.max_steps=${data.preset.batch_size}",
    "optimizer.lr=3",
    "optimizer.lr=4",
    "loss.label='${loss.kind}'",
    "loss.label='~/x'",
    "model=toy/wide",
]


@given(st.lists(st.lists(st.sampled_from(PLAIN), unique=True, max_size=4), min_size=2, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_point_after_point_has_its_own_values_and_none_of_those_before(points: list[list[str]]) -> None:
    """As text, in which 1, 1.0 and true are three values and nan is one."""
    composer = toy_composer()
    for overrides in points:
        assert repr(composer.compose(overrides)) == repr(composer.recompose(overrides))


def test_the_second_number_at_a_key_is_set_without_a_change_of_the_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A number that others refer to is set in the tree each time."""
    composer = toy_composer()
    composer.compose(["loss.weight=0.25", "optimizer.lr=3"])
    composer.compose(["data.preset.max_steps=7"])
    monkeypatch.setattr(composer.source, "apply", None)  # would fail if it were called
    found = composer.compose(["loss.weight=0.5", "optimizer.lr=4"])
    assert (found["loss"]["weight"], found["optimizer"]["lr"]) == (0.5, 4)
    with pytest.raises(TypeError, match="not callable"):
        composer.compose(["data.preset.max_steps=8"])


def test_a_grid_touches_the_tree_once_for_each_axis_however_many_points_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    composer, applied = toy_composer(), []
    apply = ConfigSource.apply

    def counting(self: ConfigSource, tree: Any, override: Any, source: str) -> Any:
        applied.append(override.key_or_group)
        return apply(self, tree, override, source)

    composer.compose()
    monkeypatch.setattr(ConfigSource, "apply", counting)
    for n in range(200):
        composer.compose([f"loss.weight={n / 1000}5", f"optimizer.lr={n + 1}e-4"])
    assert applied == ["loss.weight", "optimizer.lr"]


def test_what_two_points_share_is_validated_once_and_what_differs_each_time() -> None:
    composer = toy_composer()
    points = [["loss.weight=0.25"], ["loss.weight=0.5"], ["optimizer.lr=0.5"], ["optimizer.lr=0.25"]]
    configs = [composer.compose(overrides) for overrides in points]
    first, second, third, fourth = (composer.validate(config)[0] for config in configs)
    assert first is second
    assert (third.optimizer.lr, fourth.optimizer.lr) == (0.5, 0.25)


def test_a_task_whose_validators_change_what_they_are_given_does_not_change_the_next_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def emptying(config: dict[str, Any]) -> ToyConfig:
        found = model_validate(config)
        for section in config.values():
            section.clear()
        return found

    model_validate = ToyConfig.model_validate
    composer = toy_composer()
    expected = composer.compose(["loss.weight=0.5"])
    with monkeypatch.context() as patched:
        patched.setattr(ToyConfig, "model_validate", emptying)
        composer.validate(composer.compose(["loss.weight=0.25"]))
    assert composer.compose(["loss.weight=0.5"]) == expected != {}


@pytest.mark.parametrize("wrong", ["optimizer.lr=true", "optimizer.lr=-1", "seed=1.0", "study.n_seeds=true"])
def test_a_value_that_a_section_does_not_take_is_refused_after_one_that_it_takes(wrong: str) -> None:
    """1 and true and 1.0 are equal, and are not the same to a model."""
    composer = toy_composer()
    key = wrong.partition("=")[0]
    composer.validate(composer.compose([f"{key}=1"]))
    with pytest.raises(UserError, match=f"^{key}"):
        composer.validate(composer.compose([wrong]), [wrong])


@pytest.mark.parametrize(
    "reference",
    [
        "loss.label='${loss.kind} of ${data.preset.batch_size}'",
        "loss.words=['x ${loss.kind}','${loss.label}']",
        "loss.label='${oc.select:loss.kind}'",
        "loss.label='\\\\${loss.kind}'",
        "loss.label='${.kind}'",
    ],
)
def test_what_refers_to_a_value_follows_it(reference: str) -> None:
    composer = toy_composer(reference)
    for overrides in (["loss.kind=other"], ["loss.weight=3", "data.preset.max_steps=7"], ["loss.label=z"]):
        assert composer.compose(overrides) == composer.recompose(overrides)


NUMBERS = [
    "007",
    "1_000",
    "1.",
    ".5",
    "+3",
    "-0",
    "-0.0",
    "1e5",
    "1E-05",
    "2e+3",
    "nan",
    "-inf",
    "1e400",
]


@given(st.one_of(st.sampled_from(NUMBERS), st.integers().map(str), st.floats().map(repr)))
def test_a_number_is_read_as_hydra_reads_it(text: str) -> None:
    """Also after another one at its key, when the grammar is not asked again."""
    line = f"loss.weight={text}"
    source().parse("loss.weight=0.5")
    (expected,) = overrides_parser(None).parse_overrides([line])
    found = source().parse(line)
    assert (repr(found.value()), found.input_line) == (repr(expected.value()), expected.input_line)
    assert (found.type, found.value_type) == (expected.type, expected.value_type)
    assert (found.key_or_group, found.package) == (expected.key_or_group, expected.package)


@pytest.mark.parametrize("value", PLAIN)
def test_plain_values_are_read_without_a_copy_of_the_tree(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    composer = toy_composer()
    composer.compose()
    composer.compose([value])
    monkeypatch.setattr(composer, "_tree_at", None)  # would fail if it were called
    assert composer.compose([value, "loss.weight=3"])["loss"]["weight"] == 3
    assert composer.compose()["loss"]["weight"] != 3


def test_composing_changes_nothing_that_is_kept() -> None:
    composer = toy_composer()
    before = copy.deepcopy(composer.compose())
    composer.compose(["loss.weight=9", "++loss.table.new=1", "~loss.kind"])
    composer.compose(["model=toy/wide", "model.depth=9"])
    assert composer.compose() == before


def test_value_overrides_do_not_load_the_configuration_again(monkeypatch: pytest.MonkeyPatch) -> None:
    composer = toy_composer()
    composer.compose()
    monkeypatch.setattr(composer.source, "load", None)  # would fail if it were called
    assert composer.compose(["loss.weight=3"])["loss"]["weight"] == 3


def test_a_group_override_after_a_value_override_does_not_undo_it() -> None:
    composed = toy_composer().compose(["model.width=77", "model=toy/wide"])
    assert composed["model"] == {"name": "toy/wide", "width": 77, "depth": 2}


def test_presets_of_the_data_reach_the_trainer_and_the_command_line_wins() -> None:
    composer = toy_composer()
    small, large = composer.compose(), composer.compose(["data=toy/large"])
    assert (small["trainer"]["max_steps"], large["trainer"]["max_steps"]) == (100, 1000)
    changed = composer.compose(["data=toy/large", "data.preset.max_steps=5", "trainer.batch_size=3"])
    assert (changed["trainer"]["max_steps"], changed["trainer"]["batch_size"]) == (5, 3)


def test_both_halves_are_typed() -> None:
    composer = toy_composer("optimizer=sgd")
    settings_, task = composer.validate(composer.compose())
    assert settings_.optimizer.name == "sgd"
    assert isinstance(task, ToyConfig)
    assert task.loss.words == ("a", "b")


def test_the_built_in_task_composes_with_every_part_exchanged() -> None:
    composer = Composer(source(), TOY[:1])
    for overrides in ([], ["aux_focal=disabled"], ["~aux_focal"], ["data=esmm/csv"], ["model=esmm/esmm"]):
        composer.validate(composer.compose(overrides), overrides)
    assert "aux_focal" not in composer.compose(["~aux_focal"])


def test_a_preset_reaches_the_auxiliary_loss() -> None:
    composer = Composer(source(), TOY[:1])
    for data in ("esmm/synthetic", "esmm/hillstrom"):
        composed = composer.compose([f"data={data}"])
        assert composed["aux_focal"]["warmup_steps"] == composed["data"]["preset"]["warmup_steps"]
    changed = composer.compose(["data=esmm/hillstrom", "data.preset.warmup_steps=7"])
    assert changed["aux_focal"]["warmup_steps"] == 7


def test_every_option_of_every_flat_group_is_valid() -> None:
    needs = {
        "sampler=custom": ["sampler.options._target_=optuna.samplers.TPESampler"],
        "pruner=threshold": ["pruner.lower=0.5"],
    }
    composer = toy_composer()
    for group in ("optimizer", "trainer", "sampler", "pruner", "executor", "tracking"):
        for option in composer.source.options(group):
            overrides = [f"{group}={option}", *needs.get(f"{group}={option}", [])]
            composer.validate(composer.compose(overrides), overrides)


def test_a_home_is_put_in_whatever_key_has_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it comes by way of another key."""
    monkeypatch.setenv("HOME", "/home/me")
    config = toy_composer("study.results_dir='~/results'").compose()
    assert config["study"]["results_dir"] == "/home/me/results"
    assert config["study"]["storage"] == "sqlite:////home/me/results/studies.db"
