"""What makes two studies, and two runs, the same."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper.errors import UserError
from sweeper.results import Objective
from sweeper.study.objectives import objectives_of
from sweeper.study.proposals import drafts_of, policy_of
from sweeper.study.specs import TaskSpecs, differences, in_blocks, in_short, notices_of
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.small_esmm import small_sweep


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def name(results: Path, *overrides: str) -> str:
    return TaskSpecs(small_sweep(results, *overrides)).study_name()


def drafts(results: Path, *overrides: str) -> list[TrialSpec]:
    sweep = small_sweep(results, *overrides)
    return drafts_of(sweep, TaskSpecs(sweep))


def test_more_choices_seeds_trials_and_another_place_find_the_same_study(results: Path) -> None:
    known = name(results, "aux_focal.lambda=0.05,0.1")
    assert known.startswith("esmm-")
    assert name(results, "aux_focal.lambda=0.05,0.1,0.2") == known
    assert name(results, "aux_focal.lambda=0.05,0.1", "study.n_seeds=7") == known
    assert name(results, "aux_focal.lambda=0.05,0.1", "tracking=mlflow", "executor.n_threads=2") == known
    assert name(results, "aux_focal.lambda=0.05,0.1", f"data.cache_dir={results}/elsewhere") == known


def test_data_are_prepared_where_they_are_configured_to_be(tmp_path: Path) -> None:
    sweep = small_sweep(
        tmp_path / "results", "aux_focal.lambda=0.1,0.2", f"data.cache_dir={tmp_path}/elsewhere"
    )
    prepared = TaskSpecs(sweep).prepare(sweep.settings, sweep.task_config)
    assert prepared.folder.parent == tmp_path / "elsewhere"
    assert not (tmp_path / "results" / "cache").exists()


def test_a_folder_for_data_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sweep = small_sweep(tmp_path, "aux_focal.lambda=0.1,0.2", f"data.cache_dir={tmp_path}/file/cache")
    with pytest.raises(
        UserError, match=r"^data.cache_dir: got '.*/file/cache', which cannot be written .*Choose"
    ):
        TaskSpecs(sweep).prepare(sweep.settings, sweep.task_config)


@pytest.mark.parametrize(
    ("error", "is_of_the_data"),
    [
        (KeyError("label"), True),
        (FileNotFoundError(errno.ENOENT, "No such file", "clicks.csv"), True),
        (PermissionError(errno.EACCES, "Permission denied"), True),
        (OSError(errno.ENOSPC, "No space left", "clicks.csv"), False),
        (OSError("57408 requested and 51168 written"), False),  # numpy.save on a full disk
        (PermissionError(errno.EACCES, "Permission denied", "CACHE/x.npy"), False),
    ],
)
def test_whatever_preparing_raises_is_a_fault_of_the_data_unless_the_place_gave_out(
    results: Path, error: Exception, is_of_the_data: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = small_sweep(results, "aux_focal.lambda=0.1,0.2")
    if isinstance(error, OSError) and error.filename:
        error.filename = error.filename.replace("CACHE", str(results / "cache"))

    def prepare(_: object, __: Path) -> None:
        raise error

    entry = SimpleNamespace(prepare_function=lambda: prepare)
    monkeypatch.setattr("sweeper.study.specs.task_entry", lambda _: entry)
    expected = UserError if is_of_the_data else type(error)
    with pytest.raises(expected, match="preparing them has raised" if is_of_the_data else None):
        TaskSpecs(sweep).prepare(sweep.settings, sweep.task_config)


@pytest.mark.parametrize(
    "other",
    [
        ("aux_focal.gamma=1,2",),
        ("aux_focal.lambda=0.1,0.2", "optimizer.lr=0.1"),
        ("aux_focal.lambda=0.1,0.2", "data.generator_seed=7"),
        ("aux_focal.lambda=0.1,0.2", "study.baseline=['aux_focal.gamma=0']"),
        ("aux_focal.lambda=0.1,0.2", "task.metric=ctr_auc"),
        ("sweep=esmm_aux_focal",),
    ],
)
def test_another_key_value_data_baseline_or_metric_is_another_study(
    results: Path, other: tuple[str, ...]
) -> None:
    assert name(results, *other) != name(results, "aux_focal.lambda=0.1,0.2")


def test_what_means_nothing_leaves_the_fingerprint_alone(results: Path) -> None:
    baseline, one, two = drafts(results, "aux_focal.enabled=false", "aux_focal.gamma=1,2")
    assert baseline.fingerprint == one.fingerprint == two.fingerprint
    assert "inactive" in notices_of([one, two])[0]


def test_a_value_that_acts_makes_another_fingerprint(results: Path) -> None:
    assert len({draft.fingerprint for draft in drafts(results, "aux_focal.gamma=1,2")}) == 3


def test_epochs_and_the_same_number_of_steps_are_one_configuration(results: Path) -> None:
    """4,000 rows in batches of 1,000 are 4 steps an epoch: 5 epochs are 20 steps."""
    length = ("trainer.batch_size=1000", "aux_focal.gamma=1,2")
    steps = drafts(results, *length, "trainer.max_steps=20")
    epochs = drafts(results, *length, "trainer.max_steps=null", "trainer.epochs=5")
    assert [draft.fingerprint for draft in steps] == [draft.fingerprint for draft in epochs]


def test_trials_on_other_data_than_the_baseline_are_refused(results: Path) -> None:
    with pytest.raises(UserError, match="data: trial 'generator_seed=2' has other data"):
        drafts(results, "data.generator_seed=1,2")


def test_of_more_than_four_trials_the_first_four_are_named() -> None:
    assert in_short(["a", "b", "c", "d"]) == "a, b, c, d"
    assert in_short(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d and 2 more trials"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, ""),
        ({"a": "x y", "b": "x y"}, "x|y"),
        ({"a": "x 1", "b": "x 2", "c": "x 1"}, "x|in a, c:|1|in b:|2"),
        ({"a": "x", "b": "x 2"}, "x|in b:|2"),
        ({"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}, "in a:|1|in b:|2|in c:|3|in d, e: not shown"),
        ({"a": "1 y", "b": "2 y"}, "in a:|1|y|in b:|2|y"),
    ],
)
def test_what_trials_say_alike_at_first_is_said_once(said: dict[str, str], told: str) -> None:
    assert "|".join(in_blocks((name, lines.split()) for name, lines in said.items())) == told


def test_a_notice_is_told_once_with_its_trials() -> None:
    notices = {1: ("one",), 2: ("two", "one"), 3: ()}
    trials = [plain_trial(n).model_copy(update={"notices": said}) for n, said in notices.items()]
    assert notices_of(trials) == ["one (in t1, t2)", "two (in t2)"]


def test_differences_are_told_by_dotted_keys_what_came_and_what_went_too() -> None:
    old = {"same": 1, "b": {"c": [1], "d": None, "same": {"x": 1}}, "gone": 1, "section": {"a": 1}}
    new = {"same": 1, "b": {"c": [2], "d": 0, "same": {"x": 1}}, "new": {"e": 1}, "section": 3}
    assert differences(old, new) == [
        "b.c: [1] -> [2]",
        "b.d: None -> 0",
        "gone: 1 -> None",
        "new: None -> {'e': 1}",
        "section: {'a': 1} -> 3",
    ]
    assert differences(old, old) == []


def test_a_spec_travels_as_json(results: Path) -> None:
    made = drafts(results, "sweep=esmm_aux_focal")
    assert len(made) == 7
    for draft in made:
        assert TrialSpec.model_validate_json(draft.model_dump_json()) == draft


def test_named_trials_scale_their_warmup_with_the_preset(results: Path) -> None:
    sweep = small_sweep(results, "sweep=esmm_aux_focal", "data.preset.warmup_steps_short=3")
    by_name = {draft.name: draft for draft in drafts_of(sweep, TaskSpecs(sweep))}
    assert list(by_name) == ["baseline", *(f"focal-{number}" for number in range(1, 7))]
    assert by_name["focal-5"].params["aux_focal.warmup_steps"] == 3
    assert by_name["focal-6"].params == {
        "aux_focal.lambda": 0.2,
        "aux_focal.gamma": 2.0,
        "aux_focal.warmup_steps": 3,
    }


def test_an_open_number_of_confirmation_seeds_goes_around_those_of_the_screening(results: Path) -> None:
    sweep = small_sweep(results, "aux_focal.gamma=1,2", "seed=1001", "study.max_confirm_seeds=3")
    assert policy_of(sweep).seeds == (1001, 1002, 1003)
    assert policy_of(sweep).confirm_seeds == (1000, 1004, 1005)


def test_confirmation_seeds_must_be_fresh(results: Path) -> None:
    with pytest.raises(UserError, match=r"study\.confirm_seeds: got \[1, 5\], of which \[1\] are screening"):
        policy_of(small_sweep(results, "aux_focal.gamma=1,2", "study.confirm_seeds=[1,5]"))


def test_several_metrics_carry_their_directions(results: Path) -> None:
    sweep = small_sweep(results, "aux_focal.gamma=1,2", "study.metrics=['ctr_auc:max','bce:min']")
    assert objectives_of(sweep) == (Objective("ctr_auc", "maximize"), Objective("bce", "minimize"))
    assert policy_of(sweep).confirm_seeds == ()  # there is no one best to confirm
    with pytest.raises(UserError, match=r"study\.metrics: got 'bce:least'; expected"):
        objectives_of(small_sweep(results, "aux_focal.gamma=1,2", "study.metrics=['bce:least']"))
