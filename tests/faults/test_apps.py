"""What may happen to a study of an app as a whole: nobody is left behind, and no run is trained twice."""

import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.app_studies import ONE_SEED, OURS, AppStudy, write_app
from tests.faults.harness import kill, wait_for

SLOW_RUN = """
time.sleep(60 if os.path.exists("wait") and cfg.x else 0)
return cfg.x / 4
"""
"""Candidates wait as long as there is a file, named by a relative path; the baseline does not."""
GRID = ("x=1,2", "hydra.sweeper.executor.n_slots=2", "hydra.sweeper.study.grace_s=2")
RUNS = Counter({"good 0 0": 1, "good 1 0": 1, "good 2 0": 1})
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
FAMILY = """
import subprocess
sleep = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"])
"""


def slow_study(folder: Path, body: str = SLOW_RUN, *words: str) -> AppStudy:
    """A study of three runs, of which the two candidates wait."""
    write_app(folder, body)
    (folder / "wait").touch()
    return AppStudy(folder, ["app.py", "-m", OURS, *ONE_SEED, *GRID, *words])


def wait_for_both(study: AppStudy) -> None:
    """Until the baseline is known, and both candidates have begun."""
    wait_for(lambda: study.starts() == RUNS and len(study.of_runs()) >= 2)
    wait_for(lambda: study.rows()[0, 0][0] == "COMPLETE")


@pytest.mark.slow  # quick: tests/sweeper/worker/test_program.py, a killed worker
def test_no_process_outlives_a_killed_parent_and_the_same_command_trains_what_is_missing(
    tmp_path: Path,
) -> None:
    study = slow_study(tmp_path, FAMILY + SLOW_RUN)
    parent = study.start()
    wait_for_both(study)
    assert kill(parent.pid)
    parent.wait()
    study.wait_until_empty()
    (tmp_path / "wait").unlink()
    printed = study.run()
    assert study.starts() == RUNS + Counter({"good 1 0": 1, "good 2 0": 1})
    assert {state for state, _, _ in study.rows().values()} == {"COMPLETE"}
    assert "3 runs planned" in printed
    assert study.run() != ""
    assert study.starts().total() == 5  # nothing is trained again
    assert (study.folder_of("x=1") / "app.1" / "app.log").exists()


@pytest.mark.slow  # quick: tests/sweeper/worker/test_program.py, one run
def test_a_killed_worker_leaves_nobody_and_costs_an_attempt(tmp_path: Path) -> None:
    study = slow_study(tmp_path, FAMILY + SLOW_RUN, "hydra.sweeper.executor.n_slots=1", "x=choice(1)")
    parent = study.start()
    wait_for(lambda: study.starts()["good 1 0"] == 1 and len(study.of_runs()) >= 5)
    orphans = set(study.of_runs())
    (tmp_path / "wait").unlink()
    assert kill(study.workers()[0])
    assert parent.wait(60) == 0
    assert not orphans & set(study.of_runs())
    study.wait_until_empty()
    assert study.starts() == Counter({"good 0 0": 1, "good 1 0": 2})
    assert [row[:2] for row in study.rows().values()] == [("COMPLETE", 1), ("COMPLETE", 2)]


@pytest.mark.slow  # quick: tests/faults/test_interruptions.py, of a task
@pytest.mark.parametrize(("handling", "n_times"), [("", 1), (STUBBORN, 2)])
def test_ctrl_c_ends_every_process_and_twice_at_once(handling: str, n_times: int, tmp_path: Path) -> None:
    patience = "hydra.sweeper.study.grace_s=600" if handling else "seed=0"
    study = slow_study(tmp_path, handling + SLOW_RUN, patience)
    parent = study.start()
    wait_for_both(study)
    for n_told in range(n_times):
        kill(parent.pid, signal.SIGINT)
        if n_told == 0 and n_times == 2:
            wait_for(lambda: "SIGINT" in study.output())
    assert parent.wait(20) == 130
    study.wait_until_empty()
    assert "Traceback" not in study.output()
    (tmp_path / "wait").unlink()
    study.run()
    assert study.starts() == RUNS + Counter({"good 1 0": 1, "good 2 0": 1})


