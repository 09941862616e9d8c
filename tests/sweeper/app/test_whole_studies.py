"""Whole studies of tiny programs, started as a user starts them."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.commands import summary, sweeper
from tests.faults.app_studies import ONE_SEED, OURS, AppStudy, write_app
from tests.sweeper.app.apps import write

OTHER = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
FAILING = """
if cfg.mode == "raise":
    raise ValueError("too much")
if cfg.mode == "exit":
    print("no data")
    sys.exit(3)
if cfg.mode == "segfault":
    import ctypes
    ctypes.string_at(0)
if cfg.mode == "hang":
    time.sleep(100)
return float("nan") if cfg.mode == "not_a_number" else cfg.x / 4
"""
REASONS = {
    "raise": "ValueError: too much (app.py:13)",
    "exit": "exit code 3: no data",
    "not_a_number": "val/objective is nan (returned)",
    "segfault": "killed by SIGSEGV (a segmentation fault; the log shows where)",
    "hang": "hangs: it has neither printed, nor reported, nor computed for 2.0 s.",
}
QUICK = ("raise", "exit")
CMD = ("tracking=none", "study_name=s", "study.confirm_seeds=0", "study.n_seeds=1", "executor.n_slots=1")


@pytest.mark.parametrize(
    "modes",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param(tuple(mode for mode in REASONS if mode not in QUICK), marks=pytest.mark.slow, id="long"),
    ],
)
def test_a_failing_app_is_a_failed_trial_that_says_why_and_the_study_goes_on(
    modes: tuple[str, ...], tmp_path: Path
) -> None:
    write_app(tmp_path, FAILING)
    named = ", ".join([*(f"{mode}: ['mode={mode}']" for mode in modes), "sound: ['x=-1']"])
    trials = f"hydra.sweeper.study.trials={{{named}}}"
    patience = ("hydra.sweeper.executor.silence_s=2", "hydra.sweeper.max_failure_rate=1")
    study = AppStudy(tmp_path, ["app.py", "-m", OURS, *ONE_SEED, trials, *patience])
    printed = study.run()
    for mode in modes:
        assert f"{mode} failed: seed 0: {REASONS[mode]}" in printed
    assert {name: trial["state"] for name, trial in study.trials().items()} == {
        **dict.fromkeys(modes, "FAILED"),
        "baseline": "COMPLETE",
        "sound": "COMPLETE",
    }
    assert study.starts().total() == len(modes) + 2
    by_hand = subprocess.run(
        shlex.join(study.job("sound")["argv"]), shell=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert study.starts()["good -1 0"] == 2


def test_an_app_that_hands_over_a_test_split_and_examples_is_judged_on_it(tmp_path: Path) -> None:
    """Its configuration sweeps by itself, with the other plugin's class; one run by hand does neither."""
    body = """
    from sweeper import report
    values = [0.0, 0.5, 1.0, 0.5] if cfg.x else [0.0, 0.5, 0.0, 0.5]
    report.examples("acc", values)
    return {"val/acc": 0.5 + cfg.x / 8, "inner": {"lr": 1}, "note": "no number"}
    """
    of_hydra = f"{{mode: MULTIRUN, sweeper: {{_target_: {OTHER}}}}}"
    config = f"{{seed: 0, mode: good, x: 0, optimized_metric: val/acc, hydra: {of_hydra}}}"
    write_app(tmp_path, body, config)
    words = (*ONE_SEED, "hydra.sweeper.direction=max", "x=choice(1)")
    study = AppStudy(tmp_path, ["-m", "sweeper", "run", "app.py", *words])
    printed = study.run()
    assert "returned, and no number: note" in (study.folder_of("x=1") / "log.txt").read_text()
    trial = study.trials()["x=1"]
    assert (trial["value"], trial["test"]) == (0.625, 0.5)
    assert "validation, which also chose it" not in printed
    by_hand = yaml.safe_load((study.folder_of("x=1").parents[2] / "best.yaml").read_text())["command"]
    again = subprocess.run(
        f"PATH={Path(sys.executable).parent}:$PATH; {by_hand}", shell=True, cwd=tmp_path, capture_output=True
    )
    assert (again.returncode, study.starts()["good 1 0"]) == (0, 2)


