"""Runs that begin with what another has trained equal, to the last bit, runs that train it all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.messages import Alive, Message, Reported, Started, Stopped
from sweeper.trial import CheckpointRef, JobSpec, Leave
from sweeper.worker import answers
from sweeper.worker.checkpoint import read_checkpoint, write_checkpoint
from tests.sweeper.worker.test_solo import VARIANTS, finished, trained, without_time
from tests.sweeper.worker.toy_jobs import Listener, folder_of, rows_of, toy_job

STEPS = (4, 5, 13, 20)
COSTS = {"steps_trained", "steps_inherited", "trial"}


def place(root: Path, name: str) -> str:
    return str(root / "prefixes" / "seed0" / "key" / "cpu" / f"{name}.pt")


def orders(root: Path, steps: Sequence[int] = STEPS, models: Sequence[int] = (5, 10, 15, 20)) -> list[Leave]:
    whole = [Leave(step=step, path=place(root, str(step))) for step in steps]
    return [*whole, *(Leave(step=s, path=place(root, f"model{s}"), is_model=True) for s in models)]


def start(root: Path, step: int) -> CheckpointRef:
    models = {s: place(root, f"model{s}") for s in (5, 10, 15, 20)}
    return CheckpointRef(path=place(root, str(step)), models=models)


def told(listener: Listener) -> list[dict[str, Any]]:
    """What a run reports: steps and metrics."""
    reported = [m for m in listener.messages if isinstance(m, Reported)]
    return [message.model_dump(include={"step", "metrics"}) for message in reported]


def assert_equal(fork: JobSpec, whole: JobSpec, heard: Listener, expected: Listener, step: int) -> None:
    """All that the two came to, but for who trained what."""
    one, other = (without_time(finished(listener)) for listener in (heard, expected))
    assert (one["steps_inherited"], one["steps_trained"]) == (step, other["steps_trained"] - step)
    assert {k: one[k] for k in one.keys() - COSTS} == {k: other[k] for k in other.keys() - COSTS}
    assert told(heard) == told(expected)
    plain = [{key: row[key] for key in row if key != "inherited"} for row in rows_of(fork)]
    assert plain == rows_of(whole)
    assert [row["global_step"] for row in rows_of(fork) if row.get("inherited")] == [
        row["global_step"]
        for row in rows_of(whole)
        if row["global_step"] <= step and not row["global_step"] % 5
    ]
    kept = [read_checkpoint(folder_of(job).best)["model"] for job in (fork, whole)]
    assert all(kept[0][name].equal(kept[1][name]) for name in kept[1])
    assert folder_of(fork).records.read_bytes() == folder_of(whole).records.read_bytes()


@pytest.mark.parametrize("is_sibling", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fork_equals_the_full_run_bitwise(variant: str, is_sibling: bool, tmp_path: Path) -> None:
    """Forks between evaluations and at one; a sibling's other configuration has it evaluate models again."""
    changes = {**VARIANTS[variant], "loss.pause_ms": 0.001 if is_sibling else 0.0}
    whole = toy_job(tmp_path, "whole", changes=changes)
    expected = trained(whole)
    trained(toy_job(tmp_path, "leader", leave=orders(tmp_path), changes=VARIANTS[variant]))
    for step in STEPS:
        fork = toy_job(tmp_path, f"fork{step}", start_from=start(tmp_path, step), changes=changes)
        assert_equal(fork, whole, trained(fork), expected, step)


