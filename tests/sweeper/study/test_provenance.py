"""Where a result comes from, as its report will tell it."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sweeper.agent import code_hash
from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.study.code import command
from sweeper.study.provenance import cpu_name, provenance, refuse_shared_folder

MODULE, CODE = sys.modules[provenance.__module__], sys.modules[code_hash.__module__]


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of ours that holds next to nothing."""
    for module in (MODULE, CODE):
        monkeypatch.setattr(module, "PACKAGE", tmp_path / "sweeper")
    for folder in ("sweeper/task", "sweeper/worker", "sweeper"):
        written(tmp_path / folder / "a.py", f"# {folder}")
    return tmp_path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package from outside, `theirs_of_provenance`, that can be imported and is not."""
    monkeypatch.syspath_prepend(tmp_path / "outside")
    written(tmp_path / "outside" / "theirs_of_provenance" / "__init__.py", "raise RuntimeError('imported')")
    written(tmp_path / "outside" / "theirs_of_provenance" / "deep" / "task.py", "A = 1")
    return tmp_path / "outside" / "theirs_of_provenance"


def test_the_command_is_one_that_can_be_pasted_without_its_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["-m", "study.name=a b", "tracking.uri=http://me:secret@host/", "aux_focal.lambda=0.1,0.2"]
    monkeypatch.setattr(sys, "argv", ["sweeper", *words])
    assert command() == (
        "python -m sweeper -m 'study.name=a b' tracking.uri=http://me:***@host/ aux_focal.lambda=0.1,0.2"
    )


@pytest.mark.parametrize("changed", ["sweeper/task/a.py", "sweeper/worker/a.py", "sweeper/worker/new/b.py"])
def test_code_that_decides_what_a_run_computes_changes_the_hash(root: Path, changed: str) -> None:
    before = code_hash()
    written(root / changed, "# something else")
    assert code_hash() != before


@pytest.mark.parametrize("changed", ["sweeper/a.py", "sweeper/worker/notes.txt", "other.py"])
def test_other_code_and_other_files_do_not(root: Path, changed: str) -> None:
    before = code_hash()
    written(root / changed, "# something else")
    assert code_hash() == before


def test_a_renamed_module_changes_the_hash(root: Path) -> None:
    before = code_hash()
    (root / "sweeper" / "worker" / "a.py").rename(root / "sweeper" / "worker" / "b.py")
    assert code_hash() != before


def test_where_the_end_of_one_file_begins_the_next_does_matter(root: Path) -> None:
    """Moving a line from one module to the next one leaves the text of both together as it was."""
    worker = root / "sweeper" / "worker"
    written(worker / "a.py", "1\n2\n")
    written(worker / "b.py", "3\n")
    before = code_hash()
    written(worker / "a.py", "1\n")
    written(worker / "b.py", "2\n3\n")
    assert code_hash() != before


def test_a_hash_depends_on_nothing_but_the_code(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = code_hash()
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(root, copy, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CODE, "PACKAGE", copy / "sweeper")
        assert code_hash() == before
    assert len(before) == 16
    assert set(before) <= set("0123456789abcdef")


def test_the_whole_package_of_an_outside_task_is_hashed_and_not_imported(package: Path) -> None:
    """The target names a module deep in it; what lies beside that may be imported by it."""
    before = code_hash("theirs_of_provenance.deep.task:Task")
    assert before != code_hash()
    written(package / "beside.py", "B = 2")
    assert code_hash("theirs_of_provenance.deep.task:Task") != before
    assert "theirs_of_provenance" not in sys.modules


def test_a_task_in_a_single_module_is_hashed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    written(tmp_path / "one_module_of_provenance.py", "A = 1")
    before = code_hash("one_module_of_provenance:Task")
    assert before != code_hash()
    written(tmp_path / "one_module_of_provenance.py", "A = 2")
    assert code_hash("one_module_of_provenance:Task") != before


def test_a_target_that_is_not_there_is_no_error_here() -> None:
    """Who loads the task says what is wrong with it."""
    assert code_hash("no_such_package_of_ours.task:Task") == code_hash()


def test_versions_are_those_that_run_and_what_is_not_installed_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MODULE, "PACKAGES", ("numpy", "no-such-package-of-ours"))
    assert provenance(3)["versions"] == {"python": platform.python_version(), "numpy": np.__version__}


def test_threads_and_code_are_told_as_they_are(package: Path) -> None:
    target = "theirs_of_provenance.deep.task:Task"
    told = provenance(3, code_hash(target))
    assert (told["threads"], told["code_hash"]) == (3, code_hash(target))
    assert provenance(None)["threads"] is None


def test_a_processor_has_the_name_of_its_model_or_else_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    named = "processor\t: 0\nmodel name\t: Fast: 9000 @ 3 GHz\n\nmodel name\t: Another\n"
    monkeypatch.setattr(Path, "read_text", lambda self: named)
    assert cpu_name() == "Fast: 9000 @ 3 GHz"
    monkeypatch.setattr(Path, "read_text", lambda self: "processor\t: 0\n")
    assert cpu_name() == platform.machine()


def test_where_no_processor_is_told_its_kind_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Path) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", missing)
    assert cpu_name() == platform.machine()


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_tells_the_commit_and_whether_a_file_of_it_was_changed(root: Path) -> None:
    """A file that git does not know is no change: results, for one."""
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "begin")
    written(root / "results.csv", "new")
    told = provenance(1)
    assert (told["git_sha"], told["git_dirty"]) == (git(root, "rev-parse", "HEAD"), False)
    written(root / "sweeper" / "a.py", "# changed")
    assert provenance(1)["git_dirty"] is True


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_an_installed_copy_in_the_users_repository_does_not_take_his_commit_for_ours(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "his")
    monkeypatch.setattr(MODULE, "PACKAGE", root / "site" / "sweeper")
    told = provenance(1)
    assert (told["git_sha"], told["git_dirty"]) == (None, False)


def test_a_folder_that_a_name_of_other_case_has_is_refused(tmp_path: Path) -> None:
    """On a disk that ignores case `Run` finds the folder of `run`; one that was renamed is nobody else's."""
    folder = StudyFolder(tmp_path / "run")
    written(folder.summary, '{"study": "Run"}')
    with pytest.raises(
        UserError, match=r"study\.name: got 'run', whose folder .*/run is that of study 'Run'"
    ):
        refuse_shared_folder(folder, "run")
    refuse_shared_folder(folder, "Run")
    refuse_shared_folder(StudyFolder(tmp_path / "new"), "new")
    written(folder.summary, '{"study": "before"}')
    refuse_shared_folder(folder, "run")
