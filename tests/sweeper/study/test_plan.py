"""What is found out before a study is opened, and that nothing is changed by finding it out."""

import os
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.config.compose import Composer
from sweeper.config.validation import validated
from sweeper.errors import Fault, UserError
from sweeper.storage.storage import open_storage
from sweeper.study.interrupts import Interrupt
from sweeper.study.specs import TaskSpecs
from sweeper.study.study import open_session, run_sweep
from sweeper_tasks.esmm.config import EsmmConfig
from tests.sweeper.small_esmm import small_plan, small_sweep

GRID = "aux_focal.lambda=0.05,0.1,0.2"


def test_a_plan_touches_no_database_and_no_folder_of_a_study(tmp_path: Path) -> None:
    planned = small_plan(tmp_path, GRID, "tracking=mlflow")
    assert [draft.role for draft in planned.drafts] == ["baseline", *["candidate"] * 3]
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert not planned.folder.path.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("executor.devices=[99]",), "executor.devices"),
        (("study.name=' '",), "study.name"),
        (("study.confirm_seeds=[0]",), "study.confirm_seeds"),
        (("study.metrics=[acu]",), "study.metrics"),
        (("data.n_train=-1",), "data.n_train"),
        (("executor=inline", "executor.device=cudaa"), "executor.device"),
        (("tracking=mlflow", "tracking.uri=htpp://host:5000"), "tracking.uri"),
        (("tracking=mlflow", "tracking.uri=http:host"), "tracking.uri"),
        (("tracking=mlflow", "tracking.uri=sqlite+nosuch:///x.db"), "tracking.uri"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_opened(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        small_plan(tmp_path, GRID, "study.retry=failed", *words)
    assert not (tmp_path / "studies.db").exists()


def test_each_point_is_composed_and_validated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Baseline and three points; the fixed configuration, which is neither, once more."""
    composed: Counter[tuple[str, ...]] = Counter()
    noted: list[Mapping[str, Any]] = []
    attempt = Composer.attempt

    def counting(self: Composer, overrides: Sequence[str] = ()) -> Any:
        composed[tuple(overrides)] += 1
        return attempt(self, overrides)

    def noting(config: Mapping[str, Any], sources: Any, known: Any = None) -> Any:
        noted.append(config)
        return validated(config, sources, known)

    monkeypatch.setattr(Composer, "attempt", counting)
    monkeypatch.setattr("sweeper.config.compose.validated", noting)
    planned = small_plan(tmp_path, GRID)
    points = [tuple(draft.overrides) for draft in planned.drafts]
    assert composed == Counter([(), *points])
    assert len(noted) == 1 + len(points)


def test_one_point_of_very_many_that_cannot_train_is_told_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is none of those that are looked at first: these are the ends of the range and some at random."""

    def refusing(config: EsmmConfig, facts: Any) -> list[Fault]:
        is_in_between = config.aux_focal is not None and config.aux_focal.lambda_ == 0.5001
        return [Fault("aux_focal.lambda", "got 0.5001; expected another")] if is_in_between else []

    monkeypatch.setattr(EsmmConfig, "faults", refusing)
    with pytest.raises(UserError, match=r"^aux_focal\.lambda \(in lambda=0\.5001\): got 0\.5001"):
        small_plan(tmp_path, "aux_focal.lambda=range(0.4501,0.5601,0.0001)")
    assert not (tmp_path / "studies.db").exists()


def test_a_point_after_others_is_what_it_would_be_alone(tmp_path: Path) -> None:
    """Whichever axis changes from one to the next: what points share is found once, with the same value."""
    swept = (
        "aux_focal.lambda=0.05,0.1",
        "optimizer.lr=0.001,0.002",
        "trainer.max_steps=50,60",
    )
    together = small_plan(tmp_path, *swept)
    paths = {draft.name: together.factory.run_path(draft) for draft in together.drafts}
    candidates = together.drafts[1:]
    assert len(candidates) == 8
    for draft in candidates[::3]:
        alone = small_plan(tmp_path, *(line.replace("=", "=choice(") + ")" for line in draft.overrides))
        (_, only) = alone.drafts
        assert only == draft
        assert alone.factory.run_path(only) == paths[draft.name]


def test_a_suggestion_that_checking_never_saw_is_composed_when_it_comes(tmp_path: Path) -> None:
    planned = small_plan(tmp_path, "optimizer.lr=interval(1e-4,1e-2)", "study.n_trials=3")
    assert [draft.role for draft in planned.drafts] == ["baseline"]
    overrides = ("optimizer.lr=0.00271",)
    spec = planned.factory.spec(1, "lr=0.00271", "candidate", {"optimizer.lr": 0.00271}, overrides)
    assert spec.config["optimizer"]["lr"] == 0.00271  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    "options", ["{n_startup_trials:abc}", "{n_ei_candidates:many}", "{multivariate:true,warn:x,gamma:3}"]
)
def test_options_that_a_sampler_takes_and_cannot_use_are_said_before_it_needs_them(
    tmp_path: Path, options: str
) -> None:
    words = ("optimizer.lr=interval(1e-4,1e-2)", "study.n_trials=3", "sampler=tpe")
    with pytest.raises(UserError, match=r"^sampler\.options"):
        small_plan(tmp_path, *words, f"sampler.options={options}")
    assert not (tmp_path / "studies.db").exists()


FAILED = ("study.name=s", "executor=inline", "study.retry=failed")


@pytest.fixture
def with_failure(tmp_path: Path) -> Path:
    """A study whose baseline has failed on its first seed; nothing was trained for that."""
    planned = small_plan(tmp_path, GRID, *FAILED)
    with (
        open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage,
        open_session(planned, storage, Interrupt()) as session,
    ):
        assert session._table.ask()
        mark = planned.drafts[0].fingerprint
        claim = storage.claim(mark, 0, 0, "w")
        assert claim is not None
        assert storage.settle(claim, "FAILED", {"folder": "trials/0000-baseline/seed0", "reason": "by hand"})
    return tmp_path


def states(results: Path) -> list[str]:
    with closing(sqlite3.connect(results / "studies.db")) as database:
        return [row[0] for row in database.execute("select state from sweeper_runs")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("executor.device=cudaa",), "executor.device"),
        (("tracking=mlflow", "tracking.uri=nosuch://x"), "tracking.uri"),
        (("optimizer.lr=0.5",), "study.name"),
        (("study.metrics=[bce:min]",), "study.metrics"),
        (("study.name=S",), "study.name"),
    ],
)
def test_a_command_that_is_refused_reopens_no_failed_run(
    with_failure: Path, words: tuple[str, ...], message: str
) -> None:
    (with_failure / "s" / "trials" / "0000-baseline" / "seed0").mkdir(parents=True, exist_ok=True)
    (with_failure / "S").symlink_to("s")  # as on a disk that ignores case
    (with_failure / "s" / "summary.json").write_text('{"study": "s"}')
    with pytest.raises(UserError, match=f"^{message}"):
        run_sweep(small_sweep(with_failure, GRID, *FAILED, *words))
    assert states(with_failure) == ["FAILED"]