@pytest.mark.slow  # quick: tests/sweeper/study/test_objectives.py, of a task
def test_a_module_that_returns_a_tuple_has_a_front(tmp_path: Path) -> None:
    write_app(tmp_path, "return cfg.x, cfg.x ** 2", script="package/train.py")
    (tmp_path / "package" / "__init__.py").touch()
    judged = ("hydra.sweeper.app.metric=[gain,cost]", "hydra.sweeper.direction=[maximize,minimize]")
    study = AppStudy(
        tmp_path, ["-m", "sweeper", "run", "--module", "package.train", *ONE_SEED, *judged, "x=choice(2)"]
    )
    study.run()
    assert study.job("x=2")["argv"][1:3] == ["-m", "package.train"]
    began = (tmp_path / "package" / "starts.txt").read_text().splitlines()
    assert sorted(began) == ["good 0 0", "good 2 0"]
    assert study.trials()["x=2"]["difference"] == [2.0, 4.0]
    assert summary(tmp_path)["verdict"] == "front"


def test_a_command_writes_its_results_where_it_is_told(tmp_path: Path) -> None:
    source = """
    import json, sys
    x, seed, out = sys.argv[1:]
    json.dump({"val/acc": float(x) / 4 + int(seed), "test/acc": float(x) / 8}, open(out, "w"))
    """
    write(tmp_path, {"a program.py": source})
    template = f"{shlex.quote(sys.executable)} 'a program.py' {{x}} {{seed}} {{out}}"
    sweeper(tmp_path, "run", "--cmd", template, *CMD, "x=1,2", "baseline.x=0", "metric=val/acc:max", "seed=3")
    trials = {trial["name"]: trial for trial in summary(tmp_path)["trials"]}
    assert (trials["x=2"]["value"], trials["x=2"]["test"]) == (3.5, 0.25)


def test_results_of_a_command_outlive_their_database(tmp_path: Path) -> None:
    """Figures alone, as most programs have them: there are no records, and none are missed."""
    source = """
    import json, sys
    open("starts", "a").write("x")
    if sys.argv[1] == "3":
        sys.exit(1)
    json.dump({"val/acc": float(sys.argv[1])}, open(sys.argv[2], "w"))
    """
    write(tmp_path, {"train.py": source})
    words = ("run", "--cmd", f"{sys.executable} train.py {{x}} {{out}}", *CMD, "x=1,2,3", "baseline.x=0")
    sweeper(tmp_path, *words, "metric=val/acc:max", "study.max_failure_rate=0.9")
    (tmp_path / "results/studies.db").unlink()
    said = sweeper(tmp_path, *words, "metric=val/acc:max", "study.max_failure_rate=0.9")
    assert "4 results are taken over" in " ".join(said.split())
    assert (tmp_path / "starts").read_text() == "xxxx"


def test_the_last_match_of_a_pattern_is_the_result(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": "import sys\nprint('acc=0.1')\nprint('acc=0.%s' % sys.argv[1])"})
    words = ("x=2,3", "baseline.x=1", "metric=acc:max", r"pattern.acc=acc=(\S+)")
    sweeper(tmp_path, "run", "--cmd", f"{sys.executable} train.py {{x}}", *CMD, *words)
    assert {trial["name"]: trial["value"] for trial in summary(tmp_path)["trials"]} == {
        "baseline": 0.1,
        "x=2": 0.2,
        "x=3": 0.3,
    }


def test_runs_that_report_are_pruned(tmp_path: Path) -> None:
    """With one slot the better ones come first: each that follows is behind at its first rung."""
    source = """
    import sys
    from sweeper import report
    for step in (1, 2, 3, 4):
        report(step, {"acc": float(sys.argv[1])})
        print(step)
    """
    write(tmp_path, {"train.py": source})
    words = ("x=9,8,1,0", "baseline.x=5", "metric=acc:max", "pruner=asha", "pruner.reduction_factor=2")
    sweeper(tmp_path, "run", "--cmd", f"{sys.executable} train.py {{x}}", *CMD, *words)
    trials = {trial["name"]: trial for trial in summary(tmp_path)["trials"]}
    assert [trials[name]["state"] for name in ("baseline", "x=9", "x=0")] == [
        "COMPLETE",
        "COMPLETE",
        "PRUNED",
    ]
