"""The companion command, on the files of invented studies."""

import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, strategies as st

from sweeper.errors import Fault, UserError
from sweeper.findings import BestRun, Ensemble
from sweeper.layout import StudyFolder
from sweeper.locks import file_lock
from sweeper.reports import publishing
from sweeper.reports.publishing import without_absolute_paths
from sweeper.reports.report import write_report
from sweeper.reports.summary import read_summary, summary_of, write_summary
from sweeper.storage import storage
from sweeper.storage.owners import new_owner
from sweeper.studies import main
from tests.sweeper.factories import CONFIRM_SEEDS, SEEDS, judgement, study_result
from tests.sweeper.storage.leases import age_leases

ONE, OTHER = "esmm-3f2a91c0", "esmm-aux-focal"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished studies, and one that has not got a summary yet."""
    root = tmp_path_factory.mktemp("template")
    for name in (ONE, OTHER):
        folder = StudyFolder.of(root, name)
        write_report(folder, study_result(folder, study=name, with_failure=True), judgement())
    (root / "captcha-1" / "trials").mkdir(parents=True)
    return root


@pytest.fixture
def results(template: Path, tmp_path: Path) -> Path:
    """A copy of the template for this test alone."""
    return Path(shutil.copytree(template, tmp_path / "results"))


def studies(results: Path, *words: str, code: int = 0) -> None:
    assert main(["--results-dir", str(results), *words]) == code


def test_the_list_shows_verdict_and_best_of_each_and_names_the_unfinished(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies(results, "list")
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if OTHER in line]
    assert line.split()[:7] == [OTHER, "esmm", "finished", "not", "distinguishable", "lambda=0.2", "+0.0004"]
    (line,) = [line for line in lines if "captcha-1" in line]
    assert line.split()[:3] == ["captcha-1", "-", "interrupted"]
    assert lines[-1] == "interrupted studies go on with the command that began them"


def test_a_unique_beginning_is_enough(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies(results, "show", "esmm-a")
    out = capsys.readouterr().out
    assert f"{OTHER}: ctcvr_auc (maximize)" in out
    assert "lambda=0.2 cannot be told from the baseline" in out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("esmm-3f2a91c1", f"got 'esmm-3f2a91c1'; expected a study in RESULTS; did you mean '{ONE}'?"),
        ("esmm", f"got 'esmm'; expected one of {ONE}, {OTHER}. Give more of the name"),
        ("zzz", "got 'zzz'; expected a study in RESULTS. `sweeper studies list` shows all"),
        ("", "got ''; expected a study in RESULTS. `sweeper studies list` shows all"),
    ],
)
def test_a_wrong_name_is_one_line_and_exit_2(
    results: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    studies(results, "show", name, code=2)
    captured = capsys.readouterr()
    assert captured.err == f"study: {said.replace('RESULTS', str(results))}\n"
    assert captured.out == ""


def test_a_name_may_be_given_as_other_commands_take_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies(results, "best", ONE)
    expected = capsys.readouterr().out
    studies(results, "best", f"study={ONE}")
    assert capsys.readouterr().out == expected


def test_an_unfinished_study_has_nothing_to_show(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies(results, "best", "captcha", code=2)
    assert capsys.readouterr().err == (
        "captcha-1: was interrupted before its first report (0 runs ended). "
        "It goes on with: the command that began it\n"
    )


def test_what_is_of_the_last_report_of_an_interrupted_study_says_so(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = results / ONE / "summary.json"
    document = json.loads(summary.read_text())
    document["state"] = "interrupted"
    summary.write_text(json.dumps(document))
    for verb in ("best", "export"):
        studies(results, verb, ONE)
        assert capsys.readouterr().err.startswith("warning: interrupted; goes on with: ")


def test_best_prints_a_configuration_that_yaml_reads(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies(results, "best", ONE)
    assert yaml.safe_load(capsys.readouterr().out)["overrides"] == ["aux_focal.lambda=0.2"]


def test_export_gives_all_runs_or_the_summary(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies(results, "export", ONE)
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 19
    studies(results, "export", ONE, "--format", "json")
    assert json.loads(capsys.readouterr().out)["study"] == ONE


def test_publish_copies_report_and_the_records_behind_the_verdict(results: Path) -> None:
    studies(results, "publish", ONE)
    published = results / "published" / ONE
    assert {path.name for path in published.iterdir()} == {
        *("summary.json", "report.md", "report.html", "trials.csv", "best.yaml", "plots", "records"),
        "curves.json",
    }
    files = {str(path.relative_to(published / "records")) for path in published.glob("records/*/*")}
    arms = ("0000-baseline", "0003-lambda=0.2")
    assert files == {f"{arm}/seed{seed}.npz" for arm in arms for seed in (*SEEDS, *CONFIRM_SEEDS)}
    with np.load(published / "records/0000-baseline/seed1000.npz") as records:
        expected = np.random.default_rng(1000).normal(size=400).astype(np.float32)
        assert np.array_equal(records["influence_ctcvr_auc"], expected)


def add_ensemble(folder: StudyFolder, beside: BestRun) -> None:
    """As if the study had one, with this run beside it."""
    entry = Ensemble(k=2, members=(), val=0.8, test=0.8, best_run=beside, difference=0.0, improvement=0.0)
    write_summary(folder, read_summary(folder).model_copy(update={"ensemble": entry}))


def test_publish_copies_what_the_interval_of_an_ensemble_is_computed_from(results: Path) -> None:
    """The ensemble's records, and those of the run beside it: here of trial 1, neither baseline nor best."""
    folder = StudyFolder.of(results, ONE)
    add_ensemble(folder, BestRun(trial=1, name="lambda=0.05", seed=0, val=0.8, test=0.8))
    folder.ensemble.path.mkdir()
    influence = np.arange(400, dtype=np.float32)
    np.savez(folder.ensemble.records, influence_ctcvr_auc=influence)
    studies(results, "publish", ONE)
    published = results / "published" / ONE / "records"
    with np.load(published / "ensemble.npz") as records:
        assert np.array_equal(records["influence_ctcvr_auc"], influence)
    (one,) = published.glob("0001-*/*")
    assert one.name == "seed0.npz"