@pytest.mark.slow  # quick: tests/sweeper/worker/test_program.py, a fifth of it
def test_an_app_may_print_100_mb_and_have_its_own_folder_as_the_present_one(tmp_path: Path) -> None:
    body = """
    from hydra.utils import to_absolute_path
    for _ in range(1000):
        print("x" * 99_999)
    open("here.txt", "w").close()
    return float(open(to_absolute_path("data.txt")).read()) + cfg.x
    """
    write_app(tmp_path, body)
    (tmp_path / "data.txt").write_text("0.5")
    study = AppStudy(tmp_path, ["app.py", "-m", OURS, *ONE_SEED, "x=choice(1)", "hydra.job.chdir=true"])
    printed = study.run()
    assert len(printed) < 10_000
    assert (study.folder_of("x=1") / "app" / "here.txt").exists()
    assert (study.folder_of("x=1") / "log.txt").stat().st_size > 100_000_000
    assert study.trials()["x=1"]["value"] == 1.5


@pytest.mark.slow  # quick: tests/sweeper/app/test_specs.py
def test_a_changed_source_file_is_another_study_and_nothing_of_the_old_one_is_used(tmp_path: Path) -> None:
    write_app(tmp_path, "import model_of_app; return model_of_app.f(cfg.x)")
    (tmp_path / "model_of_app.py").write_text("def f(x): return x")
    words = [word for word in ONE_SEED if "study_name" not in word]
    study = AppStudy(tmp_path, ["app.py", "-m", OURS, *words, "x=choice(1)", "+m._target_=model_of_app.f"])
    first, again = (re.findall(r"^study (\S+): ", study.run(), re.MULTILINE) for _ in range(2))
    (tmp_path / "model_of_app.py").write_text("def f(x): return 2 * x")
    printed = study.run()
    other = re.findall(r"^study (\S+): ", printed, re.MULTILINE)
    assert first == again != other
    assert f"the code of app has changed since {first[0]} was made: this is another study" in printed
    assert study.starts() == Counter({"good 0 0": 2, "good 1 0": 2})


RESUMING = """
from hydra.core.hydra_config import HydraConfig
path = os.path.join(HydraConfig.get().runtime.output_dir, "last.txt")
began = int(open(cfg.ckpt).read()) if cfg.ckpt else 0
for step in range(began, 5):
    open(path, "w").write(str(step))
    if cfg.x and step == 3 and os.path.exists("wait"):
        time.sleep(600)
return {"objective": cfg.x / 4, "began": began}
"""


@pytest.mark.slow  # quick: tests/sweeper/app/test_specs.py
def test_an_interrupted_run_goes_on_from_its_file_where_the_app_can_and_that_is_told(tmp_path: Path) -> None:
    resume = "hydra.sweeper.app.resume={key: ckpt, file: last.txt}"
    study = slow_study(tmp_path, RESUMING, resume)
    parent = study.start()
    wait_for_both(study)
    wait_for(lambda: all(_kept(study, name) == "3" for name in ("x=1", "x=2")))
    assert kill(parent.pid)
    parent.wait()
    study.wait_until_empty()
    (tmp_path / "wait").unlink()
    study.run()
    assert study.starts() == RUNS + Counter({"good 1 0": 1, "good 2 0": 1})
    for trial in (1, 2):
        result = study.rows()[trial, 0][2]
        assert result["metrics"]["val/began"] == 3
        assert any("goes on from" in incident for incident in result["incidents"])
    assert not (study.folder_of("x=1") / "app.1").exists()


def _kept(study: AppStudy, name: str) -> str:
    found = list(study.results.glob(f"trials/*-{name}/seed0/app/last.txt"))
    return found[0].read_text() if found else ""