@pytest.mark.parametrize("max_bytes", [0, answers.MAX_BYTES])
def test_a_sibling_evaluates_what_was_answered_or_else_the_model(
    max_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both come to the same bits; the one does not need the weights, the other has nothing else."""
    monkeypatch.setattr(answers, "MAX_BYTES", max_bytes)
    changes = {"loss.pause_ms": 0.001}
    whole = toy_job(tmp_path, "whole", changes=changes)
    expected = trained(whole)
    trained(toy_job(tmp_path, "leader", leave=orders(tmp_path)))
    left = read_checkpoint(Path(place(tmp_path, "model10")))
    assert left.keys() == {"prefix", "answers" if max_bytes else "model"}
    assert left.get("answers", {}).keys() == ({"train", "val"} if max_bytes else set())
    fork = toy_job(tmp_path, "fork", start_from=start(tmp_path, 13), changes=changes)
    assert_equal(fork, whole, trained(fork), expected, 13)


@pytest.mark.parametrize(("short", "long"), [(13, 40), (20, 40), (13, 14)])
@pytest.mark.parametrize("is_short_first", [True, False])
def test_runs_of_other_lengths_share_what_both_train(
    short: int, long: int, is_short_first: bool, tmp_path: Path
) -> None:
    """The evaluation after a run's last step is its own, unless it falls on one of all runs."""
    first, second = (short, long) if is_short_first else (long, short)
    leader = toy_job(
        tmp_path, "leader", leave=orders(tmp_path, [short]), changes={"trainer.max_steps": first}
    )
    trained(leader)
    length = {"trainer.max_steps": second}
    whole = toy_job(tmp_path, "whole", changes=length)
    fork = toy_job(tmp_path, "fork", start_from=start(tmp_path, short), changes=length)
    expected = trained(whole)
    assert_equal(fork, whole, trained(fork), expected, short)


def test_what_cannot_be_left_for_others_costs_the_run_nothing(tmp_path: Path) -> None:
    """A file stands where the folder of the prefixes should be."""
    (tmp_path / "prefixes").write_text("")
    leader, whole = toy_job(tmp_path, "leader", leave=orders(tmp_path)), toy_job(tmp_path, "whole")
    heard, expected = trained(leader), trained(whole)
    assert without_time(finished(heard)) == without_time(finished(expected))
    assert "left nothing for others at step 5" in folder_of(leader).log.read_text()


def test_leaving_changes_nothing_of_the_run_that_leaves(tmp_path: Path) -> None:
    expected = trained(toy_job(tmp_path, "whole"))
    leader = toy_job(tmp_path, "leader", leave=orders(tmp_path))
    heard = trained(leader)
    assert without_time(finished(heard)) | {"trial": 0} == without_time(finished(expected)) | {"trial": 0}
    assert [m.step for m in heard.messages if isinstance(m, Alive)] == [4, 5, 10, 13, 15, 20]


def test_a_fork_of_a_fork_and_a_resumed_leader_leave_the_same(tmp_path: Path) -> None:
    whole = toy_job(tmp_path, "whole")
    expected = trained(whole)
    trained(toy_job(tmp_path, "leader", leave=orders(tmp_path, [5], [5])))
    second = {"start_from": start(tmp_path, 5), "leave": orders(tmp_path, [13, 20], [10, 15, 20])}
    trained(toy_job(tmp_path, "second", **second), "continue", "stop")  # type: ignore[arg-type]
    trained(toy_job(tmp_path, "second", attempt=2, **second))  # type: ignore[arg-type]
    for step in (13, 20):
        fork = toy_job(tmp_path, f"fork{step}", start_from=start(tmp_path, step))
        assert_equal(fork, whole, trained(fork), expected, step)


def test_a_resumed_fork_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    whole = toy_job(tmp_path, "whole")
    expected = trained(whole)
    trained(toy_job(tmp_path, "leader", leave=orders(tmp_path)))
    ref = start(tmp_path, 13)
    stopped = trained(toy_job(tmp_path, "fork", start_from=ref), "continue", "continue", "stop").last
    assert isinstance(stopped, Stopped)
    assert (stopped.step, stopped.steps_trained, stopped.steps_inherited) == (15, 2, 13)
    again = toy_job(tmp_path, "fork", attempt=2, start_from=ref)
    heard = trained(again)
    (started,) = (message for message in heard.messages if isinstance(message, Started))
    assert (started.resumed_step, started.steps_inherited) == (15, 13)
    assert without_time(finished(heard))["metrics"] == without_time(finished(expected))["metrics"]


def test_a_run_may_be_given_up_at_an_inherited_evaluation(tmp_path: Path) -> None:
    """As the full run would have been there."""
    trained(toy_job(tmp_path, "leader", leave=orders(tmp_path)))
    heard = trained(toy_job(tmp_path, "fork", start_from=start(tmp_path, 13)), "continue", "prune")
    assert isinstance(heard.last, Stopped)
    assert (heard.last.why, heard.last.step) == ("pruned", 10)
    assert (heard.last.steps_trained, heard.last.steps_inherited) == (0, 10)
    assert [m.is_inherited for m in heard.messages if isinstance(m, Reported)] == [True, True]


def gone(root: Path) -> None:
    Path(place(root, "13")).unlink()


def cut(root: Path) -> None:
    path = Path(place(root, "13"))
    path.write_bytes(path.read_bytes()[:-40])


def of_another(root: Path) -> None:
    Path(place(root, "4")).replace(place(root, "13"))


def without_models(root: Path) -> None:
    Path(place(root, "model10")).unlink()


def elsewhere(root: Path) -> None:
    content = read_checkpoint(Path(place(root, "13")))
    write_checkpoint(Path(place(root, "13")), {**content, "environment": {"threads": 99}})


def with_other_figures(root: Path) -> None:
    content = read_checkpoint(Path(place(root, "13")))
    content["rows"][-1]["nll"] += 1e-9
    write_checkpoint(Path(place(root, "13")), content)


def with_fewer_answers(root: Path) -> None:
    content = read_checkpoint(Path(place(root, "model10")))
    content["answers"]["val"].pop()
    write_checkpoint(Path(place(root, "model10")), content)


def with_more_answers(root: Path) -> None:
    content = read_checkpoint(Path(place(root, "model10")))
    content["answers"]["val"] *= 2
    write_checkpoint(Path(place(root, "model10")), content)


def with_other_parts(root: Path) -> None:
    content = read_checkpoint(Path(place(root, "model10")))
    content["answers"]["val"][0] *= 2
    write_checkpoint(Path(place(root, "model10")), content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (gone, "cannot be read"),
        (cut, "is damaged"),
        (of_another, "is not what was to be left there"),
        (without_models, "cannot be read"),
        (elsewhere, "in another environment"),
        (with_other_figures, "nll depends on"),
        (with_fewer_answers, "evaluates its model otherwise"),
        (with_more_answers, "evaluates fewer batches"),
        (with_other_parts, "evaluates its model otherwise"),
    ],
)
def test_a_run_whose_prefix_cannot_be_used_trains_from_its_first_step(
    damage: Any, said: str, tmp_path: Path
) -> None:
    changes = {"loss.pause_ms": 0.001}
    whole = toy_job(tmp_path, "whole", changes=changes)
    expected = trained(whole)
    trained(toy_job(tmp_path, "leader", leave=orders(tmp_path)))
    damage(tmp_path)
    fork = toy_job(tmp_path, "fork", start_from=start(tmp_path, 13), changes=changes)
    heard = trained(fork)
    assert_equal(fork, whole, heard, expected, 0)
    assert any("trains from its first step" in note and said in note for note in notes_of(heard))


def notes_of(listener: Listener) -> tuple[str, ...]:
    first: Message = listener.messages[0]
    assert isinstance(first, Started)
    return first.notes