def test_an_ensemble_without_records_is_told(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = StudyFolder.of(results, ONE)
    add_ensemble(folder, BestRun(trial=0, name="baseline", seed=0, val=0.8, test=0.8))
    studies(results, "publish", ONE)
    told = f"warning: left out {folder.ensemble.path}: no records that can be read\n"
    assert capsys.readouterr().err == told


def test_publishing_again_replaces_and_leaves_nothing_beside(results: Path) -> None:
    studies(results, "publish", ONE)
    (results / "published" / ONE / "stale.txt").write_text("old")
    studies(results, "publish", ONE)
    assert not (results / "published" / ONE / "stale.txt").exists()
    assert [path.name for path in (results / "published").iterdir()] == [ONE]


def test_published_texts_hold_no_absolute_path(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results.parent)
    folder = StudyFolder.of(results, ONE)
    command = (
        f"python -m sweeper -m data.path={results.parent}/data/a.csv study.storage=sqlite:///{results}/s.db"
    )
    result = study_result(folder, provenance={"command": f"{command} x.path=/srv/b/c.csv"})
    write_report(folder, result, judgement())
    studies(results, "publish", ONE)
    for path in (results / "published" / ONE).glob("*.*"):
        assert str(results.parent) not in path.read_text()
        assert "=/srv" not in path.read_text()
    report = (results / "published" / ONE / "report.md").read_text()
    assert "data.path=data/a.csv study.storage=sqlite:///results/s.db" in report


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("see /base/results/x.csv.", "see results/x.csv."),
        ("path: '/other/y.csv'", "path: '../other/y.csv'"),
        ("val/auc and 2026/11/21", "val/auc and 2026/11/21"),
        ("<td>a</td><p>b</p>", "<td>a</td><p>b</p>"),
        ("http://host/a/b and https://u:5000/c/d", "http://host/a/b and https://u:5000/c/d"),
        ("sqlite:////base/r/s.db file:///base/r/a", "sqlite:///r/s.db file://r/a"),
        ("../data/x.csv ./a/b ~/c/d", "../data/x.csv ./a/b ~/c/d"),
    ],
)
def test_absolute_paths_become_relative_and_nothing_else_changes(text: str, relative: str) -> None:
    assert without_absolute_paths(text, Path("/base")) == relative


