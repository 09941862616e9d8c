"""Commands whose alphas do not suit the data: refused before anything is trained."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from sweeper.config.command_line import read_command_line
from sweeper.config.compose import TaskSweep
from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.errors import UserError
from sweeper.study.proposals import drafts_of
from sweeper.study.single import run_solo
from sweeper.study.specs import TaskSpecs
from tests.tasks.diagnosis.test_config import CONF

SMALL = ("task=diagnosis", "data.n_train=2000", "data.n_val=500", "data.n_test=500")


def sweep(results: Path, *words: str, multirun: bool = True) -> TaskSweep:
    lines = [*SMALL, f"study.results_dir={results}", f"data.cache_dir={results}", *words]
    with initialize_config_dir(config_dir=str(CONF), job_name="test", **VERSION_BASE):
        loader = GlobalHydra.instance().config_loader()
        return read_command_line(loader, "config", lines, multirun=multirun)


def refused(results: Path, *words: str) -> list[str]:
    read = sweep(results, *words)
    with pytest.raises(UserError, match="got a list of") as caught:
        drafts_of(read, TaskSpecs(read))
    return str(caught.value).split("\n")


def test_every_trial_whose_alpha_suits_other_classes_is_told_before_the_first_is_trained(
    tmp_path: Path,
) -> None:
    found = refused(tmp_path, "loss.alpha=0.2,[0.1,0.2,0.3],[0.8,0.2],[1,2,3,4]")
    advice = "expected 2 numbers. Give one for each of healthy, ill"
    assert found == [
        f"loss.alpha (in alpha=[0.1,0.2,0.3]): got a list of 3; {advice}",
        f"loss.alpha (in alpha=[1,2,3,4]): got a list of 4; {advice}",
    ]


def test_a_sampler_is_told_of_a_choice_before_it_draws_it(tmp_path: Path) -> None:
    space = ("loss.alpha=0.2,[0.1,0.2,0.3]", "loss.gamma=interval(1,2)", "study.n_trials=3")
    (line,) = refused(tmp_path, *space)
    assert line.startswith("loss.alpha (in alpha=[0.1,0.2,0.3] gamma=1.0): got a list of 3; expected 2")
    read = sweep(tmp_path, "loss.alpha=0.2,auto", *space[1:])
    assert [draft.role for draft in drafts_of(read, TaskSpecs(read))] == ["baseline"]


def test_what_all_trials_share_is_told_once_without_their_names(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, "loss.gamma=1,2", "loss.alpha=[0.1,0.2,0.3]")
    assert line.startswith("loss.alpha: got a list of 3; expected 2 numbers")


def test_one_run_is_refused_too(tmp_path: Path) -> None:
    read = sweep(tmp_path, "loss.alpha=[0.1,0.2,0.3]", multirun=False)
    with pytest.raises(UserError, match=r"loss.alpha: got a list of 3; expected 2 numbers"):
        run_solo(read)


OWN = ("data=diagnosis/csv", "data.path=a.csv", "data.label=x")


def own_table(*words: str) -> TaskSweep:
    lines = ["task=diagnosis", *OWN, *words]
    with initialize_config_dir(config_dir=str(CONF), job_name="test", **VERSION_BASE):
        loader = GlobalHydra.instance().config_loader()
        return read_command_line(loader, "config", lines, multirun=False)


@pytest.mark.parametrize(
    "words",
    [
        ["data.types={dose: category, age: number}"],
        ["data.types={dose: category}", "data.types={age: number}"],
        ["data.types.dose=category", "data.types.age=number"],
    ],
)
def test_types_of_columns_are_given_as_the_documentation_says(words: list[str]) -> None:
    """They were refused: no key may be added to a mapping that is empty in the configuration."""
    assert own_table(*words).at(()).config["data"]["types"] == {"dose": "category", "age": "number"}


def test_what_is_no_mapping_is_told_in_plain_words() -> None:
    with pytest.raises(UserError, match="expected a mapping") as caught:
        own_table("data.types=[dose,age]")
    assert str(caught.value) == (
        "data.types: got [dose,age]; expected a mapping, {name: value} "
        "(from override 'data.types=[dose,age]')"
    )
    with pytest.raises(UserError, match=r"data\.typs: no such parameter .* did you mean 'data\.types'"):
        own_table("data.typs={dose: category}")
