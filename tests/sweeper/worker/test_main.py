"""`python -m sweeper.worker`: one job by hand."""

from pathlib import Path

import pytest

from sweeper.worker.__main__ import main
from tests.sweeper.worker.toy_jobs import NONE, Changes, toy_job


def job_file(tmp_path: Path, changes: Changes = NONE) -> str:
    path = tmp_path / "job.json"
    path.write_text(toy_job(tmp_path, changes=changes).model_dump_json())
    return str(path)


def test_a_job_is_run_and_each_report_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([job_file(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "trial 1 seed 0: starts at step 0 of 40 on cpu; toy: loss.scale=1.0"
    assert lines[1].startswith("trial 1 seed 0: step 5: train/nll=")
    assert lines[-1].startswith("trial 1 seed 0: finished by max_steps, model of step ")
    assert len(lines) == 1 + 40 // 5 + 1


def test_a_failed_job_ends_with_its_reason_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([job_file(tmp_path, changes={"loss.poisoned_step": 2})]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "trial 1 seed 0: failed: loss is nan at step 2. Try loss.poisoned_step=-1."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{}", "got no job (Field required)"),
        ("[", "got no job"),
    ],
)
def test_what_is_no_job_is_refused_in_one_line(
    text: str | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "job.json"
    if text is not None:
        path.write_text(text)
    assert main([str(path)]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert told.count("\n") == 1


def test_no_or_many_arguments_are_answered_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert [main([]), main(["a", "b"])] == [2, 2]
    assert capsys.readouterr().err == "usage: python -m sweeper.worker <job.json>\n" * 2
