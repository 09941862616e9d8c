"""What is found out before a study is opened, and that nothing is changed by finding it out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.config.compose import Composer
from sweeper.config.validation import validated
from sweeper.errors import UserError
from sweeper.study.plan import plan
from tests.sweeper.small_esmm import small_sweep

GRID = "aux_focal.lambda=0.05,0.1,0.2"


def test_a_plan_touches_no_database_and_no_folder_of_a_study(tmp_path: Path) -> None:
    planned = plan(small_sweep(tmp_path, GRID, "tracking=mlflow"))
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
    ],
)
def test_what_cannot_be_is_said_before_anything_is_opened(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        plan(small_sweep(tmp_path, GRID, "study.retry=failed", *words))
    assert not (tmp_path / "studies.db").exists()


def test_each_point_is_composed_and_validated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Baseline and three points; the fixed configuration, which is neither, once more."""
    composed: Counter[tuple[str, ...]] = Counter()
    noted: list[Mapping[str, Any]] = []
    attempt = Composer.attempt

    def counting(self: Composer, overrides: Sequence[str] = ()) -> Any:
        composed[tuple(overrides)] += 1
        return attempt(self, overrides)

    def noting(config: Mapping[str, Any], sources: Any) -> Any:
        noted.append(config)
        return validated(config, sources)

    monkeypatch.setattr(Composer, "attempt", counting)
    monkeypatch.setattr("sweeper.config.compose.validated", noting)
    planned = plan(small_sweep(tmp_path, GRID))
    points = [tuple(draft.overrides) for draft in planned.drafts]
    assert composed == Counter([(), *points])
    assert len(noted) == 1 + len(points)


def test_a_suggestion_that_checking_never_saw_is_composed_when_it_comes(tmp_path: Path) -> None:
    planned = plan(small_sweep(tmp_path, "optimizer.lr=interval(1e-4,1e-2)", "study.n_trials=3"))
    assert [draft.role for draft in planned.drafts] == ["baseline"]
    overrides = ("optimizer.lr=0.00271",)
    spec = planned.factory.spec(1, "lr=0.00271", "candidate", {"optimizer.lr": 0.00271}, overrides)
    assert spec.config["optimizer"]["lr"] == 0.00271  # type: ignore[index,call-overload]