@given(st.text(alphabet="ab /.:<>-=,'\n", max_size=60))
def test_relative_texts_are_left_as_they_are_the_second_time(text: str) -> None:
    once = without_absolute_paths(text, Path("/base"))
    assert without_absolute_paths(once, Path("/base")) == once


def test_large_records_are_reduced_until_the_study_fits(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """6 files of 40,000 influence values are 0.96 MB in single precision, 0.48 in half."""
    rng = np.random.default_rng(0)
    for path in results.glob(f"{ONE}/trials/*/seed100*/records.npz"):
        np.savez(
            path,
            influence_ctcvr_auc=rng.normal(size=40_000).astype(np.float32),
            score=rng.normal(size=40_000),
        )
    monkeypatch.setattr(publishing, "MAX_BYTES", 700_000)
    studies(results, "publish", ONE)
    files = [path for path in (results / "published" / ONE).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.name != "report.html") < 700_000
    with np.load(results / "published" / ONE / "records/0000-baseline/seed1000.npz") as records:
        assert records.files == ["influence_ctcvr_auc"]
        assert float(np.square(records["influence_ctcvr_auc"].astype(np.float64)).mean()) == pytest.approx(
            1.0, abs=0.03
        )
    monkeypatch.setattr(publishing, "MAX_BYTES", 2**18)
    studies(results, "publish", ONE)
    assert "left out the influence values: more than 0.25 MiB" in capsys.readouterr().err
    assert not (results / "published" / ONE / "records").exists()


def test_clean_keeps_the_champions_checkpoints_and_all_else(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """19 runs with 3 checkpoints each, 6 the champion's and 6 the baseline's: 21 go, then 18; 18 stay."""
    before = {path for path in (results / ONE).rglob("*") if path.suffix != ".pt"}
    studies(results, "clean", ONE, "--yes")
    assert "removed 21 checkpoints" in capsys.readouterr().out
    left = set((results / ONE).rglob("*.pt"))
    assert {path.parent.parent.name for path in left} == {"0000-baseline", "0003-lambda=0.2"}
    studies(results, "clean", ONE, "--yes", "--keep-models", "champion")
    assert "removed 18 checkpoints" in capsys.readouterr().out
    left = set((results / ONE).rglob("*.pt"))
    assert len(left) == 18
    assert {path.parent.parent.name for path in left} == {"0003-lambda=0.2"}
    assert {path for path in (results / ONE).rglob("*") if path.suffix != ".pt"} == before


def test_clean_keeps_what_an_interrupted_run_resumes_from(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has 19 runs; a twentieth, begun and not ended, is in no row of it."""
    begun = results / ONE / "trials" / "0005-lambda=0.4" / "seed0"
    begun.mkdir(parents=True)
    (begun / "checkpoint.pt").write_bytes(b"checkpoint")
    studies(results, "clean", ONE, "--yes")
    assert "removed 21 checkpoints (0.0 MiB); those of 1 unfinished runs stay" in capsys.readouterr().out
    assert (begun / "checkpoint.pt").exists()
    studies(results, "clean", ONE)
    assert capsys.readouterr().out == "no checkpoints to remove; those of 1 unfinished runs stay\n"


@pytest.fixture
def at_work(results: Path) -> Iterator[str]:
    """Who trains a run of the first study now: this process."""
    owner = new_owner()
    with storage.open_storage(f"sqlite:///{results / 'studies.db'}", ONE, owner) as opened:
        assert opened.claim("f", 0, 1, "w") is not None
        yield ":".join(owner.split(":")[:2])


@pytest.mark.parametrize("verb", ["clean", "delete"])
def test_a_running_study_is_left_alone(
    results: Path, capsys: pytest.CaptureFixture[str], at_work: str, verb: str
) -> None:
    studies(results, verb, ONE, "--yes", code=2)
    assert capsys.readouterr().err == (
        f"{ONE}: is running on {at_work} (1 run now). Stop it there first, with Ctrl-C, or wait for its end\n"
    )
    assert len(list((results / ONE).rglob("*.pt"))) == 57
    studies(results, verb, OTHER, "--yes")


def test_a_running_study_can_be_looked_at(
    results: Path, capsys: pytest.CaptureFixture[str], at_work: str
) -> None:
    studies(results, "list")
    first, second = [line for line in capsys.readouterr().out.splitlines() if ONE in line]
    assert first.split()[1:3] == ["esmm", "running"]
    assert second == f"{ONE} is running on {at_work}"
    studies(results, "show", ONE)
    assert f"running on {at_work} now: what you see is its last report" in capsys.readouterr().out
    (results / ONE / "summary.json").unlink()
    studies(results, "show", ONE, code=2)
    said = f"is running on {at_work} (0 runs ended, 1 now); no report yet. It is written when the study ends"
    assert capsys.readouterr().err == f"{ONE}: {said}\n"


@pytest.mark.parametrize("verb", ["clean", "delete"])
@pytest.mark.parametrize("word", ["esmm-a", "esmm-aux-foca", "captcha", "esmm", ""])
def test_what_removes_things_wants_the_whole_name(
    results: Path, capsys: pytest.CaptureFixture[str], verb: str, word: str
) -> None:
    before = set(results.rglob("*"))
    studies(results, verb, word, "--yes", code=2)
    assert capsys.readouterr().err.startswith(f"study: got '{word}'; expected ")
    assert set(results.rglob("*")) == before


def test_a_path_means_the_folder_there_and_no_namesake(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = Path(shutil.copytree(results, tmp_path / "elsewhere"))
    studies(results, "delete", str(elsewhere / ONE), "--yes", code=2)
    assert f"--results-dir {elsewhere}" in capsys.readouterr().err
    assert [(folder / ONE).exists() for folder in (elsewhere, results)] == [True, True]
    studies(results, "delete", f"{results / ONE}/", "--yes")
    assert [(folder / ONE).exists() for folder in (elsewhere, results)] == [True, False]


def named(results: Path, name: str) -> StudyFolder:
    """A finished study of any name, one run of which the database knows."""
    folder = StudyFolder.of(results, name)
    write_summary(folder, summary_of(study_result(folder, study=name), judgement()))
    with storage.open_storage(f"sqlite:///{results / 'studies.db'}", name, "elsewhere:1:x") as opened:
        claim = opened.claim("f", 0, 1, "w")
        assert claim is not None
        assert opened.settle(claim, "COMPLETE", {})
    return folder


def names_in(results: Path) -> set[str]:
    with closing(sqlite3.connect(results / "studies.db")) as database:
        return {row[0] for row in database.execute("select study from sweeper_runs")}


@pytest.mark.parametrize("gone", ["a b", "a-b", "a/b", " a-b", "A-b"])
def test_studies_whose_names_are_alike_are_deleted_one_by_one(tmp_path: Path, gone: str) -> None:
    """Folder, database and the locks in the folder: one identity, that of the whole name."""
    alike = ["a b", "a-b", "a/b", " a-b", "A-b"]
    folders = {name: named(tmp_path, name) for name in alike}
    studies(tmp_path, "delete", gone, "--yes")
    left = set(alike) - {gone}
    assert names_in(tmp_path) == left
    assert {name for name, folder in folders.items() if folder.path.exists()} == left


def test_a_namesake_at_work_keeps_nobody_else_from_being_deleted(tmp_path: Path) -> None:
    named(tmp_path, "a b")
    named(tmp_path, "a-b")
    with storage.open_storage(f"sqlite:///{tmp_path / 'studies.db'}", "a b", new_owner()) as opened:
        assert opened.claim("g", 0, 1, "w") is not None
        studies(tmp_path, "delete", "a b", "--yes", code=2)
        studies(tmp_path, "delete", "a-b", "--yes")
    assert names_in(tmp_path) == {"a b"}


def test_a_copied_folder_does_not_take_the_original_out_of_the_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = named(tmp_path, "a-b")
    shutil.copytree(original.path, tmp_path / "copy")
    studies(tmp_path, "delete", "copy", "--yes")
    assert "'a-b' has a folder of its own" in capsys.readouterr().err
    assert (names_in(tmp_path), original.path.exists()) == ({"a-b"}, True)
    original.path.rename(tmp_path / "moved")
    studies(tmp_path, "delete", "moved", "--yes")
    assert names_in(tmp_path) == set()


def test_a_tracking_server_that_fails_leaves_the_study_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = named(tmp_path, "a-b")

    def fails(*_: object) -> int:
        raise UserError(Fault("tracking.uri", "MLflow failed"))

    monkeypatch.setattr("sweeper.watch.forget_study", fails)
    studies(tmp_path, "delete", "a-b", "--yes", code=2)
    assert (names_in(tmp_path), folder.summary.exists()) == ({"a-b"}, True)


def test_a_late_worker_is_not_robbed_of_its_folder(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = StudyFolder.of(results, ONE).runs[0]
    with file_lock(held.lock, 0.0):
        studies(results, "delete", ONE, "--yes", code=2)
        assert capsys.readouterr().err == f"{ONE}: a worker writes into {held.path} now. Wait for its end\n"
    studies(results, "delete", ONE, "--yes")


def test_a_damaged_summary_is_told_by_each_command_and_can_be_deleted(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = results / ONE / "summary.json"
    summary.write_text(summary.read_text()[:1000])
    for words in (["show"], ["best"], ["export"], ["publish"], ["clean", "--yes"], ["replay"]):
        studies(results, words[0], ONE, *words[1:], code=2)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"{summary}: is damaged (")
        assert line.endswith(
            "The command that began the study writes it anew, without training anything again"
        )
    studies(results, "list")
    captured = capsys.readouterr()
    assert line_of(captured.out, ONE).split()[1:3] == ["-", "damaged"]
    assert line_of(captured.out, OTHER).split()[1:3] == ["esmm", "finished"]
    assert captured.err.startswith(f"warning: {summary}: is damaged")
    studies(results, "delete", ONE, "--yes", "--tracking-uri", "http://127.0.0.1:9")
    assert "its runs stay in MLflow" in capsys.readouterr().err  # of which nobody knows the experiment
    assert not (results / ONE).exists()


def line_of(text: str, name: str) -> str:
    (line,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
    return line


def test_damaged_records_are_left_out_of_a_publication(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = StudyFolder.of(results, ONE).path / "trials/0000-baseline/seed1000/records.npz"
    broken.write_bytes(broken.read_bytes()[:300])
    studies(results, "publish", ONE)
    assert capsys.readouterr().err == f"warning: left out {broken.parent}: no records that can be read\n"


def test_to_look_the_database_is_not_needed_but_to_remove_it_is(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "studies.db").write_bytes(b"no database at all" * 1000)
    studies(results, "show", ONE)
    warning = capsys.readouterr().err
    assert "cannot read" in warning
    assert warning.endswith("what runs now is not known\n")
    studies(results, "clean", ONE, "--yes", code=2)
    assert len(list((results / ONE).rglob("*.pt"))) == 57


def test_a_folder_will_do_for_a_name_and_places_may_follow_the_command(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["best", f"{results}/{OTHER}/", "--results-dir", str(results)]) == 0
    assert "aux_focal.lambda=0.2" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "code", "is_there"), [("y", 0, False), ("", 0, True), ("no", 0, True)])
def test_at_a_terminal_what_destroys_asks(
    results: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, is_there: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    studies(results, "delete", ONE, code=code)
    assert (results / ONE).exists() is is_there


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_leaving_at_the_question_removes_nothing(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(""))  # Ctrl-D
    studies(results, "delete", ONE)
    assert capsys.readouterr().out.endswith("nothing was removed\n")

    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    studies(results, "delete", ONE, code=130)
    assert (results / ONE).exists()


def test_a_file_that_cannot_be_read_is_one_line(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / ONE / "trials.csv").unlink()
    studies(results, "export", ONE, code=2)
    path = results / ONE / "trials.csv"
    assert capsys.readouterr().err == f"export: {path}: No such file or directory\n"


def test_a_reader_that_has_seen_enough_is_no_error(results: Path) -> None:
    command = [sys.executable, "-m", "sweeper.studies", "--results-dir", str(results), "export", ONE]
    (results / ONE / "trials.csv").write_text("a line\n" * 100_000)  # more than a pipe holds
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as exporting:
        assert exporting.stdout is not None
        assert exporting.stderr is not None
        assert exporting.stdout.readline() == "a line\n"
        exporting.stdout.close()
        assert exporting.stderr.read() == ""
        assert exporting.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shwo", ONE], r"command: got 'shwo'; expected one of list, .*, delete; did you mean 'show'\?"),
        (["show"], r"sweeper studies show: .* required: study\. See sweeper studies show --help"),
        (["export", ONE, "--format", "xml"], r"--format: got 'xml'; expected one of csv, json"),
        ([], r"sweeper studies: .* required: command\. See sweeper studies --help"),
    ],
)
def test_arguments_that_cannot_be_used_are_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(f"{said}\n", err)


def test_names_are_whole_where_no_terminal_is_too_narrow_for_them(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "segmentation-of-faces-" * 6 + "end"
    (results / ONE).rename(results / name)
    studies(results, "list")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == [name]]
    assert line.split()[1:4] == ["esmm", "finished", "not"]


def test_a_terminal_of_100_columns_is_enough_whatever_the_names(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    (results / ONE).rename(results / ("segmentation-of-faces-" * 4 + "end"))
    studies(results, "list")
    lines = capsys.readouterr().out.splitlines()
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert max(map(len, lines)) <= 100
    assert "not distinguishable" in "".join(lines)


@pytest.mark.parametrize("verb", ["clean", "delete"])
def test_what_destroys_asks_and_without_a_terminal_needs_yes(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    studies(results, verb, ONE, code=2)
    assert capsys.readouterr().err.endswith("Add --yes\n")
    assert len(list((results / ONE).rglob("*.pt"))) == 57


def test_delete_removes_folder_and_storage_of_that_study_only(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{results / 'studies.db'}"
    for name in (ONE, OTHER):
        with storage.open_storage(url, name, owner="o") as opened:
            opened.optuna_study(["maximize"])
            assert opened.claim("f", 0, 1, "w") is not None
            age_leases(opened, 1000)
    studies(results, "delete", ONE, "--yes")
    assert f"deleted {ONE}; 0 runs marked deleted in MLflow" in capsys.readouterr().out
    assert not (results / ONE).exists()
    for name, n_runs in ((ONE, 0), (OTHER, 1)):
        with storage.open_storage(url, name, owner="o") as opened:
            assert len(opened.runs()) == n_runs


def test_an_unfinished_study_can_be_deleted(results: Path) -> None:
    studies(results, "delete", "captcha-1", "--yes")
    assert not (results / "captcha-1").exists()


def test_the_list_is_shown_without_importing_torch_optuna_or_mlflow(results: Path) -> None:
    heavy = "{'torch', 'optuna', 'mlflow', 'pandas', 'matplotlib', 'sqlalchemy'} & set(sys.modules)"
    code = f"import sys; from sweeper.studies import main; main(sys.argv[1:]); print('heavy:', {heavy})"
    command = [sys.executable, "-c", code, "--results-dir", str(results), "list"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: set()"


def test_open_hands_the_page_to_a_browser_and_says_where_it_is(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def opens(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", opens)
    studies(results, "open", ONE)
    page = results / ONE / "report.html"
    assert opened == [page.resolve().as_uri()]
    assert capsys.readouterr().out == f"page: {page}\n"


def test_open_without_a_browser_or_a_page_says_so(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    studies(results, "open", ONE)
    assert "no browser was found" in capsys.readouterr().err
    studies(results, "open", "captcha-1", code=2)
    assert "captcha-1: has no page yet" in capsys.readouterr().err


def test_page_makes_the_page_of_a_study_and_of_a_published_one_again(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studies(results, "publish", ONE)
    for folder, name in ((results / ONE, ONE), (results / "published" / ONE,) * 2):
        page = folder / "report.html"
        before = page.read_bytes()
        page.unlink()
        studies(results, "page", str(name))
        assert page.read_bytes() == before
    assert len(before) < 3e6
    (results / ONE / "report.md").unlink()
    capsys.readouterr()
    studies(results, "page", ONE, code=2)
    assert "report.md: cannot be read" in capsys.readouterr().err


def test_a_published_page_has_its_curves_without_the_folders_of_runs(results: Path) -> None:
    studies(results, "publish", ONE)
    published = results / "published" / ONE
    assert not (published / "trials").exists()
    assert 'id="curves-0"' in (published / "report.html").read_text()
    assert 'id="timeline"' in (published / "report.html").read_text()