def dumped(results: Path) -> list[str]:
    with closing(sqlite3.connect(results / "studies.db")) as database:
        return list(database.iterdump())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("optimizer.lr=0.5",), "study.name: got 's', which was begun with another fixed configuration"),
        (("study.baseline=['optimizer.lr=0.5']",), "study.name: got 's', which was begun with another fixed"),
        (("study.metrics=[ctr_auc]",), "study.name: got 's', which was begun with objective"),
        (("study.metrics=[bce:min]",), "study.metrics: got minimize"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would_and_writes_nothing(
    with_failure: Path, words: tuple[str, ...], message: str
) -> None:
    before = dumped(with_failure)
    for dry in ("true", "false"):
        with pytest.raises(UserError, match=rf"^{message}"):
            run_sweep(small_sweep(with_failure, GRID, *FAILED, *words, f"study.dry_run={dry}"))
    assert dumped(with_failure) == before


def test_a_dry_run_of_the_same_command_writes_nothing(with_failure: Path) -> None:
    before = dumped(with_failure)
    assert run_sweep(small_sweep(with_failure, GRID, *FAILED, "study.dry_run=true")) == 0
    assert dumped(with_failure) == before


def test_a_dry_run_of_a_new_study_leaves_nothing_but_prepared_data(tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert run_sweep(small_sweep(results, GRID, "study.name=s", "study.dry_run=true")) == 0
    assert [path.name for path in results.iterdir()] == ["cache"]


def test_a_dry_run_refuses_a_database_that_could_not_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "results")
    with pytest.raises(UserError, match=r"^study\.storage: cannot open .* cannot be written"):
        run_sweep(small_sweep(tmp_path / "results", GRID, "study.name=s", "study.dry_run=true"))


def test_a_results_folder_that_is_closed_now_reopens_no_failed_run(
    with_failure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "s" and really(path, mode))
    (with_failure / "s").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=r"^study\.results_dir: got .* cannot be written"):
        run_sweep(small_sweep(with_failure, GRID, *FAILED))
    assert states(with_failure) == ["FAILED"]


@pytest.mark.parametrize("is_known", [True, False])
def test_earlier_trials_that_cannot_go_on_are_told_before_a_failed_run_is_reopened(
    with_failure: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """Their data are gone, or the code does not know their configuration any more."""
    gone = UserError(Fault("data.path", "there is no such file"))
    refused = EsmmConfig.model_validate_json
    planned = small_plan(with_failure, GRID, *FAILED)
    assert isinstance(planned.factory, TaskSpecs)
    planned.factory._by_fingerprint.clear()  # as if these trials were of another command
    planned.factory._task_configs.clear()

    def no_data(*_: Any) -> Any:
        raise gone

    if is_known:
        own = planned.factory.fixed()
        monkeypatch.setattr(planned.factory, "fixed", lambda: own)
        monkeypatch.setattr(planned.factory, "prepare", no_data)
    else:
        monkeypatch.setattr(EsmmConfig, "model_validate_json", lambda _: refused("{}"))
    with (
        open_storage(f"sqlite:///{with_failure}/studies.db", "s", "me") as storage,
        pytest.raises(UserError, match="no such file" if is_known else "the present code refuses"),
        open_session(planned, storage, Interrupt()),
    ):
        pass
    assert states(with_failure) == ["FAILED"]
