"""An app that is imported once and forked for each run."""

import importlib
import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hydra
import pytest

from sweeper.messages import Finished, Started, Stopped
from sweeper.trial import JobSpec
from sweeper.worker.prefork import NURSERY, CannotForkError, parts_of
from sweeper.worker.runners import run_job
from tests.sweeper.worker.programs import ROOT, marked, program_job
from tests.sweeper.worker.test_program import wait_for, with_spec
from tests.sweeper.worker.toy_jobs import Listener, folder_of

APP = """
import os, random, sys
import hydra
with open("imports", "a") as file:
    print(os.getpid(), file=file)

@hydra.main(config_path=None, config_name=None, version_base=None)
def main(cfg):
    from sweeper import report
    report(1, {"acc": cfg.acc})
    print("argv", sys.argv, "mine", os.environ["MINE"], "drew", random.random(), "main", __name__, __file__)
    return {"acc": cfg.acc, "test/acc": os.getpid()}

if __name__ == "__main__":
    main()
    print("after main")
"""
THREADS = """
import threading, time
threading.Thread(target=time.sleep, args=[2], name="t1", daemon=True).start()
"""


@pytest.fixture(autouse=True)
def _no_zygote_stays() -> Iterator[None]:
    yield
    NURSERY.close()


def app_job(tmp_path: Path, acc: float, source: str = APP) -> JobSpec:
    line = (
        f"+acc={acc}",
        f"hydra.run.dir={tmp_path}/out",
        "+hydra.callbacks.sweeper._target_=sweeper.client.JobCallback",
    )
    return program_job(tmp_path, source, *line, prefork=True, environment={"MINE": str(acc)})


def test_an_app_is_imported_once_and_each_run_is_a_process_of_its_own(tmp_path: Path) -> None:
    words, pids = [], []
    for acc in (0.25, 0.5):
        job = app_job(tmp_path, acc)
        folder_of(job).log.unlink(missing_ok=True)
        run_job(job, listener := Listener())
        assert isinstance(listener.last, Finished), folder_of(job).log.read_text()
        assert listener.last.metrics["val/acc"] == acc
        assert listener.messages[0].model_dump()["notes"] == ()
        pids.append(listener.last.metrics["test/acc"])
        (said,) = [line for line in folder_of(job).log.read_text().splitlines() if line.startswith("argv")]
        words.append(said.split(" drew ")[1].split()[0])
        assert f"mine {acc} " in said
        assert said.startswith(f"argv ['app.py', '+acc={acc}', ")
        assert said.endswith(f"main __main__ {tmp_path}/app.py")
        assert "after main" in folder_of(job).log.read_text()
    assert len((tmp_path / "imports").read_text().split()) == 1
    assert len(set(pids)) == 2
    assert len(set(words)) == 2
    assert marked(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print('acc 1')", "the script has ended without calling @hydra.main"),
        ("import sys\nprint('acc 1')\nsys.exit(0)", "calling @hydra.main (SystemExit: 0)"),
        pytest.param(THREADS + APP, "importing it starts threads (t1)", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_forked_has_own_processes_and_a_note(source: str, why: str, tmp_path: Path) -> None:
    job = with_spec(app_job(tmp_path, 1.0, source), patterns={"acc": "acc (.*)"})
    for _ in range(2):
        run_job(job, listener := Listener())
        assert isinstance(listener.last, Finished), folder_of(job).log.read_text()
        assert isinstance(listener.messages[0], Started)
        (note,) = listener.messages[0].notes
        assert note.startswith("app.prefork: each run has a process of its own: ")
        assert why in note


def test_a_forked_run_is_pruned_like_any_other(tmp_path: Path) -> None:
    run_job(job := app_job(tmp_path, 0.5), listener := Listener(["prune"]))
    assert isinstance(listener.last, Stopped), folder_of(job).log.read_text()


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_no_fork_and_no_zygote(tmp_path: Path) -> None:
    (temporary := tmp_path / "t").mkdir()
    source = APP.replace(
        "return",
        "import time\n    open('began', 'w').write(str(os.getpid()))\n    time.sleep(60)\n    return",
    )
    path = tmp_path / "job.json"
    path.write_text(app_job(tmp_path, 0.5, source).model_dump_json())
    worker = subprocess.Popen(
        [sys.executable, "-m", "sweeper.worker", str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: (tmp_path / "began").exists() and (tmp_path / "began").read_text())
    pids = [int((tmp_path / name).read_text()) for name in ("imports", "began")]
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("argv", [["bash", "run.sh"], ["python"], ["python", "-c", "1"], ["python", "-m"]])
def test_only_python_s_scripts_and_modules_can_be_imported(argv: list[str]) -> None:
    assert parts_of(["/x/python3.11", "-m", "a.b", "c=1"]) == ("/x/python3.11", ("-m", "a.b"), ("c=1",))
    assert parts_of(["python", "train.py", "c=1"]) == ("python", ("train.py",), ("c=1",))
    with pytest.raises(CannotForkError, match=r"no `python script\.py`"):
        parts_of(argv)


def test_hydra_s_decorator_still_looks_up_the_reader_of_arguments_when_it_is_called() -> None:
    """The one thing of Hydra's that `zygote.py` relies on; looked at for 1.3 and 1.4."""
    assert hydra.__version__.startswith(("1.3", "1.4"))
    module = importlib.import_module("hydra.main")
    assert "args_parser = get_args_parser()" in inspect.getsource(module.main)
    assert "from ._internal.utils import _run_hydra, get_args_parser" in inspect.getsource(module)
